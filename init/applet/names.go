package applet

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// readNames reads the names by number of /etc/passwd or /etc/group. A missing
// file leaves root, which is always known.
func readNames(path string) map[uint32]string {
	names := map[uint32]string{0: "root"}
	f, err := os.Open(path)
	if err != nil {
		return names
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Split(s.Text(), ":")
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			if _, known := names[uint32(id)]; !known {
				names[uint32(id)] = fields[0]
			}
		}
	}
	return names
}

func nameOf(names map[uint32]string, id uint32) string {
	if name, ok := names[id]; ok {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// idOf resolves a name or number with the names of path.
func idOf(path, name string) (int, error) {
	for id, known := range readNames(path) {
		if known == name {
			return int(id), nil
		}
	}
	id, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: not in %s", name, path)
	}
	return int(id), nil
}
