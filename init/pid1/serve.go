package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"bantam/boottime"
	"bantam/init/control"
	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/netcfg"
	"bantam/netcfg/nft"
	"bantam/panel"
	"bantam/printable"
	"bantam/switcher"
	"bantam/system"
)

// Limits of what a client waits for.
const (
	serviceWait = 60 * time.Second // until services that were started are ready
	followMost  = 1 << 16          // lines of a log shown before those that come
)

// handle answers one request of the control socket.
func (p *initProcess) handle(req control.Request, c *control.Client) control.Frame {
	if !slices.Contains(control.ForAll, req.Verb) && !p.operator(c.Peer) {
		return failure(c.Peer.Refusal())
	}
	switch req.Verb {
	case "status":
		return control.Reply(p.status())
	case "generations":
		return control.Reply(p.generations())
	case "menu":
		return p.menuOf()
	case "describe":
		return p.describe(req.Generation)
	case "text":
		return p.text(req.Generation)
	case "pin", "unpin":
		return outcome(p.switcher.Pin(req.Generation, req.Verb == "pin"))
	case "label":
		return outcome(p.switcher.Label(req.Generation, req.Label))
	case "gc":
		return p.collect(req.DryRun)
	case "delete":
		return p.delete(req.Generations)
	case "draft":
		return p.draft()
	case "plan":
		return p.plan(req, c)
	case "diff":
		return p.diff(req, c)
	case "switch", "test", "boot", "rollback":
		return p.change(req, c)
	case "confirm":
		if err := p.switcher.Confirm(); err != nil {
			return failure(err)
		}
		c.Write(control.Frame{Line: "confirmed"})
		return control.Frame{}
	case "abort":
		return p.abort(c)
	case "service start", "service stop", "service restart":
		return p.service(strings.TrimPrefix(req.Verb, "service "), req.Names, c)
	case "log":
		return p.log(req, c)
	case "time":
		return control.Reply(p.time.status())
	case "time step":
		return p.stepTime(c)
	case "net renew":
		return p.renewPort(req.Names, c)
	case "net firewall":
		return p.firewall()
	case "state folders":
		return p.stateFolders()
	case "state remove":
		return p.removeState(req, c)
	case "secret set":
		return p.setSecret(req, c)
	case "secret list":
		return p.listSecrets()
	case "secret remove":
		return p.removeSecret(req, c)
	case "import check":
		return p.checkImport(req)
	case "import":
		return p.takeImport(req)
	case "export":
		return p.export(req.Generation)
	case "flash writing": // as long as the client stays
		p.lights.set(func(s *panel.State) { s.Writing++ })
		c.Write(control.Frame{})
		<-c.Gone
		p.lights.set(func(s *panel.State) { s.Writing-- })
		return control.Frame{}
	case "state renew":
		return p.renew(true, req, "the next boot makes the state volume anew: `reboot`; `bantam state keep` takes that back", c)
	case "state keep":
		return p.renew(false, req, "the state volume stays as it is", c)
	}
	for _, a := range []Action{Restart, PowerOff, Halt} {
		if req.Verb == a.String() {
			p.end(a)
			return control.Frame{}
		}
	}
	return failure(fmt.Errorf("PID 1 does not know %q", req.Verb))
}

// operator says whether a client is root's, or that of a user who is an operator now: who was one when it logged in need not be
// any more.
func (p *initProcess) operator(peer control.Peer) bool {
	if peer.UID == 0 {
		return true
	}
	for name, u := range p.machine.runs().Users {
		if u.UID == int(peer.UID) {
			return peer.MayChange() && (u.GID == system.OperatorGID || slices.Contains(p.machine.runs().Users[name].Groups, "operator"))
		}
	}
	return false
}

func failure(err error) control.Frame {
	return control.Frame{Error: err.Error(), Exit: control.ExitError}
}

