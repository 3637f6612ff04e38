package switcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"bantam/atomicfile"
)

func openedStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoredBlobComesBackAndIsChecked(t *testing.T) {
	s := openedStore(t, filepath.Join(t.TempDir(), "a", "b"))
	d, n, err := s.PutBlob(strings.NewReader("hello"))
	if err != nil || n != 5 || d != DigestOf([]byte("hello")) {
		t.Fatal(d, n, err)
	}
	if got, err := s.Blob(d); err != nil || string(got) != "hello" {
		t.Errorf("%q %v", got, err)
	}
	if err := os.WriteFile(s.BlobPath(d), []byte("hellO"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = s.Blob(d)
	if !errors.Is(err, ErrBlobCorrupt) || !strings.Contains(err.Error(), string(d)) || !strings.Contains(err.Error(), s.BlobPath(d)) || s.HasBlob(d) {
		t.Errorf("corrupt: %v", err)
	}
	if _, err := s.PutBytes([]byte("hello")); err != nil || !s.HasBlob(d) {
		t.Errorf("putting it again does not repair it: %v", err)
	}
	os.Remove(s.BlobPath(d))
	if _, err := s.Blob(d); !errors.Is(err, ErrBlobMissing) {
		t.Errorf("missing: %v", err)
	}
	if _, err := s.Blob("sha256:../../../etc/passwd"); err == nil || errors.Is(err, ErrBlobMissing) {
		t.Errorf("a digest that is a path: %v", err)
	}
}

func TestFailedReaderLeavesNothing(t *testing.T) {
	s := openedStore(t, t.TempDir())
	if _, _, err := s.PutBlob(iotest.ErrReader(errors.New("line cut"))); err == nil || !strings.Contains(err.Error(), "line cut") {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(s.blobDir()); len(names) != 0 {
		t.Errorf("left over: %v", names)
	}
}

func TestOpenRemovesUnfinishedFilesButNotThoseOfLivingProcesses(t *testing.T) {
	dir := t.TempDir()
	s := openedStore(t, dir)
	ours := filepath.Join(s.blobDir(), atomicfile.TempPrefix+"4194304-1") // no process has this number
	theirs := filepath.Join(s.blobDir(), atomicfile.TempPrefix+"1-7")
	for _, path := range []string{ours, theirs} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	openedStore(t, dir)
	if _, err := os.Stat(ours); err == nil {
		t.Error("the unfinished file is still there")
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Error("another process lost its file")
	}
}

func TestGenerationIsNamedOnceInTheIndex(t *testing.T) {
	s := openedStore(t, t.TempDir())
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for range 2 {
		d, err := s.PutGeneration(image(webText), created, map[string]string{refAnnotation: "web"})
		if err != nil || d != image(webText).Digest() {
			t.Fatal(d, err)
		}
	}
	entries, err := s.Index()
	if err != nil || len(entries) != 1 || entries[0].Annotations[createdAnnotation] != "2026-01-02T03:04:05Z" {
		t.Errorf("%+v %v", entries, err)
	}
	if _, err := s.PutGeneration(image(dbText), time.Time{}, map[string]string{refAnnotation: "web"}); err != nil {
		t.Fatal(err)
	}
	if entries, _ = s.Index(); len(entries) != 1 || entries[0].Digest != image(dbText).Digest() {
		t.Errorf("the name means two things: %+v", entries)
	}
}

func TestDamagedIndexIsMadeAgainFromTheManifests(t *testing.T) {
	dir := t.TempDir()
	s := openedStore(t, dir)
	if _, err := s.PutGeneration(image(webText), time.Time{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path(indexName), []byte("{rubbish"), 0o644); err != nil {
		t.Fatal(err)
	}
	s = openedStore(t, dir)
	entries, err := s.Index()
	if err != nil || len(entries) != 1 || entries[0].Digest != image(webText).Digest() || len(s.Notes()) != 1 {
		t.Errorf("%+v %v %q", entries, err, s.Notes())
	}
	if kept, _ := os.ReadFile(s.path(indexName + ".damaged")); string(kept) != "{rubbish" {
		t.Errorf("kept %q", kept)
	}
}

func TestCollectKeepsSharedBlobsAndPassesABrokenGeneration(t *testing.T) {
	s := openedStore(t, t.TempDir())
	put := func(text string) Digest {
		for _, blob := range []string{text, "kernel", "modules", "init"} {
			if _, err := s.PutBytes([]byte(blob)); err != nil {
				t.Fatal(err)
			}
		}
		d, err := s.PutGeneration(image(text), time.Time{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	web, broken := put(webText), put(imageText)
	put(dbText)
	if err := os.WriteFile(s.BlobPath(broken), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	removed, err := s.Collect([]Digest{web, broken})
	if err != nil || removed != 3 { // db's manifest and text, and the broken one's text
		t.Errorf("removed %d, %v", removed, err)
	}
	for _, blob := range []string{webText, "kernel", "modules", "init"} {
		if !s.HasBlob(DigestOf([]byte(blob))) {
			t.Errorf("%q is gone", blob)
		}
	}
	if entries, _ := s.Index(); len(entries) != 2 {
		t.Errorf("index %+v", entries)
	}
}

// skopeo is the other reader of what we write.
func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("skopeo")
	if err != nil {
		t.Fatal("this test needs skopeo: apt install skopeo")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("skopeo %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func TestSkopeoReadsAndCopiesTheStore(t *testing.T) {
	dir := t.TempDir()
	s := openedStore(t, filepath.Join(dir, "store"))
	for _, blob := range []string{webText, "kernel", "modules", "init"} {
		if _, _, err := s.PutBlob(strings.NewReader(blob)); err != nil {
			t.Fatal(err)
		}
	}
	g := image(webText)
	if _, err := s.PutGeneration(g, time.Time{}, map[string]string{refAnnotation: "router"}); err != nil {
		t.Fatal(err)
	}
	source := "oci:" + s.dir + ":router"
	if raw := skopeo(t, "inspect", "--raw", source); !bytes.Equal(raw, g.Manifest()) {
		t.Errorf("skopeo reads %s", raw)
	}
	if said := skopeo(t, "inspect", source); !bytes.Contains(said, []byte(`"Architecture": "amd64"`)) || !bytes.Contains(said, []byte(g.Digest())) {
		t.Errorf("skopeo says %s", said)
	}
	skopeo(t, "copy", "--preserve-digests", source, "oci:"+filepath.Join(dir, "copy")+":router")
	copied := openedStore(t, filepath.Join(dir, "copy"))
	if got, err := copied.Generation(g.Digest()); err != nil || string(got.Manifest()) != string(g.Manifest()) {
		t.Errorf("copied: %v", err)
	}
	for _, blob := range g.Blobs() {
		if !copied.HasBlob(blob.Digest) {
			t.Errorf("%s was not copied", blob.MediaType)
		}
	}
}

func TestManifestIsTheSameBytesForTheSameGeneration(t *testing.T) {
	g := image(webText)
	got, err := ParseManifest(g.Manifest())
	if err != nil || !bytes.Equal(got.Manifest(), g.Manifest()) {
		t.Errorf("%v\n%s\n%s", err, got.Manifest(), g.Manifest())
	}
	golden(t, "manifest.json", indent(t, g.Manifest()))
}

// Before generations had a config of images, theirs was OCI's empty one. Such a generation keeps its name.
func TestAGenerationWithTheEmptyConfigKeepsItsDigest(t *testing.T) {
	g := image(webText)
	g.noConfig = true
	old := g.Manifest()
	if !bytes.Contains(old, []byte(emptyType)) || g.Digest() == image(webText).Digest() {
		t.Fatalf("this is not how they were: %s", old)
	}
	got, err := ParseManifest(old)
	if err != nil || got.Digest() != DigestOf(old) {
		t.Errorf("%v: %s is read as %s", err, DigestOf(old), got.Digest())
	}
	s := openedStore(t, filepath.Join(t.TempDir(), "store"))
	for _, g := range []Generation{got, image(webText)} {
		d, err := s.PutGeneration(g, time.Time{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		config, named := g.Config()
		if have, err := s.Blob(named.Digest); err != nil || !bytes.Equal(have, config) {
			t.Errorf("config of %s: %q, %v", d.Short(), have, err)
		}
	}
}

func TestLayersStandInTheManifestByName(t *testing.T) {
	layer := func(name string) Descriptor {
		return Descriptor{MediaType: LayerType, Digest: DigestOf([]byte(name)), Size: 4096, Annotations: map[string]string{
			LayerAnnotation: name, VersionAnnotation: "1-1", ForAnnotation: "package/a"}}
	}
	g := image(webText)
	g.Layers = []Descriptor{layer("files"), layer("package/a"), layer("package/b")}
	got, err := ParseManifest(g.Manifest())
	if err != nil || !bytes.Equal(got.Manifest(), g.Manifest()) || len(got.Layers) != 3 || got.Layers[1].LayerName() != "package/a" {
		t.Errorf("%v\n%s", err, got.Manifest())
	}
	for name, layers := range map[string][]Descriptor{
		"twice": {layer("files"), layer("files")}, "out of order": {layer("package/b"), layer("package/a")}, "no name": {layer("")},
	} {
		g.Layers = layers
		if _, err := ParseManifest(g.Manifest()); err == nil || !strings.Contains(err.Error(), "is not in its place") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func indent(t *testing.T, data []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

func TestAManifestNamesTheReleaseThatItsSystemSays(t *testing.T) {
	for release, want := range map[int]bool{0: false, 1: true, 7: true, 2147483647: true} {
		g := image(webText)
		g.Release = release
		data := g.Manifest()
		if got := bytes.Contains(data, fmt.Appendf(nil, `"bantam.release":"%d"`, release)); got != want {
			t.Errorf("release %d: %s", release, data)
		}
		if back, err := ParseManifest(data); err != nil || back.Release != release {
			t.Errorf("release %d is read as %d, %v", release, back.Release, err)
		}
	}
}

func TestWhatIsEditedHereNamesItsVersionAsAReleaseToo(t *testing.T) {
	s, _, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, "version = 7\n"), ExitGood)
	e := s.recordNow().Entries[1]
	if g, err := s.store.Generation(e.Digest); err != nil || g.Release != 7 {
		t.Errorf("release %d, %v, want 7", g.Release, err)
	}
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	e = s.recordNow().Entries[2]
	if g, err := s.store.Generation(e.Digest); err != nil || g.Release != 0 {
		t.Errorf("release %d, %v, want none", g.Release, err)
	}
}

func TestManifestRefusals(t *testing.T) {
	good := string(image(webText).Manifest())
	for _, c := range []struct{ name, old, new, want string }{
		{"another artifact", "bantam.generation.v1", "cake.v1", "not a Bantam generation"},
		{"a layer of an unknown type", "bantam.kernel.v1", "bantam.kernel.v9", "unknown or repeated type"},
		{"two kernels", InitrdType, KernelType, "unknown or repeated type"},
		{"a digest that is a path", "sha256:" + DigestOf([]byte("kernel")).Hex(), "sha256:../x", "bad digest"},
		{"no board", `"bantam.board":"pc"`, `"bantam.arch":"arm64"`, "no board"},
		{"release 0", `"bantam.board":"pc"`, `"bantam.board":"pc","bantam.release":"0"`, `bantam.release is "0"`},
		{"a release that is written in two ways", `"bantam.board":"pc"`, `"bantam.board":"pc","bantam.release":"07"`, `bantam.release is "07"`},
		{"a release with a sign", `"bantam.board":"pc"`, `"bantam.board":"pc","bantam.release":"+7"`, `bantam.release is "+7"`},
		{"a release below 1", `"bantam.board":"pc"`, `"bantam.board":"pc","bantam.release":"-7"`, `bantam.release is "-7"`},
		{"a release that no system.toml can name", `"bantam.board":"pc"`, `"bantam.board":"pc","bantam.release":"2147483648"`, "not a number from 1 to 2147483647"},
		{"a variant, of a later version", `"bantam.board":"pc"`, `"bantam.board":"pc","bantam.variant":"rescue"`, `unknown annotation "bantam.variant"`},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing replaced", c.name)
		}
		if _, err := ParseManifest([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := ParseManifest(make([]byte, maxManifest+1)); err == nil {
		t.Error("a huge manifest is taken")
	}
}

// What is refused is told on a slow console, too.
func TestAManifestOfLongWordsIsRefusedInFew(t *testing.T) {
	good, long := string(image(webText).Manifest()), strings.Repeat("x", 5000)
	for name, c := range map[string]struct{ old, new string }{
		"its type":            {GenerationType, long},
		"its board":           {`"bantam.board":"pc"`, `"bantam.board":"` + long + `"`},
		"an annotation":       {`"bantam.board":"pc"`, `"bantam.board":"pc","` + long + `":""`},
		"its release":         {`"bantam.board":"pc"`, `"bantam.board":"pc","bantam.release":"` + long + `"`},
		"a blob's type":       {KernelType, long},
		"a digest":            {"sha256:" + DigestOf([]byte("kernel")).Hex(), long},
		"a kernel's version":  {`"bantam.version":"`, `"bantam.version":"` + long},
		"the config's digest": {`"config":{"mediaType":"` + configType + `","digest":"`, `"config":{"mediaType":"` + configType + `","digest":"` + long},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing replaced in %s", name, good)
		}
		if _, err := ParseManifest([]byte(text)); err == nil || len(err.Error()) > 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(image(webText).Manifest())
	f.Add([]byte(`{"schemaVersion":2,"layers":[null]}`))
	released := image(webText)
	released.Release = 7
	f.Add(released.Manifest())
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := ParseManifest(data)
		if err != nil {
			return
		}
		again, err := ParseManifest(g.Manifest())
		if err != nil || again.Digest() != g.Digest() {
			t.Errorf("%v: %s", err, g.Manifest())
		}
	})
}

// deafDisk cannot read one file, today.
type deafDisk struct {
	quickDisk
	path string
}

func (d *deafDisk) ReadFile(path string, most int64) ([]byte, error) {
	if path == d.path {
		return nil, pathError("read", path, syscall.EIO)
	}
	return d.quickDisk.ReadFile(path, most)
}

// A kernel is compared piece by piece, not read as a whole.
func TestWhetherABlobIsThereTakesNoMemoryOfItsSize(t *testing.T) {
	d := &deafDisk{}
	s, err := openStore(d, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	blob, _, err := s.PutBlob(strings.NewReader("kernel"))
	if err != nil {
		t.Fatal(err)
	}
	if d.path = s.BlobPath(blob); !s.HasBlob(blob) || s.HasBlob("sha256:../x") {
		t.Error("what is there is not found, or what is none is")
	}
}

func TestCollectRemovesNothingWhileAGenerationCannotBeRead(t *testing.T) {
	d := &deafDisk{}
	s, err := openStore(d, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutBytes([]byte(webText)); err != nil {
		t.Fatal(err)
	}
	web, err := s.PutGeneration(image(webText), time.Time{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.path = s.BlobPath(web)
	if _, err := s.Collect([]Digest{web}); !errors.Is(err, syscall.EIO) {
		t.Errorf("error %v", err)
	}
	d.path = ""
	if _, err := s.Blob(DigestOf([]byte(webText))); err != nil {
		t.Error(err)
	}
}

func TestCollectKeepsWhatAnotherVersionsGenerationNames(t *testing.T) {
	s := openedStore(t, t.TempDir())
	layer, err := s.PutBytes([]byte("a package"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.PutBytes([]byte(webText))
	if err != nil {
		t.Fatal(err)
	}
	g := image(webText)
	g.Initrd = append(g.Initrd, Descriptor{MediaType: "application/vnd.bantam.layer.v7", Digest: layer, Size: 9})
	newer, err := s.PutGeneration(g, time.Time{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generation(newer); err == nil {
		t.Fatal("it can be read, and so shows nothing")
	}
	if removed, err := s.Collect([]Digest{newer}); removed != 0 || err != nil || !s.HasBlob(layer) || !s.HasBlob(text) {
		t.Errorf("removed %d, %v", removed, err)
	}
}

// countingDisk counts how often each file was read.
type countingDisk struct {
	quickDisk
	reads map[string]int
}

func (d countingDisk) ReadFile(path string, most int64) ([]byte, error) {
	d.reads[path]++
	return d.quickDisk.ReadFile(path, most)
}

func TestCollectionsReadEachManifestOnce(t *testing.T) {
	d := countingDisk{reads: map[string]int{}}
	s, err := openStore(d, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var keep []Digest
	for _, text := range []string{webText, dbText} {
		if _, err := s.PutBytes([]byte(text)); err != nil {
			t.Fatal(err)
		}
		digest, err := s.PutGeneration(image(text), time.Time{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		keep = append(keep, digest)
	}
	clear(d.reads)
	for range 3 {
		if removed, err := s.Collect(keep); removed != 0 || err != nil {
			t.Fatal(removed, err)
		}
	}
	for _, digest := range keep {
		if n := d.reads[s.BlobPath(digest)]; n != 1 {
			t.Errorf("a manifest was read %d times", n)
		}
	}
	if removed, err := s.Collect(keep[1:]); removed != 2 || err != nil || !s.HasBlob(DigestOf([]byte(dbText))) {
		t.Errorf("removed %d, %v", removed, err)
	}
}

func TestHugeFilesAreNotRead(t *testing.T) {
	s := openedStore(t, t.TempDir())
	d, err := s.PutGeneration(image(webText), time.Time{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, read := range map[string]func() error{
		s.BlobPath(d):      func() error { _, err := s.Generation(d); return err },
		s.path(indexName):  func() error { _, err := s.Index(); return err },
		s.path(layoutName): func() error { _, err := OpenStore(s.dir); return err },
	} {
		if err := os.Truncate(path, 1<<36); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read()
		runtime.ReadMemStats(&after)
		if path != s.path(layoutName) && err == nil {
			t.Errorf("%s is taken", path)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes of memory", path, used)
		}
	}
}
