package lock

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

var digestA, digestB = strings.Repeat("a", 64), strings.Repeat("b", 64)

func pkg(version, digest string) Package {
	return Package{Version: version, SHA256: digest, Arch: "all", Source: "small " + version, Archive: "pool/main/s/small_" + version + "_all.deb"}
}

func example() File {
	return File{
		"pc": {
			Release: "bookworm", Kernel: "linux-image-6.12-amd64", Device: digestA,
			Packages: map[Name]Package{
				{"amd64", "small"}:             pkg("2:1.0~rc1+dfsg-1", digestA),
				{"amd64", "libstdc++6"}:        pkg("12.2.0-14", digestB),
				{"amd64", "linux-image-amd64"}: {Version: "6.1.1-1", SHA256: digestA, Arch: "amd64", Means: "linux-image-6.1.0-1-amd64=6.1.1-1"},
			},
			Programs: map[string]Program{
				"a.b": {Go: "example.org/b@v1.0.0", Tags: "a,b", Toolchain: "go1.26.8", Sums: []string{"example.org/b v1.0.0 h1:x=", "example.org/b v1.0.0/go.mod h1:y="}},
			},
			Sources: map[string]string{"dist/a b \"quoted\"": digestB, "site": digestA},
		},
		"router": {Packages: map[Name]Package{}, Programs: map[string]Program{}, Sources: map[string]string{}},
	}
}

func TestALockIsReadAsWritten(t *testing.T) {
	f := example()
	text := f.Encode()
	got, err := Read("system.lock", text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, f) {
		t.Errorf("%+v\nis read from\n%s", got, text)
	}
	if again := got.Encode(); !bytes.Equal(again, text) {
		t.Errorf("written again it is\n%s\nit was\n%s", again, text)
	}
}

func TestBadLocksAreNamedWithTheirPlace(t *testing.T) {
	good := string(example().Encode())
	for name, c := range map[string]struct{ text, want string }{
		"another file":                 {"hostname = \"x\"\n", "l:1:1: this is no lock file that bantam build wrote: it has no format = 1"},
		"nothing":                      {"", "l:1:1: this is no lock file"},
		"no text":                      {"\x7fELF\x00", "l: this is no lock file"},
		"of a newer Bantam":            {strings.Replace(good, "format = 1", "format = 2", 1), "l:3:1: format 2 was written by a newer Bantam; this one knows 1"},
		"no TOML":                      {strings.Replace(good, "[board.pc]", "[board.pc", 1), "l:5:"},
		"a merge with conflicts":       {strings.Replace(good, "[board.pc]", "<<<<<<< HEAD\n[board.pc]", 1), "l:5:1: a merge left its marks here; take one side, then run bantam build"},
		"a half line":                  {good[:strings.Index(good, "sha256")+20], "l:12:"},
		"a key that nobody knows":      {strings.Replace(good, "release =", "releases =", 1), "l:6:1: unknown key releases"},
		"a table that nobody knows":    {good + "\n[boards.x]\n", ": unknown key boards"},
		"a digest that is none":        {strings.Replace(good, digestA, "none", 1), `l:8:1: device: "none" was not written by bantam build`},
		"a number for a text":          {strings.Replace(good, `release = "bookworm"`, "release = 12", 1), "l:6:1: release: expected a string, found an integer"},
		"a version is missing":         {strings.Replace(good, `version = "12.2.0-14"`+"\n", "", 1), ": version, sha256 or arch is missing"},
		"a way out of the cache":       {strings.Replace(good, `"12.2.0-14"`, `"1/../../x"`, 1), `version: "1/../../x" was not written`},
		"a way out of the archive":     {strings.Replace(good, `archive = "pool/`, `archive = "../pool/`, 1), `archive: "../pool/`},
		"an option of apt":             {strings.Replace(good, `"libstdc++6"`, `"-oDir=x"`, 1), `"-oDir=x" is not the name of a Debian package`},
		"an option of apt as a kernel": {strings.Replace(good, `kernel = "`, `kernel = "-o`, 1), `l:7:1: kernel: "-olinux-image-6.12-amd64" was not written by bantam build`},
		"a kernel with its version":    {strings.Replace(good, `6.12-amd64"`, `6.12-amd64=6.12.1-1"`, 1), `l:7:1: kernel: "linux-image-6.12-amd64=6.12.1-1" was not written`},
		"kernels":                      {strings.Replace(good, `kernel = "linux-image-6.12-amd64"`, `kernel = ["a"]`, 1), "l:7:1: kernel: expected a string, found an array"},
		"a toolchain from anywhere":    {strings.Replace(good, "go1.26.8", "path", 1), `toolchain: "path" was not written`},
		"a way out of a vendor folder": {strings.Replace(good, "example.org/b v1.0.0 h1", "example.org/../../b v1.0.0 h1", 1), "was not written"},
		"a sum with another line":      {strings.Replace(good, "h1:x=", `h1:x=\nother`, 1), "was not written"},
	} {
		f, err := Read("l", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: read as %v, %v; want %q", name, f, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(example().Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := Read("l", text)
		if err != nil {
			return
		}
		again, err := Read("l", x.Encode())
		if err != nil || !bytes.Equal(again.Encode(), x.Encode()) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestPlaceOfALock(t *testing.T) {
	for system, want := range map[string]string{"system.toml": "system.lock", "a.b/router.toml": "a.b/router.lock", "-": "", "x": "x.lock"} {
		if got := Path(system); got != want {
			t.Errorf("%s: %q, want %q", system, got, want)
		}
	}
}
