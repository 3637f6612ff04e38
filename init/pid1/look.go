package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// A file system may not answer: one of the network whose server is gone never does.
const (
	lookLimit = 5 * time.Second // for what is there
	mostLooks = 8               // threads that wait for an answer, perhaps for ever
)

var (
	errNoAnswer = errors.New("its file system does not answer")
	errBusy     = fmt.Errorf("not looked at, because %d other looks at files have no answer", mostLooks)
)

// looks bounds what is asked of file systems. A look that is not answered keeps
// its thread and its place. What it looked at, and the rest of that mount, is not
// asked for again meanwhile: each question after the other would take its whole
// limit, and a place.
type looks struct {
	places    chan struct{}
	mountinfo func() string // the kernel's

	mu      sync.Mutex
	hanging map[string]int // looks that were not answered in time, by what they look at
}

func newLooks(most int) *looks {
	mountinfo := func() string {
		text, _ := os.ReadFile("/proc/self/mountinfo") // without it each path is on its own
		return string(text)
	}
	return &looks{places: make(chan struct{}, most), mountinfo: mountinfo, hanging: map[string]int{}}
}

// vain says why a look at what, paths joined by blanks, would have no answer; nil: it may have one.
func (l *looks) vain(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.hanging) == 0 {
		return nil
	}
	mountinfo := l.mountinfo()
	mounts := mountsOf(mountinfo, what)
	all := 0
	for other, n := range l.hanging {
		if all += n; other == what {
			return errNoAnswer
		}
		for mount := range mountsOf(mountinfo, other) {
			if mounts[mount] {
				return errNoAnswer
			}
		}
	}
	if all == cap(l.places) {
		return errBusy
	}
	return nil
}

// mountsOf are the mount points below which the paths in what, joined by blanks,
// lie by their names. The root is left out: links lead from there to everywhere.
func mountsOf(mountinfo, what string) map[string]bool {
	mounts := map[string]bool{}
	for path := range strings.FieldsSeq(what) {
		best := "/"
		for line := range strings.Lines(mountinfo) {
			if fields := strings.Fields(line); len(fields) > 4 {
				mount := unescape(fields[4])
				if len(mount) > len(best) && (path == mount || strings.HasPrefix(path, mount+"/")) {
					best = mount
				}
			}
		}
		if best != "/" {
			mounts[best] = true
		}
	}
	return mounts
}

// look is what f says of what, or the cause of ctx's end. f should end with ctx,
// and is left to itself if it does not.
func look[T any](ctx context.Context, l *looks, what string, f func() (T, error)) (result T, err error) {
	if err := l.vain(what); err != nil {
		return result, err
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
