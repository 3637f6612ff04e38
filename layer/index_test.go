package layer

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestIndexIsReadAsWritten(t *testing.T) {
	x := Index{
		{Path: "usr/sbin/mosquitto", Kind: RegularFile, Mode: 0o755, SHA256: strings.Repeat("ab", 32), Loads: Loads{Interpreter: "/lib64/ld-linux-x86-64.so.2", Needs: []string{"libc.so.6", "lib odd%.so"}, RunPath: []string{"/usr/lib/x"}}},
		{Path: "etc/mosquitto/a file\t<odd>\n", Kind: RegularFile, Mode: 0o640, UID: 100, GID: 7, SHA256: strings.Repeat("0", 64)},
		{Path: "usr/lib/libssl.so.3", Kind: Link, Link: "libssl.so.3.0.1"},
		{Path: "etc/mosquitto", Kind: Folder, Mode: 0o755},
	}
	text := x.Encode()
	got, err := ReadIndex(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Encode(), text) {
		t.Errorf("written again it is\n%s\nit was\n%s", got.Encode(), text)
	}
	if e := got.Find("usr/sbin/mosquitto"); e == nil || !reflect.DeepEqual(*e, x[0]) {
		t.Errorf("found %+v", e)
	}
	if e := got.Find("usr/sbin"); e != nil {
		t.Errorf("found %+v", e)
	}
}

func TestBadIndexes(t *testing.T) {
	for name, text := range map[string]string{
		"absolute": "f\t0644\t0:0\t\t/usr/x", "out": "f\t0644\t0:0\t\t../x", "unclean": "f\t0644\t0:0\t\tusr//x", "no path": "f\t0644\t0:0",
		"no fields": "usr/x", "a kind of another version": "s\t0644\t0:0\t\tusr/x", "no owner": "f\t0644\t\t\tusr/x", "bad rights": "f\t9\t0:0\t\tusr/x",
		"twice": "f\t0644\t0:0\t\ta\nf\t0644\t0:0\t\ta\n", "unsorted": "f\t0644\t0:0\t\tb\nf\t0644\t0:0\t\ta\n",
		"a long line": "f\t0644\t0:0\t\t" + strings.Repeat("x", mostLine), "half an escape": "f\t0644\t0:0\t\ta%2",
	} {
		if x, err := ReadIndex(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read as %v", name, x)
		}
	}
}

func FuzzReadIndex(f *testing.F) {
	f.Add([]byte("f\t0755\t0:0\tab\tusr/x\t\t/bin/sh\ta b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := ReadIndex(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := ReadIndex(bytes.NewReader(x.Encode()))
		if err != nil || !bytes.Equal(again.Encode(), x.Encode()) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
