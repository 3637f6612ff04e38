package packet

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
)

func parse(text string) netip.Addr { return netip.MustParseAddr(text) }

func address4(text string) []byte { return parse(text).AsSlice() }

func ethernet(kind uint16, payload []byte) []byte {
	b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

func ip4(proto byte, payload []byte) []byte {
	header := []byte{0x45, 0, 0, byte(20 + len(payload)), 0, 1, 0x40, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	return ethernet(typeIPv4, append(header, payload...))
}

func ip6(proto byte, payload []byte) []byte {
	header := []byte{0x60, 0, 0, 0, 0, byte(len(payload)), proto, 64}
	header = append(append(header, parse("fd00::1").AsSlice()...), parse("fd00::2").AsSlice()...)
	return ethernet(typeIPv6, append(header, payload...))
}

func TestWrongFiltersAreRefused(t *testing.T) {
	for _, filter := range []string{"host", "port", "port x", "port 65536", "portrange 9-1", "(tcp", "tcp)", "tcp udp", "not", "and", "tcp and", "ether", "ether host 1", "vlan 4096",
		"net 10.0.0.1/8", "net x", "host a.example", "src src 10.0.0.1", "ip6 host 10.0.0.1", "ip host fd00::1", "icmp port 80", "tcp host 10.0.0.1", "port 80 or not", "src or src 10.0.0.1",
		strings.Repeat("(", 5000) + "tcp", strings.Repeat("port 1 or ", 5000) + "tcp", "host fe80::1%eth0"} {
		if _, err := Compile(filter, Ethernet, 1, nil); err == nil {
			t.Errorf("%.40q is accepted", filter)
		}
	}
	if _, err := Compile("ether host 02:00:00:00:00:01", LiveCooked, 1, nil); err == nil {
		t.Error("ether host is accepted on a link without hardware addresses")
	}
}

func TestNamesAreAllTheirAddresses(t *testing.T) {
	program, err := Compile("host a.example", Ethernet, 1, func(string) ([]netip.Addr, error) {
		return []netip.Addr{parse("fd00::9"), parse("10.0.0.9"), parse("10.0.0.2")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if Run(program, ip4(6, nil)) == 0 || Run(program, ip6(6, nil)) != 0 {
		t.Error("10.0.0.2 is not found, or fd00::2 is")
	}
}

func TestFilesOfEitherByteOrderAndDamagedOnes(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		file := order.AppendUint32(nil, magicNano)
		file = append(file, make([]byte, 16)...)
		file = order.AppendUint32(file, linkEthernet)
		for _, n := range []uint32{7, 8, 2, 60} {
			file = order.AppendUint32(file, n)
		}
		file = append(file, 1, 2)
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		p, err := r.Read()
		if err != nil || !p.At.Equal(time.Unix(7, 8)) || p.Length != 60 || !bytes.Equal(p.Bytes, []byte{1, 2}) {
			t.Errorf("got %v, %v", p, err)
		}
		if _, err := r.Read(); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
		for size := range file {
			if r, err := NewReader(bytes.NewReader(file[:size])); err == nil {
				if _, err := r.Read(); err == nil || err == io.EOF && size > 24 {
					t.Errorf("cut off at %d: %v", size, err)
				}
			}
		}
	}
}

func FuzzPackets(f *testing.F) {
	f.Add(ip4(6, make([]byte, 20)), 100)
	f.Add(ip6(58, make([]byte, 30)), -1)
	f.Add(ip6(0, make([]byte, 8)), 0)
	f.Add(ethernet(0x8100, []byte{0, 1, 8, 0, 0x45}), 0)
	f.Add(ethernet(typeARP, make([]byte, 28)), 0)
	f.Fuzz(func(t *testing.T, b []byte, length int) {
		for _, link := range []Link{Ethernet, Cooked, Cooked2} {
			p := Captured{Length: length, Bytes: b}
			for _, style := range []Style{{}, {true, true}} {
				for _, c := range Line(p, link, style) {
					if !unicode.IsPrint(c) {
						t.Fatalf("%q is printed", c)
					}
				}
			}
			Dump(p, link, true)
		}
		if r, err := NewReader(bytes.NewReader(b)); err == nil {
			for err == nil {
				_, err = r.Read()
			}
		}
	})
}

func FuzzFilters(f *testing.F) {
	f.Add("tcp port 80 or not (vlan 5 and host 10.0.0.1)", ip4(6, make([]byte, 20)))
	f.Add("ether src host 02:00:00:00:00:01 && portrange 1-2 || net fd00::/8", ip6(6, nil))
	f.Fuzz(func(t *testing.T, filter string, b []byte) {
		for _, link := range []Link{Ethernet, LiveEthernet, LiveCooked, Cooked} {
			program, err := Compile(filter, link, 100, nil)
			if err != nil {
				continue
			}
			if len(program) > 4096 {
				t.Fatalf("%d instructions are more than the kernel takes", len(program))
			}
			for at, i := range program {
				if i.Code&7 == 5 && at+1+max(int(i.Jt), int(i.Jf)) >= len(program) {
					t.Fatalf("instruction %d jumps out", at)
				}
			}
			if n := Run(program, b); n != 0 && n != 100 {
				t.Fatalf("takes %d bytes", n)
			}
		}
	})
}
