// The device binary: PID 1, the shell, the small commands, the network
// configurator and the `bantam` verbs are all this one program, which looks at
// the name it was called by.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bantam/init/applet"
	"bantam/init/control"
	"bantam/init/pid1"
	"bantam/init/sftp"
	"bantam/init/shell"
	"bantam/init/sshd"
	"bantam/init/supervise"
	"bantam/netcfg"
	"bantam/netcfg/netserve"
	"bantam/netcfg/pppoe/dial"
	"bantam/netcfg/wifi/radio"
	"bantam/timesync/daemon"
	"bantam/zone"
)

// Set by the build.
var (
	version   = "unknown"
	buildTime = "0" // seconds since 1970
)

func main() { os.Exit(run(os.Args)) }

// verbCommands are the verbs that people type without `bantam` before them.
var verbCommands = map[string]string{"edit": "edit", "view": "view", "less": "view", "reboot": "reboot", "poweroff": "poweroff", "halt": "halt"}

// run acts as the program of the name args[0].
func run(args []string) int {
	if os.Getpid() == 1 {
		pid1.Run(pid1.Binary{Version: version, Time: builtAt(), Commands: commands()})
	}
	if where := zone.Location(strings.TrimPrefix(os.Getenv("TZ"), ":")); where != nil {
		time.Local = where // without TZ it is that of /etc/localtime
	}
	control.Version, shell.CompleteBantam = version, control.Complete
	name := strings.TrimPrefix(filepath.Base(args[0]), "-")
	switch name {
	case "init":
		fmt.Fprintln(os.Stderr, "init: only the kernel starts this; `bantam help` lists what you can do")
		return 1
	case "bantam":
		return control.Main(args[1:])
	case "sh":
		return shell.Main(args)
	case pid1.ConsoleName:
		return console(args[1:])
	case pid1.NetcfgName:
		return netcfg.Main(args[1:])
	case pid1.TimesyncName:
		return daemon.Main(args[1:], builtAt())
	case pid1.SessionName:
		return dial.Main()
	case pid1.SessionTold:
		return dial.Told(args[1:])
	case pid1.WifiName:
		return radio.Main()
	case pid1.NetserveName:
		return netserve.Main(args[1:])
	case pid1.SSHName:
		return sshd.Main(args[1:])
	case pid1.SFTPName:
		return sftp.Main(args[1:])
	case supervise.ShimName:
		return supervise.ShimMain(args[1:])
	}
	if verb, ok := verbCommands[name]; ok {
		args = args[1:]
		if name == "less" {
			args = withoutLooks(args)
		}
		return control.Main(append([]string{verb}, args...))
	}
	if code, ok := applet.Run(name, args[1:], applet.OS()); ok {
		return code
	}
	fmt.Fprintf(os.Stderr, "%s: this is the bantam binary, which has no command of that name\n", name)
	return 127
}

// withoutLooks drops the options that people give to less by habit and that
// only change how it looks, as the -R of git's pager.
func withoutLooks(args []string) (rest []string) {
	for i, arg := range args {
		if arg == "--" {
			return append(rest, args[i:]...)
		}
		if len(arg) < 2 || arg[0] != '-' || strings.Trim(arg[1:], "EFIKMNRSXeimnqsw") != "" {
			rest = append(rest, arg)
		}
	}
	return rest
}

// commands are all the names under /bin.
func commands() []string {
	names := append(applet.Names(), "sh", pid1.ConsoleName, pid1.NetcfgName, pid1.TimesyncName, pid1.NetserveName, pid1.SessionName, pid1.SessionTold, pid1.WifiName, pid1.SSHName, pid1.SFTPName)
	for name := range verbCommands {
		names = append(names, name)
	}
	return names
}

func builtAt() time.Time {
	seconds, _ := strconv.ParseInt(buildTime, 10, 64)
	return time.Unix(seconds, 0)
}
