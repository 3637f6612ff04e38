//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"bantam/boottime"
	"bantam/netcfg/netlab"
	"bantam/netcfg/rtnl"
	"bantam/system"

	"golang.org/x/sys/unix"
)

// crowded is a daemon in a network namespace of its own with the ports eth0 to
// eth(n-1), set up as text says.
func crowded(t testing.TB, n int, text string) *daemon {
	t.Helper()
	netlab.Enter(t)
	var batch strings.Builder
	for i := 0; i < n; i += 2 {
		fmt.Fprintf(&batch, "link add eth%d type veth peer name eth%d\n", i, i+1)
	}
	ipBatch(t, batch.String())
	s, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	k, err := openKernel(boottime.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	d := looking(t, k)
	d.subscribe = subscribe
	if d.events, err = subscribe(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.events.close() })
	d.net = s.Net
	return d
}

func ipBatch(t testing.TB, lines string) {
	t.Helper()
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(lines)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip -batch: %v\n%s", err, out)
	}
}

// start does what a new process does until everything is as it shall be.
func (d *daemon) start(t testing.TB) {
	t.Helper()
	for range 10 {
		d.reconcile()
		if err := d.hear(); err != nil {
			t.Fatal(err)
		}
		if !d.dirty {
			return
		}
	}
	// Addresses of IPv6 settle later.
}

func fixedPorts(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "[net.eth%d]\naddresses = [\"10.%d.0.2/24\"]\nroutes = [", i, i)
		for j := range 4 {
			fmt.Fprintf(&text, "{ to = \"172.%d.%d.0/24\", via = \"10.%d.0.1\" },", 16+j, i, i)
		}
		text.WriteString("]\n")
	}
	return text.String()
}

func foreignRoutes(n int, port string) string {
	var batch strings.Builder
	for i := range n {
		fmt.Fprintf(&batch, "route add 20.%d.%d.%d/32 dev %s proto bird\n", i>>16, i>>8&255, i&255, port)
	}
	return batch.String()
}

// cost is what was asked of the kernel, and the files that were read.
type cost struct{ Changes, Dumps, Messages, Files int }

// look compares once, and returns what that cost.
func (d *daemon) look() cost {
	k := d.kernel.(*rtnetlink)
	before, files := k.Counted, k.files
	d.reconcile()
	c := k.Counted
	return cost{c.Changes - before.Changes, c.Dumps - before.Dumps, c.Messages - before.Messages, k.files - files}
}

func TestAStartAsksTheKernelForNothingTwice(t *testing.T) {
	t.Parallel()
	const ports, routes = 20, 4
	d := crowded(t, ports, fixedPorts(ports))
	d.start(t)
	k := d.kernel.(*rtnetlink)
	// A link gets its parameters, is marked and set up; then come its address and its routes.
	if want := ports * (3 + 1 + routes); k.Counted.Changes != want {
		t.Errorf("%d changes, want %d", k.Counted.Changes, want)
	}
	cost := d.look()
	if cost.Changes != 0 || cost.Dumps != 4 || cost.Files != 2 {
		t.Errorf("a look at what is as it shall be costs %+v, want links, addresses, two families of routes, and the two parameters of all links", cost)
	}
}

