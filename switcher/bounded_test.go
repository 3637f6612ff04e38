package switcher

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bantam/layer"
	"bantam/system"
)

// silentMachine does not answer its n-th question, or none of one kind, ever.
type silentMachine struct {
	*fakeMachine
	never chan struct{}

	mu    sync.Mutex
	n     int
	all   string
	seen  map[string]bool
	which string // the question that hangs
}

func (m *silentMachine) turn(question string) {
	m.mu.Lock()
	m.seen[question] = true
	m.n--
	hangs := m.n == 0 || question == m.all
	if hangs {
		m.which = question
	}
	m.mu.Unlock()
	if hangs {
		<-m.never
	}
}

func (m *silentMachine) Ending() bool { m.turn("Ending"); return m.fakeMachine.Ending() }

func (m *silentMachine) Hostname() (string, error) {
	m.turn("Hostname")
	return m.fakeMachine.Hostname()
}

func (m *silentMachine) SetHostname(name string) error {
	m.turn("SetHostname")
	return m.fakeMachine.SetHostname(name)
}

func (m *silentMachine) Sysctl(name string) (string, error) {
	m.turn("Sysctl")
	return m.fakeMachine.Sysctl(name)
}

func (m *silentMachine) CanSetSysctl(name string) error {
	m.turn("CanSetSysctl")
	return m.fakeMachine.CanSetSysctl(name)
}

func (m *silentMachine) SetSysctl(name, value string) error {
	m.turn("SetSysctl")
	return m.fakeMachine.SetSysctl(name, value)
}

func (m *silentMachine) HasModule(name string) (bool, error) {
	m.turn("HasModule")
	return m.fakeMachine.HasModule(name)
}

func (m *silentMachine) ModuleLoaded(name string) (bool, error) {
	m.turn("ModuleLoaded")
	return m.fakeMachine.ModuleLoaded(name)
}

func (m *silentMachine) LoadModule(ctx context.Context, name string) error {
	m.turn("LoadModule")
	return m.fakeMachine.LoadModule(ctx, name)
}

func (m *silentMachine) Users() (map[string]string, error) {
	m.turn("Users")
	return m.fakeMachine.Users()
}

func (m *silentMachine) SSH() (Items, map[string]int, error) {
	m.turn("SSH")
	return m.fakeMachine.SSH()
}

func (m *silentMachine) SetSSH(sys *system.System) error {
	m.turn("SetSSH")
	return m.fakeMachine.SetSSH(sys)
}

func (m *silentMachine) SetUsers(sys *system.System) error {
	m.turn("SetUsers")
	return m.fakeMachine.SetUsers(sys)
}

func (m *silentMachine) Secret(name string) ([]byte, error) {
	m.turn("Secret")
	return m.fakeMachine.Secret(name)
}

func (m *silentMachine) StateFolder(path string) (string, error) {
	m.turn("StateFolder")
	return m.fakeMachine.StateFolder(path)
}

func (m *silentMachine) Consoles() (string, error) {
	m.turn("Consoles")
	return m.fakeMachine.Consoles()
}

func (m *silentMachine) SetConsoles(sys *system.System) error {
	m.turn("SetConsoles")
	return m.fakeMachine.SetConsoles(sys)
}

func (m *silentMachine) Home(path string) (string, error) {
	m.turn("Home")
	return m.fakeMachine.Home(path)
}

func (m *silentMachine) MakeHome(ctx context.Context, path string, uid, gid int) error {
	m.turn("MakeHome")
	return m.fakeMachine.MakeHome(ctx, path, uid, gid)
}

func (m *silentMachine) KeepState(ctx context.Context, path string, uid, gid int) error {
	m.turn("KeepState")
	return m.fakeMachine.KeepState(ctx, path, uid, gid)
}

func (m *silentMachine) LeaveState(path string) error {
	m.turn("LeaveState")
	return m.fakeMachine.LeaveState(path)
}

func (m *silentMachine) FileState(path string) (string, error) {
	m.turn("FileState")
	return m.fakeMachine.FileState(path)
}

