package pid1

import (
	"os"
	"syscall"
	"testing"
)

func TestWhatEndsTheMachine(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(p *initProcess, supervisor chan struct{}, signals chan os.Signal)
		want  Action
		asked bool
	}{
		"a verb":                    {func(p *initProcess, _ chan struct{}, _ chan os.Signal) { p.actions <- PowerOff }, PowerOff, true},
		"a signal":                  {func(_ *initProcess, _ chan struct{}, signals chan os.Signal) { signals <- syscall.SIGINT }, Restart, true},
		"PID 1 itself":              {func(p *initProcess, _ chan struct{}, _ chan os.Signal) { p.restarts <- "it had to" }, Restart, false},
		"a panic in the supervisor": {func(_ *initProcess, supervisor chan struct{}, _ chan os.Signal) { close(supervisor) }, Restart, false},
	} {
		t.Run(name, func(t *testing.T) {
			signals, supervisor := make(chan os.Signal, 1), make(chan struct{})
			p := &initProcess{actions: make(chan Action, 1), restarts: make(chan string, 1), signals: Signals{Other: signals}}
			c.do(p, supervisor, signals)
			if got, asked := p.wait(supervisor); got != c.want || asked != c.asked {
				t.Errorf("got %v, asked for: %v; want %v, %v", got, asked, c.want, c.asked)
			}
		})
	}
}
