package switcher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bantam/system"
)

// KindModule is the kernel modules that a system names. A module is loaded and stays; only a boot takes it away.
const KindModule Kind = "module"

type moduleKind struct{ separate }

type moduleMachine interface {
	// HasModule says whether the running kernel has the module: in the image, loaded or built in.
	HasModule(name string) (bool, error)
	// ModuleLoaded says whether it is loaded or built in, by its name or an alias.
	ModuleLoaded(name string) (bool, error)
	LoadModule(ctx context.Context, name string) error // no error if it is loaded already
}

func (m *bounded) HasModule(name string) (bool, error) {
	return named(m, answerLimit, "look for module "+name, func() (bool, error) { return m.Machine.HasModule(name) })
}

func (m *bounded) ModuleLoaded(name string) (bool, error) {
	return named(m, answerLimit, "look for module "+name+" in the kernel", func() (bool, error) { return m.Machine.ModuleLoaded(name) })
}

func (m *bounded) LoadModule(ctx context.Context, name string) error {
	return finish(ctx, m, "load module "+name, func() error { return m.Machine.LoadModule(ctx, name) })
}

func (moduleKind) name() Kind { return KindModule }

const moduleLoaded = "loaded"

// desired are the modules that the system names, and those of its firewall.
func (moduleKind) desired(m Machine, d *Desired) (Items, error) {
	items := Items{}
	for _, name := range d.System.AllModules() {
		items[name] = moduleLoaded
	}
	names, more := d.System.FirewallModules()
	if len(names) == 0 {
		return items, nil
	}
	for _, name := range more {
		if has, err := m.HasModule(name); err == nil && has {
			items[name] = moduleLoaded
		}
	}
	// Where not even this is known, the kernel came without a list of what is built in, and with all that it needs.
	listed, err := m.HasModule("overlay")
	for _, name := range names {
		if listed {
			items[name] = moduleLoaded
		}
	}
	return items, err
}

func (moduleKind) observe(m Machine, _ *Observed, to Desired) (Items, error) {
	items := Items{}
	for name := range to.Items[KindModule] {
		loaded, err := m.ModuleLoaded(name)
		if err != nil {
			return nil, err
		}
		if loaded {
			items[name] = moduleLoaded
		}
	}
	return items, nil
}

func (moduleKind) plan(p *planner) {
	have := p.from.Items[KindModule]
	modules := p.toSystem.AllModules()
	for i, name := range modules { // in the order of the file
		if have[name] == "" && !slices.Contains(modules[:i], name) {
			reason := p.reason("modules")
			for _, m := range p.toSystem.NeededModules() {
				if m.Name == name && reason == "" {
					reason = p.reason(m.Path)
				}
			}
			if reason == "" {
				reason = "it is not loaded"
			}
			p.step(Step{Action: ActionLoad, Kind: KindModule, Name: name, Text: "load module " + name, Reason: reason})
		}
	}
	for _, name := range sortedKeys(p.to.Items[KindModule]) {
		if have[name] == "" && !slices.Contains(modules, name) {
			p.step(Step{Action: ActionLoad, Kind: KindModule, Name: name, Text: "load module " + name, Reason: "the firewall needs it"})
		}
	}
	if p.to.System == nil {
		return
	}
	for _, name := range p.fromSystem.AllModules() {
		if !slices.Contains(modules, name) {
			p.note("module %s stays loaded until the next boot", name)
		}
	}
}

func (moduleKind) check(c *precheck) (faults []error, notes []string) {
	for _, name := range c.to.system.AllModules() {
		switch has, err := c.machine.HasModule(name); {
		case err != nil:
			faults = append(faults, err)
		case !has:
			faults = append(faults, fmt.Errorf("module %s is not in this image%s", name, neededBy(c.to.system, name)))
		}
	}
	names, _ := c.to.system.FirewallModules()
	if listed, err := c.machine.HasModule("overlay"); len(names) == 0 || err != nil || !listed {
		return faults, nil
	}
	var lacking []string
	for _, name := range names {
		if has, err := c.machine.HasModule(name); err == nil && !has {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		faults = append(faults, fmt.Errorf("zones need a firewall, and this image lacks modules for one: %s; one that is built with the zones in its system.toml has them", strings.Join(lacking, ", ")))
	}
	return faults, nil
}

// neededBy tells what needs a module that the system does not name, and what is to be done.
func neededBy(s *system.System, name string) string {
	for _, m := range s.NeededModules() {
		if m.Name == name && !slices.Contains(s.Modules, name) {
			return fmt.Sprintf(", and %s needs it: build the image anew with this system.toml", m.Path)
		}
	}
	return ""
}

func (moduleKind) apply(ctx context.Context, o *operation, batch []Step, _ target) error {
	return failed(batch[0], o.s.machine.LoadModule(ctx, batch[0].Name))
}
