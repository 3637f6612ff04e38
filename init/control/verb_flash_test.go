package control

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"bantam/init/flashing"
	"bantam/init/flashing/imagetest"
	"bantam/switcher"
)

// flashed is a machine of board pc with two boot slots, and PID 1's part of a flash: all blobs are lacking.
type flashed struct {
	Status
	running string // system.toml
	state   string
	refuse  string // an import
	asked   []string
	last    Request
	taken   int // bytes of the blobs that were in the inbox when the import was asked for
}

func newFlashed(t *testing.T) *flashed {
	return &flashed{state: t.TempDir(), Status: Status{Board: "pc", Generation: 3, Default: 3, Lasting: true, Storage: "/dev/vda8",
		Boot: Boot{Loader: "grub", Tries: true, Fallback: true, Slots: []BootSlot{{Name: "A", Booted: true, First: true, Good: true, Generation: 3}, {Name: "B", Empty: true}}}}}
}

func (f *flashed) run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	f.asked = nil
	var lacking []switcher.Descriptor
	socket := answering(t, nil, func(req Request) Frame {
		if req.Verb != "text" && req.Verb != "status" {
			f.asked, f.last = append(f.asked, req.Verb), req
		}
		switch req.Verb {
		case "status":
			return Reply(f.Status)
		case "text":
			return Reply([]byte(f.running))
		case "import check":
			if f.refuse != "" {
				return Frame{Error: f.refuse, Exit: ExitError}
			}
			g, err := switcher.ParseManifest(req.Manifest)
			if err != nil {
				t.Error(err)
			}
			lacking = g.Blobs()
			return Reply(switcher.ImportCheck{Lacking: lacking, Blobs: len(lacking), Note: "its signature was not looked at", Kernel: "it needs another kernel"})
		case "import":
			f.taken = 0
			for _, d := range lacking {
				b, err := os.ReadFile(filepath.Join(f.state, "import/blobs", d.Digest.Hex()))
				if err != nil || switcher.DigestOf(b) != d.Digest {
					t.Errorf("%s: %v", d.Spoken(), err)
				}
				f.taken += len(b)
			}
			return Reply(switcher.Imported{Number: 7, Kernel: "it needs another kernel"})
		case "switch":
			return Frame{Line: "rebooting"}
		}
		return Frame{}
	})
	var o, e strings.Builder
	for _, v := range verbs {
		if v.name == "flash" {
			code = v.run(&client{verb: v, out: &o, errOut: &e, socket: socket, state: f.state}, args)
		}
	}
	return code, o.String(), e.String()
}

// here is an image for the board and architecture of the tests.
func here(t *testing.T) imagetest.Sample {
	return imagetest.New(t, "hostname = \"far\"\n", func(g *switcher.Generation) { g.Arch = runtime.GOARCH })
}

