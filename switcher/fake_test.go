package switcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bantam/layer"
	"bantam/lifecycle"
	"bantam/system"
)

// fakeMachine is a machine in memory whose clock runs only while somebody waits.
type fakeMachine struct {
	mu       sync.Mutex
	now      time.Duration
	hostname string
	sysctl   map[string]string
	loaded   []string
	modules  []string       // that can be loaded
	users    *system.System // its accounts
	homes    map[string]string
	console  system.Console
	ssh      *system.System // whose users may log in
	loggedIn map[string]int
	files    map[string]string // states by path
	tree     Items             // what was set
	medium   Generation        // what the boot medium carries
	carries  string            // its system.toml
	layers   map[Digest]fakeLayer
	mounted  map[string]bool   // folders that last, by path
	folders  map[string]string // what they are on the state volume, which knows no power cut
	ways     map[string]string // what is in the way of folders
	secrets  map[string]string
	text     string // adopted
	system   *system.System
	prints   map[string]string
	services map[string]*ServiceState
	network  NetworkState
	calls    []string
	versions map[string]string // of programs, part of the fingerprints
	unread   map[string]error  // programs of which no version can be told

	kernel   func(have map[string]string, name, value string) // makes something else of a parameter that was set
	missing  []string                                         // programs that are not there
	broken   map[string]lifecycle.Exit                        // services whose start ends so
	ending   bool
	checks   func(name string) error
	fail     func(call string) error                          // asked before every call that changes something
	reloaded func(*ServiceState)                              // at a reload of a service
	onWait   func(m *fakeMachine)                             // at every Wait, with mu held
	connect  func(m *fakeMachine, s *system.System) (on bool) // nil: stays online

	logSince  time.Duration       // as asked for last
	lockedOut int                 // number of a user who may not enter any service's folder
	doubts    map[string][]string // by program
}

func newFakeMachine() *fakeMachine {
	return &fakeMachine{
		now: time.Second, sysctl: map[string]string{"net.ipv4.ip_forward": "0", "vm.swappiness": "60"},
		modules: []string{"wireguard", "nbd"}, services: map[string]*ServiceState{}, broken: map[string]lifecycle.Exit{},
		versions: map[string]string{}, folders: map[string]string{}, ways: map[string]string{},
		secrets: map[string]string{"s0": "hush-0", "s1": "hush-1"},
		network: NetworkState{Links: []string{"eth0", "eth1", "lo"}},
		medium:  image(imageText), carries: imageText, layers: map[Digest]fakeLayer{},
	}
}

// powerOff forgets what a machine forgets without power.
func (m *fakeMachine) powerOff() {
	fresh := newFakeMachine()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hostname, m.sysctl, m.loaded, m.users, m.text, m.system = "", fresh.sysctl, nil, nil, "", nil
	m.homes, m.console = nil, system.Console{}
	m.ssh, m.loggedIn = nil, nil
	m.ending, m.files, m.tree, m.mounted = false, nil, nil, nil
	m.services, m.network, m.now, m.calls, m.prints = fresh.services, fresh.network, time.Second, nil, nil
}

func (m *fakeMachine) call(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	m.calls = append(m.calls, text)
	if m.fail != nil {
		return m.fail(text)
	}
	return nil
}

func (m *fakeMachine) Now() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *fakeMachine) Wait(ctx context.Context, until time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = max(m.now, until)
	if m.onWait != nil {
		m.onWait(m)
	}
	return nil
}

func (m *fakeMachine) Services() ([]ServiceState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []ServiceState
	for _, name := range sortedKeys(m.services) {
		all = append(all, *m.services[name])
	}
	return all, nil
}

func (m *fakeMachine) Ending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ending
}

// exited is the end of a process with a status.
func exited(status int) lifecycle.Exit {
	return lifecycle.Exit{Cause: lifecycle.Exited, Status: status}
}

func (m *fakeMachine) Log(service string, lines int, since time.Duration) ([]string, error) {
	m.logSince = since
	return []string{"last words"}, nil
}

func (m *fakeMachine) Network() (NetworkState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.network, nil
}

