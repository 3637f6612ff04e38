package netcfg

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// Numbers of linux/pkt_sched.h, linux/pkt_cls.h and linux/tc_act/tc_mirred.h, which package unix does not have.
const (
	tcHeader = 20 // struct tcmsg
	tcaKind  = 1
	tcaData  = 2

	tcRoot      = 0xffffffff // TC_H_ROOT
	tcIngress   = 0xfffffff1 // TC_H_INGRESS, also of a clsact
	tcIngressAt = 0xffff0000 // handle of what is there
	tcIncoming  = 0xfffffff2 // its filters of what comes in

	cakeRate    = 2
	cakeNAT     = 11
	cakeIngress = 15

	htbParameters = 1
	htbGlobal     = 2
	htbVersion    = 3

	matchallActions = 2
	actKind         = 1
	actData         = 2
	mirredData      = 2
	actStolen       = 4
	redirectOut     = 1 // TCA_EGRESS_REDIR
)

// What is ours the kernel keeps by these: the handles of queues, of the only class and what is in it, and the preference of filters.
const (
	queueHandle = protocolOurs << 16
	queueClass  = queueHandle | 1
	leafHandle  = (protocolOurs + 1) << 16
	filterPlace = protocolOurs
)

// tcMessage is struct tcmsg.
func tcMessage(index int, handle, parent, info uint32) rtnl.Body {
	b := make(rtnl.Body, 4, tcHeader)
	for _, field := range []uint32{uint32(index), handle, parent, info} {
		b = binary.NativeEndian.AppendUint32(b, field)
	}
	return b
}

// seenTC is a queue, a class or a filter, as the kernel tells of it.
type seenTC struct {
	index                int
	handle, parent, info uint32
	kind                 string
	data                 []byte
}

func readTC(b []byte) (t seenTC, ok bool) {
	if len(b) < tcHeader {
		return t, false
	}
	t.index = int(int32(rtnl.Read32(b[4:])))
	t.handle, t.parent, t.info = rtnl.Read32(b[8:]), rtnl.Read32(b[12:]), rtnl.Read32(b[16:])
	for a := (rtnl.Attributes{Rest: b[tcHeader:]}); a.Next(); {
		switch a.Kind {
		case tcaKind:
			t.kind = rtnl.Text(a.Value)
		case tcaData:
			t.data = append([]byte(nil), a.Value...)
		}
	}
	return t, true
}

// attributeOf is the value of the first attribute of a kind.
func attributeOf(b []byte, kind uint16) []byte {
	for a := (rtnl.Attributes{Rest: b}); a.Next(); {
		if a.Kind == kind {
			return a.Value
		}
	}
	return nil
}

// cakeRateOf is what a cake lets out.
func (t seenTC) cakeRateOf() int {
	if b := attributeOf(t.data, cakeRate); len(b) == 8 {
		return int(binary.NativeEndian.Uint64(b))
	}
	return 0
}

// htbRateOf is what a class of htb lets out: the rate of the first struct tc_ratespec of struct tc_htb_opt.
func (t seenTC) htbRateOf() int {
	if b := attributeOf(t.data, htbParameters); len(b) >= 12 {
		return int(rtnl.Read32(b[8:]))
	}
	return 0
}

// redirectTo is the index of the link that a filter of ours leads to, 0 where that is gone.
func (t seenTC) redirectTo() (index int, ours bool) {
	if t.info>>16 != filterPlace || t.kind != "matchall" {
		return 0, false
	}
	for a := (rtnl.Attributes{Rest: attributeOf(t.data, matchallActions)}); a.Next(); {
		b := attributeOf(attributeOf(a.Value, actData), mirredData) // struct tc_mirred
		if rtnl.Text(attributeOf(a.Value, actKind)) == "mirred" && len(b) >= 28 {
			return int(int32(rtnl.Read32(b[24:]))), true
		}
	}
	return 0, false
}

