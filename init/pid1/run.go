// Package pid1 is the machine's first process: it makes the kernel usable, runs
// the chosen generation, answers the control socket and ends the machine.
//
// It never exits. What fails early ends in a rescue console, what panics is
// recovered and told. It parses no bytes from the network; whatever does is a
// child with few capabilities. Every child is started and reaped by one loop
// (package supervise), so os/exec has no place here.
package pid1

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bantam/init/control"
	"bantam/init/kmod"
	"bantam/init/statevolume"
	"bantam/init/supervise"
	"bantam/switcher"
	"bantam/system"
)

// Binary is what the device binary knows of itself.
type Binary struct {
	Version  string
	Time     time.Time // the clock never starts before this
	Commands []string  // the names by which it is called
}

// Limits of the steps of a boot; what takes longer is left to itself.
const (
	watchdogLimit  = 5 * time.Second
	coldplugLimit  = 20 * time.Second
	diskWait       = 10 * time.Second // for the disk to appear
	volumeLimit    = 45 * time.Second
	choiceLatest   = 10 * time.Second       // for a generation to be chosen, until consoles start without
	consoleLatest  = 200 * time.Millisecond // after the generation was chosen, proven or not
	stopAllLimit   = 20 * time.Second
	saveSeedClock  = time.Hour
	statePath      = "/state"
	generationPath = "/bantam/generation" // what the image carries
)

// first is PID 1 and what it has found.
type first struct {
	build    Binary
	signals  Signals
	chart    Bootchart
	cmdline  Cmdline
	watchdog atomic.Pointer[Watchdog]
	loader   *kmod.Loader
	sup      *supervise.Supervisor
	machine  *Machine
	switcher *switcher.Switcher
	volume   statevolume.Volume
	renewed  atomic.Bool // the next boot makes the volume anew
	growth   growth
	leases   *leaseKeeper // nil until the network is prepared
	since    string       // when the state volume was made, e.g. ", since 2026-11-28"
	image    imageGeneration
	consoles []string
	notes    notes
	unset    []system.ParameterDefault // that the kernel did not have when last tried
	actions  chan Action               // how the control socket ends the machine
}

// Run is the whole life of PID 1. It does not return.
func Run(b Binary) {
	signals := CatchSignals()
	stdio := Stdio()
	f := &first{build: b, signals: signals, actions: make(chan Action, 1)}
	supervise.Guard, kmod.Guard, statevolume.Guard = Guard, Guard, Guard
	OnPanic = func(p Panic) { f.notes.add("%v", p) }
	if stdio != nil {
		f.notes.add("%v", stdio)
	}
	var action Action
	failure := errors.New("PID 1's main line panicked; dmesg has the details")
	Guard("main line", func() { action, failure = f.live() })
	if failure != nil {
		action = Rescue{Reason: failure, Signals: signals, Watchdog: f.watchdog.Load, Consoles: f.consoles}.Run()
	}
	Shutdown{Action: action, Signals: signals, Watchdog: f.watchdog.Load(), Volume: statePath, Save: f.save}.Run()
}

