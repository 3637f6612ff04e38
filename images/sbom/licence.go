package sbom

import (
	"regexp"
	"slices"
	"strings"

	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"bantam/images"
)

// licence is the licence expression of a copyright file (SPDX 2.3, annex D), and a comment for people. Licences without an
// identifier of SPDX become ones of this document, with their text.
func (d *document) licence(source, text string) (expression, comment string) {
	if text == "" {
		return noAssertion, ""
	}
	licences, ok := images.Licences(text)
	if !ok || len(licences) == 0 {
		return noAssertion, "its copyright file is not for machines; see /usr/share/doc of the package"
	}
	var all []string
	for _, l := range licences {
		e := d.expression(source, l)
		if strings.Contains(e, " OR ") {
			e = "(" + e + ")"
		}
		if !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	slices.Sort(all)
	if len(all) == 1 {
		return strings.Trim(all[0], "()"), "as its copyright file says"
	}
	return strings.Join(all, " AND "), "all that its copyright file names for any of its files"
}

// expression reads a licence's short name, e.g. GPL-2+ or Artistic, in the grammar of copyright-format 1.0, "Short name". Names
// with a comma, which binds loosest there, are taken as one.
func (d *document) expression(source string, l images.Licence) string {
	if strings.ContainsAny(l.Name, ",()") {
		return d.ownLicence(source, l)
	}
	var either []string
	for _, alternative := range splitWord(l.Name, "or") {
		var both []string
		for _, name := range splitWord(alternative, "and") {
			known := identifier(name)
			if known == "" {
				return d.ownLicence(source, l) // its text is that of the whole
			}
			both = append(both, known)
		}
		either = append(either, strings.Join(both, " AND "))
	}
	return strings.Join(either, " OR ")
}

func splitWord(s, word string) (parts []string) {
	start, fields := 0, strings.Fields(s)
	for i, f := range fields {
		if strings.EqualFold(f, word) {
			parts, start = append(parts, strings.Join(fields[start:i], " ")), i+1
		}
	}
	return append(parts, strings.Join(fields[start:], " "))
}

// ownLicence is the identifier of a licence of this document.
func (d *document) ownLicence(source string, l images.Licence) string {
	name := "LicenseRef-" + string(id(source, l.Name))
	text := l.Text
	if text == "" {
		text = l.Name
	}
	if !slices.ContainsFunc(d.OtherLicenses, func(o *spdx.OtherLicense) bool { return o.LicenseIdentifier == name }) {
		d.OtherLicenses = append(d.OtherLicenses, &spdx.OtherLicense{LicenseIdentifier: name, ExtractedText: text, LicenseName: l.Name})
	}
	return name
}

// gnu are GNU's licences as Debian and SPDX call them, e.g. LGPL-2.1+ and LGPL-2.1-or-later.
var gnu = regexp.MustCompile(`^(GPL|LGPL|AGPL|GFDL)-([123](?:\.[0-9])?)(?:\.0)?(\+|-only|-or-later)?$`)

// identifier is SPDX's of a licence by Debian's short name; "" if it has none.
func identifier(name string) string {
	if m := gnu.FindStringSubmatch(strings.ToUpper(name[:min(len(name), 4)]) + name[min(len(name), 4):]); m != nil {
		version := m[2]
		if !strings.Contains(version, ".") {
			version += ".0"
		}
		if m[3] == "+" || m[3] == "-or-later" {
			return m[1] + "-" + version + "-or-later"
		}
		return m[1] + "-" + version + "-only"
	}
	return identifiers[strings.ToLower(name)]
}

// identifiers are those of SPDX (https://spdx.org/licenses) by names that Debian's copyright files have, in lower case.
var identifiers = map[string]string{
	"0bsd": "0BSD", "apache-2": "Apache-2.0", "apache-2.0": "Apache-2.0", "artistic": "Artistic-1.0", "artistic-1": "Artistic-1.0",
	"artistic-2": "Artistic-2.0", "artistic-2.0": "Artistic-2.0", "beerware": "Beerware", "bsd-2-clause": "BSD-2-Clause",
	"bsd-3-clause": "BSD-3-Clause", "bsd-4-clause": "BSD-4-Clause", "bsl-1.0": "BSL-1.0", "cc0": "CC0-1.0", "cc0-1.0": "CC0-1.0",
	"cc-by-3.0": "CC-BY-3.0", "cc-by-4.0": "CC-BY-4.0", "cc-by-sa-3.0": "CC-BY-SA-3.0", "cc-by-sa-4.0": "CC-BY-SA-4.0",
	"curl": "curl", "edl-1.0": "BSD-3-Clause", "epl-1.0": "EPL-1.0", "epl-2.0": "EPL-2.0", "expat": "MIT", "fsfap": "FSFAP", "fsfullr": "FSFULLR",
	"isc": "ISC", "mit": "MIT", "mit-0": "MIT-0", "mpl-1.1": "MPL-1.1", "mpl-2.0": "MPL-2.0", "openssl": "OpenSSL", "python-2.0": "Python-2.0",
	"unicode-dfs-2016": "Unicode-DFS-2016", "unlicense": "Unlicense", "wtfpl": "WTFPL", "wtfpl-2": "WTFPL", "x11": "X11", "zlib": "Zlib",
}
