package dnsforward

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func TestNamesAreFollowedToTheirEnd(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("a", 63), 3)
	for _, c := range []struct {
		claim string
		b     string
		at    int
		name  string
		next  int // 0: refused
	}{
		{"plain", "\x03WWW\x02ab\x00rest", 0, "\x03www\x02ab\x00", 8},
		{"the root", "\x00", 0, "\x00", 1},
		{"compressed", "\x02ab\x00\x03www\xc0\x00rest", 4, "\x03www\x02ab\x00", 10},
		{"a pointer to a pointer", "\x02ab\x00\xc0\x00\x01x\xc0\x04", 6, "\x01x\x02ab\x00", 10},
		{"a pointer to itself", "\xc0\x00", 0, "", 0},
		{"a loop of two", "\x01a\xc0\x04\x01b\xc0\x00", 4, "", 0},
		{"a pointer forwards", "\xc0\x02\x00", 0, "", 0},
		{"a pointer into its own label", "\x03abc\xc0\x01", 0, "", 0},
		{"a pointer beyond the end", "\x00\xff\xff", 1, "", 0},
		{"half a pointer", "\x00\xc0", 1, "", 0},
		{"a label beyond the end", "\x05ab", 0, "", 0},
		{"no end", "\x02ab", 0, "", 0},
		{"nothing", "", 0, "", 0},
		{"a label of 64, or an extended one", "\x40" + strings.Repeat("a", 64) + "\x00", 0, "", 0},
		{"255 bytes", long + "\x3d" + strings.Repeat("b", 61) + "\x00", 0, long + "\x3d" + strings.Repeat("b", 61) + "\x00", 255},
		{"256 bytes", long + "\x3e" + strings.Repeat("b", 62) + "\x00", 0, "", 0},
	} {
		name, next, ok := readName([]byte(c.b), c.at)
		switch {
		case ok != (c.next > 0):
			t.Errorf("%s: accepted %v", c.claim, ok)
		case ok && (name != c.name || next != c.next):
			t.Errorf("%s: got %q, then %d; want %q, %d", c.claim, name, next, c.name, c.next)
		case ok && c.at == 0 && skipName([]byte(c.b), 0) != next:
			t.Errorf("%s: skipped to %d", c.claim, skipName([]byte(c.b), 0))
		}
	}
}

// TestAChainOfPointersEnds has a message in which a name is a walk through many pointers, each to the one before.
func TestAChainOfPointersEnds(t *testing.T) {
	for depth, want := range map[int]bool{maxPointers - 1: true, maxPointers + 1: false, 8000: false} {
		b := build(1, flagQR, "a A")
		b = append(b, 0, 0xff, 0, 0, 1, 0, 0, 0, 9) // a record of a type that nobody knows, its data all pointers
		b = binary.BigEndian.AppendUint16(b, uint16(2*depth))
		for to := headerSize; depth > 0; depth-- {
			b, to = binary.BigEndian.AppendUint16(b, 0xc000|uint16(to)), len(b)
		}
		b = binary.BigEndian.AppendUint16(b, 0xc000|uint16(len(b)-2)) // the name of the next one
		b = append(b, 0xff, 1, 0, 1, 0, 0, 0, 9, 0, 0)
		b[7] = 2
		if _, ok := readMessage(b); ok != want {
			t.Errorf("%d bytes of pointers: accepted %v", len(b), ok)
		}
	}
}

