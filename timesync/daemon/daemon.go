// Package daemon is the process bantam-timesync, in which timesync's client asks
// time servers and the kernel's clock is set and led. It runs with CAP_SYS_TIME
// and nothing else, and only while it asks: until the clock is set, and then for
// each round anew. Between two rounds the kernel leads the clock by itself, and what the next
// one has to know is in a file in memory.
package daemon

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/boottime"
	"bantam/confine"
	"bantam/entropy"
	"bantam/regular"
	"bantam/system"
	"bantam/timesync"
)

// MaxState bounds the file of what is kept from one round to the next.
const MaxState = 32 << 10

const (
	maxServers = 16 << 10 // bytes
	lookupTime = 5 * time.Second
)

// clock is the one of the machine; tests have another.
type clock interface {
	Now() timesync.Now
	Correct(timesync.Correction) error
}

// Main is the process. It returns once the clock has been set, or after one round.
// No time is believed that is before built.
func Main(args []string, built time.Time) int {
	return run(args, built, os.Stdout, os.Stderr, kernelClock{})
}

func run(args []string, built time.Time, stdout, stderr io.Writer, clock clock) int {
	o := options{built: built}
	flags := flag.NewFlagSet("bantam-timesync", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.servers, "servers", "/run/bantam/timeservers", "file with one server a line; read again on SIGHUP")
	flags.StringVar(&o.state, "state", "/run/bantam/time/state", "file for what is kept from one round to the next")
	flags.BoolVar(&o.once, "once", false, "one round, then leave")
	flags.BoolVar(&o.set, "set", false, "one round, and set the clock to what it gives")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := confine.Process(needed); err != nil { // a kernel without it has the right time all the same
		fmt.Fprintln(stderr, "not confined:", err)
	}
	d := &daemon{options: o, clock: clock, stdout: stdout, stderr: stderr,
		events: make(chan timesync.Event), conns: map[netip.AddrPort]net.Conn{}}
	if err := d.loop(); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

var needed = confine.Rules{
	Families: []uint32{unix.AF_INET, unix.AF_INET6},
	Calls:    []uintptr{unix.SYS_ADJTIMEX, unix.SYS_SETTIMEOFDAY},
}

type options struct {
	servers, state string
	built          time.Time
	once, set      bool
}

type daemon struct {
	options
	clock          clock
	stdout, stderr io.Writer
	client         *timesync.Client
	events         chan timesync.Event
	conns          map[netip.AddrPort]net.Conn // of the queries under way
	told           string                      // the failure that was told last
}

// readServers reads the names of servers, one a line.
func readServers(path string) (servers []timesync.Server, err error) {
	text, err := regular.Read(path, unix.O_NOFOLLOW, maxServers)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range strings.Fields(string(text)) {
		host, port, err := system.TimeServer(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %q %w", path, name, err)
		}
		servers = append(servers, timesync.Server{Name: name, Host: host, Port: port})
	}
	return servers, nil
}

// ReadState reads what was kept; what cannot be read was nothing.
func ReadState(path string) (state timesync.State) {
	// An earlier process of ours may have been made to leave anything in it.
	text, err := regular.Read(path, unix.O_NOFOLLOW, MaxState)
	if err != nil || json.Unmarshal(text, &state) != nil {
		return timesync.State{}
	}
	return state
}

func randomNumber() uint64 {
	var b [8]byte
	entropy.Fill(b[:])
	return binary.NativeEndian.Uint64(b[:])
}

// start begins with the servers that the file names now.
func (d *daemon) start(state timesync.State) error {
	servers, err := readServers(d.servers)
	if err != nil {
		return err
	}
	d.client = timesync.NewClient(timesync.Config{
		Servers: servers, Built: d.built, Random: randomNumber, Once: d.once, Set: d.set}, state)
	return nil
}

func (d *daemon) loop() error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGHUP, unix.SIGTERM, unix.SIGINT)
	if err := d.start(ReadState(d.state)); err != nil {
		return err
	}
	var event timesync.Event
	for {
		last, err := d.step(event)
		if last || err != nil {
			return err
		}
		timer := time.NewTimer(max(d.client.Deadline()-boottime.Now(), time.Millisecond))
		select {
		case event = <-d.events:
		case <-timer.C:
			event = nil
		case s := <-signals:
			if s != unix.SIGHUP {
				return nil
			}
			if err := d.start(d.client.State); err != nil {
				return err
			}
			event = timesync.Hurry{}
		}
		timer.Stop()
	}
}

func (d *daemon) step(event timesync.Event) (last bool, err error) {
	correct, actions := d.client.Step(d.clock.Now(), event)
	if correct != nil {
		if err := d.clock.Correct(*correct); err != nil {
			return false, err
		}
	}
	for _, action := range actions {
		switch a := action.(type) {
		case timesync.Resolve:
			go d.resolve(a.Host)
		case timesync.Send:
			d.send(a)
		case timesync.Ended:
			for to, conn := range d.conns {
				conn.Close()
				delete(d.conns, to)
			}
			d.tell(correct)
			if err := d.save(); err != nil {
				return false, err
			}
			last = a.Last
		}
	}
	return last, nil
}

func (d *daemon) resolve(host string) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	d.events <- timesync.Resolved{Host: host, Addresses: addresses, Err: err}
}

// send asks from a port of its own, so that only who sees the request knows where to answer.
func (d *daemon) send(a timesync.Send) {
	if old := d.conns[a.To]; old != nil {
		old.Close()
		delete(d.conns, a.To)
	}
	conn, err := net.Dial("udp", a.To.String())
	if err != nil {
		return // no way there yet: like no answer
	}
	d.conns[a.To] = conn
	sent := boottime.Now()
	if _, err := conn.Write(a.Data); err != nil {
		return
	}
	go func() {
		for {
			data := make([]byte, 512)
			n, err := conn.Read(data)
			received := boottime.Now()
			if err != nil {
				return // closed, or nobody listens there
			}
			d.events <- timesync.Received{From: a.To, Data: data[:n], Sent: sent, Received: received}
		}
	}()
}

// tell says what came of a round, in the log.
func (d *daemon) tell(correct *timesync.Correction) {
	s := d.client.State
	from := ""
	for _, source := range s.Sources {
		if source.State == timesync.SourceUsed {
			from = fmt.Sprintf("%s, stratum %d", source.Server, source.Stratum)
		}
	}
	switch text := s.Failure + s.Problem; {
	case text != "":
		if text != d.told {
			fmt.Fprintln(d.stderr, text)
		}
		d.told = text
	case correct != nil && correct.Set:
		fmt.Fprintf(d.stdout, "the clock was set by %v, to that of %s\n", correct.Offset.Round(time.Millisecond), from)
	case d.set || !d.once:
		fmt.Fprintf(d.stdout, "the clock is led by %v, to that of %s\n", correct.Offset.Round(time.Microsecond), from)
	}
}

func (d *daemon) save() error {
	text, err := json.Marshal(d.client.State)
	if err != nil {
		return err
	}
	return atomicfile.WriteUnsynced(d.state, append(text, '\n'), 0o644)
}
