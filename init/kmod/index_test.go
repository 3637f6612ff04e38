package kmod

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bantam/init/glob"
)

// index writes the four files and reads them back.
func index(t testing.TB, dep, alias, softdep, builtin string) *Index {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"modules.dep": dep, "modules.alias": alias, "modules.softdep": softdep, "modules.builtin": builtin,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	x, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

const (
	debianDep = `kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/net/core/failover.ko:
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz:
kernel/drivers/watchdog/i6300esb.ko:
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko
kernel/fs/jbd2/jbd2.ko:
kernel/crypto/crc32c_generic.ko:
kernel/arch/x86/crypto/crc32c-intel.ko:
kernel/drivers/net/bonding/bonding.ko:
`
	debianAlias = `# Aliases extracted from modules themselves.
alias pci:v00008086d0000100Esv*sd*bc*sc*i* e1000
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
alias virtio:d00000001v* virtio_net
alias pci:v00008086d000025ABsv*sd*bc*sc*i* i6300esb
alias fs-ext4 ext4
alias crypto-crc32c crc32c_generic
alias crypto-crc32c crc32c_intel
alias dmi*:svnA B Corp:* e1000
`
	debianSoftdep = `softdep ext4 pre: crc32c crypto-crc32c post: bonding
softdep jbd2 pre: ext4
softdep ghost pre: e1000
`
	debianBuiltin = "kernel/drivers/char/hw_random/rng-core.ko\n"
)

func TestResolve(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	for _, tt := range []struct {
		name, alias string
		want        []string
	}{
		{"a device of one driver", "pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00", []string{"e1000"}},
		{"a whole vendor", "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00", []string{"virtio_pci"}},
		{"a function with two providers", "crypto-crc32c", []string{"crc32c_generic", "crc32c_intel"}},
		{"dashes and underscores are the same", "crypto_crc32c", []string{"crc32c_generic", "crc32c_intel"}},
		{"a pattern with blanks", "dmi:bvnX:svnA B Corp:pn1", []string{"e1000"}},
		{"a module's own name", "crc32c-intel", []string{"crc32c_intel"}},
		{"a device nobody drives", "pci:v0000FFFFd0000FFFFsv", nil},
		{"a name that only has soft dependencies", "ghost", nil},
		{"nothing", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := x.Resolve(tt.alias); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Resolve(%q) = %q, want %q", tt.alias, got, tt.want)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	for _, tt := range []struct {
		name  string
		names []string
		want  string // module(needs; after)
	}{
		{"what it needs comes first, each once", []string{"virtio_net", "virtio-pci"},
			"failover net_failover(0;) virtio virtio_ring(2;) virtio_net(1,0,3,2;) virtio_pci(3,2;)"},
		{"soft dependencies by name and alias, a cycle is cut, post comes after", []string{"ext4"},
			"jbd2 crc32c_generic crc32c_intel ext4(0;1,2) bonding(;3)"},
		{"unknown and built-in names are left out", []string{"nosuch", "rng-core", "ghost"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(x.Plan(tt.names...)); got != tt.want {
				t.Errorf("Plan(%q)\n got %s\nwant %s", tt.names, got, tt.want)
			}
		})
	}
}

func show(steps []Step) string {
	var words []string
	for _, s := range steps {
		word := s.Module
		if len(s.Needs)+len(s.After) > 0 {
			word += "(" + numbers(s.Needs) + ";" + numbers(s.After) + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func numbers(list []int) string {
	var words []string
	for _, n := range list {
		words = append(words, string(rune('0'+n)))
	}
	return strings.Join(words, ",")
}

func TestNameAndFile(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	for in, want := range map[string]string{
		"kernel/net/bridge/br-netfilter.ko.zst": "br_netfilter",
		"e1000.ko":                              "e1000",
		"snd-pcm":                               "snd_pcm",
		"x.kobold":                              "x.kobold",
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := x.File("e1000"), "kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz"; got != want {
		t.Errorf("File(e1000) = %q, want %q", got, want)
	}
	if !x.Builtin("rng_core") || x.Builtin("e1000") {
		t.Error("Builtin: want rng_core and not e1000")
	}
}

func TestFolderWithoutModules(t *testing.T) {
	x, err := OpenDir(filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	if got := x.Plan(x.Resolve("virtio:d1")...); len(got) != 0 {
		t.Errorf("plan of an empty index: %v", got)
	}
}

// Whatever the files say, a plan names modules once and points only backwards.
func FuzzPlan(f *testing.F) {
	f.Add(debianDep, debianAlias, debianSoftdep, "ext4")
	f.Add("a.ko: b.ko\nb.ko: a.ko\n", "alias x[ a\nalias  b", "softdep a pre: a b post: b a", "a")
	f.Fuzz(func(t *testing.T, dep, alias, softdep, name string) {
		x := &Index{modules: map[string]*module{}, builtin: map[string]bool{}}
		x.parseDep(dep)
		x.parseAlias(alias)
		x.parseSoftdep(softdep)
		x.parseBuiltin(alias)
		steps := x.Plan(append(x.Resolve(name), name)...)
		seen := map[string]bool{}
		for i, s := range steps {
			if seen[s.Module] {
				t.Errorf("%s twice in %s", s.Module, show(steps))
			}
			seen[s.Module] = true
			for _, at := range slices.Concat(s.Needs, s.After) {
				if at >= i {
					t.Errorf("step %d (%s) waits for step %d", i, s.Module, at)
				}
			}
		}
	})
}

// The table by prefixes finds what comparing every pattern finds.
func FuzzResolve(f *testing.F) {
	f.Add("a*\nab?\nab\nx[a-c]y\n*\n", "abc")
	f.Add("usb-a\nusb_a*\n[-]\n", "usb-a")
	f.Fuzz(func(t *testing.T, patterns, alias string) {
		var table aliasTable
		table.grow(2)
		var want []string
		for pattern := range strings.SplitSeq(patterns, "\n") {
			table.add(pattern, pattern)
			if glob.Match(underscored(pattern), underscored(alias)) {
				want = append(want, pattern)
			}
		}
		got := table.match(alias)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q matches %q, want %q", alias, got, want)
		}
	})
}
