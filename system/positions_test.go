package system

import "testing"

func TestScanFindsKeysAndValues(t *testing.T) {
	p := Scan([]byte("hostname = \"a\"\nbroken\n[net.eth0]\n  addresses = [\"x\", \"y\"]\nservice.a = 5\n"))
	cases := []struct {
		path            string
		key, value, end Position
	}{
		{"hostname", Position{1, 1}, Position{1, 12}, Position{1, 15}},
		{"net.eth0", Position{3, 6}, Position{3, 1}, Position{3, 11}},
		{"net.eth0.addresses", Position{4, 3}, Position{4, 15}, Position{4, 25}},
		{"net.eth0.addresses[1]", Position{4, 21}, Position{4, 21}, Position{4, 24}},
		{"net.eth0.service.a", Position{5, 9}, Position{5, 13}, Position{5, 14}},
	}
	for _, c := range cases {
		got, found := p.Find(c.path)
		if want := (Entry{c.path, c.key, c.value, c.end}); !found || got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
