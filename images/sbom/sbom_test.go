package sbom

import (
	"bytes"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdxlib"

	"bantam/images/lock"
)

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+ or Artistic

Files: a
License: Expat
 Permission is hereby
 .
 granted.

Files: b
License: odd-one
 Do what you want.
`

func machine() Machine {
	one := func(name, arch, source, text string) Package {
		return Package{
			Name:      lock.Name{Arch: arch, Package: name},
			Package:   lock.Package{Version: "2:1.0+b1", SHA256: strings.Repeat("a", 64), Arch: arch, Source: source, Archive: "pool/updates/main/x/" + name + ".deb"},
			Copyright: text,
		}
	}
	root, tool := one("broker", "arm64", "broker 1", copyright), one("libc6", "amd64", "glibc 2.36-9", "")
	root.Carries, tool.OnHost = "libbroker++1", true
	return Machine{
		Board: "qemu-arm64", Release: "bookworm", Tool: "bantam-1", Created: time.Unix(1e9, 0),
		Device:   Program{Name: "bantam", From: "here", SHA256: strings.Repeat("d", 64), Built: &debug.BuildInfo{GoVersion: "go1.26.8 X:none", Main: debug.Module{Path: "bantam", Version: "(devel)"}, Deps: []*debug.Module{{Path: "example.org/Both", Version: "v1.0.0", Sum: "h1:x="}}}},
		Packages: []Package{root, one("libbroker++1", "arm64", "broker 1", ""), one("libbroker--1", "arm64", "broker 1", ""), one("libc6", "arm64", "glibc 2.36-9", "no format"), tool},
		Programs: []Program{
			{Name: "p", From: "example.org/p/cmd/p@v2.0.0", SHA256: strings.Repeat("c", 64), Built: &debug.BuildInfo{
				GoVersion: "go1.26.8", Main: debug.Module{Path: "example.org/p", Version: "v2.0.0", Sum: "h1:p="},
				Deps: []*debug.Module{{Path: "example.org/Both", Version: "v1.0.0", Sum: "h1:x="}, {Path: "example.org/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/new", Version: "v1.1.0", Sum: "h1:n="}}},
			}},
			{Name: "script", From: "bin/script", SHA256: strings.Repeat("e", 64)},
		},
		Sources: map[string]string{"site/a b": strings.Repeat("f", 64)},
	}
}

func written(t *testing.T, d *spdx.Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := spdxjson.Write(d, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func relations(d *spdx.Document) (all []string) {
	for _, r := range d.Relationships {
		all = append(all, relation(r))
	}
	return all
}

func find(t *testing.T, d *spdx.Document, id string) *spdx.Package {
	t.Helper()
	i := slices.IndexFunc(d.Packages, func(p *spdx.Package) bool { return string(p.PackageSPDXIdentifier) == id })
	if i < 0 {
		t.Fatalf("there is no %s", id)
	}
	return d.Packages[i]
}

func TestTheDocumentIsValid(t *testing.T) {
	text := written(t, Document(machine()))
	d := &spdx.Document{}
	if err := spdxjson.ReadInto(strings.NewReader(text), d); err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(d); err != nil {
		t.Error(err)
	}
	if d.SPDXVersion != "SPDX-2.3" || d.DataLicense != "CC0-1.0" || d.CreationInfo.Created != "2001-09-09T01:46:40Z" || !regexp.MustCompile(`^https://[^#]+$`).MatchString(d.DocumentNamespace) {
		t.Errorf("head %+v", d)
	}
	known := map[string]bool{}
	own := map[string]bool{}
	for _, o := range d.OtherLicenses {
		if own[o.LicenseIdentifier] || o.ExtractedText == "" || !regexp.MustCompile(`^LicenseRef-[A-Za-z0-9.-]+$`).MatchString(o.LicenseIdentifier) {
			t.Errorf("licence %+v", o)
		}
		own[o.LicenseIdentifier] = true
	}
	for _, p := range d.Packages {
		id := string(p.PackageSPDXIdentifier)
		if known[id] || !regexp.MustCompile(`^[A-Za-z0-9.-]+$`).MatchString(id) || p.PackageName == "" || p.PackageDownloadLocation == "" || p.FilesAnalyzed {
			t.Errorf("package %+v", p)
		}
		known[id] = true
		for _, name := range regexp.MustCompile(`LicenseRef-[A-Za-z0-9.-]+`).FindAllString(p.PackageLicenseDeclared, -1) {
			if !own[name] {
				t.Errorf("%s is under %s, whose text is not there", id, name)
			}
		}
		for _, r := range p.PackageExternalReferences {
			if !regexp.MustCompile(`^pkg:(deb/debian|golang)/[^@ ]+@[^@ +]+$`).MatchString(r.Locator) {
				t.Errorf("%s: %s", id, r.Locator)
			}
		}
	}
	described := 0
	for _, r := range d.Relationships {
		if r.Relationship == "DESCRIBES" {
			described++
		}
	}
	if described != 1 {
		t.Errorf("it describes %d things", described)
	}
}

