package layer

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestIndexIsReadAsWritten(t *testing.T) {
	x := Index{
		{Path: "usr/sbin/mosquitto", Mode: 0o755, SHA256: strings.Repeat("ab", 32), Loads: Loads{Interpreter: "/lib64/ld-linux-x86-64.so.2", Needs: []string{"libc.so.6"}, RunPath: []string{"/usr/lib/x"}}},
		{Path: "etc/mosquitto/a file <odd>", Mode: 0o640, UID: 100, GID: 7, SHA256: strings.Repeat("0", 64)},
		{Path: "usr/lib/libssl.so.3", Link: "libssl.so.3.0.1"},
		{Path: "etc/mosquitto", Mode: 0o755, Dir: true},
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
		"absolute": `{"path":"/usr/x"}`, "out": `{"path":"../x"}`, "unclean": `{"path":"usr//x"}`, "none": `{"mode":1}`,
		"no JSON": `usr/x`, "twice": "{\"path\":\"a\"}\n{\"path\":\"a\"}\n", "unsorted": "{\"path\":\"b\"}\n{\"path\":\"a\"}\n",
		"a long line": `{"path":"` + strings.Repeat("x", mostLine) + `"}`,
	} {
		if x, err := ReadIndex(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read as %v", name, x)
		}
	}
}

func FuzzReadIndex(f *testing.F) {
	f.Add([]byte(`{"path":"usr/x","mode":493}` + "\n"))
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
