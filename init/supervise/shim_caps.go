package supervise

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// capsOf returns the capabilities that a service gets, and whether that is a
// restriction at all: root without a list keeps everything.
func capsOf(def Definition) (caps []int, restricted bool) {
	return def.Caps, def.Caps != nil || def.UID != 0
}

// boundCapabilities takes everything that is not in the list out of the
// bounding set, so that neither root nor a file's capabilities bring it back.
func boundCapabilities(def Definition) error {
	caps, restricted := capsOf(def)
	if !restricted {
		return nil
	}
	keep := map[int]bool{}
	for _, c := range caps {
		keep[c] = true
	}
	for c := 0; c < 64; c++ {
		if keep[c] {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0)
		if err == unix.EINVAL {
			return nil // the kernel knows no more of them
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func setGroups(def Definition) error {
	groups := make([]int, len(def.Groups))
	for i, g := range def.Groups {
		groups[i] = int(g)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return err
	}
	return syscall.Setresgid(int(def.GID), int(def.GID), int(def.GID))
}

// setUser keeps the permitted capabilities over the change of user, for
// setCapabilities to choose from.
func setUser(def Definition) error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	uid := int(def.UID)
	return syscall.Setresuid(uid, uid, uid)
}

// setCapabilities leaves exactly the listed ones: in the ambient set, which
// survives the exec of an ordinary file by an ordinary user, and for root by
// way of the bounding set. Ordinary users also lose all ways to gain more.
func setCapabilities(def Definition) error {
	caps, restricted := capsOf(def)
	if restricted {
		var data [2]unix.CapUserData
		for _, c := range caps {
			if c < 0 || c > 63 {
				return unix.EINVAL
			}
			bit := uint32(1) << (c % 32)
			data[c/32].Effective |= bit
			data[c/32].Permitted |= bit
			data[c/32].Inheritable |= bit
		}
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err := unix.Capset(&header, &data[0]); err != nil {
			return err
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
			return err
		}
		for _, c := range caps {
			if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0); err != nil {
				return err
			}
		}
	}
	if def.UID == 0 {
		return nil
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}
