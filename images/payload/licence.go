package payload

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// commonLicence is how a copyright file without format names one of Debian's common licences.
var commonLicence = regexp.MustCompile(`/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9+])`)

// licences are the names of licences in a package's copyright file, as they stand there, sorted: those of its fields License
// if it has the format for machines (DEP-5, copyright-format/1.0), otherwise the common ones that it refers to.
func (c *contents) licences() (names []string) {
	for _, file := range slices.Sorted(maps.Keys(c.Aside)) {
		if path.Base(file) != "copyright" {
			continue
		}
		text := c.Aside[file]
		if strings.HasPrefix(text, "Format:") || strings.HasPrefix(text, "Format-Specification:") {
			for line := range strings.Lines(text) {
				if name, ok := strings.CutPrefix(line, "License:"); ok && strings.TrimSpace(name) != "" {
					names = append(names, strings.TrimSpace(name))
				}
			}
			continue
		}
		for _, m := range commonLicence.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
