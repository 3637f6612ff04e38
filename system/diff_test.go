package system

import (
	"reflect"
	"testing"
)

// aPeer is a peer of WireGuard.
const aPeer = "public_key = '5FnTftyrSMF5jFrVa1/bpn1ihdVDaO9QCRMwuYdVggU='\nallowed_ips = ['10.0.0.1/32']\n"

func TestDiffNamesEachChangedKey(t *testing.T) {
	const a = "hostname = 'a'\n[net.eth0]\n[service.s]\ncommand = ['x']\nenv = { A = '1', B = '2' }\n[service.gone]\ncommand = ['y', 'it\"s']\n"
	cases := []struct {
		claim, from, to string
		want            []Change
	}{
		{"nothing changes between equal systems", a, a, nil},
		{"a comment changes nothing", a, "# x\n" + a, nil},
		{"a default written out changes nothing", "[net.eth0]", "[net.eth0]\nipv4 = 'dhcp'", nil},
		{"a scalar", "hostname = 'a'", "hostname = 'b'", []Change{{"hostname", `"a"`, `"b"`}}},
		{"a key that was left out", "[net.eth0]", "[net.eth0]\nmtu = 1400\ngateway = '10.0.0.1'",
			[]Change{{"net.eth0.gateway", "", `"10.0.0.1"`}, {"net.eth0.mtu", "", "1400"}}},
		{"a default that follows another key", "[net.e]", "[net.e]\naddresses = ['10.0.0.2/8']",
			[]Change{{"net.e.ipv4", `"dhcp"`, `"static"`}, {"net.e.addresses", "", `["10.0.0.2/8"]`}}},
		{"a new port with defaults only", "", "[net.\"eth0.1\"]", []Change{{`net."eth0.1"`, "", "{}"}}},
		{"services that come and go", a, "hostname = 'a'\n[net.eth0]\n[service.s]\ncommand = ['x']\nenv = { B = '3' }\n[service.new]\ncommand = ['z']\nready = 'exited'\n",
			[]Change{
				{"service.gone.command", `["y", "it\"s"]`, ""},
				{"service.new.command", "", `["z"]`},
				{"service.new.ready", "", `"exited"`},
				{"service.s.env.A", `"1"`, ""},
				{"service.s.env.B", `"2"`, `"3"`},
			}},
		{"routes", "[net.e]", "[net.e]\nroutes = [{ to = '10.0.0.0/8', metric = 5 }]",
			[]Change{{"net.e.routes", "", `[{ to = "10.0.0.0/8", metric = 5 }]`}}},
		{"a zone that comes", "", "[net.eth0]\nzone = 'guest'\n[zone.guest]\nto = ['guest']\n",
			[]Change{{"net.eth0.zone", "", `"guest"`}, {"zone.guest.to", "", `["guest"]`}}},
		{"a link that is made comes with the defaults of its kind", "", "[net.stays]\ndummy = true\naddresses = ['192.0.2.1/32']\n",
			[]Change{{"net.stays.addresses", "", `["192.0.2.1/32"]`}, {"net.stays.dummy", "", "true"}}},
		{"a tunnel that goes", "[net.t]\ntunnel = { kind = 'gre', local = '192.0.2.1', remote = '192.0.2.2' }\n", "",
			[]Change{{"net.t.tunnel", `{ kind = "gre", local = "192.0.2.1", remote = "192.0.2.2" }`, ""}}},
		{"a peer of many", "[net.w.wireguard]\nlisten_port = 7\n[net.w.wireguard.peer.a]\n" + aPeer, "[net.w.wireguard]\nlisten_port = 8\n[net.w.wireguard.peer.a]\n" + aPeer + "keepalive = '25s'\n",
			[]Change{{"net.w.wireguard.listen_port", "7", "8"}, {"net.w.wireguard.peer.a.keepalive", "", `"25s"`}}},
		{"a tunnel", "", "[net.w.wireguard]\nlisten_port = 7\nprivate_key.secret = 'k'\n[net.w.wireguard.peer.\"a b\"]\n" + aPeer,
			[]Change{{"net.w.wireguard", "", `{ private_key = { secret = "k" }, listen_port = 7, routes = "auto", peer = { "a b" = { public_key = "5FnTftyrSMF5jFrVa1/bpn1ihdVDaO9QCRMwuYdVggU=", allowed_ips = ["10.0.0.1/32"] } } }`}}},
		{"sysctl", "sysctl.kernel.panic = 1", "sysctl.kernel.panic = 2", []Change{{`sysctl."kernel.panic"`, `"1"`, `"2"`}}},
		{"durations", "", "proof.timeout = '2m'", []Change{{"proof.timeout", `"1m"`, `"2m"`}}},
	}
	for _, c := range cases {
		if got := Diff(parse(t, c.from), parse(t, c.to)); !reflect.DeepEqual([]Change(got), c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.claim, got, c.want)
		}
	}
}
