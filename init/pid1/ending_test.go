package pid1

import (
	"context"
	"os"
	"testing"
	"time"

	"bantam/init/supervise"
)

// The switcher marks no generation failed for what fails while the machine ends, and
// goes back from every other failure: it must see the difference.
func TestTheSwitcherSeesTheEndOfTheMachine(t *testing.T) {
	sup := supervise.New(supervise.Options{Cgroup: "/none/bantam", SIGCHLD: make(chan os.Signal)})
	m := NewMachine(sup, nil, "", nil, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); sup.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if m.Ending() {
		t.Error("a machine without services seems to end")
	}
	if err := sup.Define([]supervise.Definition{{Name: "web", Argv: []string{"web"}}}); err != nil {
		t.Fatal(err)
	}
	limit, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	if err := sup.StopAll(limit); err != nil {
		t.Fatal(err)
	}
	if !m.Ending() {
		t.Error("all is stopped for the end, and it does not say so")
	}
	cancel()
	<-ended
	if states, err := m.Services(); err == nil || !m.Ending() {
		t.Errorf("after the end: %+v, %v, ending %v", states, err, m.Ending())
	}
}
