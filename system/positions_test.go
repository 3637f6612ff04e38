package system

import (
	"testing"

	"bantam/system/syntax"
)

func TestScanFindsKeysAndValues(t *testing.T) {
	p := Scan([]byte("hostname = \"a\"\nbroken\n[net.eth0]\n  addresses = [\"x\", \"y\"]\nservice.a = 5\n"))
	cases := []struct {
		path            string
		key, value, end syntax.Position
	}{
		{"hostname", syntax.Position{Line: 1, Col: 1}, syntax.Position{Line: 1, Col: 12}, syntax.Position{Line: 1, Col: 15}},
		{"net.eth0", syntax.Position{Line: 3, Col: 6}, syntax.Position{Line: 3, Col: 1}, syntax.Position{Line: 3, Col: 11}},
		{"net.eth0.addresses", syntax.Position{Line: 4, Col: 3}, syntax.Position{Line: 4, Col: 15}, syntax.Position{Line: 4, Col: 25}},
		{"net.eth0.addresses[1]", syntax.Position{Line: 4, Col: 21}, syntax.Position{Line: 4, Col: 21}, syntax.Position{Line: 4, Col: 24}},
		{"net.eth0.service.a", syntax.Position{Line: 5, Col: 9}, syntax.Position{Line: 5, Col: 13}, syntax.Position{Line: 5, Col: 14}},
	}
	for _, c := range cases {
		got, found := p.Find(c.path)
		if want := (Entry{c.path, c.key, c.value, c.end}); !found || got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
