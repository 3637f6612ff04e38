package pid1

import (
	"os"
	"syscall"
	"testing"
)

func TestWhatEndsTheMachine(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(f *first, supervisor chan struct{}, signals chan os.Signal)
		want Action
	}{
		"a verb":                    {func(f *first, _ chan struct{}, _ chan os.Signal) { f.actions <- PowerOff }, PowerOff},
		"a signal":                  {func(_ *first, _ chan struct{}, signals chan os.Signal) { signals <- syscall.SIGINT }, Restart},
		"a panic in the supervisor": {func(_ *first, supervisor chan struct{}, _ chan os.Signal) { close(supervisor) }, Restart},
	} {
		t.Run(name, func(t *testing.T) {
			signals, supervisor := make(chan os.Signal, 1), make(chan struct{})
			f := &first{actions: make(chan Action, 1), signals: Signals{Other: signals}}
			c.do(f, supervisor, signals)
			if got := f.wait(supervisor); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
