package switcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bantam/system"
)

const (
	checkPause = time.Second // between two runs of a check that fails
	logTail    = 10          // lines shown of a service that failed
)

// prove watches the machine until p holds and the checks have passed, or tells why not.
func (o *operation) prove(ctx context.Context, p proof, timeout time.Duration, checks map[string]system.Check) error {
	m := o.s.machine
	deadline := m.Now() + timeout
	told, checked := "", len(checks) == 0
	for {
		v := p.judge(m.Now(), m.Services(), m.Network())
		if v.err != nil {
			o.showLog(v.failed)
			return v.err
		}
		var pause time.Duration
		if len(v.waiting) == 0 && !checked {
			err := o.runChecks(ctx, checks, p.system.Users, deadline)
			if checked = err == nil; checked {
				continue // the services must still be up
			}
			v.waiting, pause = []string{err.Error()}, checkPause
		}
		if len(v.waiting) == 0 {
			return nil
		}
		now := m.Now()
		if now >= deadline {
			return notProven(timeout, v.waiting)
		}
		if v.waiting[0] != told {
			told = v.waiting[0]
			o.event(EventWait, "waiting for %s", told)
		}
		until := deadline
		if pause > 0 {
			until = min(until, now+pause)
		}
		if v.again > 0 {
			until = min(until, v.again)
		}
		if err := o.wait(ctx, until); err != nil {
			return err
		}
	}
}

// wait sleeps until something may have changed, and never long: a lost wake-up costs a second.
func (o *operation) wait(ctx context.Context, until time.Duration) error {
	m := o.s.machine
	if err := m.Wait(ctx, min(until, m.Now()+time.Second)); err != nil {
		return errCancelled
	}
	return nil
}

// runChecks runs every check once, by name.
func (o *operation) runChecks(ctx context.Context, checks map[string]system.Check, users map[string]system.User, deadline time.Duration) error {
	for _, name := range sortedKeys(checks) {
		limit := min(time.Duration(checks[name].Timeout), max(0, deadline-o.s.machine.Now()))
		cause := fmt.Errorf("has not ended within %v", limit.Round(time.Millisecond))
		limited, cancel := context.WithTimeoutCause(ctx, limit, cause)
		err := o.s.machine.RunCheck(limited, name, checks[name], users)
		cancel()
		if err != nil {
			return fmt.Errorf("check %s: %w", name, err)
		}
	}
	return nil
}

// awaitConfirm waits for a person's word, and gives up before it comes if p does not hold any more.
func (o *operation) awaitConfirm(ctx context.Context, p proof, patience time.Duration) (err error) {
	s, m := o.s, o.s.machine
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	o.confirm = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if o.confirm = nil; o.confirmed && errors.Is(err, errUnconfirmed) {
			err = nil // it came at the last moment, and was taken
		}
	}()
	o.event(EventWait, "proven; `bantam confirm` within %v keeps it", patience)
	deadline := m.Now() + patience
	p.settle = 0
	for {
		err := m.Wait(waiting, min(deadline, m.Now()+time.Second))
		s.mu.Lock()
		confirmed := o.confirmed
		s.mu.Unlock()
		switch {
		case confirmed:
			return nil
		case err != nil || ctx.Err() != nil:
			return errCancelled
		case m.Now() >= deadline:
			return fmt.Errorf("%w within %v", errUnconfirmed, patience)
		}
		if v := p.judge(m.Now(), m.Services(), m.Network()); v.err != nil {
			o.showLog(v.failed)
			return v.err
		}
	}
}

// showLog streams what a failed service wrote last.
func (o *operation) showLog(service string) {
	for _, line := range o.s.machine.Log(service, logTail) {
		o.event(EventFail, "%s: %s", service, line)
	}
}
