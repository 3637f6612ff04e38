package system

import "testing"

func TestRatesPrintAsShortAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		text string
		rate Rate
	}{{"64 kbit", 64e3}, {"999 kbit", 999e3}, {"1 Mbit", 1e6}, {"17.5 Mbit", 17.5e6}, {"90 Mbit", 90e6}, {"2.5 Gbit", 2.5e9}, {"10 Gbit", 10e9}} {
		var r Rate
		if err := r.UnmarshalText([]byte(c.text)); err != nil || r != c.rate || r.String() != c.text {
			t.Errorf("%s is %d, %v, and printed %v", c.text, int64(r), err, r)
		}
	}
	for _, text := range []string{"", "90", "90Mbit", "90  Mbit", "90 mbit", "0x9 Mbit", "1e2 Mbit", "1_0 Mbit", "Inf Mbit", "+1 Mbit", "1.2.3 Mbit", "90 Mbit ", "9999999999999999999999999 Gbit"} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %v", text, r)
		}
	}
	for text, want := range map[string]Rate{
		"90Mbit": 90e6, "90 mbit/s": 90e6, "90M": 90e6, "17,5 Mbps": 17.5e6, "90": 90e6, "20000000": 20e6, "1G": 1e9, "500k": 500e3,
		"10 MB/s": 0, "10 MiB": 0, "": 0, "fast": 0, "-5 Mbit": 0, "90 ": 90e6, ".": 0,
	} {
		if got := rateMeant(text); got != want {
			t.Errorf("%q is understood as %d, want %d", text, int64(got), int64(want))
		}
	}
}

// Modules of one way or the other, and more only where what comes in is limited.
func TestLimitsNeedModules(t *testing.T) {
	names := func(text string) (names []string) {
		for _, m := range parse(t, text).NeededModules() {
			names = append(names, m.Name)
		}
		return names
	}
	if got := names("[net.eth0]\nshape = { up = \"1 Mbit\" }\n"); len(got) != 3 {
		t.Errorf("got %q", got)
	}
	if got := names("[net.eth0]\nshape = { up = \"1 Mbit\" }\n[net.eth1]\nshape = { down = \"1 Mbit\" }\n"); len(got) != 7 {
		t.Errorf("got %q", got)
	}
}
