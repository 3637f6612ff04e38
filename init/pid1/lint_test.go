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
var inProcessOne = []string{"../pid1", "../supervise", "../kmod", "../mtd", "../control", "../statevolume", "../../switcher", "../../atomicfile"}

// os/exec and os.Process.Wait call wait4 for one process beside the loop that
// reaps all: one of both finds nothing and an exit code is lost.
func TestNothingInProcessOneWaitsForItsOwnChildren(t *testing.T) {
	for _, dir := range inProcessOne {
		for _, fault := range faults(t, dir) {
			t.Error(fault)
		}
	}
}

// A panic in a goroutine of its own ends the process, which is the machine.
func TestEveryGoroutineOfProcessOneIsGuarded(t *testing.T) {
	for _, dir := range inProcessOne {
		for _, fault := range unguarded(t, dir) {
			t.Error(fault)
		}
	}
}

func TestTheRuleFindsGoroutinesWithoutGuard(t *testing.T) {
	dir := t.TempDir()
	const source = `package p
func f() { go g(); go func() {}(); time.AfterFunc(0, g); go Guard("g", g); go s.guard("g", g); context.AfterFunc(nil, g) }
`
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := unguarded(t, dir); len(got) != 4 {
		t.Errorf("got %q, want four faults", got)
	}
}

// unguarded lists the goroutines that begin outside Guard, those of the verbs,
// which are processes of their own, excepted.
func unguarded(t *testing.T, dir string) (list []string) {
	t.Helper()
	inspect(t, dir, func(at token.Position, n ast.Node) {
		name := filepath.Base(at.Filename)
		if dir == "../control" && (name == "person.go" || strings.HasPrefix(name, "verb_")) {
			return
		}
		switch n := n.(type) {
		case *ast.GoStmt:
			called := ""
			switch f := n.Call.Fun.(type) {
			case *ast.Ident:
				called = f.Name
			case *ast.SelectorExpr:
				called = f.Sel.Name
			}
			if !strings.EqualFold(called, "guard") {
				list = append(list, fmt.Sprintf("%v: go without Guard", at))
			}
		case *ast.SelectorExpr:
			if n.Sel.Name == "AfterFunc" {
				list = append(list, fmt.Sprintf("%v: AfterFunc starts a goroutine without Guard", at))
			}
		}
	})
	return list
}

// A context that ends without a cause says "context deadline exceeded", which
// says neither what nor when.
func TestEveryLimitInProcessOneSaysInWordsThatItIsOver(t *testing.T) {
	for _, dir := range inProcessOne {
		compared := map[ast.Node]bool{}
		inspect(t, dir, func(at token.Position, n ast.Node) {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				compared[n.X] = true // ctx.Err() != nil
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					return
				}
				of, _ := f.X.(*ast.Ident)
				switch {
				case f.Sel.Name == "WithTimeout" || f.Sel.Name == "WithDeadline":
					t.Errorf("%v: use %sCause", at, f.Sel.Name)
				case f.Sel.Name == "Err" && of != nil && of.Name == "ctx" && !compared[n]:
					t.Errorf("%v: use context.Cause(ctx)", at)
				}
			}
		})
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

// inspect shows every node of a package's files, but for those of its tests.
func inspect(t *testing.T, dir string, show func(at token.Position, n ast.Node)) {
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
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				show(set.Position(n.Pos()), n)
			}
			return true
		})
	}
}

func faults(t *testing.T, dir string) (list []string) {
	t.Helper()
	inspect(t, dir, func(at token.Position, n ast.Node) {
		switch n := n.(type) {
		case *ast.ImportSpec:
			if path, _ := strconv.Unquote(n.Path.Value); path == "os/exec" {
				list = append(list, fmt.Sprintf("%v: imports os/exec", at))
			}
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "os" && (n.Sel.Name == "StartProcess" || n.Sel.Name == "FindProcess") {
				list = append(list, fmt.Sprintf("%v: uses os.%s", at, n.Sel.Name))
			}
		}
	})
	return list
}
