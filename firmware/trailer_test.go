package firmware

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// trailerByHand is what fwtool appends: worked out from its layout, with another CRC than the package's.
func trailerByHand(before []byte, kind byte, payload []byte) []byte {
	if kind == 1 {
		payload = append(make([]byte, 8), payload...)
	}
	crc, size := ^bitwiseCRC(append(bytes.Clone(before), payload...)), len(payload)+16
	return append(append(bytes.Clone(before), payload...), 'F', 'W', 'x', '0', byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc), kind, 0, 0, 0,
		byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
}

func verifyTrailers(f Source) error {
	list, _, err := ReadTrailers(f)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("no trailer")
	}
	return VerifyTrailers(f, list)
}

func TestTrailersAreThoseOfFwtool(t *testing.T) {
	body := noise(1001, 1)
	want := trailerByHand(trailerByHand(body, 1, []byte(`{"a": 1}`)), 0, []byte("untrusted comment\nsignature\n"))
	got := written(t, func(w io.Writer) error {
		tw := NewTrailerWriter(w)
		if _, err := tw.Write(body); err != nil {
			return err
		}
		return errors.Join(tw.Trailer(Info, []byte(`{"a": 1}`)), tw.Trailer(Signature, []byte("untrusted comment\nsignature\n")))
	})
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n%q, want\n%q", got[1001:], want[1001:])
	}
	f := source(got)
	list, size, err := ReadTrailers(f)
	if err != nil || size != 1001 || len(list) != 2 || list[0].Kind != Info || list[1].Kind != Signature {
		t.Fatalf("%+v, %d, %v", list, size, err)
	}
	if err := VerifyTrailers(f, list); err != nil {
		t.Error(err)
	}
	for i, want := range []string{`{"a": 1}`, "untrusted comment\nsignature\n"} {
		if b, err := list[i].Bytes(f); err != nil || string(b) != want {
			t.Errorf("payload %d: %q, %v", i, b, err)
		}
	}
	if list, size, err := ReadTrailers(source(body)); err != nil || len(list) > 0 || size != 1001 {
		t.Errorf("without one: %v, %d, %v", list, size, err)
	}
	if list, size, err := ReadTrailers(source(trailerByHand(nil, 1, []byte("x")))); err != nil || len(list) != 1 || size != 0 {
		t.Errorf("of nothing: %v, %d, %v", list, size, err)
	}
}

func TestDamagedTrailers(t *testing.T) {
	body := noise(100, 1)
	b := trailerByHand(trailerByHand(body, 1, []byte(`{"a": 1}`)), 0, []byte("signature"))
	eachTruncation(t, b, func(f Source) error {
		if f.Size() == int64(len(b)-len("signature")-16) {
			return errors.New("the first trailer alone is whole")
		}
		return verifyTrailers(f)
	})
	eachFlip(b, 0, len(b), func(bit int) { refused(t, fmt.Sprintf("bit %d", bit), verifyTrailers(source(b))) })
	info := trailerByHand(body, 1, []byte("{}"))
	for claim, file := range map[string][]byte{
		"two of metadata":                  trailerByHand(info, 1, []byte("{}")),
		"two signatures":                   trailerByHand(trailerByHand(body, 0, []byte("a")), 0, []byte("b")),
		"a signature inside":               trailerByHand(trailerByHand(body, 0, []byte("a")), 1, []byte("{}")),
		"a byte behind it":                 append(bytes.Clone(info), 0),
		"much behind it":                   append(bytes.Clone(info), noise(60_000, 2)...),
		"a kind that is unknown":           trailerByHand(body, 2, []byte("x")),
		"nothing in it":                    trailerByHand(body, 0, nil),
		"a signature that is long":         trailerByHand(body, 0, make([]byte, 1025)),
		"metadata that are long":           trailerByHand(body, 1, make([]byte, 30<<10+1)),
		"metadata of another version":      trailerByHand(body, 0xFF, []byte("x")),
		"the checksum of another's prefix": append(append([]byte("another"), body...), info[100:]...),
	} {
		refused(t, claim, verifyTrailers(source(file)))
	}
	for _, c := range []struct {
		kind TrailerKind
		size int
		fits bool
	}{{Signature, 0, false}, {Signature, 1, true}, {Signature, 1024, true}, {Signature, 1025, false}, {Info, 0, false}, {Info, 1, true}, {Info, 30 << 10, true}, {Info, 30<<10 + 1, false}, {2, 1, false}} {
		err := NewTrailerWriter(io.Discard).Trailer(c.kind, make([]byte, c.size))
		if (err == nil) != c.fits {
			t.Errorf("%s of %d bytes: %v", c.kind, c.size, err)
		}
		if _, _, err := ReadTrailers(source(trailerByHand(body, byte(c.kind), make([]byte, c.size)))); c.size > 0 && (err == nil) != c.fits {
			t.Errorf("%s of %d bytes: %v", c.kind, c.size, err)
		}
	}
}

