package switcher

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bantam/system"
)

// Kind is what a step acts on.
type Kind string

// The kinds of steps.
const (
	KindService  Kind = "service"
	KindNetwork  Kind = "network"
	KindUser     Kind = "user"
	KindModule   Kind = "module"
	KindSysctl   Kind = "sysctl"
	KindHostname Kind = "hostname"
)

// Action is what a step does.
type Action string

// The actions of steps.
const (
	ActionStop    Action = "stop"
	ActionStart   Action = "start"
	ActionReload  Action = "reload"
	ActionSet     Action = "set"
	ActionRestore Action = "restore" // of a kernel parameter, to what it was before
	ActionRemove  Action = "remove"
	ActionLoad    Action = "load"
)

// Step is one thing that a switch does.
type Step struct {
	Action     Action `json:"action"`
	Kind       Kind   `json:"kind"`
	Name       string `json:"name"`            // e.g. web, net.ipv4.ip_forward
	Value      string `json:"value,omitempty"` // to be set
	Reason     string `json:"reason"`          // e.g. service.web.command: ["a"] -> ["b"]
	Disruptive bool   `json:"disruptive"`      // something that works now may not work meanwhile
}

// Debt is a service that goes on running an older definition, as its on_change says.
type Debt struct {
	Service string `json:"service"`
	Reason  string `json:"reason"`
}

// Plan is everything a switch does to the running machine, in order. Between
// the last stop and the first other step the new definitions are adopted. The
// dry run prints the very value that a switch executes.
type Plan struct {
	Steps []Step   `json:"steps"`
	Debts []Debt   `json:"debts,omitempty"`
	Notes []string `json:"notes,omitempty"` // what a person should know, e.g. what waits for a reboot
}

// PlanSwitch says how to get from one view to another. From the zero View it
// is the boot, to the zero View the shutdown.
//
// What is not wanted any more, what has changed and what needs it is stopped,
// dependents first; then users, modules, kernel parameters and the host name
// are set, so that they are there for the network and for the services that
// start after it. What a person stopped stays stopped.
func PlanSwitch(from, to View) Plan {
	p := planner{from: from, to: to, fromSystem: orEmpty(from.System), toSystem: orEmpty(to.System)}
	p.changes = system.Diff(p.fromSystem, p.toSystem)
	p.plan.Steps = []Step{}
	stops, reloads := p.changedServices()
	p.stopServices(stops)
	if to.System != nil {
		p.users()
		p.modules()
		p.sysctls()
		p.hostname()
	}
	p.network()
	p.reloadServices(reloads)
	p.startServices(stops)
	return p.plan
}

func orEmpty(s *system.System) *system.System {
	if s == nil {
		return &system.System{}
	}
	return s
}

type planner struct {
	from, to             View
	fromSystem, toSystem *system.System
	changes              []system.Change
	plan                 Plan
}

func (p *planner) step(s Step) { p.plan.Steps = append(p.plan.Steps, s) }

func (p *planner) note(format string, args ...any) {
	p.plan.Notes = append(p.plan.Notes, fmt.Sprintf(format, args...))
}

// changedServices decides for every running service. stops and reloads map its name to the reason.
func (p *planner) changedServices() (stops, reloads map[string]string) {
	stops, reloads = map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.from.Services)) {
		runs := p.from.Services[name]
		want, wanted := p.to.Services[name]
		policy := p.toSystem.Services[name].OnChange
		switch {
		case p.to.System == nil:
			stops[name] = "shutdown"
		case !wanted:
			stops[name] = "service." + name + " removed"
		case runs == want && policy == "reload" && p.from.Accepted[name] != "":
			reloads[name] = p.serviceReason(name) // it was told of a newer definition, and has to hear that this is over
		case runs == want:
			// nothing to do
		case p.from.Fresh[name]:
			stops[name] = p.serviceReason(name)
		case policy == "none" || policy == "reload":
			p.plan.Debts = append(p.plan.Debts, Debt{name, p.serviceReason(name)})
			if policy == "reload" && p.from.Accepted[name] != want {
				reloads[name] = p.serviceReason(name)
			}
		default:
			stops[name] = p.serviceReason(name)
		}
	}
	for p.addDependents(stops) {
	}
	for name := range stops {
		delete(reloads, name)
	}
	p.plan.Debts = slices.DeleteFunc(p.plan.Debts, func(d Debt) bool { return stops[d.Service] != "" })
	return stops, reloads
}

// addDependents adds running services that need one of stops: they go and come
// with it. It reports whether there were any.
func (p *planner) addDependents(stops map[string]string) (added bool) {
	for _, name := range slices.Sorted(maps.Keys(p.from.Services)) {
		for _, need := range p.fromSystem.Services[name].Needs {
			if stops[name] == "" && stops[need] != "" {
				stops[name] = "needs " + need
				added = true
			}
		}
	}
	return added
}

// serviceReason says which keys of a service, or of its user, have changed.
func (p *planner) serviceReason(name string) string {
	prefixes := []string{keyPath("service", name)}
	if user := p.toSystem.Services[name].User; user != "" {
		prefixes = append(prefixes, keyPath("user", user))
	}
	if reason := p.reason(prefixes...); reason != "" {
		return reason
	}
	return keyPath("service", name) + ": the program it runs, or an older definition that it still runs with"
}

