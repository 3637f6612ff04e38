package images

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bantam/board"
	"bantam/flashmap"
	"bantam/oci"
	"bantam/signature"
	"bantam/switcher"
)

// testInputs are those of a small generation whose parts all lie below dir.
func testInputs(t testing.TB, dir string) Inputs {
	t.Helper()
	device := filepath.Join(dir, "device")
	if err := os.WriteFile(device, tinyELF(t, elf.EM_X86_64, elf.ET_EXEC, map[string][]byte{".text": bytes.Repeat([]byte("code"), 500)}), 0o755); err != nil {
		t.Fatal(err)
	}
	return Inputs{
		Board: board.Board{Name: "pc", Arch: "amd64", DebianArch: "amd64", Boot: board.Hybrid, ImageLimit: 18_000_000,
			Cmdline: "console=ttyS0 panic=10", Modules: []string{"virtio_*", "e1000"}},
		File:   "system.toml",
		System: []byte("hostname = \"test\"\nmodules = [\"wireguard\"]\n"),
		Kernel: fakeKernel(t, dir),
		Device: device,
		Store:  filepath.Join(dir, "out/store"),
		Cache:  Cache{filepath.Join(dir, "cache")},
	}
}

func mustCompose(t testing.TB, in Inputs) *Composed {
	t.Helper()
	c, err := Compose(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Another user, folder, umask, time zone, language, date of the inputs, and taste in xz: the same bytes.
func TestSameInputsGiveTheSameBytesAnywhere(t *testing.T) {
	if dir := os.Getenv("BANTAM_TEST_COMPOSE"); dir != "" {
		syscall.Umask(0o077)
		fmt.Println(composeForComparison(t, dir))
		return
	}
	if os.Getuid() != 0 {
		t.Fatal("run the tests as root: this one becomes another user")
	}
	here := composeForComparison(t, t.TempDir())
	there := asNobody(t, "TestSameInputsGiveTheSameBytesAnywhere", "BANTAM_TEST_COMPOSE="+nobodyDir(t),
		"TZ=Pacific/Kiritimati", "LANG=de_DE.UTF-8", "LC_ALL=de_DE.UTF-8", "XZ_OPT=-0", "XZ_DEFAULTS=--check=none", "E2FSPROGS_FAKE_TIME=1000")
	out, err := there.Output()
	if err != nil {
		t.Fatalf("as nobody: %v: %s", err, out)
	}
	if got, _, _ := strings.Cut(string(out), "\n"); got != here {
		t.Errorf("as another user elsewhere:\n%s\nhere:\n%s", got, here)
	}
}

// composeForComparison makes everything from nothing and returns the digests of what came out.
func composeForComparison(t *testing.T, dir string) string {
	t.Helper()
	in := testInputs(t, dir)
	c := mustCompose(t, in)
	archive := Archive{CacheDir: filepath.Join(dir, "apt"), Release: "bookworm", Arch: "amd64"}
	sizes, err := c.WriteMedia(context.Background(), archive, in.Board, filepath.Join(dir, "out"), Media(in.Board))
	if err != nil {
		t.Fatal(err)
	}
	digests := []string{string(c.Digest)}
	for _, s := range sizes {
		sum, err := FileDigest(s.Image)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, filepath.Base(s.Image)+" "+sum)
	}
	index, err := FileDigest(filepath.Join(in.Store, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(digests, "index "+index), ", ")
}

func TestConfigurationChangesOnlyItsOwnSegment(t *testing.T) {
	in := testInputs(t, t.TempDir())
	before := mustCompose(t, in)
	in.System = []byte("hostname = \"other\"\nmodules = [\"wireguard\"]\n")
	var steps []string
	in.Progress = func(m string) { steps = append(steps, m) }
	t.Setenv("PATH", "/nonexistent") // a second build must not even have an xz to run
	after := mustCompose(t, in)
	if before.Digest == after.Digest {
		t.Error("another system.toml, the same generation")
	}
	for i, s := range before.Segments {
		if same := bytes.Equal(s.Data, after.Segments[i].Data); same != (s.Name != "generation") {
			t.Errorf("segment %s: same bytes %v", s.Name, same)
		}
	}
}

func TestInitrdHoldsWhatTheMachineNeeds(t *testing.T) {
	in := testInputs(t, t.TempDir())
	c := mustCompose(t, in)
	var names []string
	for _, s := range c.Segments {
		names = append(names, s.Name)
		if len(s.Data)%4 != 0 {
			t.Errorf("segment %s has %d bytes: the kernel would not find the next", s.Name, len(s.Data))
		}
		raw, err := unpackSegment(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		list, err := filter(context.Background(), raw, "cpio", "-it", "--quiet")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range map[string][]string{
			"modules":    {"lib/modules/6.1.0-test/modules.dep", "lib/modules/6.1.0-test/kernel/fs/ext4/ext4.ko", "lib/modules/6.1.0-test/kernel/net/wireguard/wireguard.ko"},
			"init":       {"init", "bin/bantam", "dev/console", "dev/null", "proc", "bantam/state.template"},
			"generation": {"bantam/generation/manifest.json", "bantam/generation/system.toml"},
		}[s.Name] {
			if !slices.Contains(strings.Split(string(list), "\n"), want) {
				t.Errorf("segment %s lacks %s; it has\n%s", s.Name, want, list)
			}
		}
	}
	if want := []string{"modules", "init", "generation"}; !slices.Equal(names, want) {
		t.Errorf("segments %q, want %q", names, want)
	}
}

// What writes to a chip on the device goes by the board's file.
func TestAnImageTellsItsDeviceOfTheFlashChip(t *testing.T) {
	in := testInputs(t, t.TempDir())
	in.Board.Flash = flashmap.Map{Kind: flashmap.NOR, Size: 1 << 24, EraseBlock: 1 << 16, Areas: []flashmap.Area{{Name: "firmware", Size: 1 << 23, Use: flashmap.Firmware}}}
	c := mustCompose(t, in)
	raw, err := unpackSegment(c.Segments[1].Data)
	if err != nil {
		t.Fatal(err)
	}
	text, found := inSegment(t, Segment{Data: raw}, flashmap.Path[1:])
	if m, err := flashmap.Parse([]byte(text)); !found || err != nil || !reflect.DeepEqual(m, in.Board.Flash) {
		t.Errorf("the device reads %q: %+v, %v", text, m, err)
	}
}

func TestFaultyInputsAreNamed(t *testing.T) {
	good := testInputs(t, t.TempDir())
	file := func(data []byte) string {
		path := filepath.Join(t.TempDir(), "device")
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		name   string
		change func(in *Inputs)
		want   string
	}{
		{"a wrong system.toml", func(in *Inputs) { in.System = []byte("\nhostnam = \"x\"\n") }, "system.toml:2:1: "},
		{"unknown modules come with place and suggestion", func(in *Inputs) {
			in.System = []byte("hostname = \"nosuch\"\nmodules = [\"e1000\",\n  \"nosuch\", 'wiregaurd']\n")
		},
			"system.toml:3:3: modules: Linux 6.1.0-test has no module nosuch\nsystem.toml:3:13: modules: Linux 6.1.0-test has no module wiregaurd; did you mean \"wireguard\"?"},
		{"a kernel that cannot make a link", func(in *Inputs) {
			in.System = []byte("hostname = \"nosuch\"\n[net.lan]\nbridge = { ports = [\"eth0\"] }\n")
		}, "system.toml:2:6: net.lan: Linux 6.1.0-test has no module bridge"},
		{"a board that wants what Debian's kernel lacks", func(in *Inputs) { in.Board.Modules = []string{"nosuch"}; in.Kernel.Chosen = false },
			"Linux 6.1.0-test lacks modules that board pc wants: nosuch"},
		{"no device binary says how to build one", func(in *Inputs) { in.Device = "/nonexistent/bantam" }, "CGO_ENABLED=0 GOARCH=amd64 go build"},
		{"a device binary that is none", func(in *Inputs) { in.Device = file(bytes.Repeat([]byte("#!/bin/sh\n"), 20)) }, "bad magic number"},
		{"a device binary of another architecture", func(in *Inputs) { in.Device = file(tinyELF(t, elf.EM_AARCH64, elf.ET_EXEC, nil)) }, "is for EM_AARCH64, the board is amd64"},
		{"a dynamic device binary", func(in *Inputs) { in.Device = "/usr/bin/xz" }, "CGO_ENABLED=0"},
		{"no kernel", func(in *Inputs) { in.Kernel.Image = "/nonexistent/vmlinuz" }, "/nonexistent/vmlinuz"},
		{"a store that cannot be", func(in *Inputs) { in.Store = "/proc/store" }, "store: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := good
			test.change(&in)
			_, err := Compose(context.Background(), in)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestDriversThatAGivenKernelLacksAreNotes(t *testing.T) {
	in := testInputs(t, t.TempDir())
	in.Board.Modules = append(in.Board.Modules, "nosuch")
	if c := mustCompose(t, in); len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "nosuch") {
		t.Errorf("notes %q, want one of nosuch", c.Notes)
	}
	in.Kernel.Modules = ""
	c := mustCompose(t, in)
	if len(c.Notes) != 0 || c.Segments[0].Name != "init" {
		t.Errorf("a kernel without modules: notes %q, first segment %s", c.Notes, c.Segments[0].Name)
	}
}

func TestStoreKeepsTheLastGenerationOfEachBoard(t *testing.T) {
	in := testInputs(t, t.TempDir())
	var wait sync.WaitGroup
	for _, name := range []string{"pc", "other"} { // at the same time
		for _, host := range []string{"one", "two", "three"} {
			in := in
			in.Board.Name = name
			in.System = []byte("hostname = \"" + host + "\"\n")
			wait.Go(func() {
				if _, err := Compose(context.Background(), in); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	in.System = []byte("hostname = \"last\"\n")
	c := mustCompose(t, in)
	store, err := switcher.OpenStore(in.Store)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := store.Index()
	if err != nil {
		t.Fatal(err)
	}
	want := map[switcher.Digest]bool{switcher.DigestOf([]byte("{}")): true} // blobs that something names
	refs := make(map[string]switcher.Digest)
	for _, e := range entries {
		refs[e.Annotations[refName]] = e.Digest
		want[e.Digest] = true
		g, err := store.Generation(e.Digest)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range g.Blobs() {
			want[b.Digest] = true
			if !store.HasBlob(b.Digest) {
				t.Errorf("generation of %s lacks blob %s", g.Board, b.Digest)
			}
		}
	}
	if len(entries) != 2 || refs["pc"] != c.Digest || refs["other"] == "" {
		t.Errorf("index names %v, want the last generations of pc (%s) and other", refs, c.Digest)
	}
	blobs, err := os.ReadDir(filepath.Join(in.Store, "blobs/sha256"))
	if err != nil {
		t.Fatal(err)
	}
	if len(blobs) != len(want) {
		t.Errorf("the store has %d blobs, %d are named", len(blobs), len(want))
	}
}

func TestAGenerationIsOfTheReleaseThatSystemTOMLNames(t *testing.T) {
	in := testInputs(t, t.TempDir())
	if g := mustCompose(t, in).Generation; g.Release != 0 || bytes.Contains(g.Manifest(), []byte("bantam.release")) {
		t.Errorf("release %d without a version", g.Release)
	}
	in.System = append([]byte("version = 2026112901\n"), in.System...)
	if g := mustCompose(t, in).Generation; g.Release != 2026112901 {
		t.Errorf("release %d, want 2026112901", g.Release)
	}
}

func TestASignatureStaysAsLongAsItsGeneration(t *testing.T) {
	in := testInputs(t, t.TempDir())
	first := mustCompose(t, in).Digest
	signed := []signature.Signed{{Payload: []byte("payload"), Signature: []byte("signature")}}
	if err := oci.PutSignatures(t.Context(), oci.OpenFolder(in.Store, string(first)), oci.Options{}, signed); err != nil {
		t.Fatal(err)
	}
	found := func() (names []string) {
		store, err := switcher.OpenStore(in.Store)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := store.Index()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if _, err := store.Blob(e.Digest); err != nil {
				t.Error(err)
			}
			names = append(names, e.Annotations[refName]+" "+e.Annotations["kind"])
		}
		if _, err := store.Blob(switcher.DigestOf(signed[0].Payload)); (err == nil) != (len(names) == 2) {
			t.Errorf("the payload, with %q: %v", names, err)
		}
		return names
	}
	want := []string{"pc dev.cosignproject.cosign/image", oci.SignatureTag(first) + " dev.cosignproject.cosign/sigs"}
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("signed: %q, want %q", got, want)
	}
	mustCompose(t, in)
	if got := found(); !slices.Equal(got, want) {
		t.Errorf("built again: %q, want %q", got, want)
	}
	in.System = []byte("hostname = \"other\"\n")
	mustCompose(t, in)
	if got := found(); !slices.Equal(got, []string{"pc "}) {
		t.Errorf("another in its place: %q", got)
	}
}

// A layout in which somebody keeps other artifacts is no place for ours: what they need would be collected.
func TestStoreOfOthersIsLeftAlone(t *testing.T) {
	in := testInputs(t, t.TempDir())
	mustCompose(t, in)
	store, err := switcher.OpenStore(in.Store)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := store.PutBytes([]byte("somebody's"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := store.PutBytes([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := store.PutBytes([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + string(config) + `","size":2},` +
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"` + string(blob) + `","size":10}]}`))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := store.Index()
	if err != nil {
		t.Fatal(err)
	}
	entries = append(entries, switcher.Descriptor{MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: manifest, Size: 1, Annotations: map[string]string{refName: "alpine"}})
	if err := store.SetIndex(entries); err != nil {
		t.Fatal(err)
	}
	in.System = []byte("hostname = \"other\"\n")
	if _, err := Compose(context.Background(), in); err == nil || !strings.Contains(err.Error(), "alpine, which is no generation of Bantam") {
		t.Errorf("error %v, want the artifact named", err)
	}
	if _, err := store.Blob(blob); err != nil {
		t.Error(err)
	}
}

func TestStoreIsAnOCILayout(t *testing.T) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Fatalf("%v: apt-get install skopeo", err)
	}
	in := testInputs(t, t.TempDir())
	in.Kernel.Date = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in.Layers = []Layer{testLayer(t, "package/libc6", 70_000, 1, "package/tcpdump"), testLayer(t, "files", 4096, 2, "files")}
	c := mustCompose(t, in)
	raw, err := exec.Command("skopeo", "inspect", "--raw", "oci:"+in.Store+":pc").Output()
	if err != nil || switcher.DigestOf(raw) != c.Digest {
		t.Errorf("skopeo inspect: %v: digest %s, want %s", err, switcher.DigestOf(raw), c.Digest)
	}
	if said, err := exec.Command("skopeo", "inspect", "oci:"+in.Store+":pc").CombinedOutput(); err != nil || !bytes.Contains(said, []byte(c.Digest)) {
		t.Errorf("skopeo inspect: %v: %s", err, said)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("skopeo", "copy", "--preserve-digests", "--insecure-policy", "oci:"+in.Store+":pc", "oci:"+copied+":pc").CombinedOutput(); err != nil {
		t.Fatalf("skopeo copy: %v: %s", err, out)
	}
	store, err := switcher.OpenStore(copied)
	if err != nil {
		t.Fatal(err)
	}
	g, err := store.Generation(c.Digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range g.Blobs() {
		if _, err := store.Blob(b.Digest); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(in.Store, "index.json"))
	if err != nil || !json.Valid(text) || !strings.Contains(string(text), `"org.opencontainers.image.created":"2026-03-01T12:00:00Z"`) {
		t.Errorf("index.json is %s (%v), want the kernel's date in it", text, err)
	}
}

// The budget of the design, with the kernel that a newcomer gets, and a device binary of the size it may have.
func TestDebianKernelFitsTheBoard(t *testing.T) {
	for _, name := range []string{"pc"} {
		b, k := debianBoardKernel(t, name)
		in := testInputs(t, t.TempDir())
		in.Board, in.Kernel, in.Cache = b, k, testCache(t)
		c := mustCompose(t, in)
		archive := Archive{CacheDir: testCache(t).Dir, Release: "bookworm", Arch: b.DebianArch}
		sizes, err := c.WriteMedia(context.Background(), archive, b, t.TempDir(), Media(b))
		if err != nil {
			t.Fatal(err)
		}
		const deviceBinary = 3_600_000 // as xz leaves it, at most
		for _, s := range sizes {
			if s.Total+deviceBinary > 18_000_000 {
				t.Errorf("%s: %d bytes and a device binary of %d are over 18,000,000: %+v", filepath.Base(s.Image), s.Total, deviceBinary, s.Parts)
			}
			var sum int64
			for _, p := range s.Parts {
				sum += p.Size
			}
			if sum != s.Total {
				t.Errorf("%s: parts add up to %d, not to %d", filepath.Base(s.Image), sum, s.Total)
			}
		}

		// Once more, nothing from the cache but the package itself.
		in.Cache = Cache{t.TempDir()}
		in.Store = t.TempDir()
		if again := mustCompose(t, in); again.Digest != c.Digest {
			t.Errorf("board %s: a second build gives %s, the first %s", name, again.Digest, c.Digest)
		}

		b.ImageLimit = 1_000_000
		out := t.TempDir()
		_, err = c.WriteMedia(context.Background(), archive, b, out, []string{"img"})
		var large *TooLarge
		if !errors.As(err, &large) || !strings.Contains(err.Error(), "the largest parts are kernel 8,") {
			t.Errorf("over the limit: %v, want the largest parts named", err)
		}
		if left, _ := os.ReadDir(out); len(left) > 0 {
			t.Errorf("an image that is too large stays there to be flashed: %v", left)
		}
	}
}

func TestSourceDate(t *testing.T) {
	for _, test := range []struct {
		value string
		want  int64
		ok    bool
	}{{"0", 0, true}, {"1700000000", 1700000000, true}, {"yesterday", 0, false}, {"-1", 0, false}, {"", 0, false}} {
		t.Setenv("SOURCE_DATE_EPOCH", test.value)
		got, set, err := SourceDate()
		if (err == nil) != test.ok || set != test.ok || test.ok && got.Unix() != test.want {
			t.Errorf("SOURCE_DATE_EPOCH=%q: %v, %v, %v", test.value, got, set, err)
		}
	}
}
