package kmod

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fake stands for the kernel: it remembers what was inserted.
type fake struct {
	mu       sync.Mutex
	inserted []string // "name params"
	fail     map[string]error
	live     map[string]bool
}

func (k *fake) loader(x *Index, o Options) *Loader {
	return &Loader{Index: x, Options: o,
		insert: func(path, params string) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			name := Name(path)
			if err := k.fail[name]; err != nil {
				return err
			}
			k.inserted = append(k.inserted, strings.TrimSpace(name+" "+params))
			return nil
		},
		live: func(name string) bool { return k.live[name] },
	}
}

func TestModprobe(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	for _, tt := range []struct {
		name, module, params string
		fail                 map[string]error
		live                 map[string]bool
		want                 []string // inserted, sorted
		wantError            string
	}{
		{name: "dependencies come along, parameters go to the module alone", module: "virtio_pci", params: "a=1",
			want: []string{"virtio", "virtio_pci a=1", "virtio_ring"}},
		{name: "what is live is not touched", module: "virtio_pci", live: map[string]bool{"virtio": true, "virtio_ring": true},
			want: []string{"virtio_pci"}},
		{name: "somebody was faster", module: "virtio", fail: map[string]error{"virtio": unix.EEXIST}},
		{name: "a lost need stops what needs it and says why", module: "virtio_pci", fail: map[string]error{"virtio": unix.ENOMEM},
			wantError: "module virtio_pci needs module virtio_ring needs module virtio: cannot allocate memory"},
		{name: "a lost soft dependency does not matter", module: "ext4", fail: map[string]error{"crc32c_intel": unix.ENODEV},
			want: []string{"bonding max_bonds=0", "crc32c_generic", "ext4", "jbd2"}},
		{name: "bonding makes no port by itself", module: "bonding", params: "mode=1", want: []string{"bonding max_bonds=0 mode=1"}},
		{name: "a built-in module is there", module: "rng-core"},
		{name: "an unknown name", module: "nosuch", wantError: "module nosuch: no such module"},
		{name: "an alias stands for all its modules", module: "crypto-crc32c", want: []string{"crc32c_generic", "crc32c_intel"}},
		{name: "a blacklisted module is loaded by name", module: "e1000", want: []string{"e1000"}},
		{name: "a blacklisted module is not loaded by alias", module: "pci:v00008086d0000100Esv", wantError: "no such module"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kernel := fake{fail: tt.fail, live: tt.live}
			o := DefaultOptions()
			o.AddCmdline([]string{"quiet", "modprobe.blacklist=e1000,pcspkr"})
			err := kernel.loader(x, o).Modprobe(tt.module, tt.params)
			if tt.wantError == "" && err != nil || tt.wantError != "" && (err == nil || !strings.Contains(err.Error(), tt.wantError)) {
				t.Errorf("error %v, want %q", err, tt.wantError)
			}
			slices.Sort(kernel.inserted)
			if tt.wantError == "" && !slices.Equal(kernel.inserted, tt.want) {
				t.Errorf("inserted %q, want %q", kernel.inserted, tt.want)
			}
		})
	}
}

func TestInsertionKeepsTheOrderOfThePlan(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	for range 50 {
		kernel := fake{}
		if err := kernel.loader(x, DefaultOptions()).Modprobe("virtio_net", ""); err != nil {
			t.Fatal(err)
		}
		at := func(name string) int { return slices.Index(kernel.inserted, name) }
		if !(at("virtio") < at("virtio_ring") && at("virtio_ring") < at("virtio_net") &&
			at("failover") < at("net_failover") && at("net_failover") < at("virtio_net")) {
			t.Fatalf("order %q", kernel.inserted)
		}
	}
}

func TestModulesThatDoNotWaitForEachOtherAreInsertedAtTheSameTime(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	kernel := fake{}
	l := kernel.loader(x, DefaultOptions())
	var both sync.WaitGroup
	both.Add(2)
	l.insert = func(string, string) error {
		both.Done()
		both.Wait() // for ever, were it one after the other
		return nil
	}
	l.run(x.Plan("e1000", "i6300esb"), nil)
}

func TestCmdlineOptions(t *testing.T) {
	o := DefaultOptions()
	o.AddCmdline([]string{"console=ttyS0", "e1000-x.debug=16", "e1000_x.name=a b", "usbcore.quirks", "modprobe.blacklist=a-b,c", ".x=1", "y.=1"})
	for module, want := range map[string]string{
		"e1000_x": `debug=16 name="a b"`, "usbcore": "quirks", "bonding": "max_bonds=0", "": "", "y": "",
	} {
		if got := o.Params[module]; got != want {
			t.Errorf("parameters of %s: %q, want %q", module, got, want)
		}
	}
	if !o.Blacklist["a_b"] || !o.Blacklist["c"] || len(o.Blacklist) != 2 {
		t.Errorf("blacklist %v, want a_b and c", o.Blacklist)
	}
}

