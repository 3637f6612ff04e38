package netcfg

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
	"bantam/netcfg/wgnl"
	"bantam/system"
)

// Keys, of which the first one is private, and those of two peers.
const (
	ownKey    = "mMu3LnUuRtyNVPkYSuzVHLfq8gzNwOd+jyd0pOOZS1w="
	officeKey = "5FnTftyrSMF5jFrVa1/bpn1ihdVDaO9QCRMwuYdVggU="
	phoneKey  = "zGYZuW5otWz0p0SxzpOpW/9mF0sYYmeZ50LpNhpGtHc="
)

const twoPeers = `
[net.wg0]
addresses = ["10.8.0.1/24"]
[net.wg0.wireguard]
listen_port = 51820
[net.wg0.wireguard.peer.office]
public_key = "` + officeKey + `"
endpoint = "vpn.example.net:51820"
allowed_ips = ["10.8.0.2/32", "192.168.2.0/24"]
keepalive = "25s"
[net.wg0.wireguard.peer.phone]
public_key = "` + phoneKey + `"
preshared_key = { secret = "phone" }
allowed_ips = ["10.8.0.3/32"]
`

func knownSecrets() map[string]secretValue {
	return map[string]secretValue{"wireguard-wg0": {ownKey + "\n", true}, "phone": {officeKey, true}}
}

func keyOf(text string) wgnl.Key {
	k, err := system.ParseWireGuardKey(text)
	if err != nil {
		panic(err)
	}
	return wgnl.Key(k)
}

var somewhere = netip.MustParseAddr("203.0.113.5")

func TestATunnelIsMadeAndPeersAreChangedOneByOne(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	facts := Facts{Secrets: knownSecrets()}
	done, problems := settle(t, k, &owned, parsedNet(t, twoPeers), facts)
	wants(t, done, "make wireguard wg0", "wireguard wg0", "peer wg0 "+phoneKey, "peer wg0 "+officeKey, "up wg0", "address wg0 10.8.0.1/24",
		"route wg0 192.168.2.0/24 metric "+fmt.Sprint(done[slices.IndexFunc(done, func(o Op) bool { return o.Verb == AddRoute })].To.Metric))
	if len(problems) > 0 {
		t.Errorf("problems %q", problems)
	}
	device := k.WireGuard["wg0"]
	office, phone := device.Peers[keyOf(officeKey)], device.Peers[keyOf(phoneKey)]
	if device.Port != 51820 || office.Keepalive != 25 || office.Endpoint.IsValid() || phone.Preshared == (wgnl.Secret{}) || len(office.Allowed) != 2 {
		t.Errorf("got %v", device)
	}
	// The name is known later.
	facts.Endpoints = map[string]netip.Addr{"vpn.example.net": somewhere}
	done, _ = settle(t, k, &owned, parsedNet(t, twoPeers), facts)
	wants(t, done, "peer wg0 "+officeKey)
	if c := done[0].WireGuard.Peer; c.Replace || c.Keepalive != nil || c.Preshared != nil || c.Endpoint != netip.AddrPortFrom(somewhere, 51820) {
		t.Errorf("changed more than the endpoint: %+v", c)
	}
	// A network moves from one to the other.
	moved := strings.NewReplacer(`"10.8.0.2/32", "192.168.2.0/24"`, `"10.8.0.2/32"`, `"10.8.0.3/32"`, `"10.8.0.3/32", "192.168.2.0/24"`).Replace(twoPeers)
	done, _ = settle(t, k, &owned, parsedNet(t, moved), facts)
	if len(done) != 2 || k.Links["wg0"].Index == 0 {
		t.Errorf("done %q", told(done))
	}
	without := moved[:strings.Index(moved, "[net.wg0.wireguard.peer.phone]")]
	done, _ = settle(t, k, &owned, parsedNet(t, without), facts)
	wants(t, done, "remove peer wg0 "+phoneKey, "remove route wg0 192.168.2.0/24 metric "+fmt.Sprint(done[len(done)-1].To.Metric))
	// Another key changes nothing else, and says that it interrupts.
	facts.Secrets["wireguard-wg0"] = secretValue{phoneKey, true}
	done, _ = settle(t, k, &owned, parsedNet(t, without), facts)
	wants(t, done, "wireguard wg0")
	if !done[0].Disruptive() || strings.Contains(fmt.Sprintf("%v %+v", done[0], done[0]), phoneKey) {
		t.Errorf("got %+v", done[0])
	}
	done, _ = settle(t, k, &owned, parsedNet(t, "[net.eth0]\n"), facts)
	wants(t, done, "up eth0", "remove address wg0 10.8.0.1/24", "delete wg0")
}

