package supervise

import (
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestAProcessHasTheFilesThatItIsGiven(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	var ends [4][2]*os.File // in, out, err, line: read, write
	for i := range ends {
		read, write, err := os.Pipe()
		r.must(err)
		defer read.Close()
		defer write.Close()
		ends[i] = [2]*os.File{read, write}
	}
	o, err := r.Begin(Definition{Argv: shell("read word; echo out $word; echo err $word >&2; echo line $word $NOTIFY_FD >&3; ls /proc/self/fd >&3; exit 7")},
		Files{In: ends[0][0], Out: ends[1][1], Err: ends[2][1], Line: ends[3][1]})
	r.must(err)
	for i := 1; i < len(ends); i++ {
		ends[i][1].Close()
	}
	_, err = ends[0][1].WriteString("hello\n")
	r.must(err)
	for i, want := range []string{"out hello\n", "err hello\n", "line hello\n0\n1\n2\n3\n"} {
		text, err := io.ReadAll(ends[i+1][0])
		// What ls opens itself is one more.
		if err != nil || !strings.HasPrefix(string(text), want) || strings.Count(string(text), "\n") > strings.Count(want, "\n")+1 {
			t.Errorf("got %q, %v, want %q", text, err, want)
		}
	}
	<-o.Done()
	if status, err := o.Result(); err != nil || status.ExitStatus() != 7 {
		t.Errorf("got %v, %v", status, err)
	}
}

func TestAProcessIsSignalledAndKilledWithAllThatItHasStarted(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	read, write, err := os.Pipe()
	r.must(err)
	defer read.Close()
	for _, c := range []struct {
		script string
		end    func(*Once)
		want   syscall.Signal
	}{
		{"sleep 1000 & echo; wait", func(o *Once) { o.Signal(syscall.SIGHUP) }, syscall.SIGHUP},
		{"trap '' HUP; sleep 1000 & echo; while :; do sleep 1000; done", func(o *Once) { o.Signal(syscall.SIGHUP); o.Kill() }, syscall.SIGKILL},
	} {
		o, err := r.Begin(Definition{Argv: shell(c.script)}, Files{Out: write})
		r.must(err)
		var b [1]byte
		_, err = read.Read(b[:])
		r.must(err)
		c.end(o)
		<-o.Done()
		if status, err := o.Result(); err != nil || !status.Signaled() || status.Signal() != c.want {
			t.Errorf("%s: got %v, %v", c.script, status, err)
		}
		o.Signal(syscall.SIGKILL) // whoever has the number now is not meant
		o.Kill()
	}
	r.nothingLeft()
}

func TestWhatAProcessLeavesBehindIsItsCallers(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	read, write, err := os.Pipe()
	r.must(err)
	defer read.Close()
	// The process ends at once; what it has started takes its time over what it is told.
	o, err := r.Begin(Definition{Argv: shell("(trap 'sleep 0.1; echo saved; exit' HUP; echo; while :; do sleep 0.01; done) & read line <&3")}, Files{Out: write, Line: read, Spare: true})
	r.must(err)
	write.Close()
	<-o.Exited()
	select {
	case <-o.Done():
		t.Fatal("nothing is left")
	default:
	}
	o.HangUp()
	<-o.Done()
	if text, err := io.ReadAll(read); err != nil || string(text) != "saved\n" {
		t.Errorf("got %q, %v", text, err)
	}
	o.HangUp()
	r.nothingLeft()
}

func TestAProcessThatCannotBecomeItsProgramSaysWhy(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	o, err := r.Begin(Definition{Argv: []string{"/none/such"}}, Files{})
	r.must(err)
	<-o.Done()
	if _, err := o.Result(); err == nil || !strings.Contains(err.Error(), "exec /none/such") {
		t.Errorf("got %v", err)
	}
}
