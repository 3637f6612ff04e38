package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"bantam/boottime"
	"bantam/init/control"
	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/switcher"
)

// Limits of what a client waits for.
const (
	serviceWait = 60 * time.Second // until services that were started are ready
	followMost  = 1 << 16          // lines of a log shown before those that come
)

// handle answers one request of the control socket.
func (f *first) handle(req control.Request, c *control.Client) control.Frame {
	switch req.Verb {
	case "status":
		return control.Reply(f.status())
	case "generations":
		return control.Reply(f.generations())
	case "delete":
		if err := f.switcher.Delete(req.Generations...); err != nil {
			return failure(err)
		}
		return control.Frame{}
	case "draft":
		return f.draft()
	case "plan":
		return f.plan(req, c)
	case "diff":
		return f.diff(req, c)
	case "switch", "test", "boot", "rollback":
		return f.change(req, c)
	case "confirm":
		if err := f.switcher.Confirm(); err != nil {
			return failure(err)
		}
		c.Write(control.Frame{Line: "confirmed"})
		return control.Frame{}
	case "service start", "service stop", "service restart":
		return f.service(strings.TrimPrefix(req.Verb, "service "), req.Names, c)
	case "log":
		return f.log(req, c)
	case "net renew":
		return f.renewPort(req.Names, c)
	case "state renew":
		return f.renew(true, "the next boot makes the state volume anew: `reboot`; `bantam state keep` takes that back", c)
	case "state keep":
		return f.renew(false, "the state volume stays as it is", c)
	}
	for _, a := range []Action{Restart, PowerOff, Halt} {
		if req.Verb == a.String() {
			select {
			case f.actions <- a:
			default: // it is ending already
			}
			return control.Frame{}
		}
	}
	return failure(fmt.Errorf("PID 1 does not know %q", req.Verb))
}

func failure(err error) control.Frame {
	return control.Frame{Error: err.Error(), Exit: control.ExitError}
}

// renew marks the state volume, so that the next boot makes it anew, or takes that back.
func (f *first) renew(anew bool, done string, c *control.Client) control.Frame {
	if err := f.volume.Renew(anew); err != nil {
		return failure(err)
	}
	f.renewed.Store(anew)
	Logf(Notice, "state: %s", f.storage())
	c.Write(control.Frame{Line: done})
	return control.Frame{}
}

// renewPort lets the network configurator ask for a port's lease anew.
func (f *first) renewPort(names []string, c *control.Client) control.Frame {
	if len(names) != 1 {
		return failure(errors.New("renew which port?"))
	}
	whom, err := f.machine.reports.Renew(names[0])
	if err != nil {
		return failure(err)
	}
	c.Write(control.Frame{Line: names[0] + ": " + whom + " are asked anew; `bantam net` shows what comes of it"})
	return control.Frame{}
}

func (f *first) status() control.Status {
	host, _ := os.Hostname()
	st := control.Status{
		Hostname: host, Version: f.build.Version, Board: f.image.Board, Kernel: kernelVersion(),
		Uptime: boottime.Now(), Storage: f.storage(), Lasting: f.lasting(),
		Watchdog: f.watchdog.Load().String(), Notes: f.notes.all(),
	}
	s := f.switcher.Status()
	st.Generation, st.Default = s.Running, s.Default
	st.Notes = append(st.Notes, s.Notes...)
	if fault := f.volume.Check(); fault != "" {
		st.Notes = append(st.Notes, "the state volume: "+fault)
	}
	if s.Trying != nil && s.Trying.Left > 0 {
		st.Tries = s.Trying.Generation
	}
	if s.Busy != nil {
		st.Busy = describe(s.Busy, boottime.Now())
		if s.Running == 0 {
			st.Starting = s.Busy.To
		}
	}
	for _, g := range f.switcher.Generations() {
		if g.Current || g.Number == st.Starting {
			st.State, st.Why = g.State, origin(g)
		}
	}
	if last, ok := f.switcher.Last(); ok && last.Verb != switcher.VerbStart {
		st.Last = last.Text()
	}
	if n, _, err := f.machine.reports.Status(); err == nil {
		st.Network = &n
	}
	st.Services, _ = f.sup.States() // none when PID 1 is going down
	return st
}

// origin says where a generation comes from.
func origin(g switcher.Listed) string {
	if g.Image {
		return "it came with the image"
	}
	return fmt.Sprintf("made by %s at %s", g.Verb, g.Created.UTC().Format("2006-01-02 15:04"))
}

func (f *first) generations() []control.Generation {
	list := []control.Generation{}
	for _, g := range f.switcher.Generations() {
		row := control.Generation{Entry: g.Entry}
		for _, m := range []struct {
			so   bool
			mark string
		}{
			{g.Current, "running"}, {g.Default, "default"}, {g.Booted && !g.Current, "booted"},
			{g.Previous, "previous"}, {g.Image, "image"}, {g.Tries > 0, "tried next"},
		} {
			if m.so {
				row.Marks = append(row.Marks, m.mark)
			}
		}
		list = append(list, row)
	}
	return list
}

