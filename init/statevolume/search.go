package statevolume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bantam/gpt"

	"golang.org/x/sys/unix"
)

// Limits of the look at the disks.
const (
	// Once ours was found: a second one with this image is worth a note, a broken one not the wait.
	othersLimit = 2 * time.Second
	// A disk that could not be read is asked again after that, doubled each time: one may answer "no such device" while
	// the kernel still makes it known, and a card reader or a drive that spins up answers with errors for seconds.
	firstPause, longestPause, longestLate = 100 * time.Millisecond, 2 * time.Second, time.Minute
	// Between two looks at what disks there are, in the time of the boot and after it.
	lookInterval, lateInterval = 100 * time.Millisecond, 2 * time.Second
)

// A look is what is known of one disk.
type look struct {
	size   int64 // as the kernel says, in 512 bytes
	silent bool  // no answer yet
	told   bool  // it has answered what it is
	disk   *Disk // with our image
	err    error // of the last answer
	pause  time.Duration
	next   time.Time
}

// answer is what one look at one disk gave.
type answer struct {
	name  string
	disk  Disk
	found bool // it carries our image
	err   error
}

// A search looks at every disk as it appears, until it says what it is. All are looked at at the same time: one that
// does not answer holds up no other.
type search struct {
	o       Options
	sought  identity
	late    bool // after the boot: nothing is repaired, and disks may sleep
	lookAt  func(name string) (d Disk, ours bool, err error)
	skip    func(name string) bool // what cannot have what is looked for
	enough  func(d Disk) bool      // with it no others are waited for; nil: they are
	disks   map[string]*look
	answers chan answer
	left    chan struct{} // closed: nobody takes answers any more
}

func newSearch(o Options, id identity, late bool) *search {
	return &search{o: o, sought: id, late: late, skip: cannotKeepState, disks: map[string]*look{}, answers: make(chan answer), left: make(chan struct{}),
		lookAt: func(name string) (Disk, bool, error) { return lookAt(o, name, id, !late) }}
}

