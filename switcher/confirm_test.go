package switcher

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/lifecycle"
)

func TestConfirmKeepsAndSilenceReturns(t *testing.T) {
	s, m, dir := bootedMachine(t)
	request := Request{Verb: VerbSwitch, Text: []byte(webText), Confirm: time.Minute}
	r := s.Switch(context.Background(), request, nil)
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "nobody confirmed") {
		t.Error(r.Reason)
	}
	wantRuns(t, m, "image []")
	r = s.Switch(context.Background(), request, func(e Event) {
		if e.Kind == EventWait && strings.Contains(e.Text, "confirm") {
			if d := s.recordNow().Default; d != 1 {
				t.Errorf("default %d before the confirmation, want 1", d)
			}
			if err := s.Confirm(); err != nil {
				t.Error(err)
			}
		} else if e.Kind == EventStep && s.Confirm() == nil {
			t.Errorf("confirmed at %q, before the proof", e.Text)
		}
	})
	wantExit(t, r, ExitGood)
	bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
}

func TestServiceThatDiesWhileConfirmationIsAwaitedReturns(t *testing.T) {
	s, m, _ := bootedMachine(t)
	r := s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(webText), Confirm: time.Hour}, func(e Event) {
		if strings.Contains(e.Text, "bantam confirm") {
			m.mu.Lock()
			m.services["web"].Phase, m.services["web"].LastExit = lifecycle.PhaseBackoff, lifecycle.Exit{Cause: lifecycle.Signalled, Signal: syscall.SIGSEGV}
			m.mu.Unlock()
		}
	})
	wantExit(t, r, ExitReverted)
	if r.Ended-r.Started > time.Minute || !strings.Contains(r.Reason, "signal 11") {
		t.Errorf("%v %s", r.Ended-r.Started, r.Reason)
	}
}

func TestServiceThatDiesAsItIsConfirmedIsNotProven(t *testing.T) {
	s, m, _ := bootedMachine(t)
	r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(webText), Confirm: time.Hour}, func(e Event) {
		if e.Kind == EventWait && strings.Contains(e.Text, "bantam confirm") {
			if err := s.Confirm(); err != nil {
				t.Error(err)
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			w := m.services["web"]
			w.Since, w.Fell, w.LastExit = m.now, m.now, exited(3)
		}
	})
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "exit status 3") {
		t.Error(r.Reason)
	}
}

// lateMachine says that it is later once, at the moment at which patience ends.
type lateMachine struct {
	*fakeMachine
	atEnd func()
}

func (m *lateMachine) Now() time.Duration {
	now := m.fakeMachine.Now()
	if m.atEnd != nil {
		m.atEnd()
	}
	return now
}

func TestConfirmationAtTheLastMomentIsKeptOrRefused(t *testing.T) {
	s, m, _ := bootedMachine(t)
	late := &lateMachine{fakeMachine: m}
	s.machine = bind(late)
	taken := false
	patience := time.Duration(0)
	r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(webText), Confirm: time.Minute}, func(e Event) {
		if strings.Contains(e.Text, "bantam confirm") {
			patience = e.Time + time.Minute
			late.atEnd = func() {
				if m.now >= patience && !taken {
					taken = s.Confirm() == nil
				}
			}
		}
	})
	if !taken {
		t.Fatal("nobody said anything")
	}
	wantExit(t, r, ExitGood)
}
