package control

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bantam/editor/keys"
	"bantam/tty"
)

const confirmHelp = `Within the time given to --confirm of switch, test, boot and rollback. From any console; the one
that the switch was started on asks by itself.`

// answer is what a person says to a generation that waits to be kept.
type answer int

const (
	silence answer = iota
	keepIt
	goBack
)

// A question is asked on the terminal that a switch was started on, while it waits for a person's word. Where keys come
// one by one the seconds count down in place, in few bytes: the line may do 9600 baud. Elsewhere a line is the answer.
type question struct {
	in, out *os.File
	lines   bool          // the terminal is dumb
	mine    func() bool   // the terminal listens to this process now
	second  time.Duration // replaced by tests

	stop  *os.File // closed to withdraw the question
	ended chan struct{}
	once  sync.Once
}

// canAsk says whether somebody may sit there who sees the question.
func canAsk() bool { return tty.Is(os.Stdin) && tty.Is(os.Stdout) && foreground() }

// foreground is false in a job that runs in the background: what is typed then is another's.
func foreground() bool {
	group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// newQuestion is for this process' own terminal.
func newQuestion() *question {
	_, cols := tty.Size(os.Stdout)
	narrow := cols > 0 && cols < len("86400 s ")+len(asked)+1 // it may take two rows, and \r would not lead back to its start
	return &question{in: os.Stdin, out: os.Stdout, lines: os.Getenv("TERM") == "dumb" || narrow, mine: foreground, second: time.Second}
}

// ask asks until left has passed, somebody answers, the terminal is gone, or withdraw is called. said gets an answer,
// once the terminal is as it was before.
func (q *question) ask(left time.Duration, said func(answer)) error {
	stopped, stop, err := os.Pipe()
	if err != nil {
		return err
	}
	q.stop, q.ended = stop, make(chan struct{})
	restore := func() {}
	if !q.lines {
		if restore, err = tty.Set(q.in, tty.Keys); err != nil {
			stopped.Close()
			stop.Close()
			return err
		}
	}
	// What was typed before answers something else.
	_ = unix.IoctlSetInt(int(q.in.Fd()), unix.TCFLSH, unix.TCIFLUSH)
	go func() {
		a := q.await(stopped, left)
		if q.mine() { // else the kernel would stop this process for it
			restore()
		}
		fmt.Fprint(q.out, "\n")
		stopped.Close()
		close(q.ended)
		if a != silence {
			said(a)
		}
	}()
	return nil
}

// withdraw ends the question and gives the terminal back.
func (q *question) withdraw() {
	q.once.Do(func() {
		q.stop.Close()
		<-q.ended
	})
}

const asked = "left: Enter or y keeps it, n goes back "

// await shows the question and reads until there is an answer.
func (q *question) await(stopped *os.File, left time.Duration) answer {
	end := time.Now().Add(left)
	width := len(seconds(left, 0))
	if q.lines {
		fmt.Fprintf(q.out, "%s %s", seconds(left, width), asked)
	} else {
		fmt.Fprintf(q.out, "\r%s %s\r%[1]s", seconds(left, width), asked)
	}
	var reply reply
	fds := []unix.PollFd{{Fd: int32(q.in.Fd()), Events: unix.POLLIN}, {Fd: int32(stopped.Fd()), Events: unix.POLLIN}}
	buf := make([]byte, 256)
	for shown := seconds(left, width); ; {
		n, err := unix.Poll(fds, int(q.second.Milliseconds()))
		if err != nil && err != unix.EINTR {
			return silence
		}
		if fds[1].Revents != 0 && n > 0 {
			return silence
		}
		if n > 0 && fds[0].Revents != 0 {
			if fds[0].Revents&unix.POLLIN == 0 {
				return silence // it has hung up
			}
			if !q.mine() {
				time.Sleep(q.second)
				continue
			}
			n, err := unix.Read(int(q.in.Fd()), buf)
			if n <= 0 && err != unix.EINTR && err != unix.EAGAIN {
				return silence
			}
			if a := reply.read(buf[:max(n, 0)]); a != silence {
				return a
			}
		}
		if now := seconds(max(0, time.Until(end)), width); !q.lines && now != shown && q.mine() {
			fmt.Fprint(q.out, "\r"+now)
			shown = now
		}
	}
}

// seconds is how much time is left, always as wide.
func seconds(left time.Duration, width int) string {
	return fmt.Sprintf("%*d s", max(0, width-len(" s")), (left+time.Second-1)/time.Second)
}

// reply reads keys, or lines of them. After other characters Enter is no answer: it ends what was meant for somebody else.
type reply struct {
	decoder keys.Decoder
	other   bool
}

func (r *reply) read(b []byte) answer {
	for _, k := range r.decoder.Feed(b) {
		text := strings.ToLower(string(k.Text))
		switch {
		case k.Code == keys.Enter && !r.other, k.Code == keys.Text && text == "y" && !r.other:
			return keepIt
		case k.Code == keys.Text && text == "n" && !r.other:
			return goBack
		case k.Code == keys.Enter:
			r.other = false
		case k.Code == keys.Text, k.Code == keys.Paste:
			r.other = true
		}
	}
	return silence
}

// word carries a person's answer to PID 1. How the switch then ends is told to who started it.
func (c *client) word(a answer) {
	quiet := *c
	quiet.out = io.Discard
	verb := "confirm"
	if a == goBack {
		verb = "abort"
	}
	quiet.ask(Request{Verb: verb}, nil)
}
