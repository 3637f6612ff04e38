package images

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/board"
	"bantam/tty/ttytest"
)

// kvmDump is what QEMU prints when KVM cannot go on with a guest: registers follow, and then nothing.
const kvmDump = `KVM internal error. Suberror: 1
emulation failure
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000
Code=00 00 00 00
`

func TestFaultsOfKVM(t *testing.T) {
	for line, want := range map[string]bool{
		"KVM internal error. Suberror: 1":                                                              true,
		"KVM internal error. Suberror: 3":                                                              true,
		"error: kvm run failed Bad address":                                                            true,
		"KVM: entry failed, hardware error 0x80000021":                                                 true,
		"KVM: unknown exit, hardware reason 31":                                                        true,
		"qemu-system-x86_64: -accel kvm: failed to initialize kvm: Device or resource busy":            true,
		"Could not access KVM kernel module: Permission denied":                                        true,
		"qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.80000001H:ECX.svm": false,
		"qemu-system-x86_64: terminating on signal 15 from pid 1 (bantam)":                             false,
		"qemu-system-x86_64: -drive file=kvm.img: Could not open 'kvm.img': No such file or directory": false,
	} {
		if got := saysKVMFault(line); got != want {
			t.Errorf("%q: a fault of KVM: %v, want %v", line, got, want)
		}
	}
}

// In whatever pieces it comes: what was said before the fault is passed on, the fault is told once, the registers are dropped.
func TestWatchOnQEMUsWords(t *testing.T) {
	const before = "qemu: warning: one\nqemu: warning: two\n"
	for size := 1; size < len(before+kvmDump); size++ {
		var out bytes.Buffer
		var told []string
		w := &kvmWatch{out: &out, end: func(f *kvmFault) { told = append(told, f.said) }}
		for text := before + kvmDump; text != ""; {
			n := min(size, len(text))
			if m, err := w.Write([]byte(text[:n])); m != n || err != nil {
				t.Fatalf("write: %d, %v", m, err)
			}
			text = text[n:]
		}
		w.flush()
		if out.String() != before || len(told) != 1 || told[0] != "KVM internal error. Suberror: 1" {
			t.Fatalf("in pieces of %d: passed on %q, told %q", size, out.String(), told)
		}
	}
	var out bytes.Buffer
	w := &kvmWatch{out: &out}
	w.Write([]byte("last words"))
	if w.flush(); out.String() != "last words" {
		t.Errorf("last words without line feed: %q", out.String())
	}
}

