// Package sbom writes what a machine is made of as a bill of materials: SPDX 2.3, https://spdx.github.io/spdx-spec/v2.3.
// The library of the SPDX project has the types; what stands in them follows from the lock file and from the packages
// themselves. It does no I/O, and the same inputs give the same document.
package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"bantam/images/lock"
)

// Machine is all that goes into the images of a board.
type Machine struct {
	Board    string    // e.g. pc
	Release  string    // of Debian, e.g. bookworm
	Tool     string    // who writes, e.g. bantam-1.2
	Created  time.Time // what the document is dated
	Device   Program   // Bantam's own binary
	Packages []Package
	Programs []Program
	Sources  map[string]string // SHA-256 of files and trees beside system.toml, by path
}

// Package is a package of Debian.
type Package struct {
	lock.Name
	lock.Package
	Copyright string // its copyright file; "" if there is none
	OnHost    bool   // it is a tool of the build, and not in the image
}

// Program is one executable file.
type Program struct {
	Name   string // as system.toml has it
	From   string // path@version of a Go module, or path beside system.toml
	SHA256 string // of the file
	Built  *debug.BuildInfo
}

// document is a document as it grows.
type document struct {
	spdx.Document
	known map[common.ElementID]bool
	root  *spdx.Package // the machine
}

// noAssertion is what stands where we do not know.
const noAssertion = "NOASSERTION"

// Document makes the bill of materials.
func Document(m Machine) *spdx.Document {
	d := &document{known: make(map[common.ElementID]bool)}
	d.SPDXVersion, d.DataLicense, d.SPDXIdentifier = spdx.Version, spdx.DataLicense, "DOCUMENT"
	d.DocumentName = "bantam-" + m.Board
	d.CreationInfo = &spdx.CreationInfo{
		Creators: []common.Creator{{CreatorType: "Tool", Creator: m.Tool}},
		Created:  m.Created.UTC().Format(time.RFC3339),
	}
	d.root = d.add(&spdx.Package{PackageName: d.DocumentName, PackageSPDXIdentifier: "Machine", PrimaryPackagePurpose: "OPERATING-SYSTEM"})
	d.relate("DOCUMENT", common.TypeRelationshipDescribe, "Machine")
	d.addProgram(m.Device, "Device")
	d.addDebian(m)
	for _, p := range m.Programs {
		d.addProgram(p, id("Program", p.Name))
	}
	d.addSources(m.Sources)
	slices.SortStableFunc(d.Packages, func(a, b *spdx.Package) int {
		return strings.Compare(string(a.PackageSPDXIdentifier), string(b.PackageSPDXIdentifier))
	})
	slices.SortFunc(d.OtherLicenses, func(a, b *spdx.OtherLicense) int { return strings.Compare(a.LicenseIdentifier, b.LicenseIdentifier) })
	slices.SortFunc(d.Relationships, func(a, b *spdx.Relationship) int { return strings.Compare(relation(a), relation(b)) })
	d.DocumentNamespace = "https://spdx.org/spdxdocs/" + d.DocumentName + "-" + d.digest()
	return &d.Document
}

// digest is what tells one document from another: all that it is about, but not when and by whom it was written.
func (d *document) digest() string {
	h := sha256.New()
	for _, p := range d.Packages {
		fmt.Fprintf(h, "%s %s %v\n", p.PackageSPDXIdentifier, p.PackageVersion, p.PackageChecksums)
	}
	for _, r := range d.Relationships {
		fmt.Fprintln(h, relation(r))
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

func relation(r *spdx.Relationship) string {
	return fmt.Sprintf("%s %s %s", r.RefA.ElementRefID, r.Relationship, r.RefB.ElementRefID)
}

// add adds a package unless one of its identifier is there, and fills in what every one must have.
func (d *document) add(p *spdx.Package) *spdx.Package {
	if d.known[p.PackageSPDXIdentifier] {
		return p
	}
	d.known[p.PackageSPDXIdentifier] = true
	for _, field := range []*string{&p.PackageDownloadLocation, &p.PackageLicenseConcluded, &p.PackageLicenseDeclared, &p.PackageCopyrightText} {
		if *field == "" {
			*field = noAssertion
		}
	}
	d.Packages = append(d.Packages, p)
	return p
}

// relate adds a relationship, once.
func (d *document) relate(a common.ElementID, kind string, b common.ElementID) {
	r := &spdx.Relationship{RefA: common.MakeDocElementID("", string(a)), RefB: common.MakeDocElementID("", string(b)), Relationship: kind}
	if !slices.ContainsFunc(d.Relationships, func(other *spdx.Relationship) bool { return *other == *r }) {
		d.Relationships = append(d.Relationships, r)
	}
}

// id is an identifier, which consists of letters, digits, dots and hyphens; all else becomes its code, so that no two run
// together.
func id(parts ...string) common.ElementID {
	var b strings.Builder
	for i, c := range []byte(strings.Join(parts, "-")) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, ".%02X.", c)
		}
	}
	return common.ElementID(b.String())
}

func sha256Of(hex string) []common.Checksum {
	if hex == "" {
		return nil
	}
	return []common.Checksum{{Algorithm: common.SHA256, Value: hex}}
}

func purl(locator string) []*spdx.PackageExternalReference {
	return []*spdx.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: locator}}
}
