//go:build !mips && !mipsle

package nft

import (
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bantam/netcfg/netlab"
	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

// inNamespace gives the test a network of its own with nftables.
func inNamespace(t *testing.T) Kernel {
	t.Helper()
	netlab.Need(t, "nft:nftables")
	netlab.Enter(t)
	k, err := Open()
	if err == nil {
		_, err = k.Observe("none")
	}
	if errors.Is(err, ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func command(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// apply makes the table what it shall be, and sees that nothing is to be done then.
func apply(t *testing.T, k Kernel, want Table) {
	t.Helper()
	for pass := range 2 {
		have, err := k.Observe(want.Name)
		if err != nil {
			t.Fatal(err)
		}
		requests := Change(want, have)
		if (len(requests) > 0) != (pass == 0) {
			t.Fatalf("pass %d: %d changes, %x", pass, len(requests), requests)
		}
		if pass == 0 {
			if err := k.Do(requests); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNftListsWhatTheTableSays(t *testing.T) {
	k := inNamespace(t)
	apply(t, k, whole())
	want := whole()
	if got := command(t, "nft -s list table inet bantam"); normal(got) != normal(want.Text()) {
		t.Errorf("nft has\n%s\nwant\n%s", got, want.Text())
	}
	file := t.TempDir() + "/list"
	// What nft makes of its own list is the same table for us.
	command(t, "nft -s list table inet bantam > "+file+" && nft delete table inet bantam && nft -f "+file)
	have, err := k.Observe("bantam")
	if err != nil {
		t.Fatal(err)
	}
	if changes := Change(want, have); len(changes) != 0 {
		t.Errorf("of the table that nft made %d things differ, e.g. %x", len(changes), changes[0])
	}
}

// normal is a list without the order of sets' elements.
func normal(list string) string {
	return elementList.ReplaceAllStringFunc(list, func(set string) string {
		elements := strings.FieldsFunc(set[len("elements = {"):len(set)-1], func(c rune) bool { return strings.ContainsRune(" \t\n,", c) })
		slices.Sort(elements)
		return strings.Join(elements, ",")
	})
}

var elementList = regexp.MustCompile(`elements = \{[^}]*\}`)

func TestOnlyWhatDiffersChanges(t *testing.T) {
	k := inNamespace(t)
	command(t, "nft add table inet other && nft add chain inet other c && nft add rule inet other c counter && nft add table ip bantam")
	foreign := command(t, "nft list table inet other && nft list table ip bantam")
	apply(t, k, whole())

	// Two packets by the loopback are counted, in a chain whose rules will be written anew.
	counting := func(comment string) Table {
		w := whole()
		for i := range w.Chains {
			if w.Chains[i].Name == "input" {
				w.Chains[i].Rules = append([]Rule{{Interface: "lo", Protocol: UDP, Ports: Range{9, 9}, Counter: "dropped", Do: Drop, Comment: comment}}, w.Chains[i].Rules...)
			}
		}
		return w
	}
	apply(t, k, counting("first"))
	command(t, "ip link set lo up; echo x > /dev/udp/127.0.0.1/9 2>/dev/null || bash -c 'echo x > /dev/udp/127.0.0.1/9'")
	counted := func() Count {
		o, err := k.Observe("bantam")
		if err != nil {
			t.Fatal(err)
		}
		return o.Counters["dropped"]
	}
	if counted().Packets != 1 {
		t.Fatalf("counted %+v, want a packet", counted())
	}
	apply(t, k, counting("second"))
	if counted().Packets != 1 {
		t.Errorf("after a change of the chain: %+v, want the packet of before", counted())
	}

	more := counting("second")
	more.Sets[1].Elements = []string{"ppp0", "wan"}
	have, err := k.Observe("bantam")
	if err != nil {
		t.Fatal(err)
	}
	if changes := Change(more, have); len(changes) != 1 || changes[0].Kind != Kind(unix.NFT_MSG_NEWSETELEM) {
		t.Errorf("a new interface of a zone: %d changes, want one element", len(changes))
	}
	apply(t, k, more)

	// What somebody does to the table is taken back, what he does beside it stays.
	for _, deed := range []string{
		"nft add rule inet bantam input accept",
		"nft insert rule inet bantam from-wan tcp dport 22 accept",
		"nft flush chain inet bantam input",
		"nft add chain inet bantam mine '{ type filter hook input priority -5; }' && nft add rule inet bantam mine accept",
		"nft add set inet bantam mine '{ type ipv4_addr; }'",
		"nft add counter inet bantam mine",
		"nft add quota inet bantam mine '{ over 1 mbytes; }'",
		"nft delete element inet bantam zone-lan '{ eth1 }'",
		"nft add element inet bantam zone-lan '{ evil }'",
		"nft 'chain inet bantam input { policy accept; }'",
		"nft 'add table inet bantam { flags dormant; }'",
		"nft delete table inet bantam",
		"nft flush ruleset; nft add table inet other && nft add chain inet other c && nft add rule inet other c counter && nft add table ip bantam",
	} {
		t.Log(deed)
		command(t, deed)
		apply(t, k, more)
		if got, want := command(t, "nft -s list table inet bantam"), more; normal(got) != normal(want.Text()) {
			t.Errorf("%s: nft has\n%s", deed, got)
		}
	}
	if got := command(t, "nft list table inet other && nft list table ip bantam"); got != foreign {
		t.Errorf("other tables are now\n%s", got)
	}

	less := whole()
	less.Chains = less.Chains[:2]
	less.Chains[1].Rules = less.Chains[1].Rules[:1]
	less.Sets, less.Counters = less.Sets[1:2], less.Counters[:1]
	apply(t, k, less)
	if got := command(t, "nft -s list table inet bantam"); normal(got) != normal(less.Text()) {
		t.Errorf("nft has\n%s\nwant\n%s", got, less.Text())
	}
	if err := k.Do(Remove("bantam")); err != nil {
		t.Error(err)
	}
}

func TestARefusalNamesTheRequest(t *testing.T) {
	k := inNamespace(t)
	bad := whole()
	bad.Chains[1].Rules[0] = Rule{In: "zone-nowhere", Do: Accept}
	_, err := k.Apply(bad, NewObserved())
	var refusal *rtnl.Refusal
	if !errors.As(err, &refusal) || !errors.Is(err, unix.ENOENT) || refusal.Request < 0 {
		t.Fatalf("a rule with an unknown set: %v, want that a request was refused", err)
	}
	if o, _ := k.Observe("bantam"); o.There {
		t.Error("a part of what was refused was done")
	}
}
