package nft

import (
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

// byteOrder is that of this machine: netlink's headers have it.
func byteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "little"
	}
	return "big"
}

// show is a batch, a line for each attribute: those that hold others first, what they hold below.
func show(datagram []byte) string {
	var b strings.Builder
	for m := (rtnl.Messages{Rest: datagram}); m.Next(); {
		fmt.Fprintf(&b, "%04x flags %04x number %d, %x\n", m.Kind, m.Flags, m.Sequence, m.Body[:4])
		showAttributes(&b, m.Body[4:], "  ")
	}
	return b.String()
}

func showAttributes(b *strings.Builder, rest []byte, indent string) {
	for len(rest) >= 4 {
		size := int(binary.NativeEndian.Uint16(rest))
		kind := binary.NativeEndian.Uint16(rest[2:])
		value := rest[4:size]
		rest = rest[min((size+3)&^3, len(rest)):]
		if kind&unix.NLA_F_NESTED != 0 {
			fmt.Fprintf(b, "%s%d:\n", indent, kind&^unix.NLA_F_NESTED)
			showAttributes(b, value, indent+"  ")
			continue
		}
		text := hex.EncodeToString(value)
		if s := strings.TrimRight(string(value), "\x00"); len(s) > 1 && len(s) < len(value) && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-0123456789_ ") == "" {
			text += " " + s
		}
		fmt.Fprintf(b, "%s%d %s\n", indent, kind, text)
	}
}

// Each byte order has a file of its own; that nft reads the little one as it should is for the tests with nft. They
// must differ where the kernel compares numbers of its own, and nowhere else.
func TestTheBatchIsAsItWas(t *testing.T) {
	w := whole()
	w.Flowtables = []Flowtable{{Name: "fast", Devices: []string{"lan", "wan"}}}
	w.Chains[3].Rules = append(w.Chains[3].Rules, Rule{State: Established, Do: Offload, Flowtable: "fast"})
	got := show(Batch(Replace(w, true), 7))
	path := "testdata/batch-" + byteOrder() + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the batch differs from %s; -update writes it anew. It is\n%s", path, got)
	}
}

func TestByteOrdersDifferInNumbersOfTheKernelAlone(t *testing.T) {
	little, err := os.ReadFile("testdata/batch-little.golden")
	if err != nil {
		t.Fatal(err)
	}
	big, err := os.ReadFile("testdata/batch-big.golden")
	if err != nil {
		t.Fatal(err)
	}
	a, b := strings.Split(string(little), "\n"), strings.Split(string(big), "\n")
	if len(a) != len(b) {
		t.Fatalf("%d lines and %d", len(a), len(b))
	}
	differ := map[string]string{}
	for i := range a {
		if a[i] != b[i] {
			differ[strings.TrimSpace(a[i])] = strings.TrimSpace(b[i])
		}
	}
	want := map[string]string{ // masks of a connection's state and status, the byte order that nft is told
		"1 06000000": "1 00000006", "1 01000000": "1 00000001", "1 20000000": "1 00000020", "1 02000000": "1 00000002",
		"1 6cca0000":      "1 0000ca6c", // a mark
		"13 000401000000": "13 000400000001", "13 000402000000": "13 000400000002",
	}
	if fmt.Sprint(differ) != fmt.Sprint(want) {
		t.Errorf("these differ:\n%v\nwant\n%v", differ, want)
	}
}

// Not every kernel has flow tables, so what is to be said of one is looked at here.
func TestDevicesComeAndGoInAFlowTable(t *testing.T) {
	table := func(devices ...string) Table {
		return Table{Name: "bantam", Flowtables: []Flowtable{{Name: "fast", Devices: devices}}}
	}
	have := NewObserved()
	have.Read(unix.NFT_MSG_GETTABLE, "bantam", append(inet(), (&Table{Name: "bantam"}).body()...))
	have.Read(unix.NFT_MSG_GETFLOWTABLE, "bantam", append(inet(), (&Flowtable{"fast", []string{"eth0", "eth1"}}).body("bantam")...))
	for _, tt := range []struct {
		claim string
		want  Table
		kinds []uint16
		last  []string // the devices of the last request
	}{
		{"nothing differs", table("eth1", "eth0"), nil, nil},
		{"one more", table("eth0", "eth1", "ppp0"), []uint16{unix.NFT_MSG_NEWFLOWTABLE}, []string{"ppp0"}},
		{"one less", table("eth1"), []uint16{unix.NFT_MSG_DELFLOWTABLE}, []string{"eth0"}},
		{"another", table("eth1", "lan"), []uint16{unix.NFT_MSG_DELFLOWTABLE, unix.NFT_MSG_NEWFLOWTABLE}, []string{"lan"}},
		{"none", Table{Name: "bantam"}, []uint16{unix.NFT_MSG_DELFLOWTABLE}, nil},
	} {
		requests := Change(tt.want, have)
		var kinds, want []uint16
		var last []string
		for _, r := range requests {
			kinds, last = append(kinds, r.Kind), devices(r.Body[4:])
		}
		for _, k := range tt.kinds {
			want = append(want, Kind(k))
		}
		if !slices.Equal(kinds, want) || !slices.Equal(last, tt.last) {
			t.Errorf("%s: %x with %q, want %x with %q", tt.claim, kinds, last, want, tt.last)
		}
	}
}

// FuzzRead: whatever a kernel might say, it is read without a fault, and what it means can be compared.
func FuzzRead(f *testing.F) {
	w := whole()
	for _, r := range Replace(w, false) {
		f.Add(r.Kind&0xff, r.Body)
	}
	f.Fuzz(func(t *testing.T, asked uint16, message []byte) {
		o := NewObserved()
		for _, kind := range []uint16{unix.NFT_MSG_GETTABLE, unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_GETSET, unix.NFT_MSG_GETRULE, unix.NFT_MSG_GETSETELEM, unix.NFT_MSG_GETOBJ, unix.NFT_MSG_GETFLOWTABLE} {
			if kind == asked || kind == asked+1 {
				o.Read(kind, "bantam", message)
			}
		}
		for name := range o.rules {
			o.Rules(name)
		}
		for name := range o.sets {
			o.Elements(name)
		}
		Batch(Change(w, o), 1)
		covers(message, message)
		rtnl.ReadRefusal(message, asked)
	})
}