// live brings the machine up and keeps it until somebody ends it. With an error
// the machine could not come up, and no service runs any more.
func (f *first) live() (action Action, err error) {
	done := f.chart.Span("file systems")
	errs, fatal := Make(append(Mounts(totalMemory()), Skeleton(f.build.Commands)...))
	for _, e := range errs {
		f.notes.add("%v", e)
	}
	done()
	if fatal != nil {
		return 0, fatal
	}
	if err := OutputToKmsg(); err != nil { // a console that somebody stopped must not hold PID 1
		f.notes.add("%v", err)
	}
	if err := LoopbackUp(); err != nil {
		f.notes.add("%v", err)
	}
	if err := WriteUsers(nil); err != nil { // root and nobody, also when system.toml names no user
		f.notes.add("%v", err)
	}
	f.defaults(system.ParameterDefaults)
	if err := GoFirst(); err != nil {
		f.notes.add("%v", err)
	}
	_ = CatchCtrlAltDel()
	f.cmdline = ReadCmdline()
	if level := quietConsole(f.cmdline); level != "" {
		if err := SetSysctl("kernel.printk", level); err != nil {
			f.notes.add("%v", err)
		}
	}
	f.consoles = Consoles()
	var unread error
	f.image, unread = readImage(generationPath)
	autoloader := f.drivers()

	ctx, cancel := context.WithCancel(context.Background())
	f.newSupervisor()
	ended := make(chan struct{})
	go Guard("supervisor", func() {
		defer close(ended)
		_ = f.sup.Run(ctx)
	})
	defer func() { // also in a panic: whoever comes after reaps by himself
		cancel()
		<-ended
	}()

	coldplugged := make(chan struct{})
	go Guard("drivers", func() { f.autoload(autoloader, coldplugged) })
	volumeOpen := make(chan struct{})
	go Guard("last words", func() {
		<-volumeOpen
		<-coldplugged // the driver of the place where they are kept may be one of them
		f.lastWords()
	})
	f.openVolume() // drivers bring its disk meanwhile
	close(volumeOpen)
	if unread != nil {
		if f.image, err = standIn(unread, statePath, kernelVersion()); err != nil {
			return 0, err
		}
		f.notes.add("%v; what an image of this kernel carried before takes its place", unread)
	}
	f.machine = NewMachine(f.sup, f.loader, f.image.initDigest(), f.consoles, coldplugged)
	if err := f.prepareNetwork(); err != nil {
		f.notes.add("network: %v", err)
	}
	if f.switcher, err = f.openSwitcher(); err != nil {
		return 0, err
	}
	f.since = since(statePath + "/store/oci-layout")
	listener, err := control.Listen(control.Socket)
	if err != nil {
		return 0, fmt.Errorf("control socket: %w", err)
	}
	go Guard("control socket", func() {
		control.Serve(listener, f.handle, Guard)
	})
	f.bootGeneration(ctx)
	leaveVolume := f.tendVolume(ctx)
	if f.lasting() {
		go Guard("seed and clock", func() {
			for range time.Tick(saveSeedClock) {
				f.save()
			}
		})
	}
	action = f.wait(ended)
	listener.Close()
	Logf(Notice, "%v: stopping services", action)
	limit, stop := context.WithTimeoutCause(ctx, stopAllLimit, fmt.Errorf("not ended within %v", stopAllLimit))
	defer stop()
	if err := f.sup.StopAll(limit); err != nil {
		Logf(Error, "%v", err)
	}
	leaveVolume()
	return action, nil
}

func (f *first) newSupervisor() {
	f.sup = supervise.New(supervise.Options{
		SIGCHLD: f.signals.Child,
		Tick:    func() { f.watchdog.Load().Kick() },
		Echo:    func(l supervise.Line) { Logf(Info, "%s: %s", l.Service, l.Text) },
	})
	if err := f.sup.Cgroup(); err != nil {
		f.notes.add("services are held together by their process groups alone, which a daemon can leave: %v", err)
	}
	for _, lack := range f.sup.Lacks() {
		f.notes.add("%s", lack)
	}
}

// defaults sets kernel parameters and keeps those that are not there yet.
func (f *first) defaults(list []system.ParameterDefault) {
	var errs []error
	f.unset, errs = SetParameterDefaults(list)
	for _, err := range errs {
		f.notes.add("%v", err)
	}
}

// wait returns when somebody asks for the machine's end, or when the supervisor
// has panicked: nobody would reap or restart anything any more, and a machine
// that nobody sits at helps itself best by a restart.
func (f *first) wait(supervisor <-chan struct{}) Action {
	for {
		select {
		case <-supervisor:
			f.restartSoon("the supervisor of services has ended, see `panic` in the log")
			return Restart
		case action := <-f.actions:
			return action
		case s := <-f.signals.Other:
			if action, ok := ActionOf(s); ok {
				return action
			}
		}
	}
}

// drivers arms the watchdog and prepares the loading of the rest.
func (f *first) drivers() *kmod.Autoloader {
	index, err := kmod.Open()
	if err != nil {
		f.notes.add("no modules: %v", err)
		f.armWatchdog()
		return nil
	}
	options := kmod.DefaultOptions()
	options.AddCmdline(f.cmdline)
	f.loader = kmod.NewLoader(index, options)
	autoloader := &kmod.Autoloader{Loader: f.loader, Report: f.tell, Notify: func(e kmod.Event) {
		if e.Action == "add" && e.DevName == "watchdog" {
			f.armWatchdog()
		}
	}}
	if autoloader.Listener, err = kmod.Listen(); err != nil {
		f.notes.add("no hotplug: %v", err)
	}
	done := f.chart.Span("watchdog")
	f.tell(autoloader.Coldplug(IsWatchdogModule, watchdogLimit))
	f.armWatchdog()
	done()
	return autoloader
}

