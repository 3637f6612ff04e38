package pid1

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"bantam/init/supervise"
	"bantam/switcher"
	"bantam/system"
)

func TestSysctlPath(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"dots are slashes", "net.ipv4.ip_forward", "net/ipv4/ip_forward"},
		{"a slash is the dot of an interface name", "net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
		{"written as a path", "net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
		{"one part", "kernel", "kernel"},
		{"no way out", "net.ipv4.//.x", ""},
		{"no way up", "net/../../etc/passwd", ""},
		{"no way from the top", "/etc/passwd", ""},
		{"an empty part", "net..x", ""},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sysctlPath(tt.in)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("sysctlPath(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestSysctlErrorsSayWhatIsWrong(t *testing.T) {
	errs := []error{SetSysctl("kernel.version", "2"), SetSysctl("net.bantam.nosuch", "1"), SetSysctl("vm.swappiness", "many")}
	text := errors.Join(errs...).Error()
	for _, want := range []string{
		"sysctl kernel.version = 2: permission denied; it can only be read",
		"sysctl net.bantam.nosuch = 1: no such file or directory; the kernel has no such parameter",
		"sysctl vm.swappiness = many: invalid argument; the kernel does not accept this value",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant %q in it", text, want)
		}
	}
}

// The interface has a dot in its name, as VLANs have.
func TestSysctlOfAnInterfaceWithADot(t *testing.T) {
	done := make(chan struct{})
	go func() { // the thread, and with it the namespace, ends with the goroutine
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("unshare(CLONE_NEWNET): %v; run as root", err)
			return
		}
		if out, err := exec.Command("ip", "link", "add", "eth0.103", "type", "veth", "peer", "name", "other").CombinedOutput(); err != nil {
			t.Errorf("ip link add: %v\n%s", err, out)
			return
		}
		sys, problems := system.Parse("system.toml", []byte(`sysctl.net.ipv4.conf."eth0.103".rp_filter = 2`))
		if len(problems) > 0 {
			t.Errorf("%v", problems)
			return
		}
		m := NewMachine(supervise.New(supervise.Options{}), nil, "", nil, nil)
		for name, value := range sys.Sysctl {
			if err := m.SetSysctl(name, value); err != nil {
				t.Error(err)
			}
			if got, err := m.Sysctl(name); got != value {
				t.Errorf("%s is %q, %v, want %s", name, got, err, value)
			}
		}
	}()
	<-done
}

