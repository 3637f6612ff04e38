package sbom

import (
	"runtime/debug"
	"strings"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"bantam/images/lock"
)

// addProgram adds an executable file, and if go built it the modules and the toolchain that are in it.
func (d *document) addProgram(p Program, as common.ElementID) {
	e := &spdx.Package{
		PackageName: p.Name, PackageSPDXIdentifier: as, PackageChecksums: sha256Of(p.SHA256),
		PrimaryPackagePurpose: "APPLICATION", PackageSourceInfo: "built from " + p.From,
	}
	if path, version, found := strings.Cut(p.From, "@"); found {
		e.PackageVersion, e.PackageExternalReferences = version, purl("pkg:golang/"+percent(path)+"@"+percent(version))
	}
	d.add(e)
	d.relate(d.root.PackageSPDXIdentifier, common.TypeRelationshipContains, as)
	if p.Built == nil {
		return
	}
	modules := p.Built.Deps
	if p.Built.Main.Sum != "" { // one that has its own sources is not from a proxy
		modules = append([]*debug.Module{&p.Built.Main}, modules...)
	}
	for _, m := range modules {
		if m.Replace != nil {
			m = m.Replace
		}
		d.relate(as, common.TypeRelationshipDependsOn, d.addModule(m))
	}
	version := strings.TrimPrefix(strings.Fields(p.Built.GoVersion + " unknown")[0], "go")
	library := d.add(&spdx.Package{
		PackageName: "stdlib", PackageSPDXIdentifier: id("Go", "stdlib", version), PackageVersion: version,
		PackageDownloadLocation: "https://go.dev/dl/go" + version + ".src.tar.gz", PackageLicenseDeclared: "BSD-3-Clause",
		PackageExternalReferences: purl("pkg:golang/stdlib@" + percent(version)), PackageSourceInfo: "Go's standard library and run time",
	})
	d.relate(as, common.TypeRelationshipDependsOn, library.PackageSPDXIdentifier)
}

// addModule adds a Go module. Its digest is that of go.sum, which no algorithm of SPDX is.
func (d *document) addModule(m *debug.Module) common.ElementID {
	e := &spdx.Package{
		PackageName: m.Path, PackageSPDXIdentifier: id("Go", m.Path, m.Version), PackageVersion: m.Version,
		PackageExternalReferences: purl("pkg:golang/" + percent(strings.ToLower(m.Path)) + "@" + percent(m.Version)),
	}
	if m.Sum != "" {
		e.PackageComment = "go.sum: " + m.Sum
	}
	if version := m.Version; version != "" && !strings.HasPrefix(version, "(") {
		e.PackageDownloadLocation = "https://proxy.golang.org/" + lock.EscapePath(m.Path) + "/@v/" + lock.EscapePath(version) + ".zip"
	}
	return d.add(e).PackageSPDXIdentifier
}
