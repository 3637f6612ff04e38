package pid1

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"bantam/atomicfile"
	"bantam/boottime"
	"bantam/init/kmod"
	"bantam/init/remote"
	"bantam/init/secret"
	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/netcfg"
	"bantam/printable"
	"bantam/switcher"
	"bantam/system"
	"bantam/zone"
)

// Paths that PID 1 shares with its children.
const (
	activeSystem = "/run/bantam/system.toml" // of the generation that runs
	netDir       = "/run/bantam/net"         // status.json and resolv.conf, written by PID 1
	netReport    = netDir + "/report"        // the socket on which the network configurator says them
	leaseDir     = netDir + "/leases"        // the configurator's own; nobody else opens anything there
)

// Machine is the running device as the switcher sees and changes it.
type Machine struct {
	sup      *supervise.Supervisor
	loader   *kmod.Loader // nil: no modules in the image
	binary   string       // digest of the device binary, which is also every command
	consoles []string
	drivers  <-chan struct{} // closed when the drivers of all devices at boot were tried
	reports  netcfg.Reports
	secrets  *secret.Store
	state    *stateFolders
	logins   *logins
	remote   *remote.Server
	hostKey  *remote.HostKey

	listing sync.Mutex
	spare   []supervise.State // what Services makes its list of

	mu        sync.Mutex
	netmsg    chan struct{}   // closed when the network's status may have changed
	sawStates <-chan struct{} // closed when what Services returned last is out of date
	looked    time.Duration   // when it was asked, by Now
	sawNet    <-chan struct{} // likewise of Network
	digests   map[fileID]string
	young     time.Duration            // see youngFile
	slow      map[fileID]time.Duration // when the digest of one took too long
	adopted   *system.System           // what runs
	reached   *system.System           // whose users may log in over the network; nil: nobody has been set yet
	local     *time.Location           // its time zone

	timeUnknown func() bool // says whether there is nobody to ask for the time

	looks *looks

	layers   *layers         // nil: it has none
	commands map[string]bool // Bantam's own, by name
}

// NewMachine acts through sup; consoles, e.g. ttyS0, get a shell with whatever
// is adopted. drivers is closed when those of the devices at boot were tried.
func NewMachine(sup *supervise.Supervisor, loader *kmod.Loader, binary switcher.Digest, consoles []string, drivers <-chan struct{}) *Machine {
	netmsg := make(chan struct{})
	m := &Machine{sup: sup, loader: loader, binary: string(binary), consoles: consoles, drivers: drivers,
		netmsg: netmsg, sawStates: sup.Changed(), sawNet: netmsg, digests: map[fileID]string{},
		secrets: secret.Open(secretsPath), logins: &logins{last: map[string]string{}}, state: &stateFolders{dir: foldersPath, run: runCommand(sup)},
		young: youngFile, slow: map[fileID]time.Duration{}, looks: newLooks(mostLooks), commands: map[string]bool{}}
	m.prepareSSH()
	m.timeUnknown = func() bool { return true }
	m.reports = netcfg.Reports{Dir: netDir, Changed: m.NetworkChanged, Fault: func(err error) { Logf(Warning, "%v", err) }}
	return m
}

// Now is the time since boot.
func (m *Machine) Now() time.Duration { return boottime.Now() }

// NetworkChanged wakes whoever waits for the network's status.
func (m *Machine) NetworkChanged() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.netmsg)
	m.netmsg = make(chan struct{})
}

// changes are closed when a service, or the network or what runs, may be another than now.
func (m *Machine) changes() (services, network <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sup.Changed(), m.netmsg
}

// service is one by its name, the zero value if it is not there.
func (m *Machine) service(name string) supervise.State {
	state, _ := m.sup.State(name)
	return state
}

// lookPause is the least time from one look at the services to the next. Each of them changes several times while many start, and a look is at all
// of them.
const lookPause = 4 * time.Millisecond

