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
	m := remembered{}
	mac := func(n int) [6]byte { return [6]byte{2, 0, 0, 0, byte(n >> 8), byte(n)} }
	at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{255, 255, byte(n >> 8), byte(n)}) }
	for n := range 3 * maxRemembered { // more than there can be, with the longest names
		m.note(fmt.Sprintf("%015d", n), mac(n), at(n))
	}
	if text := m.text(); len(m) != maxRemembered || len(text) > MaxRemembered {
		t.Errorf("%d ports in %d bytes", len(m), len(text))
	}
	path := filepath.Join(t.TempDir(), "remembered")
	if err := os.WriteFile(path, []byte(m.text()), 0o644); err != nil {
		t.Fatal(err)
	}
	last := 3*maxRemembered - 1
	port := fmt.Sprintf("%015d", last)
	m = readRemembered(path)
	if got := m.address(port, mac(last)); got != at(last) {
		t.Errorf("got %v, want %v", got, at(last))
	}
	if got := m.address(port, mac(1)); got.IsValid() {
		t.Errorf("another card gets %v", got)
	}
	m.note(port, mac(1), netip.Addr{}) // another card's refusal
	if !m.address(port, mac(last)).IsValid() {
		t.Error("forgotten for another card")
	}
	m.note(port, mac(last), netip.Addr{})
	if m.address(port, mac(last)).IsValid() {
		t.Error("not forgotten")
	}
	for _, text := range []string{"", "null", "[]", "{", `{"eth0":{"MAC":"02:00:00:00:00:01","Address":"10.0.0.300"}}`, strings.Repeat(" ", MaxRemembered) + "{}", `{"eth0":null}`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m := readRemembered(path)
		m.note("eth0", mac(1), at(1)) // it can be used
		if m.address("eth1", mac(1)).IsValid() || m.address("eth0", mac(1)) != at(1) {
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

func TestNothingIsRememberedOnlyAfterSomething(t *testing.T) {
	m, ever := remembered{}, false
	mac := [6]byte{2, 0, 0, 0, 0, 1}
	if got := m.report(&ever); got != "" {
		t.Errorf("before the first address: %q", got)
	}
	m.note("eth0", mac, netip.MustParseAddr("10.0.2.15"))
	if got := m.report(&ever); !strings.Contains(got, "10.0.2.15") {
		t.Errorf("with one: %q", got)
	}
	m.note("eth0", mac, netip.Addr{})
	if got := m.report(&ever); got != "{}" {
		t.Errorf("when it was given up: %q, want {}, or the one of before would be asked for again", got)
	}
}
