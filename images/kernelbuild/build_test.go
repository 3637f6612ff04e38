package kernelbuild

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/board"
	"bantam/images"
)

// fakeLinux has the targets of Linux's Makefile that a build asks for. What it is told by options it does:
// CONFIG_BREAK breaks it in the middle, CONFIG_HANG hangs it, and it drops CONFIG_DROP.
const fakeLinux = `
kernelrelease:
	@echo 6.1.0-fake
alldefconfig:
	@echo CONFIG_USUAL=y > .config
olddefconfig:
	@grep -v CONFIG_DROP .config > new; echo CONFIG_USUAL=y >> new; mv new .config
vmlinuz:
	@for n in 1 2 3; do echo "  CC      $$n.o"; done
	@if grep -q CONFIG_BREAK .config; then echo 'main.c:1: error: no'; exit 1; fi
	@if grep -q CONFIG_HANG .config; then echo $$$$ > $(HOME)/hangs; sleep 1000; fi
	@printf '\177ELF\001\001' > vmlinuz
	@echo $(KBUILD_BUILD_TIMESTAMP) $(KBUILD_BUILD_USER) $(KBUILD_BUILD_HOST) $(KBUILD_BUILD_VERSION) $(ARCH) $(CROSS_COMPILE) $$TZ $$LC_ALL $$SECRET >> vmlinuz
	@echo kernel/fs/ext4.ko > modules.builtin
modules:
	@echo '  LD [M]  a.ko'
modules_install:
	@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.1.0-fake/kernel/fs
	@echo a > $(INSTALL_MOD_PATH)/lib/modules/6.1.0-fake/kernel/fs/a.ko
	@echo kernel/fs/a.ko > $(INSTALL_MOD_PATH)/lib/modules/6.1.0-fake/modules.order
	@ln -s / $(INSTALL_MOD_PATH)/lib/modules/6.1.0-fake/build
	@test $(DEPMOD) = true
vendor/a.dtb vendor/b.dtb:
	@cat arch/mips/boot/dts/$(@:.dtb=.dts) > arch/mips/boot/dts/$@
`

