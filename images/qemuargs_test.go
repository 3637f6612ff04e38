package images

import (
	"strings"
	"testing"
)

func TestWhatTheUsersArgumentsMean(t *testing.T) {
	for _, test := range []struct {
		args    string
		network string
		accel   bool
		prints  bool
	}{
		{"", "", false, true},
		{"-nic none", "-nic none", false, true},
		{"--nic user,model=e1000", "-nic user,model=e1000", false, true},
		{"-m 64 -netdev user,id=n -device e1000,netdev=n", "-netdev user,id=n", false, true},
		{"-net none", "-net none", false, true},
		{"-device igb", "-device igb", false, true},
		{"-device virtio-net-pci,mac=52:54:00:12:34:56", "-device virtio-net-pci,mac=52:54:00:12:34:56", false, true},
		{`-device {"driver":"e1000","netdev":"n"}`, `-device {"driver":"e1000","netdev":"n"}`, false, true},
		{"-device usb-kbd -device virtio-blk-pci,drive=d", "", false, true},
		{"-device i6300esb -drive file=-nic", "", false, true},
		{"-accel tcg", "", true, false},
		{"--accel kvm", "", true, false},
		{"-enable-kvm", "", true, false},
		{"-machine pc,accel=tcg", "", true, false},
		{"-M accel=kvm:tcg", "", true, false},
		{"-machine pc", "", false, false},
		{"-name accel=kvm", "", false, true},
		{"-S", "", false, false},
		{"-serial file:log", "", false, false},
		{"-display gtk", "", false, false},
		{"-nic", "-nic ", false, true},
	} {
		args := strings.Fields(test.args)
		if got := ownNetwork(args); got != test.network {
			t.Errorf("%s: network %q, want %q", test.args, got, test.network)
		}
		if got := ownAccel(args); got != test.accel {
			t.Errorf("%s: accel %v, want %v", test.args, got, test.accel)
		}
		if got := alwaysPrints(args); got != test.prints {
			t.Errorf("%s: always prints %v, want %v", test.args, got, test.prints)
		}
	}
}

// Every network card that this QEMU has is known as one, and nothing else is.
func TestNetworkCardsOfQEMU(t *testing.T) {
	for _, qemu := range []string{"qemu-system-x86_64", "qemu-system-aarch64"} {
		help := output(t, tool(t, qemu), "-machine", "none", "-device", "help")
		var class string
		for line := range strings.Lines(help) {
			if name, ok := strings.CutSuffix(strings.TrimSpace(line), " devices:"); ok {
				class = name
			}
			_, name, found := strings.Cut(line, `name "`)
			name, _, _ = strings.Cut(name, `"`)
			if found && isNetworkCard(name) != (class == "Network") {
				t.Errorf("%s: %s of class %s: a network card: %v", qemu, name, class, isNetworkCard(name))
			}
		}
	}
}
