package pid1

import (
	"context"
	"slices"
	"sync"
	"testing"

	"bantam/init/supervise"
	"bantam/system"
)

// The boot adopts a generation at any moment of the start of the consoles.
func TestTheConsolesStartBesideWhatTheBootAdopts(t *testing.T) {
	sys, problems := system.Parse("system.toml", []byte("[service.web]\ncommand = [\"/bin/none\"]\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for range 300 {
		sup := supervise.New(supervise.Options{Cgroup: "/none/bantam"})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- sup.Run(ctx) }()
		p := &initProcess{sup: sup, consoles: []string{"none"}}
		p.machine = &Machine{sup: sup, consoles: p.consoles, logins: &logins{last: map[string]string{}}}
		p.defineConsoles(new(system.System))
		var both sync.WaitGroup
		both.Go(func() {
			if err := sup.Define(definitions(sys, p.consoles, p.machine.logins.at)); err != nil {
				t.Error(err)
			}
		})
		both.Go(p.startConsoles)
		both.Wait()
		states, err := sup.States()
		if err != nil {
			t.Fatal(err)
		}
		web := slices.ContainsFunc(states, func(s supervise.State) bool { return s.Name == "web" })
		console := slices.ContainsFunc(states, func(s supervise.State) bool { return s.Name == "console-none" && s.Wanted })
		if !web || !console {
			t.Fatalf("web is defined: %v, the console is wanted: %v", web, console)
		}
		sup.StopAll(context.Background())
		cancel()
		<-ended
	}
}
