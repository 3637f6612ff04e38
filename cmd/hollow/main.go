// Command hollow writes an overlay for `go build -overlay` in which functions have no bodies: those of the files of this module whose names match.
//
// The binary that is built with it is that much smaller than the whole one as these files cost, with all that only they use of others, in code, tables and
// constants (docs/size.md). It cannot run.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bantam/atomicfile"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, errOut io.Writer) int {
	if len(args) != 3 || args[2] == "" {
		fmt.Fprintln(errOut, "usage: hollow OVERLAY FOLDER REGEXP")
		return 2
	}
	if err := write(".", args[0], args[1], args[2]); err != nil {
		fmt.Fprintf(errOut, "hollow: %v\n", err)
		return 1
	}
	return 0
}

// write adds to an overlay, as JSON in a file, the files below root whose names there match, and puts both into the folder.
func write(root, overlayName, folder, expression string) error {
	match, err := regexp.Compile(expression)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(overlayName)
	if err != nil {
		return err
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &overlay); err != nil {
		return fmt.Errorf("%s: %w", overlayName, err)
	}
	if root, err = filepath.Abs(root); err != nil {
		return err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	found := false
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, name)
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !match.MatchString(inside) {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		hollow, err := hollowed(text)
		if err != nil {
			return fmt.Errorf("%s: %w", inside, err)
		}
		found = true
		to := filepath.Join(folder, strings.ReplaceAll(inside, "/", "+")+".hollow") // not one of this module's
		overlay.Replace[name] = to
		return atomicfile.WriteUnsynced(to, hollow, 0o644)
	})
	if err != nil {
		return err
	}
	if !found {
		return errors.New("no file has a name like that")
	}
	if text, err = json.Marshal(overlay); err != nil {
		return err
	}
	return atomicfile.WriteUnsynced(filepath.Join(folder, "overlay.json"), text, 0o644)
}

// hollowed is a source file whose functions have no bodies, without the imports that only these used.
func hollowed(text []byte) ([]byte, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	type cut struct {
		from, to int
		put      string
	}
	var cuts []cut
	add := func(from, to token.Pos, put string) {
		cuts = append(cuts, cut{files.Position(from).Offset, files.Position(to).Offset, put})
	}
	for _, d := range file.Decls {
		if f, is := d.(*ast.FuncDecl); is && f.Body != nil {
			add(f.Body.Lbrace, f.Body.End(), "{ panic(0) }")
			f.Body = nil
		}
	}
	used := map[string]bool{"_": true}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, is := n.(*ast.SelectorExpr); is {
			if of, is := s.X.(*ast.Ident); is {
				used[of.Name] = true
			}
		}
		return true
	})
	for _, d := range file.Decls {
		imports, is := d.(*ast.GenDecl)
		if !is || imports.Tok != token.IMPORT {
			continue
		}
		for _, s := range imports.Specs {
			switch s := s.(*ast.ImportSpec); {
			case used[nameOf(s)]:
			case imports.Lparen.IsValid():
				add(s.Pos(), s.End(), "")
			default:
				add(imports.Pos(), imports.End(), "")
			}
		}
	}
	slices.SortFunc(cuts, func(a, b cut) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, c := range cuts {
		out = append(append(out, text[at:c.from]...), c.put...)
		at = c.to
	}
	return append(out, text[at:]...), nil
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// nameOf is what a file calls what it imports, where the package is called as its folder.
func nameOf(s *ast.ImportSpec) string {
	if s.Name != nil {
		return s.Name.Name
	}
	name, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return ""
	}
	if version.MatchString(path.Base(name)) {
		name = path.Dir(name)
	}
	return path.Base(name)
}
