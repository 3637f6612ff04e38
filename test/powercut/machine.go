package powercut

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"bantam/layer"
	"bantam/lifecycle"
	"bantam/switcher"
	"bantam/system"
)

// A Machine is one for the switcher on which everything works at once, so that
// only what the disk says decides what it runs. Its clock runs while it waits.
type Machine struct {
	mu       sync.Mutex
	now      time.Duration
	Text     string // the system.toml it was given last
	name     string
	prints   map[string]string
	services map[string]switcher.ServiceState
	network  switcher.NetworkState
}

func NewMachine() *Machine {
	return &Machine{services: map[string]switcher.ServiceState{}, network: switcher.NetworkState{Online: true, IPv4: switcher.Family{Addressed: true, Routed: true}}}
}

func (m *Machine) Now() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *Machine) Wait(ctx context.Context, until time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = max(m.now, until)
	return ctx.Err()
}

func (m *Machine) Services() ([]switcher.ServiceState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.services)), nil
}

func (m *Machine) Network() (switcher.NetworkState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.network, nil
}

func (m *Machine) Fingerprints(s *system.System, _ switcher.FindInTree) (map[string]string, error) {
	all := map[string]string{}
	for name := range s.Services {
		all[name] = name
	}
	return all, nil
}

func (m *Machine) SetHostname(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.name = name
	return nil
}

func (m *Machine) Adopt(text []byte, _ *system.System, fingerprints map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Text, m.prints = string(text), fingerprints
	m.network.Config = switcher.DigestOf(text).Hex()
	return nil
}

func (m *Machine) StopServices(_ context.Context, names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		delete(m.services, name)
	}
	return nil
}

func (m *Machine) StartServices(names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		m.services[name] = switcher.ServiceState{Name: name, Phase: lifecycle.PhaseReady, PID: 100, Since: m.now, Wanted: true,
			Fingerprint: m.prints[name], Defined: m.prints[name]}
	}
	return nil
}

func (m *Machine) Ending() bool                                     { return false }
func (m *Machine) Log(string, int, time.Duration) ([]string, error) { return nil, nil }
func (m *Machine) Hostname() (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.name, nil
}

func (m *Machine) CanStart(system.Service, *system.System) ([]string, error) { return nil, nil }
func (m *Machine) FileState(string) (string, error)                          { return "", nil }
func (m *Machine) WriteFile(string, []byte, uint32, int, int) error          { return nil }
func (m *Machine) RemoveFile(string) error                                   { return nil }
func (m *Machine) WriteLink(string, string) error                            { return nil }
func (m *Machine) EtcPaths() ([]string, error)                               { return nil, nil }
func (m *Machine) ReleaseLayers() error                                      { return nil }
func (m *Machine) MakeFolder(string) error                                   { return nil }
func (m *Machine) TreeItems() (switcher.Items, error)                        { return nil, nil }
func (m *Machine) SetTree(switcher.Tree) error                               { return nil }
func (m *Machine) LayerIndex(switcher.Descriptor) (layer.Index, error)       { return nil, nil }
func (m *Machine) LayerFile(switcher.Descriptor, string) ([]byte, error)     { return nil, nil }
func (m *Machine) VerifyLayer(switcher.Descriptor) error                     { return nil }
func (m *Machine) Secret(string) ([]byte, error)                             { return []byte("s"), nil }
func (m *Machine) StateFolder(string) (string, error)                        { return "", nil }
func (m *Machine) KeepState(context.Context, string, int, int) error         { return nil }
func (m *Machine) LeaveState(string) error                                   { return nil }
func (m *Machine) CanSetSysctl(string) error                                 { return nil }
func (m *Machine) ModuleLoaded(string) (bool, error)                         { return true, nil }
func (m *Machine) Users() (map[string]string, error)                         { return nil, nil }
func (m *Machine) HasModule(string) (bool, error)                            { return true, nil }
func (m *Machine) Sysctl(string) (string, error)                             { return "", nil }
func (m *Machine) SetSysctl(string, string) error                            { return nil }
func (m *Machine) LoadModule(context.Context, string) error                  { return nil }
func (m *Machine) SetUsers(*system.System) error                             { return nil }
func (m *Machine) Consoles() (string, error)                                 { return "root", nil }
func (m *Machine) SetConsoles(*system.System) error                          { return nil }
func (m *Machine) SSH() (switcher.Items, map[string]int, error)              { return nil, nil, nil }
func (m *Machine) SetSSH(*system.System) error                               { return nil }
func (m *Machine) Home(string) (string, error)                               { return "", nil }
func (m *Machine) MakeHome(context.Context, string, int, int) error          { return nil }
func (m *Machine) ReloadServices([]string) error                             { return nil }
func (m *Machine) RunCheck(context.Context, string, system.Check, *system.System) error {
	return nil
}