// ReadQueues adds the queues of ours and where what comes in is led, if there may be any.
func (r *rtnetlink) ReadQueues(into *State, want State) error {
	if r.unshaped && len(want.Queues) == 0 {
		return nil
	}
	queues, err := rtnl.List(r.Conversation, unix.RTM_GETQDISC, tcMessage(0, 0, 0, 0), readTC)
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	leaves := map[int]bool{} // of links whose class has a queue that is fair
	for _, q := range queues {
		leaves[q.index] = leaves[q.index] || q.parent == queueClass && q.kind == "fq_codel"
	}
	for _, q := range queues {
		link := r.names[q.index]
		switch {
		case link == "":
		case q.kind == "ingress" || q.kind == "clsact":
			if err := r.readRedirect(into, link, q.index); err != nil {
				return err
			}
		case q.parent != tcRoot || q.handle != queueHandle:
		case q.kind == "cake":
			into.Queues[link] = Queue{q.cakeRateOf(), q.kind}
		case q.kind == "htb":
			rate, err := r.classRate(q.index)
			if err != nil {
				return err
			}
			if !leaves[q.index] {
				rate = 0
			}
			into.Queues[link] = Queue{rate, q.kind}
		}
	}
	r.unshaped = len(into.Queues) == 0 && len(into.Redirects) == 0
	return nil
}

func (r *rtnetlink) readRedirect(into *State, link string, index int) error {
	filters, err := rtnl.List(r.Conversation, unix.RTM_GETTFILTER, tcMessage(index, 0, tcIncoming, 0), readTC)
	if err != nil {
		return fmt.Errorf("list filters of %s: %w", link, err)
	}
	for _, f := range filters {
		if to, ours := f.redirectTo(); ours {
			into.Redirects[link] = r.names[to]
		}
	}
	return nil
}

func (r *rtnetlink) classRate(index int) (rate int, err error) {
	classes, err := rtnl.List(r.Conversation, unix.RTM_GETTCLASS, tcMessage(index, 0, 0, 0), readTC)
	for _, c := range classes {
		if c.handle == queueClass {
			rate = c.htbRateOf()
		}
	}
	return rate, err
}

// What a kernel lacks.
var (
	errNoQueue = errors.New("the kernel has neither cake nor htb with fq_codel")
	errNoWay   = errors.New("the kernel cannot lead what comes in elsewhere: it lacks matchall or mirred")
)

const putTC = unix.NLM_F_CREATE | unix.NLM_F_REPLACE

// setQueue gives a link a queue, or the one that it has another rate, which loses nothing that waits there.
func (r *rtnetlink) setQueue(l seenLink, rate int) error {
	queues, err := rtnl.List(r.Conversation, unix.RTM_GETQDISC, tcMessage(l.Index, 0, 0, 0), readTC)
	if err != nil {
		return err
	}
	kind, leaf := "", false
	for _, q := range queues {
		if q.index == l.Index && q.parent == tcRoot && q.handle == queueHandle {
			kind = q.kind
		}
		leaf = leaf || q.index == l.Index && q.parent == queueClass && q.kind == "fq_codel"
	}
	if kind != "htb" {
		err := r.changeTC(unix.RTM_NEWQDISC, putTC, tcMessage(l.Index, queueHandle, tcRoot, 0), "cake", cakeData(rate, l.Kind == ifbKind))
		if !errors.Is(err, unix.ENOENT) {
			return err
		}
		if err := r.changeTC(unix.RTM_NEWQDISC, putTC, tcMessage(l.Index, queueHandle, tcRoot, 0), "htb", htbData()); err != nil {
			return noQueue(err)
		}
		leaf = false
	}
	if err := r.changeTC(unix.RTM_NEWTCLASS, putTC, tcMessage(l.Index, queueClass, queueHandle, 0), "htb", classData(rate)); err != nil || leaf {
		return err
	}
	if err := r.changeTC(unix.RTM_NEWQDISC, putTC, tcMessage(l.Index, leafHandle, queueClass, 0), "fq_codel", nil); err != nil {
		r.removeQueue(l)
		return noQueue(err)
	}
	return nil
}

func noQueue(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return errNoQueue
	}
	return err
}

func (r *rtnetlink) removeQueue(l seenLink) error {
	return gone(r.Change(unix.RTM_DELQDISC, 0, tcMessage(l.Index, queueHandle, tcRoot, 0)))
}

// gone is no error for what was there no longer.
func gone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

func (r *rtnetlink) changeTC(kind, flags uint16, header rtnl.Body, name string, data rtnl.Body) error {
	header.AddText(tcaKind, name)
	if data != nil {
		header.Nest(tcaData, data)
	}
	return r.Change(kind, flags, header)
}

