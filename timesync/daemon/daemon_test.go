package daemon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/netcfg/netlab"
	"bantam/timesync"
)

// heldClock is a clock that nobody else goes by, an hour and a half behind.
type heldClock struct{ behind time.Duration }

func (c *heldClock) Now() timesync.Now {
	return timesync.Now{Boot: boottime.Now(), Wall: time.Now().Round(0).Add(-c.behind)}
}

func (c *heldClock) Correct(correction timesync.Correction) error {
	c.behind -= correction.Offset
	fmt.Fprintf(os.Stderr, "CORRECTED set=%v behind=%v\n", correction.Set, c.behind.Round(time.Millisecond))
	return nil
}

// TestMain lets the test binary be bantam-timesync, too, with a clock of its own.
func TestMain(m *testing.M) {
	if os.Getenv("BE_TIMESYNC") != "" {
		os.Exit(run(os.Args[1:], time.Time{}, os.Stdout, os.Stderr, &heldClock{behind: 90 * time.Minute}))
	}
	os.Exit(m.Run())
}

// lab is a network namespace in which 127.0.0.0/8 is all there is.
type lab struct {
	t   *testing.T
	dir string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	netlab.Enter(t)
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
	return &lab{t, t.TempDir()}
}

// sync runs bantam-timesync until it has done its work.
func (l *lab) sync(servers []string, args ...string) (output string, state timesync.State, err error) {
	l.t.Helper()
	cmd := l.command(servers, args...)
	out, err := cmd.CombinedOutput()
	return string(out), ReadState(l.dir + "/state"), err
}

func (l *lab) command(servers []string, args ...string) *exec.Cmd {
	l.t.Helper()
	l.name(servers...)
	cmd := exec.Command("/proc/self/exe", append([]string{"-servers", l.dir + "/servers", "-state", l.dir + "/state"}, args...)...)
	cmd.Env = append(os.Environ(), "BE_TIMESYNC=1")
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd
}

