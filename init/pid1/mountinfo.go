package pid1

import (
	"slices"
	"strconv"
	"strings"
)

// memoryTypes lose nothing by not being unmounted.
var memoryTypes = map[string]bool{
	"rootfs": true, "tmpfs": true, "ramfs": true, "proc": true, "sysfs": true, "devtmpfs": true,
	"devpts": true, "cgroup": true, "cgroup2": true, "pstore": true, "efivarfs": true, "mqueue": true,
	"debugfs": true, "tracefs": true, "securityfs": true, "bpf": true, "configfs": true, "nsfs": true,
}

// unmountOrder lists the mount points of /proc/self/mountinfo that hold data,
// those of the file system at first, wherever it is mounted too, and below it before all others, and the
// newest before what they may lie on. The root is left out.
func unmountOrder(mountinfo, first string) (targets []string) {
	var others []string
	device := ""
	for line := range strings.Lines(mountinfo) {
		if fields := strings.Fields(line); len(fields) > 4 && first != "" && unescape(fields[4]) == first {
			device = fields[2]
		}
	}
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 1 || memoryTypes[kind[0]] {
			continue
		}
		switch target := unescape(fields[4]); {
		case target == "/":
		case first != "" && (fields[2] == device || strings.HasPrefix(target, first+"/")):
			targets = append(targets, target)
		default:
			others = append(others, target)
		}
	}
	slices.Reverse(targets)
	slices.Reverse(others)
	return append(targets, others...)
}

// unescape turns \040 and its like, by which the kernel writes blanks, back.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