// renew marks the state volume, so that the next boot makes it anew, or takes that back. What is to be kept of it has the next boot throw away all
// else there.
func (p *initProcess) renew(anew bool, req control.Request, done string, c *control.Client) control.Frame {
	switch keep, err := p.machine.state.keepPaths(req.Names); {
	case err != nil:
		return failure(err)
	case len(keep) > 0 && !p.lasting():
		return failure(fmt.Errorf("nothing can be kept: the state is %s", p.storage()))
	case req.DryRun:
		return control.Frame{}
	case len(keep) > 0:
		if err := switcher.OrderWipe(statePath, keep); err != nil {
			return failure(fmt.Errorf("what is to be wiped could not be recorded: %w", err))
		}
		done = "the next boot throws away what this machine keeps, but " + control.Words(req.Names)
	default:
		if err := errors.Join(p.volume.Renew(anew), switcher.TakeBackWipe(statePath)); err != nil {
			return failure(err)
		}
	}
	p.renewed.Store(anew)
	Logf(Notice, "state: %s", p.storage())
	c.Write(control.Frame{Line: done})
	return control.Frame{}
}

// renewPort lets the network configurator ask for a port's lease anew.
func (p *initProcess) renewPort(names []string, c *control.Client) control.Frame {
	if len(names) != 1 {
		return failure(errors.New("renew which port?"))
	}
	whom, err := p.machine.reports.Renew(names[0])
	if err != nil {
		return failure(err)
	}
	c.Write(control.Frame{Line: names[0] + ": " + whom + " are asked anew; `bantam net` shows what comes of it"})
	return control.Frame{}
}

// firewall asks the kernel, whose answer the configurator need not pass on.
func (p *initProcess) firewall() control.Frame {
	view, err := netcfg.Firewall()
	if errors.Is(err, nft.ErrNone) {
		if s, _, _ := p.machine.reports.Status(); len(s.Zones) == 0 {
			err = nil // and nobody has asked for one
		}
	}
	if err != nil {
		return failure(err)
	}
	return control.Reply(view)
}

func (p *initProcess) status() control.Status {
	host, _ := os.Hostname()
	st := control.Status{
		Hostname: host, Version: p.build.Version, Board: p.image.Board, Kernel: kernelVersion(),
		Uptime: boottime.Now(), Began: p.began, Storage: p.storage(), Lasting: p.lasting(),
		Watchdog: p.watchdog.Load().String(), Notes: p.notes.all(),
	}
	s := p.switcher.Status()
	st.Generation, st.Default = s.Running, s.Next
	slots, err := p.switcher.BootSlots()
	generations := p.switcher.Generations()
	st.Boot = bootStatus(p.bootLoader, slots, err, generations)
	st.Notes = append(st.Notes, s.Notes...)
	changes, err := p.switcher.HandChanges()
	if err != nil {
		changes = append(changes, err.Error())
	}
	st.Notes = append(st.Notes, changes...)
	st.Notes = append(st.Notes, p.machine.layerFaults()...)
	if fault := p.volume.Check(); fault != "" {
		st.Notes = append(st.Notes, "the state volume: "+fault)
	}
	if s.Trying != nil && s.Trying.Left > 0 {
		st.Tries = s.Trying.Generation
	}
	if s.Busy != nil {
		st.Busy, st.Confirms, st.Left, st.Patience = describe(s.Busy, boottime.Now()), s.Busy.Confirms, s.Busy.Left, s.Busy.Patience
		if s.Running == 0 {
			st.Starting = s.Busy.To
		}
	}
	for _, g := range generations {
		if g.Current || g.Number == st.Starting {
			st.State, st.Why = g.State, origin(g, p.machine.here)
		}
	}
	if last, ok := p.switcher.Last(); ok && last.Verb != switcher.VerbStart {
		st.Last = last.Text()
	}
	if n, _, err := p.machine.reports.Status(); err == nil {
		st.Network = &n
	}
	st.SSH = p.sshStatus()
	st.Services, _ = p.sup.States()                                             // none when PID 1 is going down
	st.Services = slices.DeleteFunc(st.Services, func(s supervise.State) bool { // where nobody is to be asked for the time, or nothing is served, it is no service
		return (s.Name == system.TimeService || s.Name == system.ServeService) && !s.Wanted && !s.ByHand
	})
	st.Notes = append(st.Notes, p.time.notes()...)
	return st
}

