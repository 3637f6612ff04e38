package images

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/board"
)

func TestModuleClosure(t *testing.T) {
	k := fakeKernel(t, t.TempDir())
	index, err := readModules(context.Background(), k.Modules)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		wanted  []string
		want    []string // sorted
		unknown []string
	}{
		{"nothing wanted, nothing taken", nil, nil, nil},
		{"dependencies and softdeps by alias come along", []string{"ext4"}, []string{"crc16", "crc32c_generic", "crc32c_intel", "ext4", "jbd2", "mbcache"}, nil},
		{"dashes and underscores are the same", []string{"crc32c-intel"}, []string{"crc32c_intel"}, nil},
		{"a pattern takes all that match", []string{"virtio_*"}, []string{"net_failover", "virtio_blk", "virtio_net"}, nil},
		{"an alias stands for what provides it", []string{"rtnl-link-wireguard"}, []string{"wireguard"}, nil},
		{"a softdep that does not exist is left out", []string{"virtio_blk"}, []string{"virtio_blk"}, nil},
		{"softdeps before and after are taken, a ring of them ends", []string{"uas"}, []string{"e1000", "uas", "usb_storage"}, nil},
		{"what is built in needs nothing", []string{"rtc_cmos", "af_packet", "af-packet"}, nil, nil},
		{"what is not there is named", []string{"e1000", "e10000", "nosuch_*"}, []string{"e1000"}, []string{"e10000", "nosuch_*"}},
		{"a broken pattern matches nothing", []string{"[e1000"}, nil, []string{"[e1000"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			chosen, unknown := index.closure(test.wanted)
			var got []string
			for _, m := range chosen {
				got = append(got, m.Name)
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) || !slices.Equal(unknown, test.unknown) {
				t.Errorf("closure(%q) = %q, unknown %q; want %q, unknown %q", test.wanted, got, unknown, test.want, test.unknown)
			}
		})
	}
}

// Loading modules.dep from right to left must meet every dependency before what needs it.
func TestModulesDepHasAnOrderThatLoads(t *testing.T) {
	chain := []module{
		{Name: "a", Path: "a.ko", Depends: []string{"b", "c"}},
		{Name: "b", Path: "b.ko", Depends: []string{"d"}},
		{Name: "c", Path: "c.ko.xz", Depends: []string{"b"}},
		{Name: "d", Path: "d.ko"},
	}
	want := "a.ko: c.ko b.ko d.ko\nb.ko: d.ko\nc.ko: b.ko d.ko\nd.ko:\n"
	if got := string(depFile(chain)); got != want {
		t.Errorf("modules.dep is\n%swant\n%s", got, want)
	}
}

