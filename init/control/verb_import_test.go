package control

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/oci"
	"bantam/signature"
	"bantam/switcher"
)

// carried is a generation with its blobs.
type carried struct {
	switcher.Generation
	blobs map[switcher.Digest]string
}

func newCarried() carried {
	c := carried{blobs: map[switcher.Digest]string{}}
	blob := func(mediaType, text, segment string) switcher.Descriptor {
		d := switcher.Descriptor{MediaType: mediaType, Digest: switcher.DigestOf([]byte(text)), Size: int64(len(text))}
		if segment != "" {
			d.Annotations = map[string]string{switcher.SegmentAnnotation: segment}
		}
		c.blobs[d.Digest] = text
		return d
	}
	c.Generation = switcher.Generation{Board: "pc", Arch: "amd64", System: blob(switcher.SystemType, "hostname = \"far\"\n", ""),
		Kernel: blob(switcher.KernelType, "kernel", ""), Initrd: []switcher.Descriptor{blob(switcher.InitrdType, "init", "init")}}
	config, named := c.Config()
	c.blobs[named.Digest] = string(config)
	return c
}

func (c carried) Manifest(context.Context) ([]byte, error)               { return c.Generation.Manifest(), nil }
func (c carried) Signatures(context.Context) ([]signature.Signed, error) { return nil, nil }
func (c carried) Close() error                                           { return nil }

func (c carried) Blob(_ context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	text, there := c.blobs[d.Digest]
	if !there {
		return nil, oci.ErrAbsent
	}
	return io.NopCloser(strings.NewReader(text[from:])), nil
}

