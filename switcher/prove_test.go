package switcher

import (
	"strings"
	"testing"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

func TestProofOfServices(t *testing.T) {
	const now = 100 * time.Second
	ready := ServiceState{Name: "web", Phase: lifecycle.PhaseReady, PID: 7, Since: 90 * time.Second, Wanted: true}
	with := func(change func(*ServiceState)) ServiceState {
		s := ready
		change(&s)
		return s
	}
	for _, c := range []struct {
		name    string
		state   ServiceState
		patient bool
		want    string // "proven", "waits ..." or "failed ..."
	}{
		{"a service that is up for longer than settle", ready, false, "proven"},
		{"a service that has just come up", with(func(s *ServiceState) { s.Since = now - time.Second }), false, "waits service web to stay up"},
		{"a one-shot that has ended well", with(func(s *ServiceState) { s.PID, s.Since, s.LastExit = 0, now, lifecycle.CleanExit }), false, "proven"},
		{"a service on its way", with(func(s *ServiceState) { s.Phase, s.Reason = "up", "" }), false, "waits service web: up"},
		{"a service that waits for another", with(func(s *ServiceState) { s.Phase, s.PID, s.Reason = lifecycle.PhaseDown, 0, "waits for db" }), false, "waits service web: waits for db"},
		{"a service in back-off", with(func(s *ServiceState) { s.Phase, s.LastExit = lifecycle.PhaseBackoff, "exit status 1" }), false, "failed service web: exit status 1"},
		{"a service in back-off, looked at patiently", with(func(s *ServiceState) { s.Phase, s.LastExit = lifecycle.PhaseBackoff, "exit status 1" }), true, "waits service web: exit status 1"},
		{"a clean end that restarts by policy", with(func(s *ServiceState) {
			s.Phase, s.LastExit, s.Restarts = lifecycle.PhaseBackoff, lifecycle.CleanExit, 1
		}), false, "waits service web: exit status 0"},
		{"a service up again after a failure", with(func(s *ServiceState) { s.LastExit, s.Restarts = "signal 11", 1 }), false, "failed service web: signal 11, and was started again"},
		{"a service up again after a clean end", with(func(s *ServiceState) { s.LastExit, s.Restarts = lifecycle.CleanExit, 1 }), false, "proven"},
		{"a service that will not be started again", with(func(s *ServiceState) { s.Phase, s.Stuck, s.Reason = lifecycle.PhaseFailed, true, "exit status 2" }), true, "failed service web: exit status 2"},
		{"a service whose need has failed", with(func(s *ServiceState) {
			s.Phase, s.PID, s.Stuck, s.Reason = lifecycle.PhaseDown, 0, true, "waits for db"
		}), true, "failed service web: waits for db"},
		{"a service that ended well and is not to be started again", with(func(s *ServiceState) {
			s.Phase, s.PID, s.Stuck, s.LastExit, s.Reason = lifecycle.PhaseDown, 0, true, lifecycle.CleanExit, lifecycle.CleanExit
		}), false, "proven"},
		{"a service that is ready for a moment and keeps ending well", with(func(s *ServiceState) { s.Looping, s.LastExit = true, lifecycle.CleanExit }), false, "failed service web: keeps going down: exit status 0"},
		{"a service that keeps going down, looked at patiently", with(func(s *ServiceState) { s.Looping, s.LastExit = true, "exit status 1" }), true, "proven"},
		{"a service on its way again", with(func(s *ServiceState) { s.Phase, s.LastExit = "up", "exit status 1" }), true, "waits service web: up"},
		{"a service that nobody knows", with(func(s *ServiceState) { s.Name = "other" }), false, "failed service web: unknown to the supervisor"},
	} {
		p := proof{services: []string{"web"}, system: &system.System{}, restarts: map[string]int{}, settle: 2 * time.Second, patient: c.patient, network: networkProof{mode: "off"}}
		if got := p.judge(now, []ServiceState{c.state}, NetworkState{}).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func (v verdict) String() string {
	switch {
	case v.err != nil:
		return "failed " + v.err.Error()
	case len(v.waiting) > 0:
		return "waits " + strings.Join(v.waiting, "; ")
	}
	return "proven"
}

func TestTheProofDoesNotAskForWhatWasCrashLoopingBefore(t *testing.T) {
	services := map[string]system.Service{"web": {}, "db": {}}
	goal := &system.System{Services: services}
	before := []ServiceState{{Name: "db", Phase: lifecycle.PhaseReady}, {Name: "web", Phase: lifecycle.PhaseReady, Looping: true}}
	if p := proofFor(Plan{}, goal, "", before, NetworkState{}); len(p.services) != 1 || p.services[0] != "db" {
		t.Errorf("asks for %q, want db alone", p.services)
	}
}

func TestProofOfTheNetwork(t *testing.T) {
	online := NetworkState{Online: true}
	routed := NetworkState{Online: true, Routed: true}
	down := NetworkState{Ports: []PortState{
		{Name: "eth0", Explicit: true, Carrier: true, Waiting: "no answer from a DHCP server"},
		{Name: "eth1", Explicit: true, Optional: true}, {Name: "eth2"},
		{Name: "eth3", Explicit: true}, {Name: "eth4", Explicit: true, Up: true},
	}}
	const waits = "waits network: not online; port eth0: no answer from a DHCP server; port eth3: no carrier"
	for _, c := range []struct {
		name  string
		proof networkProof
		state NetworkState
		want  string
	}{
		{"auto, never online", networkProof{mode: "auto"}, down, "proven"},
		{"auto, was online and is", networkProof{mode: "auto", before: online}, online, "proven"},
		{"auto, was online and is not", networkProof{mode: "auto", before: online}, down, waits},
		{"auto, had a default route and has", networkProof{mode: "auto", before: routed}, routed, "proven"},
		{"auto, had a default route and has none", networkProof{mode: "auto", before: routed}, online, "waits network: has no default route any more"},
		{"auto, online with the old settings", networkProof{mode: "auto", before: online, config: "new"}, NetworkState{Online: true, Config: "old"},
			"waits network: has not applied the new settings"},
		{"auto, never online, with the new settings", networkProof{mode: "auto", config: "new"}, NetworkState{Config: "new"}, "proven"},
		{"required, never online", networkProof{mode: "required"}, down, waits},
		{"required, online without a default route", networkProof{mode: "required", before: routed}, online, "proven"},
		{"off", networkProof{mode: "off", before: routed, config: "new"}, down, "proven"},
	} {
		if got := (proof{system: &system.System{}, network: c.proof}).judge(0, nil, c.state).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
