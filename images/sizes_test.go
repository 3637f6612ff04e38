package images

import (
	"slices"
	"strings"
	"testing"

	"bantam/switcher"
)

func TestSizesTable(t *testing.T) {
	parts := []Part{{"kernel", 8_247_232, "Linux 6.1.0-40-amd64"}, {"init", 900, ""}, {"loader", 1000, ""}, {"overhead", 100, "alignment"}}
	iso := slices.Clone(parts)
	iso[2].Size, iso[3] = 900, Part{"overhead", 200, "alignment"}
	var b strings.Builder
	err := PrintSizes(&b, []Sizes{
		{"out/pc.img", 8_249_232, 18_000_000, parts},
		{"out/pc.raw", 8_249_232, 18_000_000, parts},
		{"out/pc.iso", 8_249_232, 18_000_000, iso},
		{"out/x.img", 1000, 2000, parts[1:2]},
	})
	want := `  kernel         8,247,232  100.0 %  Linux 6.1.0-40-amd64
  init                 900   0.0 %
  loader             1,000   0.0 %
  overhead             100   0.0 %  alignment
  total          8,249,232          out/pc.img, 45.8 % of the board's 18,000,000
  total          8,249,232          out/pc.raw, 45.8 % of the board's 18,000,000
  loader               900   0.0 %
  overhead             200   0.0 %  alignment
  total          8,249,232          out/pc.iso with the rest as above, 45.8 % of the board's 18,000,000
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

func TestSizesByWhatAsksForThem(t *testing.T) {
	layerOf := func(name, digest string, size int64, by string) switcher.Descriptor {
		return switcher.Descriptor{Digest: switcher.Digest(digest), Size: size, Annotations: map[string]string{switcher.LayerAnnotation: name, switcher.ForAnnotation: by}}
	}
	got := askedParts([]switcher.Descriptor{
		layerOf("files", "f", 1000, "files"),
		layerOf("package/a", "a", 10, "package/a"),
		layerOf("package/b", "b", 20, "package/b"),
		layerOf("package/libonly", "l", 300, "package/b"),
		layerOf("package/libboth", "c", 4000, "package/a package/b"),
		layerOf("package/twin", "b", 20, "package/a"), // the bytes of b
	})
	want := []Part{{"files", 1000, ""}, {"package/b", 300, "4,320 with what it shares"}, {"package/a", 10, "4,030 with what it shares"}, {"shared", 4020, "by several of them"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if none := askedParts(nil); len(none) > 0 {
		t.Errorf("of nothing: %v", none)
	}
}
