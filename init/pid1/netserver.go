package pid1

import (
	"bytes"
	"context"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/init/supervise"
	"bantam/netcfg/netserve"
	"bantam/regular"
	"bantam/system"
)

// netserveUser runs the servers. It is beyond the numbers of system.toml and of 16 bits; no account has it.
const netserveUser = 65537

// servedPath is where it is kept who has which address of ours.
const servedPath = statePath + "/dhcp-served"

// serveDefinition is the process that serves DHCP, router advertisements and DNS. It gives its capabilities away once
// it has its sockets.
func serveDefinition() supervise.Definition {
	return supervise.Definition{
		Name:        system.ServeService,
		Argv:        []string{NetserveName},
		Env:         environment("netserve", "/", nil),
		UID:         netserveUser,
		GID:         netserveUser,
		Caps:        []int{unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW},
		Hide:        []string{statePath, "/root", "/mnt"},
		Vital:       true,
		OOMScoreAdj: -800, // without it a network comes to a halt
		MayFail:     true,
	}
}

// netserver has ports serve what system.toml says. Where none does nothing runs.
type netserver struct {
	machine *Machine
	text    []byte       // of what is served, as the process was told last
	kept    *leaseKeeper // of what a reboot is to leave; nil: nothing lasts
}

// serveAct is what is to be done about the servers.
type serveAct int

const (
	serveRest serveAct = iota
	serveStart
	serveStop
	serveTell // that something else is to be served
)

// decideServe says what is to be done. changed: something else is to be served than the process was told of.
func decideServe(serves, changed bool, service supervise.State) serveAct {
	switch {
	case service.Name == "" || service.ByHand:
		return serveRest
	case serves && !service.Wanted:
		return serveStart
	case !serves && service.Wanted:
		return serveStop
	case serves && changed && service.PID != 0:
		return serveTell
	}
	return serveRest
}

// run looks after the servers until ctx ends.
func (n *netserver) run(ctx context.Context) {
	tick := time.NewTicker(leasesPause)
	defer tick.Stop()
	for ctx.Err() == nil {
		services, network := n.machine.changes()
		sys := n.machine.runs()
		changed, err := n.tell(sys)
		if err != nil {
			Logf(Warning, "%v", err)
		}
		switch decideServe(sys.Serves(), changed, n.machine.service(system.ServeService)) {
		case serveStart:
			_ = n.machine.sup.Start(supervise.ByPlan, system.ServeService) // it fails when PID 1 is going down
		case serveStop:
			_ = n.machine.sup.Stop(supervise.ByPlan, system.ServeService)
		case serveTell:
			_ = n.machine.sup.Reload(system.ServeService)
		}
		var due <-chan time.Time
		if sys.Serves() && n.kept != nil {
			due = tick.C
		}
		select {
		case <-services:
		case <-network:
		case <-due:
			n.keep()
		case <-ctx.Done():
		}
	}
}

// tell writes what is served, and says whether that is something else than before.
func (n *netserver) tell(sys *system.System) (changed bool, err error) {
	if !sys.Serves() {
		return false, nil
	}
	config := netserve.ConfigOf(sys)
	status, _, _ := n.machine.reports.Status() // where there is none yet, the network has announced nobody
	config.Upstream = status.DNS
	text, err := config.Text()
	if err != nil || bytes.Equal(text, n.text) {
		return false, err
	}
	if err := atomicfile.WriteUnsynced(netserve.ConfigPath, text, 0o644); err != nil {
		return false, err
	}
	n.text = text
	return true, nil
}

// keep takes what the process wants to be known after a reboot. Its bytes mean nothing to PID 1.
func (n *netserver) keep() {
	if n == nil || n.kept == nil {
		return
	}
	text, err := regular.Read(netserve.RememberedPath, unix.O_NOFOLLOW, netserve.MaxRemembered)
	if err == nil {
		n.kept.keep(string(text))
	}
}

// save writes what is to be known after a reboot, at the machine's end.
func (n *netserver) save() error {
	if n == nil || n.kept == nil {
		return nil
	}
	n.keep()
	return n.kept.save()
}

// prepareServe lays what was kept where the process looks for it.
func (p *initProcess) prepareServe() error {
	p.served = &netserver{machine: p.machine}
	kept := newLeaseKeeper(servedPath, netserve.MaxRemembered)
	text := kept.load()
	if p.lasting() {
		p.served.kept = kept
		go Guard("remember served addresses", func() { kept.tend(leasesPause) })
	}
	if text == "" {
		return nil
	}
	return atomicfile.WriteUnsynced(netserve.RememberedPath, []byte(text), 0o644)
}
