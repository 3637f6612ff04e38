package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"bantam/init/secret"
	"bantam/system"
	"bantam/tty"
)

const secretHelp = `What no generation holds: passwords, tokens, keys. In system.toml a variable of a service, or the
text of a file, is { secret = "NAME" }; the value is taken from here, and is in no image, store,
plan, log or status.

list           the names, when each was set, and what of that which runs uses it; no values
set NAME       give it its value, read from standard input: bantam secret set NAME < FILE; on a
               terminal it is asked for, and not shown. Up to 64 KiB, taken as they are; in a
               variable a line end at its end does not count. "bantam switch" gives a new value
               to whoever uses it
remove NAME    forget it. Asks first where it is used; --yes is the answer for scripts

They lie in /state/secrets, which only root enters.`

// Secret is one of the answer to "secret list".
type Secret struct {
	Name   string    `json:"name"`
	Set    time.Time `json:"set,omitzero"`      // zero: it is not set, and what runs needs it
	UsedBy []string  `json:"used_by,omitempty"` // e.g. "service web", "file /etc/key"
}

// Words lists words for people: a, b and c.
func Words(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func runSecret(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--yes --json")
	if code != 0 {
		return code
	}
	word := "list"
	if len(rest) > 0 {
		word = rest[0]
	}
	if flags["--yes"] != "" && word != "remove" {
		return c.misuse("--yes belongs to remove")
	}
	if flags["--json"] != "" && word != "list" {
		return c.misuse("--json belongs to list")
	}
	switch {
	case word == "list" && len(rest) < 2:
		return c.listSecrets(flags["--json"] != "")
	case word == "set" && len(rest) == 2:
		return c.setSecret(rest[1])
	case word == "remove" && len(rest) == 2:
		return c.removeSecret(rest[1], flags["--yes"] != "")
	case word == "set" && len(rest) > 2:
		return c.misuse("the value comes from standard input: what is typed here, the shell's history and `ps` keep")
	case word == "set" || word == "remove":
		return c.misuse("%s which secret?", word)
	}
	return c.misuse("one of set, list and remove")
}

func (c *client) listSecrets(asJSON bool) int {
	var list []Secret
	if last, ok := c.ask(Request{Verb: "secret list"}, &list); !ok {
		return max(last.Exit, ExitError)
	}
	if asJSON {
		return c.printJSON(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(c.out, "none; `bantam secret set NAME` makes one")
		return ExitGood
	}
	t := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	for _, s := range list {
		set, used := s.Set.Local().Format("2006-01-02 15:04"), "unused"
		if s.Set.IsZero() {
			set = "not set"
		}
		if len(s.UsedBy) > 0 {
			used = strings.Join(s.UsedBy, ", ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, set, visible(used))
	}
	t.Flush()
	return ExitGood
}

// unsetSecrets remarks on what a valid system.toml names and this machine does not have. Where PID 1 does not answer
// there is nothing to say.
func (c *client) unsetSecrets(file string, text []byte) (remarks []system.Problem) {
	sys, problems := system.Parse(file, text)
	if len(problems) > 0 || len(sys.Secrets()) == 0 {
		return nil
	}
	var list []Secret
	if last, err := Call(c.socket, Request{Verb: "secret list"}, func(Frame) {}); err != nil || last.Error != "" || json.Unmarshal(last.Reply, &list) != nil {
		return nil
	}
	positions := system.Scan(text)
	for _, use := range sys.Secrets() {
		if use.Made || slices.ContainsFunc(list, func(s Secret) bool { return s.Name == use.Secret && !s.Set.IsZero() }) {
			continue
		}
		at, _ := positions.Find(use.Path)
		remarks = append(remarks, system.Problem{File: file, Line: at.Value.Line, Col: at.Value.Col,
			Message: fmt.Sprintf("remark: %s: secret %s is not set here", use.Path, use.Secret), Suggestion: "bantam secret set " + use.Secret})
	}
	sort.Slice(remarks, func(i, j int) bool {
		a, b := remarks[i], remarks[j]
		return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
	})
	return remarks
}

func (c *client) setSecret(name string) int {
	if err := secret.CheckName(name); err != nil { // before a value is typed in vain
		return c.fail(err)
	}
	value, err := readSecret(os.Stdin, os.Stderr, name)
	if err != nil {
		return c.fail(err)
	}
	defer clear(value)
	last, _ := c.ask(Request{Verb: "secret set", Names: []string{name}, Text: value}, nil)
	return last.Exit
}

// readSecret reads a value: from a terminal one line, which it does not show.
func readSecret(in *os.File, out io.Writer, name string) ([]byte, error) {
	if !tty.Is(in) {
		value, err := io.ReadAll(io.LimitReader(in, secret.MostBytes+1))
		if err == nil && len(value) > secret.MostBytes {
			err = fmt.Errorf("the value has more than %d bytes", secret.MostBytes)
		}
		return value, err
	}
	text, err := tty.Hidden(in, out, fmt.Sprintf("Value of secret %s (it is not shown): ", name))
	if errors.Is(err, tty.ErrNothing) {
		return nil, fmt.Errorf("nothing is changed")
	}
	return []byte(text), err
}

func (c *client) removeSecret(name string, yes bool) int {
	var list []Secret
	if last, ok := c.ask(Request{Verb: "secret list"}, &list); !ok {
		return max(last.Exit, ExitError)
	}
	for _, s := range list {
		if s.Name == name && len(s.UsedBy) > 0 && !s.Set.IsZero() && !yes &&
			!c.sure("--yes removes it", Words(s.UsedBy)+" will not start without secret "+name+".") {
			return ExitError
		}
	}
	last, _ := c.ask(Request{Verb: "secret remove", Names: []string{name}}, nil)
	return last.Exit
}