func TestAccounts(t *testing.T) {
	users := map[string]system.User{"web": {UID: 1001, GID: 1000}, "app": {UID: 1000, GID: 1000, Groups: []string{"operator", "extra"}}, "con": {UID: 7, GID: 5}}
	for name, u := range users {
		u.Home, u.Shell = "/var/empty", "/bin/false"
		users[name] = u
	}
	users["anna"] = system.User{UID: 2000, GID: 2000, Groups: []string{"operator"}, Home: "/home/anna", Shell: "/bin/sh", Password: "$y$x"}
	sys := &system.System{Users: users, Groups: map[string]system.Group{"extra": {GID: 3000}}}
	passwd, group, shadow := accounts(sys)
	for _, tt := range []struct{ name, got, want string }{
		{"passwd is ordered by number", passwd, `root:x:0:0:root:/root:/bin/sh
con:x:7:5::/var/empty:/bin/false
app:x:1000:1000::/var/empty:/bin/false
web:x:1001:1000::/var/empty:/bin/false
anna:x:2000:2000::/home/anna:/bin/sh
netcfg:x:65533:65533:network configurator:/:/bin/false
nobody:x:65534:65534:nobody:/var/empty:/bin/false
`},
		{"a shared group is named once", group, "root:x:0:\ntty:x:5:\napp:x:1000:\nanna:x:2000:\nextra:x:3000:app\noperator:x:65532:app,anna\nnetcfg:x:65533:\nnogroup:x:65534:\n"},
		{"only who is given a password has one", shadow, "root:*:::::::\ncon:*:::::::\napp:*:::::::\nweb:*:::::::\nanna:$y$x:::::::\nnetcfg:*:::::::\nnobody:*:::::::\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got\n%swant\n%s", tt.got, tt.want)
			}
		})
	}
	for _, tt := range []struct{ name, passwd, group, shadow, changed string }{
		{"as they were made", passwd, group, shadow, ""},
		{"another account", passwd + "evil:x:0:0::/:/bin/sh\n", group, shadow, "evil"},
		{"a shell", strings.Replace(passwd, "web:x:1001:1000::/var/empty:/bin/false", "web:x:1001:1000::/var/empty:/bin/sh", 1), group, shadow, "web"},
		{"root's line", strings.Replace(passwd, "root:x", "root:", 1), group, shadow, "root"},
		{"another group", passwd, group + "wheel:x:9:web\n", shadow, "group wheel, root, web"},
		{"another operator", passwd, strings.Replace(group, "app,anna", "app,web,anna", 1), shadow, "web"},
		{"a password taken away", passwd, group, strings.Replace(shadow, "root:*", "root:", 1), "root"},
		{"a password given", passwd, group, strings.Replace(shadow, "root:*", "root:$y$z", 1), "root"},
		{"another password", passwd, group, strings.Replace(shadow, "$y$x", "$y$z", 1), "anna"},
		{"all gone", "", "", "", "anna, app, con, group extra, netcfg, nobody, root, web"},
	} {
		states, want := userStates(tt.passwd, tt.group, tt.shadow), switcher.Accounts(sys)
		all := maps.Clone(states)
		maps.Copy(all, want)
		var list []string
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if states[name] != want[name] {
				list = append(list, name)
			}
		}
		if got := strings.Join(list, ", "); got != tt.changed {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.changed)
		}
	}
}

