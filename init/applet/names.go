package applet

import (
	"bufio"
	"fmt"
	"os"
	"slices"
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

// primaryGroup is the group that /etc/passwd gives a user.
func primaryGroup(uid uint32) (gid uint32, ok bool) {
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return 0, uid == 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(line, ":")
		if len(fields) < 4 || fields[2] != strconv.FormatUint(uint64(uid), 10) {
			continue
		}
		if n, err := strconv.ParseUint(fields[3], 10, 32); err == nil {
			return uint32(n), true
		}
	}
	return 0, uid == 0
}

// groupsOf are the groups that /etc/group lists a user in.
func groupsOf(user string) []uint32 {
	var list []uint32
	text, _ := os.ReadFile("/etc/group")
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 4 || !slices.Contains(strings.Split(fields[3], ","), user) {
			continue
		}
		if n, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			list = append(list, uint32(n))
		}
	}
	return list
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
