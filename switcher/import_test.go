package switcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"bantam/layer"
	"bantam/signature"
)

// parcel is a generation with all its blobs, somewhere else.
type parcel struct {
	generation Generation
	blobs      map[Digest][]byte
	asked      []Digest // blobs that were loaded
	cut        int      // the line breaks after so many bytes, at every blob; 0: never
	other      bool     // it gives other bytes
	signed     []signature.Signed
	downgrade  bool
}

const kitText = "packages = [\"kit\"]\nhostname = \"kit\"\n"

// kitParcel has a package that m has not seen before.
func kitParcel(m *fakeMachine) *parcel {
	p := &parcel{generation: image(kitText), blobs: map[Digest][]byte{}}
	files := fakeLayer{"index": string(layer.Index{{Path: "usr/bin/kit", Kind: layer.RegularFile, Mode: 0o755, SHA256: sha("kit")}}.Encode())}
	l := m.layer("package/kit", "1", "package/kit", files)
	p.generation.Layers = []Descriptor{l}
	for _, data := range []string{kitText, "kernel", "modules", "init", fmt.Sprint("package/kit", "1", files)} {
		p.blobs[DigestOf([]byte(data))] = []byte(data)
	}
	return p
}

func (p *parcel) request() ImportRequest {
	return ImportRequest{Manifest: p.generation.Manifest(), Signed: p.signed, Downgrade: p.downgrade}
}

func (p *parcel) open(d Digest) func(int64) (io.ReadCloser, error) {
	return func(from int64) (io.ReadCloser, error) {
		p.asked = append(p.asked, d)
		data := p.blobs[d][from:]
		if p.other {
			data = bytes.ToUpper(data)
		}
		var r io.Reader = bytes.NewReader(data)
		if p.cut > 0 {
			r = io.MultiReader(io.LimitReader(r, int64(p.cut)), iotest.ErrReader(errLine))
		}
		return io.NopCloser(r), nil
	}
}

var errLine = errors.New("the line is cut")

// bring does what `bantam import` does, on disk d.
func (p *parcel) bring(d disk, s *Switcher) (Imported, error) {
	check, err := s.CheckImport(p.request())
	if err != nil {
		return Imported{}, err
	}
	inbox, err := openInbox(d, s.dir)
	if err != nil {
		return Imported{}, err
	}
	defer inbox.Close()
	if err := inbox.Keep(check.Lacking); err != nil {
		return Imported{}, err
	}
	for _, blob := range check.Lacking {
		if err := inbox.Load(blob, p.open(blob.Digest), nil); err != nil {
			return Imported{}, err
		}
	}
	return s.Import(context.Background(), p.request())
}

func (p *parcel) must(t *testing.T, s *Switcher) int {
	t.Helper()
	got, err := p.bring(s.disk, s)
	if err != nil || got.Number == 0 || len(got.Lacking) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	return got.Number
}

func short(digests []Digest) (list []string) {
	for _, d := range digests {
		list = append(list, d.Short())
	}
	return list
}

func TestAnImportedGenerationIsSwitchedToLikeAnyOther(t *testing.T) {
	s, m, dir := bootedMachine(t)
	p := kitParcel(m)
	number := p.must(t, s)
	if want := []Digest{p.generation.System.Digest, p.generation.Layers[0].Digest}; !slices.Equal(p.asked, want) {
		t.Errorf("loaded %q, want what is lacking alone: %q", short(p.asked), short(want))
	}
	e := s.recordNow().Entries[number-1]
	if e.Verb != importVerb || e.State != StateUntried || e.Digest != p.generation.Digest() {
		t.Errorf("%+v", e)
	}
	if m.text != imageText {
		t.Errorf("an import alone has led to %q", m.text)
	}
	if left := s.inbox().size(); left != 0 {
		t.Errorf("%d bytes are left in the inbox", left)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Generation: number}, nil), ExitGood)
	if m.text != kitText || m.tree["package/kit"] == "" {
		t.Errorf("runs %q with %v", m.text, m.tree)
	}
	s = bootAgain(t, dir, m)
	if m.text != kitText {
		t.Errorf("the next boot runs %q", m.text)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	again := kitParcel(m)
	if got := again.must(t, s); got != number || len(again.asked) != 0 {
		t.Errorf("a second import: generation %d, and %q were loaded", got, short(again.asked))
	}
}

