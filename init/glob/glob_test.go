package glob

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

func TestPatternsMatchAsPOSIXHasThem(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"?", "", false}, {"a*c", "abbc", true}, {"a*c", "abbd", false}, {"a*b*c", "aXbYbZc", true},
		{"[a-c]x", "bx", true}, {"[!a-c]x", "bx", false}, {"[^a-c]x", "dx", true}, {"[]a]", "]", true}, {"[!]a]", "]", false}, {"[a", "[a", true},
		{"[]", "[]", true}, {"[a-]", "-", true}, {"[-a]", "-", true}, {"[[:alpha:][:digit:]]", "7", true}, {"[[:alpha:]]", "7", false}, {"[[:nosuch:]]", "x", false},
		{"[[.-.]a]", "-", true}, {"[[=a=]]", "a", true}, {`\*`, "*", true}, {`\*`, "x", false}, {`[\]]`, "]", true}, {`a\`, `a\`, true},
		{"?", "ä", true}, {"[ä-ü]", "ö", true}, {"?", "\xe4", true}, {"??", "ä", false}, {"*\xe4", "x\xe4", true}, {"*/*", "a/b", true}, {"*", ".x", true},
	} {
		if got := Match(c.pattern, c.text); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

func TestManyStarsTakeNoMoreThanPatternTimesText(t *testing.T) {
	text := string(slices.Repeat([]byte("a"), 5000))
	if Match("*a*a*a*a*a*a*a*a*a*a*a*a*b", text) {
		t.Error("matches")
	}
}

func TestOnlyAWrittenDotMatchesALeadingOne(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".keep", "a", "b", "d/.in", "d/out", ".h/f", ".h/.g"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string][]string{
		"*": {"a", "b", "d"}, "[!x]*": {"a", "b", "d"}, "?keep": nil, "[.]keep": nil, ".k*": {".keep"}, `\.k*`: {".keep"}, "*/*": {"d/out"}, "*/.*": {"d/.in"},
		".*/*": {".h/f"}, ".*/.*": {".h/.g"}, "d/[!x]*": {"d/out"}, "./*": {"./a", "./b", "./d"}, "d//o*": {"d//out"}, "*/": {"d/"}, "no*": nil, `\a[b]`: nil, `\[a]*`: nil,
		dir + "/?": {dir + "/a", dir + "/b", dir + "/d"}, "a/*": nil, ".": {"."}, "*/../[a]": {"d/../a"},
	} {
		if got := Expand(dir, pattern); !slices.Equal(got, want) {
			t.Errorf("Expand(%q) = %q, want %q", pattern, got, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*[b-d]?", "axxcz")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		Match(pattern, text)
		if !Match(Quote(text), text) {
			t.Errorf("the quoted %q does not match itself", text)
		}
		if Unquote(Quote(text)) != text {
			t.Errorf("%q is not what was quoted", text)
		}
		if want, err := path.Match(Quote(pattern), text); err == nil && want != Match(Quote(pattern), text) {
			t.Errorf("Match(Quote(%q), %q) is not %v", pattern, text, want)
		}
	})
}
