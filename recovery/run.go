package recovery

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A Wire is a serial line, e.g. a serial.Line.
type Wire interface {
	io.ReadWriter
	SetBaud(baud int) error
}

// Ends are what a conversation is had over.
type Ends struct {
	Wire  Wire
	Log   io.Writer         // gets what comes over the line; nil: nobody does
	Serve func(data []byte) // has the TFTP server give something else; nil: there is none
}

// farewell is how long a conversation that was interrupted may take to leave the boot loader at its prompt.
const farewell = 5 * time.Second

// Run has the conversation of a job. When ctx ends, the boot loader is left at its prompt, where that can be.
func (j *Job) Run(ctx context.Context, e Ends) error {
	talk := j.Begin()
	defer talk.Stop()
	came, broke := make(chan []byte), make(chan error, 1)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			b := make([]byte, 4096)
			n, err := e.Wire.Read(b)
			if n > 0 {
				select {
				case came <- b[:n]:
				case <-ended:
					return
				}
			}
			if err != nil {
				broke <- err
				return
			}
		}
	}()
	var in []byte
	done, late := ctx.Done(), make(<-chan time.Time)
	for {
		turn, more := talk.Step(time.Now(), in)
		if err := e.act(turn); err != nil {
			return err
		}
		if !more {
			return talk.Err()
		}
		in = nil
		timer := time.NewTimer(time.Until(turn.Until))
		select {
		case in = <-came:
			if e.Log != nil {
				if _, err := e.Log.Write(in); err != nil {
					return fmt.Errorf("the log: %w", err)
				}
			}
		case <-timer.C:
		case err := <-broke:
			timer.Stop()
			return err
		case <-done:
			done, late = nil, time.After(farewell)
			talk.Interrupt()
		case <-late:
			timer.Stop()
			return ErrInterrupted
		}
		timer.Stop()
	}
}

func (e Ends) act(turn Turn) error {
	if turn.Serve != nil && e.Serve != nil {
		e.Serve(turn.Serve)
	}
	if len(turn.Send) > 0 {
		if _, err := e.Wire.Write(turn.Send); err != nil {
			return err
		}
	}
	if turn.Baud != 0 {
		return e.Wire.SetBaud(turn.Baud)
	}
	return nil
}

// Speeds are those of a boot loader's that a line has, too.
func Speeds(w Wire, usual int, fast []int) (both []int, err error) {
	for _, baud := range fast {
		if w.SetBaud(baud) == nil {
			both = append(both, baud)
		}
	}
	return both, w.SetBaud(usual)
}
