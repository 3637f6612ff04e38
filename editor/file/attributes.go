package file

import (
	"fmt"
	"maps"
	"slices"
)

// attributes are what a file has besides its bytes, as far as a save keeps it:
// owner, mode and every extended attribute (ACLs, labels, capabilities). Flags
// of chattr are not among them.
type attributes struct {
	uid, gid int
	mode     uint32
	xattrs   map[string]string
}

func attributesOf(h handle) (attributes, error) {
	st, err := h.Stat()
	if err != nil {
		return attributes{}, err
	}
	xattrs, err := h.Xattrs()
	return attributes{st.uid, st.gid, st.mode & 0o7777, xattrs}, err
}

// put gives h the attributes and fails if it does not have them all
// afterwards. It does nothing that is not needed: vfat refuses even a chown.
func (want attributes) put(h handle) error {
	have, err := attributesOf(h)
	if err != nil {
		return err
	}
	if have.uid != want.uid || have.gid != want.gid {
		if err := h.Chown(want.uid, want.gid); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have.xattrs)) { // e.g. the default ACL of the folder
		if _, wanted := want.xattrs[name]; !wanted {
			if err := h.RemoveXattr(name); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.xattrs)) {
		if value, there := have.xattrs[name]; !there || value != want.xattrs[name] {
			if err := h.SetXattr(name, want.xattrs[name]); err != nil {
				return err
			}
		}
	}
	// Last: chown takes the setuid bit away, and with an ACL the group's bits are its mask.
	if have, err = attributesOf(h); err != nil {
		return err
	}
	if have.mode != want.mode {
		if err := h.Chmod(want.mode); err != nil {
			return err
		}
		if have, err = attributesOf(h); err != nil {
			return err
		}
	}
	if have.uid != want.uid || have.gid != want.gid || have.mode != want.mode || !maps.Equal(have.xattrs, want.xattrs) {
		return fmt.Errorf("the file system did not keep the attributes of the file")
	}
	return nil
}