func (m *silentMachine) WriteFile(path string, data []byte, mode uint32, uid, gid int) error {
	m.turn("WriteFile")
	return m.fakeMachine.WriteFile(path, data, mode, uid, gid)
}

func (m *silentMachine) EtcPaths() ([]string, error) {
	m.turn("EtcPaths")
	return m.fakeMachine.EtcPaths()
}

func (m *silentMachine) WriteLink(path, target string) error {
	m.turn("WriteLink")
	return m.fakeMachine.WriteLink(path, target)
}

func (m *silentMachine) MakeFolder(path string) error {
	m.turn("MakeFolder")
	return m.fakeMachine.MakeFolder(path)
}

func (m *silentMachine) TreeItems() (Items, error) {
	m.turn("TreeItems")
	return m.fakeMachine.TreeItems()
}

func (m *silentMachine) SetTree(t Tree) error {
	m.turn("SetTree")
	return m.fakeMachine.SetTree(t)
}

func (m *silentMachine) LayerIndex(l Descriptor) (layer.Index, error) {
	m.turn("LayerIndex")
	return m.fakeMachine.LayerIndex(l)
}

func (m *silentMachine) LayerFile(l Descriptor, name string) ([]byte, error) {
	m.turn("LayerFile")
	return m.fakeMachine.LayerFile(l, name)
}

func (m *silentMachine) ReleaseLayers() error {
	m.turn("ReleaseLayers")
	return m.fakeMachine.ReleaseLayers()
}

func (m *silentMachine) VerifyLayer(l Descriptor) error {
	m.turn("VerifyLayer")
	return m.fakeMachine.VerifyLayer(l)
}

func (m *silentMachine) RemoveFile(path string) error {
	m.turn("RemoveFile")
	return m.fakeMachine.RemoveFile(path)
}

func (m *silentMachine) Network() (NetworkState, error) {
	m.turn("Network")
	return m.fakeMachine.Network()
}

func (m *silentMachine) Services() ([]ServiceState, error) {
	m.turn("Services")
	return m.fakeMachine.Services()
}

func (m *silentMachine) Log(service string, lines int, since time.Duration) ([]string, error) {
	m.turn("Log")
	return m.fakeMachine.Log(service, lines, since)
}

func (m *silentMachine) Fingerprints(sys *system.System, inTree FindInTree) (map[string]string, error) {
	m.turn("Fingerprints")
	return m.fakeMachine.Fingerprints(sys, inTree)
}

func (m *silentMachine) CanStart(service system.Service, sys *system.System) ([]string, error) {
	m.turn("CanStart")
	return m.fakeMachine.CanStart(service, sys)
}

func (m *silentMachine) StopServices(ctx context.Context, names []string) error {
	m.turn("StopServices")
	return m.fakeMachine.StopServices(ctx, names)
}

func (m *silentMachine) StartServices(names []string) error {
	m.turn("StartServices")
	return m.fakeMachine.StartServices(names)
}

func (m *silentMachine) ReloadServices(names []string) error {
	m.turn("ReloadServices")
	return m.fakeMachine.ReloadServices(names)
}

func (m *silentMachine) Adopt(text []byte, sys *system.System, fingerprints map[string]string) error {
	m.turn("Adopt")
	return m.fakeMachine.Adopt(text, sys, fingerprints)
}

func (m *silentMachine) RunCheck(ctx context.Context, name string, check system.Check, sys *system.System) error {
	m.turn("RunCheck")
	return m.fakeMachine.RunCheck(ctx, name, check, sys)
}

