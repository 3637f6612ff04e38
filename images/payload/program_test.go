package payload

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bantam/images"
	"bantam/images/lock"
	"bantam/layer"
	"bantam/system"
)

// proxy makes a module proxy in a folder (Go Modules Reference, "GOPROXY protocol"), the only one that go may ask.
func proxy(t *testing.T, modules map[string]map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for of, files := range modules {
		path, version, _ := strings.Cut(of, "@")
		at := filepath.Join(dir, path, "@v")
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z := zip.NewWriter(&packed)
		for name, text := range files {
			w, err := z.Create(of + "/" + name)
			if err == nil {
				_, err = w.Write([]byte(text))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"list": version + "\n", version + ".info": `{"Version":"` + version + `"}`, version + ".mod": files["go.mod"], version + ".zip": packed.String()} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("GOPROXY", "file://"+dir)
	t.Setenv("GOSUMDB", "off")
	return dir
}

var testModules = map[string]map[string]string{
	"example.org/tool@v1.2.0": {
		"go.mod":           "module example.org/tool\n\ngo 1.20\n\nrequire example.org/words v1.0.0\n\nreplace example.org/words => example.org/better v1.1.0\n",
		"cmd/hello/a.go":   "package main\n\nimport \"example.org/words\"\n\nfunc main() { println(words.Hello + extra) }\n",
		"cmd/hello/no.go":  "//go:build !loud\n\npackage main\n\nconst extra = \"\"\n",
		"cmd/hello/yes.go": "//go:build loud\n\npackage main\n\nconst extra = \"!\"\n",
		"cmd/broken/a.go":  "package main\n\nfunc main() { println(assets) }\n",
		"cmd/embed/a.go":   "package main\n\nimport _ \"embed\"\n\n//go:embed page.html\nvar page string\n\nfunc main() { println(page) }\n",
		"cmd/needsc/a.go":  "package main\n\nimport \"C\"\n\nfunc main() {}\n",
		"lib/a.go":         "package lib\n",
	},
	"example.org/words@v1.0.0":  {"go.mod": "module example.org/words\n\ngo 1.20\n", "a.go": "package words\n\nconst Hello = \"hello\"\n"},
	"example.org/better@v1.1.0": {"go.mod": "module example.org/words\n\ngo 1.20\n", "a.go": "package words\n\nconst Hello = \"good day\"\n"},
	"example.org/local@v1.0.0": {
		"go.mod": "module example.org/local\n\ngo 1.20\n\nreplace example.org/words => ../words\n", "a.go": "package main\n\nfunc main() {}\n",
	},
}

// programRequest asks for what a system.toml says, with a cache of its own and a lock.
func programRequest(t *testing.T, text string, locked lock.File) Request {
	t.Helper()
	sys, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	in, err := lock.Use("system.lock", locked, "pc", lock.Update{}, locked != nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, cache := t.TempDir(), t.TempDir()
	compiled, err := os.UserCacheDir() // go's own, so that the standard library is compiled once
	if err == nil {
		compiled = filepath.Join(compiled, "go-build")
		err = errors.Join(os.MkdirAll(compiled, 0o755), os.Mkdir(filepath.Join(cache, "go"), 0o755), os.Symlink(compiled, filepath.Join(cache, "go", "build")))
	}
	if err != nil {
		t.Fatal(err)
	}
	return Request{File: "system.toml", Dir: dir, Text: []byte(text), System: sys, Arch: "amd64", Archive: images.Archive{Lock: in}, Cache: images.Cache{Dir: cache}}
}

// programs makes the layers of programs and returns their only one.
func programs(t *testing.T, r Request) built {
	t.Helper()
	all, _, err := programLayers(context.Background(), r)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d layers, %v", len(all), err)
	}
	return all[0]
}

func TestAGoProgramIsBuiltForTheBoard(t *testing.T) {
	dir := proxy(t, testModules)
	// What this host's user prefers changes nothing.
	for name, value := range map[string]string{"GOFLAGS": "-mod=vendor -tags=loud", "GOARCH": "arm64", "GOAMD64": "v3", "CGO_ENABLED": "1", "GOWORK": "/nonexistent"} {
		t.Setenv(name, value)
	}
	const text = "[program.hello]\ngo = \"example.org/tool/cmd/hello@v1.2.0\"\n"
	r := programRequest(t, text, nil)
	b := programs(t, r)
	if b.Name != "program/hello" || b.Version != "v1.2.0" || !slices.Equal(b.For, []string{"program/hello"}) {
		t.Errorf("layer %+v", b.Layer)
	}
	e := b.Index.Find("usr/bin/hello")
	if e == nil || e.Mode != 0o755 || e.Kind != layer.RegularFile || len(e.Needs) > 0 || e.Interpreter != "" {
		t.Errorf("entry %+v", e)
	}
	program := b.tree[slices.IndexFunc(b.tree, func(f File) bool { return f.Path == "usr/bin/hello" })].Host
	if said, err := runCopy(t, program); err != nil || said != "good day\n" {
		t.Errorf("it says %q, %v; want the replaced module's words, and no tag", said, err)
	}

	text1, _, err := r.Archive.Lock.Finish()
	if err != nil {
		t.Fatal(err)
	}
	locked, err := lock.Read("system.lock", text1)
	if err != nil {
		t.Fatal(err)
	}
	p := locked["pc"].Programs["hello"]
	if !strings.HasPrefix(p.Toolchain, "go1.") || !slices.IsSorted(p.Sums) || moduleOf("example.org/tool/cmd/hello", "v1.2.0", p.Sums) != "example.org/tool" || moduleOf("example.org/better", "v1.1.0", p.Sums) != "example.org/better" {
		t.Errorf("the lock keeps %+v", p)
	}

	// Another host, later: the same bytes by the lock.
	again := programRequest(t, text, locked)
	if b2 := programs(t, again); b2.Digest != b.Digest {
		t.Errorf("by the lock it is %s, it was %s", b2.Digest, b.Digest)
	}
	// With a warm cache go is not even there.
	again.Archive.Lock, _ = lock.Use("system.lock", locked, "pc", lock.Update{}, true)
	paths := os.Getenv("PATH")
	t.Setenv("PATH", onlySquash(t))
	if b3 := programs(t, again); b3.Digest != b.Digest {
		t.Errorf("from the cache it is %s, it was %s", b3.Digest, b.Digest)
	}
	t.Setenv("PATH", paths)

	// The module is another now under the same version.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	changed := map[string]map[string]string{}
	for of, files := range testModules {
		changed[of] = files
	}
	changed["example.org/better@v1.1.0"] = map[string]string{"go.mod": "module example.org/words\n\ngo 1.20\n", "a.go": "package words\n\nconst Hello = \"evil\"\n"}
	proxy(t, changed)
	_, _, err = programLayers(context.Background(), programRequest(t, text, locked))
	if err == nil || !strings.Contains(err.Error(), "SECURITY ERROR") && !strings.Contains(err.Error(), "checksum mismatch") || !strings.HasPrefix(err.Error(), "system.toml:2:1: program.hello.go: ") {
		t.Errorf("another module under the same version: %v", err)
	}
}

// runCopy runs a program of the cache, which is no program by its mode.
func runCopy(t *testing.T, program string) (string, error) {
	t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		return "", err
	}
	said, err := exec.Command(path).CombinedOutput()
	return string(said), err
}

// onlySquash is a PATH with mksquashfs alone.
func onlySquash(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mksquashfs")
	if err != nil {
		t.Fatalf("%v: apt-get install squashfs-tools", err)
	}
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "mksquashfs")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTagsAndArchitecturesOfAGoProgram(t *testing.T) {
	proxy(t, testModules)
	r := programRequest(t, "[program.hello]\ngo = \"example.org/tool/cmd/hello@v1.2.0\"\ntags = [\"loud\"]\n", nil)
	b := programs(t, r)
	if tags := r.Archive.Lock.Board().Programs["hello"].Tags; tags != "loud" {
		t.Errorf("the lock has tags %q", tags)
	}
	if said, err := runCopy(t, b.tree[len(b.tree)-1].Host); err != nil || said != "good day!\n" {
		t.Errorf("with a tag it says %q, %v", said, err)
	}
	digests := map[string]bool{string(b.Digest): true}
	for arch, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "arm": elf.EM_ARM, "mips": elf.EM_MIPS} {
		r.Arch = arch
		r.Archive.Lock = nil // a build without one, too
		b := programs(t, r)
		f, err := elf.Open(b.tree[len(b.tree)-1].Host)
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine || digests[string(b.Digest)] {
			t.Errorf("%s: a program for %v, digest %s", arch, f.Machine, b.Digest)
		}
		digests[string(b.Digest)] = true
		f.Close()
	}
}

