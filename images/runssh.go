package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"bantam/board"
	"bantam/system"
)

// How a machine in QEMU is reached by SSH: a TCP port of this host's 127.0.0.1 is forwarded to it.

// sshForward is that port, and what this host knows of the machine's SSH server.
type sshForward struct {
	port   int            // of 127.0.0.1; 0: nothing is forwarded
	server int            // of the machine
	system *system.System // the image's; nil: not known
}

// forwardSSH finds the ports. The machine's is that of the generation beside the image, where bantam build leaves it; of an image
// that came alone it is taken for the usual one.
func (o RunOptions) forwardSSH() (sshForward, error) {
	f := sshForward{system: o.builtSystem()}
	if f.system != nil {
		f.server = f.system.SSH.Port
	} else {
		usual, _ := system.Parse("", nil)
		f.server = usual.SSH.Port
	}
	l, err := net.Listen("tcp4", loopback(o.SSHPort)) // free now, and a port that is taken is told before the machine starts
	if err != nil {
		return f, fmt.Errorf("--ssh: %w", err)
	}
	defer l.Close()
	f.port = l.Addr().(*net.TCPAddr).Port
	return f, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// builtSystem is the system.toml of the board's generation in the store beside the image, nil if there is none.
func (o RunOptions) builtSystem() *system.System {
	store, _, g, err := lastGeneration(filepath.Join(filepath.Dir(o.Image), "store"), o.Board)
	if err != nil {
		return nil
	}
	text, err := store.Blob(g.System.Digest)
	if err != nil {
		return nil
	}
	if sys, problems := system.Parse("system.toml", text); len(problems) == 0 {
		return sys
	}
	return nil
}

// checkSSH finds a network that is not ours to forward a port of.
func (o RunOptions) checkSSH() error {
	own := ownNetwork(o.Args)
	if !o.SSH || own == "" {
		return nil
	}
	return fmt.Errorf("--ssh forwards a port of the default network, which that of %s replaces; without --ssh, forward one there, e.g. -nic user,model=virtio-net-pci,hostfwd=tcp:%s-:22", own, loopback(2222))
}

// network are QEMU's arguments for the default network of a machine.
func (f sshForward) network(q board.QEMU) []string {
	usual := networkOf(q)
	if f.port == 0 {
		return usual
	}
	last := len(usual) - 1
	return append(usual[:last:last], fmt.Sprintf("%s,hostfwd=tcp:%s-:%d", usual[last], loopback(f.port), f.server))
}

// about says how to log in, a line for each user who may.
func (f sshForward) about() (text string) {
	command := func(user string) string { return fmt.Sprintf("ssh -p %d %s@127.0.0.1", f.port, user) }
	if f.system == nil {
		return "To log in once the machine is up: " + command("root") + "\n"
	}
	users := f.system.LogIns()
	if len(users) == 0 {
		return "Nobody can log in by SSH as long as no user has authorized_keys; then: " + command("USER") + "\n"
	}
	for _, user := range users {
		text += "To log in once the machine is up: " + command(user) + "\n"
	}
	return text
}

// tellHostKey prints the machine's line for a file of known hosts as soon as it answers, or nothing if ctx ends before. QEMU takes a
// connection at any time and the machine answers when it can: each attempt has a step of time more than the last.
func (f sshForward) tellHostKey(ctx context.Context, out io.Writer, step time.Duration) {
	const most = 30 * time.Second
	for limit := step; ; limit = min(limit+step, most) {
		if line, err := knownHost(ctx, loopback(f.port), limit); err == nil {
			fmt.Fprintf(out, "\r\n%s\n", line) // wherever the machine's cursor is
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(step):
		}
	}
}

// inBackground does the work until it is done or the function that is returned has ended it.
func inBackground(ctx context.Context, work func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { work(ctx) })
	return func() {
		cancel()
		working.Wait()
	}
}

// knownHost asks an SSH server for its host key, and hangs up when the server has proved that it has it.
func knownHost(ctx context.Context, address string, limit time.Duration) (line string, err error) {
	ctx, end := context.WithTimeout(ctx, limit)
	defer end()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	enough := errors.New("the host key is known")
	_, _, _, err = ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			line = knownhosts.Line([]string{address}, key)
			return enough
		},
	})
	if line == "" {
		return "", err
	}
	return line, nil
}

// inTurns lets several write to what takes one at a time.
type inTurns struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *inTurns) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}
