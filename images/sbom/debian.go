package sbom

import (
	"maps"
	"slices"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"bantam/images/lock"
)

// addDebian adds the packages of Debian, what they were built from, and which of them others need.
func (d *document) addDebian(m Machine) {
	copyrights := make(map[string]string) // by source; packages of one source share the file by a link
	for _, p := range m.Packages {
		if p.Copyright != "" && copyrights[p.Source] == "" {
			copyrights[p.Source] = p.Copyright
		}
	}
	for _, p := range m.Packages {
		source, version, _ := strings.Cut(p.Source, " ")
		text := p.Copyright
		if text == "" {
			text = copyrights[p.Source]
		}
		declared, comment := d.licence(source, text)
		e := d.add(&spdx.Package{
			PackageName: p.Name.Package, PackageSPDXIdentifier: debianID(p.Name), PackageVersion: p.Version,
			PackageFileName: p.Archive[strings.LastIndexByte(p.Archive, '/')+1:], PackageSupplier: debian(),
			PackageDownloadLocation: location(p.Archive), PackageChecksums: sha256Of(p.SHA256),
			PackageSourceInfo: "built from " + p.Source, PackageLicenseDeclared: declared, PackageLicenseComments: comment,
			PackageExternalReferences: purl("pkg:deb/debian/" + percent(p.Name.Package) + "@" + percent(p.Version) + "?arch=" + p.Package.Arch + "&distro=" + m.Release),
		})
		if p.OnHost {
			d.relate(e.PackageSPDXIdentifier, common.TypeRelationshipBuildToolOf, d.root.PackageSPDXIdentifier)
		} else {
			d.relate(d.root.PackageSPDXIdentifier, common.TypeRelationshipContains, e.PackageSPDXIdentifier)
		}
		s := d.add(&spdx.Package{
			PackageName: source, PackageSPDXIdentifier: id("Source", source, version), PackageVersion: version, PackageSupplier: debian(),
			PrimaryPackagePurpose: "SOURCE", PackageLicenseDeclared: declared, PackageLicenseComments: comment,
			PackageExternalReferences: purl("pkg:deb/debian/" + percent(source) + "@" + percent(version) + "?arch=source&distro=" + m.Release),
		})
		d.relate(e.PackageSPDXIdentifier, common.TypeRelationshipGeneratedFrom, s.PackageSPDXIdentifier)
		for _, other := range strings.Fields(p.Carries) {
			if n := (lock.Name{Arch: p.Name.Arch, Package: other}); slices.ContainsFunc(m.Packages, func(p Package) bool { return p.Name == n }) {
				d.relate(e.PackageSPDXIdentifier, common.TypeRelationshipDependsOn, debianID(n))
			}
		}
	}
}

func debianID(n lock.Name) common.ElementID { return id("Debian", n.Arch, n.Package) }

func debian() *common.Supplier {
	return &common.Supplier{SupplierType: "Organization", Supplier: "Debian"}
}

// location is where Debian's archive has a file that its lists name.
func location(file string) string {
	switch {
	case file == "":
		return noAssertion
	case strings.HasPrefix(file, "pool/updates/"):
		return "https://deb.debian.org/debian-security/" + percent(file)
	}
	return "https://deb.debian.org/debian/" + percent(file)
}

// percent encodes what may not stand in a part of a package URL: https://github.com/package-url/purl-spec.
func percent(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/:", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// addSources adds what is beside system.toml.
func (d *document) addSources(sources map[string]string) {
	for _, path := range slices.Sorted(maps.Keys(sources)) {
		e := d.add(&spdx.Package{
			PackageName: path, PackageSPDXIdentifier: id("Beside", path), PrimaryPackagePurpose: "FILE",
			PackageSourceInfo: "beside system.toml; SHA-256 as system.lock has it: " + sources[path],
		})
		d.relate(d.root.PackageSPDXIdentifier, common.TypeRelationshipContains, e.PackageSPDXIdentifier)
	}
}