func TestConsoles(t *testing.T) {
	for _, tt := range []struct {
		name, active, real string
		want               string
	}{
		{"screen and serial line", "tty0 ttyS0", "tty1 ttyS0 ttyS1", "tty1 ttyS0"},
		{"a serial console whose port is missing, another is there", "ttyS1", "ttyS0", "ttyS0"},
		{"only a screen is told, but there is a serial line", "tty0", "tty1 ttyS0 ttyS1", "tty1 ttyS0"},
		{"Arm board", "ttyAMA0", "ttyAMA0", "ttyAMA0"},
		{"virtio console beside a serial line", "hvc0", "hvc0 ttyS0", "hvc0"},
		{"no console at all", "", "ttyS0", "ttyS0"},
		{"nothing", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			real := strings.Fields(tt.real)
			got := consoles(strings.Fields(tt.active), func(name string) bool { return slices.Contains(real, name) })
			if !slices.Equal(got, strings.Fields(tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheLatestTimeWins(t *testing.T) {
	day := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name                          string
		now, chip, saved, build, want int
		origin                        string
	}{
		{"the clock runs", 2028, 1, 2027, 2026, 2028, originChip},
		{"no battery, a saved time", 1970, 1, 2027, 2026, 2027, originSaved},
		{"first boot without battery", 1970, 1, 1, 2026, 2026, originBuild},
		{"an image newer than the saved time", 1970, 1, 2026, 2027, 2027, originBuild},
		{"a saved time from a damaged file", 2028, 1, 2099, 2026, 2028, originChip},
		{"a battery that is empty", 2001, 2001, 2027, 2026, 2027, originSaved},
		{"a clock chip of the next century", 2105, 2105, 2027, 2026, 2027, originSaved},
		{"a clock chip whose driver came late", 1970, 2029, 2027, 2026, 2028, originChip}, // less a second
		{"a build without a date", 2028, 1, 1, 1970, 2028, originChip},
		{"a build without a date, and no clock", 1970, 1, 1, 1970, 2026, originBuild},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, origin := latest(day(tt.now), "", day(tt.chip), day(tt.saved), day(tt.build))
			if got.Year() != tt.want || origin != tt.origin {
				t.Errorf("got %v, %s, want %d, %s", got, origin, tt.want, tt.origin)
			}
		})
	}
	if _, origin := latest(day(2028), originSaved, time.Time{}, day(2027), day(2026)); origin != originSaved {
		t.Errorf("later it is from %s", origin)
	}
	if _, origin := latest(day(2028), originSaved, day(2028).Add(-time.Second), day(2027), day(2026)); origin != originChip {
		t.Errorf("once the kernel has taken that of the chip it is from %s", origin)
	}
}

func TestClockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock")
	if got, err := readClock(path); !got.IsZero() || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
	if err := SaveClock(path); err != nil {
		t.Fatal(err)
	}
	got, err := readClock(path)
	if err != nil || time.Since(got).Abs() > time.Minute {
		t.Errorf("read back %v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("\x00\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readClock(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("damaged file: error %v, want one with its name", err)
	}
}

func TestASeedIsUsedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seed")
	if err := CreditSeed(path); err != nil {
		t.Errorf("without a file: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("without a file one was made")
	}
	if err := SaveSeed(path); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 3 {
		seed, err := os.ReadFile(path)
		if err != nil || len(seed) != seedSize || seen[string(seed)] {
			t.Fatalf("seed %x, %v: want %d new bytes", seed, err, seedSize)
		}
		seen[string(seed)] = true
		if err := CreditSeed(path); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestASeedCountsOnceAndOnlyIfItIsWorthIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "seed")
	for _, tt := range []struct {
		name, path, says string
		size, bits       int
	}{
		{"a whole seed", path, "", seedSize, 256},
		{"the least that holds 256 bits", path, "", 32, 256},
		{"a torn one", path, "", 31, 0},
		{"an empty one", path, "", 0, 0},
		{"one that cannot be replaced", "/proc/version", "not counted", -1, 0}, // no file can be made beside it
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.size >= 0 {
				if err := os.WriteFile(path, []byte(strings.Repeat("s", tt.size)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			calls := 0
			err := creditSeed(tt.path, func(data []byte, bits int) error {
				calls++
				now, err := os.ReadFile(tt.path)
				if err != nil {
					t.Fatal(err)
				}
				if bits != tt.bits || len(data) != seedSize {
					t.Errorf("%d bytes counted as %d bits, want %d", len(data), bits, tt.bits)
				}
				if bits > 0 && string(now) == strings.Repeat("s", tt.size) {
					t.Error("it was used before it was replaced: after a power cut it would count again")
				}
				if slices.Equal(now, data) {
					t.Error("what is stored tells what was used")
				}
				return nil
			})
			if calls != 1 {
				t.Errorf("used %d times", calls)
			}
			if got := fmt.Sprint(err); tt.says == "" && err != nil || !strings.Contains(got, tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
}

func TestUsedAndStoredSeedsDiffer(t *testing.T) {
	if a, b := derive("next", []byte("x")), derive("use", []byte("x")); slices.Equal(a, b) {
		t.Error("the stored seed tells the used one")
	}
	if a, b := derive("use", []byte("xy"), []byte("z")), derive("use", []byte("x"), []byte("yz")); slices.Equal(a, b) {
		t.Error("parts run into each other")
	}
}

func TestRecords(t *testing.T) {
	long := strings.Repeat("ä", 800)
	got := records(Error, "one\n\ntwo\r\n"+long)
	if want := []string{"<27>bantam: one", "<27>bantam: two"}; !slices.Equal(got[:2], want) {
		t.Errorf("got %q, want %q", got[:2], want)
	}
	var joined string
	for _, record := range got[2:] {
		text := strings.TrimPrefix(record, "<27>bantam: ")
		if len(record) > 950 || !utf8.ValidString(text) {
			t.Errorf("record of %d bytes, valid %v", len(record), utf8.ValidString(text))
		}
		joined += text
	}
	if joined != long {
		t.Error("a long line lost bytes")
	}
	if got := records(Info, "\n"); got != nil {
		t.Errorf("an empty line made %q", got)
	}
	if got := strings.Join(records(Info, strings.Repeat("\x80", 2000)), ""); strings.Count(got, "\x80") != 2000 {
		t.Error("bytes that are no text are lost")
	}
}

func TestBootchart(t *testing.T) {
	const ms = time.Millisecond
	got := draw([]Span{{"mounts", 2000 * ms, 2003 * ms}, {"coldplug", 2003 * ms, 2101 * ms}, {"seed", 2101 * ms, 0}}, 2103*ms, 20)
	want := ` 2.000 s    3.0 ms  mounts    #
 2.003 s   98.0 ms  coldplug  ###################
 2.101 s    2.0 ms  seed                         #
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var c Bootchart
	c.Span("a")()
	c.Span("b")
	if s := c.Spans(); len(s) != 2 || s[0].End < s[0].Start || s[0].Start == 0 || s[1].End != 0 {
		t.Errorf("spans %+v", s)
	}
}

func TestUnmountOrder(t *testing.T) {
	const mountinfo = `22 1 0:21 / / rw - rootfs rootfs rw
23 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw
30 22 254:1 / /state rw shared:3 - ext4 /dev/vda1 rw
31 30 254:2 / /state/inner rw - vfat /dev/vda2 rw
32 22 7:0 / /mnt/a\040b rw - ext4 /dev/loop0 rw
33 32 7:1 / /mnt/a\040b/c rw - ext4 /dev/loop1 rw
34 22 0:30 / /statements rw - nfs host:/x rw
35 22 0:31 / /tmp rw - tmpfs tmpfs rw
36 22 254:1 /services/var:lib:web /var/lib/web rw - ext4 /dev/vda1 rw
`
	got := unmountOrder(mountinfo, "/state")
	want := []string{"/var/lib/web", "/state/inner", "/state", "/statements", "/mnt/a b/c", "/mnt/a b"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestActionsBySignal(t *testing.T) {
	for _, a := range []Action{Restart, PowerOff, Halt} {
		if got, ok := ActionOf(a.Signal()); !ok || got != a {
			t.Errorf("%v: its signal %v means %v, %v", a, a.Signal(), got, ok)
		}
	}
	if got, ok := ActionOf(os.Interrupt); !ok || got != Restart {
		t.Errorf("Ctrl-Alt-Del means %v, %v, want reboot", got, ok)
	}
}

func TestAMachineWithoutWatchdog(t *testing.T) {
	w, err := OpenWatchdog(filepath.Join(t.TempDir(), "watchdog"), WatchdogTimeout)
	if w != nil || err == nil {
		t.Errorf("got %v, %v, want nil and the reason", w, err)
	}
	w.Kick()
	if w.String() != "none" || w.FD() != -1 || w.Interval() <= 0 {
		t.Errorf("%v, descriptor %d, every %v", w, w.FD(), w.Interval())
	}
}

func TestAKickNeverDisarmsTheWatchdog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "watchdog")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := OpenWatchdog(path, WatchdogTimeout)
	if err != nil {
		t.Fatal(err)
	}
	w.Kick()
	written, err := os.ReadFile(path)
	if err != nil || len(written) != 2 || strings.Contains(string(written), "V") {
		t.Errorf("written %q, %v, want two bytes and no V", written, err)
	}
}

func TestGuardKeepsAPanicFromEndingTheProcess(t *testing.T) {
	defer func(old func(Panic)) { OnPanic = old }(OnPanic)
	var got Panic
	OnPanic = func(p Panic) { got = p }
	Guard("hotplug", func() { panic("on purpose") })
	if got.Error() != "panic in hotplug: on purpose" || !strings.Contains(string(got.Stack), "settings_test.go") {
		t.Errorf("got %v with stack\n%s", got, got.Stack)
	}
}
