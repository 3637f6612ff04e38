package netcfg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/system"

	"golang.org/x/sys/unix"
)

// looking is a daemon that sees a fake kernel and follows one fixed address.
func looking(t testing.TB, k kernel) *daemon {
	t.Helper()
	alarm, err := newAlarm()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(alarm.fd) })
	events, _ := scripted()
	said := filepath.Join(t.TempDir(), "report")
	return &daemon{names: newPeerNames(), secrets: newSecrets(),
		options: options{report: said, notify: -1}, report: func(text []byte) error { return os.WriteFile(said, text, 0o600) },
		stderr: io.Discard, kernel: k, alarm: alarm, events: events,
		net:     map[string]system.Net{"eth0": static("10.0.0.2/24")},
		clients: map[string]*dhcpPort{}, announced: map[string]*announcements{}, solicitors: map[string]*solicitor{},
		owned: newOwned(), dirty: true, retryAt: forever, tellAt: forever, flooded: map[string]time.Duration{}, reporter: &reporter{fd: -1},
	}
}

// forgetful says yes to a new MTU and keeps the old one.
type forgetful struct{ *fakeKernel }

func (k forgetful) Apply(o Op) error {
	if o.Verb == SetMTU {
		return nil
	}
	return k.fakeKernel.Apply(o)
}

func (k forgetful) Together(ops []Op) []error { return []error{k.Apply(ops[0])} }

func TestAChangeThatDoesNotStayIsToldAndHidesNothingElse(t *testing.T) {
	d := looking(t, forgetful{newFakeKernel("eth0")})
	n := d.net["eth0"]
	n.MTU = 9000
	d.net["eth0"] = n
	d.reconcile()
	text, err := os.ReadFile(d.options.report)
	if err != nil {
		t.Fatal(err)
	}
	s, err := decodeStatus(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "mtu eth0 9000") || !s.Online {
		t.Errorf("status: %+v", s)
	}
	if d.retryAt == forever {
		t.Error("it is not tried again")
	}
}

// stuck sets neither links up nor addresses.
type stuck struct{ *fakeKernel }

func (k stuck) Apply(o Op) error {
	if o.Verb == SetUp || o.Verb == PutAddress {
		return fmt.Errorf("%v: %w", o, unix.EPERM)
	}
	return k.fakeKernel.Apply(o)
}

func (k stuck) Together(ops []Op) []error { return []error{k.Apply(ops[0])} }

func TestProblemsThatStayAreLoggedOnce(t *testing.T) {
	d := looking(t, stuck{newFakeKernel("eth0")})
	var log strings.Builder
	d.stderr = &log
	for range 3 {
		d.reconcile()
	}
	want := "up eth0: operation not permitted\naddress eth0 10.0.0.2/24: operation not permitted\n"
	if got := log.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// blind cannot be looked at.
type blind struct{ *fakeKernel }

func (blind) Observe() (State, error) { return State{}, errors.New("no memory") }

func TestAKernelThatCannotBeReadDoesNotKeepUsFromEnding(t *testing.T) {
	d := looking(t, blind{newFakeKernel("eth0")})
	d.indexes = map[int]string{2: "eth0"}
	a := &announcements{}
	a.read(rdnss(1, "2001:db8::1"), 0) // has ended long ago
	d.announced["eth0"] = a
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	unix.Write(fds[1], []byte{byte(unix.SIGTERM)})
	ended := make(chan error, 1)
	go func() { ended <- d.loop(fds[0]) }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it never came to look at its signals")
	}
}

func TestTheEndOfALeaseFollowsAClockThatIsSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, set := range []time.Duration{0, year, -year} {
		end := time.Now().Add(time.Hour).UTC()
		s := Status{BootedAt: bootedAt().Add(-set), Ports: []PortStatus{{
			Name:      "eth0",
			Addresses: []AddressStatus{{Prefix: "10.0.0.5/24", Until: end.Add(-set)}, {Prefix: "fe80::1/64"}},
		}}}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = decodeStatus(text); err != nil {
			t.Fatal(err)
		}
		leased, local := s.Ports[0].Addresses[0], s.Ports[0].Addresses[1]
		if leased.Until.Sub(end).Abs() > 2*lifetimeSlack || !local.Until.IsZero() {
			t.Errorf("clock set by %v: ends %v, want %v; link-local %v", set, leased.Until, end, local.Until)
		}
	}
}
