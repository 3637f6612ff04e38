package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Where this fails Go's source has changed: see whether what the device leaves out can be left out of it still.
func TestEveryChangeFindsItsPlace(t *testing.T) {
	missing, err := write(t.TempDir())
	if err != nil || len(missing) > 0 {
		t.Errorf("%v: %v", missing, err)
	}
}

func TestAFileThatIsAnotherStaysAsItIs(t *testing.T) {
	list := []change{{"one", "two"}}
	for text, want := range map[string]bool{"one way": true, "no way": false, "one and one": false} {
		if got, ok := changed(text, list); ok != want || ok && got != "two way" {
			t.Errorf("%q becomes %q, %v", text, got, ok)
		}
	}
}

func TestP256WithoutItsTableCountsAsWithIt(t *testing.T) {
	overlay := t.TempDir()
	if code := run([]string{overlay}, os.Stderr); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	for arch, emulator := range map[string]string{"amd64": "qemu-x86_64", "mips": "qemu-mips", "arm64": "qemu-aarch64"} {
		t.Run(arch, func(t *testing.T) {
			with, large := said(t, "curve", arch, emulator)
			without, small := said(t, "curve", arch, emulator, "-overlay", filepath.Join(overlay, "overlay.json"))
			if with != without || strings.Count(with, "\n") < 500 || !strings.HasSuffix(with, "<nil> true\nfalse\n<nil> <nil> true\n") {
				t.Errorf("with the table:\n%s\nwithout:\n%s", with, without)
			}
			if large-small < 80_000 {
				t.Errorf("%d bytes with the table, %d without", large, small)
			}
		})
	}
}

func TestHeapSortSortsAsQuickSort(t *testing.T) {
	overlay := t.TempDir()
	if code := run([]string{overlay}, os.Stderr); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	quick, large := said(t, "sorts", runtime.GOARCH, "")
	heap, small := said(t, "sorts", runtime.GOARCH, "", "-overlay", filepath.Join(overlay, "overlay.json"))
	if quick != heap || strings.Count(quick, "\n") != 300*6 {
		t.Errorf("by quick sort %d lines, by heap sort other lists", strings.Count(quick, "\n"))
	}
	if small >= large {
		t.Errorf("%d bytes with quick sort, %d without", large, small)
	}
}

// said is what a program of testdata says, and its size.
func said(t *testing.T, name, arch, emulator string, flags ...string) (string, int64) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w", "-o", program}, flags...), "./testdata/"+name)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off", "GOARCH="+arch, "GOMIPS=softfloat")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build for %s: %v\n%s", arch, err, text)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{program}
	if arch != runtime.GOARCH {
		if _, err := exec.LookPath(emulator); err != nil {
			t.Skipf("it cannot run here: %v: apt-get install qemu-user", err)
		}
		argv = []string{emulator, program}
	}
	text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return string(text), info.Size()
}
