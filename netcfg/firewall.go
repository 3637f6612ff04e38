package netcfg

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"bantam/netcfg/firewall"
	"bantam/netcfg/nft"
	"bantam/netcfg/rtnl"
	"bantam/order"
	"bantam/system"

	"golang.org/x/sys/unix"
)

// wall keeps the firewall's table in the kernel, and forwarding on only while it is there. What forwarding was before
// is told by the table's comment: it is known as long as it matters, whatever becomes of this process.
type wall struct {
	system system.System // of it the ports' zones, zones, forwards, rules and the port of SSH

	kernel nft.Kernel
	open   bool
	events int    // socket that tells of changes of tables; -1: none
	stood  bool   // there has been a table of ours, or there may have been
	slow   bool   // this kernel takes no flow table
	before string // what forwarding was
	err    error
}

// forwardingPaths are the parameters by which a machine forwards, in the order of the comment.
var forwardingPaths = []string{"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"}

const commentBefore = "made by Bantam; forwarding before: "

func newWall() *wall {
	// A table outlives this process, and with it forwarding. Where nothing is forwarded there is none, and a kernel
	// without nftables is not asked for it.
	return &wall{events: -1, stood: forwarding() != "0 0"}
}

// follow takes what the firewall needs of a system.
func (w *wall) follow(s *system.System) {
	w.system = system.System{Net: s.Net, Zones: s.Zones, Forwards: s.Forwards, Firewall: s.Firewall, SSH: s.SSH}
}

// raise makes the table what it shall be, before anything that comes needs it. Nothing is let through by what it cannot do.
func (w *wall) raise(want, have State) {
	if w == nil {
		return
	}
	wanted := firewall.Wanted(&w.system)
	if w.err = nil; !wanted && !w.stood {
		return
	}
	if w.err = w.begin(); w.err == nil && wanted {
		w.err = w.apply(w.facts(want, have))
	}
	if w.err != nil && wanted {
		w.err = fmt.Errorf("firewall: %w; nothing is forwarded", w.err)
		if err := setForwarding("0 0"); err != nil {
			w.err = errors.Join(w.err, err)
		}
	}
	if w.err != nil && !wanted && errors.Is(w.err, nft.ErrNone) {
		w.err, w.stood = nil, false
	}
}

// begin opens what is needed to speak of tables.
func (w *wall) begin() (err error) {
	if !w.open {
		if w.kernel, err = nft.Open(); err != nil {
			return err
		}
		w.open = true
	}
	if w.events < 0 {
		w.events, err = rtnl.Subscribe(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	}
	return err
}

func (w *wall) apply(f firewall.Facts) error {
	have, err := w.kernel.Observe(firewall.Name)
	if err != nil {
		return err
	}
	w.stood = true
	if before, ours := strings.CutPrefix(have.Comment, commentBefore); ours {
		w.before = before
	} else if w.before == "" { // otherwise somebody has taken the table away
		w.before = forwarding()
	}
	f.Comment = commentBefore + w.before
	if w.slow {
		f.Devices = nil
	}
	_, err = w.kernel.Apply(firewall.Table(&w.system, f), have)
	if err != nil && len(f.Devices) > 0 { // flow tables are the one thing that is not needed
		f.Devices = nil
		if _, err = w.kernel.Apply(firewall.Table(&w.system, f), have); err == nil {
			w.slow = true
		}
	}
	return err
}

// finish lets the machine forward once all is as it shall be, or, without zones, takes the table away.
func (w *wall) finish(set system.Sysctl) error {
	switch {
	case w == nil:
		return nil
	case w.err != nil:
		return w.err
	case firewall.Wanted(&w.system):
		return setForwarding("1 1")
	case !w.stood:
		return nil
	}
	have, err := w.kernel.Observe(firewall.Name)
	if errors.Is(err, nft.ErrNone) {
		err = nil
	}
	if err == nil && have.There {
		values := strings.Fields(strings.TrimPrefix(have.Comment, commentBefore))
		if len(values) != len(forwardingPaths) { // not in our words
			values = []string{"0", "0"}
		}
		for i, path := range forwardingPaths {
			for name, value := range set {
				if system.ParameterPath(name) == path {
					values[i] = value
				}
			}
		}
		if err = setForwarding(strings.Join(values, " ")); err == nil {
			err = w.kernel.Do(nft.Remove(firewall.Name))
		}
	}
	if err != nil {
		return fmt.Errorf("firewall: %w", err)
	}
	w.stood = false
	unix.Close(w.events)
	w.kernel.Close()
	w.events, w.open, w.before = -1, false, ""
	return nil
}

// facts are what the table needs to know of the links.
func (w *wall) facts(want, have State) (f firewall.Facts) {
	external := map[string]bool{}
	for _, z := range w.system.ZonesInForce() {
		for _, name := range z.Interfaces {
			external[name] = z.External
			if have.Links[name].Index != 0 {
				f.Devices = append(f.Devices, name)
			}
		}
	}
	for _, state := range []State{want, have} {
		for k := range state.Addresses {
			if a := k.Prefix.Addr(); a.Is4() && external[k.Link] {
				f.External = append(f.External, a)
			}
		}
	}
	order.By(f.External, netip.Addr.Compare)
	f.External = slices.Compact(f.External)
	order.By(f.Devices, strings.Compare)
	return f
}

// socket is what to wait for; -1 for nothing.
func (w *wall) socket() int32 {
	if w == nil {
		return -1
	}
	return int32(w.events)
}

// hear reads what is told of tables, and says whether ours is among them or something was lost.
func (w *wall) hear(buffer []byte) (ours bool) {
	for range 64 { // a storm must not keep us from the other sockets
		n, _, err := unix.Recvfrom(w.events, buffer, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return ours
		case err != nil:
			if err != unix.ENOBUFS {
				unix.Close(w.events)
				w.events = -1
			}
			return true
		}
		for m := (rtnl.Messages{Rest: buffer[:max(n, 0)]}); m.Next(); {
			ours = ours || nft.Concerns(m.Kind, m.Body, firewall.Name)
		}
	}
	return ours
}

// status is the zones, for who looks; nil without a firewall.
func (w *wall) status() (list []ZoneStatus) {
	if w == nil {
		return nil
	}
	for _, z := range w.system.ZonesInForce() {
		role := system.RoleInternal
		if z.External {
			role = system.RoleExternal
		}
		list = append(list, ZoneStatus{z.Name, role, z.Interfaces})
	}
	return list
}

// forwarding is what the parameters are, e.g. "0 0"; one that is not there counts as off.
func forwarding() string {
	var values []string
	for _, path := range forwardingPaths {
		text, _ := os.ReadFile("/proc/sys/" + path)
		value := string(bytes.TrimSpace(text))
		if value == "" {
			value = "0"
		}
		values = append(values, value)
	}
	return strings.Join(values, " ")
}

func setForwarding(want string) error {
	have, values := strings.Fields(forwarding()), strings.Fields(want)
	for i, path := range forwardingPaths {
		if i >= len(values) || have[i] == values[i] {
			continue
		}
		if err := os.WriteFile("/proc/sys/"+path, []byte(values[i]), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("set %s = %s: %w", path, values[i], err)
		}
	}
	return nil
}

// Firewall is the firewall of this machine as the kernel has it now, for whoever may ask.
func Firewall() (firewall.View, error) {
	k, err := nft.Open()
	if err != nil {
		return firewall.View{}, err
	}
	defer k.Close()
	o, err := k.Observe(firewall.Name)
	return firewall.Look(o), err
}
