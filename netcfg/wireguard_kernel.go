package netcfg

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/wgnl"
)

// ReadWireGuard asks for the links that are wanted: the keys of others are none of our business.
func (r *rtnetlink) ReadWireGuard(into *State, want State) error {
	for name := range want.WireGuard {
		if into.Links[name].Kind != wireGuardKind {
			continue
		}
		if err := r.openWireGuard(); err != nil {
			return err
		}
		d, err := r.wireGuard.Device(name)
		if errors.Is(err, unix.ENODEV) {
			continue // gone meanwhile
		}
		if err != nil {
			return err
		}
		into.WireGuard[name] = WireGuard{d, silent(d, time.Now())}
	}
	return nil
}

const wireGuardKind = "wireguard"

// silent are the peers of whom nothing is heard. The kernel tells the time of day; one that is set makes a peer silent
// until its next handshake, within two minutes.
func silent(d wgnl.Device, now time.Time) map[wgnl.Key]bool {
	all := map[wgnl.Key]bool{}
	for key, p := range d.Peers {
		all[key] = p.Handshake.IsZero() || now.Sub(p.Handshake).Abs() > silence
	}
	return all
}

func (r *rtnetlink) openWireGuard() error {
	if r.wireGuard != nil {
		return nil
	}
	k, err := wgnl.Open()
	if err != nil {
		return err
	}
	r.wireGuard = &k
	return nil
}

func (r *rtnetlink) changeWireGuard(o Op) error {
	if err := r.openWireGuard(); err != nil {
		return err
	}
	return r.wireGuard.Change(o.Link, o.WireGuard)
}
