package switcher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

// verdict is what judge says.
type verdict struct {
	failed  string        // service that will not become ready; "" if there is none
	err     error         // why it failed
	waiting []string      // what is missing; empty: proven
	again   time.Duration // time at which judging again can change the verdict without an event; 0: none
}

// judge compares what is seen at now with what has to be seen. What a person
// has stopped by now, and what needs that, is not asked for. It is pure; the
// loop that feeds it is in watch.go.
func (p proof) judge(now time.Duration, services []ServiceState, network NetworkState) verdict {
	var v verdict
	held := map[string]bool{}
	for _, s := range services {
		if s.ByHand {
			held[s.Name] = true
		}
	}
	blocked := blockedServices(p.system, held)
	for _, name := range p.services {
		if held[name] || blocked[name] != "" {
			continue
		}
		i := slices.IndexFunc(services, func(s ServiceState) bool { return s.Name == name })
		if i < 0 {
			return verdict{failed: name, err: fmt.Errorf("service %s: unknown to the supervisor", name)}
		}
		s := services[i]
		settled := max(s.Since, s.Reloaded) + p.settle
		switch {
		case !p.patient && s.gaveWay(p.since):
			return verdict{failed: name, err: fmt.Errorf("service %s: %s", name, s.fault(p.since))}
		case s.Phase == lifecycle.PhaseReady && s.PID != 0 && now < settled:
			v.waiting = append(v.waiting, fmt.Sprintf("service %s to stay up", name))
			if v.again == 0 || settled < v.again {
				v.again = settled
			}
		case s.Phase == lifecycle.PhaseReady:
			// proven
		case s.Phase == lifecycle.PhaseDown && s.Done && s.LastExit.Clean():
			// it did its work, ended well and is not to be started again
		case s.Phase == lifecycle.PhaseFailed, s.Stuck:
			return verdict{failed: name, err: fmt.Errorf("service %s: %s", name, s.fault(p.since))}
		default:
			v.waiting = append(v.waiting, fmt.Sprintf("service %s: %s", name, s.fault(p.since)))
		}
	}
	if !held[system.NetworkService] {
		v.waiting = append(v.waiting, p.network.missing(network)...)
	}
	return v
}

// gaveWay says whether the service has gone down by itself since then, keeps
// doing so, or is down for an earlier failure. One that ends well, and is
// started again, has gone down too.
func (s ServiceState) gaveWay(since time.Duration) bool {
	return s.Looping || s.fell(since) || s.Phase == lifecycle.PhaseBackoff && !s.LastExit.Clean()
}

// fell says whether the service has gone down by itself since then.
func (s ServiceState) fell(since time.Duration) bool { return s.Fell != 0 && s.Fell >= since }

// fault says where a service is instead of being ready, and staying so since then.
func (s ServiceState) fault(since time.Duration) string {
	exit := s.LastExit.String()
	down := s.Phase == lifecycle.PhaseDown || s.Phase == lifecycle.PhaseBackoff || s.Phase == lifecycle.PhaseFailed
	switch {
	case s.Reason != "":
		return s.Reason
	case exit != "" && s.Looping:
		return "keeps going down: " + exit
	case exit != "" && down:
		return exit
	case exit != "" && s.fell(since): // in the other phases that was an earlier process
		return exit + ", and was started again"
	}
	return string(s.Phase)
}

func (p networkProof) missing(n NetworkState) []string {
	switch {
	case p.config != "" && n.Config != p.config:
		return []string{"network: has not applied the new settings"}
	case p.mode == "off":
		return nil
	case len(p.wants) > 0:
		return n.lacks(p.wants)
	case !n.Online && (p.mode == "required" || p.before.Online):
		return append([]string{"network: not online"}, n.waiting()...)
	case p.mode != "auto":
		return nil
	}
	missing := slices.Concat(p.before.IPv4.lost(n.IPv4, "IPv4"), p.before.IPv6.lost(n.IPv6, "IPv6"))
	if p.routed && !n.IPv4.Routed && !n.IPv6.Routed {
		missing = append(missing, "network: has no default route any more")
	}
	return missing
}

// lacks says which of the zones and ports are not there, and what they wait for.
func (n NetworkState) lacks(wants []system.NetworkWant) (missing []string) {
	for _, w := range wants {
		var all Family
		var reasons []string
		up := false
		for _, name := range w.Ports {
			why := "it is not there"
			if i := slices.IndexFunc(n.Ports, func(p PortState) bool { return p.Name == name }); i >= 0 {
				p := n.Ports[i]
				of := p.IPv4
				if w.Family == system.FamilyIPv6 {
					of = p.IPv6
				}
				all, up, why = all.And(of.Addressed, of.Routed), up || p.Up, p.Waiting
			}
			if why != "" {
				reasons = append(reasons, fmt.Sprintf("port %s: %s", name, why))
			}
		}
		family := map[string]string{system.FamilyIPv4: "IPv4", system.FamilyIPv6: "IPv6"}[w.Family]
		what := ""
		switch {
		case family == "" && !up:
			what = "is not up"
		case family != "" && !all.Addressed:
			what = "has no " + family + " address"
		case family != "" && w.Out && !all.Routed:
			what = "has no " + family + " default route"
		default:
			continue
		}
		thing := map[bool]string{true: "zone ", false: "port "}[w.Zone] + w.Name
		missing = append(append(missing, "network: "+thing+" "+what), reasons...)
	}
	return missing
}

// lost says what of f is there no more.
func (f Family) lost(now Family, name string) []string {
	what := " default route"
	switch {
	case f.Addressed && !now.Addressed:
		what = " address"
	case !f.Routed || now.Routed:
		return nil
	}
	return []string{"network: has no " + name + what + " any more (if that is meant: proof.network = \"off\")"}
}

// waiting says which of the ports that matter are not up, and why.
func (n NetworkState) waiting() []string {
	var missing []string
	for _, port := range n.Ports {
		why := port.Waiting
		if why == "" && !port.Carrier {
			why = "no carrier"
		}
		if port.Explicit && !port.Optional && !port.Up {
			missing = append(missing, fmt.Sprintf("port %s: %s", port.Name, why))
		}
	}
	return missing
}

var errNotProven = errors.New("not proven in time")

// notProven is the error of a proof whose time is up.
func notProven(timeout time.Duration, waiting ...string) error {
	return fmt.Errorf("%w (%v): %s", errNotProven, timeout, strings.Join(waiting, "; "))
}
