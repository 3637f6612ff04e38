// Package keep is the process of one session: it runs the program that the session is kept by, hears what that says, and
// tells the network configurator how the session is. When the program is started, and what its end means, package session
// and the session's own package say.
package keep

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"bantam/atomicfile"
	"bantam/boottime"
	"bantam/netcfg/session"
	"bantam/system"
)

// Listener hears what the program says in one life of its.
type Listener interface {
	Hear(line string) session.Event // nil: nothing of meaning
	Ended(status int) session.Cause // a status below zero is a signal's number
}

// Keeper keeps a session. One goroutine uses it; the others bring events.
type Keeper struct {
	Program string // of others, a whole path
	Args    []string
	Config  func() (string, error) // what it finds at ConfigPath, secrets and all; with an error it is not started
	Listen  func() Listener
	Words   session.Words
	Session *session.Session
	Events  chan session.Event

	Folder, Link string // where the Fact goes
	Service      string // by which a person starts it again, e.g. pppoe-wan

	process *os.Process // nil: it does not run
	said    string      // the Fact as written last
	reason  string      // as logged last
}

// ConfigPath is where the program reads its configuration, which is a pipe: what is secret is in no file or argument.
const ConfigPath = "/proc/self/fd/3"

// Signals are those that end this process.
func Signals() <-chan os.Signal {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	return stop
}

// Run keeps the session until the process is to end.
func (k *Keeper) Run(stop <-chan os.Signal) error {
	ended := false // we are to end
	if err := k.publish(); err != nil {
		return err
	}
	for {
		timer := time.NewTimer(max(k.Session.Deadline()-boottime.Now(), 0))
		var event session.Event
		select {
		case event = <-k.Events:
		case <-timer.C:
			event = session.Time{}
		case <-stop:
			ended = true
			k.end()
		}
		timer.Stop()
		if _, over := event.(session.Ended); over {
			k.process = nil
		}
		if ended {
			if k.process == nil {
				k.Session.Fact = session.Fact{Reason: k.Words.Say("it was stopped: bantam service start " + k.Service)}
				return k.publish()
			}
			continue
		}
		if event != nil {
			switch k.Session.Step(boottime.Now(), rand.Uint32(), event) {
			case session.Start:
				if cause := k.start(); cause.Text != "" {
					go k.Tell(session.Ended{Cause: cause})
				}
			case session.Stop:
				k.end()
			}
		}
		if err := k.publish(); err != nil {
			return err
		}
	}
}

// Tell brings an event.
func (k *Keeper) Tell(e session.Event) { k.Events <- e }

// end asks the program to end, for which it says goodbye to the other end.
func (k *Keeper) end() {
	if k.process != nil {
		k.process.Signal(syscall.SIGTERM)
	}
}

// start starts the program, or says why it cannot be.
func (k *Keeper) start() session.Cause {
	text, err := k.Config()
	if err != nil {
		return session.Cause{Text: err.Error(), Refused: true}
	}
	if err := k.run(text); err != nil {
		return session.Cause{Text: err.Error()}
	}
	return session.Cause{}
}

func (k *Keeper) run(text string) error {
	config, into, err := os.Pipe()
	if err != nil {
		return err
	}
	defer config.Close()
	_, err = into.WriteString(text) // a pipe holds more than the largest of them
	if err = errors.Join(err, into.Close()); err != nil {
		return fmt.Errorf("configuration for %s: %w", k.Program, err)
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
	k.process, err = os.StartProcess(k.Program, append([]string{k.Program}, k.Args...), &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + system.SearchPath}, // and nothing secret
		Files: []*os.File{null, said, said, config},
	})
	if err != nil {
		k.process = nil
		return errors.Join(fmt.Errorf("start %s: %w", k.Program, err), output.Close())
	}
	go k.follow(k.process, output)
	return nil
}

// follow waits for the program's end, and tells why it came.
func (k *Keeper) follow(process *os.Process, output *os.File) {
	l := k.Listen()
	heard := make(chan struct{})
	go func(l Listener) {
		k.listen(output, l)
		output.Close()
		close(heard)
	}(l)
	state, err := process.Wait()
	select {
	case <-heard:
	case <-time.After(lastWords): // somebody that it started has the pipe
		l = k.Listen()
	}
	if err != nil {
		k.Tell(session.Ended{Cause: session.Cause{Text: err.Error()}})
		return
	}
	status := state.ExitCode()
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		status = -int(ws.Signal())
	}
	k.Tell(session.Ended{Cause: l.Ended(status)})
}

// lastWords is how long it is waited for what the program has said, once it has ended.
const lastWords = 2 * time.Second

// mostLine bounds a line of the program's, in bytes; the rest of a longer one is another line.
const mostLine = 1 << 10

// listen puts what the program says into the log, and tells what it means.
func (k *Keeper) listen(output io.Reader, l Listener) {
	in := bufio.NewReaderSize(output, mostLine)
	for {
		line, _, err := in.ReadLine()
		if err != nil {
			return
		}
		fmt.Fprintf(os.Stderr, "%s\n", line)
		if e := l.Hear(string(line)); e != nil {
			k.Tell(e)
		}
	}
}

// publish writes the Fact where the network configurator reads it, and why there is no session once into the log.
func (k *Keeper) publish() error {
	text := k.Session.Fact.Text()
	if string(text) == k.said {
		return nil
	}
	if reason := k.Session.Fact.Reason; reason != "" && reason != k.reason {
		fmt.Fprintln(os.Stderr, reason)
		k.reason = reason
	}
	k.said = string(text)
	return atomicfile.WriteUnsynced(session.Path(k.Folder, k.Link), text, 0o644)
}