// What we read from the modules must be what depmod reads from them.
func TestModuleListsAreThoseOfDepmod(t *testing.T) {
	depmod := "/usr/sbin/depmod"
	if _, err := os.Stat(depmod); err != nil {
		t.Fatalf("%v: apt-get install kmod", err)
	}
	for _, name := range board.Names() {
		if b, err := board.Load(name); err == nil && b.Release != "" {
			continue // a kernel more, of another release, for each architecture: see make test-boards
		}
		t.Run(name, func(t *testing.T) {
			b, k := debianBoardKernel(t, name)
			index, err := k.index(context.Background(), testCache(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			chosen, unknown := index.closure(slices.Concat(b.Modules, ownModules, []string{"wireguard", "overlay"}))
			if len(unknown) > 0 {
				t.Errorf("Linux %s has no %s", k.Version, unknown)
			}
			files, err := moduleFiles(context.Background(), k.Version, k.Modules, chosen, nil)
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			ours := make(map[string]string)
			for _, f := range files {
				path := filepath.Join(root, f.Path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if filepath.Ext(path) == ".ko" || filepath.Base(path) == "modules.builtin" {
					if err := os.WriteFile(path, f.Data, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				ours[filepath.Base(path)] = string(f.Data)
			}
			if out, err := exec.Command(depmod, "-b", root, k.Version).CombinedOutput(); err != nil {
				t.Fatalf("depmod: %v: %s", err, out)
			}
			for _, list := range []string{"modules.dep", "modules.alias", "modules.softdep"} {
				theirs, err := os.ReadFile(filepath.Join(root, "lib/modules", k.Version, list))
				if err != nil {
					t.Fatal(err)
				}
				if got, want := normalList(list, ours[list]), normalList(list, string(theirs)); !slices.Equal(got, want) {
					t.Errorf("%s differs from depmod's: %s", list, firstDifference(got, want))
				}
			}
		})
	}
}

// normalList sorts the lines, and in modules.dep the dependencies, whose order may differ.
func normalList(name, text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if name == "modules.dep" {
			file, needs, _ := strings.Cut(line, ":")
			line = file + ": " + strings.Join(slices.Sorted(slices.Values(strings.Fields(needs))), " ")
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return "lacks " + want[i]
		case i >= len(want):
			return "has too much " + got[i]
		case got[i] != want[i]:
			return fmt.Sprintf("has %q where it should have %q", got[i], want[i])
		}
	}
	return ""
}

func TestCompressedModulesAreUnpacked(t *testing.T) {
	dir := t.TempDir()
	k := fakeKernel(t, dir)
	plain := filepath.Join(k.Modules, "kernel/fs/mbcache.ko")
	want, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, command := range map[string]string{".xz": "xz", ".gz": "gzip", ".zst": "zstd"} {
		if _, err := exec.LookPath(command); err != nil {
			t.Fatalf("%v: apt-get install xz-utils gzip zstd", err)
		}
		packed, err := filter(context.Background(), want, command, "-c")
		if err != nil {
			t.Fatal(err)
		}
		path := plain + suffix
		if err := os.WriteFile(path, packed, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := readModule(context.Background(), path)
		if err != nil || string(got) != string(want) {
			t.Errorf("readModule(%s): %d bytes, %v; want the %d of the plain one", suffix, len(got), err, len(want))
		}
		info, err := readModinfo(context.Background(), path)
		if err != nil || !slices.Contains(info, "depends=") {
			t.Errorf("readModinfo(%s) = %q, %v", suffix, info, err)
		}
		os.Remove(path)
	}
}

// testCache is the cache that tests share with the user, so that a kernel is fetched once.
func testCache(t testing.TB) Cache {
	t.Helper()
	dir, err := DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return Cache{dir}
}

// debianBoardKernel is a board with Debian's newest kernel for it.
func debianBoardKernel(t testing.TB, name string) (board.Board, Kernel) {
	t.Helper()
	b, err := board.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	k, err := DebianKernel(context.Background(), Archive{CacheDir: testCache(t).Dir, Release: "bookworm", Arch: b.DebianArch}, b.KernelPackage)
	if err != nil {
		t.Fatal(err)
	}
	return b, k
}

func TestNetworkDriversThatAreLeftOutAreNamed(t *testing.T) {
	carried := module{Name: "e1000", Path: "kernel/drivers/net/ethernet/intel/e1000/e1000.ko", Aliases: []string{"pci:v00008086d0000100Esv*sd*bc*sc*i*"}}
	all := []module{
		carried,
		{Name: "8139too", Path: "kernel/drivers/net/ethernet/realtek/8139too.ko.xz", Aliases: []string{"pci:v000010ECd00008139sv*sd*bc*sc*i*", "net-pf-1"}},
		{Name: "r8188eu", Path: "kernel/drivers/staging/r8188eu/r8188eu.ko", Aliases: []string{"usb:v0BDAp8179d*dc*dsc*dp*ic*isc*ip*in*"}},
		{Name: "ahci", Path: "kernel/drivers/ata/ahci.ko", Aliases: []string{"pci:v*d*sv*sd*bc01sc06i01*"}},
		{Name: "flexcan", Path: "kernel/drivers/net/can/flexcan/flexcan.ko.xz", Aliases: []string{"of:N*T*Cfsl,imx6q-flexcan"}},
		{Name: "vchiq", Path: "kernel/drivers/staging/vc04_services/vchiq.ko.xz", Aliases: []string{"of:N*T*Cbrcm,bcm2836-vchiq"}},
	}
	const want = "# linux-image-6 6.1-1\n" +
		"alias pci:v000010ECd00008139sv*sd*bc*sc*i* 8139too\n" +
		"alias usb:v0BDAp8179d*dc*dsc*dp*ic*isc*ip*in* r8188eu\n"
	if got := string(networkFile("linux-image-6 6.1-1", all, []module{carried})); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