func fileOf(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFlashOfADiskImageIsAnImportAndASwitchByAReboot(t *testing.T) {
	f, s := newFlashed(t), here(t)
	path := fileOf(t, "pc.img", s.Bytes)
	code, out, errs := f.run(t, "--test", path)
	const want = `flash   a disk image of Bantam for board pc (Linux 6.1.0-1-amd64)
to      the store and the boot slots of this machine
note    its signature was not looked at
note    its system.toml takes the place of the one that runs, which stays in generation 3; --keep-settings has it run with that
load    6 blobs of 6 into the store, each compared with its digest, 22 kB
write   kernel 6.1.0-1-amd64 and initrd into boot slot B, 10 kB
check   read it back from the disk
try     have the boot loader begin with slot B, a few times
reboot  at once
back    generation 3 runs again if this one does not prove itself; if it does not even start, the boot loader goes back to slot A by itself
kept    the boot loader, and the partition table
kept    generations, draft, secrets, host key, leases, what services and users keep: all of /state
`
	if code != ExitGood || out != want || errs != "" || !slices.Equal(f.asked, []string{"import check"}) {
		t.Errorf("code %d, %q, asked %q; got\n%s", code, errs, f.asked, out)
	}
	code, out, errs = f.run(t, "--yes", path)
	if code != ExitGood || errs != "" || !slices.Equal(f.asked, []string{"import check", "flash writing", "import", "switch"}) || !strings.Contains(out, "generation 7 is here (6 blobs loaded, 22 kB)\nrebooting\n") {
		t.Errorf("code %d, %q, asked %q; got\n%s", code, errs, f.asked, out)
	}
	if r := f.last; r.Generation != 7 || !r.Reboot || r.Wipe || f.taken == 0 {
		t.Errorf("%+v, %d bytes", r, f.taken)
	}
	if code, out, _ = f.run(t, "--yes", "--keep-settings", path); code != ExitGood || !f.last.Settings || !strings.Contains(out, "kept    system.toml, which takes the place of its own\n") {
		t.Errorf("code %d, %+v, %s", code, f.last, out)
	}
	f.running = "hostname = \"far\"\n"
	if _, out, _ = f.run(t, "--test", path); strings.Contains(out, "system.toml") {
		t.Errorf("nothing of it is another: %s", out)
	}
	code, out, _ = f.run(t, "--json", "--test", path)
	var plan flashing.Plan
	if err := json.Unmarshal([]byte(out), &plan); err != nil || code != ExitGood || len(plan.Steps) != 4 || plan.Steps[0].Bytes == 0 { // what was loaded is in the inbox yet
		t.Errorf("code %d, %v, %s", code, err, out)
	}
	if names, err := os.ReadDir(f.state); err != nil || len(names) != 1 || names[0].Name() != "import" {
		t.Errorf("what is left: %v, %v", names, err)
	}
}

func TestAFlashReadsWhatComesByOnceAndWhatIsCompressed(t *testing.T) {
	f, s := newFlashed(t), here(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(s.Bytes); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/pc.img.gz":
			w.Write(packed.Bytes())
		case "/pc.img":
			w.Write(s.Bytes)
		case "/short.img":
			w.Header().Set("Content-Length", "100000")
			w.Write(s.Bytes[:5000])
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	carried := newCarried()
	vouched, authority := vouchedServer(t, filepath.Dir(fileOf(t, "pc.img", s.Bytes)))
	for claim, c := range map[string]struct {
		args  []string
		words string // of the error; "": it is taken
	}{
		"a compressed file":                 {[]string{fileOf(t, "pc.img.gz", packed.Bytes())}, ""},
		"a compressed file of another name": {[]string{fileOf(t, "firmware", packed.Bytes())}, ""},
		"one that is cut off":               {[]string{fileOf(t, "pc.img.gz", packed.Bytes()[:9000])}, "its gzip data: the compressed data is cut off; fetch or build it again"},
		"an address":                        {[]string{"--insecure", server.URL + "/pc.img"}, ""},
		"an address of a compressed one":    {[]string{"--insecure", server.URL + "/pc.img.gz"}, ""},
		"an address nobody vouches for":     {[]string{server.URL + "/pc.img"}, "http:// tells nobody who answers"},
		"an address where nothing is":       {[]string{"--insecure", server.URL + "/no.img"}, "the server answers 404"},
		"an address that is vouched for":    {[]string{"--ca", authority, vouched + "/pc.img"}, ""},
		"an address of a stranger by TLS":   {[]string{vouched + "/pc.img"}, "--ca FILE"},
		"a line that breaks":                {[]string{"--insecure", server.URL + "/short.img"}, server.URL + "/short.img: "},
		"an archive":                        {[]string{carried.archive(t)}, ""},
		"a file that is not there":          {[]string{"pc.img"}, "no such file"},
		"a path that is not there":          {[]string{"/nonexistent/firmware"}, "no such file"},
		"text":                              {[]string{fileOf(t, "system.toml", []byte("hostname = \"x\"\n"))}, "it is no firmware; what this machine takes"},
	} {
		code, out, errs := f.run(t, append([]string{"--test"}, c.args...)...)
		if c.words == "" && (code != ExitGood || errs != "" || !strings.Contains(out, "\nback ")) {
			t.Errorf("%s: code %d, %q, %q", claim, code, out, errs)
		}
		if c.words != "" && (code != ExitError || !strings.Contains(errs, c.words) || len(f.asked) > 0) {
			t.Errorf("%s: code %d, %q, asked %q", claim, code, errs, f.asked)
		}
	}
	// Standard input, as a pipe gives it.
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = stdin }()
	go func() {
		out.Write(s.Bytes)
		out.Close()
	}()
	if code, text, errs := f.run(t, "--yes", "-"); code != ExitGood || f.last.Verb != "switch" {
		t.Errorf("standard input: code %d, %q, %q", code, text, errs)
	}
}

func TestAFlashThatIsRefusedChangesNothing(t *testing.T) {
	s := here(t)
	broken := slices.Clone(s.Bytes)
	broken[bytes.Index(broken, s.Content[s.Kernel.Digest])+100] ^= 4
	other := imagetest.New(t, "hostname = \"far\"\n", func(g *switcher.Generation) { g.Board, g.Arch = "qemu-arm64", "arm64" })
	old := imagetest.New(t, "version = 5\n", func(g *switcher.Generation) { g.Arch, g.Release = runtime.GOARCH, 5 })
	worse := slices.Clone(old.Bytes)
	worse[bytes.Index(worse, old.Content[old.Kernel.Digest])+100] ^= 4
	const key = "[trust]\nkeys = [\"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"]\n"
	for claim, c := range map[string]struct {
		image  []byte
		change func(*flashed)
		args   []string
		words  string
		exit   int
	}{
		"a flipped bit":                {broken, nil, []string{"--yes", "--force"}, "this disk image is damaged: its kernel is damaged: checksum ", ExitError},
		"another board":                {other.Bytes, nil, []string{"--yes", "--force"}, "it is for board qemu-arm64 (arm64), this is pc", ExitError},
		"an older one that is damaged": {worse, func(f *flashed) { f.running = "version = 7\n" }, []string{"--yes"}, "is damaged", ExitError},
		"an older version":             {old.Bytes, func(f *flashed) { f.running = "version = 7\n" }, []string{"--yes"}, "version 5 is older than 7, which runs", ExitError},
		"nobody's signature":           {s.Bytes, func(f *flashed) { f.running = key }, []string{"--yes", "--force"}, "a disk image carries no signatures", ExitError},
		"a machine in memory":          {s.Bytes, func(f *flashed) { f.Lasting, f.Storage = false, "in memory" }, []string{"--yes"}, "so nothing would be left of it after the reboot", ExitError},
		"a switch under way":           {s.Bytes, func(f *flashed) { f.Busy = "switch to generation 4" }, []string{"--yes"}, "switch to generation 4; `bantam switch --abort` ends that", ExitError},
		"too little room":              {s.Bytes, func(f *flashed) { f.refuse = "the state volume /state is too full" }, []string{"--yes"}, "bantam flash: the state volume /state is too full\n", ExitError},
		"one byte too large": {s.Bytes, func(f *flashed) {
			f.refuse = "boot slot B: kernel and initrd take 513 bytes, the slot has 512: 1 too few"
		}, []string{"--yes"}, "1 too few", ExitError},
		"nobody who could answer":     {s.Bytes, nil, nil, "nobody is there to ask; --yes flashes it", ExitError},
		"--keep without --wipe":       {s.Bytes, nil, []string{"--keep", "/state/x", "--yes"}, "--keep belongs to --wipe", ExitUsage},
		"--keep without a path":       {s.Bytes, nil, []string{"--wipe", "--keep"}, "--keep wants a value", ExitUsage},
		"an option that is not there": {s.Bytes, nil, []string{"--fixed"}, "unknown option --fixed", ExitUsage},
	} {
		f := newFlashed(t)
		if c.change != nil {
			c.change(f)
		}
		args := append([]string{fileOf(t, "pc.img", c.image)}, c.args...)
		code, _, errs := f.run(t, args...)
		if code != c.exit || !strings.Contains(errs, c.words) {
			t.Errorf("%s: code %d, %q, want %q", claim, code, errs, c.words)
		}
		if slices.Contains(f.asked, "import") || slices.Contains(f.asked, "switch") {
			t.Errorf("%s: asked %q", claim, f.asked)
		}
	}
}

