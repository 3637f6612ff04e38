package netcfg

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// Kernel parameters of links are files, of which each has to be opened, read or written, and closed. Those that the messages
// about links have are read there, and set there where the kernel takes them: of IPv4.

// ReadSysctls takes what the links' messages say, and reads the files of the rest.
func (r *rtnetlink) ReadSysctls(into *State, paths []string) {
	for _, path := range paths {
		if value, exists, told := r.parameter(path); told {
			if exists {
				into.Sysctls[path] = value
			}
			continue
		}
		r.files++
		if text, err := os.ReadFile("/proc/sys/" + path); err == nil {
			into.Sysctls[path] = string(bytes.TrimSpace(text))
		}
	}
}

// parameter is what is known of one without its file: that of a link that is not there does not exist.
func (r *rtnetlink) parameter(path string) (value string, exists, told bool) {
	family, port, name := ofLink(path)
	switch l, there := r.links[port]; {
	case there:
		return l.parameter(family, name)
	case port == "" || port == "all" || port == "default":
		return "", false, false
	}
	return "", false, true
}

// ofLink takes the path of a link's parameter apart: family is 0 for IPv4 and 1 for IPv6. Of another one the port is "".
func ofLink(path string) (family int, port, name string) {
	rest, ours := strings.CutPrefix(path, "net/ipv4/conf/")
	if !ours {
		if rest, ours = strings.CutPrefix(path, "net/ipv6/conf/"); !ours {
			return 0, "", ""
		}
		family = 1
	}
	port, name, _ = strings.Cut(rest, "/")
	return family, port, name
}

// portOf is the link that a parameter is of.
func portOf(path string) string { _, port, _ := ofLink(path); return port }

// setParameter writes the file of a parameter, unless it is known to have the value: many of a new link do.
func (r *rtnetlink) setParameter(o Op) error {
	if value, exists, _ := r.parameter(o.Path); exists && value == o.Value {
		return nil
	}
	fd, err := unix.Open("/proc/sys/"+o.Path, unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0) // without what package os does for files that may be waited for
	if err == nil {
		_, err = unix.Write(fd, []byte(o.Value))
		unix.Close(fd)
	}
	if o.Optional && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// parameters counts those that ops begin with and that one message can set.
func (r *rtnetlink) parameters(ops []Op) (n int) {
	for n < len(ops) && ops[n].Verb == SetSysctl {
		family, port, name := ofLink(ops[n].Path)
		if _, there := r.links[port]; !there || family != 0 || port != portOf(ops[0].Path) || parameterPlaces[0].of(name) == 0 {
			break
		}
		n++
	}
	return n
}

// setParameters sets parameters of IPv4 of one link. A kernel that does not take them so has them as files.
func (r *rtnetlink) setParameters(ops []Op) []error {
	var conf, family, list rtnl.Body
	link, numbers := r.links[portOf(ops[0].Path)], true
	for _, o := range ops {
		_, _, name := ofLink(o.Path)
		value, err := strconv.Atoi(o.Value)
		numbers = numbers && err == nil
		if had, _, _ := link.parameter(0, name); had != o.Value {
			conf.Add32(uint16(parameterPlaces[0].of(name)+1), uint32(value))
		}
	}
	family.Nest(unix.IFLA_INET_CONF, conf)
	list.Nest(unix.AF_INET, family)
	var body rtnl.Body
	body.Nest(unix.IFLA_AF_SPEC, list)
	faults := make([]error, len(ops))
	if numbers && (len(conf) == 0 || r.setLink(link.Index, 0, 0, body) == nil) {
		return faults
	}
	for i, o := range ops {
		faults[i] = r.setParameter(o)
	}
	return faults
}