// Where a peer is the kernel knows best, as long as it hears of it.
func TestAPeerThatMovesStaysWhereItIsHeard(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	facts := Facts{Secrets: knownSecrets(), Endpoints: map[string]netip.Addr{"vpn.example.net": somewhere}}
	net := parsedNet(t, twoPeers)
	settle(t, k, &owned, net, facts)
	at := func(endpoint string, silent bool) {
		d := k.WireGuard["wg0"]
		p := d.Peers[keyOf(officeKey)]
		p.Endpoint = netip.MustParseAddrPort(endpoint)
		d.Peers[keyOf(officeKey)], d.Silent = p, map[wgnl.Key]bool{keyOf(officeKey): silent}
		k.WireGuard["wg0"] = d
	}
	at("198.51.100.7:1234", false)
	for _, o := range []Owned{owned, newOwned()} { // also for a new process
		if done, _ := settle(t, k, &o, net, facts); slices.ContainsFunc(done, func(o Op) bool { return o.Verb == PutPeer }) {
			t.Errorf("done %q", told(done))
		}
	}
	at("198.51.100.7:1234", true)
	done, _ := settle(t, k, &owned, net, facts)
	wants(t, done, "peer wg0 "+officeKey)
	// Another endpoint in the file counts at once.
	at("203.0.113.5:51820", false)
	done, _ = settle(t, k, &owned, parsedNet(t, strings.Replace(twoPeers, "net:51820", "net:443", 1)), facts)
	wants(t, done, "peer wg0 "+officeKey)
}

func TestNothingIsChangedWhileSecretsAreNotTold(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	settle(t, k, &owned, parsedNet(t, twoPeers), Facts{Secrets: knownSecrets()})
	before := fmt.Sprint(k.WireGuard["wg0"])
	for _, missing := range []string{"wireguard-wg0", "phone"} {
		known := knownSecrets()
		delete(known, missing)
		w := Desired(parsedNet(t, twoPeers), system.DNS{}, Facts{Links: k.Links, Secrets: known})
		if _, changes := w.WireGuard["wg0"]; changes || !strings.Contains(w.lacks["wg0"], missing) {
			t.Errorf("without %s: %v, lacks %q", missing, w.WireGuard, w.lacks)
		}
		if done, _ := settle(t, k, &owned, parsedNet(t, twoPeers), Facts{Secrets: known}); len(done) > 0 || fmt.Sprint(k.WireGuard["wg0"]) != before {
			t.Errorf("without %s: done %q", missing, told(done))
		}
	}
}

func TestWhatASecretLacksIsToldWithoutIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(map[string]secretValue)
		want   string
	}{
		{"phone's is not set", func(s map[string]secretValue) { s["phone"] = secretValue{} }, "wg0: peer phone: secret phone is not set: bantam secret set phone"},
		{"phone's is none", func(s map[string]secretValue) { s["phone"] = secretValue{"hush", true} }, "wg0: peer phone: secret phone is no WireGuard key"},
		{"ours is none", func(s map[string]secretValue) { s["wireguard-wg0"] = secretValue{"hush", true} }, "wg0: secret wireguard-wg0 is no WireGuard key"},
		{"ours is a peer's", func(s map[string]secretValue) {
			k := wgnl.Secret(keyOf(officeKey)).Clamped()
			s["wireguard-wg0"] = secretValue{wgnl.Key(k).String(), true}
		}, "wg0: the peer " + officeKey + " is this machine itself"},
	} {
		k, owned, known := newFakeKernel("eth0"), newOwned(), knownSecrets()
		c.change(known)
		text := strings.ReplaceAll(twoPeers, officeKey, wgnl.Key(wgnl.Secret(keyOf(officeKey)).Clamped()).String())
		want := strings.ReplaceAll(c.want, officeKey, wgnl.Key(wgnl.Secret(keyOf(officeKey)).Clamped()).String())
		_, problems := settle(t, k, &owned, parsedNet(t, text), Facts{Secrets: known})
		if len(problems) != 1 || !strings.HasPrefix(problems[0], want) || strings.Contains(problems[0], "hush") {
			t.Errorf("%s: %q, want %s", c.name, problems, want)
		}
	}
}

func TestATunnelOfSomebodyElseIsLeftAlone(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	k.plug("wg9", Link{Index: 50, Kind: wireGuardKind, Make: Make{Kind: wireGuardKind}, Up: true, Carrier: true})
	k.WireGuard["wg9"] = WireGuard{Device: wgnl.Device{Port: 7, Peers: map[wgnl.Key]wgnl.Peer{keyOf(phoneKey): {}}}}
	settle(t, k, &owned, parsedNet(t, twoPeers), Facts{Secrets: knownSecrets()})
	settle(t, k, &owned, parsedNet(t, "[net.eth0]\n"), Facts{})
	if k.Links["wg9"].Index != 50 || len(k.WireGuard["wg9"].Peers) != 1 || k.WireGuard["wg9"].Port != 7 {
		t.Errorf("left: %v %v", k.Links["wg9"], k.WireGuard["wg9"])
	}
}

const fullTunnelNet = `
[net.eth0]
[net.lan]
bridge = { ports = ["eth1"] }
addresses = ["192.168.1.1/24"]
[net.eth2]
ipv4 = "static"
addresses = ["172.20.0.1/24"]
routes = [{ to = "198.18.0.0/15", via = "172.20.0.9" }]
[net.wg0]
addresses = ["10.64.0.2/32"]
[net.wg0.wireguard.peer.provider]
public_key = "` + officeKey + `"
endpoint = "203.0.113.5:51820"
allowed_ips = ["0.0.0.0/0", "::/0"]
[net.site]
addresses = ["10.255.0.1/30"]
[net.site.wireguard]
listen_port = 51821
[net.site.wireguard.peer.branch]
public_key = "` + phoneKey + `"
allowed_ips = ["192.168.2.0/24"]
`

// way is by which link a packet leaves, "" for none, as the kernel's rules and routes say.
func way(s State, to netip.Addr, mark uint32) string {
	for _, rule := range append(sortedRules(s.Rules), Rule{IPv6: to.Is6(), Priority: 32766, Table: mainTable}) {
		if rule.IPv6 != to.Is6() || rule.To.IsValid() && !rule.To.Contains(to) || rule.Mark != 0 && rule.Mark != mark {
			continue
		}
		var best RouteKey
		found := false
		for k := range s.Routes {
			if k.Table == tableNumber(rule.Table) && k.To.Contains(to) && (!found || k.To.Bits() > best.To.Bits() || k.To.Bits() == best.To.Bits() && k.Metric < best.Metric) {
				best, found = k, true
			}
		}
		if found {
			return best.Link
		}
	}
	return ""
}

