package control

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"bantam/switcher"
	"bantam/timesync"
)

const timeHelp = `The clock, where it has its time from, and what the time servers said last. A server is used,
agrees, or is outvoted by the others; of one that is not believed it says why. The offset is what
the clock was behind by. --json prints everything as one JSON document. The exit code is 0, or 2
where servers are known and none has told the time since the machine started.

step            ask the servers now, and set the clock to what they say. Else a clock that is wrong
                while the machine runs is led to the right time, half a millisecond a second

The servers are those of [time] in system.toml and those that DHCP names; see bantam help clock.`

func runTime(c *client, args []string) int {
	if len(args) > 0 && args[0] == "step" {
		if len(args) > 1 {
			return c.misuse("%q is too much", args[1])
		}
		last, _ := c.ask(Request{Verb: "time step"}, nil)
		return last.Exit
	}
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return code
	}
	if len(rest) > 0 {
		return c.misuse("%q is too much", rest[0])
	}
	var s TimeStatus
	if last, ok := c.ask(Request{Verb: "time"}, &s); !ok {
		return max(last.Exit, ExitError)
	}
	if flags["--json"] != "" {
		return max(c.printJSON(s), s.health())
	}
	s.write(c.out)
	return s.health()
}

func (s TimeStatus) health() int {
	if len(s.Servers) > 0 && !s.State.Synchronized {
		return switcher.ExitDegraded
	}
	return ExitGood
}

// write prints it for a person.
func (s TimeStatus) write(w io.Writer) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s%s\n", name, visible(fmt.Sprintf(format, args...)))
	}
	row("clock", "%s, %s", s.Now.Local().Format("2006-01-02 15:04:05 MST"), s.Zone)
	row("at boot", "%s", s.Origin)
	row("set", "%s", s.standing())
	if s.State.Problem != "" {
		row("problem", "%s", s.State.Problem)
	}
	if s.State.Synchronized && s.State.Failure != "" {
		row("last round", "%s", s.State.Failure)
	}
	if s.State.Next != 0 && !s.Stopped && len(s.Servers) > 0 {
		row("next round", "in %v", max(s.State.Next-s.Uptime, 0).Round(time.Second))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "SERVER\tFROM\tADDRESS\tSTRATUM\tOFFSET\tDELAY\tSTATE")
	for _, server := range s.Servers {
		found := false
		for _, source := range s.State.Sources {
			if source.Server != server.Name {
				continue
			}
			found = true
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", server.Name, server.From, strings.TrimSuffix(source.Address, ":123"), sourceCells(source))
		}
		if !found {
			fmt.Fprintf(t, "%s\t%s\t-\t-\t-\t-\tnot asked yet\n", server.Name, server.From)
		}
	}
	if len(s.Servers) == 0 {
		fmt.Fprintln(t, "none\t\t\t\t\t\tneither [time] nor DHCP names one")
	}
	t.Flush()
}

// sourceCells are what a source said last.
func sourceCells(s timesync.Source) string {
	state := visible(s.State)
	if s.Stratum == 0 {
		return "-\t-\t-\t" + state
	}
	return fmt.Sprintf("%d\t%s\t%v\t%s", s.Stratum, signed(s.Offset), s.Delay.Round(10*time.Microsecond), state)
}

// signed is a duration with its sign and no more digits than say something.
func signed(d time.Duration) string {
	unit := 10 * time.Microsecond
	if d.Abs() >= time.Second {
		unit = time.Millisecond
	}
	text := d.Round(unit).String()
	if d >= 0 {
		text = "+" + text
	}
	return text
}

// standing says whether the time is right, and since when that is known.
func (s TimeStatus) standing() string {
	switch {
	case s.Stopped:
		return "nobody asks time servers: somebody has stopped the service; bantam service start time"
	case s.State.Synchronized:
		return fmt.Sprintf("by a time server, last %v ago: it was %s off, give or take %v",
			max(s.Uptime-s.State.SyncedAt, 0).Round(time.Second), signed(s.State.Offset), s.State.Distance.Round(100*time.Microsecond))
	case len(s.Servers) == 0:
		return "by no time server, as none is known"
	case s.State.Failure != "":
		return "not yet: " + s.State.Failure
	}
	return "not yet"
}
