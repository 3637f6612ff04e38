package kmod

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Autoloader gives devices their drivers. One goroutine uses it: Coldplug, as often
// as wanted, then Run.
type Autoloader struct {
	Loader   *Loader
	Listener *Listener   // opened before Coldplug; nil: no hotplug and no bus behind a bus
	Notify   func(Event) // called for every event of the kernel, also during Coldplug; must not block; may be nil
	Report   func(Report)

	sys     string    // /sys, replaced by tests
	walked  bool      // the devices that were there at boot are in waiting
	waiting []awaited // devices that were met and have asked for no driver yet

	mu      sync.Mutex
	loading map[string]bool // modules that Run has asked for and that have not ended
}

// awaited is a device that asks for a driver.
type awaited struct {
	alias  string
	finder string // the module of the driver that has found it, e.g. virtio_pci; "" if that is not known
	found  time.Time
}

// finderPatience is how long a device waits for the driver that has found it to find the others: long enough for a slow machine,
// and not for ever where a driver hangs.
//
// Drivers that are inserted while another is still finding their devices take these in any order: one takes those
// that are there already, each further one is given to it as it is found, and the two may overtake each other. Then eth0 is
// eth1 at the next boot. What waits until all are found takes them in the order of the bus.
const finderPatience = 5 * time.Second

// finderOf is the module whose driver serves the nearest device above path, e.g. /devices/pci0000:00/0000:00:03.0/virtio0.
func (a *Autoloader) finderOf(path string) string {
	for up := filepath.Dir(path); strings.HasPrefix(up, "/devices/"); up = filepath.Dir(up) {
		if module, err := os.Readlink(a.root() + up + "/driver/module"); err == nil {
			return Name(filepath.Base(module))
		}
		// The kernel links a driver to its module only when it has been given all devices; nearly all are called as their module is.
		if driver, err := os.Readlink(a.root() + up + "/driver"); err == nil {
			return Name(filepath.Base(driver))
		}
	}
	return ""
}

func (a *Autoloader) root() string {
	if a.sys == "" {
		return "/sys"
	}
	return a.sys
}

// await remembers a device, unless another one waits for the same.
func (a *Autoloader) await(w awaited, report *Report) {
	if !slices.ContainsFunc(a.waiting, func(other awaited) bool { return other.alias == w.alias }) {
		a.waiting = append(a.waiting, w)
		report.Devices++
	}
}

// Report says what became of the drivers.
type Report struct {
	Devices  int      // aliases met for the first time
	Loaded   []string // in the order of the plan
	NoDevice []string // the driver was tried and found nothing, which is common and harmless
	Failed   []error
	Late     []string // not ended when the time was over; they go on
	Took     time.Duration
	Slowest  Result // most of Took is often one driver that waits for its hardware
}

// String is one line for the log.
func (r Report) String() string {
	s := fmt.Sprintf("%d modules for %d devices in %v", len(r.Loaded), r.Devices, r.Took.Round(time.Millisecond))
	if len(r.Loaded) > 0 {
		s += ": " + strings.Join(r.Loaded, " ")
	}
	if r.Slowest.Module != "" {
		s += fmt.Sprintf("; the slowest, %s, took %v", r.Slowest.Module, r.Slowest.Took.Round(time.Millisecond))
	}
	if len(r.Late) > 0 {
		s += "; not ended: " + strings.Join(r.Late, " ")
	}
	return s
}