const (
	// everyKind and everyKindThen differ in something of each kind, and in services to stop, to start and to reload.
	everyKind     = reloadText + "[service.old]\ncommand = [\"old\"]\nstate = [\"/srv/old\"]\n[file.\"/etc/old\"]\ntext = \"\"\n"
	everyKindThen = "console.login = \"none\"\npackages = [\"kit\"]\nmodules = [\"nbd\"]\nhostname = \"after\"\n[service.web]\ncommand = [\"httpd\"]\non_change = \"reload\"\n" +
		"reload_signal = \"USR1\"\n[service.new]\ncommand = [\"new\"]\nuser = \"www\"\nstate = [\"/srv/new\"]\nenv = { T = { secret = \"s0\" } }\n" +
		"[user.www]\nuid = 80\nhome = \"/home/www\"\n[sysctl]\n\"vm.swappiness\" = 1\n[check.ping]\ncommand = [\"ping\"]\n[dns]\nservers = [\"9.9.9.9\"]\n[file.\"/etc/new\"]\ntext = \"new\"\n[user.root]\nauthorized_keys = [\"" + aKey + "\"]\n"
)

// machineWithKit is a machine whose boot medium has a package with a file, a link and a folder in etc.
func machineWithKit(t testing.TB) (*Switcher, *fakeMachine, string) {
	dir, m := t.TempDir(), newFakeMachine()
	m.carry("packages = [\"kit\"]\n", m.layer("package/kit", "1", "package/kit", fakeLayer{
		"index": "d\t0755\t0:0\t\tetc/kit\nf\t0644\t0:0\t" + DigestOf([]byte("a")).Hex() + "\tetc/kit.conf\nl\t0000\t0:0\t\tetc/kit.link\tkit.conf\n", "etc/kit.conf": "a"}))
	return bootAgain(t, dir, m), m, dir
}

// Whatever hangs, and for ever: the switch ends, says what it was, condemns nothing, and the next one works.
func TestNoQuestionOfTheMachineHoldsASwitchForEver(t *testing.T) {
	const longest = 3 * time.Minute
	seen := map[string]bool{}
	for _, broken := range []bool{false, true} {
		for n, done := 1, false; !done; n++ {
			synctest.Test(t, func(t *testing.T) {
				s, fake, _ := machineWithKit(t)
				wantExit(t, switchTo(t, s, VerbSwitch, everyKind), ExitGood)
				delete(fake.files, "/etc/kit") // by somebody
				m := &silentMachine{fakeMachine: fake, never: make(chan struct{}), n: n, seen: seen}
				defer close(m.never)
				s.machine = bind(m)
				if broken {
					fake.broken["new"] = exited(1)
				}
				began := time.Now()
				r := switchTo(t, s, VerbSwitch, everyKindThen)
				m.mu.Lock()
				which := m.which
				m.mu.Unlock()
				if took := time.Since(began); took > longest {
					t.Errorf("%s hangs: %v", which, took)
				}
				if done = which == ""; done {
					return
				}
				name := fmt.Sprintf("%s hangs, question %d, broken %v: exit %d, %s", which, n, broken, r.Exit, r.Reason)
				for _, g := range s.Generations() {
					if g.State == StateBad && !broken {
						t.Errorf("%s: generation %d is bad: %s", name, g.Number, g.Reason)
					}
				}
				if !broken && r.Exit != ExitGood && !strings.Contains(r.Reason, "the machine does not answer") {
					t.Error(name)
				}
				fake.broken = nil
				if r := switchTo(t, s, VerbSwitch, everyKindThen); r.Exit != ExitGood {
					t.Errorf("%s\nthe next one: exit %d, %s", name, r.Exit, r.Reason)
				}
				wantRuns(t, fake, "after [new web]")
			})
		}
	}
	for method := range reflect.TypeFor[Machine]().Methods() {
		if name := method.Name; !seen[name] && name != "Now" && name != "Wait" {
			t.Errorf("%s is never asked, or has no limit", name)
		}
	}
}

