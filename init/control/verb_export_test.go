package control

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/oci"
	"bantam/switcher"
)

// exporting answers with a generation whose blobs lie behind each other on a disk.
func exporting(t *testing.T, c carried, absent ...switcher.Digest) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	text := strings.Repeat("\x00", 512)
	config, _ := c.Config()
	x := switcher.Export{Name: "pc", Manifest: c.Generation.Manifest(), Config: config}
	for _, d := range c.Blobs() {
		x.Blobs = append(x.Blobs, switcher.Here{Descriptor: d, Path: disk, Offset: int64(len(text))})
		text += c.blobs[d.Digest] + "behind"
		for _, a := range absent {
			if a == d.Digest {
				x.Blobs[len(x.Blobs)-1] = switcher.Here{Descriptor: d, Fault: "only the boot loader finds it"}
			}
		}
	}
	if err := os.WriteFile(disk, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return answering(t, nil, func(Request) Frame { return Reply(x) })
}

func TestAnExportIsWhatAnImportTakes(t *testing.T) {
	c := newCarried()
	socket, file := exporting(t, c), filepath.Join(t.TempDir(), "out.tar")
	code, out, errs := runVerb(socket, "export", "4", file)
	if code != ExitGood || out != "generation 4 is in "+file+": 3 blobs, 1 kB\n" || errs != "" {
		t.Fatalf("code %d, %q, %q", code, out, errs)
	}
	source, err := oci.Open(t.Context(), file, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if raw, err := source.Manifest(t.Context()); err != nil || string(raw) != string(c.Generation.Manifest()) {
		t.Errorf("%s, %v", raw, err)
	}
	for _, d := range c.Blobs() {
		r, err := source.Blob(t.Context(), d, 0)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != c.blobs[d.Digest] {
			t.Errorf("%s: %q, %v", d.Spoken(), text, err)
		}
		r.Close()
	}
	_, piped, _ := runVerb(socket, "export", "4", "-")
	if whole, err := os.ReadFile(file); err != nil || piped != string(whole) {
		t.Errorf("standard output gets %d bytes, the file has %d, %v", len(piped), len(whole), err)
	}
}

func TestAnExportSaysWhatIsNotHere(t *testing.T) {
	c := newCarried()
	socket, file := exporting(t, c, c.Kernel.Digest), filepath.Join(t.TempDir(), "out.tar")
	code, _, errs := runVerb(socket, "export", "4", file)
	want := "bantam export: kernel of unknown version (" + c.Kernel.Digest.Short() + "): only the boot loader finds it\nnot all of it is on this machine; --partial exports the rest"
	if code != ExitError || !strings.HasPrefix(errs, want) {
		t.Errorf("code %d, %q, want %q", code, errs, want)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file is there")
	}
	code, out, errs := runVerb(socket, "export", "--partial", "4", file)
	if code != ExitGood || !strings.HasSuffix(out, ": 2 blobs, 1 kB; left out: kernel of unknown version\n") {
		t.Fatalf("code %d, %q, %q", code, out, errs)
	}
}

func TestAnExportThatFailsLeavesNothingAndOverwritesNothing(t *testing.T) {
	c, dir := newCarried(), t.TempDir()
	socket := exporting(t, c)
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.blobs[c.Initrd[0].Digest] = "flip"
	damaged := exporting(t, c)
	for file, want := range map[string]string{
		there: "is there already", dir: "is a folder; name a file in it, e.g. " + dir + "/pc.oci.tar", dir + "/no/out": "no such file",
	} {
		if code, _, errs := runVerb(socket, "export", "4", file); code != ExitError || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d, %q", file, code, errs)
		}
	}
	if code, _, errs := runVerb(damaged, "export", "4", dir+"/out"); code != ExitError || !strings.Contains(errs, "its bytes are not those that its digest names") {
		t.Errorf("damaged: code %d, %q", code, errs)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}
