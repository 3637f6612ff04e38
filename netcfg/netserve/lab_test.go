//go:build !mips && !mipsle

package netserve

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/netcfg"
	"bantam/netcfg/netlab"
	"bantam/system"
)

// TestMain lets the test binary be bantam-netserve too, and the configurator.
func TestMain(m *testing.M) {
	if os.Getenv("BE_NETCFG") != "" {
		os.Exit(netcfg.Main(os.Args[1:]))
	}
	if os.Getenv("BE_NETSERVE") != "" {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// lab is a router in a network namespace of its own; clients are in others, each at the far end of a cable to the bridge lan.
type lab struct {
	*netlab.Lab
	t       *testing.T
	dir     string
	proc    *exec.Cmd
	clients int
}

func newLab(t *testing.T, packages ...string) *lab {
	t.Helper()
	l := &lab{Lab: netlab.New(t, append(packages, "setpriv:util-linux")...), t: t}
	l.dir = l.Dir
	l.Run("ip link add lan type bridge; ip link set lan up; ip addr add 192.168.1.1/24 dev lan")
	return l
}

// configure writes what a system.toml serves; a process that runs is told.
func (l *lab) configure(toml string) {
	l.t.Helper()
	sys, problems := system.Parse("system.toml", []byte(toml))
	if len(problems) > 0 {
		l.t.Fatal(problems)
	}
	config := ConfigOf(sys)
	text, err := config.Text()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "serve.json"), text, 0o644); err != nil {
		l.t.Fatal(err)
	}
	if l.proc != nil {
		l.proc.Process.Signal(unix.SIGHUP)
	}
}

// serve starts the process as nobody, with nothing but the capabilities that PID 1 gives it.
func (l *lab) serve() {
	l.t.Helper()
	cmd := l.Self("netserve", []string{"net_bind_service", "net_raw"},
		"--config", l.dir+"/serve.json", "--leases", l.dir+"/leases.json", "--remembered", l.dir+"/remembered.json", "--dns", l.dir+"/dns")
	cmd.Env = append(os.Environ(), "BE_NETSERVE=1")
	cmd.Stdout, cmd.Stderr = l.Log, l.Log
	l.Begin(cmd)
	l.proc = cmd
}

// crash ends the process as a fault would.
func (l *lab) crash() {
	l.proc.Process.Kill()
	l.proc.Wait()
}

// client is a machine at the network lan.
type client struct {
	*lab
	*netlab.Neighbour
	name string
}

func (l *lab) client(mac string) *client {
	l.t.Helper()
	l.clients++
	c := &client{l, l.Neighbour(), fmt.Sprintf("c%d", l.clients)}
	c.Cable(c.name, "eth0")
	l.Run("ip link set " + c.name + " master lan up")
	c.In("ip link set eth0 address " + mac + "; ip link set eth0 up")
	return c
}

// logs waits until the process has said something.
func (l *lab) logs(want string) {
	l.t.Helper()
	l.Eventually("the log", func() error {
		if !strings.Contains(l.Log.String(), want) {
			return fmt.Errorf("no %q in:\n%s", want, l.Log)
		}
		return nil
	})
}
