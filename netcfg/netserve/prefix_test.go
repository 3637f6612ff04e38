//go:build !mips && !mipsle

package netserve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg"
	"bantam/netcfg/netlab"
	"bantam/netcfg/nft"
)

// houseTOML is a router between a provider at wan and a house at lan.
const houseTOML = `
[net.wan]
ipv4 = "off"
prefix = "delegate"
zone = "wan"
[net.lan]
addresses = ["192.168.1.1/24"]
subnet6 = 2
zone = "lan"
serve = { ra = true }
`

// provider is a router with Kea, which delegates, and radvd at its interface srv, and a server beyond at 2001:db8:ff::1.
type provider struct {
	*netlab.Neighbour
	l *lab
}

func (l *lab) provider() *provider {
	l.t.Helper()
	p := &provider{l.Neighbour(), l}
	p.Cable("wan", "srv")
	l.Run("ip link set wan up") // Kea wants carrier
	p.In("sysctl -qw net.ipv6.conf.all.forwarding=1; ip link set srv up; ip addr add 2001:db8:1::1/64 dev srv nodad; ip addr add 2001:db8:ff::1/128 dev lo; ip route add unreachable 2001:db8::/32")
	conf := filepath.Join(l.dir, "radvd.conf")
	if err := os.WriteFile(conf, []byte("interface srv { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix 2001:db8:1::/64 { }; };"), 0o644); err != nil {
		l.t.Fatal(err)
	}
	p.LinkLocal("srv")
	p.Start("radvd", "-n", "-m", "stderr", "-C", conf, "-p", filepath.Join(l.dir, "radvd.pid"))
	return p
}

