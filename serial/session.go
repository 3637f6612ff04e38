package serial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A Session is a person at a serial line. The terminal's modes are the caller's: bytes have to come as they are typed.
type Session struct {
	Line interface {
		io.ReadWriteCloser
		Break() error
	}
	In   io.Reader // what is typed; its end ends the session
	Out  io.Writer // the person's terminal, whose lines end in CR and LF
	Pace Pace
	Log  *os.File // what comes is kept there; nil: nowhere

	keys    Keys
	waiting []byte // to be sent
	asking  func(answer string)
	answer  []byte
}

// Run lasts until the person leaves (nil), the device goes (ErrGone) or ctx ends (its error).
func (s *Session) Run(ctx context.Context) error {
	done := make(chan struct{})
	defer close(done)
	defer func() {
		if s.Log != nil {
			_ = s.Log.Close()
		}
	}()
	typed, received := pump(s.In, done), pump(s.Line, done)
	// Writes are a matter of their own: of a device that takes nothing one must be able to leave.
	rested, busy := make(chan error, 1), false
	send := func(b []byte, rest time.Duration) {
		_, err := s.Line.Write(b)
		if err == nil {
			time.Sleep(rest)
		}
		rested <- err
	}
	for {
		if len(s.waiting) > 0 && !busy {
			busy = true
			n, rest := s.Pace.Next(s.waiting)
			go send(append([]byte(nil), s.waiting[:n]...), rest)
			s.waiting = s.waiting[n:]
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-rested:
			if err != nil {
				return err
			}
			busy = false
		case b := <-received:
			if b.err != nil {
				return b.err
			}
			if _, err := s.Out.Write(b.bytes); err != nil {
				return fmt.Errorf("the terminal: %w", err)
			}
			if s.Log != nil {
				if _, err := s.Log.Write(b.bytes); err != nil {
					s.say("%v; nothing more is kept", err)
					_ = s.Log.Close()
					s.Log = nil
				}
			}
		case b := <-typed:
			if b.err != nil {
				if errors.Is(b.err, io.EOF) {
					return nil
				}
				return fmt.Errorf("the terminal: %w", b.err)
			}
			if leave := s.take(b.bytes); leave {
				return nil
			}
		}
	}
}

// piece is what a reader gave.
type piece struct {
	bytes []byte
	err   error
}

// pump reads until an error or done.
func pump(r io.Reader, done <-chan struct{}) <-chan piece {
	pieces := make(chan piece)
	go func() {
		for {
			buf := make([]byte, 4096)
			n, err := r.Read(buf)
			for _, p := range []piece{{bytes: buf[:n]}, {err: err}} {
				if len(p.bytes) == 0 && p.err == nil {
					continue
				}
				select {
				case pieces <- p:
				case <-done:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return pieces
}

const ctrlC = 'C' - '@'

// take does what was typed, and tells whether the person leaves.
func (s *Session) take(b []byte) (leave bool) {
	if len(b) == 1 && b[0] == ctrlC && len(s.waiting) > 0 && s.asking == nil {
		s.say("%d bytes were not sent", len(s.waiting))
		s.waiting = nil
		return false
	}
	for len(b) > 0 && !leave {
		if s.asking != nil {
			b = s.edit(b)
			continue
		}
		action, bytes := s.keys.Type(b[0])
		s.waiting = append(s.waiting, bytes...)
		leave = s.do(action)
		b = b[1:]
	}
	return leave
}

// do does what is none of the device's.
func (s *Session) do(action Action) (leave bool) {
	switch action {
	case Leave:
		s.say("left")
		return true
	case Help:
		s.print(HelpText)
	case Break:
		if err := s.Line.Break(); err != nil {
			s.say("break: %v", err)
		} else {
			s.say("break")
		}
	case SendFile:
		s.ask("send which file? ", s.sendFile)
	case LogFile:
		if s.Log == nil {
			s.ask("keep what comes in which file? ", s.keep)
			break
		}
		s.say("%s is complete", s.Log.Name())
		_ = s.Log.Close()
		s.Log = nil
	}
	return false
}

// ask has the person type a line that is not for the device.
func (s *Session) ask(question string, then func(string)) {
	s.print("\n" + question)
	s.asking, s.answer = then, nil
}

// edit takes keys for an answer, and gives what is typed behind it.
func (s *Session) edit(b []byte) (rest []byte) {
	for i, c := range b {
		switch {
		case c == '\r' || c == '\n':
			then := s.asking
			s.asking = nil
			s.print("\n")
			if answer := strings.TrimSpace(string(s.answer)); answer != "" {
				then(answer)
			}
			return b[i+1:]
		case c == ctrlC || c == 0x1b:
			s.asking = nil
			s.print("\n")
			return b[i+1:]
		case c == '\b' || c == 0x7f:
			if n := len(s.answer); n > 0 {
				s.answer = s.answer[:n-1]
				s.print("\b \b")
			}
		case c >= ' ':
			s.answer = append(s.answer, c)
			s.print(string(c))
		}
	}
	return nil
}

// sendFile puts a file behind what waits.
func (s *Session) sendFile(name string) {
	b, err := os.ReadFile(name)
	if err != nil {
		s.say("%v", err)
		return
	}
	s.say("sending %d bytes", len(b))
	s.waiting = append(s.waiting, b...)
}

func (s *Session) keep(name string) {
	log, err := OpenLog(name)
	if err != nil {
		s.say("%v", err)
		return
	}
	s.Log = log
	s.say("what comes is kept in %s", name)
}

// OpenLog opens a file for what comes from a device, behind what is in it.
func OpenLog(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// say shows a line of ours between those of the device.
func (s *Session) say(format string, args ...any) {
	s.print("\n[" + fmt.Sprintf(format, args...) + "]\n")
}

func (s *Session) print(text string) {
	_, _ = io.WriteString(s.Out, strings.ReplaceAll(text, "\n", "\r\n")) // that the terminal is gone is found out by the next read
}
