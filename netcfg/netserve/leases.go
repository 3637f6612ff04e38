package netserve

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/netcfg/dhcp4serve"
	"bantam/netcfg/raserve"
	"bantam/regular"
)

// Where things are on a machine.
const (
	Dir            = "/run/bantam/serve"      // the process's own
	ConfigPath     = "/run/bantam/serve.json" // written by PID 1
	LeasesPath     = Dir + "/leases.json"     // what there is now; read by everybody
	RememberedPath = Dir + "/remembered.json" // what a reboot is to leave; PID 1 keeps it
	MaxRemembered  = 256 << 10                // bytes
	maxLeases      = 4 << 20                  // bytes
)

// Lease is an address that a port has given away.
type Lease struct {
	Port    string        `json:"port"`
	Address netip.Addr    `json:"address"`
	MAC     string        `json:"mac"`
	Name    string        `json:"name,omitempty"`
	Client  []byte        `json:"client"`          // who it is for the server
	Until   time.Duration `json:"until,omitempty"` // since boot, in nanoseconds; 0: in another boot
}

// Promise is a network that a port's hosts may still have addresses of.
type Promise struct {
	Port   string        `json:"port"`
	Prefix netip.Prefix  `json:"prefix"`
	Until  time.Duration `json:"until,omitempty"`
}

// State is what the servers have given away.
type State struct {
	Boot     string    `json:"boot,omitempty"` // the boot in which the times count; "": they are left out
	Leases   []Lease   `json:"leases"`
	Promises []Promise `json:"promises,omitempty"`
}

// keeper writes what there is. Leases.json has it as it is, in memory, and lets another process of the same boot go on as if
// nothing had been. Remembered.json is for after a reboot, where times mean nothing, so that it has none: each lease is
// valid for its whole length again then. So it changes only when somebody gets another address, and wears out no
// disk. What the last minute before a power cut has added is missing: who had it asks for the same address, which is free
// and given, and whoever is asked meanwhile looks by ARP before he takes it.
type keeper struct {
	leases, remembered string
	old                State
	sameBoot           bool
	begun              time.Duration

	written  int // revisions
	ends     int
	wrote    time.Duration
	count    int // of leases, then
	dirty    bool
	due      time.Duration
	lastText []byte // of remembered.json
}

// writePause is between two writes of so many leases. Few are written as soon as they are given away, so that who comes after
// a crash knows them; many take their time.
func writePause(leases int) time.Duration {
	return min(time.Duration(leases)*time.Millisecond, time.Second)
}

func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

func newKeeper(leases, remembered string, now time.Duration) *keeper {
	k := &keeper{leases: leases, remembered: remembered, begun: now, due: forever, written: -1}
	if old, err := ReadState(leases); err == nil && old.Boot != "" && old.Boot == bootID() {
		k.old, k.sameBoot = old, true
	} else if old, err := readState(remembered, MaxRemembered); err == nil {
		k.old = old
	}
	return k
}

// ReadState reads leases.json. Whoever took the process over may have put anything there.
func ReadState(path string) (State, error) { return readState(path, maxLeases) }

func readState(path string, most int64) (s State, err error) {
	text, err := regular.Read(path, unix.O_NOFOLLOW, most)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// bindings are those of a port before this process began.
func (k *keeper) bindings(port string) (list []dhcp4serve.Binding) {
	for _, l := range k.old.Leases {
		mac, err := net.ParseMAC(l.MAC)
		if l.Port != port || err != nil || len(mac) != 6 {
			continue
		}
		until := l.Until
		if !k.sameBoot {
			until = dhcp4serve.Forever // as long as a whole lease; see dhcp4serve.New
		}
		list = append(list, dhcp4serve.Binding{Address: l.Address, Client: string(l.Client), MAC: [6]byte(mac), Name: l.Name, Until: until})
	}
	return list
}

func (k *keeper) promises(port string) (list []raserve.Promise) {
	for _, p := range k.old.Promises {
		until := p.Until
		if !k.sameBoot {
			until = k.begun + raserve.ValidLimit
		}
		if p.Port == port {
			list = append(list, raserve.Promise{Prefix: p.Prefix, Until: until})
		}
	}
	return list
}

func (k *keeper) deadline() time.Duration { return k.due }

// saved is what there is now.
func (d *daemon) saved(now time.Duration) (s State) {
	s.Boot = bootID()
	if d.dhcp != nil {
		s.Leases = d.dhcp.leases()
	}
	if d.ra != nil {
		for _, p := range d.ra.ports {
			for _, old := range p.router.Promises(now) {
				s.Promises = append(s.Promises, Promise{p.name, old.Prefix, old.Until})
			}
		}
	}
	return s
}

// leases are all bindings, also those that have ended.
func (s *dhcpService) leases() (list []Lease) {
	for _, p := range s.ports {
		for _, b := range p.server.Bindings() {
			list = append(list, Lease{Port: p.name, Address: b.Address, MAC: net.HardwareAddr(b.MAC[:]).String(), Name: b.Name, Client: []byte(b.Client), Until: b.Until})
		}
	}
	return list
}

// keep writes what has changed.
func (d *daemon) keep(now time.Duration) {
	k := d.keeper
	revision, ends := 0, 0
	if d.dhcp != nil {
		for _, p := range d.dhcp.ports {
			a, b := p.server.Revision()
			revision, ends = revision+a, ends+b
		}
	}
	if d.ra != nil {
		for _, p := range d.ra.ports {
			advertised, _, _ := p.router.Counts()
			ends += advertised
		}
	}
	if d.dns != nil && revision != k.written {
		d.dns.configure(now, &d.config, d.links)
	}
	if revision != k.written || ends != k.ends {
		k.written, k.ends, k.dirty = revision, ends, true
		k.due = min(k.due, max(k.wrote+writePause(k.count), now))
	}
	if k.dirty && now >= k.due {
		if err := k.write(now, d.saved(now)); err != nil {
			d.logf("%v", err)
		}
	}
}

// write writes both files; remembered.json only if it says something else than before.
func (k *keeper) write(now time.Duration, s State) error {
	k.dirty, k.due, k.wrote, k.count = false, forever, now, len(s.Leases)
	if k.leases == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteUnsynced(k.leases, text, 0o644); err != nil {
		return err
	}
	text, err = s.remembered(now)
	if err != nil || bytes.Equal(text, k.lastText) {
		return err
	}
	k.lastText = text
	return atomicfile.WriteUnsynced(k.remembered, text, 0o644)
}

// remembered is what a reboot is to leave: who has which address, without times. Where it is too much, some are left out.
func (s State) remembered(now time.Duration) ([]byte, error) {
	var kept State
	for _, l := range s.Leases {
		if l.Until > now {
			l.Until = 0
			kept.Leases = append(kept.Leases, l)
		}
	}
	for _, p := range s.Promises {
		p.Until = 0
		kept.Promises = append(kept.Promises, p)
	}
	for {
		text, err := json.Marshal(kept)
		if err != nil || len(text) < MaxRemembered {
			return append(text, '\n'), err
		}
		kept.Leases = kept.Leases[:len(kept.Leases)*3/4]
	}
}