func TestBadGoPrograms(t *testing.T) {
	proxy(t, testModules)
	for name, c := range map[string]struct{ program, want string }{
		"a name that is not in the module":    {"example.org/tool/cmd/other@v1.2.0", "does not contain package example.org/tool/cmd/other; name a package main of that module"},
		"a module that there is not":          {"example.org/none@v1.0.0", "example.org/none"},
		"a version that there is not":         {"example.org/tool/cmd/hello@v9.0.0", "go get: go: example.org/tool/cmd/hello@v9.0.0: "},
		"a library":                           {"example.org/tool/lib@v1.2.0", "example.org/tool/lib is package lib, a library; name a package main, e.g. below example.org/tool/lib/cmd"},
		"what does not compile":               {"example.org/tool/cmd/broken@v1.2.0", "go build: # example.org/tool/cmd/broken | "},
		"what its authors generate, compiled": {"example.org/tool/cmd/broken@v1.2.0", "undefined: assets; files that its authors generate may not be in the module; build it from its repository"},
		"what its authors generate, embedded": {"example.org/tool/cmd/embed@v1.2.0", "pattern page.html: no matching files found; files that its authors generate are not in the module"},
		"what is written in C":                {"example.org/tool/cmd/needsc@v1.2.0", "build constraints exclude all Go files"},
		"a replacement by a folder":           {"example.org/local@v1.0.0", "its go.mod replaces example.org/words by the folder ../words, which no proxy has"},
	} {
		t.Run(name, func(t *testing.T) {
			r := programRequest(t, "hostname = \"x\"\n[program.p]\ngo = \""+c.program+"\"\n", nil)
			_, _, err := programLayers(context.Background(), r)
			var bad *images.BadSystem
			if !errors.As(err, &bad) || len(bad.Problems) != 1 || !strings.HasPrefix(err.Error(), "system.toml:3:1: program.p.go: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(r.Cache.Dir, "go", "build-*")); len(left) > 0 {
				t.Errorf("it leaves %q", left)
			}
		})
	}
	t.Run("no network", func(t *testing.T) {
		t.Setenv("GOPROXY", "http://127.0.0.1:1")
		_, _, err := programLayers(context.Background(), programRequest(t, "[program.p]\ngo = \"example.org/tool/cmd/hello@v1.2.0\"\n", nil))
		if err == nil || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), "; there is no way to the module proxy; see go env GOPROXY") {
			t.Error(err)
		}
	})
	t.Run("another toolchain than the lock's", func(t *testing.T) {
		t.Setenv("GOTOOLCHAIN", "local")
		locked := lock.File{"pc": {Programs: map[string]lock.Program{"p": {Go: "example.org/tool/cmd/hello@v1.2.0", Toolchain: "go1.99.1"}}}}
		_, _, err := programLayers(context.Background(), programRequest(t, "[program.p]\ngo = \"example.org/tool/cmd/hello@v1.2.0\"\n", locked))
		if err == nil || !strings.Contains(err.Error(), "the lock names go1.99.1, this host has go1.") {
			t.Error(err)
		}
	})
}

