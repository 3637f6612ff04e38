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

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/flashmap"
	"bantam/init/control"
	"bantam/init/kmod"
	"bantam/init/statevolume"
	"bantam/init/supervise"
	"bantam/panel"
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
	watchdogLimit = 5 * time.Second
	coldplugLimit = 20 * time.Second
	diskWait      = 10 * time.Second       // for the disk to appear
	bootDiskWait  = time.Minute            // likewise, where the boot loader has just read kernel and initrd from it
	volumeLimit   = 35 * time.Second       // beyond that wait
	choiceLatest  = 10 * time.Second       // for a generation to be chosen, until consoles start without
	consoleLatest = 200 * time.Millisecond // after the generation was chosen, proven or not
	stopAllLimit  = 20 * time.Second
	saveSeedClock = time.Hour
	statePath     = "/state"
)

// initProcess is PID 1 and what it has found.
type initProcess struct {
	build      Binary
	signals    Signals
	chart      Bootchart
	cmdline    Cmdline
	watchdog   atomic.Pointer[Watchdog]
	loader     *kmod.Loader
	sup        *supervise.Supervisor
	machine    *Machine
	switcher   *switcher.Switcher
	chip       flashmap.Map // of a router; zero: the machine starts from a disk
	volume     statevolume.Volume
	bootLoader switcher.BootLoader
	renewed    atomic.Bool // the next boot makes the volume anew
	growth     growth
	time       *timekeeper
	origin     string       // of the clock's time
	leases     *leaseKeeper // nil until the network is prepared
	served     *netserver   // likewise
	since      string       // when the state volume was made, e.g. ", since 2026-11-28"
	image      imageGeneration
	parsed     struct { // the image's system.toml, and what it says
		sync.Mutex
		text   []byte
		system *system.System // nil: it cannot be read
		done   bool
	}
	consoles []string
	began    time.Duration // of PID 1
	menu     *menuLines
	panel    panel.Panel // what the image says of its case
	buttons  *buttons
	lights   *lights
	failsafe string // why the machine runs in failsafe; "": it does not
	notes    notes
	unset    []system.ParameterDefault // that the kernel did not have when last tried
	actions  chan Action               // how the control socket ends the machine
	restarts chan string               // why PID 1 restarts it by itself
	inOrder  atomic.Bool               // somebody has asked for the machine's end, and all services have stopped
}

// Run is the whole life of PID 1. It does not return.
func Run(b Binary) {
	signals := CatchSignals()
	stdio := Stdio()
	p := &initProcess{build: b, signals: signals, actions: make(chan Action, 1), restarts: make(chan string, 1)}
	p.lights = newLights(p.modprobe)
	p.buttons = newButtons(p.modprobe, p.pressed, func(held bool) { p.lights.set(func(s *panel.State) { s.Held = held }) })
	supervise.Guard, kmod.Guard, statevolume.Guard = Guard, Guard, Guard
	OnPanic = func(panicked Panic) { p.notes.add("%v", panicked) }
	if stdio != nil {
		p.notes.add("%v", stdio)
	}
	var action Action
	failure := errors.New("PID 1's main line panicked; dmesg has the details")
	Guard("main line", func() { action, failure = p.live() })
	if failure != nil {
		if p.menu != nil { // its keys are the rescue shells' now
			p.menu.close()
		}
		p.lights.set(func(s *panel.State) { s.Changing, s.Faulty = false, true })
		action = Rescue{Reason: failure, Signals: signals, Watchdog: p.watchdog.Load, Consoles: p.consoles, Login: p.loginAt, Actions: p.actions}.Run()
	}
	p.lights.set(func(s *panel.State) { s.Changing = true })
	Shutdown{Action: action, Signals: signals, Watchdog: p.watchdog.Load(), Volume: statePath, Save: p.save}.Run()
}

