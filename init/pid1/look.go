package pid1

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A file system may not answer: one of the network whose server is gone never does.
const (
	lookLimit = 5 * time.Second // for what is there
	mostLooks = 8               // threads that wait for an answer, perhaps for ever
)

var errNoAnswer = errors.New("its file system does not answer")

// looks bounds what is asked of file systems. A look that is not answered keeps
// its thread and its place; what it looked at is not asked for again meanwhile,
// and with every place kept so nothing is, or each question after the other
// would take its whole limit.
type looks struct {
	places chan struct{}

	mu      sync.Mutex
	hanging map[string]int // looks that were not answered in time, by what they look at
}

func newLooks(most int) *looks {
	return &looks{places: make(chan struct{}, most), hanging: map[string]int{}}
}

// hangs says whether a look at what would be in vain.
func (l *looks) hangs(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := 0
	for _, n := range l.hanging {
		all += n
	}
	return l.hanging[what] > 0 || all == cap(l.places)
}

// look is what f says of what, or the cause of ctx's end. f should end with ctx,
// and is left to itself if it does not.
func look[T any](ctx context.Context, l *looks, what string, f func() (T, error)) (result T, err error) {
	if l.hangs(what) {
		return result, errNoAnswer
	}
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		return result, context.Cause(ctx)
	}
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	ended, late := false, false // under l.mu
	go Guard("look at "+what, func() {
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if ended = true; late {
				if l.hanging[what]--; l.hanging[what] == 0 {
					delete(l.hanging, what)
				}
			}
			<-l.places
		}()
		result, err := f()
		done <- outcome{result, err}
	})
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if late = !ended; late {
		l.hanging[what]++
	}
	return result, context.Cause(ctx)
}
