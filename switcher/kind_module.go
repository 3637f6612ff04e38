package switcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// listsModules says whether it is known what the kernel has. Where it is not, the kernel came without a list of what is built in, and
// with all that it needs, as whoever built the image has said.
func listsModules(m Machine) (bool, error) { return m.HasModule("overlay") }

// desired are the modules that the system names, and those that it needs.
func (moduleKind) desired(m Machine, d *Desired) (Items, error) {
	items := Items{}
	for _, name := range d.System.Modules {
		items[name] = moduleLoaded
	}
	needed := d.System.NeededModules()
	if len(needed) == 0 {
		return items, nil
	}
	listed, err := listsModules(m)
	if err != nil || !listed {
		return items, err
	}
	for _, module := range needed {
		if module.Optional {
			if has, err := m.HasModule(module.Name); err != nil || !has {
				continue
			}
		}
		items[module.Name] = moduleLoaded
	}
	return items, nil
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
	have, want := p.from.Items[KindModule], p.to.Items[KindModule]
	modules := p.toSystem.AllModules()
	for i, name := range modules { // in the order of the file
		if want[name] == "" || have[name] != "" || slices.Contains(modules[:i], name) {
			continue
		}
		reason := p.reason("modules")
		for _, m := range p.toSystem.NeededModules() {
			if m.Name == name && !slices.Contains(p.toSystem.Modules, name) {
				reason = m.Path + " needs it"
			}
		}
		if reason == "" {
			reason = "it is not loaded"
		}
		p.step(Step{Action: ActionLoad, Kind: KindModule, Name: name, Text: "load module " + name, Reason: reason})
	}
	if p.to.System == nil {
		return
	}
	for _, name := range p.fromSystem.Modules {
		if !slices.Contains(modules, name) {
			p.note("module %s stays loaded until the next boot", name)
		}
	}
}

func (moduleKind) check(c *precheck) (faults []error, notes []string) {
	lacks := func(name string) bool {
		has, err := c.machine.HasModule(name)
		if err != nil {
			faults = append(faults, err)
		}
		return err == nil && !has
	}
	for _, name := range c.to.system.Modules {
		if lacks(name) {
			faults = append(faults, fmt.Errorf("module %s is not in this image", name))
		}
	}
	lacking := map[string][]string{} // by what needs them
	for _, m := range c.to.system.NeededModules() {
		if !m.Optional && c.desired.Items[KindModule][m.Name] != "" && !slices.Contains(c.to.system.Modules, m.Name) && lacks(m.Name) {
			lacking[m.Path] = append(lacking[m.Path], m.Name)
		}
	}
	for _, path := range sortedKeys(lacking) {
		faults = append(faults, fmt.Errorf("%s needs modules of the kernel that are not in this image: %s; one that is built with this system.toml has them", path, strings.Join(lacking[path], ", ")))
	}
	return faults, notes
}

func (moduleKind) apply(ctx context.Context, o *operation, batch []Step, _ target) error {
	return failed(batch[0], o.s.machine.LoadModule(ctx, batch[0].Name))
}
