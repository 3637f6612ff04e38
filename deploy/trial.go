package deploy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"bantam/printable"
	"bantam/switcher"
)

// Trial is a switch that is to prove itself: what the machine proves by itself, and that one can still come in.
type Trial struct {
	Machine *Machine
	Pushed  Pushed
	Then    string        // where the machine is afterwards; "": where it is now
	Confirm time.Duration // goes back by itself unless somebody has come in for so long after its own proof
	Proof   time.Duration // that the system gives its own proof, e.g. 30s
	Say     func(line string)

	mu     sync.Mutex  // held while Say is called
	fresh  *Connection // made after the switch began, and, once it waits, after that
	waits  bool        // the machine has proven itself, and waits for somebody to come in
	came   bool        // somebody has come in
	refuse string      // why nobody could, at first
	alone  bool        // the command that switches says nothing more
	news   string      // of the machine, told last
	began  time.Time
}

// Outcome is how a trial ended.
type Outcome struct {
	Exit   int    // 0: proven; switcher.ExitRefused: nothing was changed; ExitReverted: the old one runs again; ExitFailed: neither, or not known
	Reason string // why it is not proven
	Took   time.Duration
}

// number is how the generation is named there.
func (p Pushed) number() string { return strconv.Itoa(p.Number) }

func (t *Trial) reboots() bool { return t.Pushed.Kernel != "" }

// How long a switch goes unwatched, and the pause between two looks at the machine. Tests replace them.
var (
	grace = 5 * time.Second
	pause = time.Second
)

// How long things may take.
const (
	lookLimit  = 30 * time.Second
	abortLimit = 90 * time.Second
	margin     = time.Minute      // for what the machine does between its proofs
	rebootTime = 10 * time.Minute // of three boots in vain, each ended by a watchdog, and the one that works
)

// patience is how long nothing may be heard of the machine.
func (t *Trial) patience() time.Duration {
	p := 2*t.Proof + t.Confirm + margin // there, and back
	if t.reboots() {
		p += rebootTime
	}
	return p
}

// Run switches, comes in again over a new connection and confirms there; or waits until the machine has gone back. When ctx ends, it has the machine
// go back.
func (t *Trial) Run(ctx context.Context) Outcome {
	t.began = time.Now()
	o := t.follow(ctx)
	o.Took = time.Since(t.began)
	if t.fresh != nil {
		t.fresh.Close()
	}
	return o
}

func (t *Trial) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Say(fmt.Sprintf(format, args...))
}

func (t *Trial) follow(ctx context.Context) Outcome {
	news := make(chan notice)
	session, end := context.WithCancel(ctx)
	defer end()
	go t.command(session, news)
	heard := time.Now()
	look := time.After(grace) // it may be this connection that the switch cuts off
	for {
		select {
		case n := <-news:
			heard = time.Now()
			switch {
			case n.is == awaiting:
				t.anew()
				look = time.After(0)
			case t.reboots() && (n.is == silent || n.exit == switcher.ExitGood): // the reboot may be faster than its announcement
				t.say("waiting for it to come back")
				t.alone, look = true, time.After(pause)
			case n.is == silent:
				t.alone, look = true, time.After(0)
			default:
				return Outcome{Exit: n.exit, Reason: t.withRefusal(n.reason)}
			}
		case <-look:
			s, err := t.look(ctx)
			if ctx.Err() != nil {
				continue
			}
			if t.alone {
				t.tell(s, err)
			}
			if err == nil {
				heard = time.Now()
				if o, decided := t.decide(ctx, s); decided {
					return o
				}
			}
			if time.Since(heard) > t.patience() {
				return t.lost(err)
			}
			look = time.After(t.pause())
		case <-ctx.Done():
			return t.abort()
		}
	}
}

// pause is until the next look. One that may be slow is left in peace while it works.
func (t *Trial) pause() time.Duration {
	if t.alone || t.waits {
		return pause
	}
	return grace
}

// decide goes on from what the machine says of itself. While the command that switches still speaks, how it ends is its to say.
func (t *Trial) decide(ctx context.Context, s Status) (o Outcome, decided bool) {
	switch at := t.stage(s); {
	case at == confirming && !t.waits:
		t.anew()
	case at == confirming && t.fresh.host != t.hosts()[0]: // it can still be reached where it was, which proves nothing
		t.forget()
	case at == confirming:
		if !t.came {
			t.say("logged in again: confirming")
		}
		t.came, t.refuse = true, ""
		if _, _, err := t.fresh.Run(ctx, "bantam confirm", nil, io.Discard); err != nil {
			t.forget()
		}
	case at == proven && t.alone:
		return Outcome{}, true
	case at == wentBack && t.alone:
		return Outcome{Exit: switcher.ExitReverted, Reason: t.withRefusal(t.whyBack(ctx))}, true
	}
	return o, false
}

// tell says how the machine is, where its own words do not arrive any more and if that is news.
func (t *Trial) tell(s Status, err error) {
	line := fmt.Sprintf("it runs generation %d, %s", s.Generation, s.State)
	switch login := new(LoginError); {
	case errors.As(err, &login):
		line = "it is not reached: " + login.Said
	case err != nil:
		line = fmt.Sprintf("it is not reached: %v", err)
	case s.Generation == 0:
		line = "it is starting"
	}
	if line != t.news {
		t.news = line
		t.say("%s", line)
	}
}

func (t *Trial) stage(s Status) stage {
	return stageOf(s, t.Pushed.Number, t.reboots() && s.Began == t.Machine.Began)
}

// notice is what the command that switches has told.
type notice struct {
	is     sort
	exit   int // of what is over
	reason string
}

