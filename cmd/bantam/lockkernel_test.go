package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/images/lock"
)

// What the board's package means stands for another kernel: it need not be fetched.
func TestALockKeepsTheKernelThatWasAskedFor(t *testing.T) {
	dir := t.TempDir()
	device, system, vendor, file := deviceBinary(t, dir), filepath.Join(dir, "system.toml"), filepath.Join(dir, "vendor"), filepath.Join(dir, "system.lock")
	if err := os.WriteFile(system, []byte("hostname = \"x\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	verb := func(name string, flags ...string) result {
		args := append([]string{name, "--device", device}, flags...)
		if name == "build" {
			args = append(args, "--img", "--out", filepath.Join(dir, "out"))
		}
		return bantam("", append(args, system)...)
	}
	kernel := func() (kept, means string) {
		t.Helper()
		f, err := lock.ReadFile(file)
		if err != nil || f["pc"] == nil {
			t.Fatal(f, err)
		}
		return f["pc"].Kernel, f["pc"].Packages[lock.Name{Arch: "amd64", Package: "linux-image-amd64"}].Means
	}
	verb("build").expect(t, exitOK, "generation ", "system.lock: new for board pc")
	kept, means := kernel()
	other, _, _ := strings.Cut(means, "=")
	if kept != "" || other == "" {
		t.Fatalf("the lock keeps kernel %q, and linux-image-amd64 means %q", kept, means)
	}

	verb("build", "--locked", "--kernel", other).expect(t, exitFault, "", "\n  kernel: the board's own -> "+other+"\n")
	verb("build", "--kernel", other).expect(t, exitOK, "generation ", file+": kernel: the board's own -> "+other+"\n")
	if kept, means := kernel(); kept != other || means != "" {
		t.Errorf("the lock keeps kernel %q, and linux-image-amd64 means %q", kept, means)
	}
	verb("build").expect(t, exitOK, "generation ", "")
	verb("sbom", "--locked").expect(t, exitOK, `"name": "`+other+`"`, "")
	bantam("", "vendor", "--locked", "--device", device, system, vendor).expect(t, exitOK, " Debian packages, ", "")
	verb("build", "--locked", "--vendor", vendor).expect(t, exitOK, "generation ", "")
	verb("build", "--locked", "--kernel", "linux-image-amd64").expect(t, exitFault, "", "system.lock does not say which linux-image-amd64 (amd64) to take")

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ entry, want string }{
		"a lock without it, as older ones are": {"", "system.lock does not say which linux-image-amd64 (amd64) to take, and --locked forbids to add it"},
		"one that the archive has no longer":   {"kernel = \"linux-image-6.1.0-1-amd64\"\n", "system.lock does not say which linux-image-6.1.0-1-amd64 (amd64) to take"},
	} {
		changed := strings.Replace(string(text), "kernel = \""+other+"\"\n", c.entry, 1)
		if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if r := verb("build", "--locked"); r.code != exitFault || !strings.Contains(r.errors, c.want) {
			t.Errorf("%s: exit status %d, %q; want %q", name, r.code, r.errors, c.want)
		}
		if c.entry != "" {
			verb("build").expect(t, exitFault, "", "; "+file+" has it from an earlier --kernel, and --kernel linux-image-amd64 goes back to the board's own")
		}
	}

	own := filepath.Join(dir, "vmlinuz")
	if err := errors.Join(os.WriteFile(own, append(make([]byte, 0x202), "HdrS"...), 0o644), os.WriteFile(file, text, 0o644)); err != nil {
		t.Fatal(err)
	}
	bantam("", "vendor", "--kernel-files", own, "--device", device, system, vendor).expect(t, exitOK, " Debian packages, ", file+": source --kernel-files: ")
	if kept, _ := kernel(); kept != other {
		t.Errorf("with --kernel-files the lock keeps kernel %q", kept)
	}
	verb("build", "--kernel", "linux-image-amd64").expect(t, exitOK, "generation ", file+": kernel: "+other+" -> the board's own\n")
	if kept, now := kernel(); kept != "" || now == "" {
		t.Errorf("the lock keeps kernel %q, and linux-image-amd64 means %q", kept, now)
	}
}
