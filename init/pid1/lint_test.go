package pid1

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

// Packages whose code runs in process 1 beside the one loop that reaps.
var inProcessOne = []string{"../pid1", "../supervise", "../kmod", "../control", "../statevolume", "../../switcher"}

// os/exec and os.Process.Wait call wait4 for one process beside the loop that
// reaps all: one of both finds nothing and an exit code is lost.
func TestNothingInProcessOneWaitsForItsOwnChildren(t *testing.T) {
	for _, dir := range inProcessOne {
		for _, fault := range faults(t, dir) {
			t.Error(fault)
		}
	}
}

func TestTheRuleFindsWhatItForbids(t *testing.T) {
	dir := t.TempDir()
	const source = `package p
import (
	"os"
	run "os/exec"
)
func f() { os.StartProcess("", nil, nil); run.Command(""); os.FindProcess(1) }
`
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := faults(t, dir); len(got) != 3 {
		t.Errorf("got %q, want three faults", got)
	}
}

func faults(t *testing.T, dir string) (list []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no Go files, %v", dir, err)
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range file.Imports {
			if path, _ := strconv.Unquote(imp.Path.Value); path == "os/exec" {
				list = append(list, fmt.Sprintf("%v: imports os/exec", set.Position(imp.Pos())))
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := call.X.(*ast.Ident); ok && pkg.Name == "os" && (call.Sel.Name == "StartProcess" || call.Sel.Name == "FindProcess") {
				list = append(list, fmt.Sprintf("%v: uses os.%s", set.Position(n.Pos()), call.Sel.Name))
			}
			return true
		})
	}
	return list
}
