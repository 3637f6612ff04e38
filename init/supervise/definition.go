// Package supervise keeps services running for PID 1.
//
// Engine decides: it is a state machine without system calls or clock, and
// Step(now, event) returns the actions that its event asks for. Supervisor
// acts: one goroutine owns the engine, forks, and reaps every child of PID 1,
// so that no process is waited for twice and no exit is lost. The only programs
// it ever forks are shims, a page that it has just written (see shim_page.go) or its own image (see ShimMain),
// because they are in memory already; the slow exec from a possibly dead disk happens in the
// child.
//
// A service is gone when its cgroup is empty, not when its main process has
// exited: what it left behind is killed before it starts again. Where there is
// no cgroup v2 the process group takes the cgroup's place, and a service that
// makes its own session escapes; State.Cgroup says which of the two holds.
//
// The package gives up on nothing: back-off is bounded, a service is retried
// for ever, and a process that survives SIGKILL is named and passed over.
package supervise

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"bantam/lifecycle"
)

// Times that hold when a definition says none.
const (
	defaultStartTimeout = 30 * time.Second
	defaultStopTimeout  = 10 * time.Second
)

// Definition is one service, resolved: no names of users, no defaults elsewhere.
type Definition struct {
	Name         string
	Argv         []string          // the first without "/" is looked up in PATH
	Env          []string          // all of it; a PATH is added when it has none
	Secrets      map[string]string `json:",omitempty"` // further variables, each with the name of the secret that it holds; see Options.Complete
	State        []string          `json:",omitempty"` // folders that must be there before it starts; see Options.Complete
	Dir          string            // "" is "/"
	UID, GID     uint32            // e.g. 65534
	Groups       []uint32          // supplementary groups
	Hide         []string          // folders that it finds empty and closed, e.g. /state
	Caps         []int             // nil: all for UID 0, none for others; else exactly these, e.g. 12 (CAP_NET_ADMIN)
	OOMScoreAdj  int               // -1000 (never killed) to 1000
	Memory       int64             // most memory in bytes, of all its processes; 0 is what all services together may take
	Tasks        int               // most processes and threads; 0 is a share of what the kernel holds
	Vital        bool              // a person needs it to help the machine: it goes before the services
	Needs        []string          // must be ready first and stay ready
	Wants        []string          // are started too and waited for, but may fail
	After        []string          // are waited for when they start anyway
	Ready        string            // "" is lifecycle.ReadyStarted
	Restart      string            // "" is lifecycle.RestartAlways, for lifecycle.ReadyExited lifecycle.RestartNever
	StartTimeout time.Duration     // to become ready; 0 is 30 s
	StopTimeout  time.Duration     // from StopSignal to SIGKILL; 0 is 10 s
	StopSignal   syscall.Signal    // 0 is SIGTERM; SIGCONT always follows
	ReloadSignal syscall.Signal    // 0 is SIGHUP
	TTY          string            // e.g. /dev/ttyS0: stdin, stdout, stderr and controlling terminal; "" is the log
	MayFail      bool              // carried for whoever judges; the supervisor treats it like any other
	Fingerprint  string            `json:"-"` // of all of it and its program; see Fingerprint. Carried for whoever compares
}

// resolved returns d with every default filled in.
func (d Definition) resolved() Definition {
	if d.Ready == "" {
		d.Ready = lifecycle.ReadyStarted
	}
	if d.Restart == "" {
		d.Restart = lifecycle.RestartAlways
		if d.Ready == lifecycle.ReadyExited {
			d.Restart = lifecycle.RestartNever
		}
	}
	if d.StartTimeout <= 0 {
		d.StartTimeout = defaultStartTimeout
	}
	if d.StopTimeout <= 0 {
		d.StopTimeout = defaultStopTimeout
	}
	if d.StopSignal == 0 {
		d.StopSignal = syscall.SIGTERM
	}
	if d.ReloadSignal == 0 {
		d.ReloadSignal = syscall.SIGHUP
	}
	return d
}

// same says whether a process of d is one of other too, as far as is known.
func (d Definition) same(other Definition) bool {
	same, _ := lifecycle.SameFingerprint(lifecycle.RestartPart(d.Fingerprint), lifecycle.RestartPart(other.Fingerprint))
	d.Fingerprint = other.Fingerprint
	return same && reflect.DeepEqual(d, other)
}

// follows lists every service that d starts after and stops before.
func (d Definition) follows() []string {
	return slices.Concat(d.Needs, d.Wants, d.After)
}

// check finds what can be said of d alone.
func (d Definition) check() error {
	if !validName(d.Name) {
		return fmt.Errorf("service %q: not a name; use letters, digits and _ - . @, starting with a letter or digit, at most 64", d.Name)
	}
	if len(d.Argv) == 0 || d.Argv[0] == "" {
		return fmt.Errorf("service %s: no command", d.Name)
	}
	if d.Ready != "" {
		if _, _, err := lifecycle.ParseReadiness(d.Ready); err != nil {
			return fmt.Errorf("service %s: ready: %w", d.Name, err)
		}
	}
	switch d.Restart {
	case "", lifecycle.RestartAlways, lifecycle.RestartOnFailure, lifecycle.RestartNever:
	default:
		return fmt.Errorf("service %s: restart: %q is none of always, on-failure and never", d.Name, d.Restart)
	}
	return nil
}

// validName holds for the names that system.toml may have too, and for none
// that could leave the directory of cgroups.
func validName(name string) bool {
	for i, c := range name {
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || !strings.ContainsRune("-_.@", c)) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// startOrder sorts the names of defs so that each comes after all that it
// follows, otherwise by name. The error holds every fault of the set: doubled
// and unknown names, and cycles with their path.
func startOrder(defs []Definition) ([]string, error) {
	var faults []error
	byName := make(map[string]Definition, len(defs))
	var names []string
	for _, d := range defs {
		if err := d.check(); err != nil {
			faults = append(faults, err)
			continue
		}
		if _, twice := byName[d.Name]; twice {
			faults = append(faults, fmt.Errorf("service %s: defined twice", d.Name))
			continue
		}
		byName[d.Name] = d
		names = append(names, d.Name)
	}
	follows := func(name string) []string {
		list := byName[name].follows()
		for _, other := range list {
			if _, known := byName[other]; !known {
				faults = append(faults, fmt.Errorf("service %s: follows %q, which is not defined", name, other))
			}
		}
		return list
	}
	order := lifecycle.Order(names, follows, func(name string) string { return name }, func(waits []string) {
		last := waits[len(waits)-1]
		faults = append(faults, fmt.Errorf("services wait for each other: %s -> %s", last, strings.Join(waits, " -> ")))
	})
	return order, errors.Join(faults...)
}
