// Command login runs in the machine of `bench ssh`: it logs in to SSH servers of that machine, gets a terminal and a shell, waits
// for its prompt, and says in the kernel's log what that took.
//
//	login KEY NAME=PORT...
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

const rounds = 6 // the first finds nothing of the server in memory, and does not count

func main() {
	log, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err == nil {
		err = run(log, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(log, "bench: login:", err)
		os.Exit(1)
	}
}

func run(log io.Writer, args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	for round := range rounds {
		for _, server := range args[1:] {
			name, port, _ := strings.Cut(server, "=")
			before, begin := used(), time.Now()
			if err := login("127.0.0.1:"+port, key); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			took := time.Since(begin)
			if own := used() - before; round > 0 {
				fmt.Fprintf(log, "bench: login %s %d %d\n", name, took.Microseconds(), own.Microseconds())
			}
			time.Sleep(2 * time.Second) // servers let nobody in too often
		}
	}
	return nil
}

// used is the processor's time that this process has taken.
func used() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func login(address string, key ssh.Signer) error {
	client, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		// All servers agree with the client on the same: what dropbear has.
		Config: ssh.Config{KeyExchanges: []string{"curve25519-sha256"}, Ciphers: []string{"chacha20-poly1305@openssh.com"}},
	})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	if err := session.RequestPty("vt100", 24, 80, ssh.TerminalModes{}); err != nil {
		return err
	}
	shown, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	if err := session.Shell(); err != nil {
		return err
	}
	said := ""
	for piece := make([]byte, 1000); !strings.HasSuffix(said, "# "); {
		n, err := shown.Read(piece)
		if said += string(piece[:n]); err != nil {
			return fmt.Errorf("no prompt, only %q: %w", said, err)
		}
	}
	return nil
}
