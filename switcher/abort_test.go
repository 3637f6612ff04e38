package switcher

import (
	"context"
	"strings"
	"testing"
	"time"
)

// sayAbort says the word while the switch reports, as from another console, and returns once it was heard.
func sayAbort(s *Switcher) (said <-chan Result, err error) {
	results, faults := make(chan Result, 1), make(chan error, 1)
	go func() {
		r, err := s.Abort(context.Background())
		if err != nil {
			faults <- err
			return
		}
		results <- r
	}()
	for {
		select {
		case err := <-faults:
			return nil, err
		case <-time.After(time.Millisecond):
		}
		s.mu.Lock()
		heard := s.busy != nil && s.busy.aborted
		s.mu.Unlock()
		if heard {
			return results, nil
		}
	}
}

func TestAbortAtAnyMomentGoesBackOrComesTooLate(t *testing.T) {
	for _, request := range []Request{
		{Verb: VerbSwitch, Text: []byte(dbText)},
		{Verb: VerbSwitch, Text: []byte(dbText), NoRollback: true},
		{Verb: VerbSwitch, Text: []byte(dbText), Confirm: time.Hour},
		{Verb: VerbTest, Text: []byte(dbText)},
		{Verb: VerbRollback, Generation: 1},
	} {
		tooLate := false
		for moment := 0; !tooLate; moment++ {
			s, m, dir := bootedMachine(t)
			wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
			var said <-chan Result
			var late error
			events := 0
			r := s.Switch(context.Background(), request, func(e Event) {
				if events == moment {
					said, late = sayAbort(s)
				}
				events++
			})
			if said == nil {
				tooLate = true
				exit, why := ExitGood, "it is proven, and recorded already"
				if request.Confirm > 0 { // which nobody did
					exit, why = ExitReverted, "it goes back already"
				}
				wantExit(t, r, exit)
				if late != nil && !strings.Contains(late.Error(), why) {
					t.Errorf("%+v: %v", request, late)
				}
				continue
			}
			wantExit(t, r, ExitReverted)
			if heard := <-said; heard.Exit != ExitReverted || heard.Reason != "a person aborted it" || !strings.Contains(heard.Text(), "is not kept (a person aborted it); generation 2 runs again") {
				t.Errorf("%+v: moment %d: %s", request, moment, heard.Text())
			}
			wantRuns(t, m, "web [web]")
			if g := s.Generations()[0]; g.State != StateGood {
				t.Errorf("%+v: moment %d: what was proven before is %+v", request, moment, g)
			}
			for _, g := range s.Generations() {
				if g.State == StateBad || g.Default != (g.Number == 2) {
					t.Errorf("%+v: moment %d: %+v", request, moment, g)
				}
			}
			if g := s.Generations(); request.Generation == 0 && (g[2].State != StateInterrupted || g[2].Reason != "a person aborted it") {
				t.Errorf("%+v: moment %d: %+v", request, moment, g[2])
			}
			bootAgain(t, dir, m)
			wantRuns(t, m, "web [web]")
		}
	}
}

func TestAbortOfAProofThatWouldTakeAnHour(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.checks = func(string) error { return context.DeadlineExceeded }
	text := "[proof]\ntimeout = \"1h\"\n" + strings.TrimPrefix(dbText, "hostname = \"db\"\n")
	var said <-chan Result
	r := s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(text)}, func(e Event) {
		if e.Kind == EventWait && strings.Contains(e.Text, "check ok") {
			said, _ = sayAbort(s)
		}
	})
	wantExit(t, r, ExitReverted)
	if said == nil || r.Ended-r.Started > time.Minute || r.State != StateInterrupted {
		t.Errorf("after %v: %s", r.Ended-r.Started, r.Text())
	}
	wantRuns(t, m, "image []")
}

func TestAbortTakesNoWordOfAProofBack(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.broken["web"] = exited(1)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitReverted)
	before := s.Generations()[1]
	r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(webText)}, func(e Event) {
		if e.Step == 1 {
			sayAbort(s) // the second one, on the way back, comes too late
		}
	})
	wantExit(t, r, ExitReverted)
	if g := s.Generations()[1]; r.State != StateInterrupted || g.State != StateBad || g.Reason != before.Reason || len(g.Log) != 1 {
		t.Errorf("%s: %+v", r.Text(), g)
	}
}