// archive is a file with all of it.
func (c carried) archive(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := oci.WriteArchive(t.Context(), &b, "pc", c); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pc.oci.tar")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// importing is a client with PID 1's part of an import: it lacks these blobs of the generation, and takes what is in the inbox.
type importing struct {
	carried
	lacking []switcher.Descriptor
	kernel  string // as in Imported
	again   []switcher.Descriptor
	state   string
	asked   []string
	refuse  string
	running string // system.toml
}

func (i *importing) run(t *testing.T, verb string, args ...string) (code int, out, errs string) {
	t.Helper()
	if i.state == "" {
		i.state = t.TempDir()
	}
	socket := answering(t, nil, func(req Request) Frame {
		if req.Verb != "text" {
			i.asked = append(i.asked, req.Verb)
		}
		if i.refuse != "" {
			return Frame{Error: i.refuse, Exit: ExitError}
		}
		switch req.Verb {
		case "text":
			return Reply([]byte(i.running))
		case "import check":
			if !bytes.Equal(req.Manifest, i.Generation.Manifest()) {
				t.Errorf("manifest %s", req.Manifest)
			}
			return Reply(switcher.ImportCheck{Lacking: i.lacking, Blobs: 3, Note: "signed by somebody"})
		case "import":
			for _, d := range i.lacking {
				path := filepath.Join(i.state, "import/blobs", d.Digest.Hex())
				if have, err := os.ReadFile(path); err != nil || string(have) != i.blobs[d.Digest] {
					t.Errorf("%s: %q, %v", d.Spoken(), have, err)
				}
			}
			if len(i.again) > 0 {
				i.lacking, i.again = i.again, nil
				return Reply(switcher.Imported{Lacking: i.lacking})
			}
			return Reply(switcher.Imported{Number: 7, Kernel: i.kernel})
		case "switch":
			return Frame{Line: "switched", Reply: nil}
		}
		return Frame{}
	})
	var o, e strings.Builder
	for _, v := range verbs {
		if v.name == verb {
			code = v.run(&client{verb: v, out: &o, errOut: &e, socket: socket, state: i.state}, args)
		}
	}
	return code, o.String(), e.String()
}

func TestAnImportLoadsWhatIsLackingAndSaysWhatCameOfIt(t *testing.T) {
	i := &importing{carried: newCarried()}
	i.lacking = []switcher.Descriptor{i.System}
	file := i.archive(t)
	code, out, errs := i.run(t, "import", file)
	const want = "signed by somebody\ngeneration 7 is here (1 blob of 3 loaded, 1 kB); `bantam switch 7` makes it run\n"
	if code != ExitGood || out != want || errs != "" {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
	if !slices.Equal(i.asked, []string{"import check", "import"}) {
		t.Errorf("asked %q", i.asked)
	}
	i.lacking, i.kernel = nil, "it needs another kernel"
	if _, out, _ = i.run(t, "import", file); !strings.Contains(out, "(nothing had to be loaded; it has another kernel or initrd); `bantam switch 7 --reboot` makes it run") {
		t.Errorf("%q", out)
	}
	if _, out, _ = i.run(t, "import", "--json", file); !strings.Contains(out, `"number": 7`) || !strings.Contains(out, `"loaded": 0`) {
		t.Errorf("%q", out)
	}
}

func TestWhatIsFoundDamagedAtTheEndIsLoadedToo(t *testing.T) {
	i := &importing{carried: newCarried()}
	i.lacking, i.again = []switcher.Descriptor{i.System}, []switcher.Descriptor{i.Initrd[0]}
	code, out, errs := i.run(t, "import", i.archive(t))
	if code != ExitGood || !strings.Contains(out, "2 blobs of 3") || errs != "" {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
}

func TestAnImportThatIsRefusedOrFailsSaysWhy(t *testing.T) {
	whole := newCarried()
	half := newCarried()
	delete(half.blobs, half.System.Digest)
	wrong := newCarried()
	wrong.blobs[wrong.System.Digest] = "hostname = \"bad\"\n"
	raw := filepath.Join(t.TempDir(), "raw.tar")
	if err := os.WriteFile(raw, []byte("no archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	lacking := []switcher.Descriptor{whole.System}
	for name, c := range map[string]struct {
		importing
		file string
		want string
	}{
		"refused":       {importing{carried: whole, refuse: "it is for board virt"}, whole.archive(t), "bantam import: it is for board virt"},
		"no file":       {importing{carried: whole}, "/nonexistent/pc.tar", "no such file"},
		"no archive":    {importing{carried: whole}, raw, "raw.tar"},
		"no source":     {importing{carried: whole}, "pc", "there is no / behind a host"},
		"a blob absent": {importing{carried: half, lacking: lacking}, half.archive(t), "blob " + whole.System.Digest.Short() + " is not there"},
	} {
		code, out, errs := c.run(t, "import", c.file)
		if code != ExitError || strings.Contains(out, "generation") || !strings.Contains(errs, c.want) {
			t.Errorf("%s: code %d, %q, %q", name, code, out, errs)
		}
	}
	if err := oci.WriteArchive(t.Context(), io.Discard, "pc", wrong); !errors.Is(err, oci.ErrDigest) {
		t.Errorf("an archive of other bytes: %v", err)
	}
}

func TestASecondImportIsToldToWait(t *testing.T) {
	i := &importing{carried: newCarried(), state: t.TempDir()}
	inbox, err := switcher.OpenInbox(i.state)
	if err != nil {
		t.Fatal(err)
	}
	defer inbox.Close()
	if code, _, errs := i.run(t, "import", i.archive(t)); code != ExitError || !strings.Contains(errs, "another import is under way") {
		t.Errorf("code %d, %q", code, errs)
	}
}

func TestASwitchToAnArchiveImportsItFirst(t *testing.T) {
	i := &importing{carried: newCarried()}
	i.lacking = []switcher.Descriptor{i.System}
	code, out, errs := i.run(t, "switch", i.archive(t))
	if code != ExitGood || !slices.Equal(i.asked, []string{"import check", "import", "switch"}) || !strings.Contains(out, "\ngeneration 7 came from ") {
		t.Errorf("code %d, %q, %q; asked %q", code, out, errs, i.asked)
	}
}

// What only an import understands is refused where nothing is imported: somebody thinks that it counts.
func TestOptionsOfAnImportWantOne(t *testing.T) {
	for option, args := range map[string][]string{"--ca": {"--ca", "ca.pem", "3"}, "--downgrade": {"--downgrade", "3"}, "--insecure": {"--insecure"}} {
		for _, verb := range []string{"switch", "test", "boot"} {
			i := &importing{carried: newCarried()}
			code, _, errs := i.run(t, verb, args...)
			if code != ExitUsage || len(i.asked) > 0 || !strings.Contains(errs, option+": nothing is imported here") {
				t.Errorf("%s %q: code %d, %q; asked %q", verb, args, code, errs, i.asked)
			}
		}
	}
	i := &importing{carried: newCarried()}
	if _, _, errs := i.run(t, "switch", "--insecure", "http://127.0.0.1:1/pc.tar"); !strings.Contains(errs, "connection refused") {
		t.Errorf("--insecure: %q", errs)
	}
}

func TestASystemTOMLIsNoSource(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.MkdirAll("conf.d", 0o755), os.WriteFile("conf.d/system", []byte("\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]bool{
		"3": false, "./3": false, "system.toml": false, "./system.toml": false, "/state/draft/system.toml": false, "conf.d/system": false,
		"no.such/system.toml": false, "pc.tar": true, "/mnt/pc.oci.tar": true, "registry.lan:5000/pc": true, "registry.example.org/machines/pc:v3": true,
		"http://10.0.2.2/pc.tar": true, "oci:/mnt/store": true,
	} {
		if got := isSource(word); got != want {
			t.Errorf("%s: %v, want %v", word, got, want)
		}
	}
}

// vouchedServer serves the files of a folder by https; authority is the file of who vouches for it.
func vouchedServer(t *testing.T, dir string) (address, authority string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.FileServer(http.Dir(dir)))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of who hangs up
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, fileOf(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// It needs no signature: TLS says who answers.
func TestHTTPSIsTakenFromServersThatAnAuthorityVouchesFor(t *testing.T) {
	i := &importing{carried: newCarried()}
	i.lacking = []switcher.Descriptor{i.System}
	address, authority := vouchedServer(t, filepath.Dir(i.archive(t)))
	address += "/pc.oci.tar"
	if code, out, errs := i.run(t, "import", "--ca", authority, address); code != ExitGood || !strings.Contains(out, "generation 7 is here") {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
	for _, verb := range []string{"import", "switch", "test", "boot"} {
		for want, args := range map[string][]string{"--ca FILE": {address}, "--ca: open": {"--ca", authority + "x", address}} {
			if code, _, errs := i.run(t, verb, args...); code != ExitError || !strings.Contains(errs, want) {
				t.Errorf("%s %q: code %d, %q, want %q", verb, args, code, errs, want)
			}
		}
		if verb == "import" {
			continue
		}
		i.asked = nil
		want := []string{"import check", "import", verb}
		if code, out, errs := i.run(t, verb, "--ca", authority, address); code != ExitGood || !slices.Equal(i.asked, want) || !strings.Contains(out, "generation 7 came from ") {
			t.Errorf("%s: code %d, %q, %q; asked %q", verb, code, out, errs, i.asked)
		}
	}
}

// Nobody listens at port 1: what is asked is whether a connection is tried.
func TestHTTPIsTakenWhereSignaturesAreCheckedOrWhenAskedFor(t *testing.T) {
	const key = "[trust]\nkeys = [\"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"]\n"
	for name, c := range map[string]struct {
		running string
		flags   []string
		want    string
	}{
		"without keys": {"", nil, "http:// tells nobody who answers"},
		"with keys":    {key, nil, "connection refused"},
		"by a flag":    {"", []string{"--insecure"}, "connection refused"},
	} {
		i := &importing{carried: newCarried(), running: c.running}
		if code, _, errs := i.run(t, "import", append(c.flags, "http://127.0.0.1:1/pc.tar")...); code != ExitError || !strings.Contains(errs, c.want) {
			t.Errorf("%s: code %d, %q", name, code, errs)
		}
	}
}

// A build host asks with an archive that has no blobs, and sends those that are lacking.
func TestACheckLoadsNothing(t *testing.T) {
	all := newCarried()
	i := &importing{carried: carried{Generation: all.Generation}}
	i.lacking = []switcher.Descriptor{i.System, i.Kernel}
	file := i.archive(t)
	code, out, errs := i.run(t, "import", "--check", file)
	if want := "signed by somebody\n2 blobs of 3 to be loaded, 1 kB\n"; code != ExitGood || out != want || errs != "" {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
	// What an import that was cut off has left whole is not lacking.
	path := filepath.Join(i.state, "import/blobs", i.System.Digest.Hex())
	if err := os.WriteFile(path, []byte(all.blobs[i.System.Digest]), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ = i.run(t, "import", "--check", "--json", file)
	var check wanting
	if err := json.Unmarshal([]byte(out), &check); code != ExitGood || err != nil || len(check.Lacking) != 1 || check.Lacking[0].Digest != i.Kernel.Digest || check.Blobs != 3 {
		t.Errorf("code %d, %v, %q", code, err, out)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("what was left is gone: %v", err)
	}
	if !slices.Equal(i.asked, []string{"import check", "import check"}) {
		t.Errorf("asked %q", i.asked)
	}
	i.refuse = "the state volume is too full"
	if code, out, errs = i.run(t, "import", "--check", file); code != ExitError || out != "" || errs != "bantam import: the state volume is too full\n" {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
	i.refuse = ""
	held, err := switcher.OpenInbox(i.state)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if code, _, errs = i.run(t, "import", "--check", file); code != ExitError || !strings.Contains(errs, "another import is under way") {
		t.Errorf("code %d, %q", code, errs)
	}
}