// fakeQEMU stands in for QEMU: with KVM it does what is said, without it the machine works. What it is given as a
// disk gets a line each time that it starts and when it is asked to end.
func fakeQEMU(t *testing.T, withKVM string) (image string) {
	t.Helper()
	dir := t.TempDir()
	script := `#!/bin/sh
for word; do case $word in if=none,id=bantam,*) disk=${word##*file=};; esac; done
echo started >>"$disk"
case "$*" in
*"-accel kvm"*)
	trap 'echo flushed >>"$disk"; exit 0' TERM
	` + withKVM + `
	while :; do sleep 0.05; done;;
esac
echo "the machine works"
exit 0
`
	if err := os.WriteFile(filepath.Join(dir, "qemu-system-x86_64"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	image = filepath.Join(dir, "pc.img")
	if err := os.WriteFile(image, append(make([]byte, 510), "\x55\xaa"...), 0o644); err != nil {
		t.Fatal(err)
	}
	return image
}

func kvmHost(silence time.Duration) virtualHost {
	return virtualHost{kvmDevice: os.DevNull, kvmWorks: func(context.Context, board.Board) bool { return true }, silence: silence, ending: 100 * time.Millisecond}
}

const dumpsRegisters = "echo ISOLINUX; printf '%s' '" + kvmDump + "' >&2"

func TestMachineStartsAgainWhereKVMFails(t *testing.T) {
	for _, test := range []struct {
		name    string
		withKVM string // what the machine does with KVM
		silence time.Duration
		args    []string
		says    string // why it started again; "": it did not
		console string
	}{
		{"a guest that KVM cannot go on with", dumpsRegisters, time.Hour, nil, "KVM internal error. Suberror: 1. It starts again with emulation", "ISOLINUX\nthe machine works\n"},
		{"and is not asked for its last words", "trap '' TERM; " + dumpsRegisters, time.Hour, nil, "KVM internal error. Suberror: 1", "ISOLINUX\nthe machine works\n"},
		{"a silent one", "", 10 * time.Millisecond, nil, "it printed nothing within 10ms. It starts again with emulation", "the machine works\n"},
		{"a KVM that is busy", "echo 'failed to initialize kvm: Device or resource busy' >&2; exit 1", time.Hour, nil, "Device or resource busy. It starts again", "the machine works\n"},
		{"one that works", "echo booted; exit 0", time.Hour, nil, "", "booted\n"},
		{"one that may well be silent", "sleep 0.1; echo booted; exit 0", time.Millisecond, []string{"-S"}, "", "booted\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			image := fakeQEMU(t, test.withKVM)
			var console, messages bytes.Buffer
			err := kvmHost(test.silence).run(context.Background(), RunOptions{
				Board: loadBoard(t, "pc"), Image: image, DiskSize: 1 << 20, Args: test.args, Stdout: &console, Stderr: &messages,
			})
			if err != nil || console.String() != test.console {
				t.Errorf("%v, console %q, want %q", err, console.String(), test.console)
			}
			said := messages.String()
			if strings.Contains(said, "starts again") != (test.says != "") || !strings.Contains(said, test.says) {
				t.Errorf("said %q, want %q", said, test.says)
			}
			if strings.Contains(said, "EAX=") {
				t.Errorf("the registers are printed: %q", said)
			}
		})
	}
}

// The disk that is kept is what the first start left of it, written out before the second begins.
func TestKeptDiskSurvivesTheSecondStart(t *testing.T) {
	image := fakeQEMU(t, "echo precious >>\"$disk\"; "+dumpsRegisters)
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, append(make([]byte, 510), "\x55\xaathe user's\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	h := kvmHost(time.Hour)
	h.ending = time.Minute
	if err := h.run(context.Background(), RunOptions{Board: loadBoard(t, "pc"), Image: image, Keep: disk}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(disk)
	if want := "the user's\nstarted\nprecious\nflushed\nstarted\n"; err != nil || string(text[512:]) != want {
		t.Errorf("the disk has %q, %v; want %q", text[512:], err, want)
	}
}

func TestWhoInsistsOnKVMIsToldWhyItFails(t *testing.T) {
	image := fakeQEMU(t, dumpsRegisters)
	o := RunOptions{Board: loadBoard(t, "pc"), Image: image, DiskSize: 1 << 20, Accel: AccelKVM}
	o.Board.Arch = runtime.GOARCH
	h := kvmHost(time.Hour)
	err := h.run(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "KVM internal error. Suberror: 1; --accel tcg runs it in emulation") {
		t.Errorf("got %v, want KVM's fault and the way out", err)
	}
	h.kvmDevice = "/nonexistent"
	if err := h.run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "no such file or directory; without it take --accel tcg") {
		t.Errorf("no KVM: %v", err)
	}
	o.Board.Arch = "mips"
	if err := h.checkAccel(o); err == nil || !strings.Contains(err.Error(), "is mips and needs --accel tcg") {
		t.Errorf("KVM for another architecture: %v", err)
	}
	o.Accel = "hax"
	if err := h.checkAccel(o); err == nil || !strings.Contains(err.Error(), `it may be "auto", "kvm" or "tcg"`) {
		t.Errorf("an unknown way: %v", err)
	}
}

// A machine that has to be killed leaves a raw terminal; whoever looks at it next gets the one they had.
func TestTerminalIsGivenBackByAMachineThatIsKilled(t *testing.T) {
	person, line := ttytest.Open(t)
	go func() {
		for b := make([]byte, 512); ; {
			if _, err := person.Read(b); err != nil {
				return
			}
		}
	}()
	before, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	image := fakeQEMU(t, "trap '' TERM; stty raw -echo; "+dumpsRegisters)
	var messages bytes.Buffer
	if err := kvmHost(time.Hour).run(context.Background(), RunOptions{
		Board: loadBoard(t, "pc"), Image: image, DiskSize: 1 << 20, Stdin: line, Stdout: line, Stderr: &messages,
	}); err != nil || !strings.Contains(messages.String(), "starts again") {
		t.Fatalf("%v: %s", err, messages.String())
	}
	if after, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS); err != nil || *after != *before {
		t.Errorf("the terminal stays raw (%v)", err)
	}
}