func TestAbortOfATrialAtBootStartsTheDefault(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
	m.powerOff()
	s, err := open(quickDisk{}, machineOptions(dir, m))
	if err != nil {
		t.Fatal(err)
	}
	var said <-chan Result
	var late error
	r := s.Boot(context.Background(), func(e Event) {
		switch {
		case e.Kind == EventWait && said == nil:
			said, _ = sayAbort(s)
		case e.Kind == EventChoice && said != nil:
			_, late = s.Abort(context.Background())
		}
	})
	wantExit(t, r, ExitGood)
	wantRuns(t, m, "image []")
	if g := s.Generations()[1]; g.State != StateInterrupted || g.Reason != "a person aborted it" || s.Status().Trying != nil {
		t.Errorf("generation %+v, status %+v", g, s.Status())
	}
	if late == nil || !strings.Contains(late.Error(), "goes back already") {
		t.Errorf("a second word: %v", late)
	}
}

func TestAbortWithoutASwitchOrOfAStartIsRefused(t *testing.T) {
	s, m, dir := bootedMachine(t)
	if _, err := s.Abort(context.Background()); err == nil || err.Error() != "no switch is under way" {
		t.Error(err)
	}
	m.powerOff()
	s, err := open(quickDisk{}, machineOptions(dir, m))
	if err != nil {
		t.Fatal(err)
	}
	s.Boot(context.Background(), func(e Event) {
		if e.Kind == EventChoice {
			_, err = s.Abort(context.Background())
		}
	})
	if err == nil || !strings.Contains(err.Error(), "the start to generation 1 cannot be aborted: it starts what there would be to go back to") {
		t.Error(err)
	}
}

func TestABootTrialWaitsForAPersonsWord(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		s, m, dir := bootedMachine(t)
		wantExit(t, s.Switch(t.Context(), Request{Verb: VerbBoot, Text: []byte(webText), Confirm: time.Minute}, nil), ExitGood)
		m.powerOff()
		s, err := open(quickDisk{}, machineOptions(dir, m))
		if err != nil {
			t.Fatal(err)
		}
		asked := false
		r := s.Boot(t.Context(), func(e Event) {
			b := s.Status().Busy
			if e.Kind == EventChoice && !asked && (b == nil || b.Patience != time.Minute || b.Confirms) {
				t.Errorf("busy at the start of the trial: %+v", b)
			}
			if e.Confirm == 0 {
				return
			}
			if asked = true; !b.Confirms || b.Left != time.Minute || s.Status().Running != 2 {
				t.Errorf("busy: %+v", b)
			}
			if confirmed {
				if err := s.Confirm(); err != nil {
					t.Error(err)
				}
			}
		})
		wantExit(t, r, ExitGood)
		g, st := s.Generations()[1], s.Status()
		if !asked || st.Trying != nil {
			t.Errorf("asked: %v, status %+v", asked, st)
		}
		if confirmed && (g.State != StateGood || st.Default != 2 || m.runs() != "web [web]") {
			t.Errorf("confirmed: %+v, default %d, runs %s", g, st.Default, m.runs())
		}
		if !confirmed && (g.State != StateBad || g.Reason != "nobody confirmed it within 1m0s" || st.Default != 1 || m.runs() != "image []") {
			t.Errorf("not confirmed: %+v, default %d, runs %s", g, st.Default, m.runs())
		}
	}
}

func TestATrialThatWaitsForAWordSurvivesAPowerCutOnce(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbBoot, Text: []byte(webText), Confirm: time.Hour}, nil), ExitGood)
	for try, want := range []string{"web [web]", "web [web]", "image []"} {
		m.powerOff()
		s, err := open(quickDisk{}, machineOptions(dir, m))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cut := context.WithCancel(t.Context())
		s.Boot(ctx, func(e Event) {
			if e.Confirm > 0 {
				cut()
			}
		})
		if got := m.runs(); got != want {
			t.Errorf("boot %d: runs %s, want %s", try+1, got, want)
		}
	}
}

func TestTestAndRollbackCanBeConfirmed(t *testing.T) {
	for _, request := range []Request{{Verb: VerbTest, Text: []byte(webText)}, {Verb: VerbRollback}} {
		s, m, _ := bootedMachine(t)
		wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
		request.Confirm = time.Minute
		wantExit(t, s.Switch(t.Context(), request, nil), ExitReverted)
		wantRuns(t, m, "db [db web]")
		wantExit(t, s.Switch(t.Context(), request, func(e Event) {
			if e.Confirm > 0 {
				if err := s.Confirm(); err != nil {
					t.Error(err)
				}
			}
		}), ExitGood)
	}
}
