package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const defaultCgroup = "/sys/fs/cgroup/bantam"

// groups holds processes together: by cgroup v2, or where there is none by
// process group, for the reason in fault.
type groups struct {
	root  string
	fault error
}

// openGroups makes the directory root and checks that it can do all we need.
func openGroups(root string) groups {
	if root == "" {
		root = defaultCgroup
	}
	parent := filepath.Dir(root)
	var at unix.Statfs_t
	if err := unix.Statfs(parent, &at); err != nil || at.Type != unix.CGROUP2_SUPER_MAGIC {
		return groups{fault: fmt.Errorf("no cgroup v2 at %s", parent)}
	}
	if err := os.Mkdir(root, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return groups{fault: fmt.Errorf("no cgroup of our own: %w", err)}
	}
	if err := unix.Access(root+"/cgroup.kill", unix.W_OK); err != nil {
		return groups{fault: fmt.Errorf("no cgroup.kill (Linux 5.14) in %s: %w", root, err)}
	}
	// A kernel without these controllers counts no OOM kills and bounds no
	// bombs; all else works, so their absence is no fault.
	for _, dir := range []string{parent, root} {
		for _, controller := range []string{"+memory", "+pids"} {
			put(dir+"/cgroup.subtree_control", controller)
		}
	}
	// PID 1 itself stays outside, with what it needs to go on.
	if total := counter("/proc/meminfo", "MemTotal:"); total > 0 {
		reserve := max(total/20, 8<<10)
		put(root+"/memory.max", fmt.Sprintf("%dK", total-reserve))
	}
	return groups{root: root}
}

// pidsMost bounds a fork bomb: an eighth of the kernel's default of 32,768.
const pidsMost = "4096"

// put writes to a file that the kernel made. Never create one: on a foreign
// file system that would succeed and mean nothing.
func put(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// serviceGroup is the directory of a service's group. The kernel's own files
// there all have a dot, as in cgroup.procs, so a service may not.
func serviceGroup(name string) string { return strings.ReplaceAll(name, ".", ":") }

// create makes the group of p and opens it for clone; nil means that the
// process group has to do.
func (g groups) create(p *process, name string) (*os.File, error) {
	if g.fault != nil {
		return nil, nil
	}
	p.group = filepath.Join(g.root, name)
	if err := os.Mkdir(p.group, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	put(p.group+"/pids.max", pidsMost)
	p.oomBefore = g.oomKills(p)
	return os.OpenFile(p.group, unix.O_PATH|unix.O_DIRECTORY, 0)
}

// errFrozen: a child cloned into a frozen group does not come to its exec, and
// whoever forks waits for that: the loop, which feeds the watchdog.
var errFrozen = errors.New("frozen")

// thaw makes sure that p's group, which may be left from before, lets a process run.
func (g groups) thaw(p *process) error {
	if p.group == "" {
		return nil
	}
	put(p.group+"/cgroup.freeze", "0")
	if counter(p.group+"/cgroup.events", "frozen") > 0 { // by one above it
		return fmt.Errorf("cgroup %s: %w", p.group, errFrozen)
	}
	return nil
}

// empty reports whether no process of p's group is left, p itself having been
// reaped. A group that is gone is empty.
func (g groups) empty(p *process) bool {
	if p.group == "" {
		// The number stays taken while the group has members, so this
		// cannot meet a stranger's group before it has been seen empty.
		return errors.Is(syscall.Kill(-p.pid, 0), syscall.ESRCH)
	}
	return counter(p.group+"/cgroup.events", "populated") <= 0
}

// kill ends all processes of p's group, those that fork meanwhile included.
func (g groups) kill(p *process) {
	select {
	case <-p.gone:
		return // its number may be another's by now
	default:
	}
	if p.group == "" {
		syscall.Kill(-p.pid, syscall.SIGKILL)
		return
	}
	killGroup(p.group)
}

func killGroup(dir string) {
	put(dir+"/cgroup.kill", "1")
}

// killTree ends everything that ever was put into a group.
func (g groups) killTree() {
	if g.fault == nil {
		killGroup(g.root)
	}
}

// remove deletes the group and what the service made below it.
func (g groups) remove(p *process) {
	if p.group == "" {
		return
	}
	var dirs []string
	filepath.WalkDir(p.group, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	for i := len(dirs) - 1; i >= 0; i-- {
		unix.Rmdir(dirs[i])
	}
}

// members lists the processes of p's group.
func (g groups) members(p *process) []int {
	if p.group == "" {
		return groupMembers(p.pid)
	}
	var pids []int
	filepath.WalkDir(p.group, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			text, _ := os.ReadFile(path + "/cgroup.procs")
			for _, word := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(word); err == nil {
					pids = append(pids, pid)
				}
			}
		}
		return nil
	})
	return pids
}

// groupMembers lists the processes of a process group.
func groupMembers(pgid int) []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if group, err := unix.Getpgid(pid); err == nil && group == pgid {
			pids = append(pids, pid)
		}
	}
	return pids
}

// oomKills counts the kills for lack of memory in p's group so far.
func (g groups) oomKills(p *process) int {
	if p.group == "" {
		return 0
	}
	return max(counter(p.group+"/memory.events", "oom_kill"), 0)
}

// counter reads the number after key from a file of lines like "key 12"; -1
// when it is not there.
func counter(path, key string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return -1
	}
	for line := range bytes.Lines(text) {
		if word := strings.Fields(string(line)); len(word) > 1 && word[0] == key {
			if n, err := strconv.Atoi(word[1]); err == nil {
				return n
			}
		}
	}
	return -1
}
