package netcfg

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// receiver is PID 1's end of the line of reports, with what it complained about.
type receiver struct {
	Reports
	socket string
	mu     sync.Mutex
	faults []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{Reports: Reports{Dir: t.TempDir(), Changed: func() {}}}
	r.socket = filepath.Join(r.Dir, "report")
	r.Fault = func(err error) { r.mu.Lock(); defer r.mu.Unlock(); r.faults = append(r.faults, err.Error()) }
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go r.Serve(l, func(_ string, f func()) { f() })
	return r
}

func (r *receiver) wait(t *testing.T, what string, there func() bool) {
	t.Helper()
	for range 1000 {
		if there() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: not so after 10 s; faults %q", what, r.faults)
}

func TestAReportIsSeenByEverybodyWhenItIsAnswered(t *testing.T) {
	r := newReceiver(t)
	if _, _, err := r.Status(); err == nil {
		t.Error("a status before anybody has said one")
	}
	line := &reporter{path: r.socket, fd: -1}
	for _, server := range []string{"10.0.0.53", "10.0.0.54"} {
		if err := line.send([]byte(`{"online":true,"dns":["` + server + `"]}` + "\n")); err != nil {
			t.Fatal(err)
		}
		s, runs, err := r.Status()
		if err != nil || !runs || !s.Online {
			t.Errorf("status %+v, runs %v, %v", s, runs, err)
		}
		for _, name := range []string{"resolv.conf", "status.json"} {
			if text, err := os.ReadFile(filepath.Join(r.Dir, name)); err != nil || !strings.Contains(string(text), server) {
				t.Errorf("%s: %s, %v", name, text, err)
			}
		}
	}
	unix.Close(line.fd)
	r.wait(t, "its process has left", func() bool { _, runs, _ := r.Status(); return !runs })
	if s, _, err := r.Status(); err != nil || !s.Online {
		t.Errorf("its last word is lost: %+v, %v", s, err)
	}
}

// A configurator that was taken over may say anything. The receiver takes the
// next good report all the same, from the next process.
func TestReportsMayFollowOneAnotherAtOnceAfterSomeQuiet(t *testing.T) {
	var r Reports
	now := time.Unix(1000, 0)
	for n := range 3 * reportBurst {
		want := time.Duration(max(n+1-reportBurst, 0)) * reportPause
		if got := max(r.pause(now), 0); got != want {
			t.Errorf("report %d of a flood: the next one waits %v, want %v", n+1, got, want)
		}
	}
	now = now.Add(time.Minute)
	if got := r.pause(now); got > 0 {
		t.Errorf("after a minute of quiet the next one waits %v", got)
	}
}

func TestAHostileReporterKeepsNobodyFromTheNext(t *testing.T) {
	write := func(text string) func(*net.UnixConn) {
		return func(c *net.UnixConn) { c.Write([]byte(text)) }
	}
	for _, tt := range []struct {
		name  string
		do    func(c *net.UnixConn)
		fault string
	}{
		{"says nothing", func(*net.UnixConn) {}, ""},
		{"leaves half a line", write(`{"online":`), ""},
		{"says what is no JSON", write("\x00\xff\n"), "network status: invalid character"},
		{"says another kind of JSON", write("[1]\n"), "network status: json: cannot unmarshal"},
		{"nests without end", write(strings.Repeat("[", maxReport/2) + "\n"), "network status: "},
		{"never ends its line", func(c *net.UnixConn) {
			for range 40 {
				if _, err := c.Write(bytes.Repeat([]byte{' '}, maxReport/16)); err != nil {
					return
				}
			}
		}, fmt.Sprintf("network status: more than %d bytes", maxReport)},
		{"reads no answers", func(c *net.UnixConn) {
			c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			for {
				if _, err := c.Write([]byte("{}\n")); err != nil {
					return
				}
			}
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: r.socket, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			tt.do(c)
			if tt.fault != "" {
				r.wait(t, tt.fault, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.faults) > 0 })
				if !strings.HasPrefix(r.faults[0], tt.fault) {
					t.Errorf("got %q, want %q", r.faults[0], tt.fault)
				}
			}
			line := &reporter{path: r.socket, fd: -1}
			if err := line.send([]byte(`{"online":true}` + "\n")); err != nil {
				t.Fatal(err)
			}
			if s, runs, err := r.Status(); err != nil || !runs || !s.Online {
				t.Errorf("status %+v, runs %v, %v", s, runs, err)
			}
			unix.Close(line.fd)
		})
	}
}