// live brings the machine up and keeps it until somebody ends it. With an error
// the machine could not come up, and no service runs any more.
func (p *initProcess) live() (action Action, err error) {
	p.began = boottime.Now()
	done := p.chart.Span("file systems")
	errs, fatal := Make(append(Mounts(totalMemory()), Skeleton(p.build.Commands)...))
	for _, e := range errs {
		p.notes.add("%v", e)
	}
	done()
	if fatal != nil {
		return 0, fatal
	}
	if err := OutputToKmsg(); err != nil { // a console that somebody stopped must not hold PID 1
		p.notes.add("%v", err)
	}
	if err := LoopbackUp(); err != nil {
		p.notes.add("%v", err)
	}
	if err := WriteUsers(new(system.System)); err != nil { // root and nobody, also when system.toml names no user
		p.notes.add("%v", err)
	}
	p.defaults(system.ParameterDefaults)
	if err := GoFirst(); err != nil {
		p.notes.add("%v", err)
	}
	_ = CatchCtrlAltDel()
	p.cmdline = ReadCmdline()
	if level := quietConsole(p.cmdline); level != "" {
		if err := SetSysctl("kernel.printk", level); err != nil {
			p.notes.add("%v", err)
		}
	}
	p.consoles = Consoles()
	p.menu = listen("/dev", p.consoles, p.cmdline)
	var unread error
	p.image, unread = readImage(switcher.GenerationPath)
	p.rescuers(p.imageSystem())
	p.readPanel()
	autoloader := p.drivers()
	p.lights.begin(p.panel)
	if why := p.askFailsafe(autoloader); why != "" {
		p.enterFailsafe(why)
	}

	ctx, cancel := context.WithCancel(context.Background())
	p.newSupervisor()
	ended := make(chan struct{})
	go Guard("supervisor", func() {
		defer close(ended)
		_ = p.sup.Run(ctx)
	})
	defer func() { // also in a panic: whoever comes after reaps by himself
		cancel()
		<-ended
	}()

	coldplugged := make(chan struct{})
	go Guard("drivers", func() { p.autoload(autoloader, coldplugged) })
	volumeOpen := make(chan struct{})
	go Guard("last words", func() {
		<-volumeOpen
		<-coldplugged // the driver of the place where they are kept may be one of them
		p.lastWords()
	})
	p.openVolume() // drivers bring its disk meanwhile
	// What is mounted and unmounted from now on is so for services with a view of their own, too. Before, the volume was moved
	// to its place, which the kernel does not allow in a shared root.
	if err := unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		p.notes.add("make the root shared: %v", err)
	}
	close(volumeOpen)
	if unread != nil {
		if p.image, err = standIn(unread, statePath, kernelVersion()); err != nil {
			return 0, err
		}
		p.notes.add("%v; what an image of this kernel carried before takes its place", unread)
	}
	p.machine = NewMachine(p.sup, p.loader, p.image.initDigest(), p.consoles, coldplugged)
	word, _ := p.cmdline.Get(loginWord)
	p.machine.logins.open = word == system.LoginRoot
	p.time = newTimekeeper(p.machine, p.saveClocks)
	p.time.origin = p.origin
	p.machine.timeUnknown = func() bool { return len(p.time.known()) == 0 }
	p.openMedium()
	for _, name := range append(p.build.Commands, "bantam") {
		p.machine.commands[name] = true
	}
	if err := p.prepareNetwork(); err != nil {
		p.notes.add("network: %v", err)
	}
	if err := p.prepareServe(); err != nil {
		p.notes.add("netserve: %v", err)
	}
	p.machine.hostKey.Note = func(text string) { p.notes.add("%s", text) }
	if p.switcher, err = p.openSwitcher(); err != nil {
		return 0, err
	}
	go Guard("time", func() { p.keepTime(ctx, coldplugged) })
	go Guard("netserve", func() { p.served.run(ctx) })
	go Guard("sessions", func() { p.machine.keepSessions(ctx) })
	p.since = since(statePath + "/store/oci-layout")
	listener, err := control.Listen(control.Socket, 0o666)
	if err != nil {
		return 0, fmt.Errorf("control socket: %w", err)
	}
	go Guard("control socket", func() {
		control.Serve(listener, p.handle, Guard)
	})
	p.bootGeneration(ctx)
	leaveVolume := p.tendVolume(ctx)
	go Guard("removed folders", func() {
		if err := p.machine.state.removeLeft(ctx); err != nil {
			p.notes.add("%v", err)
		}
	})
	if p.lasting() {
		go Guard("seed and clock", func() {
			for range time.Tick(saveSeedClock) {
				p.save()
			}
		})
	}
	action, asked := p.wait(ended)
	p.lights.set(func(s *panel.State) { s.Changing = true })
	listener.Close()
	p.endSSH(ctx)
	Logf(Notice, "%v: stopping services", action)
	limit, stop := context.WithTimeoutCause(ctx, stopAllLimit, fmt.Errorf("not ended within %v", stopAllLimit))
	defer stop()
	if err := p.sup.StopAll(limit); err != nil {
		Logf(Error, "%v", err)
	}
	p.inOrder.Store(asked)
	leaveVolume()
	return action, nil
}

