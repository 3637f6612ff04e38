package dnsforward

import (
	"net/netip"
	"testing"
)

func TestNamesOfThisNetwork(t *testing.T) {
	const (
		unknown = "NXDOMAIN: lan 60 SOA"
		noType  = "NOERROR: lan 60 SOA"
		asked   = "ask 9.9.9.9"
	)
	for _, c := range []struct{ question, want string }{
		{"nas.lan A", "NOERROR: nas.lan 60 A 192.168.1.5"},
		{"NAS.lan AAAA", "NOERROR: nas.lan 60 AAAA 2001:db8:1::5"},
		{"nas A", "NOERROR: nas 60 A 192.168.1.5"},
		{"nas.lan MX", noType},
		{"nas.lan ANY", "NOERROR: nas.lan 60 A 192.168.1.5, nas.lan 60 AAAA 2001:db8:1::5"},
		{"laptop.lan A", "NOERROR: laptop.lan 60 A 192.168.1.70"},
		{"laptop.lan AAAA", noType},
		{"printer.lan A", unknown},
		{"a.nas.lan A", unknown},
		{"lan A", noType},
		{"lan SOA", "NOERROR: lan 60 SOA"},
		{"www.example.org A", "NOERROR: www.example.org 60 A 192.168.1.6"},
		{"www.example.org AAAA", "NOERROR: www.example.org 60 SOA"},
		{"mail.example.org A", asked},
		{"5.1.168.192.in-addr.arpa PTR", "NOERROR: 5.1.168.192.in-addr.arpa 60 PTR nas.lan"},
		{"5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR", "NOERROR: 5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 60 PTR nas.lan"},
		{"5.1.168.192.in-addr.arpa A", "NOERROR: 5.1.168.192.in-addr.arpa 60 SOA"},
		{"9.1.168.192.in-addr.arpa PTR", "NXDOMAIN: 9.1.168.192.in-addr.arpa 60 SOA"},
		{"x.5.1.168.192.in-addr.arpa PTR", "NXDOMAIN: x.5.1.168.192.in-addr.arpa 60 SOA"},
		{"05.1.168.192.in-addr.arpa PTR", "NOERROR: 05.1.168.192.in-addr.arpa 60 SOA"},

		{"localhost A", "NOERROR: localhost 60 A 127.0.0.1"},
		{"x.localhost AAAA", "NOERROR: x.localhost 60 AAAA ::1"},
		{"localhost MX", "NOERROR: localhost 60 SOA"},
		{"1.0.0.127.in-addr.arpa PTR", "NOERROR: 1.0.0.127.in-addr.arpa 60 PTR localhost"},
		{"a.invalid A", "NXDOMAIN: invalid 60 SOA"},
		{"abc.onion A", "NXDOMAIN: onion 60 SOA"},
		{"printer.local A", "NXDOMAIN: local 60 SOA"},
		{"test.home.arpa A", "NXDOMAIN: home.arpa 60 SOA"},
		{"wpad A", "NXDOMAIN: wpad 60 SOA"},
		{"desktop-1234 AAAA", "NXDOMAIN: desktop-1234 60 SOA"},
		{"org NS", asked},
		{"org DS", asked},
		{". NS", asked},
		{"example.org A", asked},
		{"latest.example A", asked}, // only ends like test

		{"1.0.16.172.in-addr.arpa PTR", "NXDOMAIN: 1.0.16.172.in-addr.arpa 60 SOA"},
		{"31.172.in-addr.arpa PTR", "NOERROR: 31.172.in-addr.arpa 60 SOA"},
		{"1.0.32.172.in-addr.arpa PTR", asked},
		{"172.in-addr.arpa NS", asked},
		{"1.0.0.10.in-addr.arpa PTR", "ask 10.1.0.53"}, // a zone has it
		{"d.f.ip6.arpa SOA", "NOERROR: d.f.ip6.arpa 60 SOA"},
		{"9.9.9.9.in-addr.arpa PTR", asked},
		{"1.64.100.in-addr.arpa PTR", "NOERROR: 1.64.100.in-addr.arpa 60 SOA"},
		{"in-addr.arpa SOA", asked},
		{"arpa NS", asked},
	} {
		d := newDesk(t, home())
		d.ask(anna, c.question)
		if got := d.told(); got != c.want && got != "answer "+c.want {
			t.Errorf("%s: got %s, want %s", c.question, got, c.want)
		}
	}
}