func TestForeignRoutesCostNothing(t *testing.T) { // beside no other test: it counts bytes
	d := crowded(t, 2, "[net.eth0]\naddresses = [\"10.0.0.2/24\"]\ngateway = \"10.0.0.1\"\n")
	d.start(t)
	few := d.look()
	bytesFew := bytesOf(d.reconcile)
	ipBatch(t, "link set eth1 up\n"+foreignRoutes(5000, "eth0")+strings.ReplaceAll(foreignRoutes(1000, "eth1"), " 20.", " 21."))
	many := d.look()
	// Of the long table a piece, our routes and the kernel's; and what the second link has.
	if many.Messages > 2*few.Messages+fewRoutes+16 || many.Dumps != few.Dumps+2 || many.Changes != 0 {
		t.Errorf("a look: %+v, before the routes %+v", many, few)
	}
	if most := bytesFew + 1<<20; bytesOf(d.reconcile) > most {
		t.Errorf("a look takes %d bytes, before the routes %d", bytesOf(d.reconcile), bytesFew)
	}
	d.settle(t)
	ipBatch(t, strings.ReplaceAll(foreignRoutes(100, "eth0"), "route add 20.", "route add 22."))
	heard, woke := 0, 0
	if _, _, _, err := d.events.drain(make([]byte, rtnl.AnswerSize), func(m routeMessage) bool {
		if m.protocol == unix.RTPROT_BIRD { // a young link has news of its own
			heard++
			if d.interest.wakes(m, d.foreign) {
				woke++
			}
		}
		return false
	}, nil); err != nil || heard == 0 || woke > 0 {
		t.Errorf("of %d routes of another program %d made us look; %v", heard, woke, err)
	}
	// What is ours is noticed and repaired among the many, by which way ever it goes.
	for _, breakage := range []string{
		"route del default dev eth0 metric 100", "route replace default via 10.0.0.9 dev eth0 metric 100 proto bird",
		"route flush dev eth0 proto kernel", "route replace 10.0.0.0/24 dev eth1 metric 100 proto bird",
	} {
		ipBatch(t, breakage+"\n")
		if !d.settle(t) {
			t.Errorf("%s: not noticed", breakage)
		}
	}
	ipBatch(t, "route del 10.0.0.0/24 dev eth1 metric 100\n")
	d.settle(t)
	for args, want := range map[string]string{
		"route show proto 66":     "default via 10.0.0.1 dev eth0 metric 100",
		"route show proto kernel": "10.0.0.0/24 dev eth0 scope link src 10.0.0.2 metric 100",
	} {
		if out := ipShow(t, args); !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	// The place of ours among the many is somebody else's, and he is named.
	ipBatch(t, "addr add 10.1.0.2/24 dev eth1\nroute replace default via 10.1.0.1 dev eth1 metric 100 proto bird\n")
	d.settle(t)
	if text, _ := os.ReadFile(d.options.report); !strings.Contains(string(text), "there is one on eth1 that is not ours") {
		t.Errorf("report: %s", text)
	}
}

// settle hears all that happened, looks until nothing is left to do, and tells
// whether there was a reason to look at all.
func (d *daemon) settle(t *testing.T) (looked bool) {
	t.Helper()
	for {
		d.dirty = false
		for {
			waiting := []unix.PollFd{{Fd: int32(d.events.fd), Events: unix.POLLIN}}
			if n, err := unix.Poll(waiting, 0); err != nil && err != unix.EINTR || n == 0 {
				break
			}
			if err := d.hear(); err != nil {
				t.Fatal(err)
			}
		}
		if !d.dirty {
			return looked
		}
		looked = true
		d.reconcile()
	}
}

func ipShow(t *testing.T, args string) string {
	t.Helper()
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
	return string(out)
}

// bytesOf is how many bytes f allocates.
func bytesOf(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestTheLinksMessageSaysWhatTheFilesSay(t *testing.T) {
	t.Parallel()
	d := crowded(t, 2, "[net.eth0]\n")
	for path, value := range map[string]string{ // none has its default
		"ipv4/conf/eth0/send_redirects": "0", "ipv4/conf/eth0/promote_secondaries": "1", "ipv6/conf/eth0/accept_ra": "2", "ipv6/conf/eth0/ra_defrtr_metric": "77",
		"ipv6/conf/eth0/disable_ipv6": "1", "ipv6/conf/eth0/accept_ra_min_hop_limit": "64", "ipv6/conf/eth0/max_addresses": "5",
		"ipv6/conf/eth0/ignore_routes_with_linkdown": "1", "ipv4/conf/eth0/ignore_routes_with_linkdown": "1", "ipv6/conf/eth0/accept_redirects": "0",
	} {
		if err := os.WriteFile("/proc/sys/net/"+path, []byte(value), 0); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	k := d.kernel.(*rtnetlink)
	if _, err := k.Observe(); err != nil {
		t.Fatal(err)
	}
	for family, prefix := range []string{"net/ipv4/conf/eth0/", "net/ipv6/conf/eth0/"} {
		for _, place := range parameterPlaces[family] {
			name := place.word
			file, err := os.ReadFile("/proc/sys/" + prefix + name)
			got, exists, told := k.parameter(prefix + name)
			switch {
			case !told:
				t.Errorf("%s is not in the message", name)
			case os.IsNotExist(err):
				if exists && got != "0" {
					t.Errorf("%s has no file and is %q", name, got)
				}
			case err != nil:
				t.Error(err)
			case got != strings.TrimSpace(string(file)):
				t.Errorf("%s: got %q, the file has %q", name, got, file)
			}
		}
	}
}

func BenchmarkStartWith50PortsAnd200Routes(b *testing.B) {
	n, cpu, changes := 0, int64(0), 0
	for b.Loop() {
		b.StopTimer()
		d := crowded(b, 50, fixedPorts(50))
		before := threadTime(b)
		b.StartTimer()
		d.start(b)
		cpu += threadTime(b) - before
		changes += d.kernel.(*rtnetlink).Counted.Changes
		n++
	}
	b.ReportMetric(float64(cpu)/float64(n)/1e6, "cpu-ms/op")
	b.ReportMetric(float64(changes)/float64(n), "changes/op")
}

func BenchmarkLookWith100000ForeignRoutes(b *testing.B) {
	d := crowded(b, 2, fixedPorts(2))
	d.start(b)
	ipBatch(b, foreignRoutes(100000, "eth0"))
	d.reconcile()
	k := d.kernel.(*rtnetlink)
	before, cpu := k.Counted, threadTime(b)
	n := 0
	for b.Loop() {
		d.reconcile()
		n++
	}
	b.ReportMetric(float64(k.Counted.Messages-before.Messages)/float64(n), "messages/op")
	b.ReportMetric(float64(k.Counted.Dumps-before.Dumps)/float64(n), "dumps/op")
	b.ReportMetric(float64(threadTime(b)-cpu)/float64(n)/1e6, "cpu-ms/op")
}

// threadTime is the processor time of the thread in nanoseconds.
func threadTime(t testing.TB) int64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &r); err != nil {
		t.Fatal(err)
	}
	return r.Utime.Nano() + r.Stime.Nano()
}
