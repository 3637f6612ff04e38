package switcher

import (
	"maps"
	"slices"

	"bantam/lifecycle"
	"bantam/system"
)

// View is a machine as plans see it: what is set, and what should be running.
// The zero View is a machine on which nothing runs, before boot and after
// shutdown. Views are values; none of the functions here changes one in place.
type View struct {
	System   *system.System    // what is in force; nil: nothing
	Network  bool              // the network configurator runs
	Services map[string]string // fingerprint of every service that runs or should; in a view to go to, of every service
	Accepted map[string]string // newer fingerprint that a service has been told of without a restart
	Held     map[string]bool   // services, or the network, that a person stopped; none of them is in Services
	Fresh    map[string]bool   // services that the switch under way has started: on its way back no on_change keeps them
	Before   map[string]string // value that a kernel parameter had before it was first set
}

// clone returns a copy whose maps, and whose System's maps, are its own.
func (v View) clone() View {
	s := &system.System{}
	if v.System != nil {
		copied := *v.System
		s = &copied
	}
	s.Modules = slices.Clone(s.Modules)
	s.Sysctl, s.Users = cloneMap(s.Sysctl), cloneMap(s.Users)
	s.Services = cloneMap(s.Services)
	return View{
		System: s, Network: v.Network, Services: cloneMap(v.Services), Accepted: cloneMap(v.Accepted),
		Held: cloneMap(v.Held), Fresh: cloneMap(v.Fresh), Before: cloneMap(v.Before),
	}
}

// cloneMap never returns nil, so that the copy can be written to.
func cloneMap[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return M{}
	}
	return maps.Clone(m)
}

// After returns v as it is once step, of a plan that leads to to, is done.
func (v View) After(step Step, to View) View {
	v = v.clone()
	switch step.Kind {
	case KindHostname:
		v.System.Hostname = step.Value
	case KindSysctl:
		if step.Action == ActionRestore {
			delete(v.System.Sysctl, step.Name)
			delete(v.Before, step.Name)
		} else {
			v.System.Sysctl[step.Name] = step.Value
		}
	case KindModule:
		v.System.Modules = append(v.System.Modules, step.Name)
	case KindUser:
		if u, ok := to.users()[step.Name]; ok {
			v.System.Users[step.Name] = u
		} else {
			delete(v.System.Users, step.Name)
		}
	case KindNetwork:
		v.Network = step.Action != ActionStop
		if v.Network {
			v.System.Net, v.System.DNS = to.System.Net, to.System.DNS
		}
	case KindService:
		switch step.Action {
		case ActionStop:
			delete(v.Services, step.Name)
			delete(v.Accepted, step.Name)
		case ActionReload:
			v.Accepted[step.Name] = to.Services[step.Name]
			if v.Services[step.Name] == to.Services[step.Name] {
				delete(v.Accepted, step.Name)
			}
		case ActionStart:
			v.System.Services[step.Name] = to.System.Services[step.Name]
			v.Services[step.Name] = to.Services[step.Name]
			v.Fresh[step.Name] = true
		}
	}
	return v
}

// Arrived returns v, all steps to to being done, as the view that later plans start from.
func (v View) Arrived(to View) View {
	v = v.clone()
	v.System = to.System
	if to.System == nil {
		return View{}
	}
	for name, runs := range v.Services {
		if want := to.Services[name]; want != runs {
			v.Accepted[name] = want
		} else {
			delete(v.Accepted, name)
		}
	}
	return v
}

// serviceOf returns the definition of a service; sys may be nil.
func serviceOf(sys *system.System, name string) (system.Service, bool) {
	if sys == nil {
		return system.Service{}, false
	}
	service, ok := sys.Services[name]
	return service, ok
}

func (v View) users() map[string]system.User {
	if v.System == nil {
		return nil
	}
	return v.System.Users
}

// blockedServices returns the services of sys that cannot run because a person stopped
// what they need, each with the name of that.
func blockedServices(sys *system.System, held map[string]bool) map[string]string {
	blocked := map[string]string{}
	for again := true; again; {
		again = false
		for name, service := range sys.Services {
			if held[name] || blocked[name] != "" {
				continue
			}
			for _, need := range service.Needs {
				if held[need] {
					blocked[name] = need
				} else if blocked[need] != "" {
					blocked[name] = blocked[need]
				}
			}
			again = again || blocked[name] != ""
		}
	}
	return blocked
}

// startOrder returns the names of services so that each comes after what it
// needs, wants or follows, otherwise by name. A cycle, which system.Parse
// refuses, is cut somewhere.
func startOrder(services map[string]system.Service) []string {
	follows := func(name string) []string {
		service := services[name]
		return slices.Sorted(slices.Values(slices.Concat(service.Needs, service.Wants, service.After)))
	}
	return lifecycle.Order(slices.Collect(maps.Keys(services)), follows, func(name string) string { return name }, nil)
}
