package control

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"bantam/switcher"
)

// exitInterrupted is what a shell expects of a program that Ctrl-C ended.
const exitInterrupted = 128 + 2

const switchHelp = `Checks the draft (or FILE), stores it as a new generation, stops, changes and starts what differs,
and then wants proof: services ready and staying up, the network as connected as before, the
checks of system.toml. Only then the next boot runs it. Without proof the machine goes back to
the generation before, by itself, and says why. A power cut at any moment boots the old
generation or the new one, never a mix. It goes on when this terminal dies. With N it goes to that
generation instead; a file named 3 is ./3. REF is all that "bantam import" takes, e.g.
/mnt/pc.oci.tar: it is imported first, with --ca, --downgrade and --insecure as there.

  --confirm TIME  go back also unless somebody keeps it within TIME, e.g. 60s: at the question on
                  this terminal, or by "bantam confirm" on any other
  --no-rollback   stay with the new generation though its proof failed; the next boot still
                  runs the old one
  --reboot        change nothing now: as "bantam boot", and reboot. A generation with another kernel
                  or Bantam can be started in no other way
  --json          each event as a line of JSON, and the outcome as the last line
  --abort         let the switch (test, rollback) under way go back, from any console, also
                  while it waits to be confirmed

Exit codes: 0 proven; 1 refused, nothing was changed; 4 failed and not gone back,
as asked or because that failed too, and then the machine reboots into the default by itself;
10 failed or aborted, the old generation runs again.`

const testHelp = `As switch, but the boot default stays what it is: a reboot takes the test back. REF is imported
first, with --ca, --downgrade and --insecure as for "bantam import".`

const bootHelp = `Nothing changes now. The next boot runs the draft (or FILE) and keeps it if it proves itself;
if it fails its proof, the default runs again, in that same boot. A boot that ends before its proof
does, by a power cut, is followed by one more try.

A generation with another kernel is put into the boot slot that does not run. What that holds and
other generations need is kept in the store, or "bantam plan N" says what is lost. The boot loader
tries it three times; without a proof the default runs again, from the slot that runs now.

REF is imported first, with --ca, --downgrade and --insecure as for "bantam import".

  --confirm TIME  that boot also waits for "bantam confirm", for TIME after the proof; the consoles
                  can be used meanwhile. Without it the default runs again`

const rollbackHelp = `Switches, with proof, to what ran before; a second time: back again. With NUMBER to that
generation ("bantam generations" lists them). Asks before it goes to one that is bad; --yes is the
answer for scripts.

  --to-good       to the one that has proven itself last and does not run now
  --reboot        as for switch: over another kernel there is no other way
  --confirm TIME  as for switch`

// runSwitch is switch, test and boot.
func runSwitch(c *client, args []string) int {
	without := "--json " + importOptions
	if c.verb.name != "boot" {
		without += " --no-rollback"
	}
	if c.verb.name == "switch" {
		without += " --abort --reboot"
	}
	flags, rest, code := c.options(args, "--confirm --ca", without)
	if code != 0 {
		return code
	}
	if flags["--abort"] != "" {
		if len(rest) > 0 || len(flags) > 1 {
			return c.misuse("--abort stands alone")
		}
		last, _ := c.ask(Request{Verb: "abort"}, nil)
		return last.Exit
	}
	c.scripted = flags["--json"] != ""
	if rest, code = c.importFirst(rest, flags); code != 0 {
		return code
	}
	number, file, text, code := c.aim(rest)
	if code != 0 {
		return code
	}
	req := Request{Verb: c.verb.name, Generation: number, File: file, Text: []byte(text), NoRollback: flags["--no-rollback"] != "", Events: flags["--json"] != ""}
	if req.Confirm, code = c.patience(flags); code != 0 {
		return code
	}
	if req.Reboot = flags["--reboot"] != ""; req.Reboot && req.NoRollback {
		return c.misuse("--no-rollback: a boot that fails its proof ends with the default")
	}
	return c.change(req)
}

// patience is the time of --confirm, 0 without it.
func (c *client) patience(flags map[string]string) (time.Duration, int) {
	f, given := flags["--confirm"]
	d, err := time.ParseDuration(f)
	if given && (err != nil || d <= 0 || d > 24*time.Hour) {
		return 0, c.misuse("--confirm %s: not a time such as 60s or 5m, up to 24h", f)
	}
	return d, 0
}

// change asks for a switch and shows how it goes; where it waits for a person's word it asks for that. Ctrl-C ends the
// showing only.
func (c *client) change(req Request) int {
	var terminal sync.Mutex
	var asking *question
	withdraw := func() {
		if asking != nil {
			asking.withdraw()
		}
		asking = nil
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	go func() {
		<-interrupted
		terminal.Lock()
		withdraw()
		fmt.Fprintf(c.errOut, "\nThe %s goes on; `bantam status` tells how it ends, `bantam switch --abort` goes back.\n", req.Verb)
		os.Exit(exitInterrupted)
	}()
	last, _ := c.follow(req, nil, func(f Frame) {
		terminal.Lock()
		defer terminal.Unlock()
		withdraw()
		c.show(f)
		if req.Events && f.Reply != nil {
			fmt.Fprintf(c.out, "%s\n", f.Reply)
		}
		if f.Confirm > 0 && !c.scripted && canAsk() {
			if q := newQuestion(); q.ask(f.Confirm, c.word) == nil {
				asking = q
			}
		}
	})
	terminal.Lock()
	withdraw()
	terminal.Unlock()
	return last.Exit
}

func runRollback(c *client, args []string) int {
	flags, rest, code := c.options(args, "--confirm", "--yes --json --to-good --reboot")
	if code != 0 {
		return code
	}
	req := Request{Verb: "rollback", ToGood: flags["--to-good"] != "", Reboot: flags["--reboot"] != "", Events: flags["--json"] != ""}
	if req.Confirm, code = c.patience(flags); code != 0 {
		return code
	}
	if req.Generation, code = c.one(rest); code != 0 {
		return code
	}
	if req.ToGood && req.Generation != 0 {
		return c.misuse("--to-good finds the generation by itself")
	}
	c.scripted = req.Events
	if flags["--yes"] == "" && !req.ToGood {
		if code := c.askAboutBad(req.Generation); code != ExitGood {
			return code
		}
	}
	return c.change(req)
}

// askAboutBad asks before a rollback to a generation that has failed its proof;
// 0 is what ran before.
func (c *client) askAboutBad(number int) int {
	var list []Generation
	if last, ok := c.ask(Request{Verb: "generations"}, &list); !ok {
		return last.Exit
	}
	for _, g := range list {
		goal := g.Number == number || number == 0 && slices.Contains(g.Marks, "previous")
		if !goal || g.State != switcher.StateBad {
			continue
		}
		what := fmt.Sprintf("Generation %d is bad.", g.Number)
		if g.Reason != "" {
			what = fmt.Sprintf("Generation %d is bad: %s.", g.Number, strings.TrimSuffix(g.Reason, "."))
		}
		if !c.sure("--yes tries it all the same", what) {
			return ExitError
		}
	}
	return ExitGood
}