// cakeData limits to a rate. Shares are those of the machines behind this one, as they were before their addresses were translated.
func cakeData(rate int, received bool) (b rtnl.Body) {
	b.Add(cakeRate, binary.NativeEndian.AppendUint64(nil, uint64(rate)))
	b.Add32(cakeNAT, 1)
	b.Add32(cakeIngress, uint32(yes(received))) // what is dropped has come over the line, too
	return b
}

// htbData is struct tc_htb_glob: all goes to the only class.
func htbData() (b rtnl.Body) {
	var global []byte
	for _, field := range []uint32{htbVersion, 10, queueClass & 0xffff, 0, 0} {
		global = binary.NativeEndian.AppendUint32(global, field)
	}
	b.Add(htbGlobal, global)
	return b
}

// classData is struct tc_htb_opt: bursts of a millisecond, or of two packets where that is more.
func classData(rate int) (b rtnl.Body) {
	const second, millisecond, packets, tick = 1e9, 1e6, 3200, 6
	var options []byte
	for range 2 { // struct tc_ratespec; with a link layer the kernel wants no table
		options = append(options, 0, 1, 0, 0, 0, 0, 0, 0)
		options = binary.NativeEndian.AppendUint32(options, uint32(rate))
	}
	burst := uint32(max(millisecond, packets*second/int64(max(rate, 1))) >> tick)
	for _, field := range []uint32{burst, burst, packets, 0, 0} {
		options = binary.NativeEndian.AppendUint32(options, field)
	}
	b.Add(htbParameters, options)
	return b
}

// redirect leads all that comes in by a link through another. Filters of others, which may be there, come behind or before ours.
func (r *rtnetlink) redirect(l seenLink, to string) error {
	target := r.links[to].Index
	if target == 0 {
		return unix.ENODEV
	}
	if err := r.changeTC(unix.RTM_NEWQDISC, unix.NLM_F_CREATE|unix.NLM_F_EXCL, tcMessage(l.Index, tcIngressAt, tcIngress, 0), "ingress", nil); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := r.removeFilter(l); err != nil { // of a link that is gone
		return err
	}
	var mirred []byte
	for _, field := range []uint32{0, 0, actStolen, 0, 0, redirectOut, uint32(target)} {
		mirred = binary.NativeEndian.AppendUint32(mirred, field)
	}
	var options, action, actions, filter rtnl.Body
	options.Add(mirredData, mirred)
	action.AddText(actKind, "mirred")
	action.Nest(actData, options)
	actions.Nest(1, action) // the first one
	filter.Nest(matchallActions, actions)
	err := r.changeTC(unix.RTM_NEWTFILTER, unix.NLM_F_CREATE|unix.NLM_F_EXCL, tcMessage(l.Index, 1, tcIncoming, ourFilter()), "matchall", filter)
	if errors.Is(err, unix.ENOENT) {
		r.removeRedirect(l)
		return errNoWay
	}
	return err
}

// ourFilter is the place of our filter, and that it sees packets of every protocol, in network byte order.
func ourFilter() uint32 {
	return filterPlace<<16 | uint32(binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}))
}

func (r *rtnetlink) removeFilter(l seenLink) error {
	return gone(r.Change(unix.RTM_DELTFILTER, 0, tcMessage(l.Index, 0, tcIncoming, ourFilter())))
}

// removeRedirect takes our filter away, and what it was in where nobody else has any there.
func (r *rtnetlink) removeRedirect(l seenLink) error {
	if err := r.removeFilter(l); err != nil {
		return err
	}
	queues, err := rtnl.List(r.Conversation, unix.RTM_GETQDISC, tcMessage(l.Index, 0, 0, 0), readTC)
	if err != nil {
		return err
	}
	for _, q := range queues {
		if q.index != l.Index || q.kind != "ingress" {
			continue
		}
		others, err := rtnl.List(r.Conversation, unix.RTM_GETTFILTER, tcMessage(l.Index, 0, tcIncoming, 0), readTC)
		if err != nil || len(others) > 0 {
			return err
		}
		return gone(r.Change(unix.RTM_DELQDISC, 0, tcMessage(l.Index, tcIngressAt, tcIngress, 0)))
	}
	return nil
}
