package payload

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bantam/images"
	"bantam/layer"
)

// archivePackage is a package of a test's archive.
type archivePackage struct {
	name, source, depends, provides string
	files                           []string // path, "path -> target", or "path: interpreter or - and the libraries that it needs"
	unwinds                         bool
}

const amd64Lib = "usr/lib/x86_64-linux-gnu/"

func (p archivePackage) contents(t *testing.T) *contents {
	t.Helper()
	c := &contents{}
	for _, text := range p.files {
		if name, target, ok := strings.Cut(text, " -> "); ok {
			c.Tree = append(c.Tree, link(name, target))
			continue
		}
		name, loads, isELF := strings.Cut(text, ": ")
		f := file(name, 0o755, "")
		if isELF {
			f.ELF, f.Unwinds = true, p.unwinds
			fields := strings.Fields(loads)
			f.Needs = fields[1:]
			if fields[0] != "-" {
				f.Interpreter = fields[0]
			}
			if name == "usr/sbin/private" {
				f.RunPath = []string{"/" + amd64Lib + "private"}
			}
		}
		c.Tree = append(c.Tree, f)
	}
	tree, err := wholeTree(c.Tree)
	if err != nil {
		t.Fatal(err)
	}
	c.Tree = tree
	return c
}

var testArchive = []archivePackage{
	{name: "libc6", source: "glibc", depends: "libgcc-s1", files: []string{amd64Lib + "libc.so.6: -", amd64Lib + "libm.so.6: - libc.so.6", amd64Lib + "ld.so.2: -", "usr/lib64/ld.so -> /lib/x86_64-linux-gnu/ld.so.2", amd64Lib + "libmvec.so.1: - libm.so.6"}},
	{name: "libgcc-s1", source: "gcc", depends: "gcc-base (= 12), libc6", files: []string{amd64Lib + "libgcc_s.so.1: - libc.so.6"}},
	{name: "gcc-base", source: "gcc", files: []string{"etc/gcc"}},
	{name: "perl-base", source: "perl", depends: "libc6", files: []string{"usr/bin/perl: /lib64/ld.so libc.so.6"}},
	{name: "adduser", source: "adduser", depends: "perl-base", files: []string{"usr/sbin/adduser"}},
	{name: "libssl3", source: "openssl", depends: "libc6", files: []string{amd64Lib + "libssl.so.3: - libcrypto.so.3 libc.so.6", amd64Lib + "libcrypto.so.3 -> libcrypto.so.3.0", amd64Lib + "libcrypto.so.3.0: - libc.so.6"}},
	{name: "libpam0g", source: "pam", depends: "libc6", files: []string{amd64Lib + "libpam.so.0: - libc.so.6"}},
	{name: "libpam-modules", source: "pam", depends: "libaudit1", files: []string{amd64Lib + "security/pam_unix.so: - libaudit.so.1"}},
	{name: "libaudit1", source: "audit", depends: "libc6, libaudit-common (>= 1)", files: []string{amd64Lib + "libaudit.so.1: - libc.so.6"}},
	{name: "libaudit-common", source: "audit", files: []string{"etc/libaudit.conf"}},
	{name: "broker", source: "broker", depends: "adduser, libssl3 | libssl1, broker-data (= 1), libc6 (>= 2)", files: []string{"usr/sbin/broker: /lib64/ld.so libssl.so.3 libc.so.6"}},
	{name: "broker-data", source: "broker", files: []string{"usr/share/broker/data"}},
	{name: "threads", source: "threads", depends: "libc6", files: []string{"usr/bin/threads: /lib64/ld.so libc.so.6"}, unwinds: true},
	{name: "login", source: "login", depends: "libpam0g, libpam-modules, libc6", files: []string{"usr/bin/login: /lib64/ld.so libpam.so.0"}},
	{name: "vectors", source: "vectors", depends: "libc6", files: []string{"usr/bin/vectors: /lib64/ld.so libmvec.so.1"}},
	{name: "meta", source: "meta", depends: "broker", files: nil},
	{name: "python3", source: "python", depends: "python3.11, adduser", files: []string{"usr/bin/python3 -> python3.11", "usr/bin/nowhere -> /etc/alternatives/x"}},
	{name: "python3.11", source: "python3.11", depends: "libc6", files: []string{"usr/bin/python3.11: /lib64/ld.so libc.so.6"}},
	{name: "virtual", source: "virtual", depends: "ssl-library", files: []string{"usr/bin/v: /lib64/ld.so libssl.so.3"}},
	{name: "private", source: "private", depends: "private-libs, libc6", files: []string{"usr/sbin/private: /lib64/ld.so libprivate.so.1"}},
	{name: "private-libs", source: "private-libs", depends: "libc6", files: []string{amd64Lib + "private/libprivate.so.1: - libc.so.6"}},
	{name: "lacks", source: "lacks", depends: "libc6, private-libs", files: []string{"usr/sbin/lacks: /lib64/ld.so libprivate.so.1", amd64Lib + "lacks/plugin.so: - libnone.so.1", amd64Lib + "liblacks.so.1: - libnone.so.2"}},
	{name: "fakeroot", source: "fakeroot", depends: "libfake, libc6", files: []string{"usr/bin/fakeroot: /lib64/ld.so libfake.so.0"}},
	{name: "libfake", source: "libfake", depends: "libc6, libaudit1", files: []string{amd64Lib + "fake/libfake.so.0 -> libfake-1.so", amd64Lib + "fake/libfake-1.so: - libaudit.so.1"}},
	{name: "libssl3-twin", source: "twin", provides: "ssl-library", depends: "libssl3"},
}