func TestALeaseTakesNoNameThatIsNotItsOwn(t *testing.T) {
	other := netip.MustParseAddr("192.168.1.99")
	for _, c := range []struct{ name, question, want string }{
		{"nas", "nas.lan A", "192.168.1.5"}, // somebody has written it
		{"laptop", "laptop.lan A", "192.168.1.70"},
		{"phone", "phone.lan A", "192.168.1.99"},
		{"Phone-2", "phone-2.lan A", "192.168.1.99"},
		{"wpad", "wpad.lan A", ""},
		{"localhost", "localhost.lan A", ""},
		{"www.bank.example", "www.bank.example A", ""},
		{"a b", "a b.lan A", ""},
		{"x\ny", "x\ny.lan A", ""},
		{"-x", "-x.lan A", ""},
		{"", "lan A", ""},
	} {
		config := home()
		config.Hosts = append([]Host{{Name: c.name, Addresses: []netip.Addr{other}, Leased: true}}, config.Hosts...)
		if c.name == "laptop" { // who came first
			config.Hosts = append(config.Hosts[1:], config.Hosts[0])
		}
		local := newLocal(config)
		name := c.question[:len(c.question)-2]
		var got string
		if packed, ok := packName(name); ok {
			for _, a := range local.hosts[packed] {
				got += a.String()
			}
		}
		if c.question == "nas.lan A" {
			got = got[:min(len(got), len(c.want))]
		}
		want(t, c.name, got, c.want)
	}
}

func TestPublicNamesHaveNoPrivateAddresses(t *testing.T) {
	const taken = "NOERROR"
	for _, c := range []struct {
		claim, question, record, want string
	}{
		{"a private one", "rebind.example.org A", "rebind.example.org 5 A 192.168.1.1", taken},
		{"another one", "rebind.example.org A", "rebind.example.org 5 A 10.0.0.1", taken},
		{"this machine", "rebind.example.org A", "rebind.example.org 5 A 127.0.0.1", taken},
		{"zero, which leads to this machine", "rebind.example.org A", "rebind.example.org 5 A 0.0.0.0", taken},
		{"a local one of IPv6", "rebind.example.org AAAA", "rebind.example.org 5 AAAA fd00::1", taken},
		{"in IPv6's form", "rebind.example.org AAAA", "rebind.example.org 5 AAAA ::ffff:192.168.1.1", taken},
		{"through NAT64", "rebind.example.org AAAA", "rebind.example.org 5 AAAA 64:ff9b::c0a8:101", taken},
		{"a hint", "rebind.example.org HTTPS", "rebind.example.org 5 HTTPS 192.168.1.1", taken},
		{"a hint of IPv6", "rebind.example.org HTTPS", "rebind.example.org 5 HTTPS fe80::1", taken},
		{"a public hint", "good.example.org HTTPS", "good.example.org 5 HTTPS 9.9.9.9", "NOERROR: good.example.org 5 HTTPS 11 bytes"},
		{"a public one", "good.example.org A", "good.example.org 5 A 9.9.9.9", "NOERROR: good.example.org 5 A 9.9.9.9"},
		{"an exception", "a.plex.direct A", "a.plex.direct 5 A 192.168.1.9", "NOERROR: a.plex.direct 5 A 192.168.1.9"},
		{"a zone with servers of its own", "a.corp.example A", "a.corp.example 5 A 10.1.2.3", "NOERROR: a.corp.example 5 A 10.1.2.3"},
	} {
		d := newDesk(t, home())
		d.ask(anna, c.question)
		d.answer(d.asked(), rcodeSuccess, c.question, []string{c.record})
		want(t, c.claim, d.reply(), c.want)
		d.ask(anna, c.question)
		want(t, c.claim+", kept", d.reply(), c.want)
		if blocked := c.want == taken; blocked {
			d.step(FromClient{anna, withOPT(build(9, flagRD, c.question), 1232, false)})
			want(t, c.claim+", with the reason", d.reply(), "NOERROR: OPT 1232 000f0002000f")
			d.after(blockedTTL)
			d.ask(anna, c.question)
			d.asked()
		}
	}
	config := home()
	config.Rebind = []string{"."}
	d := newDesk(t, config)
	d.ask(anna, "rebind.example.org A")
	d.answer(d.asked(), rcodeSuccess, "rebind.example.org A", []string{"rebind.example.org 5 A 192.168.1.1"})
	want(t, "with rebind for all", d.reply(), "NOERROR: rebind.example.org 5 A 192.168.1.1")
}
