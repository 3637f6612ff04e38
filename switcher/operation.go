package switcher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// operation is one switch under way.
type operation struct {
	s         *Switcher
	report    func(Event)
	journaled bool
	lenient   bool // boot and the way back do without a journal if they have to
	result    Result
	step      int // steps begun, over the way there and back
	total     int
	said      []string        // what services that failed wrote last
	awaited   string          // what was last told to be waited for
	fresh     map[string]bool // services that its steps have started
	desired   Desired         // what its steps lead to
	another   bool            // a boot can choose another generation if this one has damaged layers

	done  chan struct{}      // closed by leave
	yield context.CancelFunc // not nil while only a report is waited for; under s.mu

	// Under s.mu: a person's word; see word.go.
	confirm   context.CancelFunc // not nil while it is waited for
	confirmed bool
	until     time.Duration           // when it comes too late: Machine.Now
	patience  time.Duration           // how long it will be waited for; 0: it is not needed
	abort     context.CancelCauseFunc // nil while there is nothing that could be aborted
	aborted   bool
	decided   string // why it is too late to abort, "" before
}

// maxEvents bounds what is kept of one switch; the rest is only streamed.
const maxEvents = 500

// enter makes o the one switch under way, or says which other one is.
func (s *Switcher) enter(verb string, to int, report func(Event)) (*operation, error) {
	if report == nil {
		report = func(Event) {}
	}
	now := s.machine.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.busy; b != nil {
		target := "the draft"
		if b.result.To != 0 {
			target = fmt.Sprintf("generation %d", b.result.To)
		}
		advice := "wait, `bantam status` tells how it ends"
		if b.confirm != nil {
			advice = "`bantam confirm` keeps it"
		}
		if b.abort != nil {
			advice += "; `bantam switch --abort` goes back"
		}
		return nil, fmt.Errorf("%w: %s to %s, since %v; %s", ErrBusy, b.result.Verb, target, (now - b.result.Started).Round(time.Second), advice)
	}
	s.busy = &operation{s: s, report: report, done: make(chan struct{}), fresh: map[string]bool{}, result: Result{Verb: verb, From: s.current.number, To: to, Started: now}}
	return s.busy, nil
}

// reject is the outcome of a switch that may not even begin. Last stays that of the other one.
func (s *Switcher) reject(verb string, to int, why error, report func(Event)) Result {
	now := s.machine.Now()
	r := Result{Verb: verb, To: to, Exit: ExitRefused, Reason: explain(why), Started: now, Ended: now}
	r.Events = []Event{{Time: now, Kind: EventDone, Text: r.Text()}}
	if report != nil {
		report(r.Events[0])
	}
	return r
}

// leave ends the switch with its outcome and keeps it for Last.
func (o *operation) leave(exit int, reason error) Result {
	o.result.Exit = exit
	if reason != nil {
		o.result.Reason = explain(reason)
	}
	s := o.s
	s.mu.Lock()
	o.result.Running = s.current.number
	s.mu.Unlock()
	o.event(EventDone, "%s", o.result.Text())
	o.result.Ended = s.machine.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	result := o.result
	s.last, s.busy = &result, nil
	close(o.done)
	return result
}

// preempt ends the watch over a start whose generation is trusted anyway: nobody
// who comes to repair a service should have to wait until the boot has given up on it.
func (s *Switcher) preempt(ctx context.Context) {
	s.mu.Lock()
	o := s.busy
	if o == nil || o.yield == nil {
		s.mu.Unlock()
		return
	}
	o.yield()
	s.mu.Unlock()
	select {
	case <-o.done:
	case <-ctx.Done():
	}
}

// setTarget says which generation o leads to, for those who ask meanwhile.
func (o *operation) setTarget(number int) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.result.To = number
}

func (o *operation) event(kind EventKind, format string, args ...any) {
	o.send(Event{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

func (o *operation) send(e Event) {
	e.Time = o.s.machine.Now()
	if len(o.result.Events) < maxEvents {
		o.result.Events = append(o.result.Events, e)
	}
	o.report(e)
}

// begin opens the journal. latest is when the switch is over at the latest.
func (o *operation) begin(to int, total int, latest time.Duration) error {
	o.total = total
	err := o.s.journal.begin(journalLine{At: o.s.machine.Now(), Verb: o.result.Verb, From: o.result.From, To: to, Total: total, Deadline: latest})
	o.journaled = err == nil
	return err
}

// journal adds a line to an open journal.
func (o *operation) journal(l journalLine) error {
	if !o.journaled {
		return nil
	}
	l.At = o.s.machine.Now()
	return o.s.journal.add(l)
}

// mark journals what is already so. That it cannot be written changes nothing: it is told.
func (o *operation) mark(event string) {
	if err := o.journal(journalLine{Event: event}); err != nil {
		o.event(EventNote, "journal: %v", err)
	}
}

// explain makes errors of several lines one line, for records and results.
func explain(err error) string {
	const most = 1000 // two lists of initrd segments, and what is to be done
	text := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ReplaceAll(err.Error(), "\n", "; "))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

var (
	errCancelled   = errors.New("cancelled")
	errAborted     = errors.New("a person aborted it")
	errUnconfirmed = errors.New("nobody confirmed it")
	errEnding      = errors.New("the machine is ending")
)
