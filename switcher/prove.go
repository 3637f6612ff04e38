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

// proof is what has to be seen of a machine before its generation is trusted.
// judge is pure; the loop that feeds it is in execute.go.
type proof struct {
	system   *system.System // what must be, as far as nobody stops it by hand
	services []string       // of it must be ready, and stay so
	restarts map[string]int // how often each of them had restarted by itself when the proof began
	settle   time.Duration  // time that a process must have been ready
	patient  bool           // a service that failed and will be started again is waited for
	network  networkProof
}

// networkProof is the network's part.
//
// With mode "auto" the machine has to be as connected as it was: if it was
// online, it has to be again, and if it had a default route, it needs one
// again. A machine that was not online loses nothing, so nothing is asked.
// "required" wants it online whatever was before. In both modes a configurator
// that was told to must have applied the new settings.
type networkProof struct {
	mode   string       // "auto", "required" or "off"
	config string       // hex digest that must have been applied; "": the network was not touched
	before NetworkState // the switch
}

// verdict is what judge says.
type verdict struct {
	failed  string        // service that will not become ready; "" if there is none
	err     error         // why it failed
	waiting []string      // what is missing; empty: proven
	again   time.Duration // time at which judging again can change the verdict without an event; 0: none
}

// judge compares what is seen at now with what has to be seen. What a person
// has stopped by now, and what needs that, is not asked for.
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
		clean := s.LastExit == lifecycle.CleanExit || s.LastExit == ""
		switch {
		case s.Phase == lifecycle.PhaseReady && !clean && s.Restarts > p.restarts[name] && !p.patient:
			return verdict{failed: name, err: fmt.Errorf("service %s: %s, and was started again", name, s.LastExit)}
		case s.Looping && !p.patient:
			return verdict{failed: name, err: fmt.Errorf("service %s: %s", name, s.fault())}
		case s.Phase == lifecycle.PhaseReady && s.PID != 0 && now < s.Since+p.settle:
			v.waiting = append(v.waiting, fmt.Sprintf("service %s to stay up", name))
			if settled := s.Since + p.settle; v.again == 0 || settled < v.again {
				v.again = settled
			}
		case s.Phase == lifecycle.PhaseReady:
			// proven
		case s.Phase == lifecycle.PhaseDown && s.Stuck && s.LastExit == lifecycle.CleanExit && s.Reason == lifecycle.CleanExit:
			// it did its work, ended well and is not to be started again
		case s.Phase == lifecycle.PhaseFailed, s.Stuck, s.Phase == lifecycle.PhaseBackoff && !clean && !p.patient:
			return verdict{failed: name, err: fmt.Errorf("service %s: %s", name, s.fault())}
		default:
			v.waiting = append(v.waiting, fmt.Sprintf("service %s: %s", name, s.fault()))
		}
	}
	if !held[system.NetworkService] {
		v.waiting = append(v.waiting, p.network.missing(network)...)
	}
	return v
}

// fault says where a service is instead of being ready.
func (s ServiceState) fault() string {
	switch {
	case s.Reason != "":
		return s.Reason
	case s.LastExit != "" && s.Looping:
		return "keeps going down: " + s.LastExit
	case s.LastExit != "" && slices.Contains([]lifecycle.Phase{lifecycle.PhaseDown, lifecycle.PhaseBackoff, lifecycle.PhaseFailed}, s.Phase):
		return s.LastExit // in the other phases that was an earlier process
	}
	return string(s.Phase)
}

func (p networkProof) missing(n NetworkState) []string {
	switch {
	case p.mode == "off":
		return nil
	case p.config != "" && n.Config != p.config:
		return []string{"network: has not applied the new settings"}
	case !n.Online && (p.mode == "required" || p.before.Online):
		return append([]string{"network: not online"}, n.waiting()...)
	case !n.Routed && p.mode == "auto" && p.before.Routed:
		return []string{"network: has no default route any more"}
	}
	return nil
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

// everything makes p ask for all services, whatever the plan touches.
func (p proof) everything() proof {
	p.services = nil
	for _, name := range startOrder(p.system.Services) {
		if !p.system.Services[name].MayFail {
			p.services = append(p.services, name)
		}
	}
	return p
}

// proofFor returns the proof of a switch that planned plan: what it touches, and
// what worked before, has to work after it. before and network were seen then.
func proofFor(plan Plan, to *system.System, config Digest, before []ServiceState, network NetworkState) proof {
	p := proof{
		system:   to,
		restarts: map[string]int{},
		settle:   time.Duration(to.Proof.Settle),
		network:  networkProof{mode: to.Proof.Network, before: network},
	}
	wanted := map[string]bool{}
	for _, s := range before {
		if s.Phase == lifecycle.PhaseReady && !s.Looping { // one that was crash-looping did not work
			wanted[s.Name] = true
			p.restarts[s.Name] = s.Restarts
		}
	}
	for _, step := range plan.Steps {
		switch {
		case step.Kind == KindService && step.Action != ActionStop:
			wanted[step.Name] = true
			if step.Action == ActionStart {
				p.restarts[step.Name] = 0 // the supervisor counts from there
			}
		case step.Kind == KindNetwork:
			p.network.config = config.Hex()
		}
	}
	for _, name := range startOrder(to.Services) {
		if wanted[name] && !to.Services[name].MayFail {
			p.services = append(p.services, name)
		}
	}
	return p
}

var errNotProven = errors.New("not proven in time")

// notProven is the error of a proof whose time is up.
func notProven(timeout time.Duration, waiting []string) error {
	return fmt.Errorf("%w (%v): %s", errNotProven, timeout, strings.Join(waiting, "; "))
}
