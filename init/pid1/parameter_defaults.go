package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bantam/system"
)

// SetParameterDefaults makes the kernel safer than it is by itself. It is for the
// time before anything else has set a parameter. Those that the kernel does not
// have are returned: a module may bring them.
func SetParameterDefaults(defaults []system.ParameterDefault) (missing []system.ParameterDefault, errs []error) {
	return setDefaults("/proc/sys", defaults)
}

func setDefaults(root string, defaults []system.ParameterDefault) (missing []system.ParameterDefault, errs []error) {
	files := func(name string) []string {
		found, _ := filepath.Glob(root + "/" + strings.ReplaceAll(name, ".", "/"))
		return found
	}
	for _, d := range defaults {
		if d.Unless != "" && len(files(d.Unless)) > 0 {
			continue
		}
		found := files(d.Name)
		if len(found) == 0 {
			missing = append(missing, d)
		}
		for _, file := range found {
			err := writeParameter(file, d.Value)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // an interface may go
				errs = append(errs, fmt.Errorf("sysctl %s = %s: %w", d.Name, d.Value, reason(err)))
			}
		}
	}
	return missing, errs
}

// writeParameter writes to a file that the kernel made.
func writeParameter(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value + "\n")
	return err
}

// restoreDefaults sets again what the kernel changed along with a parameter: with
// IPv4 forwarding it turns the acceptance of redirects on or off (devinet_sysctl_forward
// in net/ipv4/devinet.c). What [sysctl] says of it is set after this.
func restoreDefaults(path string) error {
	if path != "net/ipv4/ip_forward" && path != "net/ipv4/conf/all/forwarding" {
		return nil
	}
	_, errs := setDefaults("/proc/sys", []system.ParameterDefault{{Name: "net.ipv4.conf.all.accept_redirects", Value: "0"}})
	return errors.Join(errs...)
}
