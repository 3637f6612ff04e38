package oci

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"bantam/signature"
	"bantam/switcher"
)

// machine is a generation with its blobs, as a Source.
type machine struct {
	raw    []byte
	blobs  map[switcher.Digest][]byte
	signed []signature.Signed
}

// newMachine makes one of a kernel of some size; each has other bytes.
func newMachine(kernel int) *machine { return newMachineOf(kernel, 30_000) }

func newMachineOf(kernel, modules int) *machine {
	m := &machine{blobs: make(map[switcher.Digest][]byte)}
	put := func(mediaType string, data []byte) switcher.Descriptor {
		d := describe(mediaType, data)
		m.blobs[d.Digest] = data
		return d
	}
	g := switcher.Generation{
		Board: "pc", Arch: "amd64",
		System: put(switcher.SystemType, []byte("hostname = \"nest\"\n")),
		Kernel: put(switcher.KernelType, bytes.Repeat([]byte{byte(kernel), 7, 3}, kernel/3+1)),
		Initrd: []switcher.Descriptor{put(switcher.InitrdType, bytes.Repeat([]byte("modules"), modules))},
	}
	config, of := g.Config()
	m.blobs[of.Digest] = config
	m.raw = g.Manifest()
	return m
}

func (m *machine) digest() switcher.Digest { return switcher.DigestOf(m.raw) }

func (m *machine) sign() *machine {
	m.signed = append(m.signed, signature.Signed{Payload: []byte(`{"critical":` + string(rune('0'+len(m.signed))) + `}`), Signature: []byte("by me")})
	return m
}

func (m *machine) Manifest(context.Context) ([]byte, error)               { return m.raw, nil }
func (m *machine) Signatures(context.Context) ([]signature.Signed, error) { return m.signed, nil }
func (m *machine) Close() error                                           { return nil }
func (m *machine) Blob(_ context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	data, ok := m.blobs[d.Digest]
	if !ok {
		return nil, ErrAbsent
	}
	return io.NopCloser(bytes.NewReader(data[from:])), nil
}

