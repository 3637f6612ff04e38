package recovery

import (
	"bytes"
	"errors"
	"iter"
	"time"
)

// A Turn is what a conversation wants done.
type Turn struct {
	Send  []byte    // goes over the line
	Baud  int       // the line's speed once that has gone; 0: as it is
	Serve []byte    // what the TFTP server gives from now on; nil: as before
	Until time.Time // the next step is due then, or as soon as something comes
}

// A Talk is a conversation under way.
type Talk struct {
	line *line
	next func() (Turn, bool)
	stop func()
	err  error
}

// What ends a conversation from this side.
var (
	ErrInterrupted = errors.New("interrupted")
	errStopped     = errors.New("stopped")
	errTimeout     = errors.New("nothing came in time")
)

// begin starts a conversation. What it does is written as one course of events; it waits by handing its Turn out, and goes on in Step.
func begin(do func(l *line) error) *Talk {
	l := &line{}
	t := &Talk{line: l}
	t.next, t.stop = iter.Pull(func(yield func(Turn) bool) {
		l.yield = yield
		t.err = do(l)
		if turn := l.turn(time.Time{}); len(turn.Send) > 0 || turn.Baud != 0 {
			yield(turn)
		}
	})
	return t
}

// Step goes on with what has come over the line since the last step. When the conversation is over, more is false and Err says how.
func (t *Talk) Step(now time.Time, in []byte) (turn Turn, more bool) {
	t.line.now = now
	t.line.in = append(t.line.in, in...)
	t.line.heard = append(t.line.heard, in...)
	if n := len(t.line.heard); n > mostHeard {
		t.line.heard = append([]byte(nil), t.line.heard[n/2:]...)
	}
	t.line.came = t.line.came || len(in) > 0
	return t.next()
}

// Interrupt has the conversation come to an end in which the boot loader takes commands again.
func (t *Talk) Interrupt() { t.line.interrupted = true }

// Err is how it ended.
func (t *Talk) Err() error { return t.err }

// Stop drops a conversation that cannot go on, for example without a line.
func (t *Talk) Stop() { t.stop() }

const mostHeard = 256 << 10

// A line is the serial line as a conversation sees it.
type line struct {
	yield       func(Turn) bool
	now         time.Time
	in          []byte // has come and is not yet understood
	heard       []byte // all that has come, or the end of it
	came        bool   // something, since the last wait
	out         []byte // waits to be sent
	baud        int    // is to be set
	serve       []byte
	interrupted bool
}

func (l *line) send(b ...byte)    { l.out = append(l.out, b...) }
func (l *line) sendText(s string) { l.out = append(l.out, s...) }

// drop forgets what has come.
func (l *line) drop() { l.in = l.in[:0] }

func (l *line) turn(until time.Time) Turn {
	turn := Turn{Send: l.out, Baud: l.baud, Serve: l.serve, Until: until}
	l.out, l.baud, l.serve = nil, 0, nil
	return turn
}

// wait lasts until something more has come (nil) or a time has come (errTimeout).
func (l *line) wait(until time.Time) error {
	for {
		if l.interrupted {
			l.interrupted = false
			return ErrInterrupted
		}
		if !l.yield(l.turn(until)) {
			return errStopped
		}
		if l.came {
			l.came = false
			return nil
		}
		if !l.interrupted && !l.now.Before(until) {
			return errTimeout
		}
	}
}

// pause waits so long, whatever comes.
func (l *line) pause(d time.Duration) error {
	for until := l.now.Add(d); ; {
		if err := l.wait(until); errors.Is(err, errTimeout) {
			return nil
		} else if err != nil {
			return err
		}
		if !l.now.Before(until) {
			return nil
		}
	}
}

// quiet waits until nothing has come for so long, at most for limit.
func (l *line) quiet(d, limit time.Duration) error {
	for end := l.now.Add(limit); l.now.Before(end); {
		if err := l.wait(l.now.Add(d)); errors.Is(err, errTimeout) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// until waits for a text, and gives what came before it; that and the text are taken. On errTimeout nothing is taken.
func (l *line) until(text string, limit time.Duration) (before string, err error) {
	for end := l.now.Add(limit); ; {
		if i := bytes.Index(l.in, []byte(text)); i >= 0 {
			before = string(l.in[:i])
			l.in = append([]byte(nil), l.in[i+len(text):]...)
			return before, nil
		}
		if err := l.wait(end); err != nil {
			return "", err
		}
	}
}