func (l *lab) name(servers ...string) {
	if err := os.WriteFile(l.dir+"/servers", []byte(strings.Join(servers, "\n")+"\n"), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// serve answers requests at an address of the namespace with what answer makes of a good one.
func (l *lab) serve(address string, answer func(b []byte) []byte) {
	l.t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(mustPort(address)))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	go func() {
		for {
			request := make([]byte, 512)
			n, from, err := conn.ReadFromUDPAddrPort(request)
			if err != nil {
				return
			}
			if n != 48 || request[0] != 0x23 || !bytes.Equal(request[1:40], make([]byte, 39)) {
				l.t.Errorf("a request that tells more than its cookie: %x", request[:n])
			}
			b := make([]byte, 48)
			b[0], b[1] = 4<<3|4, 1
			copy(b[24:32], request[40:48])
			stamp(b[32:], time.Now())
			stamp(b[40:], time.Now())
			if b = answer(b); b != nil {
				conn.WriteToUDPAddrPort(b, from)
			}
		}
	}()
}

func stamp(b []byte, t time.Time) {
	binary.BigEndian.PutUint64(b, uint64(timesync.TimestampOf(t)))
}

func good(b []byte) []byte { return b }

// off is a server that is wrong, and sure of itself.
func off(by time.Duration) func(b []byte) []byte {
	return func(b []byte) []byte {
		stamp(b[32:], time.Now().Add(by))
		stamp(b[40:], time.Now().Add(by))
		return b
	}
}

// chrony serves at an address; it is told to leave the host's clock alone, and may not touch it.
func (l *lab) chrony(address string, stratum int) {
	l.t.Helper()
	netlab.Need(l.t, "chronyd:chrony")
	conf := filepath.Join(l.dir, "chrony-"+address)
	text := fmt.Sprintf("local stratum %d\nallow\nbindaddress %s\ncmdport 0\nbindcmdaddress /\npidfile %s.pid\n", stratum, address, conf)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command("setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "chronyd", "-x", "-d", "-u", "root", "-f", conf)
	log := &netlab.Output{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if l.t.Failed() {
			l.t.Logf("chronyd:\n%s", log)
		}
	})
}

func TestTheClockIsSetToThatOfChrony(t *testing.T) {
	l := newLab(t)
	l.chrony("127.0.0.1", 3)
	l.chrony("127.0.0.2", 4)
	out, state, err := l.sync([]string{"127.0.0.1", "127.0.0.2"})
	if err != nil || !strings.Contains(out, "CORRECTED set=true behind=") || !state.Synchronized {
		t.Fatalf("%v\n%s\n%+v", err, out, state)
	}
	if strings.Contains(out, "not confined") {
		t.Errorf("output:\n%s", out)
	}
	if state.Offset.Round(time.Second) != 90*time.Minute {
		t.Errorf("it was found to be %v behind", state.Offset)
	}
	for i, stratum := range []int{3, 4} {
		if s := state.Sources[i]; s.Stratum != stratum && s.State != "not asked yet" {
			t.Errorf("%+v", s)
		}
	}
}

func TestALiarAmongThreeServers(t *testing.T) {
	l := newLab(t)
	l.chrony("127.0.0.1", 3)
	l.serve("127.0.0.2:123", off(-20*time.Minute))
	l.chrony("127.0.0.3", 3)
	out, state, err := l.sync([]string{"127.0.0.1", "127.0.0.2", "127.0.0.3"})
	if err != nil || state.Offset.Round(time.Second) != 90*time.Minute {
		t.Fatalf("%v\n%s\n%+v", err, out, state)
	}
	if s := state.Sources[1].State; s == timesync.SourceUsed || s == timesync.SourceAgrees {
		t.Errorf("the liar %s", s)
	}
}

func TestServersThatAreNoneAreNamed(t *testing.T) {
	l := newLab(t)
	kiss := func(code string) func(b []byte) []byte {
		return func(b []byte) []byte { b[1] = 0; copy(b[12:], code); return b }
	}
	for address, answer := range map[string]func(b []byte) []byte{
		"127.0.0.1:123": kiss("DENY"),
		"127.0.0.2:123": func(b []byte) []byte { b[24]++; return b }, // another cookie
		"127.0.0.3:123": func(b []byte) []byte { b[0] |= 3 << 6; return b },
		"127.0.0.4:123": func(b []byte) []byte { b[1] = 16; return b },
		"127.0.0.5:123": off(-57 * 365 * 24 * time.Hour),
		"127.0.0.6:123": func(b []byte) []byte { return b[:20] },
		"127.0.0.7:123": func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 500) },
	} {
		l.serve(address, answer)
	}
	out, state, err := l.sync([]string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"}, "-once")
	if err != nil || state.Synchronized || strings.Contains(out, "CORRECTED") {
		t.Fatalf("%v\n%s\n%+v", err, out, state)
	}
	for i, want := range []string{"refuses: DENY", "no answer", "not set", "no source", "it cannot be", "20 bytes", "no answer", "no answer"} {
		if s := state.Sources[i]; !strings.Contains(s.State, want) {
			t.Errorf("%s: got %q, want %q", s.Server, s.State, want)
		}
	}
}

func TestASignalBringsOtherServersAtOnce(t *testing.T) {
	l := newLab(t)
	l.serve("127.0.0.2:1123", good)
	cmd := l.command([]string{"127.0.0.1"})
	log := &netlab.Output{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(log.String(), "127.0.0.1: no answer") { // the first round is over
		time.Sleep(10 * time.Millisecond)
	}
	l.name("127.0.0.2:1123")
	if err := cmd.Process.Signal(unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "CORRECTED set=true") {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestARoundAfterTheFirstLeadsTheClock(t *testing.T) {
	l := newLab(t)
	l.serve("127.0.0.1:123", off(-90*time.Minute-300*time.Millisecond)) // so that the clock, which begins anew, is 0.3 s ahead
	if err := os.WriteFile(l.dir+"/state", []byte(`{"synchronized":true,"spike":-300000000}`), 0o644); err != nil {
		t.Fatal(err)
	}
	out, after, err := l.sync([]string{"127.0.0.1"}, "-once")
	if err != nil || !strings.Contains(out, "CORRECTED set=false") || after.Problem != "" {
		t.Errorf("%v\n%s\n%+v", err, out, after)
	}
	out, after, err = l.sync([]string{"127.0.0.1"}, "-set")
	if err != nil || !strings.Contains(out, "CORRECTED set=true") || after.Set.Round(100*time.Millisecond) != -300*time.Millisecond {
		t.Errorf("%v\n%s\n%+v", err, out, after)
	}
}

func mustPort(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }
