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

// prove watches the machine until p holds, its checks included, or tells why not.
func (o *operation) prove(ctx context.Context, p proof) error {
	m := o.s.machine
	deadline := m.Now() + p.timeout
	for checked := len(p.checks) == 0; ; {
		if err := o.awaitUp(ctx, p, deadline); err != nil || checked {
			return err
		}
		fault := o.runChecks(ctx, p.checks, p.system, deadline)
		if checked = fault == nil; checked {
			continue // the services must still be up
		}
		if errors.As(fault, new(unanswered)) {
			return beforeProof(fault)
		}
		if m.Now()+checkPause >= deadline { // another try would have no time, and nothing to say but that
			return notProven(p.timeout, fault.Error())
		}
		o.tellWait(fault.Error())
		if err := o.wait(ctx, m.Now()+checkPause); err != nil {
			return err
		}
	}
}

// awaitUp waits until services and network are as p wants them, all at the same time.
func (o *operation) awaitUp(ctx context.Context, p proof, deadline time.Duration) error {
	m := o.s.machine
	for {
		v, err := o.judge(p)
		if err != nil || len(v.waiting) == 0 {
			return err
		}
		if m.Now() >= deadline {
			return notProven(p.timeout, v.waiting...)
		}
		o.tellWait(v.waiting[0])
		until := deadline
		if v.again > 0 {
			until = min(until, v.again)
		}
		if err := o.wait(ctx, until); err != nil {
			return err
		}
	}
}

// judge looks at the machine once. The error is p's, with what the service said last told.
func (o *operation) judge(p proof) (verdict, error) {
	m := o.s.machine
	services, err := m.Services()
	network, unseen := m.Network()
	if err := errors.Join(err, unseen); err != nil {
		return verdict{}, beforeProof(err)
	}
	v := p.judge(m.Now(), services, network)
	if v.err != nil {
		o.showLog(v.failed, p.since)
	}
	return v, v.err
}

// tellWait says what is waited for, once.
func (o *operation) tellWait(what string) {
	if what != o.awaited {
		o.awaited = what
		o.event(EventWait, "waiting for %s", what)
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
func (o *operation) runChecks(ctx context.Context, checks map[string]system.Check, sys *system.System, deadline time.Duration) error {
	for _, name := range sortedKeys(checks) {
		limit := min(time.Duration(checks[name].Timeout), max(0, deadline-o.s.machine.Now()))
		cause := fmt.Errorf("has not ended within %v", limit.Round(time.Millisecond))
		limited, cancel := context.WithTimeoutCause(ctx, limit, cause)
		err := o.s.machine.RunCheck(limited, name, checks[name], sys)
		cancel()
		if err != nil {
			return fmt.Errorf("check %s: %w", name, err)
		}
	}
	return nil
}

// awaitConfirm waits for a person's word, and gives up before it comes if p does not hold any more.
func (o *operation) awaitConfirm(ctx context.Context, p proof) error {
	if err := o.awaitWord(ctx, p); err != nil {
		return err
	}
	return o.awaitUp(ctx, p, o.s.machine.Now()+p.timeout) // all of it, once more, at the same time
}

func (o *operation) awaitWord(ctx context.Context, p proof) (err error) {
	s, m := o.s, o.s.machine
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	o.confirm, o.until = cancel, m.Now()+p.confirm
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		if o.confirm = nil; o.confirmed && errors.Is(err, errUnconfirmed) {
			err = nil // it came at the last moment, and was taken
		}
		s.mu.Unlock()
		if err == nil {
			o.event(EventNote, "confirmed")
		}
	}()
	o.send(Event{Kind: EventWait, Text: fmt.Sprintf("proven; `bantam confirm` within %v keeps it", p.confirm), Confirm: p.confirm})
	deadline := m.Now() + p.confirm
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
			return fmt.Errorf("%w within %v", errUnconfirmed, p.confirm)
		}
		if _, err := o.judge(p); err != nil {
			return err
		}
	}
}

// showLog streams what a failed service wrote last, since then: it may have had other definitions before.
func (o *operation) showLog(service string, since time.Duration) {
	lines, err := o.s.machine.Log(service, logTail, since)
	if err != nil {
		o.event(EventNote, "%v", err)
	}
	for _, line := range lines {
		o.event(EventFail, "%s: %s", service, line)
		o.said = append(o.said, service+": "+line)
	}
}
