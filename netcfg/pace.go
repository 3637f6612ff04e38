package netcfg

import "time"

const (
	debounce  = 50 * time.Millisecond // between two looks at everything, in the long run
	quick     = 4                     // looks that follow one another at once after some quiet: a port comes up in so many
	longPause = time.Second           // from the end of one to the next, at most
	share     = 5                     // of time without looks that pay for one of looking
	saved     = time.Second           // of looking that may be done at once after some quiet, e.g. at the start
)

// pace spreads the looks at everything, each of which costs time: whatever goes
// on, most of a processor is left to others.
type pace struct {
	spent time.Duration // more than what was earned since; below zero never
	at    time.Duration // when that was so
	due   time.Duration // when the next look would be if all were a debounce apart
}

// next takes a look that began and ended then, and says when the next may begin.
func (p *pace) next(began, ended time.Duration) time.Duration {
	p.spent = max(0, p.spent-(began-p.at)/share) + ended - began
	p.at = ended
	p.due = max(p.due, began) + debounce
	earliest := p.due - quick*debounce
	if p.spent <= saved {
		return earliest
	}
	wait := min(share*(p.spent-saved), longPause)
	p.spent = saved + wait/share
	return max(earliest, ended+wait)
}
