package rtnl

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// Every kernel has the family that tells of the others; few that tests run on have WireGuard.
func TestAFamilyIsFoundByItsName(t *testing.T) {
	c, err := OpenProtocol(unix.NETLINK_GENERIC)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if id, err := c.Family("nlctrl"); id != controlFamily || err != nil {
		t.Errorf("nlctrl: %d, %v", id, err)
	}
	if id, err := c.Family("nosuchfamily"); !errors.Is(err, ErrNoFamily) {
		t.Errorf("a family that is not there: %d, %v", id, err)
	}
	if id, err := c.Family("nlctrl"); id != controlFamily || err != nil {
		t.Errorf("nlctrl again: %d, %v", id, err)
	}
}
