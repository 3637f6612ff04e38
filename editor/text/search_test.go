package text

import (
	"reflect"
	"strings"
	"testing"
)

func found(x *Text, p Pattern, from int, backward bool) (Match, bool) {
	s := x.Find(p, from, backward)
	for !s.Step(1 << 20) {
	}
	return s.Match()
}

func TestCapitalsOfExpressions(t *testing.T) {
	cases := []struct {
		expr string
		want bool
	}{
		{"abc", false}, {"aBc", true}, {`\S+\W`, false}, {`\\S`, true}, {`\p{Greek}x`, false}, {`\p{Greek}X`, true},
		{`\pL`, false}, {`\pLX`, true}, {`\xAF`, false}, {`\xaFF`, true}, {"(?P<Name>x)", false}, {"(?P<Name>X)", true}, {"(?i:x)", false}, {`\`, false}, {"(?", false}, {`\x{AF}`, false},
	}
	for _, c := range cases {
		if got := Capital(spoken(c.expr)); got != c.want {
			t.Errorf("a capital in %q: %v", c.expr, got)
		}
	}
}

func TestRegexpFoldsWithoutCapital(t *testing.T) {
	x := New(Memory("Interface\ninterface\n"))
	for expr, want := range map[string]int{"interface$": 0, "[i]nterface": 0, "Interface": 0, "i[a-z]+F?": 10} {
		p, err := Regexp(expr)
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := found(x, p, 0, false); !ok || m.From != want {
			t.Errorf("%s found at %v, %v; want %d", expr, m, ok, want)
		}
	}
	if _, err := Regexp("a(b"); err == nil || !strings.Contains(err.Error(), "a(b") {
		t.Errorf("a broken expression gives %v", err)
	}
}

func TestSearchesInSlices(t *testing.T) {
	x := New(pread{[]byte(strings.Repeat("nothing here\n", 1<<16) + "it")})
	p, _ := Regexp("it$")
	for _, p := range []Pattern{Literal("it", false), p} {
		s := x.Find(p, 0, false)
		steps := 1
		for !s.Step(1000) {
			steps++
		}
		if m, ok := s.Match(); !ok || m.From != x.Len()-2 || m.Wrapped {
			t.Errorf("found %v, %v", m, ok)
		}
		if steps < 10 {
			t.Errorf("%d steps; a person could not interrupt it", steps)
		}
	}
}

func TestAnEmptyMatchAtTheVeryEnd(t *testing.T) {
	p, _ := Regexp("$")
	cases := []struct {
		text     string
		backward bool
		want     Match
	}{
		{"0", false, Match{From: 1, To: 1}},
		{"0", true, Match{From: 1, To: 1, Wrapped: true}},
		{"0\n1", false, Match{From: 3, To: 3}},
		{"0\n1", true, Match{From: 1, To: 1}},
		{"0\n", false, Match{From: 1, To: 1, Wrapped: true}},
	}
	for _, c := range cases {
		x := New(Memory(c.text))
		got, ok := found(x, p, x.Len(), c.backward)
		if got.groups = nil; !ok || !reflect.DeepEqual(got, c.want) {
			t.Errorf("in %q from the end, backward %v: %v, %v; want %v", c.text, c.backward, got, ok, c.want)
		}
	}
}

func TestAChangeEndsASearch(t *testing.T) {
	x := New(Memory("needle"))
	s := x.Find(Literal("needle", false), 0, false)
	x.Type(0, []byte("a"))
	if !s.Step(1000) {
		t.Error("goes on")
	}
	if _, ok := s.Match(); ok {
		t.Error("found something in a text that is no more")
	}
}

func TestReplacement(t *testing.T) {
	x := New(Memory("lan = eth0\nwan = eth1\n"))
	p, err := Regexp(`(\w+) = (eth\d)`)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := found(x, p, 5, false)
	if got := string(x.Replacement(p, m, "$2 -> ${1}x $$1")); !ok || got != "eth1 -> wanx $1" {
		t.Errorf("Replacement is %q", got)
	}
	if got := string(x.Replacement(Literal("a", false), m, "$1")); got != "$1" {
		t.Errorf("Replacement of a literal is %q", got)
	}
	if n := x.ReplaceAll(p, "$2 = $1", 0, x.Len()); n != 2 || say(x) != "eth0 = lan\neth1 = wan\n" {
		t.Errorf("ReplaceAll replaced %d: %q", n, say(x))
	}
	x.Undo()
	comment, _ := Regexp("^")
	if n := x.ReplaceAll(comment, "# ", 0, x.Len()); n != 2 || say(x) != "# lan = eth0\n# wan = eth1\n" {
		t.Errorf("commenting out replaced %d: %q", n, say(x))
	}
}

func TestManyReplacementsCloseTogetherAreOnePiece(t *testing.T) {
	x := New(Memory(strings.Repeat("a b ", 1000)))
	if n := x.ReplaceAll(Literal("a", false), "xy", 0, x.Len()); n != 1000 {
		t.Errorf("replaced %d", n)
	}
	if n := len(x.Snapshot().Pieces()); n > 3 {
		t.Errorf("%d pieces", n)
	}
}