// fake is a request whose source is fakeLinux and whose compiler says that it is of a version.
func fake(t *testing.T, options string) Request {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "linux-source-6.1")
	if err := os.MkdirAll(source, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "Makefile"), []byte(fakeLinux), 0o644); err != nil {
		t.Fatal(err)
	}
	trees := filepath.Join(source, "arch/mips/boot/dts/vendor")
	if err := os.MkdirAll(trees, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(trees, name+".dts"), []byte("vendor/"+name+".dtb\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tarball := source + ".tar.xz"
	if out, err := exec.Command("tar", "-C", dir, "-cJf", tarball, filepath.Base(source)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	compiler(t, "12.2.0")
	t.Setenv("HOME", dir)
	t.Setenv("SECRET", "of this host")
	return Request{
		Board: board.Board{Name: "mine", Arch: "mipsle", Kernel: board.OwnKernel{Name: "own", Options: options}},
		Source: Source{
			Package: "linux-source-6.1 6.1.153-1", SHA256: strings.Repeat("1", 64), Tarball: tarball, Date: time.Unix(1_700_000_000, 0),
		},
		Cache: images.Cache{Dir: t.TempDir()},
	}
}

// compiler puts one in front of this host's.
func compiler(t *testing.T, version string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"mipsel-linux-gnu-gcc", "mipsel-linux-gnu-ld"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho "+name+" "+version+"\necho more\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// untouched fails if a build that has failed left anything but locks.
func untouched(t *testing.T, cache images.Cache) {
	t.Helper()
	for _, dir := range []string{"folders", "work"} {
		left, err := os.ReadDir(filepath.Join(cache.Dir, dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) || len(left) > 0 {
			t.Errorf("%s has %v, %v", dir, left, err)
		}
	}
}

func TestAKernelIsBuiltOnceForTheSameInputs(t *testing.T) {
	r := fake(t, "CONFIG_A=y # why\nCONFIG_N=n\nCONFIG_M=m\n")
	r.Board.DeviceTrees = []string{"vendor/b.dtb"}
	var steps []string
	r.Progress = func(s string) { steps = append(steps, s) }
	k, err := Build(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got, want := read(k.Image), "\177ELF\001\001Tue Nov 14 22:13:20 UTC 2023 bantam bantam 1 mips mipsel-linux-gnu- UTC C\n"; got != want {
		t.Errorf("it was told %q, want %q", got, want)
	}
	if got, want := read(k.Config), "CONFIG_A=y\n# CONFIG_N is not set\nCONFIG_M=m\nCONFIG_USUAL=y\n"; got != want {
		t.Errorf("configuration %q, want %q", got, want)
	}
	if k.Version != "6.1.0-fake" || k.Source != "Linux 6.1.0-fake of linux-source-6.1 6.1.153-1" || !k.Date.Equal(r.Source.Date) || !k.Has("CONFIG_USUAL") {
		t.Errorf("kernel %+v", k)
	}
	if got := read(filepath.Join(k.Modules, "kernel/fs/a.ko")) + read(filepath.Join(k.Modules, "modules.builtin")) + read(filepath.Join(k.Modules, "modules.order")); got != "a\nkernel/fs/ext4.ko\nkernel/fs/a.ko\n" {
		t.Errorf("modules %q", got)
	}
	if _, err := os.Lstat(filepath.Join(k.Modules, "build")); err == nil {
		t.Error("the link to the source is kept")
	}
	if got := read(filepath.Join(k.Trees, "vendor/b.dtb")); got != "vendor/b.dtb\n" {
		t.Errorf("device tree %q", got)
	}
	if _, err := os.Stat(filepath.Join(k.Trees, "vendor/a.dtb")); err == nil {
		t.Error("it has the device tree of another board")
	}
	if !strings.Contains(strings.Join(steps, "\n"), "building Linux 6.1.0-fake for mine: step 1 of about ") {
		t.Errorf("steps %q", steps)
	}
	if left, err := os.ReadDir(filepath.Join(r.Cache.Dir, "work")); err != nil || len(left) > 0 {
		t.Errorf("left to work in: %v, %v", left, err)
	}

	other := r
	other.Board.Name, other.Board.DeviceTrees = "theirs", []string{"vendor/a.dtb"}
	steps = nil
	theirs, err := Build(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Image != k.Image || read(filepath.Join(theirs.Trees, "vendor/a.dtb")) != "vendor/a.dtb\n" || strings.Contains(strings.Join(steps, "\n"), "building") {
		t.Errorf("a board with another device tree has not the same kernel: %+v, steps %q", theirs, steps)
	}

	steps = nil
	other.Board.Kernel.Trees = "&eth0 { };\n"
	if more, err := Build(t.Context(), other); err != nil {
		t.Fatal(err)
	} else if text := read(filepath.Join(more.Trees, "vendor/a.dtb")); more.Image != k.Image || text != "vendor/a.dtb\n\n&eth0 { };\n" || more.Trees == theirs.Trees || strings.Contains(strings.Join(steps, "\n"), "building") {
		t.Errorf("with an addition the tree is %q of %+v, steps %q", text, more, steps)
	}
	other.Board.DeviceTrees = []string{"vendor/gone.dtb"}
	if _, err := Build(t.Context(), other); err == nil || !strings.Contains(err.Error(), "device tree vendor/gone.dtb: ") {
		t.Errorf("a tree that the source lacks: %v", err)
	}

	first := k
	for _, change := range []struct {
		claim string
		do    func(r *Request)
		again bool
	}{
		{"nothing else", func(r *Request) {}, false},
		{"another place of the source", func(r *Request) { r.Source.Tarball += "x" }, false},
		{"a new reason", func(r *Request) {
			r.Board.Kernel.Options = strings.Replace(r.Board.Kernel.Options, "why", "because", 1)
		}, false},
		{"another option", func(r *Request) { r.Board.Kernel.Options += "CONFIG_B=y\n" }, true},
		{"another source", func(r *Request) { r.Source.SHA256 = strings.Repeat("2", 64) }, true},
		{"another compiler", func(*Request) { compiler(t, "14.2.0") }, true},
	} {
		steps = nil
		r := r
		change.do(&r)
		k, err := Build(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", change.claim, err)
		}
		if again := k.Image != first.Image; again != change.again || again != (len(steps) > 0) {
			t.Errorf("%s: built anew %v, want %v; steps %q", change.claim, again, change.again, steps)
		}
	}
}

func TestTheSameInputsGiveTheSameKernelElsewhere(t *testing.T) {
	var digests []string
	for range 2 {
		r := fake(t, "CONFIG_M=m\n")
		k, err := Build(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := images.TreeDigest(filepath.Dir(k.Image))
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("%s here, %s there", digests[0], digests[1])
	}
}

func TestADamagedKernelIsBuiltAnew(t *testing.T) {
	r := fake(t, "CONFIG_A=y\n")
	k, err := Build(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(k.Image)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(k.Image, whole[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err := Build(t.Context(), r); err != nil {
		t.Fatal(err)
	} else if text, err := os.ReadFile(again.Image); err != nil || string(text) != string(whole) {
		t.Errorf("%q, %v", text, err)
	}
}

func TestABuildThatFailsLeavesNothing(t *testing.T) {
	for _, test := range []struct {
		claim, options string
		want           []string
	}{
		{"an option that is dropped is named", "CONFIG_A=y\nCONFIG_DROP=y\n", []string{"kernel own of board mine: ", "mine asks for CONFIG_DROP=y, and this Linux drops it"}},
		{"a build that breaks shows its last lines", "CONFIG_BREAK=y\n", []string{"vmlinuz: exit status 2", "the last lines of what it printed", "  CC      3.o", "main.c:1: error: no"}},
		{"options that are none", "CONFIG_A=perhaps\n", []string{`mine, line 1: CONFIG_A: "perhaps" is no value`}},
	} {
		r := fake(t, test.options)
		_, err := Build(t.Context(), r)
		if err == nil {
			t.Fatalf("%s: no error", test.claim)
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", test.claim, err, want)
			}
		}
		untouched(t, r.Cache)
	}

	r := fake(t, "CONFIG_A=y\n")
	if err := os.Truncate(r.Source.Tarball, 20); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(t.Context(), r); err == nil || !strings.Contains(err.Error(), "tar -xf "+r.Source.Tarball) {
		t.Errorf("a source that cannot be unpacked: %v", err)
	}
	untouched(t, r.Cache)
}

func TestABuildThatIsInterruptedEndsWithAllItsProcesses(t *testing.T) {
	r := fake(t, "CONFIG_HANG=y\n")
	ctx, cancel := context.WithCancel(t.Context())
	hangs := filepath.Join(os.Getenv("HOME"), "hangs")
	r.Progress = func(string) {}
	go func() {
		for ctx.Err() == nil {
			if text, err := os.ReadFile(hangs); err == nil && strings.HasSuffix(string(text), "\n") {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if _, err := Build(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	untouched(t, r.Cache)
	pid, err := os.ReadFile(hangs)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if errors.Is(err, os.ErrNotExist) || strings.Contains(string(stat), ") Z ") { // who reaps it is this host's concern
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %s still runs", pid)
		}
	}
}

func TestComparingBuildsNothing(t *testing.T) {
	r := fake(t, "CONFIG_A=y\nCONFIG_USUAL=y\n")
	c, err := Compare(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if c.Defaults.Says("CONFIG_A") != "n" || c.Result.Says("CONFIG_A") != "y" || c.Defaults.Says("CONFIG_USUAL") != "y" || len(c.Options) != 2 {
		t.Errorf("%+v", c)
	}
	untouched(t, r.Cache)
	r.Source.Tarball = "gone"
	if again, err := Compare(t.Context(), r); err != nil || !maps.Equal(again.Result, c.Result) || !maps.Equal(again.Defaults, c.Defaults) {
		t.Errorf("from the cache: %+v, %v", again, err)
	}
	if _, err := Compare(t.Context(), fake(t, "CONFIG_DROP=y\n")); err == nil || !strings.Contains(err.Error(), "CONFIG_DROP=y") {
		t.Errorf("a dropped option: %v", err)
	}
}

func TestEveryArchitectureOfBoardsHasACompiler(t *testing.T) {
	for _, name := range board.Names() {
		b, err := board.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if a := archs[b.Arch]; a.prefix == "" || a.debian == "" || a.image == "" {
			t.Errorf("board %s: no compiler for %s is known", name, b.Arch)
		}
		seen := map[string]bool{}
		for _, tool := range Tools(b.Arch) {
			if tool.Program == "" || tool.Debian == "" || seen[tool.Program] {
				t.Errorf("%s: %+v is nothing, or there twice", b.Arch, tool)
			}
			seen[tool.Program] = true
		}
	}
}
