package switcher

import (
	"errors"

	"bantam/lifecycle"
	"bantam/system"
)

// Observed is what the kernel and the supervisor say of the machine. It is asked anew for every plan.
type Observed struct {
	System   *system.System // what services are started from; nil: nothing yet
	Layers   []indexed      // of what was set up
	Services []ServiceState // all that the supervisor has, the network's included
	Items    map[Kind]Items // what each kind has found
	LoggedIn map[string]int // over the network, by user and fingerprint of a key
	memory   memory
}

// Desired is what a generation asks for. The zero value asks for nothing: it is the end of the machine.
type Desired struct {
	System *system.System
	Arch   string // Go's name of it, e.g. amd64
	Layers []indexed
	Items  map[Kind]Items
}

// desire asks every kind what t means on this machine, as its programs are now.
func (s *Switcher) desire(t target) (Desired, error) {
	layers, err := s.indexes(t.generation.Layers, nil)
	d := Desired{System: t.system, Arch: t.generation.Arch, Layers: layers, Items: map[Kind]Items{}}
	faults := []error{err}
	for _, k := range kinds {
		items, err := k.desired(s.machine, &d)
		if err != nil {
			faults = append(faults, err)
		}
		d.Items[k.name()] = items
	}
	return d, errors.Join(faults...)
}

// fingerprints are those of all services that d asks for, the network's included.
func (d Desired) fingerprints() map[string]string {
	all := map[string]string{}
	for _, k := range []Kind{KindService, KindNetwork} {
		for name, print := range d.Items[k] {
			all[name] = print
		}
	}
	return all
}

// observe asks the machine. What cannot be told is missing from the result, and in the error.
func (s *Switcher) observe(to Desired) (Observed, error) {
	s.mu.Lock()
	o := Observed{System: s.current.system, Items: map[Kind]Items{}, memory: s.memory}
	layers := s.current.generation.Layers
	s.mu.Unlock()
	var faults []error
	var err error
	if o.System != nil {
		// Of a damaged one it is not known which files of etc it has brought; what else it has is known.
		o.Layers, _ = s.indexes(layers, to.Layers)
	}
	o.Services, err = s.machine.Services()
	faults = append(faults, err)
	for _, k := range kinds {
		items, err := k.observe(s.machine, &o, to)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		o.Items[k.name()] = items
	}
	return o, errors.Join(faults...)
}

// service is the state of one service; the zero value has no name.
func (o *Observed) service(name string) ServiceState {
	for _, s := range o.Services {
		if s.Name == name {
			return s
		}
	}
	return ServiceState{}
}

// held are the services that a person stopped.
func (o *Observed) held() map[string]bool {
	held := map[string]bool{}
	for _, s := range o.Services {
		if s.ByHand {
			held[s.Name] = true
		}
	}
	return held
}

// runs says whether the service is meant to run and has a process, or has done its one-shot work.
func (s ServiceState) runs() bool {
	switch s.Phase {
	case lifecycle.PhaseStarting, lifecycle.PhaseUp, lifecycle.PhaseReady, lifecycle.PhaseStopping:
		return s.Wanted
	}
	return false
}

// knows is the fingerprint of the newest definition that the service's process has heard of.
func (s ServiceState) knows() string {
	if s.Told != "" {
		return s.Told
	}
	return s.Fingerprint
}

// stale says whether it runs with an older definition than it would be started with.
func (s ServiceState) stale() bool {
	same, _ := lifecycle.SameFingerprint(lifecycle.RestartPart(s.Fingerprint), lifecycle.RestartPart(s.Defined))
	return s.runs() && !same
}
