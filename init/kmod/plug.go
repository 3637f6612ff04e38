package kmod

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Plug gives devices their drivers. One goroutine uses it: Coldplug, as often
// as wanted, then Run.
type Plug struct {
	Loader   *Loader
	Listener *Listener   // opened before Coldplug; nil: no hotplug and no bus behind a bus
	Notify   func(Event) // called for every event of the kernel, also during Coldplug; must not block; may be nil
	Report   func(Report)

	devices string   // /sys/devices, replaced by tests
	walked  bool     // the devices that were there at boot are in waiting
	waiting []string // aliases that were met but not wanted yet

	mu      sync.Mutex
	loading map[string]bool // modules that Run has asked for and that have not ended
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
func (p *Plug) Coldplug(want func(name, file string) bool, limit time.Duration) Report {
	start := time.Now()
	end := time.After(limit)
	look := time.NewTicker(5 * time.Millisecond) // for devices that a driver has just found
	defer look.Stop()
	var report Report
	if !p.walked {
		p.walk(&report)
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
		if steps := p.next(want, tried); len(steps) > 0 {
			for _, s := range steps {
				running[s.Module]++
			}
			p.Loader.start(steps, nil, tell)
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
		_ = p.drain(&report) // an error of the socket is Run's to tell
	}
	report.Took = time.Since(start)
	return report
}

// Run serves devices as they come. It returns only with an error of the socket.
func (p *Plug) Run() error {
	if p.Listener == nil {
		return errors.New("no socket for uevents")
	}
	for {
		if err := p.Listener.Wait(-1); err != nil {
			return err
		}
		if err := p.turn(); err != nil {
			return err
		}
	}
}

// turn handles the events that wait.
func (p *Plug) turn() error {
	var report Report
	if err := p.drain(&report); err != nil {
		return err
	}
	p.mu.Lock()
	if p.loading == nil {
		p.loading = map[string]bool{}
	}
	steps := p.next(nil, p.loading) // what is under way will serve this device too
	p.mu.Unlock()
	if len(steps) == 0 {
		return nil
	}
	// In the background: a driver that hangs must not keep the events of other
	// devices from whoever waits for them.
	go Guard("hotplug", func() {
		start := time.Now()
		report.add(p.Loader.run(steps, nil)...)
		report.Took = time.Since(start)
		p.mu.Lock()
		for _, s := range steps {
			delete(p.loading, s.Module)
		}
		p.mu.Unlock()
		if p.Report != nil && len(report.Loaded)+len(report.Failed) > 0 {
			p.Report(report)
		}
	})
	return nil
}

// next plans what is wanted and was not tried; other aliases stay waiting.
func (p *Plug) next(want func(name, file string) bool, tried map[string]bool) []Step {
	var names, rest []string
	for _, alias := range p.waiting {
		later := false
		for _, name := range p.Loader.resolve(alias) {
			switch {
			case want != nil && !want(name, p.Loader.Index.File(name)):
				later = true
			case !tried[name]:
				tried[name] = true
				names = append(names, name)
			}
		}
		if later {
			rest = append(rest, alias)
		}
	}
	p.waiting = rest
	return p.Loader.Index.Plan(names...)
}

// drain reads the events that wait, offers them and remembers their aliases.
func (p *Plug) drain(report *Report) error {
	if p.Listener == nil {
		return nil
	}
	for {
		e, ok, err := p.Listener.Next()
		switch {
		case errors.Is(err, ErrOverrun):
			p.walk(report) // whatever the lost events said, the devices are there
			continue
		case err != nil || !ok:
			return err
		}
		if p.Notify != nil {
			p.Notify(e)
		}
		if e.Action == "add" && e.Modalias != "" && !slices.Contains(p.waiting, e.Modalias) {
			p.waiting = append(p.waiting, e.Modalias)
			report.Devices++
		}
	}
}

func (p *Plug) walk(report *Report) {
	root := p.devices
	if root == "" {
		root = "/sys/devices"
	}
	p.walked = true
	for _, alias := range Modaliases(root) {
		if !slices.Contains(p.waiting, alias) {
			p.waiting = append(p.waiting, alias)
			report.Devices++
		}
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