func TestDataOfRecordsIsReadToItsEnd(t *testing.T) {
	for _, c := range []struct {
		claim string
		kind  uint16
		data  string
		ok    bool
	}{
		{"an address", typeA, "\x01\x02\x03\x04", true},
		{"an address of five bytes", typeA, "\x01\x02\x03\x04\x05", false},
		{"one of IPv6 that is one of IPv4", typeAAAA, "\x01\x02\x03\x04", false},
		{"a name", typeCNAME, "\x01b\xc0\x0c", true},
		{"a name, and something", typeCNAME, "\x01b\xc0\x0c\x00", false},
		{"a name that leads to itself", typeCNAME, "\xc0\x1d", false},
		{"a name that goes on behind the record", typeCNAME, "\x05b", false},
		{"a mail server", 15, "\x00\x0a\x02mx\xc0\x0c", true},
		{"a mail server without its number", 15, "\x00", false},
		{"a zone", typeSOA, "\x00\x00" + strings.Repeat("\x00", 20), true},
		{"a zone that is too short", typeSOA, "\x00\x00" + strings.Repeat("\x00", 19), false},
		{"what nobody knows", 65280, "\xc0\xff", true},
		{"what nobody knows, empty", 65280, "", true},
	} {
		b := build(1, flagQR, "a A", []string{"a 1 TXT x"})
		b = b[:len(b)-1-2-4-2-2]
		b = binary.BigEndian.AppendUint16(b, c.kind)
		b = append(b, 0, 1, 0, 0, 0, 1, 0, byte(len(c.data)))
		b = append(b, c.data...)
		if _, ok := readMessage(b); ok != c.ok {
			t.Errorf("%s: accepted %v", c.claim, ok)
		}
	}
}

// FuzzStep gives a forwarder any two messages, one of a client and one of a server, and wants what it sends to be
// messages that can be read, of the sizes that were asked for, and that it keeps nothing beyond its bounds.
func FuzzStep(f *testing.F) {
	question := withOPT(build(7, flagRD, "example.org A"), 1232, true)
	f.Add(question, build(0, flagQR, "example.org A", []string{exampleA}, []string{"example.org 9 SOA 60"}))
	f.Add(build(7, flagRD, "a.plex.direct HTTPS"), withOPT(build(0, flagQR, "a.plex.direct HTTPS", []string{"a.plex.direct 5 HTTPS 192.168.1.1"}), 512, false))
	f.Add(build(7, flagRD, "example.org CNAME"), append(build(0, flagQR|flagTC, "example.org CNAME"), 0xc0, 12, 0, 5))
	f.Add(build(7, flagRD, "5.1.168.192.in-addr.arpa PTR"), []byte{})
	f.Fuzz(func(t *testing.T, client, server []byte) {
		for _, tcp := range []uint64{0, 1} {
			d := newDesk(t, home())
			from := anna
			from.TCP = tcp
			d.step(FromClient{from, bytes.Clone(client)})
			d.look(client)
			for range 3 {
				asks := d.asks()
				if len(asks) == 0 {
					break
				}
				if _, ok := readMessage(asks[0].Data); !ok {
					t.Fatalf("asks %x", asks[0].Data)
				}
				b := bytes.Clone(server)
				if len(b) >= 2 {
					copy(b, asks[0].Data[:2])
				}
				d.step(FromUpstream{asks[0].Ask, b})
				d.look(client)
			}
			d.step(FromClient{from, bytes.Clone(client)})
			d.look(client)
			if d.f.cache.bytes > cacheBytes || len(d.f.cache.entries) > 1 {
				t.Fatalf("keeps %d bytes", d.f.cache.bytes)
			}
			d.sent = d.after(maxTTL)
			d.look(client)
			if len(d.f.queries)+len(d.f.asked)+d.f.waits != 0 {
				t.Fatal("something waits for ever")
			}
		}
	})
}

// look checks what a client is sent.
func (d *desk) look(client []byte) {
	d.t.Helper()
	for _, a := range d.sent {
		answer, ok := a.(Answer)
		if !ok {
			continue
		}
		b := answer.Data
		if len(b) < headerSize || !bytes.Equal(b[:2], client[:2]) || b[2]&0x80 == 0 {
			d.t.Fatalf("answer %x to %x", b, client)
		}
		if _, ok := readMessage(b); !ok && len(b) > headerSize {
			d.t.Fatalf("answer %x to %x", b, client)
		}
		if limit := map[bool]int{true: 65535, false: udpSize}[answer.To.TCP != 0]; len(b) > limit {
			d.t.Fatalf("%d bytes to %x", len(b), client)
		}
	}
}
