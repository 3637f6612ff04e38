//go:build !mips && !mipsle

package netcfg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const manyLinks, manyRoutes = 500, 10 // for each

// many is the same for both: links with an address each, and routes by what is in its network.
func many() (systemTOML, batch string) {
	var toml, ip strings.Builder
	for i := range manyLinks {
		if i%2 == 0 {
			fmt.Fprintf(&toml, "[net.d%d.veth]\npeer = \"d%d\"\n", i, i+1)
			fmt.Fprintf(&ip, "link add d%d type veth peer name d%d\n", i, i+1)
		}
		own, via := fmt.Sprintf("10.%d.%d.1/24", i/256, i%256), fmt.Sprintf("10.%d.%d.2", i/256, i%256)
		fmt.Fprintf(&toml, "[net.d%d]\nipv6 = \"off\"\naddresses = [%q]\nmetric = %d\nroutes = [", i, own, 1000+i)
		fmt.Fprintf(&ip, "link set d%d up\naddress add %s dev d%d\n", i, own, i)
		for j := range manyRoutes {
			to := fmt.Sprintf("172.%d.%d.0/24", 16+j, i%256)
			if i >= 256 {
				to = fmt.Sprintf("172.%d.%d.0/24", 32+j, i%256)
			}
			fmt.Fprintf(&toml, "{ to = %q, via = %q }, ", to, via)
			fmt.Fprintf(&ip, "route add %s via %s dev d%d metric %d\n", to, via, i, 1000+i)
		}
		toml.WriteString("]\n")
	}
	return toml.String(), ip.String()
}

// parameters are those that the configurator sets for a port, as sysctl reads them.
func parameters() string {
	var b strings.Builder
	for i := range manyLinks {
		for _, p := range []string{"ipv4.conf.d%d.promote_secondaries=1", "ipv4.conf.d%d.ignore_routes_with_linkdown=1",
			"ipv4.conf.d%d.accept_redirects=0", "ipv4.conf.d%d.send_redirects=0", "ipv6.conf.d%d.disable_ipv6=1"} {
			fmt.Fprintf(&b, "net."+p+"\n", i)
		}
	}
	return b.String()
}

// BenchmarkManyLinks is the processor time, of the program and of the kernel for it, until 500 links and 5,000 routes are there, each in
// a network namespace of its own.
func BenchmarkManyLinks(b *testing.B) {
	text, batch := many()
	run := func(b *testing.B, begin func(l *lab) *exec.Cmd, done func(l *lab)) {
		var took, own []float64
		var memory int64
		for b.Loop() {
			l := newLab(b)
			l.Run("sysctl -q -w net.ipv6.conf.default.disable_ipv6=1")
			cmd := begin(l)
			done(l)
			cmd.Process.Signal(unix.SIGTERM)
			cmd.Wait()
			u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			took = append(took, float64(u.Utime.Nano()+u.Stime.Nano())/1e6)
			own = append(own, float64(u.Utime.Nano())/1e6)
			memory = int64(u.Maxrss)
			if got := strings.TrimSpace(l.Run("ip route | grep -c ' via '")); got != fmt.Sprint(manyLinks*manyRoutes) {
				b.Fatalf("%s routes", got)
			}
		}
		slices.Sort(took)
		slices.Sort(own)
		b.ReportMetric(took[len(took)/2], "ms-cpu-median")
		b.ReportMetric(own[len(own)/2], "ms-user-median") // without the kernel's part
		b.ReportMetric(float64(memory), "kB-most")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("netcfg", func(b *testing.B) {
		run(b, func(l *lab) *exec.Cmd { l.netcfg(text); return l.proc }, func(l *lab) {
			l.status("all of them", func(s Status) bool {
				return len(s.Ports) == manyLinks && !slices.ContainsFunc(s.Ports, func(p PortStatus) bool { return !p.Up })
			})
		})
	})
	byHand := func(b *testing.B, command string) {
		run(b, func(l *lab) *exec.Cmd {
			if err := errors.Join(os.WriteFile(filepath.Join(l.dir, "batch"), []byte(batch), 0o644), os.WriteFile(filepath.Join(l.dir, "sysctl"), []byte(parameters()), 0o644)); err != nil {
				b.Fatal(err)
			}
			return l.Start("sh", "-c", "cd "+l.dir+"; "+command+"; touch done; sleep 1000 & wait")
		}, func(l *lab) {
			l.Eventually("its end", func() error { _, err := os.Stat(filepath.Join(l.dir, "done")); return err })
		})
	}
	b.Run("ip_-batch", func(b *testing.B) { byHand(b, "ip -batch batch") })
	b.Run("ip_-batch,_and_sysctl", func(b *testing.B) { byHand(b, "ip -batch batch; sysctl -q -p sysctl") })
}
