//go:build !mips && !mipsle

package dnssockets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// flood asks one question after the other without waiting for answers, up to 50 on the way, again where an answer says
// that there are too many; it returns how many were answered.
func flood(t testing.TB, to, questions string) (answered int) {
	conn, err := net.Dial("udp", to)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	open := map[uint16][]byte{}
	id := uint16(0)
	b := make([]byte, 4096)
	lines := strings.Split(strings.TrimSpace(questions), "\n")
	for len(lines) > 0 || len(open) > 0 {
		for len(open) < 50 && len(lines) > 0 {
			name, _, _ := strings.Cut(lines[0], " ")
			lines = lines[1:]
			id++
			q := []byte{byte(id >> 8), byte(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
			for label := range strings.SplitSeq(name, ".") {
				q = append(append(q, byte(len(label))), label...)
			}
			open[id] = append(q, 0, 0, 1, 0, 1)
			conn.Write(open[id])
		}
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := conn.Read(b)
		if err != nil {
			t.Errorf("no answer: %v", err)
			return answered
		}
		got := binary.BigEndian.Uint16(b)
		if n >= 12 && open[got] != nil {
			if b[3]&15 == 0 && b[7] == 1 {
				answered++
			}
			delete(open, got)
		}
	}
	return answered
}

// hostile answers each question with what mischief makes of it, over UDP and TCP at port 53.
func (p peer) hostile(address string, mischief func(question []byte, tcp bool) [][]byte) {
	p.t.Helper()
	var udp net.PacketConn
	var tcp net.Listener
	var err error
	p.here(func() {
		if udp, err = net.ListenPacket("udp", address); err == nil {
			tcp, err = net.Listen("tcp", address)
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { udp.Close(); tcp.Close() })
	go func() {
		for {
			b := make([]byte, 4096)
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			for _, answer := range mischief(b[:n], false) {
				udp.WriteTo(answer, from)
			}
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if b, err := readFramed(c); err == nil {
					for _, answer := range mischief(b, true) {
						writeFramed(c, answer)
					}
				}
			}()
		}
	}()
}

// addressed is the right answer: one address.
func addressed(question []byte) []byte {
	end := 12
	for question[end] != 0 {
		end += 1 + int(question[end])
	}
	b := bytes.Clone(question[:end+5])
	b[2], b[3], b[7] = 0x81, 0x80, 1
	b[10], b[11] = 0, 0
	return append(b, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 203, 0, 113, 9)
}

func TestAHostileServerHarmsNobody(t *testing.T) {
	l := newLab(t)
	flip := func(b []byte, at int) []byte { b = bytes.Clone(b); b[at] ^= 0x55; return b }
	huge := func(question []byte) []byte { // 64 kB of records
		b := addressed(question)
		n := 1
		for ; len(b)+16 <= 65535; n++ {
			b = append(b, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 203, 0, 113, byte(n))
		}
		binary.BigEndian.PutUint16(b[6:], uint16(n))
		return b
	}
	mischiefs := map[string]func(q []byte, tcp bool) [][]byte{
		"wrong ids, then the right one": func(q []byte, _ bool) (list [][]byte) {
			for range 10 {
				list = append(list, flip(addressed(q), 0))
			}
			return append(list, addressed(q))
		},
		"only wrong ids, over TCP the right one": func(q []byte, tcp bool) (list [][]byte) {
			if tcp {
				return [][]byte{addressed(q)}
			}
			for range 100 {
				list = append(list, flip(addressed(q), 1))
			}
			return list
		},
		"the answer to another question": func(q []byte, _ bool) [][]byte { return [][]byte{flip(addressed(q), 13), addressed(q)} },
		"garbage, then the right one": func(q []byte, _ bool) [][]byte {
			return [][]byte{{1}, {}, bytes.Repeat([]byte{0xff}, 1000), addressed(q)}
		},
		"truncated, and 64 kB over TCP": func(q []byte, tcp bool) [][]byte {
			if tcp {
				return [][]byte{huge(q)}
			}
			b := addressed(q)
			b[2] |= 2
			return [][]byte{b}
		},
		"nothing over UDP but that it is truncated, and nothing over TCP": func(q []byte, tcp bool) [][]byte {
			b := bytes.Clone(q)
			b[2] = 0x83
			return [][]byte{b}[:map[bool]int{false: 1}[tcp]]
		},
		"a loop": func(q []byte, _ bool) [][]byte {
			b := addressed(q)
			at := len(b) - 16
			b[at], b[at+1] = 0xc0|byte(at>>8), byte(at)
			return [][]byte{b}
		},
		"a loop in the data": func(q []byte, _ bool) [][]byte {
			b := addressed(q)
			b = b[:len(b)-16]
			at := len(b)
			return [][]byte{append(b, 0xc0, 12, 0, 5, 0, 1, 0, 0, 1, 0, 0, 2, 0xc0, byte(at+12))}
		},
		"more records than it has": func(q []byte, _ bool) [][]byte { b := addressed(q); b[6], b[7] = 0xff, 0xff; return [][]byte{b} },
		"a length beyond the end":  func(q []byte, _ bool) [][]byte { b := addressed(q); b[len(b)-6] = 0xff; return [][]byte{b} },
		"answers to what nobody asked, without end": func(q []byte, tcp bool) (list [][]byte) {
			for range 1000 {
				list = append(list, flip(addressed(q), 0))
			}
			return list
		},
		"too late": func(q []byte, _ bool) [][]byte { time.Sleep(1500 * time.Millisecond); return [][]byte{addressed(q)} },
	}
	recovers := map[string]bool{"wrong ids, then the right one": true, "only wrong ids, over TCP the right one": true, "garbage, then the right one": true,
		"the answer to another question": true, "truncated, and 64 kB over TCP": true, "too late": true}
	chosen := make(chan func(q []byte, tcp bool) [][]byte, 1)
	current := mischiefs["a loop"]
	l.wan.hostile("198.51.100.1:53", func(q []byte, tcp bool) [][]byte {
		select {
		case current = <-chosen:
		default:
		}
		return current(q, tcp)
	})
	number := 0
	for claim, mischief := range mischiefs {
		select {
		case <-chosen:
		default:
		}
		chosen <- mischief
		l.configure([]string{"198.51.100.1"})
		number++
		name := "n" + strings.Repeat("x", number) + ".example.org"
		got := l.lan.dig("@192.168.1.1 " + name)
		want := "status: SERVFAIL"
		if recovers[claim] {
			want = "203.0.113.9"
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: want %s in\n%.2000s", claim, want, got)
		}
		if s := l.status(); s.Waiting != 0 {
			t.Errorf("%s: %d questions are still under way", claim, s.Waiting)
		}
	}
	if s := l.status(); s.Counts.Unwanted == 0 || s.Counts.BadAnswers == 0 {
		t.Errorf("nothing was counted: %+v", s.Counts)
	}
}

func TestHostileClientsHarmNobody(t *testing.T) {
	l := newLab(t)
	l.wan.dnsmasq(world...)
	l.configure([]string{"198.51.100.1"})
	l.lan.here(func() {
		conn, err := net.Dial("udp", "192.168.1.1:53")
		if err != nil {
			t.Error(err)
			return
		}
		for _, b := range [][]byte{{}, {1}, bytes.Repeat([]byte{0}, 12), bytes.Repeat([]byte{0xff}, 5000), bytes.Repeat([]byte{0xc0}, 100), {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1}} {
			conn.Write(b)
		}
		var conns []net.Conn
		refused := 0
		for range 3 * maxConnsOfClient { // who opens many and says nothing, or half a question
			c, err := net.Dial("tcp", "192.168.1.1:53")
			if err != nil {
				t.Error(err)
				return
			}
			c.Write([]byte{0, 50, 1, 2, 3})
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := c.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				refused++
			}
			if refused == 2*maxConnsOfClient {
				break
			}
		}
		if refused < 2*maxConnsOfClient {
			t.Errorf("%d of %d connections were refused", refused, len(conns))
		}
		for _, c := range conns {
			c.Close()
		}
	})
	l.Eventually("connections again", func() error {
		if got := l.lan.dig("+short +tcp @192.168.1.1 www.example.org"); got != "203.0.113.9\n" {
			return errText(got)
		}
		return nil
	})
	if s := l.status(); s.Counts.Malformed == 0 {
		t.Errorf("nothing was counted: %+v", s.Counts)
	}
}

type errText string

func (e errText) Error() string { return string(e) }