func TestWhatIsInAMachine(t *testing.T) {
	d := Document(machine())
	for _, want := range []string{
		"DOCUMENT DESCRIBES Machine",
		"Machine CONTAINS Device",
		"Machine CONTAINS Debian-arm64-broker",
		"Debian-arm64-broker DEPENDS_ON Debian-arm64-libbroker.2B..2B.1",
		"Debian-arm64-libbroker.2B..2B.1 GENERATED_FROM Source-broker-1",
		"Debian-amd64-libc6 BUILD_TOOL_OF Machine",
		"Machine CONTAINS Program-p",
		"Program-p DEPENDS_ON Go-example.org.2F.p-v2.0.0",
		"Program-p DEPENDS_ON Go-example.org.2F.new-v1.1.0",
		"Program-p DEPENDS_ON Go-example.org.2F.Both-v1.0.0",
		"Device DEPENDS_ON Go-example.org.2F.Both-v1.0.0",
		"Device DEPENDS_ON Go-stdlib-1.26.8",
		"Machine CONTAINS Beside-site.2F.a.20.b",
	} {
		if !slices.Contains(relations(d), want) {
			t.Errorf("no %q among %q", want, relations(d))
		}
	}
	if slices.Contains(relations(d), "Machine CONTAINS Debian-amd64-libc6") {
		t.Error("a tool of the host is said to be in the machine")
	}
	broker := find(t, d, "Debian-arm64-broker")
	if broker.PackageLicenseDeclared != "(GPL-2.0-or-later OR Artistic-1.0) AND LicenseRef-broker-odd-one AND MIT" ||
		broker.PackageExternalReferences[0].Locator != "pkg:deb/debian/broker@2:1.0%2Bb1?arch=arm64&distro=bookworm" ||
		broker.PackageDownloadLocation != "https://deb.debian.org/debian-security/pool/updates/main/x/broker.deb" || broker.PackageChecksums[0].Value != strings.Repeat("a", 64) {
		t.Errorf("broker is %+v", broker)
	}
	if p := find(t, d, "Debian-arm64-libbroker.2B..2B.1"); p.PackageLicenseDeclared != broker.PackageLicenseDeclared {
		t.Errorf("a package whose copyright file is its source's: %s", p.PackageLicenseDeclared)
	}
	if p := find(t, d, "Debian-arm64-libc6"); p.PackageLicenseDeclared != "NOASSERTION" || p.PackageLicenseComments == "" {
		t.Errorf("one whose copyright file is not for machines: %+v", p)
	}
	if p := find(t, d, "Go-example.org.2F.Both-v1.0.0"); p.PackageComment != "go.sum: h1:x=" || p.PackageDownloadLocation != "https://proxy.golang.org/example.org/!both/@v/v1.0.0.zip" {
		t.Errorf("a module: %+v", p)
	}
	if o := d.OtherLicenses; len(o) != 1 || o[0].ExtractedText != "Do what you want." {
		t.Errorf("licences of its own %+v", o)
	}
}

func TestTheSameMachineIsTheSameDocument(t *testing.T) {
	first := written(t, Document(machine()))
	m := machine()
	slices.Reverse(m.Packages)
	slices.Reverse(m.Programs)
	if second := written(t, Document(m)); second != first {
		t.Errorf("in another order it is\n%s\nwant\n%s", second, first)
	}
	m.Packages[0].Version = "3"
	if Document(m).DocumentNamespace == Document(machine()).DocumentNamespace {
		t.Error("another machine has the same namespace")
	}
}

func TestNamesOfLicences(t *testing.T) {
	for name, want := range map[string]string{
		"GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later", "gpl-2+": "GPL-2.0-or-later", "GPL-3.0": "GPL-3.0-only", "LGPL-2.1+": "LGPL-2.1-or-later", "LGPL-2.1-or-later": "LGPL-2.1-or-later",
		"AGPL-3": "AGPL-3.0-only", "GFDL-1.3+": "GFDL-1.3-or-later", "GPL-1.0+": "GPL-1.0-or-later", "BSD-3-Clause": "BSD-3-Clause", "Expat": "MIT", "public-domain": "", "GPL": "", "GPL-2+-autoconf": "", "": "",
	} {
		if got := identifier(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	d := &document{}
	for text, want := range map[string]string{
		"License: GPL-2":                           "GPL-2.0-only",
		"License: GPL-2+ and MIT":                  "GPL-2.0-or-later AND MIT",
		"License: GPL-2+ and MIT or ISC":           "GPL-2.0-or-later AND MIT OR ISC",
		"License: GPL-2+, and MIT or ISC":          "LicenseRef-s-GPL-2.2B..2C..20.and.20.MIT.20.or.20.ISC",
		"License: GPL-2+ with OpenSSL exception":   "LicenseRef-s-GPL-2.2B..20.with.20.OpenSSL.20.exception",
		"License: MIT\n\nFiles: x\nLicense: Expat": "MIT",
	} {
		if got, _ := d.licence("s", "Format: x\n\nFiles: *\n"+text+"\n"); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
