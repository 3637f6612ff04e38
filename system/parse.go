package system

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/BurntSushi/toml"
)

// Parse reads a system.toml. The file's name is for the problems only. All
// problems are reported at once, sorted by position; with any of them the
// System is nil.
func Parse(file string, src []byte) (*System, []Problem) {
	if len(src) > MaxSize {
		return nil, []Problem{{file, 1, 1, fmt.Sprintf("the file has %d bytes, more than the %d that a system.toml may have", len(src), MaxSize), ""}}
	}
	raw := newText(src)
	if at := slices.Index(raw.src, 0); at >= 0 { // hundreds of further faults would tell nothing more
		pos := raw.position(at)
		return nil, []Problem{{file, pos.Line, pos.Col, "byte 0x00: this is no text", "a system.toml is UTF-8 text without such bytes"}}
	}
	clean, bytes := raw.checkBytes()
	root, syntax := scan(clean)

	r := &reader{root: root}
	r.fill(root, reflect.ValueOf(&r.system).Elem(), "")
	r.system.applyDefaults()
	r.check()

	if problems := report(file, raw, bytes, syntax, r.faults); len(problems) > 0 {
		return nil, problems
	}
	// The scanner knows less of TOML than the toml package does.
	var doc map[string]any
	if _, err := toml.Decode(string(raw.src), &doc); err != nil {
		return nil, []Problem{tomlProblem(file, raw, err)}
	}
	return &r.system, nil
}

func tomlProblem(file string, t text, err error) Problem {
	parse, ok := err.(toml.ParseError)
	if !ok {
		return Problem{file, 1, 1, err.Error(), ""}
	}
	pos := t.position(parse.Position.Start)
	return Problem{file, pos.Line, pos.Col, oneLine(parse.Message), ""}
}