// origin says where a generation comes from. One that lies in the boot slot may have come later than the image.
func origin(g switcher.Listed, here func(time.Time) time.Time) string {
	if g.Verb == switcher.ImageVerb {
		return "it came with the image"
	}
	return fmt.Sprintf("made by %s at %s", g.Verb, here(g.Created).Format("2006-01-02 15:04"))
}

func (p *initProcess) draft() control.Frame {
	d, err := p.switcher.Draft()
	if err != nil {
		return failure(err)
	}
	return control.Reply(control.Draft{Text: string(d.Text), Changed: !d.Same, Generation: p.switcher.Status().Running})
}

// request is what a client asks for, in the switcher's words.
func request(req control.Request) switcher.Request {
	r := switcher.Request{Verb: req.Verb, Generation: req.Generation,
		Confirm: req.Confirm, NoRollback: req.NoRollback, ToGood: req.ToGood, Reboot: req.Reboot, Settings: req.Settings, Wipe: req.Wipe}
	if len(req.Text) > 0 {
		r.File, r.Text = req.File, req.Text
	}
	return r
}

func (p *initProcess) plan(req control.Request, c *control.Client) control.Frame {
	req.Verb = switcher.VerbSwitch
	plan, err := p.switcher.Plan(request(req))
	if err != nil {
		return failure(err)
	}
	for _, text := range plan.Problems {
		c.Write(control.Frame{Line: "a switch would be refused: " + text})
	}
	return control.Reply(plan.Plan)
}

// diff compares the running generation with the draft, a generation with the
// running one, or two generations.
func (p *initProcess) diff(req control.Request, c *control.Client) control.Frame {
	from, to := req.Generation, req.Other
	running := p.switcher.Status().Running
	switch {
	case from == 0:
		from = running
	case to == 0:
		from, to = running, from
	}
	changes, err := p.switcher.Compare(from, to)
	if err != nil {
		return failure(err)
	}
	for _, change := range changes {
		c.Write(control.Frame{Line: change.String()})
	}
	if len(changes) == 0 {
		c.Write(control.Frame{Line: "no difference"})
	}
	return control.Frame{}
}

// change switches. It goes on when the client has left.
func (p *initProcess) change(req control.Request, c *control.Client) control.Frame {
	asked := request(req)
	if req.Wipe {
		var err error
		if asked.Keep, err = p.machine.state.keepPaths(req.Names); err != nil {
			return failure(err)
		}
	}
	tell := func(e switcher.Event) {
		text := e.Text
		if e.Step > 0 {
			text = fmt.Sprintf("%d/%d %s", e.Step, e.Total, text)
		}
		frame := control.Frame{Line: text}
		if req.Events {
			frame = control.Reply(e)
		}
		frame.Confirm = e.Confirm
		c.Tell(frame)
		Logf(Info, "%s: %s", req.Verb, text)
	}
	done := make(chan switcher.Result, 1)
	go Guard(req.Verb, func() {
		defer close(done)
		p.lights.set(func(s *panel.State) { s.Changing = true })
		result := p.switcher.Switch(context.Background(), asked, tell)
		p.lights.set(func(s *panel.State) { p.afterSwitch(s, result) })
		done <- result
		switch {
		case result.Reboots:
			p.restartAfter(result, switcher.RebootGrace)
		case result.Reboot:
			p.end(Restart)
		}
	})
	select {
	case r, ok := <-done:
		if !ok {
			return failure(fmt.Errorf("PID 1 panicked, see dmesg; the next boot runs the default generation"))
		}
		if p.renewed.Load() && r.Exit == switcher.ExitGood {
			tell(switcher.Event{Time: r.Ended, Kind: switcher.EventNote,
				Text: "but the next boot makes the state volume anew, and this is lost then; `bantam state keep` takes that back"})
		}
		if req.Events {
			r.Events = nil // they have been told
			frame := control.Reply(r)
			frame.Exit = r.Exit
			return frame
		}
		return control.Frame{Exit: r.Exit} // the last event has said it
	case <-c.Gone:
		return control.Frame{}
	}
}