// autoload loads the drivers of the devices that are there, and then of those that
// come. It returns when the kernel's events have ended.
func (f *first) autoload(a *kmod.Autoloader, coldplugged chan<- struct{}) {
	var once sync.Once
	release := func() { once.Do(func() { close(coldplugged) }) }
	defer release() // also in a panic
	if a == nil {
		return
	}
	done := f.chart.Span("drivers")
	f.tell(a.Coldplug(nil, coldplugLimit))
	done()
	f.defaults(f.unset)
	f.armWatchdog() // it may sit behind another driver's bus
	release()
	if a.Listener == nil {
		return
	}
	if err := a.Run(); err != nil {
		f.notes.add("hotplug has ended: %v", err)
	}
}

// armWatchdog arms the watchdog if there is one by now, once.
func (f *first) armWatchdog() {
	if f.watchdog.Load() != nil {
		return
	}
	w, err := OpenWatchdog("/dev/watchdog", WatchdogTimeout)
	if err != nil {
		Logf(Info, "%v", err)
		return
	}
	f.watchdog.Store(w)
	if cause := w.resetCause(); cause != "" {
		f.notes.add("the machine did not end well before this boot: %s", cause)
	}
}

// tell reports drivers: what loaded to the kernel log, what failed also to people.
func (f *first) tell(r kmod.Report) {
	if len(r.Loaded)+len(r.Late) > 0 {
		Logf(Info, "%v", r)
	}
	for _, err := range r.Failed {
		f.notes.add("%v", err)
	}
}

// openVolume finds the state volume, or memory in its place, and takes from it
// what the kernel needs: entropy and time.
func (f *first) openVolume() {
	defer f.chart.Span("state volume")()
	ctx, cancel := context.WithTimeoutCause(context.Background(), volumeLimit, fmt.Errorf("not ready within %v", volumeLimit))
	defer cancel()
	var err error
	f.volume, err = statevolume.Open(ctx, f.volumeOptions())
	if err != nil {
		f.notes.add("%v", err) // the folder itself, in the root file system, has to do
	}
	for _, n := range f.volume.Notes {
		f.notes.add("state: %s", n)
	}
	Logf(Notice, "state: %s", f.storage())
	f.prepareVolume()
	if err := CreditSeed(statePath + "/seed"); err != nil {
		f.notes.add("%v", err)
	}
	if _, err := RaiseClock(statePath+"/clock", f.build.Time); err != nil {
		f.notes.add("%v", err)
	}
}

// lasting says whether what is written below statePath survives a reboot.
func (f *first) lasting() bool { return f.volume.Kind == statevolume.OnDisk }

// storage says where the state is kept.
func (f *first) storage() string {
	var text string
	switch f.volume.Kind {
	case statevolume.OnDisk:
		text = f.volume.Device + f.volume.Model() + ", " + f.growth.size(f.volume) + f.since
	case statevolume.Untrusted:
		text = "in memory, to be forgotten at the next boot; " + f.volume.Reason
	default:
		text = "in memory, to be forgotten at the next boot: " + f.volume.Reason
	}
	if f.renewed.Load() {
		text += "; the next boot makes it anew"
	}
	return text
}

func (f *first) modprobe(name string) error {
	if f.loader == nil {
		return fmt.Errorf("module %s: the image carries no modules", name)
	}
	return f.loader.Modprobe(name, "")
}

// save keeps what the next boot begins with.
func (f *first) save() {
	if !f.lasting() {
		return
	}
	if err := SaveSeed(statePath + "/seed"); err != nil {
		Logf(Warning, "%v", err)
	}
	if err := f.leases.save(); err != nil {
		Logf(Warning, "%v", err)
	}
	if err := SaveClock(statePath + "/clock"); err != nil {
		Logf(Warning, "%v", err)
	}
}
