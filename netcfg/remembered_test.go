package netcfg

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestWhatIsRememberedFitsAndComesBack(t *testing.T) {
	m := remembered{Ports: map[string]had{}}
	mac := func(n int) [6]byte { return [6]byte{2, 0, 0, 0, byte(n >> 8), byte(n)} }
	at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{255, 255, byte(n >> 8), byte(n)}) }
	long := func(n, bits int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom16([16]byte{0xff, 1: 0xff, 3: 0xff, 5: 0xff, 7: 0xff, 9: 0xff, 11: 0xff, 13: 0xff, 14: byte(n >> 8), 15: byte(n)}), bits)
	}
	m.DUID = strings.Repeat("ff", maxDUID)
	for n := range 3 * maxRemembered { // more than there can be, with the longest names
		m.note(fmt.Sprintf("%015d", n), mac(n), at(n))
		m.note6(fmt.Sprintf("%015d", n), mac(n), []netip.Prefix{long(n, 127), long(n, 128), long(n, 126)})
	}
	if text := m.text(); len(m.Ports) != maxRemembered || len(text) > MaxRemembered {
		t.Errorf("%d ports in %d bytes", len(m.Ports), len(text))
	}
	path := filepath.Join(t.TempDir(), "remembered")
	if err := os.WriteFile(path, []byte(m.text()), 0o644); err != nil {
		t.Fatal(err)
	}
	last := 3*maxRemembered - 1
	port := fmt.Sprintf("%015d", last)
	m = readRemembered(path)
	if got := m.of(port, mac(last)).Address; got != at(last) {
		t.Errorf("got %v, want %v", got, at(last))
	}
	if got := m.of(port, mac(1)).Address; got.IsValid() {
		t.Errorf("another card gets %v", got)
	}
	m.note(port, mac(1), netip.Addr{}) // another card's refusal
	if !m.of(port, mac(last)).Address.IsValid() {
		t.Error("forgotten for another card")
	}
	m.note(port, mac(last), netip.Addr{})
	if got := m.of(port, mac(last)).Leased6; !slices.Equal(got, []netip.Prefix{long(last, 128), long(last, 127)}) {
		t.Errorf("by DHCPv6: %v", got)
	}
	m.note6(port, mac(last), nil)
	if _, there := m.Ports[port]; there {
		t.Error("an empty entry is kept")
	}
	if m.of(port, mac(last)).Address.IsValid() {
		t.Error("not forgotten")
	}
	for _, text := range []string{"", "null", "[]", "{", `{"eth0":{"MAC":"02:00:00:00:00:01","Address":"10.0.0.300"}}`, strings.Repeat(" ", MaxRemembered) + "{}", `{"eth0":null}`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m := readRemembered(path)
		m.note("eth0", mac(1), at(1)) // it can be used
		if m.of("eth1", mac(1)).Address.IsValid() || m.of("eth0", mac(1)).Address != at(1) {
			t.Errorf("%q: %v", text, m)
		}
	}
}

func TestTheReceiverKeepsWhatItIsToldToRememberAndShowsItToNobody(t *testing.T) {
	r := newReceiver(t)
	var mu sync.Mutex
	var texts []string
	r.Remember = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		texts = append(texts, text)
	}
	line := &reporter{path: r.socket, fd: -1}
	say := func(remember string) error {
		s := Status{Online: true, Remember: remember}
		text, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		line.sent = nil
		return line.send(text)
	}
	for _, text := range []string{"one", "one", "", "two\x00\n"} {
		if err := say(text); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	kept := slices.Clone(texts)
	mu.Unlock()
	if got := fmt.Sprintf("%q", kept); got != `["one" "two\x00\n"]` {
		t.Errorf("kept %s", got)
	}
	if text, err := os.ReadFile(filepath.Join(r.Dir, rememberedFile)); err != nil || string(text) != kept[1] {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(r.Dir, "status.json")); err != nil || strings.Contains(string(text), "emember") {
		t.Errorf("%s, %v", text, err)
	}
	if err := say(strings.Repeat("x", MaxRemembered+1)); err == nil {
		t.Error("too much was taken")
	}
	r.wait(t, "it is told", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.faults) == 1 })
	mu.Lock()
	defer mu.Unlock()
	if len(texts) != 2 {
		t.Errorf("kept %d", len(texts))
	}
}

func TestWhatAnOlderReleaseRemembersIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "remembered")
	if err := os.WriteFile(path, []byte(`{"eth0":{"MAC":"02:00:00:00:00:01","Address":"10.0.2.15"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	m := readRemembered(path)
	if got := m.of("eth0", [6]byte{2, 0, 0, 0, 0, 1}).Address; got != netip.MustParseAddr("10.0.2.15") {
		t.Errorf("got %v", got)
	}
}

func TestNothingIsRememberedOnlyAfterSomething(t *testing.T) {
	m, ever := remembered{Ports: map[string]had{}}, false
	mac := [6]byte{2, 0, 0, 0, 0, 1}
	if got := m.report(&ever, false); got != "" {
		t.Errorf("before the first address: %q", got)
	}
	m.note("eth0", mac, netip.MustParseAddr("10.0.2.15"))
	if got := m.report(&ever, false); !strings.Contains(got, "10.0.2.15") {
		t.Errorf("with one: %q", got)
	}
	m.note("eth0", mac, netip.Addr{})
	if got := m.report(&ever, false); got != `{"Ports":{}}` {
		t.Errorf("when it was given up: %q, want nothing in it, or the one of before would be asked for again", got)
	}
}

func TestTheMachineKeepsItsDUIDWhateverCardItHas(t *testing.T) {
	card, another := [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}
	links := map[string]Link{"eth1": {Ethernet: true, Hardware: true, MAC: another}, "eth0": {Ethernet: true, Hardware: true, MAC: another, Permanent: card}, "br0": {Ethernet: true, MAC: card}}
	m := remembered{DUID: chooseDUID(links)}
	if want := "00030001020000000001"; m.DUID != want {
		t.Fatalf("got %s, want %s", m.DUID, want)
	}
	if got := m.duid(another); !slices.Equal(got, hardwareDUID(card)) {
		t.Errorf("with another card: %x", got)
	}
	for _, damaged := range []string{"", "x", "00", strings.Repeat("00", maxDUID+1)} {
		if got := (&remembered{DUID: damaged}).duid(another); !slices.Equal(got, hardwareDUID(another)) {
			t.Errorf("%q: %x", damaged, got)
		}
	}
}
