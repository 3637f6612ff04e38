package switcher

import (
	"fmt"
	"slices"
)

// Choice is what to run at boot.
type Choice struct {
	Generation int      // number in the record; 0: the boot medium's own, which the record does not know
	Tried      bool     // it is not proven, and this boot is one of its tries
	LastResort bool     // nothing else could run: there is nothing to go back to
	Why        string   // e.g. "it is the default"
	Notes      []string // why the generations before it were passed over
}

// Choose decides which generation to run: the one being tried while it has
// tries left, the default, the previous one, the other good ones from the
// newest, and at last the boot medium's own, whose manifest is booted. usable
// says why a generation cannot run, e.g. because a blob is missing; it is asked
// in that order and only as far as needed.
func Choose(r Record, j Journal, booted Digest, usable func(Entry) error) Choice {
	var c Choice
	if note := j.note(r); note != "" {
		c.Notes = append(c.Notes, note)
	}
	type candidate struct {
		number int
		why    string
	}
	var candidates []candidate
	if t := r.Trying; t != nil {
		e := r.entry(t.Generation)
		switch {
		case e == nil:
			c.Notes = append(c.Notes, fmt.Sprintf("generation %d: was to be tried and is not in the boot record", t.Generation))
		case t.Left <= 0:
			c.Notes = append(c.Notes, fmt.Sprintf("generation %d: its tries are used up", t.Generation))
		default:
			candidates = append(candidates, candidate{t.Generation, fmt.Sprintf("it is being tried; %s", count(t.Left, "try", "tries")+" left")})
		}
	}
	candidates = append(candidates, candidate{r.Default, "it is the default"})
	if e := r.entry(r.Previous); e != nil && e.State == StateGood {
		candidates = append(candidates, candidate{r.Previous, "it ran before the default"})
	}
	for _, e := range slices.Backward(r.Entries) {
		if e.State == StateGood {
			candidates = append(candidates, candidate{e.Number, "it was good"})
		}
	}
	seen := map[int]bool{0: true}
	for i, cand := range candidates {
		e := r.entry(cand.number)
		if e == nil || seen[cand.number] {
			continue
		}
		seen[cand.number] = true
		if err := usable(*e); err != nil {
			c.Notes = append(c.Notes, fmt.Sprintf("generation %d cannot run: %v", e.Number, err))
			continue
		}
		c.Generation, c.Why = e.Number, cand.why
		c.Tried = i == 0 && r.Trying != nil && r.Trying.Generation == e.Number
		return c
	}
	c.LastResort, c.Why = true, "it is what the boot medium carries"
	if e := r.named(booted); e != nil {
		c.Generation = e.Number
	}
	return c
}

// note tells of a switch that power was cut from.
func (j Journal) note(r Record) string {
	if !j.Unfinished() {
		return ""
	}
	where := "before its first step"
	if j.Step > 0 {
		where = fmt.Sprintf("at step %d of %d (%s)", j.Step, j.Total, j.StepText)
	}
	if j.Reverted {
		where = "on the way back"
	}
	if j.Committed || r.Default == j.To {
		return "" // the outcome was recorded; only the last line is missing
	}
	return fmt.Sprintf("the %s to generation %d was interrupted %s", j.Verb, j.To, where)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
