package system

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"bantam/spelling"
	"bantam/system/syntax"
	"bantam/zone"
)

// Time says where the machine's clock gets the time from, and how it is shown.
type Time struct {
	Servers []string `toml:"servers" doc:"time servers or pools by name or address, e.g. [\"ntp.example.org\", \"192.0.2.1\"]"`
	DHCP    bool     `toml:"dhcp" doc:"true: also the time servers that the network's DHCP server names" default:"true"`
	Zone    string   `toml:"zone" doc:"time zone by which times are shown, e.g. \"Europe/Berlin\"" default:"UTC"`
}

// TimeService is the name under which services depend on the clock being right.
const TimeService = "time"

// LocaltimePath is the file from which programs know the time zone.
const LocaltimePath = "/etc/localtime"

// mostTimeServers are enough to outvote three that are wrong.
const mostTimeServers = 8

const ntpPort = 123

// TimeServer splits the name of a time server into its host, a name or an address, and its port.
func TimeServer(name string) (host string, port uint16, err error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.String(), ntpPort, nil
	}
	if ap, err := netip.ParseAddrPort(name); err == nil && ap.Port() != 0 {
		return ap.Addr().String(), ap.Port(), nil
	}
	host, number, with := strings.Cut(name, ":")
	n := uint64(ntpPort)
	if with {
		if n, err = strconv.ParseUint(number, 10, 16); err != nil || n == 0 {
			return "", 0, errors.New("has a port that is none")
		}
	}
	if why := domainFault(strings.TrimSuffix(host, ".")); why != "" {
		return "", 0, errors.New(why)
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return "", 0, errors.New("is neither a name nor an address")
	}
	return host, uint16(n), nil
}

func (r *reader) checkTime() {
	n, t := r.root.Get("time"), r.system.Time
	list := n.Get("servers")
	if ok(list) && len(list.Items) > mostTimeServers {
		r.fail(list, "", "time.servers: %d are more than %d", len(list.Items), mostTimeServers)
	}
	for i, name := range t.Servers {
		item := list.Item(i)
		if !ok(item) {
			continue
		}
		if _, _, err := TimeServer(name); err != nil {
			r.fail(item, "write a name or an address, e.g. \"ntp.example.org\"", "time.servers: %q %v", name, err)
		} else if slices.Contains(t.Servers[:i], name) {
			r.fail(item, "remove it", "time.servers: %s is there twice", name)
		}
	}
	z := n.Get("zone")
	if !ok(z) {
		return
	}
	if zone.Rule(t.Zone) == "" {
		r.fail(z, r.nearZone(t.Zone), "time.zone: there is no time zone %q", t.Zone)
	} else if _, twice := r.system.Files[LocaltimePath]; twice && t.Zone != zone.UTC {
		r.fail(z, "remove one of the two", "time.zone: [%s] makes %s, too", syntax.Join("file", LocaltimePath), LocaltimePath)
	}
}

// nearZone finds what was meant, also by the name of a city alone.
func (r *reader) nearZone(name string) string {
	if len(r.faults) > maxProblems {
		return ""
	}
	names := zone.Names()
	near := spelling.Nearest(name, names)
	if near == "" {
		city := func(z string) string { return z[strings.LastIndexByte(z, '/')+1:] }
		wanted := strings.ReplaceAll(city(name), " ", "_")
		for _, z := range names {
			if strings.EqualFold(z, name) || strings.EqualFold(city(z), wanted) {
				near = z
				break
			}
		}
		if near == "" {
			cities := make([]string, len(names))
			for i, z := range names {
				cities[i] = city(z)
			}
			if i := slices.Index(cities, spelling.Nearest(wanted, cities)); i >= 0 {
				near = names[i]
			}
		}
	}
	if near == "" {
		return "write a continent and a city, e.g. \"Europe/Berlin\", or \"UTC\""
	}
	return "did you mean " + syntax.Quote(near) + "?"
}
