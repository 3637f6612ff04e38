package images

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"bantam/board"
)

// What a person's own arguments for QEMU mean for those that we would give. QEMU takes -x and --x for the same.

// defaultNetwork is the machine's network unless the user gives one.
var defaultNetwork = []string{"-nic", "user,model=virtio-net-pci"}

// networkOf is it, or that of a machine that has a port of its own.
func networkOf(q board.QEMU) []string {
	if q.SD {
		return []string{"-nic", "user"}
	}
	return defaultNetwork
}

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

// ownConsole returns the first of the arguments that gives the machine a serial port or takes the terminal, e.g.
// "-serial file:log", and "" if none does. Such a port is the console then, as QEMU's first one.
func ownConsole(args []string) string {
	for option, value := range qemuOptions(args) {
		kind, _, _ := strings.Cut(value, ",")
		switch option {
		case "-serial":
			return option + " " + value
		case "-chardev":
			if kind == "stdio" {
				return option + " " + value
			}
		case "-device":
			if kind == "isa-serial" {
				return option + " " + value
			}
		}
	}
	return ""
}

// monitors are the options of which each replaces QEMU's monitor on the terminal.
var monitors = []string{"-monitor", "-mon", "-qmp", "-qmp-pretty"}

// terminal returns the arguments that put the machine's serial console on the terminal. Ctrl-C goes to the machine and Ctrl-A X ends
// it, whatever monitor the user asks for; beside one, -nographic alone would let Ctrl-C end QEMU.
func terminal(args []string) []string {
	if ownConsole(args) != "" {
		return []string{"-nographic"}
	}
	serial := []string{"-nographic", "-chardev", "stdio,id=bantam,mux=on,signal=off", "-serial", "chardev:bantam"}
	if hasOption(args, monitors...) {
		return serial
	}
	return append(serial, "-mon", "chardev=bantam,mode=readline")
}

// checkTerminal finds a monitor that would take the terminal from the machine's console: QEMU's own word for that names an
// argument which the user has not given.
func checkTerminal(args []string) error {
	if ownConsole(args) != "" {
		return nil
	}
	for option, value := range qemuOptions(args) {
		if kind, _, _ := strings.Cut(value, ","); kind == "stdio" && slices.Contains(monitors, option) {
			return fmt.Errorf("%s %s: the terminal has the machine's serial console; without a -monitor, QEMU's is there behind Ctrl-A C", option, value)
		}
	}
	return nil
}

// aboutConsole says what is to be seen of the machine, and how to leave it.
func aboutConsole(args []string) string {
	if own := ownConsole(args); own != "" {
		return "The machine's serial console is that of " + own + "."
	}
	const follows = "The serial console of the machine follows."
	if hasOption(args, "-echr") {
		return follows
	}
	return follows + " Ctrl-A X ends the machine."
}

// ownBootOrder tells whether the arguments say from what kind of device the machine starts: -boot d, or -boot order= or
// once=. Firmware looks at that only where no device has a bootindex.
func ownBootOrder(args []string) bool {
	for option, value := range qemuOptions(args) {
		if option != "-boot" {
			continue
		}
		for word := range strings.SplitSeq(value, ",") {
			if key, _, named := strings.Cut(word, "="); !named || key == "order" || key == "once" {
				return true
			}
		}
	}
	return false
}

// hasOption tells whether one of these options is among the arguments.
func hasOption(args []string, options ...string) bool {
	for option := range qemuOptions(args) {
		if slices.Contains(options, option) {
			return true
		}
	}
	return false
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
