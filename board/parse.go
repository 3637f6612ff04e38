package board

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"bantam/spelling"
	"bantam/system"
	"bantam/system/syntax"
)

// Parse reads the file of a board. All faults are told at once, by their places, as those of a system.toml are.
func Parse(file, name string, src []byte) (Board, []system.Problem) {
	text := syntax.NewText(src)
	clean, faults := text.CheckBytes()
	root, grammar := syntax.Scan(clean)
	r := &reader{faults: append(faults, grammar...)}
	r.fill(root, reflect.ValueOf(&r.board).Elem(), "")
	r.board.Name = name
	if len(faults)+len(grammar) == 0 {
		r.check(root)
	}
	if len(r.faults) == 0 {
		// The scanner knows less of TOML than the toml package does.
		var whole map[string]any
		if _, err := toml.Decode(string(text.Src), &whole); err != nil {
			fault := syntax.Fault{Message: err.Error()}
			if parse, ok := err.(toml.ParseError); ok {
				fault = syntax.Fault{At: parse.Position.Start, Message: parse.Message}
			}
			r.faults = append(r.faults, fault)
		}
	}
	slices.SortStableFunc(r.faults, func(a, b syntax.Fault) int { return cmp.Compare(a.At, b.At) })
	var problems []system.Problem
	for _, f := range r.faults {
		at := text.Position(f.At)
		problems = append(problems, system.Problem{File: file, Line: at.Line, Col: at.Col, Message: f.Message, Suggestion: f.Suggestion})
	}
	return r.board, problems
}

// A reader fills a Board from the tree, and goes on after each fault.
type reader struct {
	board  Board
	faults []syntax.Fault
}

func (r *reader) fail(at int, suggestion, format string, args ...any) {
	r.faults = append(r.faults, syntax.Fault{At: at, Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// fill sets v from n. Of a value that cannot be read the scanner has told.
func (r *reader) fill(n *syntax.Node, v reflect.Value, path string) {
	expect := func(kind syntax.Kind) bool {
		if n.Kind != kind && n.Kind != syntax.InvalidKind {
			n.Bad = true
			r.fail(n.At, "", "%s: expected %v, found %v", path, kind, n.Kind)
		}
		return n.Kind == kind
	}
	switch v.Kind() {
	case reflect.String:
		if expect(syntax.StringKind) {
			v.SetString(n.Text)
		}
	case reflect.Bool:
		if expect(syntax.BooleanKind) {
			v.SetBool(n.Flag)
		}
	case reflect.Int, reflect.Int64:
		if expect(syntax.IntegerKind) {
			if v.SetInt(n.Num); n.Num < 0 || v.Int() != n.Num {
				n.Bad = true
				r.fail(n.At, "", "%s: %d is out of range", path, n.Num)
			}
		}
	case reflect.Slice:
		if expect(syntax.ArrayKind) {
			v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
			for i, item := range n.Items {
				r.fill(item, v.Index(i), path+"["+strconv.Itoa(i)+"]")
			}
		}
	case reflect.Struct:
		if expect(syntax.TableKind) {
			r.fillStruct(n, v, path)
		}
	}
}

func (r *reader) fillStruct(n *syntax.Node, v reflect.Value, path string) {
	fields := make(map[string]reflect.Value)
	var keys []string
	var collect func(v reflect.Value)
	collect = func(v reflect.Value) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.Anonymous { // its keys are the table's
				collect(v.Field(i))
			} else if key := field.Tag.Get("toml"); key != "-" {
				fields[key] = v.Field(i)
				keys = append(keys, key)
			}
		}
	}
	collect(v)
	for _, name := range n.Names {
		kid := n.Kids[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		if field, known := fields[name]; known {
			r.fill(kid, field, at)
			continue
		}
		suggestion := "docs/boards.md lists the keys"
		if near := spelling.Nearest(name, keys); near != "" {
			suggestion = fmt.Sprintf("did you mean %q?", near)
		}
		r.fail(kid.Key, suggestion, "unknown key %s", at)
	}
}
