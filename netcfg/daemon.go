package netcfg

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"bantam/boottime"
	"bantam/netcfg/dhcp4"
	"bantam/netcfg/dhcp6"
	"bantam/netcfg/rtnl"
	"bantam/netcfg/session"
	"bantam/system"

	"golang.org/x/sys/unix"
)

const (
	rounds      = 4           // plans in a row before we wait for better times
	firstRetry  = time.Second // after a change that the kernel refused, doubling
	lastRetry   = time.Minute
	countsPause = 5 * time.Second  // until counters are told that have nothing else with them
	retake      = 10 * time.Second // between two tries of an address that somebody else has
	restAfter   = 2 * time.Second  // once online: what waits for the network goes first
	restAtLast  = 20 * time.Second // after the start: it may never be online
	restGC      = 20               // percent: seldom much happens then, and the heap stays small
	startGC     = 400              // likewise at the start
)

// daemon owns everything: configuration, clients, what we did. One goroutine uses it.
type daemon struct {
	options options
	stderr  io.Writer
	kernel  kernel
	alarm   alarm
	events  subscription

	reporter  *reporter
	subscribe func() (subscription, error)
	report    func(text []byte) error

	net      map[string]system.Net
	dns      system.DNS
	forwards bool // the machine has a DNS forwarder
	sysctl   system.Sysctl
	wall     *wall  // the firewall; nil in tests without one
	hash     string // of the system.toml that was read last
	inForce  string // of the one that is in force: with the values that its secrets have by now
	invalid  []string

	clients    map[string]*dhcpPort
	dhcp6      map[string]*dhcp6Port
	announced  map[string]*announcements
	solicitors map[string]*solicitor
	sessions   *sessions // with providers; nil where there is none
	names      *peerNames
	secrets    secrets
	indexes    map[int]string   // links by index, as last seen
	stations   map[[6]byte]bool // their MAC addresses
	owned      Owned
	had        remembered // addresses by DHCP, for after a reboot
	remembers  bool       // there has been something in it

	heard    []byte   // the message that is read
	interest interest // in routes, as last looked
	foreign  bool     // whether those of other programs are few enough to be shown
	flooded  map[string]time.Duration
	clashes  map[AddressKey]time.Duration // until when an address is not tried that another machine has

	dirty     bool
	looked    time.Duration // when everything was last compared
	lookAt    time.Duration // when that may be done again
	pace      pace
	retryAt   time.Duration
	retryWait time.Duration
	restAt    time.Duration // when to give back what the start has taken
	tellAt    time.Duration // when the status is to be told though nothing else has changed
	again     bool          // what somebody else had is to be tried again
	logged    []string      // the problems of last time, which went to the log
	stuck     error         // why a DHCP client could not be started
	deaf      error         // why nothing is heard of the kernel any more
	ready     bool
}

func newDaemon(o options, stderr io.Writer) (*daemon, error) {
	d := &daemon{
		options: o, stderr: stderr, dirty: true, subscribe: subscribe, retryAt: forever, tellAt: forever, restAt: forever, flooded: map[string]time.Duration{}, clashes: map[AddressKey]time.Duration{},
		clients: map[string]*dhcpPort{}, dhcp6: map[string]*dhcp6Port{}, announced: map[string]*announcements{},
		solicitors: map[string]*solicitor{}, owned: newOwned(), wall: newWall(), secrets: newSecrets(),
	}
	d.names = newPeerNames()
	if err := os.MkdirAll(o.leases, 0o755); err != nil {
		return nil, err
	}
	d.had = readRemembered(o.remembered)
	d.reporter = &reporter{path: o.report, fd: -1}
	d.report = d.reporter.send
	var err error
	if d.kernel, err = openKernel(boottime.Now); err != nil {
		return nil, err
	}
	if d.alarm, err = newAlarm(); err != nil {
		return nil, err
	}
	if d.events, err = d.subscribe(); err != nil {
		return nil, err
	}
	d.hurry()
	d.reload()
	return d, nil
}

// hurry lets garbage lie during the start, when much is made at once, as long as it is a small part of the memory. It ends with the rest.
func (d *daemon) hurry() {
	most := int64(16 << 20)
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) == nil {
		most = min(max(most, int64(uint64(s.Totalram)*uint64(s.Unit)/8)), 64<<20)
	}
	debug.SetMemoryLimit(most)
	debug.SetGCPercent(startGC)
	d.restAt = boottime.Now() + restAtLast
}

// rest gives back what the start has taken.
func (d *daemon) rest() {
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetGCPercent(restGC)
	debug.FreeOSMemory()
	d.restAt = forever
}

func (d *daemon) logf(format string, args ...any) { fmt.Fprintf(d.stderr, format+"\n", args...) }