// look asks the disks that are new, that have another medium, or whose turn it is again.
func (s *search) look(now time.Time) error {
	entries, err := os.ReadDir(s.o.sys)
	if err != nil {
		return fmt.Errorf("look for disks: %w", err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		// A disk without medium (a card reader) has no size yet. A floppy drive would take seconds to say that it is empty.
		size := s.o.number(name, "size")
		if s.skip(name) || size == 0 {
			continue
		}
		there[name] = true
		l := s.disks[name]
		if l == nil || l.size != size && !l.silent {
			l = &look{size: size, pause: firstPause}
			s.disks[name] = l
		}
		if l.silent || l.told || now.Before(l.next) {
			continue
		}
		l.silent = true
		go Guard("disk "+name, func() {
			a := answer{name: name}
			a.disk, a.found, a.err = s.lookAt(name)
			select {
			case s.answers <- a:
			case <-s.left:
			}
		})
	}
	maps.DeleteFunc(s.disks, func(name string, l *look) bool { return !there[name] && !l.silent })
	return nil
}

// take notes an answer. What could not be read is asked again, and so is a disk without a partition table: one may come
// late to a medium that was just put in.
func (s *search) take(a answer, now time.Time) {
	l := s.disks[a.name]
	l.silent, l.err, l.told = false, a.err, a.err == nil || s.late && errors.Is(a.err, gpt.ErrNone)
	if a.found {
		l.disk = &a.disk
	}
	l.next = now.Add(l.pause)
	longest := longestPause
	if s.late {
		longest = longestLate
	}
	l.pause = min(2*l.pause, longest)
}

func notADisk(name string) bool {
	for _, prefix := range []string{"ram", "loop", "zram", "fd"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// cannotKeepState: a CD cannot be written to, and a drive may take seconds to say what is in it.
func cannotKeepState(name string) bool { return notADisk(name) || strings.HasPrefix(name, "sr") }

// ours are the disks with our image, by name.
func (s *search) ours() (disks []Disk) {
	for _, name := range slices.Sorted(maps.Keys(s.disks)) {
		if d := s.disks[name].disk; d != nil {
			disks = append(disks, *d)
		}
	}
	return disks
}

// unreadable says of which disks it is not known whether they are ours, and why.
func (s *search) unreadable() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(s.disks)) {
		switch l := s.disks[name]; {
		case l.silent:
			list = append(list, name+": it does not answer")
		case l.err != nil && !errors.Is(l.err, gpt.ErrNone) && !errors.Is(l.err, unix.ENOMEDIUM):
			list = append(list, name+": "+l.err.Error())
		}
	}
	return list
}

func (s *search) anySilent() bool {
	for _, l := range s.disks {
		if l.silent {
			return true
		}
	}
	return false
}

// wait looks at the disks as they appear, until the one that the machine was started from is there or the time is
// over. It also says of which disks that could not be told. It ends the search.
func (s *search) wait(ctx context.Context) (ours []Disk, unreadable []string, err error) {
	defer close(s.left)
	again := time.NewTicker(lookInterval)
	defer again.Stop()
	over := time.NewTimer(s.o.Wait)
	defer over.Stop()
	if err := s.look(time.Now()); err != nil {
		return nil, nil, err
	}
	for more, last := true, false; more || s.anySilent() && !last; {
		select {
		case a := <-s.answers:
			s.take(a, time.Now())
			if more && a.found && startedFrom(s.sought.origin, a.disk) {
				more, last = false, s.enough != nil && s.enough(a.disk)
				over.Reset(othersLimit)
			}
		case now := <-again.C:
			if !more {
				continue
			}
			if err := s.look(now); err != nil {
				return nil, nil, err
			}
		case <-over.C:
			more, last = false, !more
			over.Reset(2 * s.o.Wait) // one that spins up takes ten seconds
		case <-ctx.Done():
			return nil, s.unreadable(), errSilent
		}
	}
	return s.ours(), s.unreadable(), nil
}

// secondDiskLimit is how long a second disk is waited for that might as well be the one that the machine was started from.
const secondDiskLimit = 2 * time.Minute

// Watch looks for a disk that comes after Open has chosen: the one of a machine whose volume is Awaited, for the next boot;
// or another one that the machine may have been started from as well, if Open has not told of one. It tells that once and
// returns, or when ctx ends. Nothing is written to any disk.
func (v Volume) Watch(ctx context.Context, o Options, tell func(text string)) {
	o = o.onThisMachine()
	f, guid, err := wanted(o)
	if err != nil || !v.Awaited && (v.disk == "" || v.several) {
		return
	}
	if !v.Awaited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, secondDiskLimit, errors.New("no second disk came"))
		defer cancel()
	}
	used := filepath.Base(v.disk)
	s := newSearch(o, identity{guid, f.Origin}, true)
	defer close(s.left)
	again := time.NewTicker(lateInterval)
	defer again.Stop()
	for {
		if err := s.look(time.Now()); err != nil {
			return
		}
		select {
		case a := <-s.answers:
			s.take(a, time.Now())
			if !a.found || a.name == used || !startedFrom(f.Origin, a.disk) {
				continue
			}
			switch f.Disks = s.ours(); {
			case v.Awaited:
				tell(late(Decide(f)))
			case v.first:
				tell(fmt.Sprintf("%s carries the same image as %s, and neither was started before; if this machine was started from %[1]s, unplug %[2]s and start it again",
					a.name, used))
			default:
				tell(several([]Disk{{Name: used}, a.disk}, used))
			}
			return
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// late says what becomes of a disk that came too late, of which a is the decision.
func late(a Action) string {
	if a.Verb == UseMemory || a.Verb == Distrust {
		return "the disk of this machine came too late for this boot, and the next one would not use it: " + a.Reason
	}
	return a.Disk.Name + ", the disk of this machine, came too late for this boot, which runs from memory; the next one uses it: `reboot`"
}
