package systemfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"bantam/system/syntax"
)

// FuzzComplete checks what holds for every text and offset: the word that is
// replaced ends at the offset, what replaces it is one line. In a valid text
// the header and the values that are offered leave it valid TOML.
func FuzzComplete(f *testing.F) {
	files, _ := filepath.Glob("../../system/testdata/bad/*.toml")
	boards, _ := filepath.Glob("../../examples/*/system.toml")
	for _, file := range append(files, boards...) {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for offset := 0; offset <= len(src); offset += 1 + len(src)/13 {
			f.Add(src, offset)
		}
	}
	for _, p := range places {
		before, after, _ := strings.Cut(p.text, "|")
		f.Add([]byte(before+after), len(before))
	}
	f.Add([]byte("a"), -1)
	f.Add([]byte("a"), 2)
	var last []byte // what has passed all that does not depend on the offset
	f.Fuzz(func(t *testing.T, src []byte, offset int) {
		offered(t, src, offset)
		Explain(src, offset)
		if len(src) > 2000 || bytes.Equal(src, last) || !isTOML(src) {
			return
		}
		open := string(src) + "\n["
		for _, header := range offered(t, []byte(open), len(open)) {
			if strings.HasSuffix(header, "]") && !isTOML([]byte(string(src)+"\n"+header)) {
				t.Errorf("%q is no TOML any more with %s at its end", src, header)
			}
		}
		clean, mark, _ := textAt(src, len(src))
		root, _ := syntax.Scan(clean)
		eachString(root, func(n *syntax.Node) {
			before, after := string(src[:mark+n.At]), string(src[mark+n.End:])
			checkValues(t, before, after)
			if quote := src[mark+n.At : mark+n.At+1]; n.End-n.At > 1 && !bytes.HasPrefix(src[mark+n.At+1:], quote) {
				checkValues(t, before+string(quote), string(quote)+after)
			}
		})
		if !t.Failed() {
			last = bytes.Clone(src)
		}
	})
}

// checkValues puts everything offered between two halves of a file that lacks a value.
func checkValues(t *testing.T, before, after string) {
	src := []byte(before + after)
	from, _ := Complete(src, len(before))
	for _, value := range offered(t, src, len(before)) {
		if strings.HasPrefix(strings.TrimLeft(value, `["`), "tcp/") || value == `["` || value == `"` || strings.Contains(value, "{") {
			continue // goes on
		}
		if text := before[:from] + value + after; !isTOML([]byte(text)) {
			t.Errorf("%q is no TOML", text)
		}
	}
}

// offered are the texts of the completions.
func offered(t *testing.T, src []byte, offset int) []string {
	from, items := Complete(src, offset)
	if from > offset || from < 0 && len(items) > 0 {
		t.Errorf("replaces from %d up to %d", from, offset)
	}
	var texts []string
	for _, item := range items {
		if item.Text == "" || strings.ContainsAny(item.Text+item.Doc, "\r\n") {
			t.Errorf("completion %q", item)
		}
		texts = append(texts, item.Text)
	}
	return texts
}

func isTOML(src []byte) bool {
	if bytes.IndexByte(src, 0) >= 0 {
		return false
	}
	t := syntax.NewText(src)
	clean, bad := t.CheckBytes()
	_, faults := syntax.Scan(clean)
	var doc map[string]any
	_, err := toml.Decode(string(t.Src), &doc)
	return err == nil && len(bad)+len(faults) == 0
}

// eachString visits the first strings of a tree.
func eachString(n *syntax.Node, visit func(*syntax.Node)) {
	left := 20
	var walk func(n *syntax.Node)
	walk = func(n *syntax.Node) {
		if n.Kind == syntax.StringKind && left > 0 {
			left--
			visit(n)
		}
		for _, name := range n.Names {
			walk(n.Kids[name])
		}
		for _, item := range n.Items {
			walk(item)
		}
	}
	walk(n)
}
