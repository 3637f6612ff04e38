package pid1

import (
	"fmt"
	"io/fs"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"bantam/netcfg/netserve"
)

// Everything that a machine without a disk writes is memory, and what fills up
// one place must not take from another: PID 1 has to write what a switch and
// the way back need whatever users have done. So each folder that somebody may
// write to is a file system of its own, bounded in bytes and in files, and all
// of them together, with the state where it is in memory too, leave a quarter
// of the memory to the kernel and to processes.

// area is one folder in memory.
type area struct {
	path  string
	mode  fs.FileMode
	share int64 // percent of the memory; or
	bytes int64 // so many bytes on every machine
	owner int   // user and group
	must  bool
}

var areas = []area{
	{path: "/run", mode: 0o755, share: 5, must: true},
	{path: "/run/bantam", mode: 0o755, bytes: 3 << 20, must: true},     // system.toml twice while it is replaced
	{path: netDir, mode: 0o755, bytes: 1 << 20, owner: netcfgUser},     // it reads from the network: it fills its own folder only
	{path: timeDir, mode: 0o755, bytes: 96 << 10, owner: timesyncUser}, // likewise
	{path: netserve.Dir, mode: 0o755, share: 1, owner: netserveUser},   // likewise: leases, some 900 of them where there are 64 MiB
	{path: "/run/lock", mode: 0o1777, share: 1},
	{path: "/tmp", mode: 0o1777, share: 20},
	{path: "/dev/shm", mode: 0o1777, share: 10},
}

const (
	rootShare = 10      // percent of the memory, beyond what the image takes
	devBytes  = 1 << 20 // device nodes take none; a mistyped name of a disk does

	// A file takes about a kilobyte of the kernel's memory, beside its bytes.
	bytesPerFile = 8 << 10
	fewestFiles  = 256
)

// size is what may be stored in the area, and how many files.
func (a area) size(memory int64) (bytes, files int64) {
	bytes = a.bytes + memory*a.share/100
	return bytes, max(bytes/bytesPerFile, fewestFiles)
}

func (a area) mount(memory int64) Mount {
	bytes, files := a.size(memory)
	return Mount{Type: "tmpfs", Target: a.path, Flags: quiet, Must: a.must,
		Data: fmt.Sprintf("mode=%04o,size=%d,nr_inodes=%d,uid=%d,gid=%d", a.mode, bytes, files, a.owner, a.owner)}
}

// restGC keeps the heap of PID 1 small once the machine has started: little garbage comes then. Before, the
// heap grows to 4 MB without a collection, which would take time from the boot.
const restGC = 20

// rest gives back what the boot has taken.
func rest() {
	debug.SetGCPercent(restGC)
	debug.FreeOSMemory()
}

// totalMemory is what the kernel has to give, in bytes.
func totalMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 64 << 20 // bounds that fit everywhere
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}

// Root closes and bounds the root file system, which the kernel makes so that
// everybody may write to it, up to half of the memory.
type Root struct {
	Share  int64 // percent of Memory that may be stored beyond what is there
	Memory int64
}

func (r Root) String() string  { return "root file system" }
func (r Root) Essential() bool { return false }

// Create changes mode and size of what is mounted at /.
func (r Root) Create() error {
	if err := unix.Chmod("/", 0o755); err != nil {
		return fmt.Errorf("chmod /: %w", err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err != nil {
		return fmt.Errorf("statfs /: %w", err)
	}
	if int64(st.Type) != unix.TMPFS_MAGIC {
		return nil // a kernel without tmpfs has a root that knows no bounds
	}
	size := int64(st.Blocks-st.Bfree)*int64(st.Bsize) + r.Memory*r.Share/100
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("remount / with size=%d: %w", size, err)
	}
	return nil
}
