package switcher

import (
	"strings"
	"testing"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

func TestProofOfServices(t *testing.T) {
	const began, now = 80 * time.Second, 100 * time.Second
	ready := ServiceState{Name: "web", Phase: lifecycle.PhaseReady, PID: 7, Since: 90 * time.Second, Wanted: true}
	with := func(change func(*ServiceState)) ServiceState {
		s := ready
		change(&s)
		return s
	}
	crash := lifecycle.Exit{Cause: lifecycle.Signalled, Signal: 11}
	for _, c := range []struct {
		name    string
		state   ServiceState
		patient bool
		want    string // "proven", "waits ..." or "failed ..."
	}{
		{"a service that is up for longer than settle", ready, false, "proven"},
		{"a service that has just come up", with(func(s *ServiceState) { s.Since = now - time.Second }), false, "waits service web to stay up"},
		{"a service that was just reloaded", with(func(s *ServiceState) { s.Reloaded = now - time.Second }), false, "waits service web to stay up"},
		{"a service that was reloaded and has stayed up", with(func(s *ServiceState) { s.Reloaded = now - 3*time.Second }), false, "proven"},
		{"a one-shot that has ended well", with(func(s *ServiceState) { s.PID, s.Since, s.LastExit = 0, now, exited(0) }), false, "proven"},
		{"a one-shot that was started again until it ended well", with(func(s *ServiceState) { s.PID, s.Fell, s.LastExit = 0, now-5*time.Second, exited(0) }), false,
			"failed service web: exit status 0, and was started again"},
		{"a service on its way", with(func(s *ServiceState) { s.Phase, s.Reason = lifecycle.PhaseUp, "" }), false, "waits service web: up"},
		{"a service that waits for another", with(func(s *ServiceState) { s.Phase, s.PID, s.Reason = lifecycle.PhaseDown, 0, "waits for db" }), false, "waits service web: waits for db"},
		{"a service in back-off", with(func(s *ServiceState) { s.Phase, s.LastExit, s.Fell = lifecycle.PhaseBackoff, exited(1), now }), false, "failed service web: exit status 1"},
		{"a service in back-off for what was before", with(func(s *ServiceState) { s.Phase, s.LastExit, s.Fell = lifecycle.PhaseBackoff, exited(1), began-1 }), false, "failed service web: exit status 1"},
		{"a service in back-off, looked at patiently", with(func(s *ServiceState) { s.Phase, s.LastExit, s.Fell = lifecycle.PhaseBackoff, exited(1), now }), true, "waits service web: exit status 1"},
		{"a service that was not ready in time and then obeyed", with(func(s *ServiceState) {
			s.Phase, s.LastExit, s.Fell = lifecycle.PhaseBackoff, lifecycle.Exit{Cause: lifecycle.TimedOut, Limit: time.Minute}, now
		}), false, "failed service web: not ready within 1m0s"},
		{"a clean end soon after the start, restarted by policy", with(func(s *ServiceState) { s.Phase, s.LastExit, s.Fell = lifecycle.PhaseBackoff, exited(0), now }), false,
			"failed service web: exit status 0"},
		{"a clean end of one that was up for long", with(func(s *ServiceState) { s.Phase, s.LastExit = lifecycle.PhaseBackoff, exited(0) }), false, "waits service web: exit status 0"},
		{"a service up again after a failure", with(func(s *ServiceState) { s.LastExit, s.Fell = crash, began }), false, "failed service web: " + crash.String() + ", and was started again"},
		{"a service up again after a failure before", with(func(s *ServiceState) { s.LastExit, s.Fell = crash, began-1 }), false, "proven"},
		{"a service up again after a clean end", with(func(s *ServiceState) { s.LastExit, s.Fell = exited(0), now-6*time.Second }), false, "failed service web: exit status 0, and was started again"},
		{"a service up again after a failure, looked at patiently", with(func(s *ServiceState) { s.LastExit, s.Fell = crash, now-6*time.Second }), true, "proven"},
		{"a service that will not be started again", with(func(s *ServiceState) { s.Phase, s.Stuck, s.Reason = lifecycle.PhaseFailed, true, "exit status 2" }), true, "failed service web: exit status 2"},
		{"a service whose need has failed", with(func(s *ServiceState) {
			s.Phase, s.PID, s.Stuck, s.Reason = lifecycle.PhaseDown, 0, true, "waits for db"
		}), true, "failed service web: waits for db"},
		{"a service that ended well and is not to be started again", with(func(s *ServiceState) {
			s.Phase, s.PID, s.Stuck, s.Done, s.LastExit, s.Reason = lifecycle.PhaseDown, 0, true, true, exited(0), "exit status 0"
		}), false, "proven"},
		{"a service that ended well before, and cannot start now", with(func(s *ServiceState) {
			s.Phase, s.PID, s.Stuck, s.LastExit, s.Reason = lifecycle.PhaseDown, 0, true, exited(0), "waits for db"
		}), false, "failed service web: waits for db"},
		{"a service that ended with status 0 while the kernel killed some of it", with(func(s *ServiceState) {
			s.Phase, s.PID, s.Stuck, s.Done, s.LastExit = lifecycle.PhaseDown, 0, true, true, lifecycle.Exit{Cause: lifecycle.Exited, Starved: true}
		}), false, "failed service web: exit status 0, some of it killed: out of memory"},
		{"a service that is ready for a moment and keeps ending well", with(func(s *ServiceState) { s.Looping, s.LastExit = true, exited(0) }), false, "failed service web: keeps going down: exit status 0"},
		{"a service that keeps going down, looked at patiently", with(func(s *ServiceState) { s.Looping, s.LastExit = true, exited(1) }), true, "proven"},
		{"a service on its way again", with(func(s *ServiceState) { s.Phase, s.LastExit = lifecycle.PhaseUp, exited(1) }), true, "waits service web: up"},
		{"a service that nobody knows", with(func(s *ServiceState) { s.Name = "other" }), false, "failed service web: unknown to the supervisor"},
	} {
		p := proof{services: []string{"web"}, system: &system.System{}, since: began, settle: 2 * time.Second, patient: c.patient, network: networkProof{mode: "off"}}
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

func TestProofOfTheNetwork(t *testing.T) {
	has := func(v4, v6 Family) NetworkState { return NetworkState{Online: true, IPv4: v4, IPv6: v6} }
	none, subnet, whole := Family{}, Family{Addressed: true}, Family{Addressed: true, Routed: true}
	online := has(none, none)
	down := NetworkState{Ports: []PortState{
		{Name: "eth0", Explicit: true, Carrier: true, Waiting: "no answer from a DHCP server"},
		{Name: "eth1", Explicit: true, Optional: true}, {Name: "eth2"},
		{Name: "eth3", Explicit: true}, {Name: "eth4", Explicit: true, Up: true},
	}}
	const meant = " (if that is meant: proof.network = \"off\")"
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
		{"auto, had a default route and has", networkProof{mode: "auto", before: has(whole, none)}, has(whole, none), "proven"},
		{"auto, had a default route and has none", networkProof{mode: "auto", before: has(whole, none)}, has(subnet, none), "waits network: has no IPv4 default route any more" + meant},
		{"auto, had both and only IPv6 is left", networkProof{mode: "auto", before: has(whole, whole)}, has(subnet, whole), "waits network: has no IPv4 default route any more" + meant},
		{"auto, had IPv4 and has IPv6", networkProof{mode: "auto", before: has(whole, none)}, has(none, whole), "waits network: has no IPv4 address any more" + meant},
		{"auto, had both and only IPv4 is left", networkProof{mode: "auto", before: has(whole, whole)}, has(whole, subnet), "waits network: has no IPv6 default route any more" + meant},
		{"auto, had both and has neither", networkProof{mode: "auto", before: has(whole, whole)}, has(subnet, none),
			"waits network: has no IPv4 default route any more" + meant + "; network: has no IPv6 address any more" + meant},
		{"auto, has more than before", networkProof{mode: "auto", before: has(whole, none)}, has(whole, whole), "proven"},
		{"auto, an address without a route before", networkProof{mode: "auto", before: has(subnet, none)}, has(subnet, none), "proven"},
		{"auto, an older record says that there was a route, and there is", networkProof{mode: "auto", before: online, routed: true}, has(none, whole), "proven"},
		{"auto, an older record says that there was a route, and there is none", networkProof{mode: "auto", before: online, routed: true}, has(subnet, subnet), "waits network: has no default route any more"},
		{"auto, online with the old settings", networkProof{mode: "auto", before: online, config: "new"}, NetworkState{Online: true, Config: "old"},
			"waits network: has not applied the new settings"},
		{"auto, never online, with the new settings", networkProof{mode: "auto", config: "new"}, NetworkState{Config: "new"}, "proven"},
		{"required, never online", networkProof{mode: "required"}, down, waits},
		{"required, online without a default route", networkProof{mode: "required", before: has(whole, whole), routed: true}, online, "proven"},
		{"off", networkProof{mode: "off", before: has(whole, whole)}, down, "proven"},
		{"off, with the new settings", networkProof{mode: "off", config: "new"}, NetworkState{Config: "new"}, "proven"},
		{"off, with the old settings", networkProof{mode: "off", config: "new"}, NetworkState{Online: true, Config: "old"}, "waits network: has not applied the new settings"},
		{"off, and nothing is known of it yet", networkProof{mode: "off", config: "new"}, NetworkState{}, "waits network: has not applied the new settings"},
	} {
		if got := (proof{system: &system.System{}, network: c.proof}).judge(0, nil, c.state).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What is named must be there, and nothing else is asked for.
func TestProofOfZonesAndPorts(t *testing.T) {
	sys, problems := system.Parse("system.toml", []byte(`
[net.dsl]
zone = "wan"
[net.cable]
zone = "wan"
[net.lan]
addresses = ["192.168.1.1/24", "fd00::1/64"]
zone = "lan"
[net.eth9]
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	subnet, whole := Family{Addressed: true}, Family{Addressed: true, Routed: true}
	port := func(name, waiting string, v4, v6 Family) PortState {
		return PortState{Name: name, Carrier: true, Explicit: true, Up: waiting == "", Waiting: waiting, IPv4: v4, IPv6: v6}
	}
	lan := port("lan", "", subnet, subnet)
	for _, c := range []struct {
		name  string
		wants string
		ports []PortState
		want  string
	}{
		{"a zone of two ports, of which one is up", "wan ", []PortState{port("dsl", "no carrier", Family{}, Family{}), port("cable", "", whole, Family{})}, "proven"},
		{"a zone of which no port is up", "wan ", []PortState{port("dsl", "no carrier", Family{}, Family{}), port("cable", "DHCP answer", Family{}, whole)},
			"waits network: zone wan is not up; port cable: DHCP answer; port dsl: no carrier"},
		{"a zone of which a port is not there", "wan/ipv4 ", []PortState{port("dsl", "no carrier", Family{}, Family{})},
			"waits network: zone wan has no IPv4 address; port cable: it is not there; port dsl: no carrier"},
		{"each has one of both kinds", "wan/ipv4 wan/ipv6 ", []PortState{port("dsl", "", whole, Family{}), port("cable", "", Family{}, whole)}, "proven"},
		{"strangers' zone without a way out", "wan/ipv6 ", []PortState{port("dsl", "", whole, subnet)}, "waits network: zone wan has no IPv6 default route; port cable: it is not there"},
		{"the house needs no way out", "lan/ipv4 lan/ipv6 lan ", []PortState{lan}, "proven"},
		{"a port by its name, which needs no way out", "eth9/ipv4 ", []PortState{port("eth9", "router advertisement", subnet, Family{})}, "proven"},
		{"a port by its name", "eth9/ipv6 lan ", []PortState{port("eth9", "router advertisement", subnet, Family{}), lan}, "waits network: port eth9 has no IPv6 address; port eth9: router advertisement"},
		{"two that are not there", "lan eth9 ", nil, "waits network: zone lan is not up; port lan: it is not there; network: port eth9 is not up; port eth9: it is not there"},
	} {
		sys.Proof.Network = system.NetworkProof(c.wants)
		p := proofFor(circumstances{to: sys, network: NetworkState{Online: true, IPv4: whole, IPv6: whole}})
		if got := p.judge(0, nil, NetworkState{Ports: c.ports}).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
