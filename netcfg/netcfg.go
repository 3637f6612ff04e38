// Package netcfg configures the network as system.toml asks for it.
//
// In the middle it is pure: Desired turns system.toml and facts (links, leases,
// advertisements) into the wanted state, Plan turns wanted and observed state
// into changes. Around that is one loop in one goroutine: any kernel event, lease
// or signal wakes it, it reads the whole state, plans, applies, and reads again
// until the plan is empty. It runs as a process of its own, bantam-netcfg, with
// CAP_NET_ADMIN and CAP_NET_RAW and nothing else.
//
// It does Ethernet ports with DHCPv4 and DHCPv6, fixed addresses, routes and rules, router
// advertisements, and links that are made: bridges, VLANs, bonds, tunnels and so
// on. IPv6 addresses from advertisements are the kernel's work; we set its knobs,
// ask routers where it does not, and read name servers from what it passes on.
// Prefixes that a provider delegates it divides among the ports behind. The firewall's table is kept as package firewall
// says. It never takes the MTU of a DHCP server.
//
// What is ours is marked in the kernel: routes, rules and addresses by protocol
// number, links by group: one for those that we set up, one for those that we
// made. A new process knows it again whatever became of the old one.
package netcfg

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"bantam/confine"
	"bantam/netcfg/session"
)

// Main is the process bantam-netcfg. It returns when SIGTERM arrives and leaves
// everything configured: what has a lifetime ends by itself.
func Main(args []string) int { return run(args, os.Stderr) }

func run(args []string, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("bantam-netcfg", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.config, "config", "/run/bantam/system.toml", "system.toml to follow; read again on SIGHUP")
	flags.StringVar(&o.report, "report", "/run/bantam/net/report", "Unix socket that takes the reports of how things are")
	flags.StringVar(&o.leases, "leases", "/run/bantam/net/leases", "directory for DHCP leases")
	flags.StringVar(&o.sessions, "sessions", session.Folder, "directory in which it is told how sessions are, in one for each kind")
	flags.StringVar(&o.remembered, "remembered", "/run/bantam/net/"+rememberedFile, "what earlier reports say is to be remembered over a reboot")
	flags.IntVar(&o.notify, "notify-fd", notifyDescriptor(), "descriptor for a newline once the network is online; -1 for none")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	// Network namespaces belong to threads, and so do the files below /proc/sys/net.
	runtime.LockOSThread()
	signals, err := SignalPipe()
	if err != nil {
		fmt.Fprintln(stderr, "bantam-netcfg:", err)
		return 1
	}
	d, err := newDaemon(o, stderr)
	if err == nil {
		if err := confine.Process(needed); err != nil { // a kernel without it has a network all the same
			fmt.Fprintln(stderr, "bantam-netcfg: not confined:", err)
		}
		err = d.loop(signals)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bantam-netcfg:", err)
		return 1
	}
	return 0
}

// needed is what this process does beside what every Go program does; leases and sysctls are files.
var needed = confine.Rules{
	Families: []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_PACKET, unix.AF_UNIX},
	Netlink:  []uint32{unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER, unix.NETLINK_GENERIC},
	Calls:    []uintptr{unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH}, // how sessions with providers are, is files
}

type options struct {
	config, report, leases, remembered, sessions string

	notify int
}

func notifyDescriptor() int {
	if fd, err := strconv.Atoi(os.Getenv("NOTIFY_FD")); err == nil {
		return fd
	}
	return -1
}

// SignalPipe returns a descriptor from which SIGTERM, SIGINT and SIGHUP can be
// read, one byte each, so that the loop has one thing to wait for.
func SignalPipe() (int, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return -1, fmt.Errorf("pipe2: %w", err)
	}
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	go func() {
		for s := range ch {
			unix.Write(fds[1], []byte{byte(s.(unix.Signal))})
		}
	}()
	return fds[0], nil
}