func (m *fakeMachine) Fingerprints(sys *system.System, inTree FindInTree) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]string{}
	for name, s := range sys.Services {
		s.OnChange = ""
		definition := DigestOf(fmt.Appendf(nil, "%v %v", s, sys.Users[s.User])).Hex()
		program := s.Command[0] + " " + m.versions[s.Command[0]]
		if inTree(s.Command[0]) {
			program = s.Command[0] + " " + InTree
		} else if below(s.Command[0], "/usr") {
			program = ""
		}
		all[name] = lifecycle.Fingerprint(definition, program)
		if why := m.unread[s.Command[0]]; why != nil {
			all[name] = lifecycle.UnknownProgram(definition, why)
		}
	}
	return all, nil
}

func (m *fakeMachine) CanStart(service system.Service, sys *system.System) ([]string, error) {
	if slices.Contains(m.missing, service.Command[0]) {
		return nil, fmt.Errorf("%s: %w", service.Command[0], fs.ErrNotExist)
	}
	if u, ok := sys.Users[service.User]; ok && m.lockedOut != 0 && u.UID == m.lockedOut {
		return nil, fmt.Errorf("dir %s: user %s may not enter it", service.Dir, service.User)
	}
	return m.doubts[service.Command[0]], nil
}

func (m *fakeMachine) ModuleLoaded(name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.loaded, name), nil
}

func (m *fakeMachine) HasModule(name string) (bool, error) {
	return slices.Contains(m.modules, name), nil
}

func (m *fakeMachine) Sysctl(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.sysctl[name]; ok {
		return v, nil
	}
	return "", errors.New("no such parameter")
}

func (m *fakeMachine) CanSetSysctl(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.sysctl[name]; !ok {
		return fmt.Errorf("sysctl %s: no such parameter", name)
	}
	return nil
}

func (m *fakeMachine) Hostname() (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hostname, nil
}

func (m *fakeMachine) Users() (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Accounts(orEmpty(m.users)), nil
}

func (m *fakeMachine) FileState(path string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files[path], nil
}

func (m *fakeMachine) WriteFile(path string, data []byte, mode uint32, uid, gid int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	state, err := FileState(mode, uid, gid, bytes.NewReader(data))
	if m.files == nil {
		m.files = map[string]string{}
	}
	m.files[path] = state
	return errors.Join(err, m.call("write %s", path))
}

func (m *fakeMachine) EtcPaths() (paths []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, path := range sortedKeys(m.files) {
		if below(path, "/etc") && m.files[path] != aFolder {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

func (m *fakeMachine) WriteLink(path, target string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string]string{}
	}
	m.files[path] = LinkState(target)
	return m.call("link %s", path)
}

func (m *fakeMachine) MakeFolder(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string]string{}
	}
	m.files[path] = aFolder
	return m.call("folder %s", path)
}

// fakeLayer is a layer by the text of its files.
type fakeLayer map[string]string

// layer makes one known, and describes it.
func (m *fakeMachine) layer(name, version string, keys string, files fakeLayer) Descriptor {
	data := []byte(fmt.Sprint(name, version, files))
	d := Descriptor{MediaType: LayerType, Digest: DigestOf(data), Size: int64(len(data)), Annotations: map[string]string{
		LayerAnnotation: name, VersionAnnotation: version, ForAnnotation: keys}}
	m.layers[d.Digest] = files
	return d
}

// carry makes the boot medium one of these layers and that system.toml.
func (m *fakeMachine) carry(text string, layers ...Descriptor) {
	m.carries, m.medium = text, image(text)
	m.medium.Layers = layers
}

func (m *fakeMachine) TreeItems() (Items, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tree, nil
}

func (m *fakeMachine) SetTree(t Tree) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tree = t.Items
	return m.call("tree %v", sortedKeys(t.Items))
}

func (m *fakeMachine) LayerIndex(l Descriptor) (layer.Index, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	files, known := m.layers[l.Digest]
	if !known {
		return nil, fmt.Errorf("layer %s is nowhere", l.LayerName())
	}
	return layer.ReadIndex(strings.NewReader(files["index"]))
}

func (m *fakeMachine) LayerFile(l Descriptor, name string) ([]byte, error) {
	return []byte(m.layers[l.Digest][name]), nil
}

func (m *fakeMachine) ReleaseLayers() error { return nil }

func (m *fakeMachine) VerifyLayer(l Descriptor) error {
	if _, known := m.layers[l.Digest]["damaged"]; known {
		return fmt.Errorf("layer %s is damaged", l.LayerName())
	}
	return m.call("verify %s", l.LayerName())
}

func (m *fakeMachine) RemoveFile(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, path)
	return m.call("remove %s", path)
}

