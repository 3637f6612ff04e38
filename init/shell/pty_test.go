package shell

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// session is sh on a pseudo terminal.
type session struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	mu     sync.Mutex
	output strings.Builder
	seen   int // output already matched
}

func startSession(t *testing.T, size *unix.Winsize, env ...string) *session {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if size != nil {
		if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size); err != nil {
			t.Fatal(err)
		}
	}
	bin := binFolder(t)
	s := &session{t: t, master: os.NewFile(uintptr(fd), "ptmx")}
	s.cmd = &exec.Cmd{
		Path: filepath.Join(bin, "sh"), Args: []string{"sh"}, Dir: t.TempDir(),
		Env:   append([]string{"PATH=" + bin, "HOME=/nowhere", "TERM=vt102", "PS1=READY> "}, env...),
		Stdin: slave, Stdout: slave, Stderr: slave,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := s.master.Read(buffer)
			s.mu.Lock()
			s.output.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		s.master.Close()
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
	return s
}

func (s *session) send(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits for text in the output that was not matched before.
func (s *session) expect(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		out := s.output.String()
		s.mu.Unlock()
		if i := strings.Index(out[s.seen:], text); i >= 0 {
			s.seen += i + len(text)
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %q; got %q", text, out[s.seen:])
		}
	}
}

// until waits for a state.
func (s *session) until(what string, reached func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !reached(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// begin types a command and waits until the shell runs it, that is until the terminal puts lines together again.
func (s *session) begin(line string) {
	s.t.Helper()
	together := func() (together bool) {
		s.control(func(fd int) {
			modes, err := unix.IoctlGetTermios(fd, unix.TCGETS)
			together = err == nil && modes.Lflag&unix.ICANON != 0
		})
		return together
	}
	s.until("the line editor", func() bool { return !together() })
	s.send(line + "\r")
	s.expect(line)
	s.until("the command", together)
	time.Sleep(100 * time.Millisecond) // most often it is under way then; Ctrl-C must do before, too
}

// foreground waits until the terminal belongs to another process than the shell.
func (s *session) foreground() {
	s.t.Helper()
	s.until("a process in the foreground", func() (other bool) {
		s.control(func(fd int) {
			group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
			other = err == nil && group != s.cmd.Process.Pid
		})
		return other
	})
}

// control hands out the descriptor without making it one that blocks, as Fd does.
func (s *session) control(use func(fd int)) {
	s.t.Helper()
	conn, err := s.master.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) { use(int(fd)) }); err != nil {
		s.t.Fatal(err)
	}
}

var normalSize = &unix.Winsize{Row: 24, Col: 80}

func TestCtrlCKillsTheCommandAndNotTheShell(t *testing.T) {
	for _, line := range []string{"sleep 100", "sleep 100 | cat", "cat | cat", "while true; do true; done", "read x",
		"for i in 1 2 3; do sleep 100; done", "sleep 100 & wait", "echo $(sleep 100)", "yes > /dev/null"} {
		t.Run(line, func(t *testing.T) {
			s := startSession(t, normalSize)
			s.expect("READY> ")
			s.begin(line)
			s.send("\x03")
			s.expect("READY> ")
			s.send("echo status $?\r")
			s.expect("status 130")
		})
	}
}

func TestCtrlBackslashKillsTheCommand(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	s.send("ulimit -c 0; sleep 100\r")
	s.expect("sleep 100")
	s.foreground()
	s.send("\x1c")
	s.expect("READY> ")
}

func TestStoppedJobComesBack(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	s.send("cat\r")
	s.expect("cat\r\n")
	s.foreground()
	s.send("\x1a")
	s.expect("stopped  cat")
	s.expect("READY> ")
	s.send("jobs\r")
	s.expect("[1] stopped  cat")
	s.send("fg\r")
	s.expect("cat\r\n")
	s.foreground()
	s.send("hello\r")
	s.expect("hello\r\nhello\r\n")
	s.send("\x04")
	s.expect("READY> ")
}

