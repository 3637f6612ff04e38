package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

var emulators = map[string]string{"amd64": "qemu-x86_64", "arm64": "qemu-aarch64", "arm": "qemu-arm", "mips": "qemu-mips", "mipsle": "qemu-mipsel", "riscv64": "qemu-riscv64"}

// How a device binary is built, and how go does it by itself: then calls are inlined everywhere.
var (
	asDevice = []string{"-gcflags=all=-l -d=variablemakethreshold=0", "-gcflags=runtime/...="}
	inlined  []string
)

// compiled builds the trial.
func compiled(t *testing.T, arch string, flags []string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program}, flags...)
	cmd := exec.Command("go", append(args, "./testdata/trial")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off", "GOARCH="+arch, "GOMIPS=softfloat", "GOARM=7")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build for %s: %v\n%s", arch, err, text)
	}
	return program
}

func TestTheRuntimeFindsAllItAsksFor(t *testing.T) {
	for arch := range emulators {
		t.Run(arch, func(t *testing.T) { try(t, arch, asDevice) })
	}
	t.Run("with inlined calls", func(t *testing.T) { try(t, runtime.GOARCH, inlined) })
}

func try(t *testing.T, arch string, flags []string) {
	t.Parallel()
	program := compiled(t, arch, flags)
	whole := contents(t, program)
	dropLines(t, program)
	once := contents(t, program)
	dropLines(t, program)
	if !bytes.Equal(contents(t, program), once) {
		t.Error("a second time changes it again")
	}
	if most := len(whole) * 9 / 10; len(once) > most {
		t.Errorf("it has %d bytes and had %d; want %d at most", len(once), len(whole), most)
	}
	if _, err := buildinfo.ReadFile(program); err != nil {
		t.Errorf("go version -m: %v", err)
	}
	argv := []string{program}
	if arch != runtime.GOARCH {
		if _, err := exec.LookPath(emulators[arch]); err != nil {
			t.Skipf("it cannot run here: %v: apt-get install qemu-user", err)
		}
		argv = []string{emulators[arch], program}
	}
	for _, setting := range []string{"", "gccheckmark=1"} {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "GODEBUG="+setting)
		said, _ := cmd.CombinedOutput()
		for _, want := range []string{
			`finalizers: fine\n\? 0\n`, `panic: boom`,
			`trial/inner\.Compare\(.*\)\n\s+\?:0 \+0x`,
			`slices\.insertionSortCmpFunc\[\.\.\.\]\(.*\)\n\s+\?:0`,
			`main\.main\(\)\n\s+\?:0 \+0x`,
		} {
			if !regexp.MustCompile(want).Match(said) {
				t.Fatalf("GODEBUG=%s: no %s in\n%s", setting, want, said)
			}
		}
	}
}

// What `bantam size` reads: all functions, with their places and names but for the types between brackets.
func TestFunctionsKeepNamesAndPlaces(t *testing.T) {
	for _, arch := range []string{"amd64", "mips"} {
		program := compiled(t, arch, asDevice)
		whole := functions(t, program)
		dropLines(t, program)
		if got := functions(t, program); got != whole {
			t.Errorf("%s: the list of %d bytes is another of %d", arch, len(whole), len(got))
		}
		if !strings.Contains(whole, " inner.Compare ") || strings.Count(whole, "\n") < 1000 {
			t.Errorf("%s: only these functions:\n%s", arch, whole)
		}
	}
}

var types = regexp.MustCompile(`\[.*\]`)

func functions(t *testing.T, program string) string {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := f.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(table, f.Section(".text").Addr))
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, f := range symbols.Funcs {
		name := types.ReplaceAllString(f.Name, "[...]")
		list.WriteString(strings.Join([]string{hex(f.Entry), hex(f.End), name[strings.LastIndex(name, "/")+1:], "\n"}, " "))
	}
	return list.String()
}

func hex(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

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
	good := contents(t, compiled(t, runtime.GOARCH, asDevice))
	f, err := elf.NewFile(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	head, module := f.Section(".gopclntab").Offset, f.Section(".go.module").Offset
	info := f.Section(".go.buildinfo").Offset
	version := info + uint64(bytes.Index(good[info:], []byte(runtime.Version())))
	number := []byte{0xf9, 0xff, 0xff, 0xff}
	for claim, c := range map[string]struct {
		at   uint64
		with []byte
		want string
		code int
	}{
		"another layout":                   {head, number, "a layout that is not known: it begins with f9ffffff; it stays as it is", 0},
		"another Go":                       {version, []byte("go1.99"), "of go1.99", 0},
		"a head and a module of two minds": {head + 8 + 7*8, number, "is not", 0},
		"types that lie elsewhere":         {module + typesWord*8, number, ".typelink", 0},
		"records that lie nowhere":         {head + binary.NativeEndian.Uint64(good[head+8+7*8:]) + 4, number, "the function table is damaged", 1},
		"more functions than there are":    {module + (functabWord+1)*8, number, "is not", 0},
		"values that end behind the table": {module + (valuesWord+1)*8, number, "the function table is damaged", 1},
	} {
		t.Run(claim, func(t *testing.T) {
			bad, file := bytes.Clone(good), filepath.Join(t.TempDir(), "program")
			copy(bad[c.at:], c.with)
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
