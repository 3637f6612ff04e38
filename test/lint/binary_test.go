package lint

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compressedLimit is the budget of the device binary for amd64 as xz -9e packs it.
const compressedLimit = 3_600_000

func TestDeviceBinaryIsWithinItsBudget(t *testing.T) {
	const binary = root + "/bin/device/amd64/bantam"
	info, err := os.Stat(binary)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatal("bin/device/amd64/bantam is missing: run `make device`")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("xz"); err != nil {
		t.Fatal("xz is missing: apt-get install xz-utils")
	}
	// The kernel knows no other check.
	packed := len(output(t, nil, "xz", "-9e", "--check=crc32", "--stdout", "bin/device/amd64/bantam"))
	t.Logf("device binary for amd64: %d bytes, %d as xz -9e packs them, %.0f %% of the budget",
		info.Size(), packed, 100*float64(packed)/compressedLimit)
	if packed > compressedLimit {
		t.Errorf("%d bytes, the budget is %d; `make size` says what takes them", packed, compressedLimit)
	}
}

// A call of reflect's MethodByName whose argument the linker cannot know makes it
// keep every exported method of every type: 0.4 MB compressed.
func TestDeviceBinaryCallsNoMethodByName(t *testing.T) {
	for _, symbol := range methodSeekers(t, "./init") {
		t.Errorf("%s calls a method by its name; see docs/size.md", symbol)
	}
}

func TestCallsOfMethodsByNameAreFound(t *testing.T) {
	program := filepath.Join(t.TempDir(), "main.go")
	const source = `package main

import (
	"os"
	"reflect"
)

func main() { reflect.ValueOf(os.Stdout).MethodByName(os.Args[1]).Call(nil) }
`
	if err := os.WriteFile(program, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := methodSeekers(t, program); !slices.Contains(got, "main.main") {
		t.Errorf("got %q, want main.main among them", got)
	}
}

// methodSeekers are the functions that the linker marks so in a program.
func methodSeekers(t *testing.T, program string) (symbols []string) {
	t.Helper()
	// A file of its own: go build leaves out the linking of what is there already.
	cmd := exec.Command("go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), "binary"), program)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("go build %s: %v\n%s", program, err, said.Bytes()[max(0, said.Len()-2000):])
	}
	edges := 0
	for line := range strings.Lines(said.String()) {
		from, _, isEdge := strings.Cut(strings.TrimSpace(line), " -> ")
		if !isEdge {
			continue
		}
		edges++
		if symbol, marked := strings.CutSuffix(from, " <ReflectMethod>"); marked && !slices.Contains(symbols, symbol) {
			symbols = append(symbols, symbol)
		}
	}
	if edges < 1000 {
		t.Fatalf("go build %s: the linker told only %d dependencies", program, edges)
	}
	return symbols
}
