package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"bantam/switcher"
	"bantam/system"
)

// exitInterrupted is what a shell expects of a program that Ctrl-C ended.
const exitInterrupted = 128 + 2

const checkHelp = `Prints every fault with file, line and column. Exit code 0: none. A remark is no fault, but
worth a look: a service without user runs as root with all rights.`

const diffHelp = `Without numbers: what the draft changes in the running system, key by key. With one number
A: what generation A has changed against the running one; with two: B against A.`

const planHelp = `With NUMBER: to that generation; a file named 3 is ./3.

The very list of steps that a switch would execute, each with its reason. ! marks what
interrupts something that works now. --json prints one JSON document; its "problems" are why the
switch would be refused.`

const switchHelp = `Checks the draft (or FILE), stores it as a new generation, stops, changes and starts what differs,
and then wants proof: services ready and staying up, the network as connected as before, the
checks of system.toml. With NUMBER the same for a generation that is there; a file named 3 is ./3.
Only then the next boot runs it. Without proof the machine goes back to
the generation before, by itself, and says why. A power cut at any moment boots the old
generation or the new one, never a mix. It goes on when this terminal dies.

  --confirm TIME  go back also unless somebody keeps it within TIME, e.g. 60s: at the question on
                  this terminal, or by "bantam confirm" on any other
  --no-rollback   stay with the new generation though its proof failed; the next boot still
                  runs the old one
  --json          each event as a line of JSON, and the outcome as the last line
  --abort         let the switch (test, rollback) under way go back, from any console, also
                  while it waits to be confirmed

Exit codes: 0 proven; 1 refused, nothing was changed; 4 failed and could not go back cleanly;
10 failed, the old generation runs again.`

const testHelp = `As switch, but the boot default stays what it is: a reboot takes the test back.`

const bootHelp = `Nothing changes now. The next boot runs the draft (or FILE) and keeps it if it proves itself;
if it fails its proof, the default runs again, in that same boot. A boot that ends before its proof
does, by a power cut, is followed by one more try.

  --confirm TIME  that boot also waits for "bantam confirm", for TIME after the proof; the consoles
                  can be used meanwhile. Without it the default runs again`

const rollbackHelp = `Switches, with proof, to what ran before; a second time: back again. With NUMBER to that
generation ("bantam generations" lists them). Asks before it goes to one that is bad; --yes is the
answer for scripts.

  --to-good       to the one that has proven itself last and does not run now
  --confirm TIME  as for switch`

const draftHelp = `"bantam edit" begins anew from the running system.`

// fetchDraft is the draft as PID 1 has it: the file, or the running system.
func (c *client) fetchDraft() (Draft, int) {
	var d Draft
	last, ok := c.ask(Request{Verb: "draft"}, &d)
	if !ok {
		return d, max(last.Exit, ExitError)
	}
	return d, 0
}

// message is a problem without its place.
func message(p system.Problem) string {
	if p.Suggestion == "" {
		return p.Message
	}
	return p.Message + "; " + p.Suggestion
}

func writeProblems(w io.Writer, problems []system.Problem) {
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
}

// aim is what a verb of a switch leads to: a generation by its number, the text of a file, or neither for the draft.
func (c *client) aim(args []string) (number int, file, text string, code int) {
	if len(args) == 1 && isNumber(args[0]) {
		number, code = c.generation(args[0])
		return number, "", "", code
	}
	file, text, code = c.validText(args)
	return 0, file, text, code
}

// text is the system.toml that a verb is about: a file, or "" for the draft.
func (c *client) text(args []string) (file, text string, code int) {
	switch len(args) {
	case 0:
		return "", "", 0
	case 1:
		b, err := readText(args[0])
		if err != nil {
			return "", "", c.fail(err)
		}
		if len(b) == 0 {
			b = []byte("\n") // an empty file is a machine, an empty request is the draft
		}
		return args[0], string(b), 0
	}
	return "", "", c.misuse("one file at a time")
}

// readText reads a system.toml, and not the whole of a disk if that was named.
func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return system.Read(path, f)
}

// validText is text for a request. One that is not UTF-8 is refused before anything is asked.
func (c *client) validText(args []string) (file, text string, code int) {
	file, text, code = c.text(args)
	if code == 0 && !utf8.ValidString(text) {
		_, problems := system.Parse(file, []byte(text))
		for _, p := range problems {
			c.fail(errors.New(p.String()))
		}
		return "", "", ExitError
	}
	return file, text, code
}