// archived is the machine as an archive.
func (m *machine) archived(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := WriteArchive(t.Context(), &out, "pc", m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wantSame reads all of a source and compares it with the machine.
func (m *machine) wantSame(t *testing.T, src Source) {
	t.Helper()
	raw, err := src.Manifest(t.Context())
	if err != nil || !bytes.Equal(raw, m.raw) {
		t.Fatalf("manifest: %v: got %q, want %q", err, raw, m.raw)
	}
	signed, err := src.Signatures(t.Context())
	if err != nil || len(signed) != len(m.signed) {
		t.Fatalf("signatures: %v: got %q, want %q", err, signed, m.signed)
	}
	for i, s := range signed {
		if !bytes.Equal(s.Payload, m.signed[i].Payload) || !bytes.Equal(s.Signature, m.signed[i].Signature) {
			t.Errorf("signature %d: got %q, want %q", i, s, m.signed[i])
		}
	}
	parsed, err := parseManifest(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.blobs() {
		for _, from := range []int64{0, d.Size / 2, d.Size} {
			if _, isStream := src.(*layout); isStream && from > 0 {
				if _, isStream := src.(*layout).files.(*stream); isStream {
					continue
				}
			}
			got, err := readBlob(t.Context(), src, d, from)
			if err != nil || !bytes.Equal(got, m.blobs[d.Digest][from:]) {
				t.Errorf("blob %s from byte %d: %v: %d bytes", d.MediaType, from, err, len(got))
			}
		}
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

func readBlob(ctx context.Context, src Source, d switcher.Descriptor, from int64) ([]byte, error) {
	r, err := src.Blob(ctx, d, from)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// unpack makes a folder of an archive.
func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	dir := t.TempDir()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// pack makes an archive of files in their order.
func pack(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o600, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, files[i+1])
	}
	w.Close()
	return out.Bytes()
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, word string, o Options) Source {
	t.Helper()
	src, err := Open(t.Context(), word, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func TestWhatIsWrittenIsReadAsAFileAsAStreamAndAsAFolder(t *testing.T) {
	for name, m := range map[string]*machine{"unsigned": newMachine(3_000_000), "signed twice": newMachine(200).sign().sign()} {
		t.Run(name, func(t *testing.T) {
			archive := m.archived(t)
			if !bytes.Equal(archive, m.archived(t)) {
				t.Error("the same generation gives other bytes")
			}
			file, dir := writeFile(t, "pc.oci.tar", archive), unpack(t, archive)
			for _, word := range []string{file, "oci-archive:" + file, "oci-archive:" + file + ":pc", dir, "oci:" + dir + ":pc", "oci:" + dir + ":" + string(m.digest())} {
				m.wantSame(t, open(t, word, Options{}))
			}
			m.wantSame(t, open(t, "-", Options{Stdin: bytes.NewReader(archive)}))
			m.wantSame(t, open(t, "-", Options{Stdin: iotest.OneByteReader(bytes.NewReader(archive))}))
		})
	}
}

func TestABlobThatIsAbsentIsLeftOut(t *testing.T) {
	m := newMachine(100)
	g, _ := switcher.ParseManifest(m.raw)
	delete(m.blobs, g.Kernel.Digest)
	src := open(t, writeFile(t, "pc.tar", m.archived(t)), Options{})
	if _, err := readBlob(t.Context(), src, g.Kernel, 0); !errors.Is(err, ErrAbsent) {
		t.Errorf("the kernel: %v, want %v", err, ErrAbsent)
	}
	if _, err := readBlob(t.Context(), src, g.System, 0); err != nil {
		t.Error(err)
	}
}

func TestNothingWrongIsWrittenIntoAnArchive(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"another byte": func(b []byte) []byte { b[0]++; return b },
		"short":        func(b []byte) []byte { return b[1:] },
		"long":         func(b []byte) []byte { return append(b, 0) },
	} {
		m := newMachine(100)
		g, _ := switcher.ParseManifest(m.raw)
		m.blobs[g.Kernel.Digest] = damage(m.blobs[g.Kernel.Digest])
		if err := WriteArchive(t.Context(), io.Discard, "pc", m); !errors.Is(err, ErrDigest) && !errors.Is(err, ErrShort) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("skopeo")
	if err != nil {
		t.Fatal("skopeo is missing: apt-get install skopeo")
	}
	cmd := exec.Command(path, append([]string{"--insecure-policy", "--tmpdir", t.TempDir()}, args...)...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("skopeo %s: %v: %s", strings.Join(args, " "), err, problems.Bytes())
	}
	return out
}

func TestSkopeoReadsWhatWeWriteAndWeReadWhatSkopeoWrites(t *testing.T) {
	m := newMachine(100_000)
	ours, theirs := writeFile(t, "pc.tar", m.archived(t)), filepath.Join(t.TempDir(), "theirs.tar")
	var seen struct {
		Digest       switcher.Digest
		Architecture string
	}
	if err := json.Unmarshal(skopeo(t, "inspect", "oci-archive:"+ours), &seen); err != nil || seen.Digest != m.digest() || seen.Architecture != "amd64" {
		t.Errorf("skopeo inspect: %v: got %+v, want %s", err, seen, m.digest())
	}
	if raw := skopeo(t, "inspect", "--raw", "oci-archive:"+ours); !bytes.Equal(raw, m.raw) {
		t.Errorf("skopeo inspect --raw: got %q, want %q", raw, m.raw)
	}
	skopeo(t, "copy", "--preserve-digests", "oci-archive:"+ours, "oci-archive:"+theirs+":any")
	m.wantSame(t, open(t, theirs, Options{}))
	// Theirs has index.json behind the blobs.
	data, err := os.ReadFile(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, "-", Options{Stdin: bytes.NewReader(data)}).Manifest(t.Context()); !errors.Is(err, ErrOrder) {
		t.Errorf("as a stream: %v, want %v", err, ErrOrder)
	}
}

func TestBsdtarReadsWhatWeWrite(t *testing.T) {
	if _, err := exec.LookPath("bsdtar"); err != nil {
		t.Fatal("bsdtar is missing: apt-get install libarchive-tools")
	}
	m := newMachine(5_000)
	dir := t.TempDir()
	if out, err := exec.Command("bsdtar", "-xf", writeFile(t, "pc.tar", m.archived(t)), "-C", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("bsdtar: %v: %s", err, out)
	}
	m.wantSame(t, open(t, dir, Options{}))
}

func TestAStreamSaysWhatIsOutOfOrder(t *testing.T) {
	m := newMachine(500_000)
	g, _ := switcher.ParseManifest(m.raw)
	src := open(t, "-", Options{Stdin: bytes.NewReader(m.archived(t))})
	if _, err := src.Manifest(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The kernel comes before the modules.
	if got, err := readBlob(t.Context(), src, g.Initrd[0], 0); err != nil || int64(len(got)) != g.Initrd[0].Size {
		t.Fatal(err)
	}
	if _, err := readBlob(t.Context(), src, g.Kernel, 0); !errors.Is(err, ErrOrder) {
		t.Errorf("the kernel after the modules: %v, want %v", err, ErrOrder)
	}
	// What is small is there in any order.
	if _, err := readBlob(t.Context(), src, g.System, 0); err != nil {
		t.Error(err)
	}
	src = open(t, "-", Options{Stdin: bytes.NewReader(m.archived(t))})
	if got, err := readBlob(t.Context(), src, g.Kernel, 400_000); err != nil || int64(len(got)) != g.Kernel.Size-400_000 {
		t.Errorf("the kernel from its middle: %d bytes, %v", len(got), err)
	}
}

func TestAHostileLayoutIsRefusedWithItsReason(t *testing.T) {
	m := newMachine(100)
	d := m.digest()
	entry := func(digest switcher.Digest, size int, annotations string) string {
		return `{"mediaType":"` + manifestType + `","digest":"` + string(digest) + `","size":` + jsonNumber(size) + `,"annotations":{` + annotations + `}}`
	}
	indexOf := func(entries ...string) string {
		return `{"schemaVersion":2,"manifests":[` + strings.Join(entries, ",") + `]}`
	}
	good := entry(d, len(m.raw), "")
	for _, c := range []struct {
		claim string
		files []string
		want  string
	}{
		{"nothing of a layout", []string{"etc/passwd", "root"}, "no index.json"},
		{"an index that is no JSON", []string{"index.json", "no"}, "index.json: invalid"},
		{"an index of another version", []string{"index.json", "{}"}, "schema version 0"},
		{"no generation", []string{"index.json", indexOf()}, "no generation"},
		{"nothing but signatures", []string{"index.json", indexOf(entry(d, 1, `"org.opencontainers.image.ref.name":"`+SignatureTag(d)+`"`))}, "no generation"},
		{"several generations", []string{"index.json", indexOf(entry(d, 1, `"org.opencontainers.image.ref.name":"pc"`), entry(d, 1, `"org.opencontainers.image.ref.name":"\u001b[2J"`))}, `"pc", "\x1b[2J"`},
		{"a digest that leads out", []string{"index.json", indexOf(entry("sha256:../../../etc/passwd", 1, ""))}, "bad digest"},
		{"a negative size", []string{"index.json", indexOf(entry(d, -1, ""))}, "bad digest"},
		{"a manifest that is not there", []string{"index.json", indexOf(good)}, "is not there"},
		{"a manifest with another byte", []string{"index.json", indexOf(good), blobName(d), strings.Replace(string(m.raw), "pc", "pd", 1)}, ErrDigest.Error()},
		{"a manifest that is short", []string{"index.json", indexOf(good), blobName(d), string(m.raw[:9])}, ErrShort.Error()},
		{"a manifest that is long", []string{"index.json", indexOf(good), blobName(d), string(m.raw) + "\n"}, ErrDigest.Error()},
		{"a manifest of 50 MB", []string{"index.json", indexOf(entry(d, 50<<20, "")), blobName(d), string(m.raw)}, "52428800 bytes, the limit is 262144"},
		{"an index of 5 MB", []string{"index.json", strings.Repeat(" ", 5<<20)}, "5242880 bytes"},
		{"an index of a million entries that are none", []string{"index.json", indexOf(strings.Repeat("0,", 1<<20) + "0")}, "more than 20000 descriptors"},
		{"an index of a million empty entries", []string{"index.json", indexOf(strings.Repeat("{},", 1<<20) + "{}")}, "more than 20000 descriptors"},
		{"an index of platforms", []string{"index.json", indexOf(entry(switcher.DigestOf([]byte(`{"mediaType":"`+indexType+`"}`)), len(indexType)+16, "")),
			blobName(switcher.DigestOf([]byte(`{"mediaType":"` + indexType + `"}`))), `{"mediaType":"` + indexType + `"}`}, "index of several"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			archive := pack(t, c.files...)
			for _, src := range []Source{open(t, writeFile(t, "a.tar", archive), Options{}), open(t, "-", Options{Stdin: bytes.NewReader(archive)})} {
				if _, err := src.Manifest(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			}
		})
	}
}

// The same entry may stand in an index any number of times, and costs its sender nothing.
func TestSignaturesOfALayoutHaveABoundAltogether(t *testing.T) {
	m := newMachine(100)
	payload := []byte(`{"critical":{}}`)
	one, config := SignatureManifest([]signature.Signed{{Payload: payload, Signature: []byte("x")}})
	none, _ := SignatureManifest(nil)
	entry := func(raw []byte, name string) switcher.Descriptor {
		d := describe(manifestType, raw)
		d.Annotations = map[string]string{refName: name}
		return d
	}
	for _, raw := range [][]byte{one, none} {
		for _, n := range []int{signature.MaxSigned, signature.MaxSigned + 1} {
			x := index{SchemaVersion: 2, Manifests: switcher.Descriptors{entry(m.raw, "pc")}}
			for range n {
				x.Manifests = append(x.Manifests, entry(raw, SignatureTag(m.digest())))
			}
			files := []string{"index.json", string(marshal(x))}
			for _, data := range [][]byte{m.raw, raw, config, payload} {
				files = append(files, blobName(switcher.DigestOf(data)), string(data))
			}
			_, err := open(t, "-", Options{Stdin: bytes.NewReader(pack(t, files...))}).Signatures(t.Context())
			if (err != nil) != (n > signature.MaxSigned) || err != nil && !strings.Contains(err.Error(), "signatures: more than 16") {
				t.Errorf("%d times %.60s: %v", n, raw, err)
			}
		}
	}
}

func TestNamesOfAnArchiveThatMeanNothingAreNotKept(t *testing.T) {
	d := newMachine(100).digest()
	data := pack(t, "./index.json", "{}", "blobs/sha256/"+strings.Repeat("x", 1<<19), "", "blobs/sha256/../../index.json", "{}", "./"+blobName(d), "{}")
	file, pipe := &archive{tape: bytesTape(data), window: 512}, newStream(io.NopCloser(bytes.NewReader(data)))
	if err := file.find(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.read(t.Context(), "another", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	want := []string{blobName(d), "index.json"}
	if got := slices.Sorted(maps.Keys(file.files)); !slices.Equal(got, want) {
		t.Errorf("of a file %.200q are kept, want %q", got, want)
	}
	if got := slices.Sorted(maps.Keys(pipe.kept)); !slices.Equal(got, want) || len(pipe.gone) != 0 {
		t.Errorf("of a stream %.200q and %d large ones are kept, want %q", got, len(pipe.gone), want)
	}
}

func jsonNumber(n int) string { data, _ := json.Marshal(n); return string(data) }

func TestWhatIsNoTarSaysWhatItIs(t *testing.T) {
	for content, want := range map[string]string{
		"": "it is empty", "\x1f\x8b\x08zzzzzzzzzzzzzzzzz": "it is no tar but gzip", "<!DOCTYPE html>": "HTML", strings.Repeat("x", 600): "it is no tar",
	} {
		for _, src := range []Source{open(t, writeFile(t, "a.tar", []byte(content)), Options{}), open(t, "-", Options{Stdin: strings.NewReader(content)})} {
			if _, err := src.Manifest(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.20q: got %v, want %q", content, err, want)
			}
		}
	}
}

// A cut anywhere is told: no manifest and no blob is taken for whole.
func TestAnArchiveThatIsCutIsRefusedWhereverTheCutIs(t *testing.T) {
	m := newMachine(100).sign()
	archive := m.archived(t)
	end := bytes.LastIndex(archive, []byte("modules")) + len("modules")
	for cut := 0; cut < end; cut += 97 + cut/40 { // all heads lie in front
		for _, src := range []Source{
			&layout{files: &cutArchive{archive[:cut]}, where: "cut"},
			open(t, "-", Options{Stdin: bytes.NewReader(archive[:cut])}),
		} {
			if readAll(t.Context(), src) == nil {
				t.Fatalf("%T: cut at byte %d of %d is not noticed", src.(*layout).files, cut, len(archive))
			}
		}
	}
}

// cutArchive is an archive in memory.
type cutArchive struct{ data []byte }

func (a *cutArchive) real() *archive {
	return &archive{tape: bytesTape(a.data), window: 700}
}
func (a *cutArchive) read(ctx context.Context, name string, most int64) ([]byte, error) {
	return a.real().read(ctx, name, most)
}
func (a *cutArchive) open(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	return a.real().open(ctx, name, from)
}
func (a *cutArchive) Close() error { return nil }

type bytesTape []byte

func (b bytesTape) part(_ context.Context, from, n int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(bytes.NewReader(b), from, n)), nil
}
func (b bytesTape) Close() error { return nil }

// readAll reads everything that a source has of a generation.
func readAll(ctx context.Context, src Source) error {
	raw, err := src.Manifest(ctx)
	if err != nil {
		return err
	}
	if _, err := src.Signatures(ctx); err != nil {
		return err
	}
	m, err := parseManifest(raw)
	if err != nil {
		return err
	}
	for _, d := range m.blobs() {
		if _, err := readBlob(ctx, src, d, 0); err != nil {
			return err
		}
	}
	return nil
}

func FuzzArchive(f *testing.F) {
	m := newMachineOf(100, 9).sign()
	var out bytes.Buffer
	if err := WriteArchive(f.Context(), &out, "pc", m); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		asFile := readAll(t.Context(), &layout{files: &archive{tape: bytesTape(data), window: 512}})
		asStream := readAll(t.Context(), &layout{files: newStream(io.NopCloser(bytes.NewReader(data)))})
		// The other way round need not hold: a stream is not read behind what is wanted.
		if asFile == nil && asStream != nil && !errors.Is(asStream, ErrOrder) {
			t.Errorf("as a file it is good, as a stream: %v", asStream)
		}
	})
}
