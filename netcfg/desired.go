package netcfg

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"bantam/netcfg/dhcp4"
	"bantam/netcfg/dhcp6"
	"bantam/netcfg/session"
	"bantam/system"
)

// Facts is what the world has told us.
type Facts struct {
	Links     map[string]Link
	Leases    map[string]*dhcp4.Lease // by port
	LinkLocal map[string]netip.Addr   // by port, where there is no lease; of IPv4
	Leases6   map[string]*dhcp6.Lease // by port
	DUID      string                  // what the machine calls itself by DHCPv6, in hex; "" for nothing yet
	Announced map[string]Announced    // by port
	Sessions  map[string]session.Fact // by port
	Secrets   map[string]secretValue  // by name, as far as they have been told
	Endpoints map[string]netip.Addr   // by name, of peers of WireGuard that are looked up
}

// Announced is what router advertisements say for resolv.conf, as far as it is still valid.
type Announced struct {
	DNS    []netip.Addr
	Search []string
}

// DesiredState is what shall be: the kernel's part and resolv.conf's.
type DesiredState struct {
	State
	Ports    []port
	DNS      []string
	NTP      []string // time servers
	Search   []string
	Problems []string

	delegated map[string]bool           // the ports to which a prefix is
	places    map[place]string          // the link that has it
	subnets   map[string][]netip.Prefix // by link
	sessions  map[string]session.Fact   // by port
	because   map[Rule]string           // why there is a rule that no [net] names
	lacks     map[string]string         // what a link needs and has not, by link
	tunnels   []fullTunnel
	carriers  map[string]int // the MTU that ports need for what sessions over them carry
}

// announcedMetric keeps default routes of router advertisements apart by port
// and behind all others, as the kernel's own 1024, which eth0's have, does for one port.
const announcedMetric = 1024 - 100

// maxAnnouncedAddresses is how many addresses a port has from router
// advertisements, which is the kernel's own bound, beside the fixed ones.
const maxAnnouncedAddresses = 16

// Desired says what shall be. It is a function of its arguments and nothing else.
func Desired(net map[string]system.Net, dns system.DNS, facts Facts) DesiredState {
	return desiredOf(ports(net, facts.Links), net, dns, facts)
}

// desiredOf is Desired where the ports are known already.
func desiredOf(ports []port, net map[string]system.Net, dns system.DNS, facts Facts) DesiredState {
	routes := 0
	for _, p := range ports {
		routes += len(p.Net.Routes)
	}
	w := DesiredState{State: newState(), Ports: ports, delegated: map[string]bool{}, places: make(map[place]string, routes), subnets: map[string][]netip.Prefix{}, sessions: facts.Sessions, because: map[Rule]string{}, lacks: map[string]string{}, carriers: sessionCarriers(net)}
	w.Routes = make(map[RouteKey]Route, routes) // a map that grows is copied time and again
	w.withoutRadios()
	for _, server := range dns.Servers {
		if _, err := netip.ParseAddr(server); err == nil { // else it is one for the forwarder, which resolv.conf cannot name
			w.addServer(server)
		}
	}
	for _, domain := range dns.Search {
		w.addSearch(domain)
	}
	for _, p := range w.Ports {
		w.addRules(p)
		w.addLink(p, net)
		for _, r := range p.Net.Routes {
			if !r.Leads() { // which needs no port
				w.addStaticRoute(p, r)
			}
		}
		if !p.Present && !p.Net.Makes() && !(p.Peer && p.Called == "") {
			continue
		}
		if p.Moved {
			w.problem("%s: it has metric %d, as another port has that of its name; a metric in [net.%s] decides", p.Name, p.Metric, p.Name)
		}
		w.addSysctls(p)
		w.addStatic(p)
		w.addWireGuard(p, facts)
		w.addShape(p)
		if lease := facts.Leases[p.Name]; lease != nil && p.Net.IPv4 == "dhcp" {
			w.addLease(p, lease)
		}
		if a, local := facts.LinkLocal[p.Name]; local && p.Net.LinkLocal && p.Net.IPv4 == "dhcp" {
			w.addAddress(AddressKey{p.Name, netip.PrefixFrom(a, 16)}, Address{Until: forever, Metric: p.Metric, Source: "link-local", Learned: true})
		}
		if lease := facts.Leases6[p.Name]; lease != nil {
			w.addLease6(p, lease)
		}
		if p.Net.PPPoE != nil {
			w.addSession(p, facts)
		}
	}
	w.addInner(facts)
	w.addFullTunnels()
	for _, p := range w.Ports {
		if !p.Net.LearnsIPv6() {
			continue
		}
		for _, server := range facts.Announced[p.Name].DNS {
			w.addServer(onLinkOf(server, p.Name).String())
		}
		for _, domain := range facts.Announced[p.Name].Search {
			w.addSearch(domain)
		}
	}
	return w
}

