package system

import (
	"fmt"
	"net/netip"

	"bantam/system/syntax"
)

func (l *linkCheck) checkPeer(name, path string, table *syntax.Node, peer string) {
	n := table.Get("peer")
	if n == nil {
		l.fail(table, `add e.g. peer = "inner"`, "%s: peer is missing", path)
		return
	}
	if !l.linkName(n, path+".peer", peer, name) {
		return
	}
	if kind := l.system.Net[peer].Kind(); kind != "" {
		l.fail(n, "remove that line of [net."+peer+"]: this one makes both ends", "%s.peer: %s is already made, as a %s", path, peer, kind)
		return
	}
	l.only(n, path+".peer", "the other end "+peer, "")
}

func (l *linkCheck) checkVXLAN(name, path string, table *syntax.Node, v *VXLAN) {
	l.within(table, "id", path, v.ID, 1, 1<<24-1)
	if table.Get("port") != nil {
		l.within(table, "port", path, v.Port, 1, 65535)
	}
	l.parent(name, path, table, v.Parent, false)
	l.endpoint(table, "local", path, v.Local, false)
	l.endpoint(table, "remote", path, v.Remote, true)
	local, err := netip.ParseAddr(v.Local)
	remote, rerr := netip.ParseAddr(v.Remote)
	switch n := table.Get("remote"); {
	case rerr != nil || !ok(n):
	case remote.IsMulticast() && v.Parent == "":
		l.fail(n, "name the port that it is on as parent", "%s.remote: %s is a group, of which each port has its own", path, remote)
	case err == nil && local.Is4() != remote.Is4():
		l.fail(n, "", "%s.remote: %s is an %s address, local is %s", path, remote, family(remote), family(local))
	}
}

// endpoint checks an address of a tunnel.
func (r *reader) endpoint(table *syntax.Node, key, path, text string, group bool) (netip.Addr, bool) {
	n := table.Get(key)
	if !ok(n) {
		return netip.Addr{}, false
	}
	if a, err := netip.ParseAddr(text); err == nil && group && a.IsMulticast() && a.Zone() == "" {
		return a, true
	}
	return r.address(n, path+"."+key, text)
}

func (l *linkCheck) checkTunnel(path string, table *syntax.Node, t *Tunnel) {
	for _, key := range []string{"kind", "local", "remote"} {
		if table.Get(key) == nil {
			l.fail(table, "a tunnel has kind, local and remote", "%s: %s is missing", path, key)
			return
		}
	}
	for key, text := range map[string]string{"local": t.Local, "remote": t.Remote} {
		if a, good := l.endpoint(table, key, path, text, false); good && !a.Is4() {
			l.fail(table.Get(key), "", "%s.%s: %s is not an IPv4 address", path, key, a)
		}
	}
	if !badBelow(table) {
		l.only(table.Get("remote"), path+".remote", fmt.Sprintf("the %s tunnel from %s to %s", t.Kind, t.Local, t.Remote), "")
	}
}
