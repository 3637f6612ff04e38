package supervise

import (
	"sync"
	"time"
)

// All services together may write intakeRate bytes a second to the log for
// ever, and intakeBurst at once; a line counts as what keeping it costs. A PC
// would not notice ten times as much, but a router spends a tenth of its
// processor on this. Beyond that nobody reads, the pipes fill and services wait
// for themselves: no line is lost, and none is worked on that nobody could read.
const (
	intakeRate  = 128 << 10
	intakeBurst = 256 << 10
)

// intake shares that out: who has read waits until all that was read before is
// paid for, in the order of reading. So each of several floods gets the same, and
// a service that says a line now and then is heard at once.
type intake struct {
	mu   sync.Mutex
	paid time.Duration // the time, by Now's clock, at which all that was taken is paid for
}

// charge takes note of cost bytes taken at now, and returns how long whoever
// took them should wait before taking more.
func (i *intake) charge(now time.Duration, cost int) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.paid = max(i.paid, now-price(intakeBurst)) + price(cost)
	return max(i.paid-now, 0)
}

// price is the time in which cost bytes may be taken.
func price(cost int) time.Duration { return time.Duration(cost) * time.Second / intakeRate }
