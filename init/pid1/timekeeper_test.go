package pid1

import (
	"fmt"
	"testing"
	"time"

	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/system"
	"bantam/timesync"
)

func TestWhichTimeServersAreAsked(t *testing.T) {
	for _, tt := range []struct {
		time system.Time
		dhcp []string
		want string
	}{
		{system.Time{DHCP: true}, nil, "[]"},
		{system.Time{DHCP: true}, []string{"192.0.2.1"}, "[{192.0.2.1 DHCP}]"},
		{system.Time{Servers: []string{"a"}}, []string{"192.0.2.1"}, "[{a system.toml}]"},
		{system.Time{Servers: []string{"a", "192.0.2.1"}, DHCP: true}, []string{"192.0.2.1", "192.0.2.2"}, "[{a system.toml} {192.0.2.1 system.toml} {192.0.2.2 DHCP}]"},
		{system.Time{DHCP: true}, []string{"1", "2", "3", "4", "5"}, "[{1 DHCP} {2 DHCP} {3 DHCP} {4 DHCP}]"},
	} {
		if got := fmt.Sprint(namedServers(tt.time, tt.dhcp)); got != tt.want {
			t.Errorf("%+v, %v: got %s, want %s", tt.time, tt.dhcp, got, tt.want)
		}
	}
}

func TestWhenTheTimeIsAskedFor(t *testing.T) {
	const now, last = time.Hour, 50 * time.Minute
	is := func(phase lifecycle.Phase) supervise.State {
		return supervise.State{Name: system.TimeService, Wanted: true, Phase: phase}
	}
	byHand := is(lifecycle.PhaseDown)
	byHand.ByHand = true
	for _, tt := range []struct {
		name    string
		service supervise.State
		servers int
		renewed bool
		next    time.Duration
		act     timeAct
		until   time.Duration
	}{
		{"no server", is(lifecycle.PhaseReady), 0, true, 0, timeRest, never},
		{"no such service yet", supervise.State{}, 1, true, 0, timeRest, never},
		{"a person has stopped it", byHand, 1, true, 0, timeRest, never},
		{"the first server", supervise.State{Name: system.TimeService, Phase: lifecycle.PhaseDown}, 1, true, 0, timeStart, 0},
		{"it failed, and there are others now", is(lifecycle.PhaseBackoff), 1, true, 0, timeStart, 0},
		{"it failed", is(lifecycle.PhaseBackoff), 1, false, 0, timeRest, never},
		{"it asks", is(lifecycle.PhaseUp), 1, false, 0, timeRest, never},
		{"it asks, and there are others now", is(lifecycle.PhaseUp), 1, true, 0, timeTell, 0},
		{"set, and the next round is later", is(lifecycle.PhaseReady), 1, false, 2 * time.Hour, timeRest, 2 * time.Hour},
		{"set, and it is time", is(lifecycle.PhaseReady), 1, false, now, timeRound, 0},
		{"set, and there are others now", is(lifecycle.PhaseReady), 1, true, 2 * time.Hour, timeRound, 0},
		{"a round that wants another at once", is(lifecycle.PhaseReady), 1, false, 0, timeRound, 0},
		{"a process that says never", is(lifecycle.PhaseReady), 1, false, never, timeRest, last + roundLatest},
	} {
		act, until := decideTime(now, tt.service, tt.servers, tt.renewed, timesync.State{Next: tt.next}, last)
		if act != tt.act || until != tt.until {
			t.Errorf("%s: got %v until %v, want %v until %v", tt.name, act, until, tt.act, tt.until)
		}
	}
	// Whatever the process says, a minute is between two rounds.
	if act, until := decideTime(last+time.Second, is(lifecycle.PhaseReady), 1, false, timesync.State{}, last); act != timeRest || until != last+roundPause {
		t.Errorf("at once again: %v until %v", act, until)
	}
}
