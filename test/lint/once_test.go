package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// onlyIn are the words of a program that stand in one place, whose package does
// for all others what they stand for: names after a dot, e.g. of a function or a
// constant of another package, and texts in quotes. A place is a file or a folder.
var onlyIn = map[string][]string{
	"ClockGettime": {"boottime"},
	"/proc/uptime": {"boottime"},
	// To replace a file; mv, ln -f and tar -x rename what they are told to, the
	// others give what is whole another name.
	"Rename": {"atomicfile", "editor/file", "init/applet/replacefile.go", "init/filetree",
		"init/applet/files.go", "init/applet/link.go", "init/applet/tarextract.go",
		"images/cachefile.go", "images/debian.go", "images/debfetch.go", "init/pid1/lastwords.go", "init/pid1/state.go", "switcher/index.go"},
	"Renameat":   {"init/filetree"},
	"TIOCGWINSZ": {"tty", "init/applet/terminal.go"}, // stty has another terminal's descriptor
}

func TestWhatIsDoneInOnePlaceStaysThere(t *testing.T) {
	for _, file := range sources(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || within(file, []string{"test"}) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range strays(t, file, string(text)) {
			t.Error(fault)
		}
	}
}

// strays are the words of onlyIn that a file may not use.
func strays(t *testing.T, file, text string) (list []string) {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		word := ""
		switch n := n.(type) {
		case *ast.SelectorExpr:
			word = n.Sel.Name
		case *ast.BasicLit:
			word, _ = strconv.Unquote(n.Value)
		}
		if where, ruled := onlyIn[word]; ruled && !within(file, where) {
			list = append(list, fmt.Sprintf("%v: %s is for %q alone", set.Position(n.Pos()), word, where))
		}
		return true
	})
	return list
}

func TestStraysAreFound(t *testing.T) {
	const source = `package p
func f() { unix.ClockGettime(1, nil); os.ReadFile("/proc/uptime"); ClockGettime() }
`
	if got := strays(t, "init/pid1/p.go", source); len(got) != 2 {
		t.Errorf("got %q, want two", got)
	}
	if got := strays(t, "boottime/p.go", source); len(got) > 0 {
		t.Errorf("in its place: got %q", got)
	}
}