// Behind 5 GiB, which are summed up once.
func TestTrailersOfLargeFiles(t *testing.T) {
	const size = 5 * gib
	var b bytes.Buffer
	tw := NewTrailerWriter(&b)
	tw.crc = 0x12345678 // as if of these
	if err := tw.Trailer(Info, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	f := sparse{size: size + int64(b.Len()), at: map[int64][]byte{size: b.Bytes()}}
	list, body, err := ReadTrailers(f)
	if err != nil || body != size || len(list) != 1 {
		t.Fatalf("%v, %d, %v", list, body, err)
	}
	if !testing.Short() {
		refused(t, "another checksum", VerifyTrailers(f, list))
	}
	copy(b.Bytes()[b.Len()-4:], "\xFF\xFF\xFF\xFF")
	_, _, err = ReadTrailers(f)
	refused(t, fmt.Sprint("a payload of ", uint32(math.MaxUint32)), err)
}

func TestMetadata(t *testing.T) {
	const published = `{  "metadata_version": "1.1", "compat_version": "1.1", "compat_message": "Config cannot be migrated from swconfig to DSA",
		"new_supported_devices":["zbtlink,zbt-wg3526-16m", "zbt-wg3526"],
		"supported_devices": ["zbtlink,zbt-wg3526-16m - Image version mismatch: image 1.1, device 1.0. Please wipe"],
		"version": { "dist": "OpenWrt", "version": "23.05.0", "revision": "r23497", "target": "ramips/mt7621", "board": "zbtlink_zbt-wg3526-16m" } }`
	m, err := ParseMetadata([]byte(published))
	if err != nil || m.Compat != "1.1" || strings.Join(m.Devices, " ") != "zbtlink,zbt-wg3526-16m zbt-wg3526" || m.Release.Target != "ramips/mt7621" {
		t.Fatalf("%+v, %v", m, err)
	}
	first := Metadata{Compat: "1.0", Devices: []string{"gnubee,gb-pc1"}, Release: Release{Distribution: "Bantam", Board: "gnubee_gb-pc1"}}
	for _, want := range []Metadata{m, first} {
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseMetadata(b)
		if want.Version = metadataVersion; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is read as %+v, %v, want %+v", b, got, err, want)
		}
		// A device that knows no compatibility versions reads the old list.
		if old := strings.Contains(string(b), `"supported_devices":["gnubee,gb-pc1"]`); old != (want.Compat == "1.0") {
			t.Errorf("an older device reads %s", b)
		}
	}
	if m, err := ParseMetadata([]byte(`{"metadata_version":"1.0","supported_devices":["a"]}`)); err != nil || m.Compat != "1.0" {
		t.Errorf("of old: %+v, %v", m, err)
	}
	for claim, text := range map[string]string{
		"nothing":               "",
		"half of it":            published[:100],
		"a list":                "[]",
		"something behind":      `{"metadata_version":"1.1","supported_devices":["a"]} x`,
		"another version":       `{"metadata_version":"2.0","supported_devices":["a"]}`,
		"no version":            `{"supported_devices":["a"]}`,
		"no devices":            `{"metadata_version":"1.1"}`,
		"a device without name": `{"metadata_version":"1.1","supported_devices":[""]}`,
		"a number for a name":   `{"metadata_version":"1.1","supported_devices":[1]}`,
		"half a compat version": `{"metadata_version":"1.1","supported_devices":["a"],"compat_version":"1"}`,
		"a word for one":        `{"metadata_version":"1.1","supported_devices":["a"],"compat_version":"1.x"}`,
	} {
		_, err := ParseMetadata([]byte(text))
		refused(t, claim, err)
	}
	if b, err := (Metadata{Compat: "1.0"}).Encode(); err == nil {
		t.Errorf("without devices: %s", b)
	}
}

func TestMetadataFit(t *testing.T) {
	m := Metadata{Compat: "2.1", Devices: []string{"a,b", "a,c"}, Message: "the reason"}
	for _, c := range []struct {
		device, compat string
		want           error
	}{
		{"a,b", "2.1", nil}, {"a,c", "2.1", nil}, {"a,d", "2.1", ErrDevice}, {"a_b", "2.1", ErrDevice}, {"", "2.1", ErrDevice},
		{"a,b", "2.0", ErrNotKeeping}, {"a,b", "2.2", ErrNotKeeping}, {"a,b", "1.1", ErrLayout}, {"a,b", "3.1", ErrLayout}, {"a,b", "", ErrLayout}, {"a,b", "20.1", ErrLayout},
	} {
		if err := m.Fits(c.device, c.compat); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s %s: got %v, want %v", c.device, c.compat, err, c.want)
		}
	}
	refused(t, "no version", m.Fits("a,b", "two"))
}

func FuzzTrailers(f *testing.F) {
	f.Add(trailerByHand(trailerByHand([]byte("body"), 1, []byte("{}")), 0, []byte("s")))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, size, err := ReadTrailers(source(b))
		if err != nil || VerifyTrailers(source(b), list) != nil {
			return
		}
		var again bytes.Buffer
		tw := NewTrailerWriter(&again)
		tw.Write(b[:size])
		for _, trailer := range list {
			payload, err := trailer.Bytes(source(b))
			if err != nil {
				t.Fatal(err)
			}
			tw.Trailer(trailer.Kind, payload)
		}
		if !bytes.Equal(again.Bytes(), b) {
			t.Errorf("%q became %q", b, again.Bytes())
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"metadata_version":"1.1","supported_devices":["a"],"compat_version":"1.0"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMetadata(b)
		if err != nil {
			return
		}
		m.Fits("a", "1.0")
		if b, err := m.Encode(); err != nil {
			t.Errorf("%+v is read and not written: %v", m, err)
		} else if again, err := ParseMetadata(b); err != nil || fmt.Sprint(again.Devices) != fmt.Sprint(m.Devices) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}
