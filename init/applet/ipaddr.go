package applet

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func (r *ipRun) showAddresses(args []string) error {
	links, err := r.links(args)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, link := range links {
		addresses, err := r.addresses(link)
		if err != nil {
			return err
		}
		if r.brief {
			row := []string{link.name, link.stateName(), ""}
			for _, address := range addresses {
				row[2] += address.IPNet.String() + " "
			}
			rows = append(rows, row)
			continue
		}
		if r.family != unix.AF_UNSPEC && len(addresses) == 0 {
			continue
		}
		if !r.oneline {
			r.linkLine(link)
		}
		for _, address := range addresses {
			family := "inet"
			if address.IP.To4() == nil {
				family = "inet6"
			}
			if r.oneline {
				r.c.printf("%d: %s", link.index, link.name)
			}
			r.c.printf("    %s %s", family, address.IPNet.String())
			if address.broadcast != nil {
				r.c.printf(" brd %s", address.broadcast)
			}
			r.c.printf(" scope %s", scopeName(address.scope))
			for _, f := range []struct {
				bit  uint32
				name string
			}{{unix.IFA_F_TENTATIVE, "tentative"}, {unix.IFA_F_DADFAILED, "dadfailed"}, {unix.IFA_F_DEPRECATED, "deprecated"},
				{unix.IFA_F_MANAGETEMPADDR, "mngtmpaddr"}, {unix.IFA_F_NOPREFIXROUTE, "noprefixroute"}} {
				if address.flags&f.bit != 0 {
					r.c.printf(" %s", f.name)
				}
			}
			if address.label != "" && address.label != link.name {
				r.c.printf(" %s", address.label)
			}
			r.continued("       valid_lft %s preferred_lft %s", lifetime(address.valid), lifetime(address.preferred))
			r.c.printf("\n")
		}
	}
	alignment{gap: 3}.print(r.c.out, rows)
	return nil
}

// scopeName is the scope as iproute2 calls it.
func scopeName(scope byte) string {
	switch scope {
	case unix.RT_SCOPE_UNIVERSE:
		return "global"
	case unix.RT_SCOPE_SITE:
		return "site"
	case unix.RT_SCOPE_LINK:
		return "link"
	case unix.RT_SCOPE_HOST:
		return "host"
	case unix.RT_SCOPE_NOWHERE:
		return "nowhere"
	}
	return "unknown"
}

func lifetime(seconds uint32) string {
	if seconds == 1<<32-1 {
		return "forever"
	}
	return strconv.Itoa(int(seconds)) + "sec"
}

func (r *ipRun) changeAddress(change func(link, linkAddress) error) func([]string) error {
	return func(args []string) error {
		text, values, err := words(args, "dev brd label scope")
		if err != nil {
			return err
		}
		if text == "" || values["dev"] == "" {
			return usageError("needs ADDRESS/PREFIX dev LINK")
		}
		if !strings.Contains(text, "/") {
			if text += "/32"; strings.Contains(text, ":") {
				text = strings.TrimSuffix(text, "/32") + "/128"
			}
		}
		ip, subnet, err := net.ParseCIDR(text)
		if err != nil {
			return usageError(fmt.Sprintf("%s is not an address", text))
		}
		a := linkAddress{IPNet: net.IPNet{IP: ip, Mask: subnet.Mask}, label: values["label"]}
		switch brd := values["brd"]; brd {
		case "", "+": // the last address of the subnet, which is also the default
		default:
			if a.broadcast = net.ParseIP(brd).To4(); a.broadcast == nil {
				return usageError("brd: " + brd + " is not an address")
			}
		}
		switch scope := values["scope"]; scope {
		case "", "global":
		case "link":
			a.scope = unix.RT_SCOPE_LINK
		case "host":
			a.scope = unix.RT_SCOPE_HOST
		default:
			return usageError("scope: one of global link host")
		}
		l, err := r.linkNamed(values["dev"])
		if err != nil {
			return err
		}
		return change(l, a)
	}
}

func (r *ipRun) flushAddresses(args []string) error {
	if len(args) == 0 {
		return usageError("needs dev LINK")
	}
	links, err := r.links(args)
	if err != nil {
		return err
	}
	for _, link := range links {
		addresses, err := r.addresses(link)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			// A secondary address may have gone with its primary.
			if err := r.deleteAddress(link, address); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				return err
			}
		}
	}
	return nil
}
