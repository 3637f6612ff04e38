package system

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"bantam/system/syntax"
)

// mostAllowed is how many networks behind one peer fit into one message to the kernel.
const mostAllowed = 1000

// checkWireGuard checks a tunnel by itself and beside the others.
func (l *linkCheck) checkWireGuard(link, path string, table *syntax.Node, w *WireGuard) {
	l.checkKeyValue(table.Get("private_key"), path+".private_key", w.PrivateKey, "leave the line out: a key is made on the device, and bantam net shows the public one")
	if table.Get("private_key") == nil && !MayBeSecret(w.KeySecret(link)) {
		l.fail(table, `add e.g. private_key = { secret = "vpn-key" }`, "%s: %q, the secret of its private key, is not a name for a secret", path, w.KeySecret(link))
	}
	if at, key := table.Get("listen_port"), path+".listen_port"; at != nil {
		l.within(table, "listen_port", path, w.ListenPort, 1, 65535)
		thing := "UDP port " + strconv.Itoa(w.ListenPort)
		switch {
		case !ok(at):
		case l.system.ForwardsDNS() && w.ListenPort == 53:
			l.fail(at, "choose another", "%s: port 53 is that of the DNS forwarder", key)
		default:
			l.only(at, key, thing, "give one of them another listen_port")
		}
	}
	peers := table.Get("peer")
	full := w.Routes != "off" && Masters(l.system.Net)[link] == "" // else it is a matter of another routing table
	reached, keys, allowed := w.ListenPort != 0, map[string]string{}, map[netip.Prefix]string{}
	for _, name := range peers.Keys() {
		n := peers.Get(name)
		if n.Kind != syntax.TableKind {
			continue
		}
		p, at := w.Peers[name], syntax.Join(path+".peer", name)
		reached = reached || p.Endpoint != ""
		l.checkPeerOf(n, at, p, keys)
		l.checkAllowed(n, at, p, full, allowed)
	}
	if !reached && len(w.Peers) > 0 && !badBelow(table) {
		l.fail(table, "a listen_port is needed here, or the endpoint of a peer", "%s: neither end can find the other", path)
	}
}

// checkKeyValue refuses keys that stand in the file.
func (r *reader) checkKeyValue(n *syntax.Node, path string, v Value, suggestion string) {
	if ok(n) && v.Secret == "" {
		r.fail(n, suggestion, "%s: a key in this file is everybody's to read: it is a secret, e.g. { secret = \"vpn-key\" }", path)
	}
}

func (l *linkCheck) checkPeerOf(n *syntax.Node, path string, p Peer, keys map[string]string) {
	l.checkKeyValue(n.Get("preshared_key"), path+".preshared_key", p.PresharedKey, "`bantam secret set NAME` sets it at both ends")
	switch key := n.Get("public_key"); {
	case key == nil:
		l.fail(n, "add public_key, which bantam net or wg show tells there", "%s: public_key is missing", path)
	case !ok(key):
	default:
		k, err := ParseWireGuardKey(p.PublicKey)
		switch {
		case err != nil:
			l.fail(key, "write what bantam net or wg show tells there", "%s.public_key: %q %v", path, p.PublicKey, err)
		case k == [WireGuardKeySize]byte{}:
			l.fail(key, "write what bantam net or wg show tells there", "%s.public_key: it is nobody's", path)
		case keys[string(k[:])] != "":
			l.fail(key, "one of them is enough", "%s.public_key: it is that of %s already", path, keys[string(k[:])])
		default:
			keys[string(k[:])] = path
		}
	}
	if e := n.Get("endpoint"); ok(e) {
		if _, _, _, err := ParseEndpoint(p.Endpoint); err != nil {
			l.fail(e, `write e.g. "vpn.example.org:51820" or "192.0.2.1:51820"`, "%s.endpoint: %q %v", path, p.Endpoint, err)
		}
	}
	if k := n.Get("keepalive"); ok(k) {
		if d := time.Duration(p.Keepalive); d < time.Second || d > 65535*time.Second || d%time.Second != 0 {
			l.fail(k, `write e.g. "25s"`, "%s.keepalive: %v is not 1 to 65535 whole seconds", path, p.Keepalive)
		}
	}
}

// checkAllowed checks the networks behind a peer. Two peers of a link cannot have the same: the kernel gives it to the last.
func (l *linkCheck) checkAllowed(n *syntax.Node, path string, p Peer, full bool, allowed map[netip.Prefix]string) {
	list := n.Get("allowed_ips")
	if list == nil {
		l.fail(n, `add e.g. allowed_ips = ["10.8.0.2/32"]`, "%s: allowed_ips is missing, so nothing goes there and nothing is taken from there", path)
		return
	}
	path += ".allowed_ips"
	if len(p.AllowedIPs) > mostAllowed && ok(list) {
		l.fail(list, "join them into larger networks", "%s: %d networks, more than %d", path, len(p.AllowedIPs), mostAllowed)
		return
	}
	for i, text := range p.AllowedIPs {
		item := list.Item(i)
		if !ok(item) {
			continue
		}
		prefix, good := l.network(item, path, text)
		if !good {
			continue
		}
		if owner := allowed[prefix]; owner != "" {
			l.fail(item, "a network is behind one peer only", "%s: %s is already in %s", path, prefix, owner)
			continue
		}
		allowed[prefix] = path
		if prefix.Bits() == 0 && full {
			l.only(item, path, "the way of all "+family(prefix.Addr()), `one of them needs routes = "off"`)
		}
	}
}

// wireGuardRemarks says what a tunnel leaves open that most people want closed.
func wireGuardRemarks(net map[string]Net, link string) (remarks []remark) {
	w := net[link].WireGuard
	v4, v6 := w.Full()
	if v4 == v6 {
		return nil
	}
	missing, all := "IPv6", "::/0"
	if v6 {
		missing, all = "IPv4", "0.0.0.0/0"
	}
	for _, name := range sortedKeys(net) {
		n := net[name]
		if name != link && (v4 && n.LearnsIPv6() || v6 && n.IPv4 == "dhcp") {
			return []remark{{fmt.Sprintf("everything of one kind of IP goes by it, and %s, which %s has as well, goes past it", missing, name),
				fmt.Sprintf("add %q to the same allowed_ips, or switch %s off on %s", all, missing, name)}}
		}
	}
	return nil
}

// remark is what is said of a key, and what to do.
type remark struct{ text, suggestion string }
