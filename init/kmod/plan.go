package kmod

import "slices"

// Step is one module to insert. Needs and After are places of earlier steps in
// the same plan: all must have ended, those in Needs well.
type Step struct {
	Module string
	Needs  []int
	After  []int
}

// Plan lists the modules to insert for names, each once and after what it
// depends on. It leaves out unknown and built-in names. A cycle, which depmod
// refuses in modules.dep but soft dependencies may have, is cut where it closes.
func (x *Index) Plan(names ...string) []Step {
	p := planner{index: x, place: map[string]int{}}
	for _, name := range names {
		p.visit(Name(name))
	}
	return p.steps
}

type planner struct {
	index *Index
	steps []Step
	place map[string]int // -1 while its prerequisites are being visited
}

// visit gives the place of a module in the plan; false when it has none.
func (p *planner) visit(name string) (int, bool) {
	if at, seen := p.place[name]; seen {
		return at, at >= 0
	}
	if p.index.File(name) == "" {
		return -1, false
	}
	m := p.index.modules[name]
	p.place[name] = -1
	step := Step{Module: name}
	for _, need := range m.needs {
		if at, ok := p.visit(need); ok {
			step.Needs = append(step.Needs, at)
		}
	}
	for _, alias := range m.pre {
		for _, soft := range p.index.Resolve(alias) {
			if at, ok := p.visit(soft); ok && !slices.Contains(step.Needs, at) {
				step.After = append(step.After, at)
			}
		}
	}
	at := len(p.steps)
	p.place[name] = at
	p.steps = append(p.steps, step)
	for _, alias := range m.post {
		for _, soft := range p.index.Resolve(alias) {
			if post, ok := p.visit(soft); ok && post > at {
				p.steps[post].After = append(p.steps[post].After, at)
			}
		}
	}
	return at, true
}
