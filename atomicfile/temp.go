package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// TempPrefix starts the name of every unfinished file: TempPrefix, our process id, "-", a number.
const TempPrefix = ".unfinished-"

// IsTemp says whether a name is that of an unfinished file.
func IsTemp(name string) bool { return strings.HasPrefix(name, TempPrefix) }

var tempCount atomic.Uint32

// create makes an unfinished file in dir.
func create(d Disk, dir string, mode fs.FileMode) (path string, f File, err error) {
	for { // another copy of us may have left a file of the same name: same process id, different boot
		path = filepath.Join(dir, TempPrefix+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(int(tempCount.Add(1))))
		if f, err = d.Create(path, mode); !errors.Is(err, fs.ErrExist) {
			return path, f, err
		}
	}
}

// RemoveTemps removes files in dir that a power cut left unfinished. Those of
// other living processes stay: on a host two builds may share a store.
func RemoveTemps(d Disk, dir string) error {
	names, err := d.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, TempPrefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(number); err == nil && pid > 0 && pid != os.Getpid() && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if err := d.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
