package switcher

import (
	"errors"
	"fmt"
	"slices"
)

// Choice is what to run at boot.
type Choice struct {
	Generation int      // number in the record; 0: the boot medium's own, which the record does not know
	Tried      bool     // it is not proven, and this boot is one of its tries
	Picked     bool     // by a person, for this boot only: the record knows nothing of it
	LastResort bool     // nothing else could run: there is nothing to go back to
	Slot       string   // its kernel is in that boot slot, which has to be started: nothing of it can run now
	Unable     string   // why the default cannot run, where the record has to know that; it does not yet
	Unstarted  bool     // for its boot slot did not start
	UsedUp     int      // a generation whose last boots, as counted, were too short; 0: none. The record does not know it yet
	Why        string   // e.g. "it is the default"
	Notes      []string // why generations before it cannot run
}

// Choose decides which generation to run: the one being tried while it has
// tries left, the default, the previous one, the other good ones from the
// newest, and at last the boot medium's own, whose manifest is booted. Those
// whose boots were too short are passed over; where that is all that can run,
// the default is booted nevertheless. usable says why a generation cannot run,
// e.g. because a blob is missing; it is asked in that order and only as far as
// needed. Of what only another boot slot can start, the default is chosen in its turn, anything else before what would be
// the last resort.
func Choose(r Record, j Journal, b BootCount, booted Digest, usable func(Entry) error) Choice {
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
	var short []candidate // good but for their boots
	var away *Choice      // what another boot slot starts
	unable := ""          // why the default cannot run
	for i, cand := range candidates {
		e := r.entry(cand.number)
		if e == nil || seen[cand.number] {
			continue
		}
		seen[cand.number] = true
		tried := i == 0 && r.Trying != nil && r.Trying.Generation == e.Number
		if !tried && c.passes(*e, b) {
			short = append(short, cand)
			continue
		}
		if err := usable(*e); err != nil {
			there, def := inOtherSlot{}, e.Number == r.Default
			if errors.As(err, &there) {
				if away == nil {
					away = &Choice{Generation: e.Number, Slot: there.slot, Why: cand.why}
				}
				if def {
					break
				}
				continue
			}
			if def {
				unable = err.Error()
			}
			if def && errors.As(err, new(unstarted)) {
				c.Unable, c.Unstarted = unable, true
				continue // its note is that it is passed over
			}
			c.Notes = append(c.Notes, fmt.Sprintf("generation %d cannot run: %v", e.Number, err))
			continue
		}
		c.Generation, c.Why, c.Tried = e.Number, cand.why+b.tell(e.Digest), tried
		return c
	}
	if away != nil {
		away.UsedUp, away.Unable, away.Unstarted, away.Notes = c.UsedUp, unable, c.Unstarted, c.Notes
		return *away
	}
	own := r.named(booted)
	if len(short) > 0 && (b.of(booted) >= mostShort || own != nil && own.PassedOver) {
		if own != nil && !seen[own.Number] {
			c.passes(*own, b)
		}
		for _, cand := range short {
			if e := r.entry(cand.number); usable(*e) == nil {
				c.Generation, c.Why = e.Number, cand.why+", and boots of no other are longer"
				return c
			}
		}
	}
	c.LastResort, c.Why = true, "it is what the boot medium carries"
	if own != nil {
		c.Generation = own.Number
	}
	return c
}

// passes says whether e is passed over for its short boots.
func (c *Choice) passes(e Entry, b BootCount) bool {
	if !e.PassedOver && b.of(e.Digest) < mostShort {
		return false
	}
	if !e.PassedOver {
		c.UsedUp = e.Number
	}
	return true
}

// tell says that the generation's boots before this one were short, for people.
func (b BootCount) tell(d Digest) string {
	if n := b.of(d); n > 0 {
		return fmt.Sprintf("; it has not stayed up for %v in %s", StayUp, count(n, "boot", "boots"))
	}
	return ""
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
