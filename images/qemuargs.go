package images

import (
	"path"
	"slices"
	"strings"
)

// What a person's own arguments for QEMU mean for those that we would give. QEMU takes -x and --x for the same.

// defaultNetwork is the machine's network unless the user gives one.
var defaultNetwork = []string{"-nic", "user,model=virtio-net-pci"}

// ownNetwork returns the first of the arguments that gives the machine a network, e.g. "-nic none", and "" if none does.
// Such a one replaces the default, as it does in QEMU: who describes a network describes all of it, and a card
// more would take the name eth0 from theirs.
func ownNetwork(args []string) string {
	for option, value := range qemuOptions(args) {
		switch option {
		case "-nic", "-netdev", "-net":
			return option + " " + value
		case "-device":
			if isNetworkCard(value) {
				return option + " " + value
			}
		}
	}
	return ""
}

// networkCards are patterns of the names of QEMU's network devices, as -device help lists them.
var networkCards = []string{"virtio-net*", "e1000*", "rtl8139*", "ne2k*", "pcnet*", "vmxnet3*", "i8255*", "i8256*", "i82801", "igb*",
	"tulip*", "rocker*", "pvrdma", "usb-net*", "spapr-vlan*"}

// isNetworkCard tells a network card among -device's values, which are driver,option=value,... or JSON.
func isNetworkCard(value string) bool {
	driver, _, _ := strings.Cut(value, ",")
	return strings.Contains(value, "netdev=") || strings.Contains(value, `"netdev"`) ||
		slices.ContainsFunc(networkCards, func(pattern string) bool { ok, _ := path.Match(pattern, driver); return ok })
}

// ownAccel tells whether the arguments say how instructions are run: QEMU takes -accel for a list of which the first that
// works counts, and refuses it beside an accel= of -machine.
func ownAccel(args []string) bool {
	for option, value := range qemuOptions(args) {
		switch option {
		case "-accel", "-enable-kvm":
			return true
		case "-machine", "-M":
			if strings.HasPrefix(value, "accel=") || strings.Contains(value, ",accel=") {
				return true
			}
		}
	}
	return false
}

// alwaysPrints tells whether a machine with these further arguments still says something on our console within its
// first seconds: one that starts stopped, or with its serial line elsewhere, may be silent and well.
func alwaysPrints(args []string) bool {
	for option := range qemuOptions(args) {
		if !slices.Contains([]string{"-nic", "-netdev", "-net", "-device", "-m", "-smp", "-drive", "-cpu", "-rtc", "-name"}, option) {
			return false
		}
	}
	return true
}

// qemuOptions yields each option with what follows it if that is no option.
func qemuOptions(args []string) func(yield func(option, value string) bool) {
	return func(yield func(option, value string) bool) {
		for i, arg := range args {
			if !strings.HasPrefix(arg, "-") {
				continue
			}
			var value string
			if i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				value = args[i+1]
			}
			if !yield("-"+strings.TrimLeft(arg, "-"), value) {
				return
			}
		}
	}
}