func (f *first) draft() control.Frame {
	d, err := f.switcher.Draft()
	if err != nil {
		return failure(err)
	}
	return control.Reply(control.Draft{Text: string(d.Text), Changed: !d.Same, Generation: f.switcher.Status().Running})
}

// request is what a client asks for, in the switcher's words.
func request(req control.Request) switcher.Request {
	r := switcher.Request{Verb: req.Verb, Generation: req.Generation,
		Confirm: req.Confirm, NoRollback: req.NoRollback}
	if len(req.Text) > 0 {
		r.File, r.Text = req.File, req.Text
	}
	return r
}

func (f *first) plan(req control.Request, c *control.Client) control.Frame {
	req.Verb = switcher.VerbSwitch
	p, err := f.switcher.Plan(request(req))
	if err != nil {
		return failure(err)
	}
	for _, text := range p.Problems {
		c.Write(control.Frame{Line: "a switch would be refused: " + text})
	}
	return control.Reply(p.Plan)
}

// diff compares the running generation with the draft, a generation with the
// running one, or two generations.
func (f *first) diff(req control.Request, c *control.Client) control.Frame {
	from, to := req.Generation, req.Other
	running := f.switcher.Status().Running
	switch {
	case from == 0:
		from = running
	case to == 0:
		from, to = running, from
	}
	changes, err := f.switcher.Compare(from, to)
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
func (f *first) change(req control.Request, c *control.Client) control.Frame {
	done := make(chan switcher.Result, 1)
	go Guard(req.Verb, func() {
		defer close(done)
		done <- f.switcher.Switch(context.Background(), request(req), func(e switcher.Event) {
			text := e.Text
			if e.Step > 0 {
				text = fmt.Sprintf("%d/%d %s", e.Step, e.Total, text)
			}
			c.Tell(control.Frame{Line: text})
			Logf(Info, "%s: %s", req.Verb, text)
		})
	})
	select {
	case r, ok := <-done:
		if !ok {
			return failure(fmt.Errorf("PID 1 panicked, see dmesg; the next boot runs the default generation"))
		}
		if f.renewed.Load() && r.Exit == switcher.ExitGood {
			c.Write(control.Frame{Line: "but the next boot makes the state volume anew, and this is lost then; `bantam state keep` takes that back"})
		}
		return control.Frame{Exit: r.Exit} // the last event has said it
	case <-c.Gone:
		return control.Frame{}
	}
}

// service starts or stops services by a person's wish and waits for the outcome.
func (f *first) service(action string, names []string, c *control.Client) control.Frame {
	for _, name := range names {
		if action == "stop" && strings.HasPrefix(name, consolePrefix) {
			return failure(fmt.Errorf("%s stays: stopped it would lock out whoever sits there; restart it to get a fresh shell", name))
		}
	}
	do, phase := f.sup.Start, lifecycle.PhaseReady
	switch action {
	case "stop":
		do, phase = f.sup.Stop, lifecycle.PhaseDown
	case "restart":
		do = f.sup.Restart
	}
	if err := do(supervise.ByPerson, names...); err != nil {
		return failure(err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), serviceWait, fmt.Errorf("not within %v", serviceWait))
	defer cancel()
	go Guard("control: leaving", func() {
		select {
		case <-c.Gone:
			cancel()
		case <-ctx.Done():
		}
	})
	if err := f.sup.Wait(ctx, phase, names...); err != nil {
		return failure(err)
	}
	return control.Frame{}
}

func (f *first) log(req control.Request, c *control.Client) control.Frame {
	name := ""
	if len(req.Names) > 0 {
		name = req.Names[0]
		if !f.knows(name) {
			return failure(fmt.Errorf("no such service: %s", name))
		}
	}
	lines := req.Lines
	if lines == 0 {
		lines = followMost
	}
	show := func(l supervise.Line) {
		text := supervise.Escape(l.Text)
		if l.Note {
			text = "[" + text + "]"
		}
		if name == "" {
			text = l.Service + ": " + text
		}
		c.Write(control.Frame{Line: l.Wall.UTC().Format("15:04:05 ") + text})
	}
	if !req.Follow {
		for _, l := range f.sup.Log(name, lines) {
			show(l)
		}
		return control.Frame{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	follow := f.sup.Follow(ctx, name, lines)
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
func (f *first) knows(service string) bool {
	if f.sup.HasLog(service) {
		return true
	}
	states, _ := f.sup.States()
	for _, s := range states {
		if s.Name == service {
			return true
		}
	}
	return false
}
