package switcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Confirm keeps the generation that waits for a person's word.
func (s *Switcher) Confirm() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.busy == nil:
		return errors.New("no switch waits to be confirmed")
	case s.busy.confirmed:
		return nil
	case s.busy.confirm == nil && s.busy.patience == 0:
		return fmt.Errorf("the %s to generation %d need not be confirmed", s.busy.result.Verb, s.busy.result.To)
	case s.busy.confirm == nil:
		return fmt.Errorf("the %s to generation %d is not proven yet; confirm it when it says so", s.busy.result.Verb, s.busy.result.To)
	}
	s.busy.confirmed = true
	s.busy.confirm()
	return nil
}

// Abort makes the switch under way go back, and returns its outcome once it has. Like a confirmation, a person may say
// it from anywhere. The generation is not bad for it.
func (s *Switcher) Abort(ctx context.Context) (Result, error) {
	s.mu.Lock()
	o := s.busy
	switch {
	case o == nil:
		s.mu.Unlock()
		return Result{}, errors.New("no switch is under way")
	case o.abort == nil:
		why := cmp.Or(o.decided, "it starts what there would be to go back to")
		err := fmt.Errorf("the %s to generation %d cannot be aborted: %s", o.result.Verb, o.result.To, why)
		s.mu.Unlock()
		return Result{}, err
	}
	o.aborted = true
	o.abort(errAborted)
	s.mu.Unlock()
	select {
	case <-o.done:
		return o.result, nil
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	}
}

// abortable is ctx until a person aborts o, whose proof is followed by a wait of patience for a person's word. done belongs
// to its end.
func (o *operation) abortable(ctx context.Context, patience time.Duration) (until context.Context, done context.CancelFunc) {
	until, cancel := context.WithCancelCause(ctx)
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.abort, o.decided, o.patience = cancel, "", patience
	return until, func() { cancel(nil) }
}

// decide ends the time in which a person may abort o. What has failed by then is fault; a person's word goes before it.
func (o *operation) decide(fault error) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if o.abort, o.patience = nil, 0; o.aborted {
		fault, o.aborted = errAborted, false
	}
	if o.decided = "it is proven, and recorded already; `bantam rollback` goes back"; fault != nil {
		o.decided = "it goes back already"
	}
	return fault
}
