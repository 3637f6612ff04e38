package kmod

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Loaded is a line of /proc/modules: what lsmod prints.
type Loaded struct {
	Name   string
	Size   int
	Uses   int      // -1 when the kernel does not count
	UsedBy []string // modules
	State  string   // "Live", "Loading" or "Unloading"
}

// List gives the modules in the kernel, the newest first.
func List() ([]Loaded, error) {
	text, err := os.ReadFile("/proc/modules")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // a kernel without module support
	}
	if err != nil {
		return nil, err
	}
	return parseList(string(text)), nil
}

func parseList(text string) (list []Loaded) {
	for line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		m := Loaded{Name: f[0], State: f[4], Uses: -1}
		m.Size, _ = strconv.Atoi(f[1])
		if n, err := strconv.Atoi(f[2]); err == nil {
			m.Uses = n
		}
		for user := range strings.SplitSeq(f[3], ",") {
			if user != "" && user != "-" && user != "[permanent]" {
				m.UsedBy = append(m.UsedBy, user)
			}
		}
		list = append(list, m)
	}
	return list
}

// Rmmod removes one module. It does not wait for the module's users to go.
func Rmmod(name string) error {
	err := unix.DeleteModule(Name(name), unix.O_NONBLOCK)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("module %s: not loaded", name)
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("module %s: in use%s", name, usedBy(Name(name)))
	}
	return fmt.Errorf("module %s: delete_module: %w", name, err)
}

func usedBy(name string) string {
	list, _ := List()
	for _, m := range list {
		if m.Name == name && len(m.UsedBy) > 0 {
			return " by " + strings.Join(m.UsedBy, ", ")
		}
	}
	return ""
}