func (m *fakeMachine) Secret(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok := m.secrets[name]; ok {
		return []byte(value), nil
	}
	return nil, fmt.Errorf("nobody has set it: %w", fs.ErrNotExist)
}

func (m *fakeMachine) StateFolder(path string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mounted[path] {
		return m.folders[path], nil
	}
	return m.ways[path], nil
}

func (m *fakeMachine) KeepState(_ context.Context, path string, uid, gid int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	owner := StateFolderOf(uid, gid)
	if m.folders[path] != owner {
		m.folders[path] = "65535:65535"
	}
	if m.mounted == nil {
		m.mounted = map[string]bool{}
	}
	m.mounted[path] = true
	if err := m.call("keep %s for %s", path, owner); err != nil {
		return err
	}
	m.folders[path] = owner
	return nil
}

func (m *fakeMachine) Consoles() (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return ConsoleState(m.console), nil
}

func (m *fakeMachine) SetConsoles(sys *system.System) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.console = sys.Console
	return m.call("consoles %s", ConsoleState(sys.Console))
}

func (m *fakeMachine) Home(path string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mounted[path] {
		return HomeLasts, nil
	}
	if way := m.ways[path]; way != "" {
		return way, nil
	}
	return m.homes[path], nil
}

func (m *fakeMachine) MakeHome(_ context.Context, path string, uid, gid int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.homes == nil {
		m.homes = map[string]string{}
	}
	m.homes[path] = StateFolderOf(uid, gid)
	return m.call("home %s for %s", path, m.homes[path])
}

func (m *fakeMachine) LeaveState(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.mounted, path)
	return m.call("leave %s", path)
}

func (m *fakeMachine) SetHostname(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hostname = name
	return m.call("hostname %s", name)
}

func (m *fakeMachine) SetSysctl(name, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sysctl[name] = value
	if m.kernel != nil {
		m.kernel(m.sysctl, name, value)
	}
	return m.call("sysctl %s=%s", name, value)
}

func (m *fakeMachine) LoadModule(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loaded = append(m.loaded, name)
	return m.call("module %s", name)
}

func (m *fakeMachine) SSH() (Items, map[string]int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ssh == nil {
		return nil, nil, nil
	}
	return SSHItems(m.ssh), m.loggedIn, nil
}

func (m *fakeMachine) SetSSH(sys *system.System) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.call("ssh %s", strings.Join(sys.LogIns(), " ")); err != nil {
		return err
	}
	m.ssh = sys
	return nil
}

func (m *fakeMachine) SetUsers(sys *system.System) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users = &system.System{Users: sys.Users, Groups: sys.Groups}
	return m.call("users %v", sortedKeys(sys.Users))
}

func (m *fakeMachine) Adopt(text []byte, sys *system.System, fingerprints map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text, m.system, m.prints = string(text), sys, fingerprints
	for name, s := range m.services { // the supervisor stops what it was given and is not given any more
		was := s.Defined
		if s.Defined = ""; fingerprints[name] == "" && (s.Phase == lifecycle.PhaseDown || was != "") && !s.ByHand {
			delete(m.services, name)
		}
	}
	for name := range fingerprints {
		if m.services[name] == nil {
			m.services[name] = &ServiceState{Name: name, Phase: lifecycle.PhaseDown}
		}
		m.services[name].Defined = fingerprints[name]
	}
	return m.call("adopt")
}

func (m *fakeMachine) StopServices(ctx context.Context, names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if name == system.NetworkService {
			m.network = NetworkState{Links: m.network.Links}
		}
		if s := m.services[name]; s != nil {
			s.Phase, s.PID, s.Wanted, s.Stuck, s.LastExit = lifecycle.PhaseDown, 0, false, false, exited(0)
			s.Fingerprint, s.Told = "", ""
		}
	}
	return m.call("stop %v", names)
}

func (m *fakeMachine) StartServices(names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.system == nil {
		return errors.New("no such service: nothing is adopted")
	}
	for _, name := range names {
		if name == system.NetworkService {
			m.applyNetwork()
		}
		if s := m.services[name]; s == nil || !s.ByHand {
			m.run(name)
		}
	}
	return m.call("start %v", names)
}