// The kernel itself refuses these, so the messages are those a person will see.
func TestInsertErrors(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.ko")
	if err := os.WriteFile(junk, []byte("this is no module"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := insertFile(junk, ""); err == nil || !strings.Contains(err.Error(), "finit_module "+junk) {
		t.Errorf("junk: error %v, want one with the call and the file", err)
	}
	if err := insertFile(filepath.Join(dir, "none.ko"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
}

func TestKernelLogRecord(t *testing.T) {
	for _, tt := range []struct {
		name, record, module, want string
		ok                         bool
	}{
		{"a record of the module", "4,812,5143112,-;sd_mod: Unknown symbol t10_pi (err -2)\n SUBSYSTEM=x\n", "sd_mod", "Unknown symbol t10_pi (err -2)", true},
		{"a record of another", "4,812,5143112,-;sd_mod: x\n", "sd", "", false},
		{"a record without subject", "6,1,0,-;Linux version 6.1\n", "sd_mod", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := saidOf(tt.record, tt.module)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("got %q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestParseList(t *testing.T) {
	const text = `virtio_net 73728 0 - Live 0xffffffffc0356000
virtio 16384 2 virtio_net,virtio_pci, Live 0xffffffffc0300000
stuck 4096 - - Unloading 0x0
short line
`
	got := parseList(text)
	if len(got) != 3 {
		t.Fatalf("%d modules, want 3: %+v", len(got), got)
	}
	if m := got[1]; m.Name != "virtio" || m.Size != 16384 || m.Uses != 2 || !slices.Equal(m.UsedBy, []string{"virtio_net", "virtio_pci"}) || m.State != "Live" {
		t.Errorf("got %+v", m)
	}
	if m := got[2]; m.Uses != -1 || m.UsedBy != nil || m.State != "Unloading" {
		t.Errorf("got %+v", m)
	}
}

func TestRmmodOfAMissingModule(t *testing.T) {
	err := Rmmod("bantam-no-such-module")
	if err == nil || !strings.Contains(err.Error(), "bantam-no-such-module") {
		t.Errorf("error %v, want one with the name", err)
	}
}

// sysfs makes a /sys of devices: path to the text of its modalias, or of its uevent.
func sysfs(t *testing.T, devices map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, alias := range devices {
		dir := filepath.Join(root, path)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		name, text := "modalias", alias+"\n"
		if rest, ok := strings.CutPrefix(alias, "uevent "); ok {
			name, text = "uevent", "DRIVER=x\nMODALIAS="+rest+"\nOF_NAME=y\n"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func testDevices(t *testing.T) string {
	return sysfs(t, map[string]string{
		"bus/pci/devices/0000:00:01.0":       "pci:v00008086d0000100Esv00001AF4sd0bc02sc00i00",
		"bus/pci/devices/0000:00:02.0":       "pci:v00001AF4d00001041sv00001AF4sd0bc02sc00i00",
		"bus/virtio/devices/virtio0":         "uevent virtio:d00000001v00001AF4",
		"bus/pci/devices/0000:00:03.0":       "pci:v00008086d000025ABsv0sd0bc02sc00i00",
		"bus/pci/devices/0000:00:04.0":       "pci:v00008086d0000100Esv00001AF4sd0bc02sc00i00",
		"bus/pci/devices/0000:00:05.0/power": "fs-ext4",
		"class/input/input0":                 "acpi:NOBODY:",
	})
}

func TestModaliases(t *testing.T) {
	got := Modaliases(testDevices(t))
	slices.Sort(got)
	want := []string{
		"acpi:NOBODY:", "pci:v00001AF4d00001041sv00001AF4sd0bc02sc00i00", "pci:v00008086d0000100Esv00001AF4sd0bc02sc00i00",
		"pci:v00008086d000025ABsv0sd0bc02sc00i00", "virtio:d00000001v00001AF4",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColdplugLoadsWhatIsWantedFirst(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	kernel := fake{}
	autoloader := &Autoloader{Loader: kernel.loader(x, DefaultOptions()), sys: testDevices(t)}
	first := autoloader.Coldplug(func(name, file string) bool { return strings.Contains(file, "/watchdog/") }, time.Minute)
	if want := []string{"i6300esb"}; !slices.Equal(first.Loaded, want) || first.Devices != 5 {
		t.Errorf("first: %+v, want %q for 5 devices", first, want)
	}
	rest := autoloader.Coldplug(nil, time.Minute)
	slices.Sort(rest.Loaded)
	if want := []string{"e1000", "failover", "net_failover", "virtio", "virtio_net", "virtio_pci", "virtio_ring"}; !slices.Equal(rest.Loaded, want) {
		t.Errorf("rest: %q, want %q", rest.Loaded, want)
	}
	if again := autoloader.Coldplug(nil, time.Minute); len(again.Loaded)+again.Devices != 0 {
		t.Errorf("a third time: %+v, want nothing", again)
	}
}

func TestColdplugReportsFailuresAndDevicesThatAreNotThere(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	kernel := fake{fail: map[string]error{"e1000": unix.ENODEV, "virtio": unix.ENOEXEC}}
	autoloader := &Autoloader{Loader: kernel.loader(x, DefaultOptions()), sys: testDevices(t)}
	r := autoloader.Coldplug(nil, time.Minute)
	if !slices.Equal(r.NoDevice, []string{"e1000"}) {
		t.Errorf("no device: %q, want e1000", r.NoDevice)
	}
	if err := errors.Join(r.Failed...); err == nil || !strings.Contains(err.Error(), "module virtio_pci needs module virtio_ring needs module virtio: exec format error") {
		t.Errorf("failed: %v", err)
	}
}

// Or a driver would meet some of its devices before and some while they are found, and eth0 might be eth1 the next time.
func TestADeviceWaitsUntilAllDevicesOfItsFinderAreFound(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	const port = "devices/pci0000:00/0000:00:02.0"
	root := sysfs(t, map[string]string{port + "/virtio0": "virtio:d00000001v00001AF4"})
	module := filepath.Join(root, "module", "virtio_pci")
	driver := filepath.Join(root, "bus", "pci", "drivers", "virtio-pci")
	if err := errors.Join(os.MkdirAll(module, 0o755), os.MkdirAll(driver, 0o755), os.Symlink(module, driver+"/module"), os.Symlink(driver, filepath.Join(root, port, "driver"))); err != nil {
		t.Fatal(err)
	}
	a := &Autoloader{Loader: (&fake{}).loader(x, DefaultOptions()), sys: root}
	for path, want := range map[string]string{"/" + port + "/virtio0": "virtio_pci", "/" + port: "", "/devices/virtual/mem/null": ""} {
		if got := a.finderOf(path); got != want {
			t.Errorf("%s was found by %q, want %q", path, got, want)
		}
	}
	// While the driver is being given its devices the kernel has not linked it to its module yet.
	if err := os.Remove(driver + "/module"); err != nil {
		t.Fatal(err)
	}
	if got := a.finderOf("/" + port + "/virtio0"); got != "virtio_pci" {
		t.Errorf("while its driver is registered it was found by %q, want virtio_pci", got)
	}
	for _, c := range []struct {
		name    string
		found   time.Time
		running map[string]int
		waits   bool
	}{
		{"its finder is being inserted", time.Now(), map[string]int{"virtio_pci": 1, "e1000": 1}, true},
		{"another driver is", time.Now(), map[string]int{"e1000": 1}, false},
		{"nothing is", time.Now(), nil, false},
		{"its finder hangs", time.Now().Add(-time.Minute), map[string]int{"virtio_pci": 1}, false},
	} {
		a.waiting = []awaited{{"virtio:d00000001v00001AF4", "virtio_pci", c.found}}
		steps := a.next(nil, map[string]bool{}, c.running)
		if waits := len(steps) == 0 && len(a.waiting) == 1; waits != c.waits {
			t.Errorf("%s: steps %v, waiting %v", c.name, steps, a.waiting)
		}
	}
}

func TestColdplugLeavesAHangingDriverBehind(t *testing.T) {
	x := index(t, debianDep, debianAlias, debianSoftdep, debianBuiltin)
	kernel := fake{}
	l := kernel.loader(x, DefaultOptions())
	release := make(chan struct{})
	defer close(release)
	insert := l.insert
	l.insert = func(path, params string) error {
		if Name(path) == "virtio" {
			<-release
		}
		return insert(path, params)
	}
	autoloader := &Autoloader{Loader: l, sys: testDevices(t)}
	r := autoloader.Coldplug(nil, 100*time.Millisecond)
	if want := []string{"virtio", "virtio_net", "virtio_pci", "virtio_ring"}; !slices.Equal(r.Late, want) {
		t.Errorf("late: %q, want %q", r.Late, want)
	}
	slices.Sort(r.Loaded)
	if want := []string{"e1000", "failover", "i6300esb", "net_failover"}; !slices.Equal(r.Loaded, want) {
		t.Errorf("loaded: %q, want %q", r.Loaded, want)
	}
}
