package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"bantam/switcher"
	"bantam/system"
)

const checkHelp = `Prints every fault with file, line and column. Exit code 0: none. A remark is no fault, but
worth a look: a service without user runs as root with all rights, a secret is not set here.`

const diffHelp = `Without numbers: what the draft changes in the running system, key by key. With one number
A: what generation A has changed against the running one; with two: B against A.`

const planHelp = `With NUMBER: to that generation; a file named 3 is ./3.

The very list of steps that a switch would execute, each with its reason. ! marks what
interrupts something that works now. --json prints one JSON document; its "problems" are why the
switch would be refused.`

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
		writeProblems(c.out, c.unsetSecrets(file, []byte(text)))
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