func (w *DesiredState) problem(format string, args ...any) {
	w.Problems = append(w.Problems, fmt.Sprintf(format, args...))
}

func (w *DesiredState) addServer(s string) {
	if !slices.Contains(w.DNS, s) {
		w.DNS = append(w.DNS, s)
	}
}

func (w *DesiredState) addSearch(s string) {
	if !slices.Contains(w.Search, s) {
		w.Search = append(w.Search, s)
	}
}

func (w *DesiredState) addSysctls(p port) {
	v4, v6 := "net/ipv4/conf/"+p.Name+"/", "net/ipv6/conf/"+p.Name+"/"
	if p.Bare {
		w.Sysctls[v6+"disable_ipv6"] = "1"
		return
	}
	// Otherwise removing an address takes its subnet's other addresses along.
	w.Sysctls[v4+"promote_secondaries"] = "1"
	// Otherwise the default route of a port without cable swallows what another port could carry.
	w.Sysctls[v4+"ignore_routes_with_linkdown"] = "1"
	// Otherwise anybody on the link sends us by way of his own machine. IPv4 takes
	// a redirect where either this or that of "all" is on.
	for _, path := range []string{v4, "net/ipv4/conf/all/"} {
		w.Sysctls[path+"accept_redirects"] = "0"
		w.Sysctls[path+"send_redirects"] = "0"
	}
	switch p.Net.IPv6 {
	case "off": // then the rest is for nothing
		w.Sysctls[v6+"disable_ipv6"] = "1"
		return
	case "static":
		w.Sysctls[v6+"accept_ra"] = "0"
		w.Sysctls[v6+"autoconf"] = "0"
	default:
		w.Sysctls[v6+"accept_ra"] = "2" // also when the machine forwards
		w.Sysctls[v6+"accept_ra_defrtr"] = "1"
		w.Sysctls[v6+"accept_ra_min_hop_limit"] = "64" // otherwise one advertisement of 1 keeps us on the link
		w.Sysctls[v6+"accept_ra_pinfo"] = "1"
		w.Sysctls[v6+"accept_ra_rt_info_max_plen"] = "0" // otherwise whoever is on the link routes what we send to others
		w.Sysctls[v6+"autoconf"] = "1"
		w.Sysctls[v6+"max_addresses"] = strconv.Itoa(maxAnnouncedAddresses + len(p.Net.Addresses))
		w.Sysctls[v6+"ra_defrtr_metric"] = strconv.Itoa(announcedMetric + p.Metric)
	}
	w.Sysctls[v6+"disable_ipv6"] = "0"
	w.Sysctls[v6+"ignore_routes_with_linkdown"] = "1" // as of IPv4
	w.Sysctls[v6+"accept_redirects"] = "0"
}

// follow takes the kernel parameters that system.toml itself sets from there.
func (w *DesiredState) follow(parameters system.Sysctl) {
	for name, value := range parameters {
		path := system.ParameterPath(name)
		if _, ours := w.Sysctls[path]; !ours {
			continue
		}
		if n, err := strconv.Atoi(value); err == nil {
			w.Sysctls[path] = strconv.Itoa(n)
		} else { // the kernel would tell it in another spelling than this
			delete(w.Sysctls, path)
		}
	}
}

