package netcfg

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/netcfg/rtnl"
)

// userOptionsMessage is what the kernel tells of a router advertisement on a link.
func userOptionsMessage(link int32, options []byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN+16)
	binary.NativeEndian.PutUint32(b, uint32(len(b)+len(options)))
	binary.NativeEndian.PutUint16(b[4:], rtmNewUserOptions)
	body := b[unix.NLMSG_HDRLEN:]
	body[0], body[8] = unix.AF_INET6, routerAdvert
	binary.NativeEndian.PutUint16(body[2:], uint16(len(options)))
	binary.NativeEndian.PutUint32(body[4:], uint32(link))
	return append(b, options...)
}

// heard is one result of a scripted subscription's receive.
type heard struct {
	message  []byte
	stranger bool // another process sent it
	err      error
}

func scripted(script ...heard) (s subscription, closed *bool) {
	closed = new(bool)
	return subscription{
		fd: -1,
		receive: func(buffer []byte) (int, bool, error) {
			if len(script) == 0 {
				return 0, false, unix.EAGAIN
			}
			h := script[0]
			script = script[1:]
			return copy(buffer, h.message), !h.stranger, h.err
		},
		close: func() { *closed = true },
	}, closed
}

func TestTheSubscriptionOutlivesLossAndIsRenewedWhenItEnds(t *testing.T) {
	message := userOptionsMessage(2, rdnss(60, "2001:db8::53"))
	for _, c := range []struct {
		name                  string
		script                []heard
		renewed, again, known bool
	}{
		{"a message", []heard{{message: message}}, false, false, true},
		{"a message of another process", []heard{{message: message, stranger: true}}, false, false, false},
		{"a signal in between", []heard{{err: unix.EINTR}, {message: message}}, false, false, true},
		{"messages were lost", []heard{{err: unix.ENOBUFS}, {message: message}}, false, true, true},
		{"the socket broke", []heard{{message: message}, {err: unix.EBADF}}, true, true, true},
		{"the socket was closed", []heard{{}}, true, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			events, closed := scripted(c.script...)
			fresh, _ := scripted()
			fresh.fd = -2
			s := &solicitor{solicitation: solicitation{next: forever}, fd: -1}
			d := &daemon{
				stderr: io.Discard, events: events, indexes: map[int]string{2: "eth0"},
				announced: map[string]*announcements{}, solicitors: map[string]*solicitor{"eth0": s},
				subscribe: func() (subscription, error) { return fresh, nil },
			}
			if err := d.hear(); err != nil {
				t.Fatal(err)
			}
			if !d.dirty {
				t.Error("nothing will be compared")
			}
			if *closed != c.renewed || (d.events.fd == fresh.fd) != c.renewed {
				t.Errorf("renewed: closed %v, descriptor %d; want %v", *closed, d.events.fd, c.renewed)
			}
			if again := s.next != forever; again != c.again {
				t.Errorf("routers asked again: %v, want %v", again, c.again)
			}
			if known := d.announced["eth0"] != nil; known != c.known {
				t.Errorf("name server known: %v, want %v", known, c.known)
			} else if known && d.announced["eth0"].current(boottime.Now()).DNS[0] != netip.MustParseAddr("2001:db8::53") {
				t.Errorf("got %v", d.announced["eth0"])
			}
		})
	}
}

func TestWithoutASubscriptionWeEndAndAreStartedAgain(t *testing.T) {
	events, _ := scripted(heard{err: unix.EBADF})
	d := &daemon{stderr: io.Discard, events: events, subscribe: func() (subscription, error) { return subscription{}, unix.EMFILE }}
	if err := d.hear(); !errors.Is(err, unix.EMFILE) {
		t.Errorf("got %v", err)
	}
}

func TestAStormOfEventsDoesNotKeepUsFromTheRest(t *testing.T) {
	calls := 0
	storm := subscription{receive: func([]byte) (int, bool, error) { calls++; return 0, false, unix.ENOBUFS }}
	if _, _, lost, err := storm.drain(nil, nil, nil); err != nil || !lost || calls > 64 {
		t.Errorf("%d calls, lost %v, %v", calls, lost, err)
	}
}

// A router's table changes thousands of times a second while it starts.
func TestRoutesOfOthersAreHeardForNothing(t *testing.T) {
	want, have := wishOfOnePort()
	foreign := rtnl.Message(unix.RTM_NEWROUTE, 0, 0, routeBody(3, "20.0.0.0/24", 0, Route{Protocol: 12, Via: netip.MustParseAddr("10.0.0.1")}))
	ours := rtnl.Message(unix.RTM_DELROUTE, 0, 0, routeBody(2, "0.0.0.0/0", 100, Route{Protocol: protocolOurs}))
	var next []byte
	d := &daemon{stderr: io.Discard, interest: newInterest(want, have.Links), foreign: true, events: subscription{
		receive: func(buffer []byte) (n int, fromKernel bool, err error) {
			if next == nil {
				return 0, false, unix.EAGAIN
			}
			n, next = copy(buffer, next), nil
			return n, true, nil
		},
	}}
	hear := func(message []byte) {
		next = message
		if err := d.hear(); err != nil {
			t.Fatal(err)
		}
	}
	hear(foreign)
	if n := testing.AllocsPerRun(100, func() { hear(foreign) }); n > 1 || d.dirty {
		t.Errorf("%v allocations, to be looked at: %v", n, d.dirty)
	}
	if hear(ours); !d.dirty {
		t.Error("one of ours was not noticed")
	}
}

// What a change of our own has the kernel tell is no reason to look again: the look behind the change has seen it. What comes later is one.
func TestWhatOurOwnChangesTellIsNotLookedAtAgain(t *testing.T) {
	told := message(unix.RTM_NEWLINK)
	script := make([]heard, 1000)
	for i := range script {
		script[i] = heard{message: told}
	}
	k := newFakeKernel("eth0")
	d := looking(t, k)
	d.events, _ = scripted(script...)
	d.reconcile()
	if d.dirty || !k.Links["eth0"].Up {
		t.Errorf("dirty %v, %+v", d.dirty, k.Links["eth0"])
	}
	d.events, _ = scripted(script[0])
	if err := d.hear(); err != nil || !d.dirty {
		t.Errorf("a change of somebody else is not looked at: %v", err)
	}
	endless := d.events
	endless.receive = func(buffer []byte) (int, bool, error) { return copy(buffer, told), true, nil }
	d = looking(t, newFakeKernel("eth0"))
	d.events = endless
	if d.reconcile(); !d.dirty {
		t.Error("it believes that it has heard all")
	}
	d = looking(t, newFakeKernel("eth0"))
	d.events, _ = scripted(heard{err: unix.EBADF})
	d.subscribe = func() (subscription, error) { return subscription{}, unix.EMFILE }
	if d.reconcile(); !errors.Is(d.deaf, unix.EMFILE) {
		t.Errorf("it goes on without hearing anything: %v", d.deaf)
	}
}

// message is one without anything in it.
func message(kind uint16) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	return b
}