// Whatever DHCP says, nothing but what system.toml names goes past a full tunnel, and without the tunnel nothing at all.
func TestNoLeaseLeadsPastAFullTunnel(t *testing.T) {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	router := a("203.0.113.66")
	leases := map[string]*dhcp4.Lease{"usual": lease("203.0.113.100/24", "203.0.113.1"), "no gateway": {Address: p("203.0.113.100/24"), Server: router, Expires: time.Hour}}
	for _, networks := range [][]string{{"0.0.0.0/1", "128.0.0.0/1"}, {"8.8.8.0/24", "10.64.0.0/16"}, {"203.0.113.5/32"}, {"192.168.1.0/25"}} {
		l := lease("203.0.113.100/24", "203.0.113.1")
		for _, n := range networks {
			l.Routes = append(l.Routes, dhcp4.Route{To: p(n), Via: router})
		}
		leases[strings.Join(networks, " ")] = l
	}
	for _, address := range []string{"8.8.8.9/24", "100.0.0.1/1", "10.0.0.1/8", "203.0.113.100/32", "192.168.77.5/24"} {
		leases[address] = lease(address, address[:strings.IndexByte(address, '/')])
	}
	for name, l := range leases {
		k, owned := newFakeKernel("eth0", "eth1", "eth2"), newOwned()
		facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": l}, Secrets: map[string]secretValue{"wireguard-wg0": {ownKey, true}, "wireguard-site": {ownKey, true}}}
		net := parsedNet(t, fullTunnelNet)
		if _, problems := settle(t, k, &owned, net, facts); len(problems) > 0 {
			t.Errorf("%s: %q", name, problems)
		}
		have, _ := k.Observe()
		for to, want := range map[string]string{
			"8.8.8.8": "wg0", "203.0.113.5": "wg0", "1.2.3.4": "wg0", "10.64.0.1": "wg0", "10.0.0.1": "wg0", "172.16.3.4": "wg0", "203.0.113.66": "wg0", "2001:db8::1": "wg0",
			"192.168.1.200": "lan", "172.20.0.3": "eth2", "198.18.7.7": "eth2", "192.168.2.9": "site", "10.255.0.2": "site",
		} {
			if got := way(have, a(to), 0); got != want {
				t.Errorf("%s: %s leaves by %q, want %s", name, to, got, want)
			}
		}
		if len(l.Routes) > 0 && way(have, a("203.0.113.5"), system.WireGuardMark) != "eth0" {
			t.Errorf("%s: what carries the tunnel goes in circles", name)
		}
		if near := way(have, a("192.168.77.1"), 0); near != map[bool]string{true: "eth0", false: "wg0"}[name == "192.168.77.5/24"] {
			t.Errorf("%s: what is around us leaves by %s", name, near)
		}
		if len(l.Routes) > 0 && k.WireGuard["site"].Mark != system.WireGuardMark {
			t.Errorf("%s: another tunnel would be carried by this one", name)
		}
		k.remove("wg0")
		have, _ = k.Observe()
		for _, to := range []string{"8.8.8.8", "203.0.113.66", "2001:db8::1"} {
			if got := way(have, a(to), 0); got != "" {
				t.Errorf("%s: without the tunnel %s leaves by %s", name, to, got)
			}
		}
		settle(t, k, &owned, net, facts)
		settle(t, k, &owned, parsedNet(t, "[net.eth0]\n"), facts)
		if len(k.Rules) > 0 || len(k.Routes) != len(l.Routes) {
			t.Errorf("%s: left %v %v", name, k.Rules, k.Routes)
		}
	}
}

func TestASpecialNetworkOfAPeerComesBeforeALargerOneOfAPort(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	text := strings.Replace(strings.Replace(fullTunnelNet, `"192.168.1.1/24"`, `"192.168.1.1/16"`, 1), `"::/0"]`, `"::/0", "192.168.77.0/24"]`, 1)
	settle(t, k, &owned, parsedNet(t, text), Facts{Secrets: map[string]secretValue{"wireguard-wg0": {ownKey, true}, "wireguard-site": {ownKey, true}}})
	have, _ := k.Observe()
	for to, want := range map[string]string{"192.168.77.1": "wg0", "192.168.78.1": "lan", "192.168.2.1": "site", "9.9.9.9": "wg0"} {
		if got := way(have, netip.MustParseAddr(to), 0); got != want {
			t.Errorf("%s leaves by %q, want %s", to, got, want)
		}
	}
}

