package rtnl

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Of the family that tells of the others (linux/genetlink.h).
const (
	controlFamily  = 16 // GENL_ID_CTRL
	controlVersion = 1
	getFamily      = 3 // CTRL_CMD_GETFAMILY
	controlID      = 1 // CTRL_ATTR_FAMILY_ID
	controlName    = 2 // CTRL_ATTR_FAMILY_NAME
)

// ErrNoFamily is that the kernel has no family of generic netlink by that name: the module that brings it is not there.
var ErrNoFamily = errors.New("the kernel does not know it")

// Family asks for the number of a family of generic netlink, which it has as long as its module is there.
func (c *Conversation) Family(name string) (uint16, error) {
	answer, err := c.Ask(controlFamily, Body{getFamily, controlVersion, 0, 0}, AttributeText(controlName, name))
	if err == nil && len(answer) >= 4 {
		for a := (Attributes{Rest: answer[4:]}); a.Next(); {
			if a.Kind == controlID {
				return uint16(Number(a.Value)), nil
			}
		}
	}
	if err == nil || errors.Is(err, unix.ENOENT) {
		err = ErrNoFamily
	}
	return 0, err
}
