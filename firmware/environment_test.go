package firmware

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEnvironmentsAreThoseOfMkenvimage(t *testing.T) {
	list := []Variable{{"bootcmd", "run a; run b"}, {"empty", ""}, {"ethaddr", "02:00:00:00:00:01"}, {"equals", "a=b"}}
	dir := folder(t, map[string][]byte{"text": []byte("bootcmd=run a; run b\nempty=\nethaddr=02:00:00:00:00:01\nequals=a=b\n")})
	for _, e := range []Environment{{Size: 512}, {Size: 0x20000, BigEndian: true}, {Size: 4096, Redundant: true}, {Size: 100, BigEndian: true, Redundant: true}} {
		got, err := e.Encode(list, 1)
		if err != nil {
			t.Fatal(err)
		}
		command := []string{"mkenvimage", "-s", fmt.Sprint(e.Size), "-p", "0", "-o", "made"}
		if e.BigEndian {
			command = append(command, "-b")
		}
		if e.Redundant {
			command = append(command, "-r")
		}
		run(t, dir, "u-boot-tools", append(command, "text")...)
		if made := content(t, dir, "made"); !bytes.Equal(got, made) {
			t.Errorf("%+v: mkenvimage makes\n%q, we\n%q", e, made[:100], got[:100])
		}
		again, flag, err := e.Parse(got)
		if err != nil || !slices.Equal(again, list) || (flag == 1) != e.Redundant {
			t.Errorf("%+v: read as %q, %d, %v", e, again, flag, err)
		}
	}
}

// Both copies lie on a medium, and the one that the tool has not written is the older one.
func TestFwSetenvWritesTheOtherCopy(t *testing.T) {
	e := Environment{Size: 512, Redundant: true}
	list := []Variable{{"bootcount", "3"}}
	for _, flags := range [][2]byte{{1, 0}, {0, 1}, {7, 6}, {255, 0}, {0, 255}} {
		one, err := e.Encode(list, flags[0])
		if err != nil {
			t.Fatal(err)
		}
		two, err := e.Encode(list, flags[1])
		if err != nil {
			t.Fatal(err)
		}
		dir := folder(t, map[string][]byte{"medium": append(one, two...)})
		config := fmt.Appendf(nil, "%s/medium 0x0 0x200\n%[1]s/medium 0x200 0x200\n", dir)
		if err := os.WriteFile(filepath.Join(dir, "config"), config, 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "libubootenv-tool", "fw_setenv", "-c", "config", "bootcount", "0")
		medium := content(t, dir, "medium")
		kept, rewritten, counted := medium[:512], medium[512:], flags[0]
		if SecondCounts(flags[0], flags[1]) {
			kept, rewritten, counted = rewritten, kept, flags[1]
		}
		was, _, err := e.Parse(kept)
		if err != nil || was[0].Value != "3" {
			t.Errorf("%v: the tool has written the copy that counted: %q, %v", flags, was, err)
		}
		is, flag, err := e.Parse(rewritten)
		if err != nil || is[0].Value != "0" {
			t.Errorf("%v: it has not written the other: %q, %v", flags, is, err)
		}
		if !SecondCounts(counted, flag) {
			t.Errorf("%v: what it has written with %d does not count", flags, flag)
		}
	}
}

func TestEnvironmentsAtTheirLimit(t *testing.T) {
	for _, redundant := range []bool{false, true} {
		e := Environment{Size: 64, Redundant: redundant}
		room := e.Size - e.begin() - len("n=") - 2
		for size, fits := range map[int]bool{0: true, room - 1: true, room: true, room + 1: false, 10_000: false} {
			b, err := e.Encode([]Variable{{"n", strings.Repeat("v", size)}}, 0)
			if (err == nil) != fits {
				t.Errorf("a value of %d bytes: %v", size, err)
			}
			if err == nil {
				if list, _, err := e.Parse(b); err != nil || len(list[0].Value) != size {
					t.Errorf("a value of %d bytes: read as %q, %v", size, list, err)
				}
			}
		}
		b, err := e.Encode(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if list, _, err := e.Parse(b); err != nil || list != nil {
			t.Errorf("without variables: %q, %v", list, err)
		}
	}
	for size := range 8 {
		_, err := Environment{Size: size, Redundant: true}.Encode([]Variable{{"n", "v"}}, 0)
		refused(t, fmt.Sprintf("an environment of %d bytes", size), err)
		_, _, err = Environment{Size: size}.Parse(make([]byte, size))
		refused(t, fmt.Sprintf("zeros, %d", size), err)
	}
}

func TestDamagedEnvironments(t *testing.T) {
	e := Environment{Size: 80, Redundant: true}
	b, err := e.Encode([]Variable{{"a", "1"}, {"b", "2"}}, 9)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(b []byte) error { _, _, err := e.Parse(b); return err }
	for size := range len(b) {
		refused(t, fmt.Sprintf("%d bytes", size), parse(b[:size]))
	}
	eachFlip(b, 0, len(b), func(bit int) {
		// U-Boot sums up the variables alone: the byte that tells the newer copy may be any.
		if err := parse(b); bit/8 != 4 {
			refused(t, fmt.Sprintf("bit %d", bit), err)
		}
	})
	for claim, text := range map[string]string{
		"a variable without =":    "a\x00b=2\x00",
		"a variable without name": "=1\x00",
		"one that is there twice": "a=1\x00b=1\x00a=1\x00",
		"no end":                  strings.Repeat("a", 74) + "=",
	} {
		b := make([]byte, 80)
		copy(b[5:], text)
		refused(t, claim, parse(withSum(b)))
	}
	for _, v := range []Variable{{"", "1"}, {"a=b", "1"}, {"a", "\x00"}, {"a\x00", ""}} {
		_, err := e.Encode([]Variable{v}, 0)
		refused(t, fmt.Sprintf("%q", v), err)
	}
	_, err = e.Encode([]Variable{{"a", "1"}, {"a", "1"}}, 0)
	refused(t, "a variable twice", err)
}

// bitwiseCRC is a CRC-32 (IEEE) bit by bit, from the polynomial alone.
func bitwiseCRC(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c)
		for range 8 {
			crc = crc>>1 ^ 0xEDB88320*(crc&1)
		}
	}
	return ^crc
}

// withSum puts in the checksum of a redundant little-endian environment.
func withSum(b []byte) []byte {
	crc := bitwiseCRC(b[5:])
	for i := range 4 {
		b[i] = byte(crc >> (8 * i))
	}
	return b
}

// What U-Boot leaves behind the end of the list is of older variables.
func TestWhatIsBehindAnEnvironmentIsIgnored(t *testing.T) {
	b := make([]byte, 80)
	copy(b[5:], "a=1\x00\x00b=2\x00garbage")
	list, _, err := Environment{Size: 80, Redundant: true}.Parse(withSum(b))
	if err != nil || !slices.Equal(list, []Variable{{"a", "1"}}) {
		t.Errorf("%q, %v", list, err)
	}
}

func FuzzEnvironment(f *testing.F) {
	f.Add([]byte("a=1\x00b=2\x00\x00"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e := Environment{Size: len(text) + 5, Redundant: true}
		list, flag, err := e.Parse(withSum(append(make([]byte, 5), text...)))
		if err != nil {
			return
		}
		b, err := e.Encode(list, flag)
		if err != nil {
			t.Fatalf("%q is read as %q and cannot be written: %v", text, list, err)
		}
		if again, _, err := e.Parse(b); err != nil || !slices.Equal(again, list) {
			t.Errorf("%q became %q, %v", list, again, err)
		}
	})
}