func runCheck(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return code
	}
	file, text, code := c.text(rest)
	if code != 0 {
		return code
	}
	if file == "" {
		d, code := c.fetchDraft()
		if code != 0 {
			return code
		}
		file, text = DraftPath, d.Text
	}
	_, problems := system.Parse(file, []byte(text))
	if flags["--json"] != "" {
		if problems == nil {
			problems = []system.Problem{}
		}
		c.printJSON(problems)
	} else {
		writeProblems(c.out, problems)
		writeProblems(c.out, system.Remarks(file, []byte(text)))
	}
	if len(problems) > 0 {
		return ExitError
	}
	if flags["--json"] == "" {
		fmt.Fprintf(c.out, "%s: no faults\n", file)
	}
	return ExitGood
}

func runDiff(c *client, args []string) int {
	if len(args) > 2 {
		return c.misuse("two generations at most")
	}
	req := Request{Verb: "diff"}
	for i, a := range args {
		n, code := c.generation(a)
		if code != 0 {
			return code
		}
		if i == 0 {
			req.Generation = n
		} else {
			req.Other = n
		}
	}
	last, _ := c.ask(req, nil)
	return last.Exit
}

// wouldRefuse begins PID 1's lines about what a switch would be refused for.
const wouldRefuse = "a switch would be refused: "

// planReport is what plan --json prints.
type planReport struct {
	switcher.Plan
	Problems []string `json:"problems,omitempty"` // why the switch would be refused
}

func runPlan(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return code
	}
	number, file, text, code := c.aim(rest)
	if code != 0 {
		return code
	}
	var plan switcher.Plan
	refused, code := c.lines(Request{Verb: "plan", Generation: number, File: file, Text: []byte(text)}, &plan)
	if code != 0 {
		return code
	}
	if len(refused) > 0 {
		code = ExitError
	}
	if flags["--json"] != "" {
		for i, why := range refused {
			refused[i] = strings.TrimPrefix(why, wouldRefuse)
		}
		return max(code, c.printJSON(planReport{plan, refused}))
	}
	for _, why := range refused {
		fmt.Fprintln(c.out, why)
	}
	fmt.Fprint(c.out, plan)
	return code
}

// runSwitch is switch, test and boot.
func runSwitch(c *client, args []string) int {
	without := "--json --no-rollback"
	if c.verb.name == "switch" {
		without += " --abort"
	} else if c.verb.name == "boot" {
		without = "--json"
	}
	flags, rest, code := c.options(args, "--confirm", without)
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
	number, file, text, code := c.aim(rest)
	if code != 0 {
		return code
	}
	req := Request{Verb: c.verb.name, Generation: number, File: file, Text: []byte(text), NoRollback: flags["--no-rollback"] != "", Events: flags["--json"] != ""}
	if req.Confirm, code = c.patience(flags); code != 0 {
		return code
	}
	return c.change(req)
}

// patience is the time of --confirm, 0 without it.
func (c *client) patience(flags map[string]string) (time.Duration, int) {
	f, given := flags["--confirm"]
	d, err := time.ParseDuration(f)
	if given && (err != nil || d <= 0 || d > 24*time.Hour) {
		return 0, c.misuse("--confirm %s: not a time such as 60s or 5m", f)
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
		if f.Confirm > 0 && !req.Events && canAsk() {
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
	flags, rest, code := c.options(args, "--confirm", "--yes --json --to-good")
	if code != 0 {
		return code
	}
	req := Request{Verb: "rollback", ToGood: flags["--to-good"] != "", Events: flags["--json"] != ""}
	if req.Confirm, code = c.patience(flags); code != 0 {
		return code
	}
	if req.Generation, code = c.one(rest); code != 0 {
		return code
	}
	if req.ToGood && req.Generation != 0 {
		return c.misuse("--to-good finds the generation by itself")
	}
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

// runSimple is for verbs without arguments whose answer is text.
func runSimple(c *client, args []string) int {
	if len(args) > 0 {
		return c.misuse("%q is too much", args[0])
	}
	last, _ := c.ask(Request{Verb: c.verb.name}, nil)
	return last.Exit
}

func runDraft(c *client, args []string) int {
	if len(args) != 1 || args[0] != "discard" {
		return c.misuse("discard is the only thing to do with it here")
	}
	if err := os.Remove(DraftPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return c.fail(err)
	}
	fmt.Fprintln(c.out, "The draft is gone. `bantam edit` begins anew from the running system.")
	return ExitGood
}

// Reply makes the frame that carries v.
func Reply(v any) Frame {
	b, err := json.Marshal(v)
	if err != nil {
		return Frame{Error: err.Error(), Exit: ExitError}
	}
	return Frame{Reply: b}
}
