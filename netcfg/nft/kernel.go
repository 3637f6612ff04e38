package nft

import (
	"errors"
	"fmt"

	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

// Kernel is nftables of the network namespace of the thread.
type Kernel struct {
	*rtnl.Conversation
}

// ErrNone is that this kernel has no nftables.
var ErrNone = errors.New("this kernel has no nftables (nf_tables)")

func Open() (Kernel, error) {
	c, err := rtnl.OpenProtocol(unix.NETLINK_NETFILTER)
	if err != nil {
		if errors.Is(err, unix.EPROTONOSUPPORT) {
			err = ErrNone
		}
		return Kernel{}, err
	}
	return Kernel{c}, nil
}

// Observe reads the table of that name.
func (k Kernel) Observe(table string) (Observed, error) {
	o := NewObserved()
	name := text(1, table)
	answer, err := k.Ask(Kind(unix.NFT_MSG_GETTABLE), inet(), name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return o, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return o, ErrNone // nfnetlink knows no such subsystem
	case err != nil:
		return o, fmt.Errorf("read table %s: %w", table, err)
	}
	o.Read(unix.NFT_MSG_GETTABLE, table, answer)
	for _, asked := range []uint16{unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_GETSET, unix.NFT_MSG_GETRULE, unix.NFT_MSG_GETOBJ, unix.NFT_MSG_GETFLOWTABLE} {
		body := append(inet(), name...)
		if asked == unix.NFT_MSG_GETCHAIN {
			body = inet() // which cannot be asked for by table
		}
		if err := k.dump(&o, asked, table, body); err != nil {
			return o, err
		}
	}
	for _, set := range names(o.sets) {
		if err := k.dump(&o, unix.NFT_MSG_GETSETELEM, table, join(inet(), name, text(unix.NFTA_SET_ELEM_LIST_SET, set))); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (k Kernel) dump(o *Observed, asked uint16, table string, body []byte) error {
	messages, err := rtnl.List(k.Conversation, Kind(asked), body, func(b []byte) ([]byte, bool) { return append([]byte(nil), b...), true })
	if asked == unix.NFT_MSG_GETFLOWTABLE && errors.Is(err, unix.EOPNOTSUPP) {
		return nil // a kernel without flow tables
	}
	if err != nil {
		return fmt.Errorf("read table %s: %w", table, err)
	}
	for _, m := range messages {
		o.Read(asked, table, m)
	}
	return nil
}

// Do carries out requests as one transaction.
func (k Kernel) Do(requests []Request) error {
	const first = 1
	return k.Transaction(Batch(requests, first), first, len(requests))
}

// Apply makes the table in the kernel the wanted one, and says whether anything had to be changed. What cannot be changed
// step by step, for somebody has built upon it, is made anew.
func (k Kernel) Apply(want Table, have Observed) (changed bool, err error) {
	requests := Change(want, have)
	if len(requests) == 0 {
		return false, nil
	}
	if err = k.Do(requests); err != nil && have.There {
		err = k.Do(Replace(want, true))
	}
	if err != nil {
		return false, fmt.Errorf("table inet %s: %w", want.Name, err)
	}
	return true, nil
}
