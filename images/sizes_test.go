package images

import (
	"strings"
	"testing"
)

func TestSizesTable(t *testing.T) {
	parts := []Part{{"kernel", 8_247_232, "Linux 6.1.0-40-amd64"}, {"init", 900, ""}, {"loader", 1000, ""}, {"overhead", 100, "alignment"}}
	var b strings.Builder
	err := PrintSizes(&b, []Sizes{
		{"out/pc.img", 8_249_232, 18_000_000, parts},
		{"out/pc.iso", 8_249_232, 18_000_000, parts},
		{"out/x.img", 1000, 2000, parts[1:2]},
	})
	want := `  kernel         8,247,232  100.0 %  Linux 6.1.0-40-amd64
  init                 900   0.0 %
  loader             1,000   0.0 %
  overhead             100   0.0 %  alignment
  total          8,249,232          out/pc.img, 45.8 % of the board's 18,000,000
  total          8,249,232          out/pc.iso, 45.8 % of the board's 18,000,000
  init                 900  90.0 %
  total              1,000          out/x.img, 50.0 % of the board's 2,000
`
	if got := b.String(); err != nil || got != want {
		t.Errorf("table is\n%swant\n%s(%v)", got, want, err)
	}
}

func TestTooLargeNamesTheLargestParts(t *testing.T) {
	err := &TooLarge{Sizes{"out/pc.img", 2_000_000, 1_500_000, []Part{
		{"a", 10, ""}, {"b", 900_000, ""}, {"c", 5, ""}, {"d", 1_000_000, ""}, {"e", 99_985, ""},
	}}}
	want := "out/pc.img has 2,000,000 bytes, 500,000 more than the board's limit of 1,500,000; the largest parts are d 1,000,000, b 900,000, e 99,985"
	if got := err.Error(); got != want {
		t.Errorf("error is\n%q, want\n%q", got, want)
	}
}

func TestCommas(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", 1234567: "1,234,567", -123456: "-123,456", 1 << 62: "4,611,686,018,427,387,904"} {
		if got := Commas(n); got != want {
			t.Errorf("Commas(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestProgressFitsOnALine(t *testing.T) {
	for _, test := range []struct {
		message string
		width   int
		want    string
	}{
		{"short", 10, "short"},
		{"exactly 10", 10, "exactly 10"},
		{"longer than ten", 10, "longer ..."},
		{"two\nlines", 20, "two lines"},
		{"äöüäöüäöüäöü", 10, "äöüäöüä..."},
	} {
		if got := oneLine(test.message, test.width); got != test.want {
			t.Errorf("oneLine(%q, %d) = %q, want %q", test.message, test.width, got, test.want)
		}
	}
	var b strings.Builder
	progress, done := TerminalProgress(&b)
	progress.Step("nobody looks")
	done()
	if b.Len() > 0 {
		t.Errorf("in a pipe it prints %q, want nothing", b.String())
	}
}
