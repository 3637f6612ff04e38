// Package dial is the process bantam-pppoe: it keeps one session with a provider, for which it runs pppd, and tells the
// network configurator how the session is. When pppd is started, and what its end means, package pppoe says.
//
// It runs as root, since pppd asks for that, with CAP_NET_ADMIN and CAP_NET_RAW and no others. The password comes in its
// environment, which root alone reads, and goes to pppd through a pipe: into no argument, file or log.
package dial

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"bantam/atomicfile"
	"bantam/boottime"
	"bantam/netcfg/pppoe"
	"bantam/system"
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
	d := &dialer{pppd: pppd, folder: pppoe.Folder, config: c, password: os.Getenv(PasswordVariable), channel: filepath.Join(Sockets, c.Link), session: pppoe.New(c.Port), events: make(chan pppoe.Event)}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if err := d.listen(); err != nil {
		return err
	}
	if err := watchCable(c.Port, d.events); err != nil {
		return err
	}
	return d.loop(stop)
}

// dialer owns a session. One goroutine uses it; the others bring events.
type dialer struct {
	pppd, folder string

	config   pppoe.Config
	password string
	channel  string
	session  *pppoe.Session
	events   chan pppoe.Event

	process *os.Process // pppd; nil: it does not run
	said    string      // the Fact as written last
	reason  string      // as logged last
}

func (d *dialer) loop(stop <-chan os.Signal) error {
	ended := false // we are to end
	if err := d.publish(); err != nil {
		return err
	}
	for {
		timer := time.NewTimer(max(d.session.Deadline()-boottime.Now(), 0))
		var event pppoe.Event
		select {
		case event = <-d.events:
		case <-timer.C:
			event = pppoe.Time{}
		case <-stop:
			ended = true
			if d.process != nil {
				d.process.Signal(syscall.SIGTERM) // it says goodbye to the provider
			}
		}
		timer.Stop()
		if _, over := event.(pppoe.Ended); over {
			d.process = nil
		}
		if ended {
			if d.process == nil {
				d.session.Fact = pppoe.Fact{Reason: "PPPoE: it was stopped: bantam service start pppoe-" + d.config.Link}
				return d.publish()
			}
			continue
		}
		if event != nil && d.session.Step(boottime.Now(), rand.Uint32(), event) {
			if err := d.start(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				go d.tell(pppoe.Ended{Cause: pppoe.Cause{Text: err.Error()}})
			}
		}
		if err := d.publish(); err != nil {
			return err
		}
	}
}

func (d *dialer) tell(e pppoe.Event) { d.events <- e }

// start starts pppd.
func (d *dialer) start() error {
	options, into, err := os.Pipe()
	if err != nil {
		return err
	}
	defer options.Close()
	_, err = into.WriteString(d.config.Options(d.password, scripts, d.channel)) // a pipe holds more than the largest of them
	if err = errors.Join(err, into.Close()); err != nil {
		return fmt.Errorf("options for pppd: %w", err)
	}
	output, said, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return errors.Join(err, output.Close())
	}
	defer null.Close()
	d.process, err = os.StartProcess(d.pppd, []string{d.pppd, "file", "/proc/self/fd/3"}, &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + system.SearchPath}, // and not the password
		Files: []*os.File{null, said, said, options},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start pppd: %w", err), output.Close())
	}
	go d.follow(d.process, output)
	return nil
}

// follow waits for pppd's end, and tells why it came.
func (d *dialer) follow(process *os.Process, output *os.File) {
	heard := make(chan pppoe.Cause, 1)
	go func() {
		heard <- d.listenTo(output)
		output.Close()
	}()
	state, err := process.Wait()
	var cause pppoe.Cause
	select {
	case cause = <-heard:
	case <-time.After(lastWords): // a script of its own has the pipe
	}
	if err != nil {
		d.tell(pppoe.Ended{Cause: pppoe.Cause{Text: err.Error()}})
		return
	}
	status := state.ExitCode()
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		status = -int(ws.Signal())
	}
	d.tell(pppoe.Ended{Cause: cause.Ended(status)})
}

// lastWords is how long it is waited for what pppd has said, once it has ended.
const lastWords = 2 * time.Second

// mostLine bounds a line of pppd's, in bytes; the rest of a longer one is another line.
const mostLine = 1 << 10

// listenTo puts what pppd says into the log and finds in it why the session ends.
func (d *dialer) listenTo(output io.Reader) (cause pppoe.Cause) {
	in := bufio.NewReaderSize(output, mostLine)
	for {
		line, _, err := in.ReadLine()
		if err != nil {
			return cause
		}
		fmt.Fprintf(os.Stderr, "%s\n", line)
		cause = cause.Listen(string(line))
		if pppoe.HasIPv6(string(line)) {
			d.tell(pppoe.Told{})
		}
	}
}

// publish writes the Fact where the network configurator reads it, and why there is no session once into the log.
func (d *dialer) publish() error {
	text := d.session.Fact.Text()
	if string(text) == d.said {
		return nil
	}
	if reason := d.session.Fact.Reason; reason != "" && reason != d.reason {
		fmt.Fprintln(os.Stderr, reason)
		d.reason = reason
	}
	d.said = string(text)
	return atomicfile.WriteUnsynced(pppoe.Path(d.folder, d.config.Link), 0o644, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

// listen hears from Told.
func (d *dialer) listen() error {
	if err := os.Remove(d.channel); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: d.channel, Net: "unixgram"})
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
			var f pppoe.Fact
			if json.Unmarshal(b[:n], &f) == nil {
				d.tell(pppoe.Told{Fact: f})
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
