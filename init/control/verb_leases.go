package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"text/tabwriter"
	"time"

	"bantam/boottime"
	"bantam/netcfg/netserve"
	"bantam/printable"
)

// leasesPath is where the server of a machine's ports says what it has given away; replaced by tests.
var leasesPath = netserve.LeasesPath

// servedLease is a lease as `bantam net leases --json` prints it.
type servedLease struct {
	Address netip.Addr `json:"address"`
	Port    string     `json:"port"`
	MAC     string     `json:"mac"`
	Name    string     `json:"name,omitempty"`
	Until   time.Time  `json:"until"` // UTC
}

// runLeases shows which addresses this machine's ports have given away.
func runLeases(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--json")
	switch {
	case code != 0:
		return code
	case len(rest) > 0:
		return c.misuse("net leases takes no names")
	}
	state, err := netserve.ReadState(leasesPath)
	if errors.Is(err, fs.ErrNotExist) {
		return c.fail(errors.New("no port serves DHCP; serve = { dhcp = \"100-199\" } in a [net.NAME] makes it"))
	} else if err != nil {
		return c.fail(err)
	}
	now, list := boottime.Now(), []servedLease{}
	for _, l := range state.Leases {
		if l.Until > now {
			list = append(list, servedLease{l.Address, l.Port, l.MAC, l.Name, time.Now().Add(l.Until - now).Round(time.Second).UTC()})
		}
	}
	if flags["--json"] != "" {
		return c.printJSON(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(c.out, "no address is given away now")
		return ExitGood
	}
	t := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "ADDRESS\tPORT\tMAC\tUNTIL\tNAME")
	for _, l := range list { // whoever took the server over does not command a terminal
		fmt.Fprintf(t, "%v\t%s\t%s\t%s\t%s\n", l.Address, printable.Escape(l.Port), printable.Escape(l.MAC), l.Until.Local().Format("2006-01-02 15:04"), printable.Escape(l.Name))
	}
	t.Flush()
	return ExitGood
}
