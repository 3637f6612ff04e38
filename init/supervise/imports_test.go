package supervise

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// os/exec waits for single processes. Next to the reaper, which waits for all,
// each takes exit statuses from the other.
func TestNothingButTheReaperWaitsForProcesses(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %d files", err, len(files))
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range parsed.Imports {
			if imported.Path.Value == `"os/exec"` {
				t.Errorf("%s imports os/exec", file)
			}
		}
	}
}