func TestALineThatBreaksIsGoneOnWithWhereItBroke(t *testing.T) {
	s, m, _ := bootedMachine(t)
	p := kitParcel(m)
	p.cut = 10
	for tries := 1; ; tries++ {
		got, err := p.bring(s.disk, s)
		if err == nil && got.Number != 0 {
			if bytes := len(p.blobs[p.generation.Layers[0].Digest]) + len(kitText); tries < bytes/10 || tries > bytes/10+2 {
				t.Errorf("%d tries for %d bytes", tries, bytes)
			}
			return
		}
		if !errors.Is(err, errLine) || !strings.Contains(err.Error(), "which are kept; the same command goes on there") {
			t.Fatalf("%v", err)
		}
		if tries > 100 {
			t.Fatal("it never ends")
		}
	}
}

func TestWhatIsNotWhatItShouldBeIsNeitherKeptNorTaken(t *testing.T) {
	s, m, _ := bootedMachine(t)
	p := kitParcel(m)
	p.other = true
	if _, err := p.bring(s.disk, s); !errors.Is(err, errOtherBytes) {
		t.Errorf("other bytes: %v", err)
	}
	if left := s.inbox().size(); left != 0 {
		t.Errorf("%d bytes of it are kept", left)
	}
	// What somebody puts into the inbox is read again.
	inbox, blob := s.inbox(), p.generation.Layers[0]
	text := p.generation.System
	for path, data := range map[string]string{
		inbox.blobPath(blob.Digest): strings.Repeat("x", int(blob.Size)), inbox.blobPath(text.Digest): kitText + "more"} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Import(t.Context(), p.request())
	if err != nil || got.Number != 0 || len(got.Lacking) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	p.other = false
	p.must(t, s) // and loaded anew
}

func TestATornBeginningIsLoadedAnew(t *testing.T) {
	s, m, _ := bootedMachine(t)
	p := kitParcel(m)
	p.cut = 10
	if _, err := p.bring(s.disk, s); !errors.Is(err, errLine) {
		t.Fatal(err)
	}
	part := s.inbox().blobPath(p.generation.System.Digest) + partEnding
	if err := os.WriteFile(part, make([]byte, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	p.cut = 0
	p.must(t, s)
}

func TestWhatCannotRunHereIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		change func(g *Generation)
		want   string
	}{
		"another board":        {func(g *Generation) { g.Board = "virt" }, "it is for board virt (amd64), this is pc (amd64)"},
		"another architecture": {func(g *Generation) { g.Arch = "arm64" }, "it is for board pc (arm64), this is pc (amd64)"},
		"another kernel":       {func(g *Generation) { g.Kernel.Digest = DigestOf(nil) }, "has no boot slots"},
		"another segment":      {func(g *Generation) { g.Initrd[1].Digest = DigestOf(nil) }, "has no boot slots"},
		"more than fits":       {func(g *Generation) { g.Layers[0].Size = 1 << 39 }, "is too full: it has "},
		"a monstrous blob":     {func(g *Generation) { g.Layers[0].Size = 1<<62 + 1 }, "are too many"},
		"a monstrous system":   {func(g *Generation) { g.System.Size = 2 << 20 }, "the limit is 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m, dir := bootedMachine(t)
			p := kitParcel(m)
			c.change(&p.generation)
			before, _ := os.ReadDir(dir)
			if _, err := p.bring(s.disk, s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if after, _ := os.ReadDir(dir); len(after) != len(before) {
				t.Errorf("there was %v, there is %v", before, after)
			}
		})
	}
}

