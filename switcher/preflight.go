package switcher

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bantam/system"
)

// preflight finds every reason not to begin, before anything is changed.
func (s *Switcher) preflight(from, to target, verb string) error {
	var faults []error
	if err := s.startable(to.generation); err != nil {
		faults = append(faults, fmt.Errorf("this generation cannot run now: %w", err))
	}
	if from.number != 0 && verb != VerbRollback { // a rollback leaves what is damaged
		record := s.recordNow()
		if e := record.entry(from.number); e != nil {
			if _, err := s.load(*e); err != nil {
				faults = append(faults, fmt.Errorf("there would be no way back to generation %d after a reboot: %w", from.number, err))
			}
		}
	}
	for _, name := range to.system.Modules {
		if !s.machine.HasModule(name) {
			faults = append(faults, fmt.Errorf("module %s is not in this image", name))
		}
	}
	if verb != VerbRollback {
		faults = append(faults, missingPorts(from.system, to.system, s.machine.Network().Links)...)
	}
	if verb != VerbBoot { // by then the program may be there
		_, _, plan := s.planTo(to)
		missing, _ := s.missingPrograms(plan, to)
		faults = append(faults, missing...)
	}
	faults = append(faults, s.checkSpace(to))
	return errors.Join(faults...)
}

// missingPorts finds ports that a person has just named and that do not exist.
// A port that the running generation names too may have been pulled, and one
// whose module comes with this generation is not there yet.
func missingPorts(from, to *system.System, links []string) (faults []error) {
	if links == nil || slices.ContainsFunc(to.Modules, func(m string) bool { return !slices.Contains(orEmpty(from).Modules, m) }) {
		return nil
	}
	for _, name := range sortedKeys(to.Net) {
		_, before := orEmpty(from).Net[name]
		if before || to.Net[name].Optional || slices.Contains(links, name) {
			continue
		}
		faults = append(faults, fmt.Errorf("net.%s: this machine has no such port, it has %s; `optional = true` allows one that comes later",
			name, strings.Join(links, ", ")))
	}
	return faults
}

// missingPrograms looks at the services that plan starts. One without a program,
// or whose user may not run it or enter its folder, would only lead to the way back, unless it may fail, or comes after another
// that starts too: that one may bring the program. These get notes.
func (s *Switcher) missingPrograms(plan Plan, to target) (faults []error, notes []string) {
	finder, ok := s.machine.(ProgramFinder)
	if !ok {
		return nil, nil
	}
	starts := map[string]bool{}
	for _, step := range plan.Steps {
		if step.Kind == KindService && step.Action == ActionStart {
			starts[step.Name] = true
		}
	}
	for _, name := range sortedKeys(starts) {
		service := to.system.Services[name]
		doubts, err := finder.CanStart(service, to.system.Users)
		for _, doubt := range doubts {
			notes = append(notes, fmt.Sprintf("service %s: %s", name, doubt))
		}
		if err == nil {
			continue
		}
		err = fmt.Errorf("service %s cannot start: %w", name, err)
		earlier := slices.Concat(service.Needs, service.Wants, service.After)
		if service.MayFail || slices.ContainsFunc(earlier, func(other string) bool { return starts[other] }) {
			notes = append(notes, err.Error())
		} else {
			faults = append(faults, err)
		}
	}
	return faults, notes
}

// diskBlock is the most that one small file takes beyond its size.
const diskBlock = 4096

// recordRoom is what index, record, its copy, journal and directories take beyond their size.
const recordRoom = 16 * diskBlock

// checkSpace makes sure that the switch and the way back fit.
func (s *Switcher) checkSpace(to target) error {
	var blobs []int
	if to.number == 0 {
		blobs = []int{len(to.text), len(to.generation.Manifest())}
	}
	need, err := s.roomFor(blobs...)
	if err != nil {
		return err
	}
	free, err := s.disk.Free(s.dir)
	if err != nil {
		return err
	}
	if to.number != 0 && s.hasReserve() {
		free += reserveSize
	}
	if free < need {
		return fmt.Errorf("the state volume %s is full: %d kB free, a switch needs %d kB; files of your own below it can be removed", s.dir, free>>10, need>>10)
	}
	return nil
}

// roomFor is what a switch takes at most: new blobs of these sizes, and a second
// copy of each small file that is replaced.
func (s *Switcher) roomFor(blobs ...int) (bytes int64, err error) {
	record, err := s.recordNow().encode()
	if err != nil {
		return 0, err
	}
	bytes = recordRoom + 3*int64(len(record))
	for _, size := range blobs {
		bytes += int64(size) + diskBlock
	}
	return bytes, nil
}
