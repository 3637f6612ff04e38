package glob

import (
	"os"
	"slices"
	"strings"
)

// Expand lists the paths that match a pattern, sorted by bytes. A path that is not
// absolute is below folder. Only a dot that is written in the pattern matches one
// that a name begins with, and only a slash a slash; . and .. are never found. A
// quoted slash is a slash.
func Expand(folder, pattern string) []string {
	pattern = strings.ReplaceAll(pattern, `\/`, "/")
	found := below(folder, "", pattern)
	slices.Sort(found)
	return found
}

// below is Expand for what is left of a pattern after the path that was matched so far.
func below(folder, path, pattern string) (found []string) {
	// Parts without a pattern are only looked for.
	part, rest, more := strings.Cut(pattern, "/")
	if !HasMeta(part) {
		path += Unquote(part)
		if more {
			slashes := len(rest) - len(strings.TrimLeft(rest, "/"))
			return below(folder, path+"/"+rest[:slashes], rest[slashes:])
		}
		if _, err := os.Lstat(at(folder, path)); err != nil {
			return nil
		}
		return []string{path}
	}
	entries, _ := os.ReadDir(at(folder, path)) // what can be read of it
	for _, entry := range entries {
		name := entry.Name()
		if name[0] == '.' && part[0] != '.' && !strings.HasPrefix(part, `\.`) || !Match(part, name) {
			continue
		}
		if !more {
			found = append(found, path+name)
			continue
		}
		if entry.Type().IsRegular() {
			continue
		}
		slashes := len(rest) - len(strings.TrimLeft(rest, "/"))
		found = append(found, below(folder, path+name+"/"+rest[:slashes], rest[slashes:])...)
	}
	return found
}

// at is a path as the kernel shall see it. It is not cleaned: x/.. may lead elsewhere.
func at(folder, path string) string {
	switch {
	case path == "":
		return folder
	case strings.HasPrefix(path, "/"):
		return path
	}
	return folder + "/" + path
}
