//go:build !mips && !mipsle

package firewall

import (
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bantam/netcfg/netlab"
	"bantam/netcfg/nft"
)

// The kernel takes the tables, and nft lists them as the golden files have them. Flow tables, which not every kernel
// has, are for the machine tests.
func TestNftListsTheTables(t *testing.T) {
	netlab.Need(t, "nft:nftables")
	netlab.Enter(t)
	k, err := nft.Open()
	if err == nil {
		defer k.Close()
		_, err = k.Observe("none")
	}
	if errors.Is(err, nft.ErrNone) {
		t.Skip(err)
	}
	facts := houseFacts
	facts.Devices = nil
	for _, name := range []string{"house", "two", "tunnel"} { // and from one to the other
		want := Table(parse(t, name), facts)
		have, err := k.Observe(Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Do(nft.Change(want, have)); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("nft", "-s", "list", "table", "inet", Name).CombinedOutput()
		if err != nil {
			t.Fatalf("nft: %v\n%s", err, out)
		}
		if got := blocks(string(out)); !slices.Equal(got, blocks(want.Text())) {
			t.Errorf("%s: nft has\n%s\nwant\n%s", name, out, want.Text())
		}
		view, err := k.Observe(Name)
		if v := Look(view); err != nil || !v.On || len(v.Zones) != strings.Count(want.Text(), "set zone-") || len(v.Rules) < 8 {
			t.Errorf("%s: looks like %+v", name, v)
		}
	}
}

var space = regexp.MustCompile(`\s+`)

// blocks are the parts of a list, sorted: the kernel has chains and counters in the order in which they were made.
func blocks(list string) []string {
	parts := strings.Split(strings.TrimSuffix(list, "}\n"), "\n\t}\n")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(space.ReplaceAllString(p, " "))
	}
	parts[0] = strings.TrimPrefix(parts[0], "table inet bantam { comment \"made by Bantam\" ")
	slices.Sort(parts)
	return parts
}
