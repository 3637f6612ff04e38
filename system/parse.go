package system

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/BurntSushi/toml"

	"bantam/system/syntax"
)

// MaxSize is the largest system.toml that is read, in bytes. Real ones have a few
// hundred bytes; anything near the limit is the wrong file.
const MaxSize = 1 << 20

// Parse reads a system.toml. The file's name is for the problems only. All
// problems are reported at once, sorted by position; with any of them the
// System is nil.
func Parse(file string, src []byte) (*System, []Problem) { return read(file, src, false) }

// ParseAgain is Parse for a text that Parse has accepted before, as PID 1 does the one that its children read. All is
// checked anew but whether another reader of TOML takes it, which is half of the work.
func ParseAgain(file string, src []byte) (*System, []Problem) { return read(file, src, true) }

func read(file string, src []byte, again bool) (*System, []Problem) {
	if len(src) > MaxSize {
		return nil, []Problem{{file, 1, 1, fmt.Sprintf("the file has %d bytes, more than the %d that a system.toml may have", len(src), MaxSize), ""}}
	}
	raw := syntax.NewText(src)
	if at := slices.Index(raw.Src, 0); at >= 0 { // hundreds of further faults would tell nothing more
		pos := raw.Position(at)
		return nil, []Problem{{file, pos.Line, pos.Col, "byte 0x00: this is no text", "a system.toml is UTF-8 text without such bytes"}}
	}
	clean, bytes := raw.CheckBytes()
	root, syntax := syntax.Scan(clean)

	r := &reader{root: root, fields: map[reflect.Type][]string{}}
	r.system.Time.DHCP = true
	r.fill(root, reflect.ValueOf(&r.system).Elem(), "")
	r.system.applyDefaults()
	r.check()

	if problems := report(file, raw, bytes, syntax, r.faults); len(problems) > 0 {
		return nil, problems
	}
	if !again { // the scanner knows less of TOML than the toml package does
		var doc map[string]any
		if _, err := toml.Decode(string(raw.Src), &doc); err != nil {
			return nil, []Problem{tomlProblem(file, raw, err)}
		}
	}
	parsed := r.system // a copy, or the tree lives as long as this
	return &parsed, nil
}

func tomlProblem(file string, t syntax.Text, err error) Problem {
	parse, ok := err.(toml.ParseError)
	if !ok {
		return Problem{file, 1, 1, err.Error(), ""}
	}
	pos := t.Position(parse.Position.Start)
	return Problem{file, pos.Line, pos.Col, oneLine(parse.Message), ""}
}
