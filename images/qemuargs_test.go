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

func TestTheTerminalIsTheMachines(t *testing.T) {
	const serial = "-nographic -chardev stdio,id=bantam,mux=on,signal=off -serial chardev:bantam"
	const follows = "The serial console of the machine follows. Ctrl-A X ends the machine."
	for _, test := range []struct{ args, want, says string }{
		{"", serial + " -mon chardev=bantam,mode=readline", follows},
		{"-m 64 -chardev file,id=f,path=f", serial + " -mon chardev=bantam,mode=readline", follows},
		{"-monitor none", serial, follows},
		{"--monitor unix:m,server=on,wait=off", serial, follows},
		{"-qmp unix:q,server=on,wait=off", serial, follows},
		{"-qmp-pretty unix:q,server=on,wait=off", serial, follows},
		{"-chardev socket,id=m,path=m -mon chardev=m", serial, follows},
		{"-echr 2", serial + " -mon chardev=bantam,mode=readline", "The serial console of the machine follows."},
		{"-serial file:log", "-nographic", "The machine's serial console is that of -serial file:log."},
		{"-monitor none -serial mon:stdio", "-nographic", "The machine's serial console is that of -serial mon:stdio."},
		{"-chardev stdio,id=s -device isa-serial,chardev=s", "-nographic", "The machine's serial console is that of -chardev stdio,id=s."},
		{"-device isa-serial,chardev=s", "-nographic", "The machine's serial console is that of -device isa-serial,chardev=s."},
	} {
		args := strings.Fields(test.args)
		if got := strings.Join(terminal(args), " "); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.args, got, test.want)
		}
		if got := aboutConsole(args); got != test.says {
			t.Errorf("%s: says %q, want %q", test.args, got, test.says)
		}
	}
}

func TestAMonitorThatWouldTakeTheTerminal(t *testing.T) {
	for args, want := range map[string]bool{
		"": false, "-monitor none": false, "-monitor stdio": true, "--qmp stdio": true, "-serial file:log -monitor stdio": false,
		"-serial mon:stdio -monitor none": false, "-chardev stdio,id=m,mux=on -mon m": false, "-name stdio": false,
	} {
		if err := checkTerminal(strings.Fields(args)); (err != nil) != want {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestWhoNamesAnOrderOfBooting(t *testing.T) {
	for args, want := range map[string]bool{
		"": false, "-boot d": true, "--boot dc": true, "-boot order=n": true, "-boot menu=on,once=d": true, "-boot d,menu=on": true,
		"-boot menu=on,splash-time=5000": false, "-boot strict=on": false, "-device e1000,bootindex=1": false,
	} {
		if got := ownBootOrder(strings.Fields(args)); got != want {
			t.Errorf("%s: %v, want %v", args, got, want)
		}
	}
}