// whileThere is ctx until the client has left.
func whileThere(ctx context.Context, c *control.Client) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go Guard("control: leaving", func() {
		select {
		case <-c.Gone:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, cancel
}

// abort makes the switch under way go back and tells how that ended.
func (p *initProcess) abort(c *control.Client) control.Frame {
	ctx, cancel := whileThere(context.Background(), c)
	defer cancel()
	r, err := p.switcher.Abort(ctx)
	switch {
	case err != nil:
		return failure(err)
	case r.Exit == switcher.ExitReverted, r.Exit == switcher.ExitRefused, r.Verb == switcher.VerbStart:
		c.Write(control.Frame{Line: r.Text()})
		return control.Frame{}
	}
	return control.Frame{Error: r.Text(), Exit: max(r.Exit, control.ExitError)}
}

// restartAfter restarts a machine that a switch has left as no generation wants it, unless somebody comes first with
// another switch. What it starts then is up to the boot record, and a boot like any other.
func (p *initProcess) restartAfter(r switcher.Result, grace time.Duration) {
	Logf(Error, "%s", r.Text()) // on the consoles too
	time.Sleep(grace)
	if last, _ := p.switcher.Last(); last.Started != r.Started || p.switcher.Status().Busy != nil {
		return
	}
	select {
	case p.restarts <- fmt.Sprintf("a %s to generation %d failed, and so did the way back: %s", r.Verb, r.To, r.Reason):
	default: // it is ending already
	}
}

// service starts or stops services by a person's wish and waits for the outcome.
func (p *initProcess) service(action string, names []string, c *control.Client) control.Frame {
	for _, name := range names {
		if action == "stop" && strings.HasPrefix(name, consolePrefix) {
			return failure(fmt.Errorf("%s stays: stopped it would lock out whoever sits there; restart it to get a fresh shell", name))
		}
	}
	do, phase := p.sup.Start, lifecycle.PhaseReady
	switch action {
	case "stop":
		do, phase = p.sup.Stop, lifecycle.PhaseDown
	case "restart":
		do = p.sup.Restart
	}
	if err := do(supervise.ByPerson, names...); err != nil {
		return failure(err)
	}
	patience, over := context.WithTimeoutCause(context.Background(), serviceWait, fmt.Errorf("not within %v", serviceWait))
	defer over()
	ctx, cancel := whileThere(patience, c)
	defer cancel()
	if err := p.sup.Wait(ctx, phase, names...); err != nil {
		return failure(err)
	}
	return control.Frame{}
}

func (p *initProcess) log(req control.Request, c *control.Client) control.Frame {
	name := ""
	if len(req.Names) > 0 {
		name = req.Names[0]
		if !p.knows(name) {
			return failure(fmt.Errorf("no such service: %s", name))
		}
	}
	lines := req.Lines
	if lines == 0 {
		lines = followMost
	}
	show := func(l supervise.Line) {
		text := printable.Escape(l.Text)
		if l.Note {
			text = "[" + text + "]"
		}
		if name == "" {
			text = l.Service + ": " + text
		}
		c.Write(control.Frame{Line: p.machine.here(l.Wall).Format("15:04:05 ") + text})
	}
	if !req.Follow {
		for _, l := range p.sup.Log(name, lines) {
			show(l)
		}
		return control.Frame{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	follow := p.sup.Follow(ctx, name, lines)
	for {
		select {
		case l, ok := <-follow:
			if !ok {
				return control.Frame{}
			}
			show(l)
		case <-c.Gone:
			return control.Frame{}
		}
	}
}

// knows reports whether there is, or was, such a service: why the one of a
// generation that failed did not run is asked when it is gone.
func (p *initProcess) knows(service string) bool {
	state, _ := p.sup.State(service)
	return state.Name != "" || p.sup.HasLog(service)
}
