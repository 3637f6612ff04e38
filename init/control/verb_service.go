package control

import (
	"errors"
	"time"
)

const serviceHelp = `list            all services with their state; the exit code is that of bantam status
start NAME...   start them, and what they need; wait until they are ready
stop NAME...    stop them, and what needs them; they stay stopped until started by hand,
                also over a switch, but not over a reboot
restart NAME... stop and start them

Services are declared in system.toml, in [service.NAME].`

// endHelp is of reboot, poweroff and halt.
const endHelp = `Services are stopped in order, the state volume is unmounted. After 30 seconds at most the
machine ends whatever hangs. A switch under way is abandoned: the next boot runs the default
generation.`

func runService(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return code
	}
	if len(rest) == 0 {
		rest = []string{"list"}
	}
	action, names := rest[0], rest[1:]
	switch action {
	case "list":
		if len(names) > 0 {
			return c.misuse("list takes no name")
		}
		s, _, code := c.status(nil)
		if code != 0 {
			return code
		}
		if flags["--json"] != "" {
			return max(c.printJSON(s.Services), health(s.Services))
		}
		writeServices(c.out, s.Services, s.Uptime)
		return health(s.Services)
	case "start", "stop", "restart":
		if len(names) == 0 {
			return c.misuse("%s which service?", action)
		}
		last, _ := c.ask(Request{Verb: "service " + action, Names: names}, nil)
		return last.Exit
	}
	return c.misuse("%q is none of list, start, stop and restart", action)
}

func runEnd(c *client, args []string) int {
	if len(args) > 0 {
		return c.misuse("%q is too much", args[0])
	}
	return c.endMachine(c.verb.name)
}

// endMachine has PID 1 end the machine, by a verb such as reboot.
func (c *client) endMachine(verb string) int {
	last, err := Call(c.socket, Request{Verb: verb}, func(Frame) {})
	switch {
	case errors.Is(err, ErrNoInit): // at the rescue prompt PID 1 only listens to signals
		if err := signalInit(verb); err != nil {
			return c.fail(err)
		}
	case errors.Is(err, ErrHungUp): // the end has begun
	case err != nil:
		return c.fail(err)
	case last.Error != "":
		return c.fail(errors.New(last.Error))
	}
	time.Sleep(40 * time.Second) // the end comes first; a prompt now would only mislead
	return ExitError
}
