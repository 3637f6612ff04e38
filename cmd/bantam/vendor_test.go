package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	spdxjson "github.com/spdx/tools-golang/json"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"

	"bantam/images"
)

// deviceBinary compiles a program that stands for the device's.
func deviceBinary(t *testing.T, dir string) string {
	t.Helper()
	program, device := filepath.Join(dir, "main.go"), filepath.Join(dir, "device")
	if err := os.WriteFile(program, []byte("package main\n\nfunc main() { println(\"device\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	compile := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", device, program)
	compile.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if text, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, text)
	}
	return device
}

// moduleProxy has example.org/Hello v1.0.0, a program, the module that it needs, and one that this one requires for what
// nobody needs here.
func moduleProxy(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for module, files := range map[string]map[string]string{
		"example.org/Hello": {"go.mod": "require example.org/word v1.0.0\n", "main.go": "package main\n\nimport \"example.org/word\"\n\nfunc main() { println(word.Hello) }\n"},
		"example.org/word": {
			"go.mod": "require example.org/far v1.0.0\n", "word.go": "package word\n\nconst Hello = \"hello\"\n", "more/more.go": "package more\n\nimport _ \"example.org/far\"\n",
		},
		"example.org/far": {"go.mod": "", "far.go": "package far\n"},
	} {
		files["go.mod"] = "module " + module + "\n\ngo 1.20\n" + files["go.mod"]
		var packed bytes.Buffer
		z := zip.NewWriter(&packed)
		for name, text := range files {
			w, err := z.Create(module + "@v1.0.0/" + name)
			if err == nil {
				_, err = w.Write([]byte(text))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		at := filepath.Join(dir, strings.ReplaceAll(module, "H", "!h"), "@v")
		if err := errors.Join(z.Close(), os.MkdirAll(at, 0o755)); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"list": "v1.0.0\n", "v1.0.0.info": `{"Version":"v1.0.0"}`, "v1.0.0.mod": files["go.mod"], "v1.0.0.zip": packed.String()} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("GOPROXY", "file://"+dir)
	t.Setenv("GOSUMDB", "off")
}

// ownModules is this user's cache, but for the modules of Go that were fetched.
func ownModules(t *testing.T) string {
	t.Helper()
	home, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"apt", "debs", "files", "locks", "packages", "results", "go/build"} {
		shared := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(shared, 0o755), os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.Symlink(shared, filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Packages, loaders, kernel and programs from a vendor folder: an empty cache, no network, the same bytes.
func TestVendoredBuildNeedsNoNetwork(t *testing.T) {
	dir := t.TempDir()
	device, system, vendor := deviceBinary(t, dir), filepath.Join(dir, "system.toml"), filepath.Join(dir, "vendor")
	moduleProxy(t)
	cache := ownModules(t)
	const text = "packages = [\"libtirpc3\"]\n[program.hello]\ngo = \"example.org/Hello@v1.0.0\"\n[service.greet]\ncommand = [\"/usr/bin/hello\"]\n"
	if err := os.WriteFile(system, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	bantam("", "vendor", "--cache", cache, "--device", device, system, vendor).expect(t, exitOK, " Debian packages, 2 Go modules and the device binary, ", "system.lock: new for board pc")
	bantam("", "build", "--cache", cache, "--locked", "--img", "--device", device, "--out", filepath.Join(dir, "out"), system).expect(t, exitOK, "program/hello", "")

	wantBill(t, bantam("", "sbom", "--cache", cache, "--locked", "--device", device, system))

	store := filepath.Join(dir, "out/store")
	r := bantam("", "why", "--store", store, "/lib/x86_64-linux-gnu/libc.so.6")
	r.expect(t, exitOK, "in package libc6 2.36-", "")
	r.expect(t, exitOK, "  for packages = [\"libtirpc3\"]\n    /usr/lib/x86_64-linux-gnu/libtirpc.so.3.0.0 loads libc.so.6\n", "")
	bantam("", "why", "--store", store, "hello").expect(t, exitOK, "/usr/bin/hello\n  in program hello v1.0.0\n  for [program.hello]\n  started by service greet\n", "")
	bantam("", "why", "--store", store, "libtirp.so.3").expect(t, exitFault, "", `; did you mean "libtirpc.so.3"?`)
	bantam("", "why", "--store", store, "--json", "/etc/netconfig").expect(t, exitOK, `"layer": "package/libtirpc-common"`, "")

	// Nothing leads to a network, apt least of all.
	dead := t.TempDir()
	for _, name := range []string{"apt-get", "apt-cache", "apt-config"} {
		if err := os.WriteFile(filepath.Join(dead, name), []byte("#!/bin/sh\necho E: $0 was called >&2\nexit 100\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"PATH": dead + ":" + os.Getenv("PATH"), "GOPROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1",
	} {
		t.Setenv(name, value)
	}
	build := []string{"build", "--vendor", vendor, "--cache", filepath.Join(dir, "cache"), "--img", "--out", filepath.Join(dir, "again"), system}
	bantam("", append(build, "--locked")...).expect(t, exitOK, "program/hello", "")
	first, err := os.ReadFile(filepath.Join(dir, "out/pc.img"))
	if err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(filepath.Join(dir, "again/pc.img")); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the vendored build differs from the other (%v)", err)
	}

	if err := os.WriteFile(system, []byte(text+"\n[program.more]\ngo = \"example.org/more@v1.0.0\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r = bantam("", build...)
	if r.code != exitFault || !strings.Contains(r.errors, "system.lock does not say what program more is made of as example.org/more@v1.0.0, and --vendor has only what it names") {
		t.Errorf("a program that nobody vendored: exit status %d, %q", r.code, r.errors)
	}

	// A folder that is not whole is found so here, where the cache has all that it lacks.
	if err := os.WriteFile(system, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	debs, err := filepath.Glob(filepath.Join(vendor, "debian/libtirpc3_*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatal(debs, err)
	}
	whole, err := os.ReadFile(debs[0])
	if err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func() error{
		" has SHA-256 ":               func() error { return os.WriteFile(debs[0], append(whole, 0), 0o644) },
		"bantam vendor puts it there": func() error { return os.Remove(debs[0]) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if r := bantam("", build...); r.code != exitFault || !strings.Contains(r.errors, "--vendor: ") || !strings.Contains(r.errors, says) {
			t.Errorf("exit status %d, %q, want %q", r.code, r.errors, says)
		}
	}
}

// wantBill checks the bill of materials of the machine above.
func wantBill(t *testing.T, r result) {
	t.Helper()
	r.expect(t, exitOK, "SPDX-2.3", "")
	d := &spdx.Document{}
	if err := errors.Join(spdxjson.ReadInto(strings.NewReader(r.out), d), spdxlib.ValidateDocument(d)); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]*spdx.Package)
	for _, p := range d.Packages {
		found[p.PackageName] = p
		if strings.HasPrefix(string(p.PackageSPDXIdentifier), "Debian-") && (len(p.PackageChecksums) != 1 || strings.HasSuffix(p.PackageSourceInfo, " ") || p.PackageVersion == "") {
			t.Errorf("package %+v", p)
		}
	}
	for _, name := range []string{"bantam-pc", "bantam", "stdlib", "isolinux", "syslinux", "libtirpc3", "libtirpc", "libc6", "glibc", "hello", "example.org/Hello"} {
		if found[name] == nil {
			t.Errorf("it lacks %s", name)
		}
	}
	if p := found["libtirpc3"]; p != nil && !strings.Contains(p.PackageLicenseDeclared, "BSD-3-Clause") {
		t.Errorf("libtirpc3 is said to be under %s", p.PackageLicenseDeclared)
	}
}

// Nothing is strewn over a folder that is somebody else's.
func TestVendorTakesOnlyAFolderOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		has  []string // a name with / at its end is a folder
		want string   // "" is no error
	}{
		"none":                           {nil, ""},
		"an empty one":                   {[]string{"/"}, ""},
		"one that git keeps":             {[]string{".git/", ".gitattributes"}, ""},
		"one that was begun":             {[]string{"debian/"}, ""},
		"one with a note":                {[]string{"debian/", "device/", "README"}, ""},
		"the root of a system":           {[]string{"bin/", "boot/", "dev/", "etc/", "usr/"}, " is no folder of bantam vendor's: it has bin, boot, dev and 2 more; name a new or an empty one"},
		"where this program lies":        {[]string{"bantam", "device/"}, "it has bantam; name"},
		"sources of a package of Debian": {[]string{"debian/", "main.c"}, "it has main.c; name"},
	} {
		dir := filepath.Join(t.TempDir(), "v")
		for _, entry := range c.has {
			path := filepath.Join(dir, entry)
			err := os.MkdirAll(filepath.Dir(path), 0o755)
			if strings.HasSuffix(entry, "/") {
				err = os.MkdirAll(path, 0o755)
			} else if err == nil {
				err = os.WriteFile(path, nil, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := mayVendor(dir); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	bantam("", "vendor", "x.toml", "/").expect(t, exitFault, "", "bantam vendor: / is no folder of bantam vendor's: ")
}
