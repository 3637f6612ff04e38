package applet

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (r *ipRun) showAddresses(args []string) error {
	links, err := r.links(args)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, link := range links {
		addresses, err := netlink.AddrList(link, r.family)
		if err != nil {
			return err
		}
		a := link.Attrs()
		if r.brief {
			row := []string{a.Name, strings.ToUpper(a.OperState.String()), ""}
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
				r.c.printf("%d: %s", a.Index, a.Name)
			}
			r.c.printf("    %s %s", family, address.IPNet)
			if address.Broadcast != nil {
				r.c.printf(" brd %s", address.Broadcast)
			}
			r.c.printf(" scope %s", scopeName(netlink.Scope(address.Scope)))
			for _, f := range []struct {
				bit  int
				name string
			}{{unix.IFA_F_TENTATIVE, "tentative"}, {unix.IFA_F_DADFAILED, "dadfailed"}, {unix.IFA_F_DEPRECATED, "deprecated"},
				{unix.IFA_F_MANAGETEMPADDR, "mngtmpaddr"}, {unix.IFA_F_NOPREFIXROUTE, "noprefixroute"}} {
				if address.Flags&f.bit != 0 {
					r.c.printf(" %s", f.name)
				}
			}
			if address.Label != "" && address.Label != a.Name {
				r.c.printf(" %s", address.Label)
			}
			r.continued("       valid_lft %s preferred_lft %s", lifetime(address.ValidLft), lifetime(address.PreferedLft))
			r.c.printf("\n")
		}
	}
	alignment{gap: 3}.print(r.c.out, rows)
	return nil
}

// scopeName is the scope as iproute2 calls it.
func scopeName(scope netlink.Scope) string {
	if scope == netlink.SCOPE_UNIVERSE {
		return "global"
	}
	return scope.String()
}

func lifetime(seconds int) string {
	if uint32(seconds) == 1<<32-1 {
		return "forever"
	}
	return strconv.Itoa(seconds) + "sec"
}

func (r *ipRun) changeAddress(change func(netlink.Link, *netlink.Addr) error) func([]string) error {
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
		address, err := netlink.ParseAddr(text)
		if err != nil {
			return usageError(fmt.Sprintf("%s is not an address", text))
		}
		address.Label = values["label"]
		switch brd := values["brd"]; brd {
		case "", "+": // the last address of the subnet, which is also the default
		default:
			if address.Broadcast = net.ParseIP(brd).To4(); address.Broadcast == nil {
				return usageError("brd: " + brd + " is not an address")
			}
		}
		switch scope := values["scope"]; scope {
		case "", "global":
		case "link":
			address.Scope = unix.RT_SCOPE_LINK
		case "host":
			address.Scope = unix.RT_SCOPE_HOST
		default:
			return usageError("scope: one of global link host")
		}
		link, err := netlink.LinkByName(values["dev"])
		if err != nil {
			return errors.New("no such link")
		}
		return change(link, address)
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
		addresses, err := netlink.AddrList(link, r.family)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			// A secondary address may have gone with its primary.
			if err := netlink.AddrDel(link, &address); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				return err
			}
		}
	}
	return nil
}