// Coldplug loads the drivers of the devices that are there, and of the devices
// that those drivers find in turn: a PCI driver brings forth virtio ports, and
// the kernel has sent their events by the time it has inserted the driver.
//
// want chooses modules by name and file, e.g. the watchdogs first; nil wants
// all. What is not wanted is remembered for the next call. Coldplug returns
// when the drivers have been tried, or after limit; one that hangs in the
// kernel is reported, holds up no other, and is left to itself.
func (a *Autoloader) Coldplug(want func(name, file string) bool, limit time.Duration) Report {
	start := time.Now()
	end := time.After(limit)
	look := time.NewTicker(5 * time.Millisecond) // for devices that a driver has just found
	defer look.Stop()
	var report Report
	if !a.walked {
		a.walk(&report)
	}
	tried := map[string]bool{}
	running := map[string]int{} // a module may be a step of several plans
	ended := make(chan Result)
	left := make(chan struct{})
	defer close(left)
	tell := func(r Result) {
		select {
		case ended <- r:
		case <-left: // a driver that ended too late for the report
		}
	}
	for {
		if steps := a.next(want, tried, running); len(steps) > 0 {
			for _, s := range steps {
				running[s.Module]++
			}
			a.Loader.start(steps, nil, tell)
		}
		if len(running) == 0 {
			break
		}
		select {
		case r := <-ended:
			if running[r.Module]--; running[r.Module] == 0 {
				delete(running, r.Module)
			}
			report.add(r)
		case <-look.C:
		case <-end:
			report.Late = slices.Sorted(maps.Keys(running))
			report.Took = time.Since(start)
			return report
		}
		_ = a.drain(&report) // an error of the socket is Run's to tell
	}
	report.Took = time.Since(start)
	return report
}

// Run serves devices as they come. It returns only with an error of the socket.
func (a *Autoloader) Run() error {
	if a.Listener == nil {
		return errors.New("no socket for uevents")
	}
	for {
		if err := a.Listener.Wait(-1); err != nil {
			return err
		}
		if err := a.turn(); err != nil {
			return err
		}
	}
}

// turn handles the events that wait.
func (a *Autoloader) turn() error {
	var report Report
	if err := a.drain(&report); err != nil {
		return err
	}
	a.mu.Lock()
	if a.loading == nil {
		a.loading = map[string]bool{}
	}
	steps := a.next(nil, a.loading, nil) // what is under way will serve this device too
	a.mu.Unlock()
	if len(steps) == 0 {
		return nil
	}
	// In the background: a driver that hangs must not keep the events of other
	// devices from whoever waits for them.
	go Guard("hotplug", func() {
		start := time.Now()
		report.add(a.Loader.run(steps, nil)...)
		report.Took = time.Since(start)
		a.mu.Lock()
		for _, s := range steps {
			delete(a.loading, s.Module)
		}
		a.mu.Unlock()
		if a.Report != nil && len(report.Loaded)+len(report.Failed) > 0 {
			a.Report(report)
		}
	})
	return nil
}

// next plans what is wanted and was not tried; other devices stay waiting, and those whose finder is running.
func (a *Autoloader) next(want func(name, file string) bool, tried map[string]bool, running map[string]int) []Step {
	var names []string
	var rest []awaited
	for _, w := range a.waiting {
		if running[w.finder] > 0 && time.Since(w.found) < finderPatience {
			rest = append(rest, w)
			continue
		}
		later := false
		for _, name := range a.Loader.resolve(w.alias) {
			switch {
			case want != nil && !want(name, a.Loader.Index.File(name)):
				later = true
			case !tried[name]:
				tried[name] = true
				names = append(names, name)
			}
		}
		if later {
			rest = append(rest, w)
		}
	}
	a.waiting = rest
	return a.Loader.Index.Plan(names...)
}

// drain reads the events that wait, offers them and remembers their aliases.
func (a *Autoloader) drain(report *Report) error {
	if a.Listener == nil {
		return nil
	}
	for {
		e, ok, err := a.Listener.Next()
		switch {
		case errors.Is(err, ErrOverrun):
			a.walk(report) // whatever the lost events said, the devices are there
			continue
		case err != nil || !ok:
			return err
		}
		if a.Notify != nil {
			a.Notify(e)
		}
		if e.Action == "add" && e.Modalias != "" {
			a.await(awaited{e.Modalias, a.finderOf(e.DevPath), time.Now()}, report)
		}
	}
}

func (a *Autoloader) walk(report *Report) {
	a.walked = true
	for _, alias := range Modaliases(a.root()) {
		a.await(awaited{alias: alias}, report)
	}
}

func (r *Report) add(results ...Result) {
	for _, one := range results {
		if one.Took > r.Slowest.Took {
			r.Slowest = one
		}
		switch {
		case one.Inserted:
			r.Loaded = append(r.Loaded, one.Module)
		case errors.Is(one.Err, unix.ENODEV):
			r.NoDevice = append(r.NoDevice, one.Module)
		case one.Err != nil:
			r.Failed = append(r.Failed, one.Err)
		}
	}
}
