package switcher

import (
	"context"
	"fmt"
	"slices"

	"bantam/system"
)

// KindModule is the kernel modules that a system names. A module is loaded and stays; only a boot takes it away.
const KindModule Kind = "module"

type moduleKind struct{ separate }

type moduleMachine interface {
	// HasModule says whether the running kernel has the module: in the image, loaded or built in.
	HasModule(name string) bool
	// ModuleLoaded says whether it is loaded or built in, by its name or an alias.
	ModuleLoaded(name string) bool
	LoadModule(ctx context.Context, name string) error // no error if it is loaded already
}

func (moduleKind) name() Kind { return KindModule }

const moduleLoaded = "loaded"

func (moduleKind) desired(_ Machine, sys *system.System) (Items, error) {
	items := Items{}
	for _, name := range sys.Modules {
		items[name] = moduleLoaded
	}
	return items, nil
}

func (moduleKind) observe(m Machine, _ *Observed, to Desired) (Items, error) {
	items := Items{}
	for name := range to.Items[KindModule] {
		if m.ModuleLoaded(name) {
			items[name] = moduleLoaded
		}
	}
	return items, nil
}

func (moduleKind) plan(p *planner) {
	have := p.from.Items[KindModule]
	for i, name := range p.toSystem.Modules { // in the order of the file
		if have[name] == "" && !slices.Contains(p.toSystem.Modules[:i], name) {
			reason := p.reason("modules")
			if reason == "" {
				reason = "it is not loaded"
			}
			p.step(Step{Action: ActionLoad, Kind: KindModule, Name: name, Text: "load module " + name, Reason: reason})
		}
	}
	if p.to.System == nil {
		return
	}
	for _, name := range p.fromSystem.Modules {
		if !slices.Contains(p.toSystem.Modules, name) {
			p.note("module %s stays loaded until the next boot", name)
		}
	}
}

func (moduleKind) check(c *precheck) (faults []error, notes []string) {
	for _, name := range c.to.system.Modules {
		if !c.machine.HasModule(name) {
			faults = append(faults, fmt.Errorf("module %s is not in this image", name))
		}
	}
	return faults, nil
}

func (moduleKind) apply(ctx context.Context, o *operation, batch []Step, _ target) error {
	return failed(batch[0], o.s.machine.LoadModule(ctx, batch[0].Name))
}
