package switcher

import (
	"cmp"
	"errors"
	"fmt"

	"bantam/system"
)

// resolve finds what runs and what is asked for.
func (s *Switcher) resolve(r Request) (from, to target, err error) {
	s.mu.Lock()
	from, before := s.current, s.before
	s.mu.Unlock()
	if from.system == nil {
		return from, to, errNotStarted
	}
	if r.ToGood {
		to, err = s.lastGood(from.number, r)
		return from, to, err
	}
	number := r.Generation
	if number == 0 && r.Verb == VerbRollback {
		if number = before; number == 0 {
			return from, to, errors.New("nothing is known to have run before; `bantam rollback NUMBER` names a generation")
		}
	}
	if number != 0 {
		record := s.recordNow()
		e := record.entry(number)
		if e == nil {
			return from, to, noGeneration(number)
		}
		if to, err = s.aim(*e, r); err != nil {
			err = fmt.Errorf("generation %d: %w", number, withCommand(err, r.Verb, number))
		} else if r.Settings {
			to, err = s.withSettings(to, from)
		}
		return from, to, err
	}
	file, text := cmp.Or(r.File, "system.toml"), r.Text
	if text == nil {
		if text, err = s.Text(0); err != nil {
			return from, to, fmt.Errorf("draft: %w", err)
		}
	}
	to, err = s.compose(made{from.number, from.generation.Layers, from.system}, from.generation, file, text)
	return from, to, err
}

// withSettings is a generation with the settings of what runs in place of its own: kernel, initrd and packages are its.
func (s *Switcher) withSettings(to, from target) (target, error) {
	if to.system == nil {
		return to, errors.New("its own system.toml is for the Bantam that comes with it, so this one cannot put another in its place")
	}
	return s.compose(made{to.number, to.generation.Layers, to.system}, to.generation, "system.toml", from.text)
}

// aim reads a generation that a request names, and makes sure that it could run when that is asked for. What comes with
// another Bantam in another slot need not have a system.toml that this one understands.
func (s *Switcher) aim(e Entry, r Request) (target, error) {
	if !r.boots() || s.bootID(e.Digest) == s.image.generation.BootID() {
		return s.load(e, whenOf(r))
	}
	g, text, err := s.readText(e.Digest)
	if err != nil {
		return target{}, err
	}
	t := target{number: e.Number, generation: g, text: text}
	if sys, problems := system.Parse("system.toml", text); len(problems) == 0 {
		t.system = sys
	}
	return t, s.startable(g, whenOf(r))
}

// compose makes a generation of file's text, the kernel and initrd of base, and the layers that the text asks for; those of
// the generation that it begins from come first.
func (s *Switcher) compose(begins made, base Generation, file string, text []byte) (target, error) {
	sys, problems := system.Parse(file, text)
	if len(problems) > 0 {
		return target{}, problemsError(problems)
	}
	t := target{generation: base, file: file, text: text, system: sys}
	t.generation.Release = sys.Version
	if d := DigestOf(text); d != t.generation.System.Digest {
		t.generation.System = Descriptor{MediaType: SystemType, Digest: d, Size: int64(len(text))}
	}
	t, err := s.withLayers(t, begins, file)
	if err != nil {
		return target{}, err
	}
	record := s.recordNow()
	if e := record.named(t.generation.Digest()); e != nil {
		t.number = e.Number
	}
	return t, nil
}

// problemsError is a system.toml that is not valid.
type problemsError []system.Problem

func (e problemsError) Error() string {
	text := e[0].String()
	if len(e) > 1 {
		text += " (and " + count(len(e)-1, "more problem", "more problems") + ")"
	}
	return text
}

// all is the error with a line for each problem.
func (e problemsError) all() error {
	each := make([]error, len(e))
	for i, p := range e {
		each[i] = errors.New(p.String())
	}
	return errors.Join(each...)
}