func TestAProgramOfOnesOwn(t *testing.T) {
	arm := filepath.Join(t.TempDir(), "arm")
	compile := exec.Command("go", "build", "-o", arm, "testdata/empty.go")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=arm64")
	if said, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	program, err := os.ReadFile(arm)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		arch, data, want string
	}{
		"a program":                {"arm64", string(program), ""},
		"a script":                 {"amd64", "#!/bin/sh\necho\n", ""},
		"for another machine":      {"amd64", string(program), "dist/p-amd64\" is a program for another machine (AARCH64); give a program for amd64, or a script that begins with #!"},
		"a half one":               {"arm64", string(program[:50]), "is a damaged program"},
		"text":                     {"amd64", "echo\n", "is text without #! in its first line"},
		"nothing":                  {"amd64", "", "is empty"},
		"an archive":               {"amd64", "PK\x03\x04", "is a ZIP archive"},
		"a program of Windows":     {"amd64", "MZ\x90", "is a program for Windows"},
		"a Debian package":         {"amd64", "!<arch>\ndebian-binary   ", "is a Debian package; name it in packages if Debian has it"},
		"what nobody would expect": {"amd64", "\x00\x01", "is no program"},
	} {
		t.Run(name, func(t *testing.T) {
			r := programRequest(t, "[program.p]\nfile = \"dist/p-{arch}\"\n", nil)
			r.Arch = c.arch
			path := filepath.Join(r.Dir, "dist", "p-"+c.arch)
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(c.data), 0o600)); err != nil {
				t.Fatal(err)
			}
			all, _, err := programLayers(context.Background(), r)
			if c.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "system.toml:2:1: program.p.file: ") || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
				return
			}
			if err != nil || len(all) != 1 || all[0].Index.Find("usr/bin/p").Mode != 0o755 {
				t.Errorf("%+v, %v", all, err)
			}
			if sum := r.Archive.Lock.Board().Sources["dist/p-"+c.arch]; len(sum) != 64 {
				t.Errorf("the lock has digest %q", sum)
			}
		})
	}
}

