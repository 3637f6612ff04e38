package pid1

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/init/control"
	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/printable"
	"bantam/system"
	"bantam/timesync"
	"bantam/timesync/daemon"
)

// What PID 1 shares with the process that asks time servers.
const (
	timeServersFile = "/run/bantam/timeservers" // written by PID 1
	timeDir         = "/run/bantam/time"        // the process's own
	timeStateFile   = timeDir + "/state"
)

// timesyncUser runs it. It is beyond the numbers of system.toml and of 16 bits; no account has it.
const timesyncUser = 65536

const (
	mostFromDHCP = 4
	roundPause   = time.Minute // between two rounds, whatever the process says of the next
	roundLatest  = 36 * time.Hour
	roundLimit   = time.Minute // of one
)

// timeDefinition is the service that sets the clock once. It is ready, without a
// process, from then on; each round that follows is a process of its own, so that
// no memory is taken between them.
func timeDefinition() supervise.Definition {
	return supervise.Definition{
		Name:         system.TimeService,
		Argv:         []string{TimesyncName, "--servers", timeServersFile, "--state", timeStateFile},
		Env:          environment("timesync", "/", nil),
		UID:          timesyncUser,
		GID:          timesyncUser,
		Caps:         []int{unix.CAP_SYS_TIME},
		Hide:         []string{statePath, "/root", "/mnt"},
		Ready:        lifecycle.ReadyExited,
		Restart:      lifecycle.RestartOnFailure,
		Vital:        true,
		StartTimeout: never, // it tries for as long as it takes
		MayFail:      true,
	}
}

// timekeeper has time servers asked: those of system.toml, and those that DHCP
// names. Without any nothing runs.
type timekeeper struct {
	machine *Machine
	kept    func() // keeps the right time over a reboot

	mu      sync.Mutex
	origin  string                // of the clock's time at boot
	servers []control.NamedServer // that are known now
	asking  sync.Mutex            // one round at a time
}

func newTimekeeper(m *Machine, kept func()) *timekeeper {
	return &timekeeper{machine: m, kept: kept}
}

// known are the servers that are to be asked.
func (k *timekeeper) known() []control.NamedServer {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.servers)
}

// namedServers are those of system.toml, and those of DHCP if they are wanted, each once.
func namedServers(t system.Time, dhcp []string) (servers []control.NamedServer) {
	for _, name := range t.Servers {
		servers = append(servers, control.NamedServer{Name: name, From: "system.toml"})
	}
	if !t.DHCP {
		return servers
	}
	for _, name := range dhcp[:min(len(dhcp), mostFromDHCP)] {
		if !slices.Contains(t.Servers, name) {
			servers = append(servers, control.NamedServer{Name: name, From: "DHCP"})
		}
	}
	return servers
}

// look finds out which servers there are now, and says whether they are others than before.
func (k *timekeeper) look() (changed bool) {
	var dhcp []string
	if status, runs, err := k.machine.reports.Status(); err == nil && runs {
		for _, name := range status.NTP {
			if _, _, err := system.TimeServer(name); err == nil {
				dhcp = append(dhcp, name)
			}
		}
	}
	servers := namedServers(k.machine.runs().Time, dhcp)
	if slices.Equal(servers, k.known()) {
		return false
	}
	var text []byte
	for _, s := range servers {
		text = append(text, s.Name+"\n"...)
	}
	if err := atomicfile.WriteUnsynced(timeServersFile, text, 0o644); err != nil {
		Logf(Warning, "%v", err)
		return false
	}
	k.mu.Lock()
	k.servers = servers
	k.mu.Unlock()
	return true
}

// timeAct is what is to be done about the time.
type timeAct int

const (
	timeRest  timeAct = iota // until something changes, or a time
	timeStart                // the service
	timeTell                 // its process that there are other servers, or another network
	timeRound                // one more
)

// decideTime says what is to be done at now, and if nothing, until when. renewed: there are other servers than before.
func decideTime(now time.Duration, service supervise.State, servers int, renewed bool, state timesync.State, last time.Duration) (timeAct, time.Duration) {
	switch {
	case servers == 0, service.ByHand, service.Name == "":
		return timeRest, never
	case !service.Wanted, renewed && (service.Phase == lifecycle.PhaseBackoff || service.Phase == lifecycle.PhaseDown):
		return timeStart, 0
	case service.Phase == lifecycle.PhaseReady:
		next := min(max(state.Next, last+roundPause), last+roundLatest)
		if renewed || now >= next {
			return timeRound, 0
		}
		return timeRest, next
	case renewed && service.Phase == lifecycle.PhaseUp:
		return timeTell, 0
	}
	return timeRest, never
}

