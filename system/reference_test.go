package system

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"bantam/lifecycle"
)

const referencePage = "../docs/system.toml.md"

// referenceText is the hand-written introduction and a table for each table of the file.
func referenceText(t *testing.T) string {
	intro, err := os.ReadFile("testdata/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var defaults strings.Builder
	defaults.WriteString("| parameter | value | so that |\n|---|---|---|\n")
	for _, d := range ParameterDefaults {
		fmt.Fprintf(&defaults, "| `%s` | %s | %s |\n", d.Name, d.Value, d.Doc)
	}
	b.WriteString(strings.Replace(string(intro), "PARAMETER DEFAULTS\n", defaults.String(), 1))
	const head = "\n| key | type | default | meaning |\n|---|---|---|---|\n"
	b.WriteString(head)
	table := ""
	for _, k := range Schema() {
		path := strings.ReplaceAll(k.Path, "*", "NAME")
		if k.Type == "table" {
			fmt.Fprintf(&b, "\n### [%s]\n\n%s.\n%s", path, strings.ToUpper(k.Doc[:1])+k.Doc[1:], head)
			table = path + "."
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", strings.TrimPrefix(path, table), k.Type, k.Default, k.Doc)
	}
	return b.String()
}

func TestTheReferencePageShowsTheSchema(t *testing.T) {
	golden(t, referencePage, referenceText(t))
}

func TestEveryKeyIsExplained(t *testing.T) {
	for _, k := range Schema() {
		if k.Path == "" || k.Type == "" || k.Doc == "" {
			t.Errorf("incomplete: %+v", k)
		}
		if len(k.Doc) > 110 || strings.ContainsAny(k.Doc, "\n|") || strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s: %q is no short line", k.Path, k.Doc)
		}
		values := k.Values
		if k.Path == readyPath {
			for _, way := range lifecycle.Readinesses {
				values = append(values, way.Word)
			}
		}
		for _, v := range values {
			if m := k.Meaning(v); m == "" || m == "the default" {
				t.Errorf("%s: value %q is not explained in %q", k.Path, v, k.Doc)
			}
		}
	}
}

func TestExamplesAreValid(t *testing.T) {
	page, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{}
	for i, block := range strings.Split(string(page), "```toml\n")[1:] {
		code, _, closed := strings.Cut(block, "```")
		if !closed {
			t.Fatal("code block is not closed")
		}
		examples[fmt.Sprintf("%s example %d", referencePage, i+1)] = code
	}
	if len(examples) != 6 {
		t.Errorf("got %d examples in %s, want 6", len(examples), referencePage)
	}
	boards, err := os.ReadDir("../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boards {
		file := "../examples/" + b.Name() + "/system.toml"
		src, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		examples[file] = string(src)
	}
	for name, src := range examples {
		s, problems := Parse(name, []byte(src))
		for _, p := range append(problems, Remarks(name, []byte(src))...) {
			t.Error(p)
		}
		if s != nil && reflect.DeepEqual(s, Default()) {
			t.Errorf("%s describes nothing", name)
		}
	}
}
