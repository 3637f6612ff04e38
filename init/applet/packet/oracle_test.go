package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// theirs runs Debian's tcpdump on a pcap file.
func theirs(t *testing.T, file []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Fatal("tcpdump is missing: apt-get install tcpdump")
	}
	var errs bytes.Buffer
	cmd := exec.Command(path, append([]string{"-Z", "root", "-r", "-"}, args...)...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(file), &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tcpdump %q: %v: %s", args, err, &errs)
	}
	return out
}

// pcap is a file of packets; its seconds number them.
func pcap(t *testing.T, link Link, list [][]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, link, MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range list {
		if err := w.Write(Captured{At: time.Unix(int64(i), 0), Length: len(b), Bytes: b}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.Intn(len(list))] }

var (
	hosts4 = []string{"10.0.0.1", "10.0.0.2", "10.1.2.3", "192.168.1.7"}
	hosts6 = []string{"fd00::1", "fd00::2", "fe80::1:2", "2001:db8::5"}
	macs   = []string{"02:00:00:00:00:01", "02:00:00:00:00:02"}
)

// randomPacket is nearly right most of the time.
func randomPacket(r *rand.Rand) []byte {
	b := make([]byte, 0, 100)
	for range 2 {
		b = append(b, 2, 0, 0, 0, 0, byte(1+r.Intn(2)))
	}
	for range pick(r, 0, 0, 0, 1, 2) {
		b = binary.BigEndian.AppendUint16(b, pick[uint16](r, 0x8100, 0x8100, 0x88a8, 0x9100))
		b = binary.BigEndian.AppendUint16(b, uint16(r.Intn(8)<<13|r.Intn(3)))
	}
	v4 := func() []byte { return address4(pick(r, hosts4...)) }
	ports := func() []byte {
		list := binary.BigEndian.AppendUint16(nil, uint16(pick(r, 53, 80, 443, 1000+r.Intn(5))))
		return binary.BigEndian.AppendUint16(list, uint16(pick(r, 53, 80, 443, 1000+r.Intn(5))))
	}
	random := make([]byte, 40)
	r.Read(random)
	proto := pick[byte](r, 1, 6, 17, 58, 132, 44, 0, byte(r.Intn(256)))
	switch r.Intn(7) {
	case 0, 1, 2:
		length := pick(r, 5, 5, 5, 6, 15, r.Intn(16))
		b = append(b, 8, 0, byte(0x40|length), 0, 0, 60, 0, 1, pick[byte](r, 0, 0x40, 0x10, 0x1f), pick[byte](r, 0, 0, 1), 64, proto, 0, 0)
		b = append(append(b, v4()...), v4()...)
		b = append(b, random[:max(length-5, 0)*4%40]...)
		b = append(append(b, ports()...), random[:20]...)
	case 3, 4:
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 30, proto, 64)
		for range 2 {
			address := parse(pick(r, hosts6...)).As16()
			b = append(b, address[:]...)
		}
		if proto == 44 {
			b = append(b, pick[byte](r, 6, 17, 58), 0, 0, 0, 0, 0, 0, 1)
		}
		b = append(append(b, ports()...), random[:26]...)
	case 5:
		b = append(b, pick[byte](r, 8, 0x80), pick[byte](r, 6, 0x35), 0, 1, 8, 0, 6, 4, 0, byte(r.Intn(4)))
		b = append(append(append(append(b, random[:6]...), v4()...), random[:6]...), v4()...)
	default:
		b = append(b, random...)
	}
	switch r.Intn(4) {
	case 0:
		b = b[:r.Intn(len(b)+1)]
	case 1:
		b[r.Intn(len(b))] = byte(r.Intn(256))
	}
	return b
}

