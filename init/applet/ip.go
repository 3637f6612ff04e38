package applet

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// ip shows and changes addresses, links, routes and neighbours, and shows rules, with
// the words of iproute2. What it changes lasts until netcfg's next look at the network.
func ip(c *call, args []string) int {
	r := &ipRun{c: c, family: unix.AF_UNSPEC}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		switch args[0] {
		case "-4":
			r.family = unix.AF_INET
		case "-6":
			r.family = unix.AF_INET6
		case "-br", "-brief":
			r.brief = true
		case "-s", "-stats", "-statistics":
			r.stats = true
		case "-o", "-oneline":
			r.oneline = true
		case "-d", "-n":
			return c.misuse("%s is not supported", args[0])
		default:
			return c.misuse("unknown option %s", args[0])
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return c.misuse("needs an object: addr, link, route, rule or neigh")
	}
	kernel, err := rtnl.Open()
	if err != nil {
		return c.fail("ip", err)
	}
	defer kernel.Close()
	r.kernel = kernel
	object, args := args[0], args[1:]
	verb := "show"
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	objects := []struct {
		name  string
		verbs map[string]func([]string) error
	}{
		{"address", map[string]func([]string) error{"show": r.showAddresses, "list": r.showAddresses,
			"add": r.changeAddress(r.addAddress), "delete": r.changeAddress(r.deleteAddress), "flush": r.flushAddresses}},
		{"link", map[string]func([]string) error{"show": r.showLinks, "list": r.showLinks, "set": r.setLink,
			"add": r.addLink, "delete": r.deleteLink}},
		{"route", map[string]func([]string) error{"show": r.showRoutes, "list": r.showRoutes, "get": r.getRoute,
			"add": r.changeRoute(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL), "replace": r.changeRoute(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE), "delete": r.changeRoute(unix.RTM_DELROUTE, 0)}},
		{"rule", map[string]func([]string) error{"show": r.showRules, "list": r.showRules}},
		{"neighbour", map[string]func([]string) error{"show": r.showNeighbours, "list": r.showNeighbours, "flush": r.flushNeighbours}},
	}
	for _, o := range objects {
		if !strings.HasPrefix(o.name, object) && !(object == "neighbor" && o.name == "neighbour") {
			continue
		}
		for _, name := range []string{"show", "list", "set", "add", "delete", "replace", "get", "flush"} {
			if do, ok := o.verbs[name]; ok && strings.HasPrefix(name, verb) {
				err := do(args)
				var wrong usageError
				if errors.As(err, &wrong) {
					return c.misuse("%v", err)
				}
				if err != nil {
					return c.fail(strings.Join(append([]string{o.name, name}, args...), " "), err)
				}
				return c.status
			}
		}
		return c.misuse("%s knows no %q", o.name, verb)
	}
	return c.misuse("unknown object %q", object)
}

// errNoLink is that a link of that name is not there.
var errNoLink = errors.New("no such link")

// usageError is a fault of the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

type ipRun struct {
	c      *call
	kernel *rtnl.Conversation
	names  map[int]string // of links, once one was asked for; see linkName
	family int
	brief  bool
	stats  bool // counters of links

	oneline bool
}

// words splits "dev eth0 via 10.0.0.1" into pairs; the first word that is no
// keyword is the subject.
func words(args []string, keys string) (subject string, values map[string]string, err error) {
	values = map[string]string{}
	known := " " + keys + " "
	for i := 0; i < len(args); i++ {
		if strings.Contains(known, " "+args[i]+" ") {
			if i+1 == len(args) {
				return "", nil, usageError(args[i] + " needs a value")
			}
			values[args[i]] = args[i+1]
			i++
		} else if subject == "" {
			subject = args[i]
		} else {
			return "", nil, usageError("unexpected " + args[i])
		}
	}
	return subject, values, nil
}
