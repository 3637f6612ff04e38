package payload

import (
	"slices"
	"strings"

	"bantam/layer"
)

// radioRules are the countries' rules for radio, by the names under which the kernel looks for them.
var radioRules = []string{"usr/lib/firmware/regulatory.db", "usr/lib/firmware/regulatory.db.p7s"}

// nameRules adds the links that update-alternatives would make of package wireless-regdb: to the rules with Debian's signature,
// which Debian's kernels and those of its source believe.
func (c *contents) nameRules() {
	for _, name := range radioRules {
		is := func(want string) bool {
			return slices.ContainsFunc(c.Tree, func(f File) bool { return f.Path == want })
		}
		if target := name + "-debian"; is(target) && !is(name) {
			c.Tree = append(c.Tree, File{Entry: layer.Entry{Path: name, Kind: layer.Link, Link: target[strings.LastIndexByte(target, '/')+1:]}})
		}
	}
	slices.SortFunc(c.Tree, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}