func TestASecondFlashIsToldToWait(t *testing.T) {
	f := newFlashed(t)
	inbox, err := switcher.OpenInbox(f.state)
	if err != nil {
		t.Fatal(err)
	}
	defer inbox.Close()
	code, _, errs := f.run(t, "--yes", fileOf(t, "pc.img", here(t).Bytes))
	if code != ExitError || !strings.Contains(errs, "another import is under way") || slices.Contains(f.asked, "import") {
		t.Errorf("code %d, %q, asked %q", code, errs, f.asked)
	}
}

func TestWhatAFlashHoldsBackIsKnownBefore(t *testing.T) {
	dir := t.TempDir()
	o := firmwareOpener{ctx: t.Context(), dir: dir, told: func(string, ...any) {}}
	free, err := freeAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	var r *flashing.Refusal
	if file, _, err := o.spool(strings.NewReader(""), free); !errors.As(err, &r) || file != nil || !strings.Contains(err.Error(), "is too full to hold the image while it is looked at") {
		t.Errorf("%v", err)
	}
	for dir, help := range map[string]string{statePath: "`bantam gc` make room", "/tmp": "remove files there: it lies in memory"} {
		if err := tooFull(dir, 1<<20, 6<<20); !strings.Contains(err.Error(), dir+" is too full to hold the image while it is looked at: 1024 kB are free, it needs 10240 kB; ") || !strings.Contains(err.Error(), help) {
			t.Error(err)
		}
	}
	file, size, err := o.spool(strings.NewReader("1234"), -1)
	if err != nil || size != 4 {
		t.Fatal(err)
	}
	defer file.Close()
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
	if file, _, err := o.spool(strings.NewReader("123"), 4); err == nil || !strings.Contains(err.Error(), "it ended after 3 of 4 bytes") {
		t.Error(err)
	} else {
		file.Close()
	}
}

// An image whose compression refers back over more than the machine can hold is refused, and does not kill what runs.
func TestTooLittleMemoryToUnpackIsTold(t *testing.T) {
	path := fileOf(t, "pc.img", here(t).Bytes)
	if out, err := exec.Command("xz", "--lzma2=dict=8MiB", path).CombinedOutput(); err != nil {
		t.Fatalf("%v (apt-get install xz-utils): %s", err, out)
	}
	o := firmwareOpener{ctx: t.Context(), dir: t.TempDir(), memory: 4 << 20, told: func(string, ...any) {}}
	_, err := o.open(path + ".xz")
	if want := "it needs more memory to be unpacked than this machine has to spare, 4 MiB; unpack it before"; !errors.As(err, new(*flashing.Refusal)) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	o.memory = 16 << 20
	f, err := o.open(path + ".xz")
	if err != nil || f.firmware.Kind != flashing.DiskImage {
		t.Fatalf("%+v, %v", f, err)
	}
	f.close()
}
