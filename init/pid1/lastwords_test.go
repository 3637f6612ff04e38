package pid1

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	panicked = "Panic#1 Part1\n<6>[    9.1] sysrq: Trigger a crash\n<0>[    9.153627] Kernel panic - not syncing: sysrq triggered crash\n<4>[    9.2] CPU: 0 PID: 7\n"
	faulted  = "Oops#1 Part1\n<1>[   12.0] BUG: kernel NULL pointer dereference, address: 0000000000000000\n<4>[   12.1] Oops: 0002 [#1]\n"
)

func TestTheReasonOfAnEndIsFound(t *testing.T) {
	for text, want := range map[string]string{
		panicked:                            "Kernel panic - not syncing: sysrq triggered crash",
		faulted:                             "BUG: kernel NULL pointer dereference, address: 0000000000000000",
		faulted + panicked:                  "Kernel panic - not syncing: sysrq triggered crash",
		"Panic#1 Part2\n<6>[1.0] eth0 up\n": "",
		"\x00\xff":                          "",
	} {
		if got := panicLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestLastWordsAreMovedToTheVolumeOnceAndTold(t *testing.T) {
	pstore, dir := t.TempDir(), filepath.Join(t.TempDir(), "lastwords")
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	take := func(lasting bool) string {
		t.Helper()
		kept, err := takeLastWords(pstore, dir, now, lasting)
		if err != nil {
			t.Fatal(err)
		}
		return tellLastWords(kept)
	}
	if told := take(true); told != "" {
		t.Errorf("nothing was left, told %q", told)
	}
	write(pstore, "console-ramoops-0", "booted\n") // is there after every boot
	if told := take(true); told != "" {
		t.Errorf("the console's log was left, told %q", told)
	}
	write(pstore, "dmesg-efi_pstore-1", panicked)
	write(pstore, "dmesg-efi_pstore-2", "Panic#1 Part2\n")
	const want = "the machine did not end well before this boot: Kernel panic - not syncing: sysrq triggered crash; read "
	first := filepath.Join(dir, "20261128T120000Z-dmesg-efi_pstore-1")
	if told := take(false); told != want+first+" and 1 more there" {
		t.Errorf("told %q", told)
	}
	if left, _ := os.ReadDir(pstore); len(left) != 3 {
		t.Error("what memory alone keeps was deleted")
	}
	take(true)
	if left, _ := os.ReadDir(pstore); len(left) != 1 {
		t.Errorf("%d records left in pstore, want the console's alone", len(left))
	}
	if text, err := os.ReadFile(first); err != nil || string(text) != panicked {
		t.Errorf("kept: %v %q", err, text)
	}
	if told := take(true); told != "" {
		t.Errorf("told twice: %q", told)
	}
	write(dir, "20261128T115959Z-pid1.new", "the supervisor has ended\n")
	if told := take(true); told != "the machine did not end well before this boot: PID 1 restarted it: the supervisor has ended; read "+filepath.Join(dir, "20261128T115959Z-pid1") {
		t.Errorf("told %q", told)
	}
	if told := take(true); told != "" {
		t.Errorf("told twice: %q", told)
	}
}

func TestOnlySoManyLastWordsAreKeptTheNewestFirst(t *testing.T) {
	pstore, dir := t.TempDir(), t.TempDir()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for i := range 3 * lastFilesMost {
		name := filepath.Join(pstore, fmt.Sprintf("dmesg-ramoops-%d", i%2))
		if err := os.WriteFile(name, []byte(strings.Repeat("x", 1000*i)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := takeLastWords(pstore, dir, now.Add(time.Duration(i)*time.Minute), true); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	newest := stamp(now.Add((3*lastFilesMost - 1) * time.Minute))
	if len(entries) == 0 || len(entries) > lastFilesMost || size > lastWordsMost || !strings.HasPrefix(entries[len(entries)-1].Name(), newest) {
		t.Errorf("%d files, %d bytes", len(entries), size)
	}
}

func TestAWatchdogTellsWhyItResetTheMachine(t *testing.T) {
	for status, want := range map[uint32]string{
		0:                     "",
		unix.WDIOF_CARDRESET:  "it hung, and the watchdog reset it",
		unix.WDIOF_MAGICCLOSE: "",
		unix.WDIOF_CARDRESET | unix.WDIOF_OVERHEAT: "it hung, and the watchdog reset it, it was too hot",
	} {
		if got := resetCause(status); got != want {
			t.Errorf("status %#x: %q, want %q", status, got, want)
		}
	}
}

func TestASupervisorThatEndedIsToldAtTheNextBoot(t *testing.T) {
	out, err := output(t, "lastwords")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, "told: the machine did not end well before this boot: PID 1 restarted it: it had to; read /state/lastwords/")
}
