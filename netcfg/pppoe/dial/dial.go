// Package dial is the process bantam-pppoe: it keeps one session with a provider, for which it runs pppd. What pppd is told
// and what it means, package pppoe says.
//
// It runs as root, since pppd asks for that, with CAP_NET_ADMIN and CAP_NET_RAW and no others. The password comes in its
// environment, which root alone reads, and goes to pppd through a pipe: into no argument, file or log.
package dial

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"bantam/netcfg/pppoe"
	"bantam/netcfg/session"
	"bantam/netcfg/session/keep"
)

// Variables of the environment.
const (
	ConfigVariable   = "PPPOE"          // a pppoe.Config as JSON
	PasswordVariable = "PPPOE_PASSWORD" // the user's password
)

const (
	pppd    = "/usr/sbin/pppd"
	scripts = "/bin/bantam-pppoe-up" // Told, by the name under which pppd starts it

	// Sockets is the folder in which this process hears from Told. Nobody but root enters it.
	Sockets = "/run/bantam/pppoe"
)

// Main is the process of one session.
func Main() int {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bantam-pppoe:", err)
		return 1
	}
	return 0
}

func run() error {
	var c pppoe.Config
	if err := json.Unmarshal([]byte(os.Getenv(ConfigVariable)), &c); err != nil {
		return fmt.Errorf("%s: %w; PID 1 starts this process", ConfigVariable, err)
	}
	channel := filepath.Join(Sockets, c.Link)
	k := keeper(c, os.Getenv(PasswordVariable), channel)
	if err := listen(k, channel); err != nil {
		return err
	}
	if err := keep.Watch(func() bool { return keep.Carrier(c.Port) }, k); err != nil {
		return err
	}
	return k.Run(keep.Signals())
}

// keeper keeps a session with what pppd is told.
func keeper(c pppoe.Config, password, channel string) *keep.Keeper {
	words := pppoe.Words(c.Port)
	return &keep.Keeper{
		Program: pppd,
		Args:    []string{"file", keep.ConfigPath},
		Config:  func() (string, error) { return c.Options(password, scripts, channel), nil },
		Listen:  func() keep.Listener { return new(pppoe.Listener) },
		Words:   words,
		Session: session.New(words),
		Events:  make(chan session.Event),
		Folder:  pppoe.Folder,
		Link:    c.Link,
		Service: "pppoe-" + c.Link,
	}
}

// listen hears from Told.
func listen(k *keep.Keeper, channel string) error {
	if err := os.Remove(channel); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: channel, Net: "unixgram"})
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 1<<10)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			var f session.Fact
			if json.Unmarshal(b[:n], &f) == nil {
				k.Tell(session.Told{Fact: f})
			}
		}
	}()
	return nil
}

// Told is the program bantam-pppoe-up, which pppd starts once there is IPv4: it tells the process of the session what
// the provider has given.
func Told(args []string) int {
	err := func() error {
		f, channel, err := pppoe.FromScript(args, os.Getenv)
		if err != nil {
			return err
		}
		c, err := net.Dial("unixgram", channel)
		if err != nil {
			return err
		}
		_, err = c.Write(f.Text())
		return errors.Join(err, c.Close())
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bantam-pppoe-up:", err)
		return 1
	}
	return 0
}
