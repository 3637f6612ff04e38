package switcher

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bantam/system"
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
	Text       string `json:"text"`            // all of that for people, e.g. start service web
	Reason     string `json:"reason"`          // e.g. service.web.command: ["a"] -> ["b"]
	Disruptive bool   `json:"disruptive"`      // something that works now may not work meanwhile
}

// Stale is a service that goes on running an older definition, as its on_change says.
type Stale struct {
	Service string `json:"service"`
	Reason  string `json:"reason"`
}

// Plan is everything a switch does to the running machine, in order. Between
// the last stop and the first other step the new definitions are adopted. The
// dry run prints the very value that a switch executes.
type Plan struct {
	Steps []Step   `json:"steps"`
	Stale []Stale  `json:"stale,omitempty"`
	Notes []string `json:"notes,omitempty"` // what a person should know, e.g. what waits for a reboot
}

// planSwitch says how to get from what is observed to what is desired. fresh are services that the switch under way has
// started: on its way back no on_change keeps them.
//
// Every kind stops what it has to, the last one of the table first; then every kind changes and starts, the first one first.
func planSwitch(from Observed, to Desired, fresh map[string]bool) Plan {
	p := planner{from: from, to: to, fresh: fresh, fromSystem: orEmpty(from.System), toSystem: orEmpty(to.System)}
	p.changes = system.Diff(p.fromSystem, p.toSystem)
	stops, others := []Step{}, []Step(nil)
	for _, k := range kinds {
		p.steps = nil
		k.plan(&p)
		first := slices.IndexFunc(p.steps, func(s Step) bool { return s.Action != ActionStop })
		if first < 0 {
			first = len(p.steps)
		}
		stops = slices.Concat(p.steps[:first], stops)
		others = append(others, p.steps[first:]...)
	}
	p.plan.Steps = append(stops, others...)
	return p.plan
}

func orEmpty(s *system.System) *system.System {
	if s == nil {
		return &system.System{}
	}
	return s
}

// planner gathers the steps of one kind after the other.
type planner struct {
	from                 Observed
	to                   Desired
	fresh                map[string]bool
	fromSystem, toSystem *system.System // never nil
	changes              []system.Change
	steps                []Step // of one kind, its stops first
	plan                 Plan
}

func (p *planner) step(s Step) { p.steps = append(p.steps, s) }

func (p *planner) note(format string, args ...any) {
	p.plan.Notes = append(p.plan.Notes, fmt.Sprintf(format, args...))
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

// bothKeys returns the keys of both maps, sorted.
func bothKeys[A, B ~map[string]string](a A, b B) []string {
	all := map[string]string{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// sortedKeys returns the keys of a map, sorted.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
