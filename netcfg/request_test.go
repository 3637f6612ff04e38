package netcfg

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRequestsAreHeardBesideTheAnswersToReports(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	say := func(text string) {
		t.Helper()
		if _, err := unix.Write(fds[1], []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	r := &reporter{fd: fds[0]}
	say("renew eth0\n\nrenew e") // the second is the answer
	if err := r.send([]byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	say("th1\n")
	if err := r.hear(unix.MSG_DONTWAIT); err != nil {
		t.Fatal(err)
	}
	if want := []string{"renew eth0", "renew eth1"}; !slices.Equal(r.asked, want) {
		t.Errorf("asked %q, want %q", r.asked, want)
	}
	d := &daemon{reporter: r}
	d.answer(true) // nothing more has come, and no such port is there
	if len(r.asked) != 0 || r.fd < 0 {
		t.Errorf("asked %q, descriptor %d", r.asked, r.fd)
	}
	say(strings.Repeat("x", maxRequest)) // a line without end costs the connection, not memory
	for range maxRequest {
		if d.answer(true); r.fd < 0 {
			return
		}
		unix.SendmsgN(fds[1], []byte("x"), nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	}
	t.Errorf("%d bytes are kept", len(r.in))
}

func TestWhatDHCPDidNotUseIsShownWhereThereIsSomething(t *testing.T) {
	for want, s := range map[string]*DHCPStatus{
		"":                   nil,
		" ":                  {},
		"packets ignored: 2": {Ignored: 2},
		"answers refused: 1, packets damaged: 3, packets lost: 4, options of the lease not used: 5|last: offer refused: why": {
			Refused: 1, Refusal: "offer refused: why", Damaged: 3, Lost: 4, Unused: 5},
		"no server confirms it|packets ignored: 1": {Doubt: "no server confirms it", Ignored: 1},
	} {
		if got := strings.Join(s.lines(), "|"); got != strings.TrimSpace(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