func (p *initProcess) newSupervisor() {
	p.sup = supervise.New(supervise.Options{
		SIGCHLD:  p.signals.Child,
		Tick:     func() { p.watchdog.Load().Kick() },
		Complete: func(def supervise.Definition) ([]string, error) { return p.machine.complete(def) },
		Echo:     func(l supervise.Line) { Logf(Info, "%s: %s", l.Service, l.Text) },
	})
	if err := p.sup.Cgroup(); err != nil {
		p.notes.add("services are held together by their process groups alone, which a daemon can leave: %v", err)
	}
	for _, lack := range p.sup.Lacks() {
		p.notes.add("%s", lack)
	}
}

// defaults sets kernel parameters and keeps those that are not there yet.
func (p *initProcess) defaults(list []system.ParameterDefault) {
	var errs []error
	p.unset, errs = SetParameterDefaults(list)
	for _, err := range errs {
		p.notes.add("%v", err)
	}
}

// wait returns when somebody asks for the machine's end, or when the supervisor
// has panicked: nobody would reap or restart anything any more, and a machine
// that nobody sits at helps itself best by a restart.
func (p *initProcess) wait(supervisor <-chan struct{}) (action Action, asked bool) {
	for {
		select {
		case <-supervisor:
			p.restartSoon("the supervisor of services has ended, see `panic` in the log")
			return Restart, false
		case reason := <-p.restarts:
			p.restartSoon(reason)
			return Restart, false
		case action := <-p.actions:
			return action, true
		case s := <-p.signals.Other:
			if action, ok := ActionOf(s); ok {
				return action, true
			}
		}
	}
}

// drivers arms the watchdog and prepares the loading of the rest.
func (p *initProcess) drivers() *kmod.Autoloader {
	index, err := kmod.Open()
	if err != nil {
		p.notes.add("no modules: %v", err)
		p.armWatchdog()
		return nil
	}
	options := kmod.DefaultOptions()
	options.AddCmdline(p.cmdline)
	options.Blacklist[evdev] = true
	p.loader = kmod.NewLoader(index, options)
	autoloader := &kmod.Autoloader{Loader: p.loader, Report: p.tell, Notify: func(e kmod.Event) {
		if e.Action == "add" && e.DevName == "watchdog" {
			p.armWatchdog()
		}
		p.buttons.arrived(e)
		p.lights.arrived(e)
	}}
	if autoloader.Listener, err = kmod.Listen(); err != nil {
		p.notes.add("no hotplug: %v", err)
	}
	done := p.chart.Span("watchdog")
	p.tell(autoloader.Coldplug(IsWatchdogModule, watchdogLimit))
	p.armWatchdog()
	done()
	return autoloader
}

// autoload loads the drivers of the devices that are there, and then of those that
// come. It returns when the kernel's events have ended.
func (p *initProcess) autoload(a *kmod.Autoloader, coldplugged chan<- struct{}) {
	var once sync.Once
	release := func() { once.Do(func() { close(coldplugged) }) }
	defer release() // also in a panic
	if a == nil {
		return
	}
	done := p.chart.Span("drivers")
	p.tell(a.Coldplug(nil, coldplugLimit))
	done()
	p.defaults(p.unset)
	p.armWatchdog() // it may sit behind another driver's bus
	release()
	if a.Listener == nil {
		return
	}
	if err := a.Run(); err != nil {
		p.notes.add("hotplug has ended: %v", err)
	}
}

// armWatchdog arms the watchdog if there is one by now, once.
func (p *initProcess) armWatchdog() {
	if p.watchdog.Load() != nil {
		return
	}
	w, err := OpenWatchdog("/dev/watchdog", WatchdogTimeout)
	if err != nil {
		Logf(Info, "%v", err)
		return
	}
	p.watchdog.Store(w)
	if cause := w.resetCause(); cause != "" {
		p.notes.add("the machine did not end well before this boot: %s", cause)
	}
}