func TestBackgroundJob(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	s.send("sleep 0.3 &\r")
	s.expect("[1] ")
	s.expect("READY> ")
	s.send("wait; echo waited\r")
	s.expect("\r\nwaited")
	s.send("sleep 100 &\r")
	s.expect("READY> ")
	s.send("kill %1; wait %1; echo killed $?\r")
	s.expect("killed 143")
	s.send("sleep 100 &\r")
	s.expect("READY> ")
	s.send("kill %1; sleep 0.5; jobs\r")
	s.expect("[1] terminated sleep 100")
}

func TestUnfinishedLineIsContinued(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	s.send("if true\r")
	s.expect("> ")
	s.send("then echo o''k; fi\r")
	s.expect("\r\nok")
	s.expect("READY> ")
	s.send("exit 7\r")
	if err := s.cmd.Wait(); s.cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("got %v, want exit status 7", err)
	}
}

func TestCtrlCGivesUpTheLineOfADumbTerminal(t *testing.T) {
	s := startSession(t, normalSize, "TERM=dumb")
	s.expect("READY> ")
	s.send("echo 'not ended\r")
	s.expect("> ")
	s.send("\x03")
	s.expect("READY> ")
	s.send("echo status $?\r")
	s.expect("\r\nstatus 130")
}

func TestUnknownSizeIsAskedForAndTold(t *testing.T) {
	s := startSession(t, nil)
	s.expect("\x1b[6n")
	s.send("\x1b[33;111R")
	s.expect("READY> ")
	s.send("stty size\r")
	s.expect("33 111")
}

func TestTerminalThatDoesNotAnswerCostsASecond(t *testing.T) {
	s := startSession(t, nil)
	s.expect("READY> ")
	s.send("\x1b[33;111R") // late, and must not become text
	s.send("echo a''b\r")
	s.expect("\r\nab\r\n")
}

func TestLongPasteLosesNothing(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "line %03d of a paste without marks\n", i)
	}
	s.send("cat > pasted <<'END'\r")
	go s.master.WriteString(strings.ReplaceAll(text.String(), "\n", "\r") + "END\recho do''ne\r")
	s.expect("\r\ndone")
	got, err := os.ReadFile(filepath.Join(s.cmd.Dir, "pasted"))
	if err != nil || string(got) != text.String() {
		t.Errorf("got %d bytes (%v), want %d; output %q", len(got), err, text.Len(), s.output.String())
	}
}

func TestHangUpEndsShellAndJobs(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	s.send("sleep 1000 & echo pid=$!\r")
	s.expect("\r\npid=")
	digits := s.seen
	s.expect("READY> ")
	var pid int
	s.mu.Lock()
	fmt.Sscanf(s.output.String()[digits:], "%d", &pid)
	s.mu.Unlock()
	s.master.Close()
	s.cmd.Wait()
	for range 3000 { // a minute, for slow hosts
		if syscall.Kill(pid, 0) == syscall.ESRCH {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("job %d outlives the terminal", pid)
}

func TestTerminalSettingsAreRestored(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	s.send("sh -c 'stty raw -echo; exit 3'\r")
	s.expect("READY> ")
	s.send("stty -a\r")
	s.expect(" icanon")
	s.expect(" echo ")
}

func TestTypingCostsOneByteAKey(t *testing.T) {
	s := startSession(t, normalSize)
	s.expect("READY> ")
	for i, b := range "echo" {
		s.send(string(b))
		s.until("an echo", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.output.Len() > s.seen+i
		})
		time.Sleep(30 * time.Millisecond) // for more than that, if there is
	}
	s.mu.Lock()
	got := s.output.String()[s.seen:]
	s.mu.Unlock()
	if got != "echo" {
		t.Errorf("got %q, want %q", got, "echo")
	}
}
