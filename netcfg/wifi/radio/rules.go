package radio

import (
	"errors"
	"fmt"

	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

// reloadRules is NL80211_CMD_RELOAD_REGDB (linux/nl80211.h).
const reloadRules = 126

// readRules has the kernel read the file of the countries' rules, regulatory.db. It does so by itself when it is asked for a
// radio first, which is before the files of packages are there, and then never again.
func readRules() error {
	c, err := rtnl.OpenProtocol(unix.NETLINK_GENERIC)
	if err != nil {
		return fmt.Errorf("open generic netlink: %w", err)
	}
	defer c.Close()
	family, err := c.Family("nl80211")
	if err != nil {
		return fmt.Errorf("nl80211: %w (the module cfg80211)", err)
	}
	if err := c.Change(family, 0, rtnl.Body{reloadRules, 0, 0, 0}); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("read regulatory.db, which package wireless-regdb has: %w", err)
	}
	return nil
}