func testClosure(t *testing.T) *closure {
	t.Helper()
	var records []images.Record
	byName := make(map[string]archivePackage)
	for _, p := range testArchive {
		arch := "amd64"
		if strings.HasSuffix(p.name, "-common") {
			arch = "all"
		}
		records = append(records, images.Record{Package: p.name, Source: p.source, Depends: p.depends, Provides: p.provides, Architecture: arch})
		byName[p.name] = p
	}
	c := &closure{archive: newArchiveOf(records), folders: layer.Folders("amd64"), fetch: func([]string) {}}
	c.load = func(part string) (*contents, error) {
		name, isRarePart := strings.CutSuffix(part, rarePart)
		p, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("the archive has no %s", name)
		}
		all := p.contents(t)
		if isRarePart {
			return all.onlyRare(nil), nil
		}
		return all.without(func(f File) bool { return isRare(f.Path) }), nil
	}
	return c
}

func TestClosureOfLibraries(t *testing.T) {
	for _, test := range []struct{ name, root, want, lacking string }{
		{"libraries and what they load, through links; data of the same source; nothing for scripts", "broker", "broker broker-data libc6 libssl3", ""},
		{"what libc opens for threads", "threads", "gcc-base libc6 libgcc-s1 threads", ""},
		{"modules of PAM, their libraries, and the data of these", "login", "libaudit-common libaudit1 libc6 libpam-modules libpam0g login", ""},
		{"the rare part where it is needed", "vectors", "libc6 libc6/rare vectors", ""},
		{"the rare part where the package is named", "libc6", "libc6 libc6/rare", ""},
		{"a package without files stands for what it depends on", "meta", "broker broker-data libc6 libssl3 meta", ""},
		{"what links lead to", "python3", "libc6 python3 python3.11", ""},
		{"names that packages provide", "virtual", "libc6 libssl3 virtual", ""},
		{"libraries in a folder of their own, by run path", "private", "libc6 private private-libs", ""},
		{"where ldconfig would have told the loader to look", "fakeroot", "fakeroot libaudit-common libaudit1 libc6 libfake",
			"/usr/bin/fakeroot of package fakeroot needs library libfake.so.0, which lies in /usr/lib/x86_64-linux-gnu/fake, where the loader does not look: its service finds it with env = { LD_LIBRARY_PATH = \"/usr/lib/x86_64-linux-gnu/fake\" }"},
		{"without run path they are carried, but the loader does not find them", "lacks", "lacks libc6 private-libs",
			"nothing provides library libnone.so.2, which /usr/lib/x86_64-linux-gnu/liblacks.so.1 of package lacks needs; /usr/sbin/lacks of package lacks needs library libprivate.so.1, which lies in /usr/lib/x86_64-linux-gnu/private, where the loader does not look: its service finds it with env = { LD_LIBRARY_PATH = \"/usr/lib/x86_64-linux-gnu/private\" }; " +
				"plug-in: nothing provides library libnone.so.1, which /usr/lib/x86_64-linux-gnu/lacks/plugin.so of package lacks needs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := testClosure(t)
			if err := c.libraries(test.root); err != nil {
				t.Fatal(err)
			}
			slices.Sort(c.chosen)
			if got := strings.Join(c.chosen, " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			var lacking []string
			for _, l := range c.lacking {
				text := l.String()
				if l.plugIn {
					text = "plug-in: " + text
				}
				lacking = append(lacking, text)
			}
			if got := strings.Join(lacking, "; "); got != test.lacking {
				t.Errorf("lacking\n got  %s\n want %s", got, test.lacking)
			}
		})
	}
}

func TestClosureOfDepends(t *testing.T) {
	c := testClosure(t)
	if err := c.depends("broker"); err != nil {
		t.Fatal(err)
	}
	if len(c.chosen) != len(testArchive)+1 { // what apt has resolved, all of it, and the rare part of libc6
		t.Errorf("it has %q", c.chosen)
	}
}

func TestPackagesAreSearchedByNearness(t *testing.T) {
	got := testClosure(t).archive.byNearness("broker", "libaudit.so.1")
	if want := "broker libssl3 libc6 adduser broker-data libgcc-s1 perl-base gcc-base"; strings.Join(got, " ") != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, test := range []struct {
		name, library string
		want          int
	}{
		{"libssl3", "libssl.so.3", 3}, {"libssl3t64", "libssl.so.3", 3}, {"libpcre2-8-0", "libpcre2-8.so.0", 3}, {"libssl-dev", "libssl.so.3", 2}, {"libc6", "libssl.so.3", 1}, {"perl", "libssl.so.3", 0},
	} {
		if got := likeness(test.name, test.library); got != test.want {
			t.Errorf("likeness(%s, %s) = %d, want %d", test.name, test.library, got, test.want)
		}
	}
}