// Wait returns at until, or earlier when a service or the network may have
// changed since Services and Network were last asked, for the services not before lookPause is over.
func (m *Machine) Wait(ctx context.Context, until time.Duration) error {
	m.mu.Lock()
	services, network, looked := m.sawStates, m.sawNet, m.looked
	m.mu.Unlock()
	timer := time.NewTimer(max(until-m.Now(), 0))
	defer timer.Stop()
	for {
		select {
		case <-services:
			pause := min(looked+lookPause, until) - m.Now()
			if pause <= 0 {
				return nil
			}
			services = nil
			timer.Reset(pause)
		case <-network:
			return nil
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Services are all but the shells on the consoles, the time, the servers of ports and sessions with providers, which no plan
// names, and also what a person stopped before a generation left it out.
func (m *Machine) Services() ([]switcher.ServiceState, error) {
	m.mu.Lock()
	m.sawStates, m.looked = m.sup.Changed(), m.Now()
	m.mu.Unlock()
	// A boot asks at each step of each service: lists made anew would be a third of all the memory that it goes through.
	m.listing.Lock()
	defer m.listing.Unlock()
	states, err := m.sup.StatesIn(m.spare)
	if err != nil {
		return nil, err
	}
	m.spare = states
	held, err := m.sup.Held()
	if err != nil {
		return nil, err
	}
	list := make([]switcher.ServiceState, 0, len(states)+len(held))
	for _, s := range states {
		if strings.HasPrefix(s.Name, consolePrefix) || system.IsSession(s.Name) || s.Name == system.TimeService || s.Name == system.ServeService {
			continue
		}
		list = append(list, switcher.ServiceState{
			Name: s.Name, Phase: s.Phase, PID: s.PID, Since: s.Since,
			Fell: s.Fell, Reloaded: s.Reloaded, LastExit: s.LastExit, Done: s.Done, Reason: s.Reason,
			Wanted: s.Wanted, ByHand: s.ByHand, Stuck: s.Stuck, Looping: s.Looping,
			Fingerprint: s.Fingerprint, Told: s.Told, Defined: s.Defined,
		})
	}
	for _, name := range held {
		list = append(list, switcher.ServiceState{Name: name, Phase: lifecycle.PhaseDown, ByHand: true})
	}
	return list, nil
}

// Ending says whether PID 1 is going down.
func (m *Machine) Ending() bool { return m.sup.Halting() }

// Log returns the last lines of a service, none older than since.
func (m *Machine) Log(service string, lines int, since time.Duration) ([]string, error) {
	var text []string
	for _, l := range m.sup.Log(service, lines) {
		if l.Boot >= since {
			text = append(text, l.Text)
		}
	}
	return text, nil
}

// Network is what the network configurator last said, while it runs.
func (m *Machine) Network() (switcher.NetworkState, error) {
	m.mu.Lock()
	m.sawNet = m.netmsg
	m.mu.Unlock()
	status, runs, err := m.reports.Status()
	if err != nil || !runs {
		return switcher.NetworkState{Links: links()}, nil
	}
	return networkState(status, links()), nil
}

// networkState is what the switcher needs of a status.
func networkState(status netcfg.Status, links []string) switcher.NetworkState {
	n := switcher.NetworkState{Config: status.Config, Online: status.Online, Links: links}
	for _, p := range status.Ports {
		state := switcher.PortState{Name: p.Name, Carrier: p.Carrier, Explicit: p.Explicit, Optional: p.Optional, Up: p.Up, Waiting: p.Waiting,
			IPv4: switcher.Family{Addressed: p.IPv4.Address, Routed: p.IPv4.Default}, IPv6: switcher.Family{Addressed: p.IPv6.Address, Routed: p.IPv6.Default}}
		n.Ports = append(n.Ports, state)
		n.IPv4, n.IPv6 = n.IPv4.And(state.IPv4.Addressed, state.IPv4.Routed), n.IPv6.And(state.IPv6.Addressed, state.IPv6.Routed)
	}
	return n
}

// links are the network interfaces that the kernel has, nil if that cannot be read.
func links() []string {
	entries, err := os.ReadDir("/sys/class/net")
	if err != nil {
		return nil
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// HasModule says whether name, or an alias, is in the image or built in.
func (m *Machine) HasModule(name string) (bool, error) {
	if m.loader == nil {
		return false, nil
	}
	x := m.loader.Index
	return x.File(name) != "" || x.Builtin(name) || len(x.Resolve(name)) > 0, nil
}

// ModuleLoaded says whether name, or an alias, is in the kernel.
func (m *Machine) ModuleLoaded(name string) (bool, error) {
	return m.loader != nil && m.loader.Loaded(name), nil
}

// CanSetSysctl says why a kernel parameter cannot be set.
func (m *Machine) CanSetSysctl(name string) error {
	path, err := sysctlPath(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile("/proc/sys/"+path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) { // e.g. of a port whose driver is still being loaded
		<-m.drivers
		f, err = os.OpenFile("/proc/sys/"+path, os.O_WRONLY, 0)
	}
	if err != nil {
		return fmt.Errorf("sysctl %s: %w%s", name, reason(err), sysctlAdvice(err))
	}
	return f.Close()
}

// Sysctl reads a kernel parameter.
func (m *Machine) Sysctl(name string) (string, error) {
	path, err := sysctlPath(name)
	if err != nil {
		return "", err
	}
	value, err := os.ReadFile("/proc/sys/" + path)
	if errors.Is(err, fs.ErrNotExist) { // e.g. of a port whose driver is still being loaded
		<-m.drivers
		value, err = os.ReadFile("/proc/sys/" + path)
	}
	if err != nil {
		return "", fmt.Errorf("sysctl %s: %w%s", name, reason(err), sysctlAdvice(err))
	}
	return strings.TrimSuffix(string(value), "\n"), nil
}

// Hostname is the kernel's, with the files that somebody has changed.
func (m *Machine) Hostname() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	text := name
	for _, file := range hostnameFiles(name) {
		if textOf(file.Path) != file.Text {
			text += ", and somebody has changed " + file.Path
		}
	}
	return text, nil
}

// SetHostname names the machine.
func (m *Machine) SetHostname(name string) error { return SetHostname(name) }

// SetSysctl sets a kernel parameter.
func (m *Machine) SetSysctl(name, value string) error {
	err := SetSysctl(name, value)
	if errors.Is(err, fs.ErrNotExist) { // likewise
		<-m.drivers
		err = SetSysctl(name, value)
	}
	return err
}

// LoadModule loads a module and what it needs. A driver that hangs in the
// kernel is left to itself when ctx ends.
func (m *Machine) LoadModule(ctx context.Context, name string) error {
	if m.loader == nil {
		return fmt.Errorf("module %s: the image carries no modules", name)
	}
	done := make(chan error, 1)
	go Guard("modprobe "+name, func() { done <- m.loader.Modprobe(name, "") })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("module %s: %w", name, context.Cause(ctx))
	}
}

// Users are those of /etc/passwd, and what somebody has changed there.
func (m *Machine) Users() (map[string]string, error) {
	return userStates(textOf("/etc/passwd"), textOf("/etc/group"), textOf("/etc/shadow")), nil
}

// SetUsers makes the system's all the accounts beside those that are always there.
func (m *Machine) SetUsers(sys *system.System) error { return WriteUsers(sys) }

// Adopt makes sys what services and the network start from next.
func (m *Machine) Adopt(text []byte, sys *system.System, fingerprints map[string]string) error {
	m.logins.set(sys)
	defs := definitions(sys, m.consoles, m.logins.at)
	for i := range defs {
		if system.IsSession(defs[i].Name) {
			defs[i].Fingerprint = m.sessionFingerprint(defs[i])
			continue
		}
		defs[i].Fingerprint = fingerprints[defs[i].Name]
	}
	if err := m.sup.Define(defs); err != nil {
		return err
	}
	m.logins.ended(m.consoles)
	m.mu.Lock()
	m.adopted = sys
	m.local = cmp.Or(zone.Location(sys.Time.Zone), time.UTC)
	m.mu.Unlock()
	defer m.NetworkChanged() // it may name other time servers
	// Its services' environments may hold what other users must not read; the
	// network configurator reads the rest.
	return atomicfile.WriteGroup(activeSystem, text, 0o640, netcfgUser)
}

// here is a time in the time zone of what runs.
func (m *Machine) here(t time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return t.In(cmp.Or(m.local, time.UTC))
}

// runs is the system that was adopted last; an empty one before the first.
func (m *Machine) runs() *system.System {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.adopted == nil {
		return &system.System{}
	}
	return m.adopted
}

// StopServices returns when the services are gone.
func (m *Machine) StopServices(ctx context.Context, names []string) error {
	if err := m.sup.Stop(supervise.ByPlan, names...); err != nil {
		return err
	}
	return m.sup.Wait(ctx, lifecycle.PhaseDown, names...)
}

// StartServices asks for services to run.
//
// Those of system.toml may need devices, so they wait until all drivers were
// tried, which has its own time limit. The network takes ports as they come.
func (m *Machine) StartServices(names []string) error {
	if !slices.Equal(names, []string{system.NetworkService}) {
		<-m.drivers
	}
	return m.sup.Start(supervise.ByPlan, names...)
}

// ReloadServices sends the reload signal.
func (m *Machine) ReloadServices(names []string) error { return m.sup.Reload(names...) }

// RunCheck runs a check's command once.
func (m *Machine) RunCheck(ctx context.Context, name string, check system.Check, sys *system.System) error {
	status, tail, err := m.sup.RunOnce(ctx, checkDefinition(name, check, sys))
	return checkFault(status, tail, err)
}

// checkFault says why a check has not succeeded, with the last it said; nil: it has.
func checkFault(status syscall.WaitStatus, output []byte, err error) error {
	if err == nil && status == 0 {
		return nil
	}
	if err == nil {
		err = errors.New(supervise.ExitOf(status, false).String())
	}
	if text := strings.TrimSpace(printable.Escape(lastLine(output))); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// lastLine is the last line with text in it.
func lastLine(b []byte) string {
	text := strings.TrimSpace(string(b))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