// Of them whoever looks at the status or the list of generations asks.
func TestADiskThatDoesNotAnswerHoldsUpNobodyWhoAsksForTheBootSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := startedSlots(t)
		d.loader.hangs = make(chan struct{})
		began := time.Now()
		if _, err := d.s.BootSlots(); !errors.As(err, new(unanswered)) || !strings.HasPrefix(err.Error(), "boot slots: ") {
			t.Errorf("got %v", err)
		}
		if list := d.s.Generations(); len(list) != 2 || time.Since(began) > answerLimit+2*againLimit {
			t.Errorf("%d generations after %v", len(list), time.Since(began))
		}
		close(d.loader.hangs)
		synctest.Wait()
		if slots, err := d.s.BootSlots(); len(slots) != 2 || err != nil {
			t.Errorf("got %+v, %v", slots, err)
		}
	})
}

// A driver that hangs answers none of the many questions about its parameter.
func TestWhatHangsAgainAndAgainEndsSoonToo(t *testing.T) {
	for method := range reflect.TypeFor[Machine]().Methods() {
		if method.Name == "Now" || method.Name == "Wait" {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			s, fake, _ := machineWithKit(t)
			wantExit(t, switchTo(t, s, VerbSwitch, everyKind), ExitGood)
			m := &silentMachine{fakeMachine: fake, never: make(chan struct{}), all: method.Name, seen: map[string]bool{}}
			s.machine = bind(m)
			began := time.Now()
			switchTo(t, s, VerbSwitch, everyKindThen)
			if took := time.Since(began); took > 4*time.Minute {
				t.Errorf("%s: %v", method.Name, took)
			}
			for _, g := range s.Generations() {
				if g.State == StateBad {
					t.Errorf("%s: generation %d is bad: %s", method.Name, g.Number, g.Reason)
				}
			}
			m.mu.Lock()
			m.all = ""
			m.mu.Unlock()
			close(m.never) // what nobody waited for any more happens now
			synctest.Wait()
			if r := switchTo(t, s, VerbSwitch, everyKindThen); r.Exit != ExitGood {
				t.Errorf("%s\nthe next one: exit %d, %s", method.Name, r.Exit, r.Reason)
			}
			wantRuns(t, fake, "after [new web]")
		})
	}
}

func TestABootEndsWhateverHangs(t *testing.T) {
	for method := range reflect.TypeFor[Machine]().Methods() {
		if method.Name == "Now" || method.Name == "Wait" {
			continue
		}
		for _, verb := range []string{VerbSwitch, VerbBoot} { // a trusted one, and a trial
			synctest.Test(t, func(t *testing.T) {
				s, fake, dir := machineWithKit(t)
				wantExit(t, switchTo(t, s, verb, everyKindThen), ExitGood)
				fake.powerOff()
				s, err := open(quickDisk{}, machineOptions(dir, fake))
				if err != nil {
					t.Fatal(err)
				}
				m := &silentMachine{fakeMachine: fake, never: make(chan struct{}), all: method.Name, seen: map[string]bool{}}
				s.machine = bind(m)
				began := time.Now()
				s.Boot(t.Context(), nil)
				if took := time.Since(began); took > 4*time.Minute {
					t.Errorf("%s: %v", method.Name, took)
				}
				for _, g := range s.Generations() {
					if g.State == StateBad {
						t.Errorf("%s: generation %d is bad: %s", method.Name, g.Number, g.Reason)
					}
				}
				m.mu.Lock()
				m.all = ""
				m.mu.Unlock()
				close(m.never)
				synctest.Wait()
				wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
				if got := fake.runs(); got != "web [web]" {
					t.Errorf("%s, %s: the next switch ends with %s", method.Name, verb, got)
				}
			})
		}
	}
}

func TestAQuestionIsNotAskedWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		var asked atomic.Int32
		defer close(never)
		m := bind(nil)
		for range 3 * mostOpen {
			_, err := ask(m, nil, time.Second, "what", func() (int, error) { asked.Add(1); <-never; return 0, nil })
			if !errors.As(err, new(unanswered)) {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if asked.Load() != mostOpen {
			t.Errorf("asked %d times, want %d", asked.Load(), mostOpen)
		}
		if got, err := ask(m, nil, time.Second, "something else", func() (int, error) { return 7, nil }); got != 7 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
	})
}
