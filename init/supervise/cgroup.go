package supervise

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const defaultCgroup = "/sys/fs/cgroup/bantam"

// groups holds processes together: by cgroup v2, or where there is none by
// process group, for the reason in fault.
//
// Below root lie two trees, because a group with controllers for its members
// must not have processes itself. PID 1 stays outside, in the kernel's own
// group, with what it needs to go on.
type groups struct {
	root  string
	fault error
	has   map[string]bool // controllers that work in both trees
	tasks taskLimits
	bound bool // the tree of the services has its limits
}

// The trees: services, which together get no more than the machine can spare,
// and what a person needs to help it when they take all of that.
const (
	serviceTree = "services"
	vitalTree   = "vital"
)

// vitalWeight is the share of the processor that consoles and network get beside
// the services' 100, the kernel's default.
const vitalWeight = "1000"

// controllers and what goes without them. All else works, so their absence is no fault.
var controllers = []struct{ name, without string }{
	{"cpu", "services are not kept from taking the whole processor"},
	{"memory", "a service's memory is not limited, whatever its `memory` says, and a lack of it is not told"},
	{"pids", "a service's processes are not limited, whatever its `tasks` says"},
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
	g := groups{root: root, has: map[string]bool{}, tasks: limitTasks(mostTasks(), tasksNow())}
	for _, tree := range []string{serviceTree, vitalTree} {
		if err := os.Mkdir(filepath.Join(root, tree), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return groups{fault: fmt.Errorf("no cgroup of our own: %w", err)}
		}
	}
	for _, c := range controllers {
		for _, dir := range []string{parent, root, g.tree(serviceTree), g.tree(vitalTree)} {
			put(dir+"/cgroup.subtree_control", "+"+c.name)
		}
		works := true
		for _, tree := range []string{serviceTree, vitalTree} {
			text, _ := os.ReadFile(g.tree(tree) + "/cgroup.subtree_control")
			works = works && slices.Contains(strings.Fields(string(text)), c.name)
		}
		g.has[c.name] = works
	}
	put(g.tree(vitalTree)+"/cpu.weight", vitalWeight)
	return g
}

func (g groups) tree(name string) string { return filepath.Join(g.root, name) }

// lacks says which limits this kernel cannot keep.
func (g groups) lacks() []string {
	if g.fault != nil {
		return nil
	}
	var list []string
	for _, c := range controllers {
		if !g.has[c.name] {
			list = append(list, fmt.Sprintf("the cgroups of this kernel have no %s controller: %s", c.name, c.without))
		}
	}
	return list
}

// boundServices limits all services together. It is done before the first one
// starts and not earlier: only then the drivers have taken their memory.
func (g *groups) boundServices() {
	if g.bound {
		return
	}
	g.bound = true
	put(g.tree(serviceTree)+"/pids.max", strconv.Itoa(g.tasks.tree))
	if available := counter("/proc/meminfo", "MemAvailable:"); available > 0 {
		put(g.tree(serviceTree)+"/memory.max", fmt.Sprintf("%dK", limitMemory(available)))
	}
}

// put writes to a file that the kernel made. Never create one: on a foreign
// file system that would succeed and mean nothing.
func put(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if _, err = unix.Write(fd, []byte(text)); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// serviceGroup is the directory of a service's group. The kernel's own files
// there all have a dot, as in cgroup.procs, so a service may not.
func serviceGroup(name string) string { return strings.ReplaceAll(name, ".", ":") }

// create makes the group of p with the limits of def and opens it for clone;
// nil means that the process group has to do.
func (g *groups) create(p *process, name string, def Definition) (*os.File, error) {
	if g.fault != nil {
		return nil, nil
	}
	tree, tasks := serviceTree, g.tasks.service
	if def.Vital {
		tree, tasks = vitalTree, g.tasks.vital
	} else {
		g.boundServices()
	}
	p.group = filepath.Join(g.tree(tree), name)
	err := os.Mkdir(p.group, 0o755)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	put(p.group+"/pids.max", strconv.Itoa(cmp.Or(def.Tasks, tasks)))
	if def.Memory > 0 {
		put(p.group+"/memory.max", strconv.FormatInt(def.Memory, 10))
	}
	// Each file of a group takes a kilobyte of the kernel's memory once it was opened, so a new one's are left alone.
	if err != nil {
		g.renew(p, def)
	}
	return os.OpenFile(p.group, unix.O_PATH|unix.O_DIRECTORY, 0)
}

// renew makes a group that could not be removed as good as new. A quota may be the work of a
// program that was root there; of one above the group the shortest, 1 ms in a second, slows the exec down to seconds.
func (g groups) renew(p *process, def Definition) {
	if def.Memory == 0 {
		put(p.group+"/memory.max", "max")
	}
	put(p.group+"/cgroup.freeze", "0")
	put(p.group+"/cpu.max", "max")
	put(p.group+"/memory.high", "max")
	p.oomBefore = g.oomKills(p)
}

// errFrozen: a child cloned into a frozen group does not come to its exec, and
// whoever forks waits for that: the loop, which feeds the watchdog.
var errFrozen = errors.New("frozen")

// thawed makes sure that p's group lets a process run.
func (g groups) thawed(p *process) error {
	if p.group != "" && counter(p.group+"/cgroup.events", "frozen") > 0 { // by one above it
		return fmt.Errorf("cgroup %s: %w", p.group, errFrozen)
	}
	return nil
}

// unkept says which of a definition's limits do nothing here.
func (g groups) unkept(def Definition) (list []string) {
	if def.Memory > 0 && !g.has["memory"] {
		list = append(list, "memory")
	}
	if def.Tasks > 0 && !g.has["pids"] {
		list = append(list, "tasks")
	}
	return list
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

// counter reads the number after key from the first page of a file of lines like "key 12"; -1
// when it is not there.
func counter(path, key string) int {
	var page [4096]byte
	text := firstPage(path, &page)
	for len(text) > 0 { // not bytes.Lines, whose closure takes the page to the heap
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		if name, rest, ok := bytes.Cut(line, []byte{' '}); ok && string(name) == key {
			number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte{' '})
			if n, err := strconv.Atoi(string(number)); err == nil {
				return n
			}
		}
	}
	return -1
}

// firstPage is what can be read of the begin of one of the kernel's files. Some are read at each start and end of a
// service, so it leaves no garbage, as os.ReadFile does.
func firstPage(path string, page *[4096]byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, page[:])
	if err != nil {
		return nil
	}
	return page[:n]
}
