package netcfg

import (
	"errors"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// setLink changes the flags in mask, and what else of a link is in the attributes.
func (r *rtnetlink) setLink(index int, flags, mask uint32, attributes ...[]byte) error {
	return r.Change(unix.RTM_SETLINK, 0, append([][]byte{rtnl.LinkHeader(index, flags, mask)}, attributes...)...)
}

func (r *rtnetlink) mark(index int, m Mark) error {
	return r.setLink(index, 0, 0, rtnl.Attribute32(unix.IFLA_GROUP, markGroups[m]))
}

// claim marks a link as one that we set up, unless it has a mark, or somebody else's.
func (r *rtnetlink) claim(l seenLink) error {
	if l.group != 0 {
		return nil
	}
	return r.mark(l.Index, Raised)
}

// raise sets a link up. The mark comes first: a link that is up without it
// would be left up for ever if we died in between.
func (r *rtnetlink) raise(l seenLink) error {
	if err := r.claim(l); err != nil {
		return err
	}
	return r.setLink(l.Index, unix.IFF_UP, unix.IFF_UP)
}

func (r *rtnetlink) lower(l seenLink) error {
	if err := r.setLink(l.Index, 0, unix.IFF_UP); err != nil || l.Mark != Raised {
		return err // another mark says more than that we set it up
	}
	return r.mark(l.Index, Foreign)
}

// makeLink makes a link with its mark: from its first moment it is known as ours.
func (r *rtnetlink) makeLink(o Op) error {
	parent := r.links[o.Make.Parent].Index
	if o.Make.Parent != "" && parent == 0 {
		return unix.ENODEV
	}
	body := rtnl.Body(rtnl.LinkHeader(0, 0, 0))
	body.AddText(unix.IFLA_IFNAME, o.Link)
	body.Add32(unix.IFLA_GROUP, markGroups[Made])
	if parent != 0 && o.Make.Kind != "vxlan" { // that has it among its data
		body.Add32(unix.IFLA_LINK, uint32(parent))
	}
	if o.MTU != 0 {
		body.Add32(unix.IFLA_MTU, uint32(o.MTU))
	}
	if o.MAC != [6]byte{} {
		body.Add(unix.IFLA_ADDRESS, o.MAC[:])
	}
	if err := r.Change(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body, o.Make.info(o.Tune, parent)); err != nil {
		return err
	}
	for _, name := range []string{o.Link, o.Make.Peer} { // what the plan does next is done to them
		if name == "" {
			continue
		}
		answer, err := r.Ask(unix.RTM_GETLINK, rtnl.LinkHeader(0, 0, 0), rtnl.AttributeText(unix.IFLA_IFNAME, name))
		if err != nil {
			return err
		}
		if l, ok := readLink(answer); ok {
			l.resolve(r.names)
			r.links[name], r.names[l.Index] = l, name
		}
	}
	return nil
}

// changeLink does what changes how a link is and what it belongs to.
func (r *rtnetlink) changeLink(l seenLink, o Op) error {
	switch o.Verb {
	case RemoveLink:
		if err := r.Change(unix.RTM_DELLINK, 0, rtnl.LinkHeader(l.Index, 0, 0)); !errors.Is(err, unix.ENODEV) {
			return err
		}
		return nil // gone already, with what it was on
	case RenameLink:
		return r.rename(l, o)
	case TuneLink:
		var data rtnl.Body
		o.Make.tuning(&data, o.Tune, l.Tune)
		return r.Change(unix.RTM_NEWLINK, 0, rtnl.LinkHeader(l.Index, 0, 0), o.Make.linkInfo(data))
	case LeaveLink:
		return r.setLink(l.Index, 0, 0, rtnl.Attribute32(unix.IFLA_MASTER, 0))
	case SetVLANs:
		return r.setVLANs(l, o.Value)
	}
	master := r.links[o.Value]
	if master.Index == 0 {
		return unix.ENODEV
	}
	if err := r.claim(l); err != nil { // so that it is let go when nobody wants it there any more
		return err
	}
	if master.Kind == "bond" && l.Up { // it takes none that is up, and sets it up itself
		if err := r.setLink(l.Index, 0, unix.IFF_UP); err != nil {
			return err
		}
	}
	return r.setLink(l.Index, 0, 0, rtnl.Attribute32(unix.IFLA_MASTER, uint32(master.Index)))
}

// rename gives a link another name, and leaves it the old one beside that, by which it is found again: by us as by
// people. Kernels before 6.2 rename only what is down.
func (r *rtnetlink) rename(l seenLink, o Op) error {
	back := o.Value == l.Former
	if back {
		if err := r.former(l.Index, unix.RTM_DELLINKPROP, l.Former); err != nil {
			return err
		}
	}
	name := rtnl.AttributeText(unix.IFLA_IFNAME, o.Value)
	err := r.setLink(l.Index, 0, 0, name)
	if errors.Is(err, unix.EBUSY) {
		if err = r.setLink(l.Index, 0, unix.IFF_UP); err == nil {
			err = r.setLink(l.Index, 0, 0, name)
		}
	}
	if err != nil {
		return err
	}
	delete(r.links, l.name)
	l.name = o.Value
	r.links[l.name], r.names[l.Index] = l, l.name
	switch {
	case back:
		return r.mark(l.Index, Foreign)
	case l.group == 0 || l.Mark == Raised:
		if err := r.mark(l.Index, Renamed); err != nil {
			return err
		}
	}
	if o.Former == "" || o.Former == l.Former {
		return nil
	}
	return r.former(l.Index, unix.RTM_NEWLINKPROP, o.Former)
}

// former gives or takes the second name of a link.
func (r *rtnetlink) former(index int, kind uint16, name string) error {
	var list, body rtnl.Body
	list.AddText(unix.IFLA_ALT_IFNAME, name)
	body.Nest(unix.IFLA_PROP_LIST, list)
	err := r.Change(kind, 0, rtnl.LinkHeader(index, 0, 0), body)
	if errors.Is(err, unix.EOPNOTSUPP) { // before 5.5
		return nil
	}
	return err
}