func TestAProgramThatIsNotBesideTheFile(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(outside, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"nothing":    {func(string) error { return nil }, `there is no file "p" beside system.toml`},
		"a way out":  {func(path string) error { return os.Symlink(outside, path) }, `"p" leads out of the folder of system.toml`},
		"a folder":   {func(path string) error { return os.Mkdir(path, 0o755) }, `"p" is a folder`},
		"a dead end": {func(path string) error { return os.Symlink("x", path) }, `there is no file "p"`},
		"a pipe":     {func(path string) error { return syscall.Mkfifo(path, 0o644) }, `"p" is a named pipe`},
	} {
		r := programRequest(t, "[program.p]\nfile = \"p\"\n", nil)
		if err := c.make(filepath.Join(r.Dir, "p")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := programLayers(context.Background(), r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A program of one's own may be linked dynamically if the packages have what it loads.
func TestWhatProgramsLoadIsInALayer(t *testing.T) {
	shell, err := os.ReadFile("/bin/sh") // some program of this host that is linked to libc
	if err != nil {
		t.Fatal(err)
	}
	r := programRequest(t, "[program.dynamic]\nfile = \"dynamic\"\n[program.script]\nfile = \"script\"\n[program.sh]\nfile = \"sh\"\n", nil)
	r.Arch = runtime.GOARCH
	for name, data := range map[string]string{"dynamic": string(shell), "script": "#!/usr/bin/python3\n", "sh": "#!/usr/bin/env sh\n"} {
		if err := os.WriteFile(filepath.Join(r.Dir, name), []byte(data), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	all, _, err := programLayers(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	err = r.programLibraries(all)
	if err == nil || !strings.Contains(err.Error(), ": program.dynamic: nothing provides /lib") || !strings.Contains(err.Error(), `libc.so.6, which it loads; add "libc6" to packages, or link the program statically`) {
		t.Errorf("without libc: %v", err)
	}
	faults, remarks := r.present(context.Background(), all).judge()
	said := fmt.Sprint(remarks)
	for _, want := range []string{"system.toml:3:10: program.script: it is a script for /usr/bin/python3, which nothing brings; ", "system.toml:5:10: program.sh: sh is a command of Bantam's own, also as /bin/sh; this one is /usr/bin/sh"} {
		if !strings.Contains(said, want) {
			t.Errorf("%s lacks %s", said, want)
		}
	}
	if len(faults) > 0 {
		t.Errorf("faults %v", faults)
	}
	var loads layer.Index
	for _, b := range all {
		for _, e := range b.Index {
			for _, name := range append(e.Needs, e.Interpreter) {
				if name == "" || strings.HasPrefix(name, "/usr/bin") || name == "/usr/bin/env" {
					continue
				}
				at := strings.TrimPrefix(name, "/")
				if !strings.Contains(name, "/") {
					at = strings.TrimPrefix(layer.Folders(r.Arch)[0], "/") + "/" + name
				} else {
					at = "usr/" + at
				}
				loads = append(loads, layer.Entry{Path: at, Kind: layer.RegularFile})
			}
		}
	}
	slices.SortFunc(loads, func(a, b layer.Entry) int { return strings.Compare(a.Path, b.Path) })
	if err := r.programLibraries(append(all, built{Layer: images.Layer{Index: loads}})); err != nil {
		t.Errorf("with libc: %v", err)
	}
}
