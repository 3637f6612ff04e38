//go:build !mips && !mipsle

package dnssockets

import (
	"fmt"
	"strings"
	"testing"

	"bantam/netcfg/netlab"
)

// BenchmarkAnswers is how long one answer takes that is known already, with 50 questions on their way, and how long one
// that has to be asked for; beside dnsmasq, which asks the same server. Memory is what no file holds.
func BenchmarkAnswers(b *testing.B) {
	l := newLab(b)
	l.wan.dnsmasq(append(world, "--address=/flood.example.org/203.0.113.5")...)
	l.configure([]string{"198.51.100.1"})
	other := l.Start("dnsmasq", "-d", "-C", "/dev/null", "-h", "-R", "--user=root", "--pid-file="+l.dir+"/other.pid", "--port=5300", "--server=198.51.100.1",
		"--cache-size=4000", "--dns-forward-max=256", "--edns-packet-max=1232")
	l.Eventually("dnsmasq", func() error {
		if out := l.lan.dig("+short -p 5300 @192.168.1.1 www.example.org"); !strings.Contains(out, "203.0.113.9") {
			return errText(out)
		}
		return nil
	})
	names := func(n, different int, round string) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "n%d.%s.flood.example.org A\n", i%different, round)
		}
		return text.String()
	}
	for _, port := range []string{"53", "5300"} {
		who, pid := "ours", l.proc.Process.Pid
		if port == "5300" {
			who, pid = "dnsmasq", other.Process.Pid
		}
		for _, c := range []struct {
			name      string
			different int
		}{{"known", 100}, {"asked", 1 << 30}} {
			b.Run(c.name+"/"+who, func(b *testing.B) {
				text := names(b.N, c.different, fmt.Sprint("r", b.N))
				if c.name == "known" {
					l.lan.here(func() { flood(b, "192.168.1.1:"+port, names(c.different, c.different, fmt.Sprint("r", b.N))) })
				}
				b.ResetTimer()
				l.lan.here(func() {
					if n := flood(b, "192.168.1.1:"+port, text); n != b.N {
						b.Errorf("%d of %d are answered", n, b.N)
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
				b.ReportMetric(netlab.Anonymous(b, pid), "kB")
			})
		}
	}
}
