package printable

import "testing"

func TestEscapeLeavesNothingThatATerminalObeys(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain text", "Grüße, 世界\t!", "Grüße, 世界\t!"},
		{"an escape sequence", "\x1b[2Jgone", `\x1b[2Jgone`},
		{"carriage return and bell", "a\rb\a", `a\x0db\x07`},
		{"an eight-bit control character", "\u009b2J", `\x9b2J`},
		{"the same as a bare byte", "\x9b2J", `\x9b2J`},
		{"bytes that are not UTF-8", "\xff\xc3", `\xff\xc3`},
		{"a real replacement character", "\uFFFD", "\uFFFD"},
		{"reversed text", "\u202etxt.exe", `\u202etxt.exe`},
		{"delete", "\x7f", `\x7f`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Escape(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestLineKeepsTheColumns(t *testing.T) {
	for in, want := range map[string]string{
		"Grüße, 世界": "Grüße, 世界", "a\tb": "a?b", "\x1b[2J": "?[2J", "a\nb": "a?b", "\u009b2J": "?2J", "\u202etxt": "?txt", "\uFFFD": "\uFFFD",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestLinesKeepsTheirEnds(t *testing.T) {
	if got, want := Lines("a\x1b\n\n\tb\r\n"), `a\x1b`+"\n\n\tb"+`\x0d`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