// addStatic adds what system.toml itself says of a port. It comes before the
// lease: of two equal routes the first counts.
func (w *DesiredState) addStatic(p port) {
	for _, text := range p.Net.Addresses {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			w.problem("%s: address %q: %v", p.Name, text, err)
			continue
		}
		if prefix.Addr().Is6() && p.Net.IPv6 == "off" || prefix.Addr().Is4() && p.Net.IPv4 == "off" {
			w.problem("%s: address %s: this kind of address is off for the port", p.Name, text)
			continue
		}
		w.addAddress(AddressKey{p.Name, prefix}, Address{Until: forever, Metric: p.Metric, Source: "static"})
	}
	for _, gateway := range []string{p.Net.Gateway, p.Net.Gateway6} {
		if gateway != "" {
			w.addStaticRoute(p, system.Route{To: "default", Via: gateway})
		}
	}
	for _, r := range p.Net.Routes {
		if r.Leads() {
			w.addStaticRoute(p, r)
		}
	}
}

func (w *DesiredState) addStaticRoute(p port, r system.Route) {
	var via netip.Addr
	var err error
	if r.Via != "" {
		if via, err = netip.ParseAddr(r.Via); err != nil {
			w.problem("%s: route to %s: gateway %q: %v", p.Name, r.To, r.Via, err)
			return
		}
		via = via.WithZone("")
	}
	var to netip.Prefix
	switch {
	case r.To != "default":
		if to, err = netip.ParsePrefix(r.To); err != nil {
			w.problem("%s: route to %q: %v", p.Name, r.To, err)
			return
		}
	case via.Is6():
		to = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	default:
		to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	if via.IsValid() && via.Is4() != to.Addr().Is4() {
		w.problem("%s: route to %s: gateway %s is of the other family", p.Name, r.To, r.Via)
		return
	}
	if to.Addr().Is6() && p.Net.IPv6 == "off" {
		w.problem("%s: route to %s: IPv6 is off for the port", p.Name, r.To)
		return
	}
	metric := r.Metric
	if metric == 0 {
		metric = p.Metric
	}
	k := RouteKey{Link: p.Name, To: to.Masked(), Metric: metric, Table: tableNumber(cmp.Or(r.Table, p.Table)), Type: RouteType(routeTypes.of(r.Type))}
	if k.Type != Unicast {
		k.Link = ""
	}
	w.addRoute(k, Route{Via: via, Source: "static"})
}

func (w *DesiredState) addLease(p port, l *dhcp4.Lease) {
	source := "dhcp " + l.Server.String()
	w.addAddress(AddressKey{p.Name, l.Address}, Address{Until: l.Expires, Metric: p.Metric, Source: source, Learned: true})
	for _, r := range l.Routes {
		// With From the kernel removes the route together with the address,
		// also when we are no longer there to do it.
		w.addRoute(RouteKey{Link: p.Name, To: r.To, Metric: p.Metric, Table: tableNumber(p.Table)}, Route{Via: r.Via, From: l.Address.Addr(), Source: source, Learned: true})
	}
	for _, server := range l.DNS {
		w.addServer(server.String())
	}
	for _, domain := range l.Search {
		w.addSearch(domain)
	}
	for _, server := range l.NTP {
		if s := server.String(); !slices.Contains(w.NTP, s) {
			w.NTP = append(w.NTP, s)
		}
	}
}

// addAddress adds an address unless it is there already.
func (w *DesiredState) addAddress(k AddressKey, a Address) {
	if _, taken := w.Addresses[k]; !taken {
		w.Addresses[k] = a
		w.subnets[k.Link] = append(w.subnets[k.Link], k.Prefix)
	}
}

// addRoute adds a route unless its place is taken: by the port itself, which
// is fine, or by another port, which the kernel cannot do.
func (w *DesiredState) addRoute(k RouteKey, r Route) {
	switch link, taken := w.places[k.place()]; {
	case taken && link == k.Link:
		return
	case taken:
		w.problem("%s: route to %s with metric %d: %s has one with the same metric", k.Link, k.To, k.Metric, link)
		return
	}
	r.Protocol = protocolOurs
	r.OnLink = r.Via.IsValid() && !w.reaches(k.Link, r.Via)
	w.Routes[k] = r
	w.places[k.place()] = k.Link
}

// reaches tells whether a gateway lies in one of the port's subnets. A
// link-local one is on every link.
func (w *DesiredState) reaches(link string, via netip.Addr) bool {
	if via.Is6() && via.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(w.subnets[link], func(subnet netip.Prefix) bool {
		return subnet.Bits() < via.BitLen() && subnet.Contains(via)
	})
}
