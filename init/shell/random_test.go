package shell

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// grammar makes scripts that mean something: what POSIX says, without what it leaves open, e.g. a backslash for echo.
type grammar struct {
	*rand.Rand
	depth int
}

func (g *grammar) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *grammar) name() string { return g.one("a", "b", "c", "gone") }

func (g *grammar) arithmetic() string {
	if g.IntN(3) > 0 {
		return g.one("n", "m", "3", "07", "0x1f", "(n=n+1)", "-2", "!0", "~m")
	}
	return g.arithmetic() + " " + g.one("+", "-", "*", "<", ">=", "==", "!=", "&&", "||", "&", "|", "^") + " " + g.arithmetic()
}

// parameter is an expansion.
func (g *grammar) parameter() string {
	g.depth++
	defer func() { g.depth-- }()
	switch g.IntN(9) {
	case 0:
		return "$" + g.one("#", "?", "1", "2")
	case 1:
		return "${#" + g.name() + "}"
	case 2, 3:
		g.depth += 3 // what "$@" is there POSIX leaves open
		defer func() { g.depth -= 3 }()
		return "${" + g.name() + g.one(":-", "-", ":+", "+", ":=", "=") + g.word() + "}"
	case 4, 5:
		return "${" + g.name() + g.one("#", "##", "%", "%%") + g.one("*", "?", "a*", "*b", "[a-c]", "'*'", "x", "$b") + "}"
	case 6:
		if g.depth < 4 {
			return "$( " + g.list(2) + "\n)" // "$((" and a here-document's end would be something else
		}
	case 7:
		return "$(( " + g.arithmetic() + " ))"
	}
	return "$" + g.name()
}

func (g *grammar) word() string {
	if g.depth < 3 && g.IntN(8) == 0 {
		return g.one(`"$@"`, `"$*"`, "$@", "$*") // alone: beside other text dash makes empty fields of them
	}
	var w strings.Builder
	for range 1 + g.IntN(2) {
		switch g.IntN(7) {
		case 0:
			w.WriteString(g.one("'a b'", "'*'", "''", `"x  y"`, `\*`, `"a'b"`))
		case 1, 2:
			if g.depth < 4 {
				w.WriteString(`"` + g.parameter() + `"`)
			}
		case 3:
			if g.depth < 4 {
				w.WriteString(g.parameter())
			}
		default:
			w.WriteString(g.one("a", "b", "abc", "x", "f*", "[fg]1", "?1", "0", "7", "-", ":"))
		}
	}
	if w.Len() == 0 {
		return "w"
	}
	return w.String()
}

func (g *grammar) words() string {
	list := make([]string, g.IntN(4))
	for i := range list {
		list[i] = g.word()
	}
	return strings.Join(list, " ")
}

func (g *grammar) test() string {
	return g.one("[ "+g.word()+"x "+g.one("=", "!=")+" "+g.word()+"x ]", "test -n \""+g.parameter()+"\"", "[ $# -"+g.one("gt", "eq", "lt")+" 1 ]", "true", "false", "! true")
}

func (g *grammar) command() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth > 4 {
		return "printf '<%s>' " + g.words()
	}
	switch g.IntN(20) {
	case 0:
		return g.name() + "=" + g.word()
	case 1:
		return "set -- " + g.words()
	case 2:
		return g.one("shift", "unset "+g.name(), "readonly r="+g.word(), "export "+g.name(), "IFS=:", "unset IFS", "set -u", "set -e", "set -f", "set +f", "cd .", ":", "exit "+g.one("0", "3", ""))
	case 3:
		return "if " + g.test() + "; then " + g.list(2) + "; else " + g.list(2) + "; fi"
	case 4:
		return "for i in " + g.words() + "; do " + g.list(2) + g.one("", "; break", "; continue", "; "+g.test()+" && break") + "; done"
	case 5:
		return "n=0; while n=$((n+1)); [ $n -lt 4 ]; do " + g.list(1) + "; done"
	case 6:
		return "case " + g.word() + " in " + g.one("a*", "?", "[!a]*", "'*'", "x|abc", "''") + ") " + g.list(1) + ";; *) " + g.list(1) + ";; esac"
	case 7:
		return "{ " + g.list(2) + "; }"
	case 8:
		return "( " + g.list(2) + " )"
	case 9:
		return "! " + strings.TrimPrefix(g.command(), "! ") // two are an error in dash
	case 10:
		f := fmt.Sprint("f", g.depth) // none calls itself
		return f + "() { " + g.list(2) + g.one("", "; return", "; return 4") + "; }; " + f + " " + g.words()
	case 11:
		return "eval " + singleQuoted(g.list(1))
	case 12:
		return "{ " + g.list(1) + "; } | { cat; echo end; }"
	case 13:
		text := func() string { return g.one("$a", "x", "$b", "${#a}", "${gone:-w}", "$((m+1))") } // dash survives errors here
		return "read " + g.name() + " b <<E\n" + text() + "  " + text() + "\nE\n"
	case 14:
		return g.name() + "=" + g.word() + " " + g.command0()
	case 15:
		return "trap 'printf trap' EXIT"
	}
	return g.command0()
}

func (g *grammar) command0() string { return "printf '<%s>' " + g.words() }

func (g *grammar) list(most int) string {
	text := g.command()
	for range g.IntN(most) {
		join := g.one("; ", "; ", " && ", " || ")
		if strings.HasSuffix(text, "\n") {
			join = ""
		}
		text += join + g.command()
	}
	return strings.TrimSuffix(text, "\n") + map[bool]string{true: "\n:", false: ""}[strings.HasSuffix(text, "\n")]
}

// Random scripts of random meaning print the same and end with the same status in dash. Where the status is that of an
// error, which POSIX leaves open, it has to be one in both.
func FuzzScriptsLikeDash(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed)
	}
	dash, err := exec.LookPath("dash")
	if err != nil {
		f.Fatal("dash is missing: apt-get install dash")
	}
	bin := binFolder(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := &grammar{Rand: rand.New(rand.NewPCG(seed, 7))}
		var cases []string
		var script strings.Builder
		for i := range 20 {
			cases = append(cases, g.list(4))
			fmt.Fprintf(&script, "(set -- one 'two  2'; a=abcab b='b c' m=5 n=1; eval %s)\ncase $? in 0) echo =0;; *) echo =1;; esac; echo @@%d\n", singleQuoted(cases[i]), i)
		}
		run := func(path string) []string {
			dir := t.TempDir()
			for _, name := range []string{"f1", "g1", "f2"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := &exec.Cmd{Path: path, Args: []string{"sh"}, Dir: dir, Env: []string{"PATH=" + bin, "HOME=/"}, Stdin: strings.NewReader(script.String())}
			var out bytes.Buffer
			cmd.Stdout = &out
			cmd.Run()
			return strings.Split(out.String(), "@@")
		}
		want, got := run(dash), run(bin+"/sh")
		for i := range cases {
			if i >= len(want) || i >= len(got) || want[i] != got[i] {
				t.Fatalf("case %d of seed %d:\n%s\n--- got\n%s\n--- want\n%s", i, seed, cases[i], got[min(i, len(got)-1)], want[min(i, len(want)-1)])
			}
		}
	})
}
