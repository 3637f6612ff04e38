package switcher

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bantam/system"
)

// KindNetwork is the network configurator, a service that a system's [net] and [dns] are for. What is served to others,
// [host] included, is told to their servers beside it.
const KindNetwork Kind = "network"

type networkKind struct{ separate }

type networkMachine interface {
	Network() (NetworkState, error)
}

func (m *bounded) Network() (NetworkState, error) {
	return named(m, answerLimit, "the network's state", m.Machine.Network)
}

func (networkKind) name() Kind { return KindNetwork }

// desired has the fingerprint of what the configurator reads of a system: ports, name servers, the firewall with the port
// of SSH, which zones may open by its name, and the parameters of ports, which it sets where the system does not.
func (networkKind) desired(_ Machine, d *Desired) (Items, error) {
	sys := d.System
	ports := map[string]string{}
	for name, value := range sys.Sysctl {
		if _, _, _, ok := interfaceParameter(name); ok {
			ports[name] = value
		}
	}
	text, err := json.Marshal([]any{sys.Net, sys.DNS, ports, sys.Hosts, sys.Zones, sys.Forwards, sys.Firewall, openSSH(sys)})
	return Items{system.NetworkService: DigestOf(text).Hex()}, err
}

func (networkKind) observe(_ Machine, o *Observed, _ Desired) (Items, error) {
	items := Items{}
	if s := o.service(system.NetworkService); s.Wanted {
		items[system.NetworkService] = cmp.Or(s.knows(), s.Defined) // without a process: what it will start with
	}
	return items, nil
}

func (networkKind) plan(p *planner) {
	have, runs := p.from.Items[KindNetwork][system.NetworkService]
	s := Step{Kind: KindNetwork, Name: system.NetworkService}
	switch {
	case p.to.System == nil && !runs:
		return
	case p.to.System == nil:
		s.Action, s.Reason, s.Disruptive = ActionStop, "shutdown", true
	case p.from.service(system.NetworkService).ByHand:
		p.note("the network was stopped by hand and stays stopped")
		return
	case !runs:
		s.Action, s.Reason = ActionStart, "the network is not running"
	case have == p.to.Items[KindNetwork][system.NetworkService]:
		return
	default:
		s.Action, s.Disruptive = ActionReload, !reflect.DeepEqual(p.fromSystem.Net, p.toSystem.Net)
		s.Reason = p.reason("net", "dns", "host", "zone", "forward", "firewall")
		if s.Reason == "" && openSSH(p.toSystem) != openSSH(p.fromSystem) {
			s.Reason = p.reason("ssh.port")
		}
		if s.Reason == "" {
			s.Reason = p.reason(p.portParameters()...)
		}
		if s.Reason == "" {
			s.Reason = "it runs with other settings"
		}
	}
	s.Text = string(s.Action) + " network"
	p.step(s)
}

// openSSH is the port that the firewall opens where a zone may use ssh; 0 where none may.
func openSSH(s *system.System) int {
	for _, z := range s.Zones {
		if slices.Contains(z.Open, "ssh") {
			return s.SSH.Port
		}
	}
	return 0
}

// portParameters are the key paths of interfaces' parameters.
func (p *planner) portParameters() (paths []string) {
	for _, name := range bothKeys(p.fromSystem.Sysctl, p.toSystem.Sysctl) {
		if _, _, _, ok := interfaceParameter(name); ok {
			paths = append(paths, "sysctl."+strconv.Quote(name))
		}
	}
	return paths
}

// check finds ports that a person has just named and that do not exist.
// A port that the running generation names too may have been pulled, and one
// whose module comes with this generation is not there yet.
func (networkKind) check(c *precheck) (faults []error, notes []string) {
	if c.verb == VerbRollback {
		return nil, nil
	}
	network, err := c.machine.Network()
	if err != nil {
		return []error{err}, nil
	}
	links := network.Links
	if links == nil || c.bringsModules() {
		return nil, nil
	}
	for _, name := range sortedKeys(c.to.system.Net) {
		_, before := orEmpty(c.from.system).Net[name]
		if before || c.to.system.Net[name].Optional || slices.Contains(links, name) {
			continue
		}
		faults = append(faults, fmt.Errorf("net.%s: this machine has no such port, it has %s; `optional = true` allows one that comes later",
			name, strings.Join(links, ", ")))
	}
	return faults, nil
}

func (networkKind) apply(ctx context.Context, o *operation, batch []Step, _ target) error {
	m, names := o.s.machine, []string{system.NetworkService}
	switch batch[0].Action {
	case ActionStop:
		return failed(batch[0], m.StopServices(ctx, names))
	case ActionStart:
		return failed(batch[0], m.StartServices(names))
	case ActionReload:
		return failed(batch[0], m.ReloadServices(names))
	}
	return errors.ErrUnsupported
}