// reload reads system.toml. One that is not valid changes nothing but the problems shown.
func (d *daemon) reload() {
	d.dirty = true
	d.invalid = nil
	text, err := os.ReadFile(d.options.config)
	if err != nil {
		d.invalid = []string{err.Error()}
		d.logf("%v", err)
		return
	}
	s, problems := system.ParseAgain(d.options.config, text)
	if len(problems) > 0 {
		for _, p := range problems {
			d.invalid = append(d.invalid, p.String())
			d.logf("%v", p)
		}
		return
	}
	sum := sha256.Sum256(text)
	d.wall.follow(s)
	d.secrets.want(s)
	d.net, d.dns, d.forwards, d.sysctl, d.hash = s.Net, s.DNS, s.ForwardsDNS(), s.Sysctl, hex.EncodeToString(sum[:])
	for _, c := range d.clients {
		c.client.SetHostname(hostname())
	}
	d.followSessions(s.Sessions())
}

// loop waits and works until SIGTERM.
func (d *daemon) loop(signals int) error {
	buffer := make([]byte, 1<<16)
	for {
		d.answer(false) // what came with the answer to a report
		now := boottime.Now()
		for c := range d.all {
			if c.deadline() <= now {
				d.note(c.tick(now), now)
			}
		}
		if d.tellAt <= now {
			d.dirty, d.tellAt = true, forever
		}
		if d.restAt <= now {
			d.rest()
		}
		if d.secrets.due(now) {
			d.dirty = true
		}
		if d.retryAt <= now {
			d.dirty, d.again, d.retryAt = true, true, forever
		}
		if d.dirty && now >= d.lookAt {
			if d.reconcile(); d.deaf != nil {
				return d.deaf
			}
			d.lookAt = d.pace.next(now, boottime.Now())
			continue // its own changes may already have made something due
		}
		if err := d.alarm.set(d.nextWake()); err != nil {
			return err
		}
		fds := []unix.PollFd{{Fd: int32(signals)}, {Fd: int32(d.events.fd)}, {Fd: int32(d.alarm.fd)}, {Fd: int32(d.reporter.fd)}, {Fd: d.wall.socket()}}
		for c := range d.all {
			for _, fd := range c.descriptors() {
				fds = append(fds, unix.PollFd{Fd: int32(fd)})
			}
		}
		for i := range fds {
			fds[i].Events = unix.POLLIN
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("poll: %w", err)
		}
		if fds[2].Revents != 0 {
			d.alarm.clear()
		}
		if fds[0].Revents != 0 && d.signalled(signals) {
			return nil
		}
		d.answer(fds[3].Revents != 0)
		if fds[1].Revents != 0 {
			if err := d.hear(); err != nil {
				return err
			}
		}
		if fds[4].Revents != 0 {
			d.dirty = d.wall.hear(buffer) || d.dirty
		}
		now = boottime.Now()
		for c := range d.all {
			d.note(c.receive(buffer), now)
		}
	}
}

func (d *daemon) nextWake() time.Duration {
	next := min(d.retryAt, d.tellAt, d.restAt, d.secrets.askAt)
	if d.dirty {
		next = min(next, d.lookAt)
	}
	for c := range d.all {
		next = min(next, c.deadline())
	}
	return next
}

// signalled acts on the signals that arrived and tells whether one of them ends us.
func (d *daemon) signalled(fd int) (end bool) {
	var buffer [16]byte
	n, _ := unix.Read(fd, buffer[:])
	for _, s := range buffer[:max(n, 0)] {
		if unix.Signal(s) != unix.SIGHUP {
			return true
		}
		d.reload()
	}
	return false
}

// hear notes that something changed, and the options of router advertisements.
// Where some may have been lost, routers are asked to send them again.
func (d *daemon) hear() error {
	if d.heard == nil {
		d.heard = make([]byte, rtnl.AnswerSize)
	}
	options, changed, lost, err := d.events.drain(d.heard, func(m routeMessage) bool { return d.interest.wakes(m, d.foreign) }, d.clash)
	if err != nil {
		d.logf("%v; subscribing again", err)
		d.events.close()
		if d.events, err = d.subscribe(); err != nil {
			return err
		}
	}
	if lost {
		for _, s := range d.solicitors {
			s.again(boottime.Now(), randomNumber())
		}
	}
	for _, o := range options {
		if name := d.indexes[o.Link]; name != "" {
			if d.announced[name] == nil {
				d.announced[name] = &announcements{port: name}
			}
			d.announced[name].read(o.Options, boottime.Now())
		}
	}
	d.dirty = d.dirty || changed || lost || len(options) > 0
	return nil
}

// hearAll hears what the kernel has told until now, and leaves nothing to be looked at but what it tells meanwhile without end.
func (d *daemon) hearAll() error {
	for range 256 {
		d.dirty = false
		if err := d.hear(); err != nil || !d.dirty {
			return err
		}
	}
	return nil
}

