// Package lint is the rules of the house as tests: how the source is written,
// which package may use which, what the device binary may contain and weigh.
package lint

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository.
const root = "../.."

// sources are the files that people write: all but what is built.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir() && (name == "bin" || name == "out" || d.Name() == ".git"):
			return filepath.SkipDir
		case d.Type().IsRegular():
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(files, "init/main.go") {
		t.Fatalf("init/main.go is not among %d files: this is not the repository", len(files))
	}
	return files
}

func TestGoFilesAreFormatted(t *testing.T) {
	gofmt := filepath.Join(strings.TrimSpace(string(output(t, nil, "go", "env", "GOROOT"))), "bin", "gofmt")
	args := []string{"-l"}
	for _, file := range sources(t) {
		if strings.HasSuffix(file, ".go") {
			args = append(args, file)
		}
	}
	for file := range strings.FieldsSeq(string(output(t, nil, gofmt, args...))) {
		t.Errorf("%s: run gofmt -w %[1]s", file)
	}
}

func TestNothingIsLeftToDo(t *testing.T) {
	for _, file := range sources(t) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			continue // not text
		}
		for i, line := range unfinished(string(text)) {
			t.Errorf("%s:%d: %s", file, i, line)
		}
	}
}

var leftover = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|HA` + `CK)\b`)

// unfinished are the lines, from 1, that speak of work still to be done.
func unfinished(text string) map[int]string {
	found := map[int]string{}
	for i, line := range strings.Split(text, "\n") {
		if leftover.MatchString(line) {
			found[i+1] = strings.TrimSpace(line)
		}
	}
	return found
}

func TestUnfinishedWorkIsFound(t *testing.T) {
	text := "fine\n// TO" + "DO: the rest\nmethod TO" + "DOs\n"
	if got := unfinished(text); len(got) != 1 || got[2] == "" {
		t.Errorf("got %v, want line 2", got)
	}
}

func TestNamesSayWhatIsInside(t *testing.T) {
	for _, file := range sources(t) {
		if word := emptyWord(file); word != "" {
			t.Errorf("%s: %q says nothing; name what it does", file, word)
		}
	}
}

var emptyWords = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}

// emptyWord is the part of a path that could be the name of anything.
func emptyWord(path string) string {
	words := strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return strings.ContainsRune("/._-", r) })
	for _, word := range words {
		if slices.Contains(emptyWords, word) {
			return word
		}
	}
	return ""
}

func TestEmptyWordsAreFound(t *testing.T) {
	for path, want := range map[string]string{
		"init/util/a.go": "util", "a/string_utils.go": "utils", "netcfg/helper_test.go": "helper",
		"docs/utilities.md": "", "switcher/commonplace.go": "",
	} {
		if got := emptyWord(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// output runs a command in the repository and returns what it prints.
func output(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	text, err := try(env, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func try(env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = root, append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	text, err := cmd.Output()
	if err != nil {
		return text, fmt.Errorf("%s: %w\n%s", strings.Join(append(env, append([]string{name}, args...)...), " "), err, problems.Bytes())
	}
	return text, nil
}
