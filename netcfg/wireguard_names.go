package netcfg

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/netcfg/resolve"
	"bantam/netcfg/wgnl"
	"bantam/system"
)

// lookPause is how often peers are looked at that this machine has to find: nobody tells of a handshake.
const lookPause = 25 * time.Second

// peerNames looks up the names of WireGuard's peers, and watches whether they are there. It asks past the tunnel, which
// would need the answer.
type peerNames struct {
	resolver *resolve.Resolver
	servers  []netip.Addr
	prefer6  bool
	asked    map[string]int // socket of the question that is under way, by name
	sent     map[peerKey]uint64
	lookAt   time.Duration
}

func newPeerNames() *peerNames {
	return &peerNames{
		resolver: resolve.New(func() uint16 { return uint16(randomNumber()) }),
		asked:    map[string]int{}, sent: map[peerKey]uint64{}, lookAt: forever,
	}
}

func (n *peerNames) deadline() time.Duration { return min(n.resolver.Deadline(), n.lookAt) }

func (n *peerNames) tick(now time.Duration) (what news) {
	if n.lookAt <= now {
		n.lookAt, what = forever, shown
	}
	questions, changed := n.resolver.Step(now, n.servers)
	for _, q := range questions {
		n.end(q.Name)
		fd, err := ask(q)
		if err != nil {
			n.resolver.Refused(q.Name, now)
			continue
		}
		n.asked[q.Name] = fd
	}
	if changed {
		what = learned
	}
	return what
}

// end gives up the question for a name.
func (n *peerNames) end(name string) {
	if fd, open := n.asked[name]; open {
		unix.Close(fd)
		delete(n.asked, name)
	}
}

// ask sends a question from a port that nobody can guess, and returns the socket for its answer.
func ask(q resolve.Question) (int, error) {
	family, to := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: 53, Addr: q.Server.As16()})
	if q.Server.Is4() {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Port: 53, Addr: q.Server.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, system.WireGuardMark) // without CAP_NET_ADMIN nothing here works
	if err = unix.Connect(fd, to); err == nil {
		for _, message := range q.Messages {
			if _, err = unix.Write(fd, message); err != nil {
				break
			}
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (n *peerNames) descriptors() []int { return slices.Collect(maps.Values(n.asked)) }

func (n *peerNames) receive(buffer []byte) (what news) {
	for name, fd := range n.asked {
		for range 4 { // two answers are waited for
			size, err := unix.Read(fd, buffer)
			if err == unix.EAGAIN || err == unix.EINTR {
				break
			}
			now := boottime.Now()
			if err != nil { // nobody listens there, or there is no way
				n.resolver.Refused(name, now)
				n.end(name)
				break
			}
			if n.resolver.Hear(name, buffer[:size], n.prefer6, now) {
				what = learned
			}
		}
	}
	return what
}

func (n *peerNames) tell(f *Facts, _ time.Duration) {
	f.Endpoints = n.resolver.Addresses()
}

func (n *peerNames) close() {
	for name := range n.asked {
		n.end(name)
	}
}

// follow takes what is wanted and what is: which names matter, whom to ask, and who is no longer found.
func (n *peerNames) follow(net map[string]system.Net, w DesiredState, have State, now time.Duration) {
	var names []string
	sent, finds := map[peerKey]uint64{}, false
	for link, table := range net {
		if table.WireGuard == nil {
			continue
		}
		for _, p := range table.WireGuard.Peers {
			_, name, _, err := system.ParseEndpoint(p.Endpoint)
			if p.Endpoint == "" || err != nil {
				continue
			}
			finds = true
			if name == "" {
				continue
			}
			names = append(names, name)
			key, _ := system.ParseWireGuardKey(p.PublicKey)
			at := peerKey{link, wgnl.Key(key)}
			peer, there := have.WireGuard[link].Peers[wgnl.Key(key)]
			sent[at] = peer.Sent
			// Only where something is sent and nothing comes back: a peer to whom nobody speaks is no fault.
			if before, known := n.sent[at]; there && known && peer.Sent > before && have.WireGuard[link].Silent[wgnl.Key(key)] {
				n.resolver.Again(name, now)
			}
		}
	}
	n.resolver.Want(names, now)
	for name := range n.asked {
		if !slices.Contains(names, name) {
			n.end(name)
		}
	}
	servers := n.serversOf(w)
	if !slices.Equal(servers, n.servers) {
		n.servers = servers
		n.resolver.Retry(now)
	}
	n.prefer6 = false
	for k := range have.Routes {
		n.prefer6 = n.prefer6 || k.To.Bits() == 0 && k.To.Addr().Is6() && k.Table == 0 && k.Type == Unicast
	}
	if n.lookAt == forever && finds {
		n.lookAt = now + lookPause
		n.sent = sent
	}
}

// serversOf are the name servers that can be asked, with a forwarder of the machine's own at last.
func (n *peerNames) serversOf(w DesiredState) (servers []netip.Addr) {
	for _, text := range w.DNS {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			servers = append(servers, a)
		}
	}
	if len(servers) == 0 {
		servers = append(servers, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return servers
}