// reconcile compares what is with what shall be, and changes it until both are the same.
func (d *daemon) reconcile() {
	d.dirty, d.looked = false, boottime.Now()
	var problems []string
	for round := range rounds {
		if round > 0 { // what is told of the last one, the look that follows sees
			if d.deaf = d.hearAll(); d.deaf != nil {
				return
			}
		}
		have, err := d.kernel.Observe()
		if err != nil {
			problems = []string{err.Error()}
			break
		}
		d.owned.Forget(have)
		ports := ports(d.net, have.Links)
		d.follow(ports, have.Links)
		d.followDHCP6(ports, have)
		d.solicit(ports, have)
		desired := desiredOf(ports, d.net, d.dns, d.facts(have.Links))
		desired.follow(d.sysctl)
		clashing := d.avoid(&desired)
		d.interest = newInterest(desired.State, have.Links)
		if err := d.kernel.ReadRoutes(&have, desired.State, d.interest, d.owned.Routers); err != nil {
			problems = []string{err.Error()}
			break
		}
		d.foreign = !have.Unshown
		d.relieve(desired.State, have)
		floods, told := d.floods()
		told = min(told, clashing)
		desired.Problems = append(desired.Problems, floods...)
		if err := d.kernel.ReadWireGuard(&have, desired.State); err != nil {
			desired.Problems = append(desired.Problems, err.Error())
			desired.WireGuard = nil
		}
		if err := d.kernel.ReadQueues(&have, desired.State); err != nil {
			desired.Problems = append(desired.Problems, err.Error())
			desired.Shaped, have.Shaped = newShaped(), newShaped()
		}
		d.names.follow(d.net, desired, have, d.looked)
		d.kernel.ReadSysctls(&have, slices.Collect(maps.Keys(desired.Sysctls)))
		ops, impossible := Plan(desired.State, have, d.owned)
		duplicates := Retake(desired.State, have)
		if d.again {
			ops, d.again = append(ops, duplicates...), false
		}
		d.wall.raise(desired.State, have)
		if len(ops) == 0 {
			if err := d.wall.finish(d.sysctl); err != nil {
				d.stuck = errors.Join(d.stuck, err)
			}
			switch {
			case d.stuck != nil:
				impossible = append(impossible, d.stuck.Error())
				d.retry(nil)
			case len(duplicates) > 0:
				d.retryWait, d.retryAt = 0, min(d.retryAt, d.looked+retake)
			default:
				d.retryWait, d.retryAt = 0, told
			}
			desired.Problems = slices.Concat(d.invalid, desired.Problems, impossible)
			d.publish(desired, have)
			return
		}
		problems = nil
		for at := 0; at < len(ops); {
			for _, err := range d.kernel.Together(ops[at:]) {
				if err != nil {
					problems = append(problems, err.Error())
				} else {
					d.owned.Done(ops[at], have)
				}
				at++
			}
		}
		if err := d.wall.finish(d.sysctl); err != nil {
			problems = append(problems, err.Error())
		}
		if len(problems) == 0 && round == rounds-1 {
			for _, o := range ops {
				problems = append(problems, fmt.Sprintf("%v: done, but it does not stay", o))
			}
		}
		if len(problems) > 0 {
			desired.Problems = slices.Concat(d.invalid, desired.Problems, impossible, problems)
			d.publish(desired, have)
		}
	}
	d.retry(problems)
}

// retry comes back to what could not be done.
func (d *daemon) retry(problems []string) {
	d.retryWait = min(max(2*d.retryWait, firstRetry), lastRetry)
	d.retryAt = boottime.Now() + d.retryWait
	for _, p := range problems {
		if !slices.Contains(d.logged, p) {
			d.logf("%s", p)
		}
	}
	d.logged = problems
}

func (d *daemon) facts(links map[string]Link) Facts {
	f := Facts{Links: links, Leases: map[string]*dhcp4.Lease{}, LinkLocal: map[string]netip.Addr{}, Leases6: map[string]*dhcp6.Lease{}, Announced: map[string]Announced{}, Sessions: map[string]session.Fact{}, DUID: d.had.DUID, Secrets: d.secrets.values}
	now := boottime.Now()
	for c := range d.all {
		c.tell(&f, now)
	}
	return f
}

// follow opens and closes clients as ports and what is desired of them come and go, and
// tells them of their carrier. It also notes which links there are.
func (d *daemon) follow(ports []port, links map[string]Link) {
	d.stuck = nil
	d.indexes, d.stations = map[int]string{}, map[[6]byte]bool{}
	for name, l := range links {
		d.indexes[l.Index] = name
		if l.Ethernet && l.MAC != [6]byte{} {
			d.stations[l.MAC] = true
		}
	}
	wanted := map[string]system.Net{}
	for _, p := range ports {
		if p.Present && p.Net.IPv4 == "dhcp" {
			wanted[p.Name] = p.Net
		}
	}
	for name, c := range d.clients {
		if link := links[name]; wanted[name].IPv4 == "" || link.Index != c.wire.index || link.MAC != c.wire.mac {
			c.close()
			delete(d.clients, name)
		}
	}
	maps.DeleteFunc(d.announced, func(name string, _ *announcements) bool { return links[name].Index == 0 })
	for name, net := range wanted {
		link := links[name]
		if d.clients[name] == nil {
			c, err := openDHCPPort(name, link, d.options.leases, d.had.of(name, link.MAC).Address, d.logf)
			if err != nil {
				d.logf("%v", err)
				d.stuck = err
				continue
			}
			d.clients[name] = c
		}
		c := d.clients[name]
		c.own = d.stations
		c.believe(net.DHCPServers)
		c.fallBack(net.LinkLocal)
		c.setCarrier(link.Up && link.Carrier)
	}
}