type sort int

const (
	over     sort = iota
	awaiting      // somebody who confirms
	silent        // nothing more will be heard of it, and how it goes on the machine knows
)

// told is a line of `bantam switch --json`: a switcher.Event, or at last a switcher.Result.
type told struct {
	Text    string        `json:"text"`
	Step    int           `json:"step"`
	Total   int           `json:"total"`
	Confirm time.Duration `json:"confirm"`
	Exit    *int          `json:"exit"` // only of the result
	Reason  string        `json:"reason"`
}

// command switches over the first connection, and tells what matters until ctx ends.
func (t *Trial) command(ctx context.Context, news chan<- notice) {
	tell := func(n notice) {
		select {
		case news <- n:
		case <-ctx.Done():
		}
	}
	command := fmt.Sprintf("bantam switch --json --confirm %v ", t.Confirm)
	if t.reboots() {
		command += "--reboot "
	}
	from, to := io.Pipe()
	n := notice{is: silent}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(from)
		lines.Buffer(nil, mostAnswer)
		for lines.Scan() {
			var line told
			switch err := json.Unmarshal(lines.Bytes(), &line); {
			case err != nil:
				continue
			case line.Exit != nil:
				n = notice{over, *line.Exit, printable.Escape(line.Reason)}
				continue
			case line.Step > 0:
				line.Text = fmt.Sprintf("%d/%d %s", line.Step, line.Total, line.Text)
			}
			t.say("%s", printable.Escape(line.Text))
			if line.Confirm > 0 {
				tell(notice{is: awaiting})
			}
		}
		from.CloseWithError(io.ErrClosedPipe)
	}()
	status, said, err := t.Machine.Run(ctx, command+t.Pushed.number(), nil, to)
	to.Close()
	<-read
	if n.is == silent && err == nil && status == switcher.ExitRefused {
		n = notice{over, status, said}
	}
	tell(n)
}

// look asks the machine over a connection that was made after the switch began.
func (t *Trial) look(ctx context.Context) (s Status, err error) {
	ctx, end := context.WithTimeout(ctx, lookLimit)
	defer end()
	if t.fresh == nil {
		if t.fresh, err = t.comeIn(ctx); err != nil {
			return s, err
		}
	}
	if s, err = t.fresh.status(ctx); err != nil {
		t.forget()
	}
	return s, err
}

// anew notes that the machine waits: what was connected before all was changed there proves nothing.
func (t *Trial) anew() {
	if !t.waits && t.fresh != nil {
		t.forget()
	}
	t.waits = true
}

// forget drops a connection that does not serve any more.
func (t *Trial) forget() {
	t.fresh.Close()
	t.fresh = nil
}

// comeIn logs in where the machine should be by now, or where it was.
func (t *Trial) comeIn(ctx context.Context) (c *Connection, err error) {
	quiet := Client{Options: t.Machine.client.Options, Stderr: io.Discard}
	for _, host := range t.hosts() {
		if c, err = quiet.Dial(ctx, host); err == nil {
			return c, nil
		}
		if login := new(LoginError); t.refuse == "" && !t.reboots() && errors.As(err, &login) { // who reboots does not answer for a while
			t.refuse = fmt.Sprintf("%s: %s", host, login.Said)
		}
	}
	return nil, err
}

func (t *Trial) hosts() []string {
	if t.Then == "" || t.Then == t.Machine.host {
		return []string{t.Machine.host}
	}
	return []string{t.Then, t.Machine.host}
}

// withRefusal is a reason with why nobody could log in, if that was so.
func (t *Trial) withRefusal(reason string) string {
	if t.refuse == "" || reason == "" {
		return reason
	}
	return fmt.Sprintf("%s; ssh to %s", reason, t.refuse)
}

// whyBack is why the generation is not kept, by the machine's record.
func (t *Trial) whyBack(ctx context.Context) string {
	var list []switcher.Entry
	if err := t.fresh.ask(ctx, "bantam generations --json", nil, &list); err == nil {
		for _, e := range list {
			switch {
			case e.Number != t.Pushed.Number:
			case e.Reason != "":
				return printable.Escape(e.Reason)
			case e.State == switcher.StateUntried:
				return "the connection broke before the switch began"
			}
		}
	}
	return "the machine does not say why"
}

// lost is the outcome where nothing is heard of the machine any more.
func (t *Trial) lost(err error) Outcome {
	return Outcome{Exit: switcher.ExitFailed, Reason: fmt.Sprintf("for %v nothing was heard of it (%v). Nobody has confirmed, so that it goes back by itself if it runs; look at its console", t.patience(), err)}
}

// abort has the machine go back because the person here has had enough.
func (t *Trial) abort() Outcome {
	ctx, end := context.WithTimeout(context.Background(), abortLimit)
	defer end()
	t.say("interrupted: telling it to go back")
	on := t.Machine.Connection
	if t.fresh != nil {
		on = t.fresh
	}
	status, said, err := on.Run(ctx, "bantam switch --abort", nil, io.Discard)
	if err == nil && status == switcher.ExitGood {
		return Outcome{Exit: switcher.ExitReverted, Reason: "interrupted"}
	}
	if err != nil {
		said = err.Error()
	} else if s, err := on.status(ctx); err == nil && t.stage(s) == proven {
		return Outcome{} // it came too late
	}
	return Outcome{Exit: switcher.ExitFailed, Reason: fmt.Sprintf("interrupted, and it could not be told to go back (%s). Unless somebody says `bantam confirm` there it does so by itself, %v after its proof", said, t.Confirm)}
}