func randomFilter(r *rand.Rand, depth int) string {
	if depth > 0 && r.Intn(3) > 0 {
		left, right := randomFilter(r, depth-1), randomFilter(r, depth-1)
		switch r.Intn(5) {
		case 0:
			return "not " + "(" + left + ")"
		case 1:
			return "(" + left + ") or " + right
		case 2:
			return "(" + left + " and " + right + ")"
		case 3:
			return left + " && not " + right
		}
		return left + " or " + right
	}
	dir := pick(r, "", "", "src ", "dst ", "src or dst ", "src and dst ")
	switch r.Intn(12) {
	case 0:
		return pick(r, "ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "sctp")
	case 1:
		return dir + "host " + pick(r, hosts4...)
	case 2:
		return dir + "host " + pick(r, hosts6...)
	case 3:
		return dir + "net " + pick(r, "10", "10.0.0.0/8", "10.0", "192.168.1", "10.0.0.2/31", "0.0.0.0/0", "fd00::/16", "fd00::2/127", "fe80::/10")
	case 4, 5:
		return pick(r, "", "tcp ", "udp ", "sctp ") + dir + "port " + pick(r, "53", "80", "443")
	case 6:
		return pick(r, "", "tcp ", "udp ") + dir + "portrange " + pick(r, "53-80", "1000-1002", "0-65535", "80-80")
	case 7:
		return "ether " + dir + "host " + pick(r, macs...)
	case 8:
		return pick(r, "vlan", "vlan 1", "vlan 2")
	case 9:
		return pick(r, "ip ", "arp ", "rarp ") + dir + "host " + pick(r, hosts4...)
	case 10:
		return "(" + dir + "port 53 or 80)"
	}
	return pick(r, "src ", "dst ", "src or dst ") + pick(r, hosts4...)
}

func TestFiltersChooseWhatTcpdumpChooses(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	frames := make([][]byte, 1500)
	for i := range frames {
		frames[i] = randomPacket(r)
	}
	for _, link := range []Link{Ethernet, Cooked} {
		list := slices.Clone(frames)
		if !link.ethernet {
			for i, b := range list {
				if len(b) >= 12 {
					list[i] = append(make([]byte, 14), b[12:]...)
				}
			}
		}
		file := pcap(t, link, list)
		some := 0
		for i := range 120 {
			filter := randomFilter(r, i%4)
			if !link.ethernet && (strings.Contains(filter, "ether") || strings.Contains(filter, "vlan")) {
				continue
			}
			program, err := Compile(filter, link, MaxBytes, nil)
			if err != nil {
				t.Fatalf("%s: %v", filter, err)
			}
			var want, got []int64
			// Their optimizer is off: it leaves out questions that would end at a packet that is cut off.
			in, err := NewReader(bytes.NewReader(theirs(t, file, "-O", "-w", "-", "--", filter)))
			if err != nil {
				t.Fatal(err)
			}
			for {
				p, err := in.Read()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, p.At.Unix())
			}
			for i, b := range list {
				if Run(program, b) > 0 {
					got = append(got, int64(i))
				}
			}
			if len(got) > 0 && len(got) < len(list) {
				some++
			}
			for i := range list {
				if a, b := slices.Contains(got, int64(i)), slices.Contains(want, int64(i)); a != b {
					t.Fatalf("%s: %x: chosen %v, want %v", filter, list[i], a, b)
				}
			}
		}
		if some < 30 {
			t.Errorf("only %d filters decided anything", some)
		}
	}
}

func TestLinesLikeTcpdump(t *testing.T) {
	tcp := func(flags byte, data string) []byte {
		b := append(binary.BigEndian.AppendUint32([]byte{0x04, 0xd2, 0, 81}, 7), 0, 0, 0, 9, 0x50, flags, 0x10, 0, 0, 0, 0, 0)
		return append(b, data...)
	}
	frames := [][]byte{
		ip4(6, tcp(2, "")), ip4(6, tcp(0x12, "")), ip4(6, tcp(0x10, "")), ip4(6, tcp(0x18, "hello")), ip4(6, tcp(0x11, "")), ip4(6, tcp(4, "")), ip4(6, tcp(0, "")), ip4(6, tcp(0xc2, "")),
		ip4(17, []byte{0x30, 0x39, 0x30, 0x3a, 0, 12, 0, 0, 1, 2, 3, 4}),
		ip6(17, []byte{0x30, 0x39, 0x30, 0x3a, 0, 12, 0, 0, 1, 2, 3, 4}), ip6(6, tcp(2, "")),
		ip4(1, []byte{8, 0, 0, 0, 0, 1, 0, 2, 0, 0}), ip4(1, []byte{0, 0, 0, 0, 0, 1, 0, 2}),
		ip6(58, []byte{128, 0, 0, 0, 0, 1, 0, 2, 0, 0}), ip6(58, []byte{129, 0, 0, 0, 0, 1, 0, 2}),
		ethernet(0x0806, []byte{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2}),
		ethernet(0x0806, []byte{0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2}),
	}
	file := pcap(t, Ethernet, frames)
	for _, style := range []Style{{}, {Link: true}} {
		args := []string{"-nnStK"}
		if style.Link {
			args = append(args, "-e")
		}
		want := strings.Split(strings.TrimSpace(string(theirs(t, file, args...))), "\n")
		if len(want) != len(frames) {
			t.Fatalf("%d lines: %q", len(want), want)
		}
		for i, b := range frames {
			if got := Line(Captured{Length: len(b), Bytes: b}, Ethernet, style); got != want[i] {
				t.Errorf("got  %s\nwant %s", got, want[i])
			}
		}
	}
	for flag, ascii := range map[string]bool{"-x": false, "-X": true} {
		b := ip4(17, []byte("\x30\x39\x30\x3a\x00\x14\x00\x00\x1b[2J hostile"))
		want := strings.TrimRight(string(theirs(t, pcap(t, Ethernet, [][]byte{b}), "-nt", flag)), "\n")
		_, want, _ = strings.Cut(want, "\n")
		if got := Dump(Captured{Bytes: b}, Ethernet, ascii); got != "\n"+want {
			t.Errorf("%s: got %s\nwant %s", flag, got, want)
		}
	}
}

func TestALongFilterReachesItsEnd(t *testing.T) {
	words := []string{}
	for port := range 40 {
		words = append(words, fmt.Sprintf("port %d", port+1))
	}
	filter := strings.Join(words, " or ")
	program, err := Compile(filter, Ethernet, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(program) < 256 || len(program) > 4096 {
		t.Fatalf("%d instructions", len(program))
	}
	for port, want := range map[byte]uint32{1: 100, 40: 100, 41: 0} {
		if got := Run(program, ip4(17, []byte{0, port, 99, 99, 0, 8, 0, 0})); got != want {
			t.Errorf("port %d: got %d, want %d", port, got, want)
		}
	}
}
