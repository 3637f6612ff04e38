package lock

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"bantam/printable"
	"bantam/system/syntax"
)

// mostBytes bounds what Read takes: a hundred packages and programs have some hundred kilobytes.
const mostBytes = 16 << 20

// Read reads what Encode wrote; file is its name, for the error. That has a line for each fault: file:line:col: what is wrong.
// What a File holds is safe to use in names of files and as arguments of commands.
func Read(file string, text []byte) (File, error) {
	if len(text) > mostBytes || bytes.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%s: this is no lock file that bantam build wrote; delete it, and the next build writes it anew", file)
	}
	clean, faults := syntax.NewText(text).CheckBytes()
	root, wrong := syntax.Scan(clean)
	r := &reader{faults: append(faults, wrong...)}
	f := make(File)
	if len(r.faults) == 0 {
		r.file(root, f)
	}
	if len(r.faults) == 0 {
		return f, nil
	}
	slices.SortStableFunc(r.faults, func(a, b syntax.Fault) int { return cmp.Compare(a.At, b.At) })
	var all []error
	for _, fault := range r.faults[:min(len(r.faults), 20)] {
		at := clean.Position(fault.At)
		message := fault.Message
		if line := clean.Src[clean.LineStart(fault.At):]; marks(line) {
			message = "a merge left its marks here; take one side, then run bantam build"
		}
		all = append(all, fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Col, printable.Escape(message)))
		if marks(clean.Src[clean.LineStart(fault.At):]) {
			break
		}
	}
	return nil, errors.Join(all...)
}

// marks tells whether a line is one of those that git leaves about a conflict.
func marks(line []byte) bool {
	return bytes.HasPrefix(line, []byte("<<<<<<<")) || bytes.HasPrefix(line, []byte("=======")) || bytes.HasPrefix(line, []byte(">>>>>>>"))
}

type reader struct{ faults []syntax.Fault }

func (r *reader) fail(n *syntax.Node, format string, args ...any) {
	r.faults = append(r.faults, syntax.Fault{At: n.Key, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) file(root *syntax.Node, f File) {
	switch format := root.Get("format"); {
	case format == nil || format.Kind != syntax.IntegerKind || format.Num < 1:
		r.fail(root, "this is no lock file that bantam build wrote: it has no format = %d", Format)
		return
	case format.Num > Format:
		r.fail(format, "format %d was written by a newer Bantam; this one knows %d", format.Num, Format)
		return
	}
	r.each(root, func(key string, n *syntax.Node) {
		switch key {
		case "format":
		case "board":
			r.each(n, func(name string, n *syntax.Node) { f[name] = r.board(n) })
		default:
			r.fail(n, "unknown key %s", key)
		}
	})
}

// each calls do for each key of a table.
func (r *reader) each(n *syntax.Node, do func(key string, n *syntax.Node)) {
	if n.Kind != syntax.TableKind {
		r.fail(n, "expected a table, found %s", n.Kind)
		return
	}
	for _, key := range n.Names {
		do(key, n.Kids[key])
	}
}

func (r *reader) board(n *syntax.Node) *Board {
	b := newBoard()
	r.each(n, func(key string, n *syntax.Node) {
		switch key {
		case "release":
			b.Release = r.text(n, key, isRelease)
		case "kernel":
			b.Kernel = r.text(n, key, isName)
		case "device":
			b.Device = r.text(n, key, isDigest)
		case "debian":
			r.each(n, func(arch string, n *syntax.Node) {
				r.each(n, func(name string, n *syntax.Node) {
					if !isName(arch) || !isName(name) {
						r.fail(n, "%q is not the name of a Debian package", name)
					}
					b.Packages[Name{arch, name}] = r.debian(n)
				})
			})
		case "program":
			r.each(n, func(name string, n *syntax.Node) { b.Programs[name] = r.program(n) })
		case "source":
			r.each(n, func(path string, n *syntax.Node) { b.Sources[path] = r.text(n, path, isDigest) })
		default:
			r.fail(n, "unknown key %s", key)
		}
	})
	return b
}

func (r *reader) debian(n *syntax.Node) (p Package) {
	r.each(n, func(key string, n *syntax.Node) {
		switch key {
		case "version":
			p.Version = r.text(n, key, isVersion)
		case "sha256":
			p.SHA256 = r.text(n, key, isDigest)
		case "arch":
			p.Arch = r.text(n, key, isName)
		case "source":
			p.Source = r.text(n, key, isLine)
		case "archive":
			p.Archive = r.text(n, key, isBelow)
		case "means":
			p.Means = r.text(n, key, isLine)
		case "closure":
			p.Closure = r.text(n, key, isName)
		case "carries":
			p.Carries = strings.Join(r.list(n, key, isName), " ")
		default:
			r.fail(n, "unknown key %s", key)
		}
	})
	if p.Version == "" || p.SHA256 == "" || p.Arch == "" {
		r.fail(n, "version, sha256 or arch is missing")
	}
	return p
}

func (r *reader) program(n *syntax.Node) (p Program) {
	r.each(n, func(key string, n *syntax.Node) {
		switch key {
		case "go":
			p.Go = r.text(n, key, isLine)
		case "tags":
			p.Tags = r.text(n, key, isLine)
		case "toolchain":
			p.Toolchain = r.text(n, key, isToolchain)
		case "sums":
			p.Sums = r.list(n, key, isSum)
		default:
			r.fail(n, "unknown key %s", key)
		}
	})
	if p.Go == "" || p.Toolchain == "" {
		r.fail(n, "go or toolchain is missing")
	}
	return p
}

func (r *reader) text(n *syntax.Node, key string, valid func(string) bool) string {
	switch {
	case n.Kind != syntax.StringKind:
		r.fail(n, "%s: expected a string, found %s", key, n.Kind)
	case !valid(n.Text):
		r.fail(n, "%s: %q was not written by bantam build", key, n.Text)
	}
	return n.Text
}

func (r *reader) list(n *syntax.Node, key string, valid func(string) bool) (values []string) {
	if n.Kind != syntax.ArrayKind {
		r.fail(n, "%s: expected an array, found %s", key, n.Kind)
	}
	for _, item := range n.Items {
		values = append(values, r.text(item, key, valid))
	}
	return values
}

const lower, numbers = "abcdefghijklmnopqrstuvwxyz", "0123456789"

func consists(s, of string) bool { return s != "" && strings.Trim(s, of) == "" }

func isRelease(s string) bool { return consists(s, lower+"-") && s[0] != '-' }
func isDigest(s string) bool  { return len(s) == 64 && consists(s, numbers+"abcdef") }
func isToolchain(s string) bool {
	return strings.HasPrefix(s, "go1.") && consists(s, numbers+lower+".")
}

// isName: Debian Policy, section 5.6.1.
func isName(s string) bool {
	return consists(s, lower+numbers+"+-.") && consists(s[:1], lower+numbers)
}

// isVersion: Debian Policy, section 5.6.12.
func isVersion(s string) bool {
	return consists(s, lower+strings.ToUpper(lower)+numbers+".+-:~") && consists(s[:1], numbers)
}

func isLine(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// isBelow: a path of the archive's, from its root.
func isBelow(s string) bool { return isLine(s) && fs.ValidPath(s) }

// isSum: MODULE VERSION[/go.mod] h1:BASE64 (Go Modules Reference, "go.sum files").
func isSum(s string) bool {
	fields := strings.Split(s, " ")
	return isLine(s) && len(fields) == 3 && fs.ValidPath(fields[0]) && fs.ValidPath(fields[1]) && strings.HasPrefix(fields[2], "h1:")
}
