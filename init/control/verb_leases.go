package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"text/tabwriter"
	"time"

	"bantam/boottime"
	"bantam/init/supervise"
	"bantam/netcfg/netserve"
	"bantam/printable"
	"bantam/system"
)

// Where the server of a machine's ports is told what it serves, and says what it has given away; replaced by tests.
var (
	servesPath = netserve.ConfigPath
	leasesPath = netserve.LeasesPath
)

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
	list, err := givenAway()
	if errors.Is(err, fs.ErrNotExist) {
		return c.fail(errors.New("no port serves DHCP; serve = { dhcp = \"100-199\" } in a [net.NAME] makes it"))
	} else if err != nil {
		return c.fail(err)
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

// givenAway are the leases that are good now.
func givenAway() ([]servedLease, error) {
	state, err := netserve.ReadState(leasesPath)
	if err != nil {
		return nil, err
	}
	now, list := boottime.Now(), []servedLease{}
	for _, l := range state.Leases {
		if l.Until > now {
			list = append(list, servedLease{l.Address, l.Port, l.MAC, l.Name, time.Now().Add(l.Until - now).Round(time.Second).UTC()})
		}
	}
	return list, nil
}

// servedPort is what `bantam net` tells of a port that serves.
type servedPort struct {
	Port   string `json:"port"`
	Serves string `json:"serves"` // e.g. "DHCP 100-249, DNS"
	Leases int    `json:"leases"` // that are good now
}

// servedPorts are the ports that serve, and what is wrong with that. There are none where the service that does it is not one of services.
func servedPorts(services []supervise.State) (list []servedPort, trouble string) {
	i := slices.IndexFunc(services, func(s supervise.State) bool { return s.Name == system.ServeService })
	if i < 0 {
		return nil, ""
	}
	if word, _ := services[i].Show(); services[i].PID == 0 {
		trouble = fmt.Sprintf("Nobody is served now: service %s is %s; `bantam log %[1]s` may tell why.", system.ServeService, word)
	}
	config, err := netserve.ReadConfig(servesPath)
	if err != nil {
		return nil, "What is served is not known: " + err.Error()
	}
	leases, err := givenAway()
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it has never given any
		trouble = "What is given away is not known: " + err.Error()
	}
	for i := range config.Ports {
		p := servedPort{Port: config.Ports[i].Name, Serves: config.Ports[i].Serves()}
		for _, l := range leases {
			if l.Port == p.Port {
				p.Leases++
			}
		}
		list = append(list, p)
	}
	return list, trouble
}

// line is what the table of ports does not have.
func (p servedPort) line() string {
	text := printable.Escape(p.Port) + " serves " + printable.Escape(p.Serves)
	switch p.Leases {
	case 0:
		return text
	case 1:
		return text + "; 1 address is given away"
	}
	return fmt.Sprintf("%s; %d addresses are given away", text, p.Leases)
}
