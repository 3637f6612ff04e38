package pid1

import (
	"context"
	"os"
	"strings"
	"testing"

	"bantam/init/supervise"
)

func TestWhatIsKnownOfAServiceThatIsNotDefinedAnyMore(t *testing.T) {
	sup := supervise.New(supervise.Options{Cgroup: t.TempDir(), SIGCHLD: make(chan os.Signal)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); sup.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(sup.Define([]supervise.Definition{{Name: "web", Argv: []string{"web"}}}))
	must(sup.Stop(supervise.ByPerson, "web"))
	sup.Note("web", "exit status 1; failed")
	must(sup.Define(nil))
	if err := sup.Start(supervise.ByPerson, "web"); err == nil || !strings.Contains(err.Error(), "not part of the running generation") {
		t.Error(err)
	}
	states, err := NewMachine(sup, nil, "", nil, nil).Services()
	if err != nil || len(states) != 1 || states[0].Name != "web" || !states[0].ByHand || states[0].Wanted {
		t.Errorf("%+v, %v", states, err)
	}
	p := &initProcess{sup: sup}
	if !p.knows("web") || p.knows("other") {
		t.Error("its log cannot be read, or one that never was can")
	}
}
