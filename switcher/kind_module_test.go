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
	var needed, more []string
	for _, m := range sys.NeededModules() {
		if m.Optional {
			more = append(more, m.Name)
		} else {
			needed = append(needed, m.Name)
		}
	}
	s, m, _ := bootedMachine(t)
	m.modules = append(m.modules, "overlay")
	r := switchTo(t, s, VerbSwitch, zoned)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "net.eth0.zone needs modules of the kernel that are not in this image: nf_tables, ") {
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
	wantExit(t, switchTo(t, s, VerbSwitch, zoned+"[net.lan]\nbridge = {}\noptional = true\n"), ExitGood)
	if len(m.loaded) != 0 {
		t.Errorf("loaded: %v", m.loaded)
	}
}

func TestALinkBringsItsModule(t *testing.T) {
	const bridged = "[net.lan]\nbridge = {}\noptional = true\n"
	s, m, _ := bootedMachine(t)
	m.modules = append(m.modules, "overlay")
	r := switchTo(t, s, VerbSwitch, bridged)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "net.lan needs modules of the kernel that are not in this image: bridge; one that is built with") {
		t.Errorf("an image without it: %s", r.Reason)
	}
	m.modules = append(m.modules, "bridge")
	wantExit(t, switchTo(t, s, VerbSwitch, bridged), ExitGood)
	if !slices.Contains(m.loaded, "bridge") {
		t.Errorf("loaded: %v", m.loaded)
	}
}
