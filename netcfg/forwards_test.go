//go:build !mips && !mipsle

package netcfg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAMachineWithAForwarderAsksItself(t *testing.T) {
	for _, c := range []struct{ claim, report, want string }{
		{"without one", `{"dns":["10.0.0.1"],"search":["lan.example"]}`, "nameserver 10.0.0.1\nsearch lan.example\n"},
		{"with one", `{"dns":["10.0.0.1"],"forwards":true,"search":["lan.example"]}`, "nameserver 127.0.0.1\nsearch lan.example\n"},
		{"with one, where the network has no server", `{"forwards":true}`, "nameserver 127.0.0.1\n"},
	} {
		r := newReceiver(t)
		line := &reporter{path: r.socket, fd: -1}
		if err := line.send([]byte(c.report + "\n")); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(filepath.Join(r.Dir, "resolv.conf"))
		if _, got, _ := strings.Cut(string(text), "\n"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.claim, got, c.want)
		}
	}
}

func TestTheConfiguratorSaysThatTheMachineAsksItself(t *testing.T) {
	l := newLab(t)
	l.ip("link add eth0 type veth peer name far; ip link set far up")
	const port = "[net.eth0]\naddresses = [\"192.168.1.2/24\"]\n"
	l.netcfg("[dns]\nservers = [\"9.9.9.9\"]\n" + port)
	l.Shows("cat "+l.dir+"/net/resolv.conf", "nameserver 9.9.9.9\n")
	l.reload("[dns]\nservers = [\"9.9.9.9\", \"tls://9.9.9.10#dns.example\"]\n" + port)
	l.Shows("cat "+l.dir+"/net/resolv.conf", "nameserver 127.0.0.1\n")
	s := l.status("a forwarder", func(s Status) bool { return s.Forwards })
	if len(s.DNS) != 1 || s.DNS[0] != "9.9.9.9" {
		t.Errorf("name servers %v", s.DNS)
	}
	l.reload("[dns]\nservers = [\"9.9.9.9\"]\n" + port)
	l.Shows("cat "+l.dir+"/net/resolv.conf", "nameserver 9.9.9.9\n")
}
