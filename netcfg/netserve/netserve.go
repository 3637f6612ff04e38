// Package netserve is the process bantam-netserve, in which a port's servers run:
// DHCPv4, router advertisements and DNS. It exists only where a [net] of
// system.toml serves somebody, or [dns] wants more than resolv.conf can.
//
// It has no right to change the network. What needs a capability, sockets for
// packets and for ports below 1024, it opens first; then it gives them
// away, but for that to listen on such ports where it serves DNS, and leaves itself the system calls that it needs. One that serves another
// sort of thing than before ends, and is started again.
//
// PID 1 tells it by a file what is served; which links and addresses there are
// the kernel does. One goroutine owns everything: a loop over what the services
// have to read and when they have to do something.
package netserve

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/confine"
	"bantam/netcfg"
	"bantam/netcfg/dnssockets"
)

// Forever is a time that never comes.
const forever = time.Duration(1<<63 - 1)

// service is one of the servers. All its methods are called from one goroutine.
type service interface {
	// configure is called at the start and whenever what is served, or what the kernel has, may have changed.
	configure(now time.Duration, c *Config, links map[string]link)
	// descriptors are what to read from.
	descriptors() []int
	// receive reads what has arrived, without waiting.
	receive(now time.Duration)
	// deadline is when step wants to be called though nothing has arrived; forever for never.
	deadline() time.Duration
	step(now time.Duration)
	// stop is called at the end, with what the configuration says then.
	stop(now time.Duration)
}

type options struct{ config, leases, remembered, dns string }

// Main is the process.
func Main(args []string) int { return run(args, os.Stderr) }

func run(args []string, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("bantam-netserve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.config, "config", ConfigPath, "what is served; read again on SIGHUP")
	flags.StringVar(&o.leases, "leases", LeasesPath, "file for the leases there are")
	flags.StringVar(&o.remembered, "remembered", RememberedPath, "file for what is to be known after a reboot")
	flags.StringVar(&o.dns, "dns", DNSPath, "socket that tells how the DNS forwarder is")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	d, err := newDaemon(o, stderr)
	if err == nil {
		if err := errors.Join(dropCapabilities(d.keeps()), confine.Process(d.needed())); err != nil { // a kernel without it serves all the same
			fmt.Fprintln(stderr, "not confined:", err)
		}
		err = d.loop()
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// needed is what this process does beside what every Go program does.
func (d *daemon) needed() confine.Rules {
	rules := confine.Rules{Families: []uint32{unix.AF_INET, unix.AF_INET6}, Netlink: []uint32{unix.NETLINK_ROUTE}}
	if d.dns != nil {
		rules.Calls = dnssockets.Calls
	}
	return rules
}

// keeps are the capabilities that it needs later on: DNS listens anew on a port that is made anew.
func (d *daemon) keeps() uint32 {
	if d.dns != nil {
		return 1 << unix.CAP_NET_BIND_SERVICE
	}
	return 0
}

type daemon struct {
	options  options
	stderr   io.Writer
	config   Config
	kernel   kernel
	signals  int
	services []service
	dhcp     *dhcpService // nil: none
	ra       *raService
	dns      *dnsService
	keeper   *keeper

	links  map[string]link
	lookAt time.Duration // when the kernel is asked next
}

const (
	debounce  = 50 * time.Millisecond
	lookAgain = time.Minute // whatever the kernel says: some parameters change without a word
)

func newDaemon(o options, stderr io.Writer) (d *daemon, err error) {
	d = &daemon{options: o, stderr: stderr}
	if d.config, err = ReadConfig(o.config); err != nil {
		return nil, err
	}
	if d.signals, err = netcfg.SignalPipe(); err != nil {
		return nil, err
	}
	if d.kernel, err = openKernel(); err != nil {
		return nil, err
	}
	now := boottime.Now()
	d.keeper = newKeeper(o.leases, o.remembered, now)
	uses := d.config.uses()
	if uses.dhcp {
		if d.dhcp, err = newDHCPService(d); err != nil {
			return nil, err
		}
		d.services = append(d.services, d.dhcp)
	}
	if uses.ra {
		if d.ra, err = newRAService(d); err != nil {
			return nil, err
		}
		d.services = append(d.services, d.ra)
	}
	if uses.dns {
		if d.dns, err = newDNSService(d); err != nil {
			return nil, err
		}
		d.services = append(d.services, d.dns)
	}
	return d, nil
}

func (d *daemon) logf(format string, args ...any) { fmt.Fprintf(d.stderr, format+"\n", args...) }

// loop serves until SIGTERM, or until another process has to take over.
func (d *daemon) loop() error {
	for {
		now := boottime.Now()
		if d.lookAt <= now {
			d.look(now)
		}
		next := d.lookAt
		for _, s := range d.services {
			if s.deadline() <= now {
				s.step(now)
			}
			next = min(next, s.deadline())
		}
		d.keep(now)
		next = min(next, d.keeper.deadline())
		fds := []unix.PollFd{{Fd: int32(d.signals), Events: unix.POLLIN}, {Fd: int32(d.kernel.events), Events: unix.POLLIN}}
		for _, s := range d.services {
			for _, fd := range s.descriptors() {
				fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
			}
		}
		wait := (next - boottime.Now() + time.Millisecond - 1) / time.Millisecond
		if _, err := unix.Poll(fds, int(min(max(wait, 0), lookAgain/time.Millisecond))); err != nil && err != unix.EINTR {
			return fmt.Errorf("poll: %w", err)
		}
		now = boottime.Now()
		if fds[0].Revents != 0 {
			if end := d.signalled(now); end {
				return nil
			}
		}
		if fds[1].Revents != 0 && d.kernel.changed() {
			d.lookAt = min(d.lookAt, now+debounce)
		}
		for _, s := range d.services {
			s.receive(now)
		}
	}
}

// look asks the kernel, and tells the services.
func (d *daemon) look(now time.Duration) {
	d.lookAt = now + lookAgain
	links, err := d.kernel.links(now, func(name string) bool { return d.config.port(name) != nil })
	if err != nil {
		d.logf("%v", err)
		d.lookAt = now + time.Second
		return
	}
	d.links = links
	for _, s := range d.services {
		s.configure(now, &d.config, links)
	}
}

// last writes what the next process has to know.
func (d *daemon) last(now time.Duration) {
	if err := d.keeper.write(now, d.saved(now)); err != nil {
		d.logf("%v", err)
	}
}

// signalled acts on what has arrived, and says whether that is the end.
func (d *daemon) signalled(now time.Duration) (end bool) {
	var buffer [16]byte
	n, _ := unix.Read(d.signals, buffer[:])
	for _, s := range buffer[:max(n, 0)] {
		if unix.Signal(s) != unix.SIGHUP {
			for _, s := range d.services {
				s.stop(now)
			}
			d.last(now)
			return true
		}
		config, err := ReadConfig(d.options.config)
		if err != nil {
			d.logf("%v", err)
			continue
		}
		if before := d.config.uses(); config.uses() != before {
			d.logf("serves something else than before, and starts again")
			if before.ra && !config.uses().ra {
				d.ra.stop(now)
			}
			d.last(now)
			return true
		}
		d.config = config
		d.look(now)
	}
	return false
}