// run looks after the time until ctx ends.
func (k *timekeeper) run(ctx context.Context) {
	var last time.Duration
	ready, online := false, false
	for ctx.Err() == nil {
		changed, network := k.machine.changes()
		renewed := k.look()
		if status, runs, err := k.machine.reports.Status(); err == nil {
			renewed = renewed || runs && status.Online && !online
			online = runs && status.Online
		}
		var state timesync.State
		if len(k.known()) > 0 { // else nobody has written one, or it counts no more
			state = daemon.ReadState(timeStateFile)
		}
		service := k.machine.service(system.TimeService)
		if now := service.Phase == lifecycle.PhaseReady; now != ready {
			if ready = now; ready {
				last = k.machine.Now()
				k.kept()
			}
		}
		act, until := decideTime(k.machine.Now(), service, len(k.known()), renewed, state, last)
		switch act {
		case timeStart:
			_ = k.machine.sup.Start(supervise.ByPlan, system.TimeService) // it fails when PID 1 is going down
		case timeTell:
			_ = k.machine.sup.Reload(system.TimeService)
		case timeRound:
			last = k.machine.Now()
			if _, err := k.round(ctx, "--once"); err != nil {
				Logf(Info, "time: %v", err)
			}
			continue
		}
		timer := time.NewTimer(until - k.machine.Now())
		select {
		case <-changed:
		case <-network:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// round asks once more, and keeps the time that came of it.
func (k *timekeeper) round(ctx context.Context, how string) (said string, err error) {
	k.asking.Lock()
	defer k.asking.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, roundLimit, fmt.Errorf("no end within %v", roundLimit))
	defer cancel()
	def := timeDefinition()
	def.Argv = append(def.Argv, how)
	status, output, err := k.machine.sup.RunOnce(ctx, def)
	if err := checkFault(status, output, err); err != nil {
		return "", err
	}
	k.kept()
	return strings.TrimSpace(printable.Escape(lastLine(output))), nil
}

// keepTime looks after the clock. The driver of the machine's own may come late, and the kernel takes its time then,
// whatever that is.
func (p *initProcess) keepTime(ctx context.Context, coldplugged <-chan struct{}) {
	<-coldplugged
	p.raiseClock()
	p.time.mu.Lock()
	p.time.origin = p.origin
	p.time.mu.Unlock()
	p.time.run(ctx)
}

// status is the answer to `bantam time`.
func (k *timekeeper) status() control.TimeStatus {
	service := k.machine.service(system.TimeService)
	k.mu.Lock()
	defer k.mu.Unlock()
	st := control.TimeStatus{Now: time.Now(), Uptime: k.machine.Now(), Zone: k.machine.runs().Time.Zone, Origin: k.origin, Servers: slices.Clone(k.servers),
		Stopped: service.ByHand, State: daemon.ReadState(timeStateFile)}
	for i, s := range st.State.Sources { // who may have taken over the process that wrote it does not command a terminal
		st.State.Sources[i].Server, st.State.Sources[i].Address, st.State.Sources[i].State = printable.Escape(s.Server), printable.Escape(s.Address), printable.Escape(s.State)
	}
	st.State.Failure, st.State.Problem = printable.Escape(st.State.Failure), printable.Escape(st.State.Problem)
	return st
}

// notes are what everybody should know about the time.
func (k *timekeeper) notes() (list []string) {
	if k == nil {
		return nil
	}
	state := daemon.ReadState(timeStateFile)
	if state.Problem != "" {
		list = append(list, "the clock: "+printable.Escape(state.Problem))
	}
	if state.Synchronized {
		return list
	}
	var waiting []string
	for name, s := range k.machine.runs().Services {
		if slices.Contains(slices.Concat(s.Needs, s.Wants, s.After), system.TimeService) {
			waiting = append(waiting, name)
		}
	}
	if len(waiting) > 0 {
		slices.Sort(waiting)
		why := cmp.Or(printable.Escape(state.Failure), "no time server has answered yet")
		if len(k.known()) == 0 {
			why = "neither [time] nor DHCP names a time server"
		}
		list = append(list, fmt.Sprintf("the clock is not set, and needed by %s: %s", control.Words(waiting), why))
	}
	return list
}

// stepTime sets the clock to the right time, because a person asks for it.
func (p *initProcess) stepTime(c *control.Client) control.Frame {
	k := p.time
	if len(k.known()) == 0 {
		return failure(fmt.Errorf("no time server is known: neither [time] in system.toml nor DHCP names one; date -s TIME sets the clock"))
	}
	ctx, cancel := whileThere(context.Background(), c)
	defer cancel()
	said, err := k.round(ctx, "--set")
	if err != nil {
		return failure(err)
	}
	if state := daemon.ReadState(timeStateFile); state.Failure != "" {
		return failure(fmt.Errorf("%s", printable.Escape(state.Failure)))
	}
	c.Write(control.Frame{Line: said})
	return control.Frame{}
}