// tell reports drivers: what loaded to the kernel log, what failed also to people.
func (p *initProcess) tell(r kmod.Report) {
	if len(r.Loaded)+len(r.Late) > 0 {
		Logf(Info, "%v", r)
	}
	for _, err := range r.Failed {
		p.notes.add("%v", err)
	}
}

// openVolume finds the state volume, or memory in its place, and takes from it
// what the kernel needs: entropy and time.
func (p *initProcess) openVolume() {
	defer p.chart.Span("state volume")()
	p.readChip()
	o := p.volumeOptions()
	limit := o.Wait + volumeLimit
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, fmt.Errorf("not ready within %v", limit))
	defer cancel()
	found := make(chan struct{})
	go Guard("late disk", func() {
		select {
		case <-found:
		case <-time.After(diskWait):
			Logf(Error, "the disk of this machine is not ready yet; it is waited for")
		}
	})
	var err error
	p.volume, err = statevolume.Open(ctx, o)
	close(found)
	if err != nil {
		p.notes.add("%v", err) // the folder itself, in the root file system, has to do
	}
	for _, n := range p.volume.Notes {
		p.notes.add("state: %s", n)
	}
	Logf(Notice, "state: %s", p.storage())
	p.wipe()
	p.prepareVolume()
	if err := CreditSeed(statePath + "/seed"); err != nil {
		p.notes.add("%v", err)
	}
	p.raiseClock()
}

// raiseClock lets the clock begin with the latest time that is known.
func (p *initProcess) raiseClock() {
	var err error
	if p.origin, err = RaiseClock(statePath+"/clock", p.build.Time, p.origin); err != nil {
		p.notes.add("%v", err)
	}
}

// lasting says whether what is written below statePath survives a reboot.
func (p *initProcess) lasting() bool { return p.volume.Kind == statevolume.OnDisk }

// storage says where the state is kept.
func (p *initProcess) storage() string {
	var text string
	switch p.volume.Kind {
	case statevolume.OnDisk:
		text = p.volume.Device + p.volume.Model() + ", " + p.growth.size(p.volume) + p.since
	case statevolume.Untrusted:
		text = "in memory, to be forgotten at the next boot; " + p.volume.Reason
	default:
		text = "in memory, to be forgotten at the next boot: " + p.volume.Reason
	}
	if p.renewed.Load() {
		text += "; the next boot makes it anew"
	}
	return text
}

func (p *initProcess) modprobe(name string) error {
	if p.loader == nil {
		return fmt.Errorf("module %s: the image carries no modules", name)
	}
	return p.loader.Modprobe(name, "")
}

// end asks for the machine's end, unless somebody has.
func (p *initProcess) end(action Action) {
	select {
	case p.actions <- action:
	default: // it is ending already
	}
}

// pressed does what a button asks for.
func (p *initProcess) pressed(action panel.Action) {
	switch action {
	case panel.PowerOff:
		Logf(Notice, "the power button was pressed")
		p.end(PowerOff)
	case panel.FactoryReset:
		p.factoryReset(fmt.Sprintf("the reset button was held for %v", panel.ResetTime))
	}
}

// save keeps what the next boot begins with.
func (p *initProcess) save() {
	if !p.lasting() {
		p.saveClocks()
		return
	}
	if p.inOrder.Load() {
		if err := p.switcher.EndsInOrder(); err != nil {
			Logf(Warning, "%v", err)
		}
	}
	if err := SaveSeed(statePath + "/seed"); err != nil {
		Logf(Warning, "%v", err)
	}
	if err := p.leases.save(); err != nil {
		Logf(Warning, "%v", err)
	}
	if err := p.served.save(); err != nil {
		Logf(Warning, "%v", err)
	}
	p.saveClocks()
}

// saveClocks keeps the time over a reboot, on the state volume and in the machine's own clock.
func (p *initProcess) saveClocks() {
	if err := saveChip(); err != nil {
		Logf(Warning, "%v", err)
	}
	if !p.lasting() {
		return
	}
	if err := SaveClock(statePath + "/clock"); err != nil {
		Logf(Warning, "%v", err)
	}
}
