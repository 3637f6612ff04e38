package switcher

import (
	"slices"
	"strings"
	"testing"

	"bantam/system"
)

const zoned = "[net.eth0]\nzone = \"wan\"\noptional = true\n"

func TestZonesBringTheModulesOfAFirewall(t *testing.T) {
	sys, _ := system.Parse("x", []byte(zoned))
	needed, more := sys.FirewallModules()
	s, m, _ := bootedMachine(t)
	m.modules = append(m.modules, "overlay")
	r := switchTo(t, s, VerbSwitch, zoned)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "this image lacks modules for one: nf_tables, ") {
		t.Errorf("an image without them: %s", r.Reason)
	}
	m.modules = append(append(m.modules, needed...), more[0]) // of the others those that there are
	wantExit(t, switchTo(t, s, VerbSwitch, zoned), ExitGood)
	for _, name := range append(needed, more[0]) {
		if !slices.Contains(m.loaded, name) {
			t.Errorf("%s was not loaded", name)
		}
	}
}

// Such a kernel has what it needs built in, as whoever built the image has said.
func TestOfAKernelWithoutAListOfModulesNoneIsAskedFor(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, zoned), ExitGood)
	if len(m.loaded) != 0 {
		t.Errorf("loaded: %v", m.loaded)
	}
}
