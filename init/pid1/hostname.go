package pid1

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SetHostname names the machine, for the kernel and in /etc/hostname and /etc/hosts.
func SetHostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("sethostname %s: %w", name, err)
	}
	for _, file := range hostnameFiles(name) {
		if err := file.Create(); err != nil {
			return err
		}
	}
	return nil
}

func hostnameFiles(name string) []File {
	return []File{
		{"/etc/hostname", 0o644, name + "\n"},
		{"/etc/hosts", 0o644, hosts(name)},
	}
}

func hosts(name string) string {
	return "# Made at each boot and switch from the hostname in system.toml: bantam edit\n" +
		"127.0.0.1\tlocalhost\n" +
		"127.0.1.1\t" + name + "\n" +
		"::1\tlocalhost ip6-localhost\n" +
		"ff02::1\tip6-allnodes\n" +
		"ff02::2\tip6-allrouters\n"
}
