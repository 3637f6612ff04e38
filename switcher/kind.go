package switcher

import "context"

// Kind names one sort of thing that a generation decides about, and of steps.
type Kind string

// kinds is the table of all kinds in their order: what comes first is stopped last, and changed and started first, so that
// it is there for those that follow. Another kind is a file of its own and a line here.
var kinds = []kind{secretKind{}, userKind{}, treeKind{}, stateKind{}, homeKind{}, fileKind{}, moduleKind{}, sysctlKind{}, hostnameKind{}, networkKind{}, sshKind{}, serviceKind{}, consoleKind{}}

// kind is one sort of thing: what a system desires of it, what the machine has, the steps between the two, and how a
// step is done and told. There is no undo: the way back is the plan from what is observed then to what was there before.
type kind interface {
	name() Kind
	// desired lists what d.System asks for. d holds already what the kinds before it in the table desire.
	desired(m Machine, d *Desired) (Items, error)
	// observe asks the machine what it has: of what to desires, and of what it may have to lose. What o holds already,
	// the services among it, is not asked again.
	observe(m Machine, o *Observed, to Desired) (Items, error)
	// plan adds the steps from what is observed to what is desired.
	plan(p *planner)
	// check finds what can be known to fail before the first step, and what a person should know.
	check(c *precheck) (faults []error, notes []string)
	// joint says whether a step is done together with the one before it, asked of the machine at once.
	joint(before, action Action) bool
	// apply does a batch of steps, of a switch to to.
	apply(ctx context.Context, o *operation, batch []Step, to target) error
}

// memory is what cannot be observed. What a person stopped, the supervisor remembers.
type memory struct {
	parameters map[string]parameter
	secrets    Items // that the running definitions were adopted with
}

// Items are things of one kind by name, each with what tells it from others of that name, e.g. a parameter's value or a
// service's fingerprint.
type Items map[string]string

// kindOf finds a kind in the table.
func kindOf(name Kind) kind {
	for _, k := range kinds {
		if k.name() == name {
			return k
		}
	}
	return nil
}

// unchecked is embedded by kinds of which nothing can be known before it is done.
type unchecked struct{}

func (unchecked) check(*precheck) (faults []error, notes []string) { return nil, nil }

// separate is embedded by kinds whose steps are done one after the other.
type separate struct{}

func (separate) joint(_, _ Action) bool { return false }
