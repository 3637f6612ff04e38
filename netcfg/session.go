package netcfg

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/pppoe"
	"bantam/netcfg/session"
	"bantam/system"
)

// sessions hears how sessions are. A process for each runs the program that keeps it, and writes a file that it replaces
// with every change; so whatever becomes of this process, the next one knows.
type sessions struct {
	folder string
	fd     int // inotify; -1: nothing can be watched
	list   []system.Session
	facts  map[string]session.Fact // by port
}

// followSessions begins to hear of these sessions, and of no others.
func (d *daemon) followSessions(list []system.Session) {
	if len(list) == 0 && d.sessions == nil {
		return
	}
	if d.sessions == nil {
		d.sessions = &sessions{folder: d.options.sessions, fd: -1}
	}
	if err := d.sessions.follow(list); err != nil {
		d.logf("%v", err)
	}
}

// follow reads how these sessions are, and watches where that is told; what is watched already is so once.
func (s *sessions) follow(list []system.Session) (err error) {
	if s.fd < 0 {
		if s.fd, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
			s.fd = -1
			err = fmt.Errorf("inotify_init1: %w", err)
		}
	}
	for _, one := range list {
		folder := s.folderOf(one)
		if _, add := unix.InotifyAddWatch(s.fd, folder, unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE|unix.IN_DELETE); add != nil && err == nil {
			err = fmt.Errorf("watch %s: %w", folder, add)
		}
	}
	s.list = list
	s.read()
	return err
}

func (s *sessions) folderOf(one system.Session) string { return s.folder + "/" + one.Kind }

func (s *sessions) read() {
	s.facts = map[string]session.Fact{}
	for _, one := range s.list {
		s.facts[one.Port] = session.Read(s.folderOf(one), one.Port)
	}
}

func (s *sessions) deadline() time.Duration { return forever }

func (s *sessions) tick(time.Duration) news { return nothing }

func (s *sessions) descriptors() []int { return []int{s.fd} }

// receive reads all files again where any has changed.
func (s *sessions) receive(buffer []byte) news {
	changed := nothing
	for range 64 {
		if n, err := unix.Read(s.fd, buffer); err != nil || n <= 0 {
			break
		}
		changed = learned
	}
	if changed == learned {
		s.read()
	}
	return changed
}

func (s *sessions) tell(f *Facts, _ time.Duration) {
	for link, fact := range s.facts {
		f.Sessions[link] = fact
	}
}

func (s *sessions) close() { unix.Close(s.fd) }

// sessionCarriers are the MTUs that ports need for what sessions over them carry, where their own is not enough.
func sessionCarriers(net map[string]system.Net) map[string]int {
	carriers := map[string]int{}
	for _, n := range net {
		if n.PPPoE != nil && n.SessionMTU()+system.PPPoEOverhead > etherMTU {
			carriers[n.PPPoE.Port] = max(carriers[n.PPPoE.Port], n.SessionMTU()+system.PPPoEOverhead)
		}
	}
	return carriers
}

const etherMTU = 1500

// beyondAnnounced puts the default route of IPv6 that a session has of itself behind those of all routers' advertisements.
const beyondAnnounced = 1 << 21

// addSession adds what a session with a provider has brought: the way out by the link, and name servers. The address
// itself pppd has set.
func (w *DesiredState) addSession(p port, facts Facts) {
	fact := facts.Sessions[p.Name]
	everywhere := func(a netip.Addr) RouteKey {
		return RouteKey{Link: p.Name, To: netip.PrefixFrom(a, 0), Metric: p.Metric, Table: tableNumber(p.Table)}
	}
	source := "PPPoE"
	if fact.Up && fact.Local.IsValid() {
		source += " " + fact.Remote.String()
		w.addRoute(everywhere(netip.IPv4Unspecified()), Route{From: fact.Local, Source: source})
	}
	if l := facts.Leases6[p.Name]; fact.Up && l != nil { // whoever delegates takes what comes of it, whether he advertises or not
		k := everywhere(netip.IPv6Unspecified())
		k.Metric += beyondAnnounced
		w.addRoute(k, Route{Source: source})
	}
	for _, server := range fact.DNS {
		w.addServer(server.String())
	}
}

// sessionPort is the port that a session is at; "" for what is none.
func (p port) sessionPort() string {
	if p.Net.PPPoE == nil {
		return ""
	}
	return p.Net.PPPoE.Port
}

// sessionLacks says what a session waits for; there: it has a link.
func (w *DesiredState) sessionLacks(p port, there bool) string {
	switch fact := w.sessions[p.Name]; {
	case p.Net.Wifi != nil:
		return w.wifiLacks(p, there)
	case p.Net.PPPoE == nil:
		return ""
	case !fact.Up || !there:
		return w.notUp(system.Session{Port: p.Name, Kind: "pppoe"}, pppoe.Kind, pppoe.Opening)
	case p.Net.IPv4 != "off" && !fact.Local.IsValid():
		return "PPPoE: the provider gives no IPv4 address; ipv4 = \"off\" says that none is wanted"
	}
	return ""
}

// notUp says why a session is not up. Where nobody has told anything its process has not begun, for a reason that is told of the
// service: a secret that is not set, most often.
func (w *DesiredState) notUp(one system.Session, kind, opening string) string {
	fact := w.sessions[one.Port]
	if !fact.Up && fact.Reason == "" {
		opening = "service " + one.Service() + " has not begun"
	}
	return cmp.Or(fact.Reason, kind+": "+opening)
}