// keyPath is a table's path as system.Diff writes it: names that TOML must quote are quoted.
func keyPath(table, name string) string {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return table + "." + strconv.Quote(name)
		}
	}
	return table + "." + name
}

// reason lists the changes of keys that are, or lie below, one of prefixes.
func (p *planner) reason(prefixes ...string) string {
	var found []string
	for _, prefix := range prefixes {
		for _, c := range p.changes {
			if c.Path == prefix || strings.HasPrefix(c.Path, prefix+".") {
				found = append(found, c.String())
			}
		}
	}
	return strings.Join(found, "; ")
}

func (p *planner) stopServices(stops map[string]string) {
	order := startOrder(p.fromSystem.Services)
	slices.Reverse(order)
	for _, name := range order {
		if why, ok := stops[name]; ok {
			p.step(Step{Action: ActionStop, Kind: KindService, Name: name, Reason: why, Disruptive: true})
		}
	}
}

func (p *planner) users() {
	for _, name := range bothKeys(p.fromSystem.Users, p.toSystem.Users) {
		want, wanted := p.toSystem.Users[name]
		have, is := p.fromSystem.Users[name]
		switch {
		case !wanted:
			p.step(Step{Action: ActionRemove, Kind: KindUser, Name: name, Reason: p.reason(keyPath("user", name))})
		case !is || have != want:
			p.step(Step{Action: ActionSet, Kind: KindUser, Name: name, Reason: p.reason(keyPath("user", name))})
		}
	}
}

func (p *planner) modules() {
	for i, name := range p.toSystem.Modules {
		if !slices.Contains(p.fromSystem.Modules, name) && !slices.Contains(p.toSystem.Modules[:i], name) {
			p.step(Step{Action: ActionLoad, Kind: KindModule, Name: name, Reason: p.reason("modules")})
		}
	}
	for _, name := range p.fromSystem.Modules {
		if !slices.Contains(p.toSystem.Modules, name) {
			p.note("module %s stays loaded until the next boot", name)
		}
	}
}

func (p *planner) hostname() {
	if p.fromSystem.Hostname != p.toSystem.Hostname {
		p.step(Step{Action: ActionSet, Kind: KindHostname, Name: p.toSystem.Hostname, Value: p.toSystem.Hostname, Reason: p.reason("hostname")})
	}
}

func (p *planner) network() {
	s := Step{Kind: KindNetwork, Name: system.NetworkService}
	switch {
	case p.to.System == nil && !p.from.Network:
		return
	case p.to.System != nil && p.from.Held[system.NetworkService]:
		p.note("the network was stopped by hand and stays stopped")
		return
	case p.to.System == nil:
		s.Action, s.Reason, s.Disruptive = ActionStop, "shutdown", true
	case !p.from.Network:
		s.Action, s.Reason = ActionStart, "the network is not running"
	case !reflect.DeepEqual(p.fromSystem.Net, p.toSystem.Net):
		s.Action, s.Reason, s.Disruptive = ActionReload, p.reason("net", "dns"), true
	case !reflect.DeepEqual(p.fromSystem.DNS, p.toSystem.DNS):
		s.Action, s.Reason = ActionReload, p.reason("dns")
	case p.portParameters() != "":
		s.Action, s.Reason = ActionReload, p.portParameters()
	default:
		return
	}
	p.step(s)
}

func (p *planner) reloadServices(reloads map[string]string) {
	for _, name := range startOrder(p.toSystem.Services) {
		if why, ok := reloads[name]; ok {
			p.step(Step{Action: ActionReload, Kind: KindService, Name: name, Reason: why})
		}
	}
}

func (p *planner) startServices(stopped map[string]string) {
	blocked := blockedServices(p.toSystem, p.from.Held)
	for _, name := range startOrder(p.toSystem.Services) {
		_, runs := p.from.Services[name]
		why, was := stopped[name]
		if p.from.Held[name] {
			p.note("service %s was stopped by hand and stays stopped", name)
			continue
		}
		if runs && !was {
			continue
		}
		if !was {
			why = p.startReason(name)
		}
		if need := blocked[name]; need != "" {
			p.note("service %s waits for %s, which was stopped by hand", name, need)
		}
		p.step(Step{Action: ActionStart, Kind: KindService, Name: name, Reason: why})
	}
}

func (p *planner) startReason(name string) string {
	if _, defined := p.fromSystem.Services[name]; !defined {
		return "service." + name + " added"
	}
	return "service." + name + " does not run"
}

// quoted returns a value as system.toml has it, "" if it is not there.
func quoted(value string, is bool) string {
	if !is {
		return ""
	}
	return strconv.Quote(value)
}

// bothKeys returns the keys of both maps, sorted.
func bothKeys[M ~map[string]V, V any](a, b M) []string {
	all := maps.Clone(b)
	if all == nil {
		all = M{}
	}
	maps.Copy(all, a)
	return slices.Sorted(maps.Keys(all))
}
