package switcher

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bantam/lifecycle"
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
	passwords := map[string]string{}
	for _, use := range sys.Secrets() {
		if use.Session != "" {
			passwords[use.Path] = d.Items[KindSecret][use.Secret]
		}
	}
	text, err := json.Marshal([]any{sys.Net, sys.DNS, ports, sys.Hosts, sys.Zones, sys.Forwards, sys.Firewall, openSSH(sys), passwords})
	return Items{system.NetworkService: lifecycle.WithFiles("", "", string(text))}, err // it reads all of it again when it is told to reload
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
	secrets := ""
	if p.to.System != nil {
		secrets = p.changedSecrets(func(use system.SecretUse) bool { return use.Net != "" })
	}
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
	case have == p.to.Items[KindNetwork][system.NetworkService] && secrets == "":
		return
	default:
		interrupted := system.Interruptions(p.fromSystem.Net, p.toSystem.Net)
		password := p.changedSecrets(func(use system.SecretUse) bool {
			return use.Session != "" && !use.Wifi && p.fromSystem.Net[use.Session].PPPoE != nil
		})
		if password != "" {
			interrupted = append(interrupted, password+": the sessions with providers that it is for end, and are opened anew")
		}
		passphrase := p.changedSecrets(func(use system.SecretUse) bool {
			return use.Wifi && p.fromSystem.Net[use.Session].Wifi != nil
		})
		if passphrase != "" {
			interrupted = append(interrupted, passphrase+": the radios of its networks begin anew")
		}
		for _, line := range interrupted {
			p.note("%s", line)
		}
		s.Action, s.Disruptive = ActionReload, len(interrupted) > 0
		s.Reason = p.reason("net", "dns", "host", "zone", "forward", "firewall")
		if s.Reason == "" && openSSH(p.toSystem) != openSSH(p.fromSystem) {
			s.Reason = p.reason("ssh.port")
		}
		if s.Reason == "" {
			s.Reason = p.reason(p.portParameters()...)
		}
		s.Reason = cmp.Or(s.Reason, password, passphrase, secrets, "it runs with other settings")
	}
	switch before, after := len(orEmpty(p.fromSystem).ZonesInForce()) > 0, len(orEmpty(p.toSystem).ZonesInForce()) > 0; {
	case after && !before:
		p.note("the machine becomes a router with a firewall: net.ipv4.ip_forward and net.ipv6.conf.all.forwarding go on behind it")
	case before && !after && p.to.System != nil:
		p.note("the firewall goes: net.ipv4.ip_forward and net.ipv6.conf.all.forwarding are what they were before it")
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
	before := portsOf(orEmpty(c.from.system).Net)
	ports := portsOf(c.to.system.Net)
	for _, name := range sortedKeys(ports) {
		if before[name] != "" || slices.Contains(links, name) {
			continue
		}
		faults = append(faults, fmt.Errorf("%s: this machine has no port %s, it has %s%s", ports[name], name, strings.Join(links, ", "),
			map[bool]string{true: "; `optional = true` allows one that comes later"}[ports[name] == "net."+name]))
	}
	return faults, nil
}

// portsOf are the ports that must be there, by name, each with the table that names it. Of one that is known by
// something else than the kernel's name nothing can be said here.
func portsOf(net map[string]system.Net) map[string]string {
	ports := map[string]string{}
	made := map[string]bool{}
	for name, n := range net {
		made[name] = true
		if n.Veth != nil {
			made[n.Veth.Peer] = true
		}
	}
	for name, n := range net {
		if n.IsPort() && n.Match == nil && !n.Optional {
			ports[name] = "net." + name
		}
		for _, below := range append(slices.Clone(n.Members()), n.Parent()) {
			if below != "" && !made[below] && !n.Optional {
				ports[below] = "net." + name
			}
		}
	}
	for _, n := range net {
		if n.Veth != nil {
			delete(ports, n.Veth.Peer)
		}
	}
	return ports
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
