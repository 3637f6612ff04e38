package switcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"bantam/system"
)

// How long a machine may take over a question. Its own limits are shorter; these
// hold where it hangs: a driver that never answers, a disk that is gone.
const (
	answerLimit  = 10 * time.Second
	driverLimit  = 45 * time.Second // where it may have to wait for drivers
	programLimit = 60 * time.Second // where it reads programs
	answerGrace  = 15 * time.Second // to return after its context is done
	againLimit   = time.Second      // for a question that hangs already
	mostOpen     = 16               // times that one question may be open
)

// bounded is a machine of which no question holds a switch for ever. The methods
// of a kind are in its file; Now and Wait ask nothing.
//
// What hangs is left to itself: a question keeps its goroutine, and a change may
// still happen later, which the next plan sees. The same question is asked
// again, because another try may be answered, but not without end.
type bounded struct {
	Machine

	mu   sync.Mutex
	open map[string]int // questions that have no answer yet
	late map[string]int // those of them that nobody waits for any more
}

// unanswered is the error of a question that the machine has not answered in time.
type unanswered struct{ waited string } // e.g. within 10s

func (u unanswered) Error() string { return "the machine does not answer " + u.waited }

// ask is what f returns, or unanswered if it has not limit after over is closed, or from now if that is nil.
func ask[T any](m *bounded, over <-chan struct{}, limit time.Duration, question string, f func() (T, error)) (none T, err error) {
	m.mu.Lock()
	if m.open[question] >= mostOpen {
		m.mu.Unlock()
		return none, unanswered{fmt.Sprintf("any of %d times", mostOpen)}
	}
	if m.late[question] > 0 {
		limit = min(limit, againLimit)
	}
	m.open[question]++
	m.mu.Unlock()
	type reply struct {
		value T
		err   error
		panic any
	}
	replied, late := make(chan reply, 1), new(bool)
	go m.guard(question, late, func(p any) { replied <- reply{panic: p} }, func() {
		value, err := f()
		replied <- reply{value: value, err: err}
	})
	take := func(r reply) (T, error) {
		if r.panic != nil {
			panic(r.panic) // here is somebody who makes an outcome of it
		}
		return r.value, r.err
	}
	waited := fmt.Sprintf("within %v", limit)
	if over != nil {
		waited = fmt.Sprintf("within %v after its time was up", limit)
		select {
		case r := <-replied:
			return take(r)
		case <-over:
		}
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-replied:
		return take(r)
	case <-timer.C:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	*late = true
	m.late[question]++
	return none, unanswered{waited}
}

// guard asks a question to its end.
func (m *bounded) guard(question string, late *bool, caught func(any), f func()) {
	defer func() {
		p := recover()
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.open[question]--; m.open[question] == 0 {
			delete(m.open, question)
		}
		if *late {
			m.late[question]--
		}
		if m.late[question] == 0 {
			delete(m.late, question)
		}
		if p != nil {
			caught(p)
		}
	}()
	f()
}

// named is ask with the question in the error.
func named[T any](m *bounded, limit time.Duration, question string, f func() (T, error)) (T, error) {
	answer, err := ask(m, nil, limit, question, f)
	if errors.As(err, new(unanswered)) {
		err = fmt.Errorf("%s: %w", question, err)
	}
	return answer, err
}

// tell is ask for a change, whose step is named in the error by whoever does it.
func tell(m *bounded, limit time.Duration, question string, f func() error) error {
	_, err := ask(m, nil, limit, question, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// finish is tell for what ends with ctx.
func finish(ctx context.Context, m *bounded, question string, f func() error) error {
	_, err := ask(m, ctx.Done(), answerGrace, question, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

func bind(m Machine) *bounded {
	return &bounded{Machine: m, open: map[string]int{}, late: map[string]int{}}
}

// Ending is false also of a machine that does not say so.
func (m *bounded) Ending() bool {
	ending, _ := ask(m, nil, answerLimit, "whether it ends", func() (bool, error) { return m.Machine.Ending(), nil })
	return ending
}

func (m *bounded) Adopt(text []byte, sys *system.System, fingerprints map[string]string) error {
	return tell(m, answerLimit, "adopt the definitions", func() error { return m.Machine.Adopt(text, sys, fingerprints) })
}

func (m *bounded) RunCheck(ctx context.Context, name string, check system.Check, sys *system.System) error {
	return finish(ctx, m, "run check "+name, func() error { return m.Machine.RunCheck(ctx, name, check, sys) })
}
