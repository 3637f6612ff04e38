package pid1

import (
	"testing"

	"bantam/init/supervise"
	"bantam/system"
)

func TestServersRunWhereSomethingIsServed(t *testing.T) {
	is := func(wanted bool, pid int) supervise.State {
		return supervise.State{Name: system.ServeService, Wanted: wanted, PID: pid}
	}
	byHand := is(false, 0)
	byHand.ByHand = true
	for _, tt := range []struct {
		name            string
		serves, changed bool
		service         supervise.State
		want            serveAct
	}{
		{"nothing is served, and nothing runs", false, false, is(false, 0), serveRest},
		{"the first port serves", true, true, is(false, 0), serveStart},
		{"nothing has changed", true, false, is(true, 7), serveRest},
		{"another range", true, true, is(true, 7), serveTell},
		{"another range, between two processes", true, true, is(true, 0), serveRest},
		{"the last port serves no more", false, false, is(true, 7), serveStop},
		{"stopped by hand", true, true, byHand, serveRest},
		{"before the first generation", true, true, supervise.State{}, serveRest},
	} {
		if got := decideServe(tt.serves, tt.changed, tt.service); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
