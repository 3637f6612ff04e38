package payload

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/system"
)

// hidden says which programs, by their paths in a layer, are not the ones that their names mean.
func hidden(programs []string) string {
	if len(programs) == 1 {
		return fmt.Sprintf("%s is a command of Bantam's own, also as /bin/%[1]s; this one is /%s", path.Base(programs[0]), programs[0])
	}
	var names []string
	for _, file := range programs[:min(len(programs), 3)] {
		names = append(names, path.Base(file))
	}
	shown := strings.Join(names, ", ")
	if more := len(programs) - len(names); more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s are commands of Bantam's own, also in /bin; these are /%s and its like", shown, programs[0])
}

// hiddenPrograms are those of a package that have the name of a command of Bantam's.
func (c *contents) hiddenPrograms() (paths []string) {
	for _, f := range c.Tree {
		if f.Kind != layer.Folder && slices.Contains(programFolders, path.Dir(f.Path)) && system.IsOwnCommand(path.Base(f.Path)) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}
