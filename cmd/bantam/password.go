package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"bantam/password"
	"bantam/tty"
)

var passwordVerb = verb{
	name:    "password",
	summary: "make the hash of a password, for a [user.NAME]",
	text: `Asks for the password twice, or takes the first line of a pipe, and prints the line of system.toml that gives it to a user: who has it
may log in at consoles where [console] has login = "password". docs/users.md tells more.`,
	declare: func(c *call) func(args []string) error {
		return func(args []string) error {
			if len(args) > 0 {
				return usagef("the password is asked for, or comes from a pipe; on a command line others see it")
			}
			text, err := c.password()
			if err == nil {
				fmt.Fprint(c.stdout, password.Line(text))
			}
			return err
		}
	},
}

func (c *call) password() (string, error) {
	if in, ok := c.stdin.(*os.File); ok && tty.Is(in) {
		return password.Ask(in, c.stderr)
	}
	all, err := io.ReadAll(io.LimitReader(c.stdin, 64<<10))
	if err != nil {
		return "", err
	}
	text, rest, _ := strings.Cut(string(all), "\n")
	if rest != "" {
		return "", errors.New("there is more than one line: a password is one")
	}
	return text, password.Fault(text)
}
