package editors

import (
	"strings"
	"testing"
)

func TestWhatIsNotOursIsSaid(t *testing.T) {
	row := func(name string, scroll float64, page int, lag float64) *Row {
		return &Row{Editor: name, Terminal: slow("linux"), Lag: &Lag{Seconds: lag}, Load: &Loads{}, Wire: Wire{Scroll: scroll, PageDown: page}}
	}
	for _, c := range []struct {
		claim, want string
		peers       []*Row
	}{
		{"nothing, where nobody is better", "", []*Row{row("nano", 23, 700, 0.2)}},
		{"nothing, where the tables show no difference", "", []*Row{row("nano", 21.5, 600, 0.06)}},
		{"nothing, where the other does not know the key", "", []*Row{row("nano", 23, 0, 0.2)}},
		{"who is better, the best first", "Not ours: scroll (nvi, mg), page (mg), lag (nvi).", []*Row{row("mg", 16, 500, 0.2), row("nvi", 10, 600, 0)}},
	} {
		r := &Report{Rows: append([]*Row{row("edit", 22, 600, 0.1)}, c.peers...)}
		var out strings.Builder
		r.printLost(&out, "linux")
		if got := strings.TrimSpace(out.String()); got != c.want {
			t.Errorf("%s: it says %q, want %q", c.claim, got, c.want)
		}
	}
}