func TestSecretsAreAskedForUntilTheyAreKnown(t *testing.T) {
	s, _ := system.Parse("system.toml", []byte(twoPeers))
	have := newSecrets()
	have.want(s)
	if got := have.ask(0); !slices.Equal(got, []string{"wireguard-wg0", "phone"}) {
		t.Fatalf("asks for %q", got)
	}
	if have.ask(0) != nil || have.due(askPause-1) || !have.due(askPause) || len(have.ask(askPause)) != 2 {
		t.Error("it does not ask again after a pause")
	}
	r := &Reports{Secret: func(name string) (value []byte, set, known bool) {
		return []byte(ownKey + "\n"), name != "phone", name != "of a service"
	}}
	lines := strings.Split(strings.TrimSpace(string(r.tell([]string{"wireguard-wg0", "phone", "of a service"}))), "\n")
	if len(lines) != 2 {
		t.Fatalf("told %q", lines)
	}
	for _, line := range lines {
		if !have.take(strings.TrimPrefix(line, secretTold), 0) || have.take(strings.TrimPrefix(line, secretTold), 0) {
			t.Errorf("%q is not taken once", line)
		}
	}
	if got := have.values; got["wireguard-wg0"] != (secretValue{ownKey + "\n", true}) || got["phone"] != (secretValue{}) || len(got) != 2 {
		t.Errorf("got %d values", len(got))
	}
	if have.askAt != unsetPause || have.take("other AAAA", 0) {
		t.Errorf("asks again at %v", have.askAt)
	}
	have.take("phone "+strings.Repeat("A", 8), 0)
	if have.askAt != forever || have.ask(0) != nil {
		t.Error("it asks though it knows all")
	}
	if !have.current() {
		t.Error("what it has been told counts as one of before")
	}
	have.want(s) // a switch: values may be others
	if len(have.ask(0)) != 2 || len(have.values) != 2 || have.current() {
		t.Error("it does not ask anew, or has forgotten")
	}
	told := func(name string) string {
		return name + " " + base64.StdEncoding.EncodeToString([]byte(have.values[name].value))
	}
	if have.take(told("wireguard-wg0"), 0) || have.current() {
		t.Error("one of two that is as before is all")
	}
	if !have.take(told("phone"), 0) || !have.current() || have.take(told("phone"), 0) {
		t.Error("that none has been replaced is not said, or twice")
	}
}

func TestATunnelIsShown(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	facts := Facts{Secrets: knownSecrets()}
	settle(t, k, &owned, parsedNet(t, twoPeers), facts)
	d := k.WireGuard["wg0"]
	p := d.Peers[keyOf(phoneKey)]
	p.Handshake, p.Endpoint = time.Unix(1700000000, 7), netip.MustParseAddrPort("198.51.100.7:1234")
	d.Peers[keyOf(phoneKey)], d.Silent = p, map[wgnl.Key]bool{keyOf(officeKey): true}
	d.PublicKey = wgnl.Key{1}
	k.WireGuard["wg0"] = d
	have, _ := k.Observe()
	facts.Links = have.Links
	w := Desired(parsedNet(t, twoPeers), system.DNS{}, facts)
	k.ReadWireGuard(&have, w.State)
	s := report(w, have, nil, nil, func(time.Duration) time.Time { return time.Time{} })
	s.Ports[0].WireGuard.explain(parsedNet(t, twoPeers)["wg0"].WireGuard.Peers, func(string) string { return "there is no such name" })
	s.clean()
	var text strings.Builder
	if err := s.table(&text, time.Unix(1700000042, 0)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"public key " + d.PublicKey.String(), "udp port 51820", "peer office", "looking up vpn.example.net: there is no such name",
		"peer phone at 198.51.100.7:1234", "connected, handshake 42s ago",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	encoded, err := s.encode()
	if err != nil || strings.Contains(string(encoded), ownKey) || !strings.Contains(string(encoded), `"wireguard":{"public_key"`) {
		t.Errorf("%v: %s", err, encoded)
	}
}
