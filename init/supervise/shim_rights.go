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

// rights adds the calls that leave the program the user, the groups and the capabilities of the definition.
func rights(list []call, def Definition) []call {
	add := func(stage string, number uintptr, args ...any) *call {
		c := call{stage: stage, number: number}
		copy(c.args[:], args)
		list = append(list, c)
		return &list[len(list)-1]
	}
	caps, restricted := capsOf(def)
	if restricted {
		// Out of the bounding set, so that neither root nor a file's capabilities bring it back.
		keeps := map[int]bool{}
		for _, c := range caps {
			keeps[c] = true
		}
		for c := range 64 {
			if !keeps[c] {
				add("capability bounds", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0, 0, 0).excuse = syscall.EINVAL // the kernel does not know it
			}
		}
	}
	add("groups", sysSetgroups, len(def.Groups), words32(def.Groups...))
	add("groups", sysSetresgid, int(def.GID), int(def.GID), int(def.GID))
	// Over the change of user the permitted ones are kept, to choose from.
	add("user", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
	add("user", sysSetresuid, int(def.UID), int(def.UID), int(def.UID))
	if restricted {
		// Exactly the listed ones: in the ambient set, which survives the exec of an ordinary file by an
		// ordinary user, and for root by way of the bounding set.
		var sets [2]uint32
		for _, c := range caps {
			if c < 0 || c > 63 {
				add("capabilities", unix.SYS_PRCTL, unix.PR_CAPBSET_READ, c, 0, 0, 0) // EINVAL
				return list
			}
			sets[c/32] |= 1 << (c % 32)
		}
		add("capabilities", unix.SYS_CAPSET, words32(unix.LINUX_CAPABILITY_VERSION_3, 0),
			words32(sets[0], sets[0], sets[0], sets[1], sets[1], sets[1]))
		add("capabilities", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
		for _, c := range caps {
			add("capabilities", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0)
		}
	}
	if def.UID != 0 { // ordinary users also lose all ways to gain more
		add("capabilities", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	return list
}

// hide are the calls that give the process a view of its own of the file systems, in which these
// folders are empty and closed. What is mounted and unmounted outside later
// is so inside too: otherwise a medium that nobody uses could not be taken out.
func hide(folders []string) (list []call) {
	if len(folders) == 0 {
		return nil
	}
	const stage = "hidden folders"
	list = []call{
		{stage: stage, number: unix.SYS_UNSHARE, args: [6]any{unix.CLONE_NEWNS}},
		{stage: stage, number: unix.SYS_MOUNT, args: [6]any{"", "/", "", unix.MS_REC | unix.MS_SLAVE, ""}},
	}
	for _, folder := range folders {
		list = append(list,
			// Nor does it keep the volume busy.
			call{stage: stage, number: unix.SYS_UMOUNT2, args: [6]any{folder, unix.MNT_DETACH | unix.UMOUNT_NOFOLLOW}, then: repeat, excuse: anyError},
			call{stage: stage + ": mount over " + folder, number: unix.SYS_MOUNT, excuse: syscall.ENOENT,
				args: [6]any{"none", folder, "tmpfs", unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=0,size=4k"}})
	}
	return list
}
