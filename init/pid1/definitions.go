package pid1

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/system"

	"golang.org/x/sys/unix"
)

// Names under which the device binary is called by PID 1; the links to them are
// in /bin beside those of the commands.
const (
	NetcfgName  = "bantam-netcfg"
	ConsoleName = "bantam-console"
	RescueLogin = "rescue" // its second argument where only root's password opens a rescue shell
	SSHName     = "bantam-sshd"
	SFTPName    = "bantam-sftp"

	TimesyncName = "bantam-timesync"
	NetserveName = "bantam-netserve"
	SessionName  = "bantam-pppoe"
	WifiName     = "bantam-wifi"
	SessionTold  = "bantam-pppoe-up" // what pppd starts; see package dial
)

// netcfgUser runs the network configurator; system.toml cannot claim its number.
const netcfgUser = 65533

// consolePrefix begins the names of the services that are shells on terminals.
const consolePrefix = "console-"

// definitions are all services of a machine: those of its system.toml, the
// network configurator, who asks for the time, the servers of ports, sessions with providers, and a shell on each console, e.g. ttyS0, as login says of it.
func definitions(sys *system.System, consoles []string, login func(tty string) string) []supervise.Definition {
	defs := []supervise.Definition{networkDefinition(), timeDefinition(), serveDefinition()}
	for _, s := range sys.Sessions() {
		defs = append(defs, sessionDefinition(s, sys.Net))
	}
	for _, tty := range consoles {
		argv := []string{ConsoleName, tty}
		switch login(tty) {
		case system.LoginNone:
			continue
		case system.LoginPassword:
			argv = append(argv, system.LoginPassword)
		}
		defs = append(defs, supervise.Definition{
			Name: consolePrefix + tty,
			Argv: argv,
			Env:  environment("root", "/root", map[string]string{"TERM": terminalType(tty)}),
			Dir:  "/root",
			TTY:  "/dev/" + tty, Vital: true,
			// A shell that is asked to end leaves at once; one that hangs on a dead line does not.
			StopSignal: syscall.SIGHUP, StopTimeout: 2 * time.Second,
			MayFail: true, // a line that hangs up is no fault of the machine
		})
	}
	for _, name := range slices.Sorted(maps.Keys(sys.Services)) {
		defs = append(defs, serviceDefinition(name, sys.Services[name], sys))
	}
	return defs
}

func networkDefinition() supervise.Definition {
	return supervise.Definition{
		Name:  system.NetworkService,
		Argv:  []string{NetcfgName, "--leases", leaseDir},
		Env:   environment("netcfg", "/", nil),
		UID:   netcfgUser,
		GID:   netcfgUser,
		Caps:  []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
		Hide:  []string{statePath, "/root", "/mnt"},
		Ready: lifecycle.ReadyNotify,
		// It is ready when the machine is online, which may never be: no cable.
		StartTimeout: never,
		Vital:        true,
		OOMScoreAdj:  -900, // without it nobody reaches the machine to see what ate the memory
	}
}

// never is longer than any machine runs.
const never = 100 * 365 * 24 * time.Hour

// asUser is a definition with the user of a name, "" for root, and no more. Names were checked before.
func asUser(user string, sys *system.System, env map[string]string) supervise.Definition {
	uid, gid := sys.IDs(user)
	home := cmp.Or(sys.Users[user].Home, "/var/empty")
	if uid == 0 {
		user, home = "root", "/root"
	}
	return supervise.Definition{UID: uint32(uid), GID: uint32(gid), Groups: sys.GroupsOf(user), Env: environment(user, home, env)}
}

// serviceDefinition resolves a service of system.toml, which was checked before.
func serviceDefinition(name string, s system.Service, sys *system.System) supervise.Definition {
	texts, secrets := variables(s.Env)
	def := asUser(s.User, sys, texts)
	def.Name, def.Argv, def.Secrets, def.State, def.Dir = name, s.Command, secrets, s.State, s.Dir
	def.Caps, def.Memory, def.Tasks = s.Capabilities.Numbers(), int64(s.Memory), s.Tasks
	def.Needs, def.Wants, def.After = s.Needs, s.Wants, s.After
	def.Ready, def.Restart = s.Ready, s.Restart
	def.StartTimeout, def.StopTimeout = time.Duration(s.StartTimeout), time.Duration(s.StopTimeout)
	def.StopSignal, def.ReloadSignal = signalNamed(s.StopSignal), signalNamed(s.ReloadSignal)
	def.MayFail = s.MayFail
	return def
}

// checkDefinition is a check of system.toml as a command to run once.
func checkDefinition(name string, c system.Check, sys *system.System) supervise.Definition {
	def := asUser(c.User, sys, nil)
	def.Name, def.Argv, def.Dir = "check-"+name, c.Command, "/"
	return def
}

// environment is the whole environment of a service, sorted.
func environment(user, home string, more map[string]string) []string {
	env := map[string]string{"PATH": system.SearchPath, "HOME": home, "USER": user}
	maps.Copy(env, more)
	var list []string
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	return list
}

// signalNamed is the signal of a name without SIG, e.g. HUP; 0 for none.
func signalNamed(name string) syscall.Signal {
	return unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
}

// terminalType is what is known of a terminal before it was asked: whatever is
// at the other end of a serial line understands a VT102 at least.
func terminalType(tty string) string {
	if virtual(tty) {
		return "linux"
	}
	return "vt102"
}
