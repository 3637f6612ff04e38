package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/control"
	"bantam/init/pid1"
	"bantam/init/session"
	"bantam/init/shell"
	"bantam/init/supervise"
	"bantam/password"
	"bantam/tty"
)

// Limits of a login. After a wrong password the next one waits, so that nobody tries many; who is silent is hung up on, and
// the prompt sleeps again.
const (
	firstDelay   = time.Second
	mostDelay    = 32 * time.Second
	silenceLimit = time.Minute
)

// hungUp is the exit status of a program whose line is gone, or as good as that.
const hungUp = 128 + int(unix.SIGHUP)

// loginDelay is from the password to the answer that it was wrong, after so many others.
func loginDelay(failures int) time.Duration {
	return min(firstDelay<<min(failures, 10), mostDelay)
}

// login asks who is at a terminal for name and password, and becomes his shell there; on a rescue console, root's. It waits for the
// name as little as a shell does for its first key; see supervise.Doze. args are woken and how often it has failed.
func login(name, how string, args []string) int {
	failures := 0
	if len(args) > 1 {
		failures, _ = strconv.Atoi(args[1])
	}
	if len(args) == 0 {
		tty.Reset(0)
		_ = unix.IoctlSetInt(0, unix.TCFLSH, unix.TCIFLUSH)
		fmt.Print("\n" + control.Where(name))
	}
	// A ^C would end the delay, and the count of failures with it.
	if _, err := tty.Set(os.Stdin, func(t *unix.Termios) { t.Lflag &^= unix.ISIG }); err != nil {
		fmt.Fprintln(os.Stderr, "bantam-console:", err)
		return hungUp
	}
	for {
		if len(args) == 0 {
			host, _ := os.Hostname()
			fmt.Print(strings.TrimPrefix(host+" login: ", "(none) "))
			_ = supervise.Doze([]string{pid1.ConsoleName, name, how, woken, strconv.Itoa(failures)}) // without, it waits itself
		}
		args = nil
		user, open := readWord()
		if !open {
			return hungUp
		}
		if user == "" {
			continue
		}
		silence := time.AfterFunc(silenceLimit, func() { os.Exit(hungUp) })
		text, err := tty.Hidden(os.Stdin, os.Stdout, "Password: ")
		silence.Stop()
		if err != nil || len(text) > password.Most {
			continue
		}
		began := time.Now()
		account, good := session.ReadFiles().Password(user, []byte(text))
		if good && (how != pid1.RescueLogin || account.UID == 0) {
			return enter(name, how, account)
		}
		time.Sleep(time.Until(began.Add(loginDelay(failures)))) // also what a name that is known would take longer
		failures++
		pid1.Logf(pid1.Info, "a login at %s has failed", name)
		fmt.Println("That is not right.")
	}
}

// readWord reads a line that the terminal gives whole. It is not open when the line has hung up; what was ended in another way, or is
// too long to be meant, is empty.
func readWord() (word string, open bool) {
	buf := make([]byte, 4096) // the longest line of a terminal
	n, err := unix.Read(0, buf)
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return "", true
	case err != nil:
		return "", false
	case n == 0: // ^D; a line that has hung up says that as well, and then again and again
		line := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}}
		_, _ = unix.Poll(line, 0)
		fmt.Println()
		return "", line[0].Revents&(unix.POLLHUP|unix.POLLERR) == 0
	case n > password.Most || bytes.ContainsAny(buf[:n], "\x00:"):
		return "?", true // nobody's name: it is asked for the password as everybody is
	}
	return strings.TrimSpace(string(buf[:n])), true
}

// enter becomes the shell of who has logged in.
func enter(name, how string, account session.Account) int {
	pid1.Logf(pid1.Info, "%s has logged in at %s", account.Name, name)
	greeting, _ := control.Greeting(name)
	fmt.Print(greeting)
	tty.Reset(0)
	if how == pid1.RescueLogin {
		return shell.Main([]string{"-sh"})
	}
	if err := unix.Fchown(0, int(account.UID), int(account.GID)); err != nil {
		fmt.Fprintln(os.Stderr, "bantam-console:", err)
		return 1
	}
	_ = unix.Fchmod(0, 0o600)
	err := supervise.Become(account.Login("TERM=" + os.Getenv("TERM")))
	fmt.Fprintln(os.Stderr, "bantam-console:", err)
	time.Sleep(firstDelay) // it is there to be read
	return 1
}