func (m *fakeMachine) run(name string) {
	s := &ServiceState{Name: name, Phase: lifecycle.PhaseReady, Since: m.now, PID: 100 + len(m.calls), Wanted: true,
		Fingerprint: m.prints[name], Defined: m.prints[name]}
	if how := m.broken[name]; how.Cause != lifecycle.CauseNone {
		s.Phase, s.PID, s.LastExit, s.Reason, s.Fell, s.Fingerprint = lifecycle.PhaseBackoff, 0, how, how.String(), m.now, ""
	}
	if m.system.Services[name].Ready == "exited" && s.Phase == lifecycle.PhaseReady {
		s.PID, s.LastExit = 0, exited(0)
	}
	m.services[name] = s
}

func (m *fakeMachine) applyNetwork() {
	m.network.Config = DigestOf([]byte(m.text)).Hex()
	m.network.Online = m.connect == nil || m.connect(m, m.system)
	m.network.IPv4 = Family{m.network.Online, m.network.Online && len(m.system.Net["eth0"].Addresses) == 0} // else without a gateway
}

func (m *fakeMachine) ReloadServices(names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if name == system.NetworkService {
			m.applyNetwork()
		}
		if s := m.services[name]; s != nil {
			s.Told = s.Defined
			if m.reloaded != nil {
				m.reloaded(s)
			}
		}
	}
	return m.call("reload %v", names)
}

func (m *fakeMachine) RunCheck(ctx context.Context, name string, check system.Check, _ *system.System) error {
	if m.checks == nil {
		return nil
	}
	return m.checks(name)
}

// held stops or releases a service as a person does.
func (m *fakeMachine) held(name string, byHand bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.services[name]
	s.ByHand, s.Wanted, s.Phase, s.PID, s.Fingerprint = byHand, false, lifecycle.PhaseDown, 0, ""
}

// runs names the system.toml that the machine follows and what it runs.
func (m *fakeMachine) runs() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var up []string
	for _, name := range sortedKeys(m.services) {
		if m.services[name].Phase == lifecycle.PhaseReady && name != system.NetworkService {
			up = append(up, name)
		}
	}
	return fmt.Sprintf("%s %v", m.hostname, up)
}

// quickDisk does not wait for the medium; that everything is synced is power_test's to show.
type quickDisk struct{ osDisk }

type quickFile struct{ file }

func (quickFile) Sync() error { return nil }

func (quickDisk) SyncDir(string) error { return nil }

func (d quickDisk) Create(path string, mode fs.FileMode) (file, error) {
	f, err := d.osDisk.Create(path, mode)
	return quickFile{f}, err
}

func (d quickDisk) Append(path string) (file, error) {
	f, err := d.osDisk.Append(path)
	return quickFile{f}, err
}

func (d quickDisk) Overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// image is a boot medium's generation with that system.toml.
func image(text string) Generation {
	return Generation{
		Board: "pc", Arch: "amd64",
		System: Descriptor{MediaType: SystemType, Digest: DigestOf([]byte(text)), Size: int64(len(text))},
		Kernel: Descriptor{MediaType: KernelType, Digest: DigestOf([]byte("kernel")), Size: 6, Annotations: map[string]string{VersionAnnotation: "6.1.0-40-amd64"}},
		Initrd: []Descriptor{
			{MediaType: InitrdType, Digest: DigestOf([]byte("modules")), Size: 7, Annotations: map[string]string{SegmentAnnotation: "modules"}},
			{MediaType: InitrdType, Digest: DigestOf([]byte("init")), Size: 4, Annotations: map[string]string{SegmentAnnotation: "init"}},
		},
	}
}

const imageText = "hostname = \"image\"\n"

func machineOptions(dir string, m *fakeMachine) Options {
	return Options{
		Dir: dir, Machine: m, Booted: m.medium, Text: []byte(m.carries),
		Wall: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) },
	}
}

// bootedMachine is a machine that has had its first boot: generation 1 runs and is the default.
func bootedMachine(t testing.TB) (*Switcher, *fakeMachine, string) {
	t.Helper()
	dir, m := t.TempDir(), newFakeMachine()
	return bootAgain(t, dir, m), m, dir
}

// bootAgain is what happens after the power comes back.
func bootAgain(t testing.TB, dir string, m *fakeMachine) *Switcher {
	t.Helper()
	m.powerOff()
	s, err := open(quickDisk{}, machineOptions(dir, m))
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Boot(context.Background(), nil); r.Exit != ExitGood && r.Exit != ExitDegraded {
		t.Fatalf("boot: %+v", r)
	}
	return s
}