func TestAManifestOfAnotherProgramIsRefused(t *testing.T) {
	s, m, _ := bootedMachine(t)
	manifest := kitParcel(m).generation.Manifest()
	for text, want := range map[string]string{
		"":                     "unexpected end",
		"{}":                   "not a Bantam generation",
		string(manifest) + " ": "written by another program than Bantam",
		strings.Repeat(" ", maxManifest) + string(manifest): "the limit is",
	} {
		if _, err := s.CheckImport(ImportRequest{Manifest: []byte(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}

func TestASystemThatThisBantamDoesNotKnowIsRefusedAtItsEnd(t *testing.T) {
	s, _, _ := bootedMachine(t)
	const text = "tomorrow = true\n"
	p := &parcel{generation: image(text), blobs: map[Digest][]byte{DigestOf([]byte(text)): []byte(text)}}
	if _, err := p.bring(s.disk, s); err == nil || !strings.Contains(err.Error(), "not valid for this Bantam: system.toml:1:1") {
		t.Errorf("%v", err)
	}
	if len(s.recordNow().Entries) != 1 {
		t.Error("it is in the record")
	}
}

func TestTwoImportsAtOnceAreTwoAfterEachOther(t *testing.T) {
	s, m, dir := bootedMachine(t)
	first, err := OpenInbox(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(first.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := OpenInbox(dir); !errors.Is(err, ErrImporting) {
		t.Errorf("the second: %v", err)
	}
	// What the first has loaded is not garbage while it loads.
	if err := os.WriteFile(first.blobPath(DigestOf(nil)), []byte("some"), 0o600); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Garbage(); err != nil || g.Loaded != 0 {
		t.Errorf("%+v, %v", g, err)
	}
	if err := s.Clean(); err != nil || first.size() != 4 {
		t.Errorf("%v, %d bytes are left", err, first.size())
	}
	first.Close()
	if g, err := s.Garbage(); err != nil || g.Loaded != 4 {
		t.Errorf("%+v, %v", g, err)
	}
	if err := s.Clean(); err != nil || first.size() != 0 {
		t.Errorf("%v, %d bytes are left", err, first.size())
	}
	if err := os.WriteFile(first.blobPath(DigestOf(nil)), []byte("some"), 0o600); err != nil {
		t.Fatal(err)
	}
	kitParcel(m).must(t, s)
	if left := first.size(); left != 0 {
		t.Errorf("the next import leaves %d bytes of another", left)
	}
}

func TestAnImportWhileASwitchRuns(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	p := kitParcel(m)
	imported := 0
	r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(dbText)}, func(e Event) {
		if imported == 0 && e.Kind == EventWait {
			imported = p.must(t, s)
		}
	})
	wantExit(t, r, ExitGood)
	if imported == 0 || s.recordNow().Default != 3 {
		t.Fatalf("imported as %d, default %d", imported, s.recordNow().Default)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Generation: imported}, nil), ExitGood)
}

// What was there at the check may have been collected when the rest has come.
func TestABlobThatIsCollectedMeanwhileIsLoadedAfterAll(t *testing.T) {
	s, m, _ := bootedMachine(t)
	p := kitParcel(m)
	number := p.must(t, s)
	check, err := s.CheckImport(p.request())
	if err != nil || len(check.Lacking) != 0 || check.Number != number {
		t.Fatalf("%+v, %v", check, err)
	}
	if _, err := s.Delete(number); err != nil {
		t.Fatal(err)
	}
	got, err := s.Import(t.Context(), p.request())
	if err != nil || got.Number != 0 || len(got.Lacking) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if again := p.must(t, s); again != number+1 {
		t.Errorf("generation %d", again)
	}
}

func TestABlobThatIsDamagedInTheStoreIsLoadedAnew(t *testing.T) {
	s, m, _ := bootedMachine(t)
	p := kitParcel(m)
	number := p.must(t, s)
	l := p.generation.Layers[0]
	path := s.store.BlobPath(l.Digest)
	if err := os.WriteFile(path, make([]byte, l.Size), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := s.Import(t.Context(), p.request())
	if err != nil || len(got.Lacking) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	inbox, err := OpenInbox(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer inbox.Close()
	if err := inbox.Load(got.Lacking[0], p.open(l.Digest), nil); err != nil {
		t.Fatal(err)
	}
	if got, err = s.Import(t.Context(), p.request()); err != nil || got.Number != number || !got.Known {
		t.Errorf("%+v, %v", got, err)
	}
	if !s.store.HasBlob(l.Digest) {
		t.Error("it is still damaged")
	}
}

func TestProgressBeginsWhereTheLineBroke(t *testing.T) {
	dir := t.TempDir()
	inbox, err := OpenInbox(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer inbox.Close()
	data := bytes.Repeat([]byte("0123456789"), 50<<10)
	d := Descriptor{Digest: DigestOf(data), Size: int64(len(data))}
	p := &parcel{blobs: map[Digest][]byte{d.Digest: data}, cut: 300 << 10}
	var told []int64
	progress := func(done int64) { told = append(told, done) }
	if err := inbox.Load(d, p.open(d.Digest), progress); !errors.Is(err, errLine) {
		t.Fatal(err)
	}
	if err := inbox.Load(d, p.open(d.Digest), progress); err != nil {
		t.Fatal(err)
	}
	if err := inbox.Load(d, p.open(d.Digest), progress); err != nil || len(p.asked) != 2 {
		t.Errorf("%v; asked %d times", err, len(p.asked))
	}
	if !slices.IsSorted(told) || told[len(told)-1] != d.Size {
		t.Errorf("told %v", told)
	}
	if names, _ := os.ReadDir(filepath.Join(dir, "import/blobs")); len(names) != 1 {
		t.Errorf("%v", names)
	}
	short := &parcel{blobs: map[Digest][]byte{DigestOf(nil): data[:100]}}
	if err := inbox.Load(Descriptor{Digest: DigestOf(nil), Size: 200}, short.open(DigestOf(nil)), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source that ends early: %v", err)
	}
}