// delegates lets Kea give away one prefix, which the provider routes to the house.
func (p *provider) delegates(prefix string) (stop func()) {
	l := p.l
	l.t.Helper()
	router := l.LinkLocal("wan")
	p.In("ip -6 route replace " + prefix + "::/56 via " + router + " dev srv")
	dir, err := os.MkdirTemp(l.dir, "kea")
	if err != nil {
		l.t.Fatal(err)
	}
	conf := filepath.Join(dir, "kea.json")
	text := fmt.Sprintf(`{"Dhcp6": {"interfaces-config": {"interfaces": ["srv"], "service-sockets-max-retries": 100, "service-sockets-retry-wait-time": 200},
		"valid-lifetime": 3600, "preferred-lifetime": 1800, "lease-database": {"type": "memfile", "persist": false},
		"server-id": {"type": "LL", "htype": 1, "identifier": "020000000009", "persist": false},
		"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "srv", "pd-pools": [{"prefix": "%s::", "prefix-len": 56, "delegated-len": 56}]}],
		"loggers": [{"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "stdout"}]}]}}`, prefix)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
	cmd := p.Start("env", "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "kea-dhcp6", "-c", conf)
	return func() { cmd.Process.Kill(); cmd.Wait() }
}

// configurator starts bantam-netcfg as PID 1 does, with what it remembers of before a reboot.
func (l *lab) configurator(toml string) (stop func(), renew func(port string)) {
	l.t.Helper()
	dir, err := os.MkdirTemp(l.dir, "net")
	if err != nil {
		l.t.Fatal(err)
	}
	conf, socket := filepath.Join(dir, "system.toml"), filepath.Join(dir, "report")
	if err := os.WriteFile(conf, []byte(toml), 0o644); err != nil {
		l.t.Fatal(err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { listener.Close() })
	l.Run("mkdir " + dir + "/leases; chown -R 65534:65534 " + dir)
	reports := &netcfg.Reports{Dir: dir, Changed: func() {}, Fault: func(err error) { fmt.Fprintln(l.Log, err) }}
	go reports.Serve(listener, func(_ string, f func()) { f() })
	cmd := l.Self("netcfg", []string{"net_admin", "net_raw"}, "--config", conf, "--report", socket, "--leases", dir+"/leases", "--remembered", l.dir+"/remembered")
	cmd.Env = append(os.Environ(), "BE_NETCFG=1")
	cmd.Stdout, cmd.Stderr = l.Log, l.Log
	l.Begin(cmd)
	stop = func() { cmd.Process.Signal(unix.SIGTERM); cmd.Wait() }
	return stop, func(port string) {
		l.Eventually("renew", func() error { _, err := reports.Renew(port); return err })
	}
}

// A house gets its addresses from what the provider delegates, and gives the old ones up when that is something else.
func TestAHouseWithADelegatedPrefix(t *testing.T) {
	l := newLab(t, "kea-dhcp6:kea-dhcp6-server", "radvd:radvd", "rdisc6:ndisc6", "busybox:busybox-static", "traceroute:traceroute")
	houseTOML := houseTOML
	k, err := nft.Open()
	if err == nil {
		defer k.Close()
		_, err = k.Observe("none")
	}
	if errors.Is(err, nft.ErrNone) { // a kernel without a firewall forwards all
		houseTOML = strings.ReplaceAll(houseTOML, "zone = ", "# zone = ")
		l.Run("sysctl -qw net.ipv6.conf.all.forwarding=1")
	}
	p := l.provider()
	stopKea := p.delegates("2001:db8:100")
	l.configure(houseTOML)
	c := l.client("02:00:00:00:01:01")
	stop, renew := l.configurator(houseTOML)
	l.serve()

	c.Shows("ip -6 addr show dev eth0", "inet6 2001:db8:100:2:0:ff:fe00:101/64 scope global dynamic")
	c.Shows("ip -6 route show default", "default via fe80::")
	reach := func(from string) {
		t.Helper()
		c.Shows("busybox ping6 -c 1 -W 5 -I "+from+" 2001:db8:ff::1", "1 packets received")
	}
	reach("2001:db8:100:2:0:ff:fe00:101")
	if valid := longest(c.hears("Prefix : 2001:db8:100:2::/64"), false); valid > time.Hour || valid < 50*time.Minute {
		t.Errorf("the prefix is leased for an hour and advertised for %v", valid)
	}
	// What nobody has is answered by this machine, and does not go round in circles.
	p.Shows("traceroute -6 -n -q 1 -w 5 -m 4 2001:db8:100:77::1", "!N")

	// Another prefix: machines use it at once, and the old one no more.
	stopKea()
	stopKea = p.delegates("2001:db8:200")
	renew("wan")
	c.Shows("ip -6 addr show dev eth0", "inet6 2001:db8:200:2:0:ff:fe00:101/64 scope global dynamic")
	c.Shows("ip -6 addr show dev eth0", "2001:db8:100:2:0:ff:fe00:101/64 scope global deprecated dynamic")
	c.Shows("ip -6 route get 2001:db8:ff::1", "src 2001:db8:200:2:0:ff:fe00:101")
	reach("2001:db8:200:2:0:ff:fe00:101")
	if valid := longest(c.hears("Prefix : 2001:db8:100:2::/64"), true); valid > 2*time.Hour || valid == 0 {
		t.Errorf("the old prefix is valid for %v", valid)
	}

	// A reboot, in which the provider has forgotten us: the prefix of before is deprecated, too.
	stop()
	l.proc.Process.Signal(unix.SIGTERM)
	l.proc.Wait()
	stopKea()
	l.Run("rm -f " + l.dir + "/leases.json; ip addr flush dev lan scope global; ip -6 route flush type unreachable; ip addr add 192.168.1.1/24 dev lan")
	p.delegates("2001:db8:300")
	l.configurator(houseTOML)
	l.serve()
	c.Shows("ip -6 addr show dev eth0", "inet6 2001:db8:300:2:0:ff:fe00:101/64 scope global dynamic")
	c.Shows("ip -6 addr show dev eth0", "2001:db8:200:2:0:ff:fe00:101/64 scope global deprecated dynamic")
	reach("2001:db8:300:2:0:ff:fe00:101")
}

// longest is the longest valid lifetime of the prefixes in rdisc6's text, of those that are preferred or of the others.
func longest(text string, spent bool) (longest time.Duration) {
	valid := 0
	for line := range strings.Lines(text) {
		var seconds int
		line = strings.Join(strings.Fields(line), " ")
		if n, _ := fmt.Sscanf(line, "Valid time : %d", &seconds); n == 1 {
			valid = seconds
		}
		if n, _ := fmt.Sscanf(line, "Pref. time : %d", &seconds); n == 1 && (seconds == 0) == spent {
			longest = max(longest, time.Duration(valid)*time.Second)
		}
	}
	return longest
}
