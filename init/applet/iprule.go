package applet

import (
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// Attributes and actions of rules (linux/fib_rules.h).
const (
	fraTo             = 1
	fraFrom           = 2
	fraIif            = 3
	fraGoto           = 4
	fraPriority       = 6
	fraMark           = 10
	fraSuppressPrefix = 14
	fraTable          = 15
	fraMask           = 16
	fraOif            = 17
	fraL3mdev         = 19
	fraProtocol       = 21

	ruleHeader   = 12 // struct fib_rule_hdr
	ruleInvert   = 2
	ruleToTable  = 1
	ruleGoto     = 2
	ruleDetached = 8 // of its incoming link
)

// ruleActions are what is done with packets that take no table.
var ruleActions = map[byte]string{3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}

// showRules prints the rules by which packets find their routing table, as iproute2 does, but without the space at the end. What a rule says
// beyond these words is not shown.
func (r *ipRun) showRules(args []string) error {
	if len(args) > 0 {
		return usageError("unexpected " + args[0])
	}
	header := make([]byte, ruleHeader)
	if header[0] = unix.AF_INET; r.family == unix.AF_INET6 {
		header[0] = unix.AF_INET6
	}
	rules, err := rtnl.List(r.kernel, unix.RTM_GETRULE, header, ruleText)
	for _, text := range rules {
		r.c.printf("%s\n", text)
	}
	return err
}

// ruleText is an RTM_NEWRULE message in words.
func ruleText(b []byte) (text string, ok bool) {
	if len(b) < ruleHeader {
		return "", false
	}
	a := map[uint16][]byte{}
	for at := (rtnl.Attributes{Rest: b[ruleHeader:]}); at.Next(); {
		a[at.Kind] = at.Value
	}
	network := func(kind uint16, bits byte) string {
		ip := net.IP(a[kind])
		if len(ip) != net.IPv4len && len(ip) != net.IPv6len {
			return "all"
		}
		if int(bits) == 8*len(ip) {
			return ip.String()
		}
		return fmt.Sprintf("%s/%d", ip, bits)
	}
	flags := rtnl.Read32(b[8:])
	words := []string{"from " + network(fraFrom, b[2])}
	if flags&ruleInvert != 0 {
		words[0] = "not " + words[0]
	}
	if b[1] != 0 {
		words = append(words, "to "+network(fraTo, b[1]))
	}
	if b[3] != 0 {
		words = append(words, fmt.Sprintf("tos %#x", b[3]))
	}
	if mark, mask := rtnl.Read32(a[fraMark]), rtnl.Read32(a[fraMask]); mask == 1<<32-1 {
		words = append(words, fmt.Sprintf("fwmark %#x", mark))
	} else if mark != 0 || mask != 0 {
		words = append(words, fmt.Sprintf("fwmark %#x/%#x", mark, mask))
	}
	if iif := rtnl.Text(a[fraIif]); iif != "" {
		if words = append(words, "iif "+iif); flags&ruleDetached != 0 {
			words = append(words, "[detached]")
		}
	}
	if oif := rtnl.Text(a[fraOif]); oif != "" {
		words = append(words, "oif "+oif)
	}
	table := uint32(b[4])
	if len(a[fraTable]) == 4 {
		table = rtnl.Read32(a[fraTable])
	}
	switch {
	case len(a[fraL3mdev]) == 1 && a[fraL3mdev][0] != 0:
		words = append(words, "lookup [l3mdev-table]")
	case b[7] == ruleToTable:
		words = append(words, "lookup "+tableName(table))
		if least := rtnl.Number(a[fraSuppressPrefix]); len(a[fraSuppressPrefix]) == 4 && least >= 0 {
			words = append(words, fmt.Sprintf("suppress_prefixlength %d", least))
		}
	case b[7] == ruleGoto:
		words = append(words, fmt.Sprintf("goto %d", rtnl.Read32(a[fraGoto])))
	case ruleActions[b[7]] != "":
		words = append(words, ruleActions[b[7]])
	}
	if p := a[fraProtocol]; len(p) == 1 && p[0] != unix.RTPROT_KERNEL && p[0] != unix.RTPROT_UNSPEC {
		words = append(words, "proto "+protocolName(p[0]))
	}
	return fmt.Sprintf("%d:\t%s", rtnl.Read32(a[fraPriority]), strings.Join(words, " ")), true
}

func tableName(table uint32) string {
	switch table {
	case unix.RT_TABLE_LOCAL:
		return "local"
	case unix.RT_TABLE_MAIN:
		return "main"
	case unix.RT_TABLE_DEFAULT:
		return "default"
	}
	return fmt.Sprint(table)
}