func TestAReportIsOnlyText(t *testing.T) {
	r := newReceiver(t)
	line := &reporter{path: r.socket, fd: -1}
	err := line.send([]byte(`{"DNS":["10.0.0.1","10.0.0.2\nnameserver 6.6.6.6","fe80::1%eth0","fe80::1%a\nb"],"Search":["lan.example","x\noptions debug",""],` +
		`"Problems":["\u001b[2Jgone","a\u009bb"],"Ports":[{"Name":"eth0\u001b]0;x\u0007","Waiting":"\u202ereversed","Routes":[{"To":"\rdefault"}]}]}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(filepath.Join(r.Dir, "resolv.conf"))
	if _, got, _ := strings.Cut(string(text), "\n"); got != "nameserver 10.0.0.1\nnameserver fe80::1%eth0\nsearch lan.example\n" {
		t.Errorf("resolv.conf:\n%s", got)
	}
	s, _, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%q %q %q %q", s.Problems, s.Ports[0].Name, s.Ports[0].Waiting, s.Ports[0].Routes[0].To); got != `["?[2Jgone" "a?b"] "eth0?]0;x?" "?reversed" "?default"` {
		t.Error(got)
	}
}

func TestMoreRoutesThanThereIsRoomFor(t *testing.T) {
	s := Status{Ports: []PortStatus{{Name: "eth0", Routes: []RouteStatus{{To: "default", Source: unknownSource}, {To: "10.0.0.0/8", Source: "static"}}}}}
	for i := range 10000 {
		s.Ports[0].Routes = append(s.Ports[0].Routes, RouteStatus{To: fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), Source: unknownSource})
	}
	text, err := s.encode()
	if err != nil || len(text) > maxReport {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	got, err := decodeStatus(text)
	if err != nil || len(got.Ports[0].Routes) != 2 || len(got.Problems) != 1 || !strings.HasPrefix(got.Problems[0], "10000 routes") {
		t.Errorf("%+v, %v", got, err)
	}
	if len(s.Ports[0].Routes) != 10002 {
		t.Error("the status itself has changed")
	}
	// Of ours there may be too many as well.
	s.Ports = nil
	for i := range 500 {
		p := PortStatus{Name: fmt.Sprintf("eth%d", i)}
		for j := range 2000 {
			p.Routes = append(p.Routes, RouteStatus{To: fmt.Sprintf("10.%d.%d.0/24", j/256, j%256), Source: "static"})
		}
		s.Ports = append(s.Ports, p)
	}
	if text, err = s.encode(); err != nil || len(text) > maxReport {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if got, err = decodeStatus(text); err != nil || len(got.Ports) != 500 || len(got.Ports[499].Routes) == 0 || got.Problems[0] != fmt.Sprintf("%d routes are not shown, as there are too many", 500*(2000-len(got.Ports[0].Routes))) {
		t.Errorf("%q, %v", got.Problems, err)
	}
	s.Ports = make([]PortStatus, 10000) // for more ports than that nobody has room
	if _, err = s.encode(); err == nil {
		t.Error("a report that is too long is sent")
	}
}

// What a process that was taken over has left in its own folder must not hold
// the next one.
func TestWhatIsLeftInTheFolderOfLeases(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(path string) error
	}{
		{"a pipe", func(p string) error { return unix.Mkfifo(p, 0o666) }},
		{"a device without end", func(p string) error { return os.Symlink("/dev/zero", p) }},
		{"the kernel's log", func(p string) error { return os.Symlink("/proc/kmsg", p) }},
		{"a hole", func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o644), os.Truncate(p, 1<<40)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "eth0.json")
			if err := errors.Join(tt.plant(path), tt.plant(filepath.Join(dir, ".eth0.json.new"))); err != nil {
				t.Fatal(err)
			}
			if lease, _ := loadLease(dir, "eth0", [6]byte{2}, 0); lease != nil {
				t.Errorf("a lease: %+v", lease)
			}
			if err := writeFile(path, []byte("new")); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(path); err != nil || info.Mode() != 0o644 || info.Size() != 3 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}
