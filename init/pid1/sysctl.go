package pid1

import (
	"errors"
	"fmt"
	"io/fs"

	"bantam/system"

	"golang.org/x/sys/unix"
)

// SetSysctl sets one kernel parameter, e.g. net.ipv4.ip_forward to 1. The name
// is written with dots; a dot inside a part is then a slash, as sysctl(8) has
// it: net.ipv4.conf.eth0/1.rp_filter is that of interface eth0.1.
func SetSysctl(name, value string) error {
	path, err := sysctlPath(name)
	if err != nil {
		return err
	}
	err = writeParameter("/proc/sys/"+path, value)
	if err == nil {
		return restoreDefaults(path)
	}
	return fmt.Errorf("sysctl %s = %s: %w%s", name, value, reason(err), sysctlAdvice(err))
}

// sysctlPath is the file of a parameter below /proc/sys.
func sysctlPath(name string) (string, error) {
	if path := system.ParameterPath(name); path != "" {
		return path, nil
	}
	return "", fmt.Errorf("sysctl %q: not a parameter's name such as net.ipv4.ip_forward", name)
}

// reason is the error number without the path, which the name says already.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

func sysctlAdvice(err error) string {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EISDIR):
		return "; the kernel has no such parameter, perhaps because its module is not loaded or the interface is missing"
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE):
		return "; the kernel does not accept this value"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		return "; it can only be read"
	}
	return ""
}
