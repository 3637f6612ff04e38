package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// example asks for a line of its own, and then panics below a function of the standard library.
const example = `package main

import (
	"fmt"
	"runtime"
	"slices"

	"example/inner"
)

func main() {
	_, file, line, _ := runtime.Caller(0)
	fmt.Println(file, line)
	slices.SortFunc([]int{3, 2, 1}, inner.Compare)
}
`

const innerExample = `package inner

func Compare(a, b int) int {
	panic("boom")
}
`

// compiled builds the example as a device binary is built.
func compiled(t *testing.T, arch string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example\n\ngo 1.24\n", "main.go": example, "inner/inner.go": innerExample} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-gcflags=all=-l -d=variablemakethreshold=0", "-gcflags=runtime/...=", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off", "GOARCH="+arch, "GOMIPS=softfloat", "GOARM=7")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build for %s: %v\n%s", arch, err, text)
	}
	return filepath.Join(dir, "program")
}

func TestNamesAndOffsetsStayAndLinesAreGone(t *testing.T) {
	for arch, emulator := range map[string]string{"amd64": "qemu-x86_64", "arm64": "qemu-aarch64", "arm": "qemu-arm", "mips": "qemu-mips", "mipsle": "qemu-mipsel", "riscv64": "qemu-riscv64"} {
		t.Run(arch, func(t *testing.T) {
			program := compiled(t, arch)
			whole := contents(t, program)
			dropLines(t, program)
			once := contents(t, program)
			dropLines(t, program)
			if !bytes.Equal(contents(t, program), once) {
				t.Error("a second time changes it again")
			}
			if len(once) != len(whole) || bytes.Count(once, []byte{0}) <= bytes.Count(whole, []byte{0}) {
				t.Errorf("it has %d bytes and had %d, or no more zeros", len(once), len(whole))
			}
			argv := []string{program}
			if arch != runtime.GOARCH {
				if _, err := exec.LookPath(emulator); err != nil {
					t.Skipf("it cannot run here: %v: apt-get install qemu-user", err)
				}
				argv = []string{emulator, program}
			}
			said, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput()
			for _, want := range []string{
				`^\? 0\n`, `panic: boom`,
				`example/inner\.Compare\(.*\n\s+\?:0 \+0x`,
				`slices\.insertionSortCmpFunc.*\n\s+\?:0 \+0x`,
				`main\.main\(\)\n\s+\?:0 \+0x`,
			} {
				if !regexp.MustCompile(want).Match(said) {
					t.Errorf("no %s in\n%s", want, said)
				}
			}
		})
	}
}

func dropLines(t *testing.T, program string) {
	t.Helper()
	var said strings.Builder
	if code := run([]string{program}, &said); code != 0 || said.Len() > 0 {
		t.Fatalf("exit status %d: %s", code, said.String())
	}
}

func contents(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A binary of another Go is left as it is; one that makes no sense stops the build.
func TestWhatIsNotKnownStaysAsItIs(t *testing.T) {
	good := contents(t, compiled(t, runtime.GOARCH))
	f, err := elf.NewFile(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	head := f.Section(".gopclntab").Offset
	for claim, c := range map[string]struct {
		at   uint64
		want string
		code int
	}{
		"another layout":                {0, "a layout that is not known: 0xfffffff9; it keeps its line numbers", 0},
		"records that lie nowhere":      {8 + 7*8 + 4, "the function table is damaged", 1},
		"more functions than there are": {8 + 4, "the function table is damaged", 1},
	} {
		t.Run(claim, func(t *testing.T) {
			bad, file := bytes.Clone(good), filepath.Join(t.TempDir(), "program")
			binary.NativeEndian.PutUint32(bad[head+c.at:], 0xfffffff9)
			if err := os.WriteFile(file, bad, 0o755); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			if code := run([]string{file}, &said); code != c.code || !strings.Contains(said.String(), c.want) {
				t.Errorf("exit status %d: %s; want %d and %q", code, said.String(), c.code, c.want)
			}
			if !bytes.Equal(contents(t, file), bad) {
				t.Error("the file has changed")
			}
		})
	}
}
