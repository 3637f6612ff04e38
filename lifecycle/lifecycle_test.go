package lifecycle

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// itself is whom a wait is for that is only a name.
func itself(name string) string { return name }

func TestOrderComesAfterWhatIsFollowed(t *testing.T) {
	for _, c := range []struct {
		claim, waits, order, circles string // waits: "web db,net; db net"
	}{
		{"none", "", "", ""},
		{"by name", "c; a; b", "a b c", ""},
		{"a chain", "a b; b c; c", "c b a", ""},
		{"a diamond", "web app,db; app db; db", "db app web", ""},
		{"an unknown name", "a ghost; b", "a b", ""},
		{"itself", "a a", "a", "a"},
		{"a circle", "a b; b a", "b a", "b a"},
		{"a circle behind a service", "a b; b c; c b", "c b a", "c b"},
		{"two circles with a common part", "a b; b a,c; c a", "c b a", "b a; b c a"},
	} {
		follows := map[string][]string{}
		var names []string
		for part := range strings.SplitSeq(c.waits, "; ") {
			if name, list, _ := strings.Cut(part, " "); name != "" {
				names = append(names, name)
				if list != "" {
					follows[name] = strings.Split(list, ",")
				}
			}
		}
		slices.Reverse(names) // the order they are given in is none
		var circles []string
		order := Order(names, func(name string) []string { return follows[name] }, itself, func(waits []string) {
			circles = append(circles, strings.Join(waits, " "))
		})
		if got := strings.Join(order, " "); got != c.order {
			t.Errorf("%s: got %q, want %q", c.claim, got, c.order)
		}
		if got := strings.Join(circles, "; "); got != c.circles {
			t.Errorf("%s: circles %q, want %q", c.claim, got, c.circles)
		}
	}
}

func TestOrderGoesAsDeepAsAFileSays(t *testing.T) {
	const many = 20000
	names := make([]string, many)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	order := Order(names, func(name string) []string {
		n, _ := strconv.Atoi(name)
		return []string{strconv.Itoa((n + 1) % many)}
	}, itself, nil)
	if len(order) != many || order[0] != strconv.Itoa(many-1) {
		t.Errorf("%d names, the first is %s", len(order), order[0])
	}
}

func TestReadiness(t *testing.T) {
	for _, c := range []struct {
		text, word string
		port       uint16
		fault      string
	}{
		{"started", ReadyStarted, 0, ""},
		{"exited", ReadyExited, 0, ""},
		{"notify", ReadyNotify, 0, ""},
		{"tcp/22", ReadyTCP, 22, ""},
		{"tcp/65535", ReadyTCP, 65535, ""},
		{"tcp/0", "", 0, `"0" is not a port between 1 and 65535`},
		{"tcp/65536", "", 0, `"65536" is not a port between 1 and 65535`},
		{"tcp/022", "", 0, `"022" is not a port between 1 and 65535`},
		{"tcp/PORT", "", 0, `"PORT" is not a port between 1 and 65535`},
		{"", "", 0, `"" is none of started, exited, notify, tcp/PORT`},
		{"ready", "", 0, `"ready" is none of started, exited, notify, tcp/PORT`},
	} {
		word, port, err := ParseReadiness(c.text)
		fault := ""
		if err != nil {
			fault = err.Error()
		}
		if word != c.word || port != c.port || fault != c.fault || errors.Is(err, ErrPort) != strings.Contains(fault, "port between") {
			t.Errorf("%q: got %q, %d, %v", c.text, word, port, err)
		}
	}
}
