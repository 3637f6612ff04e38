package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"bantam/tty"
	"bantam/yescrypt"
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
				fmt.Fprintf(c.stdout, "password = %q\n", yescrypt.New([]byte(text)))
			}
			return err
		}
	},
}

// mostPassword is how long a password may be that a console can be told, in bytes.
const mostPassword = 1024

func (c *call) password() (string, error) {
	if in, ok := c.stdin.(*os.File); ok && tty.Is(in) {
		text, err := tty.Hidden(in, c.stderr, "Password (it is not shown): ")
		if err != nil {
			return "", err
		}
		if err := passwordFault(text); err != nil {
			return "", err
		}
		again, err := tty.Hidden(in, c.stderr, "The same again: ")
		if err == nil && again != text {
			err = errors.New("the two differ")
		}
		return text, err
	}
	all, err := io.ReadAll(io.LimitReader(c.stdin, 64<<10))
	if err != nil {
		return "", err
	}
	text, rest, _ := strings.Cut(string(all), "\n")
	if rest != "" {
		return "", errors.New("there is more than one line: a password is one")
	}
	return text, passwordFault(text)
}

// passwordFault is why nobody could type a text at a console.
func passwordFault(text string) error {
	switch {
	case text == "":
		return errors.New("the password is empty")
	case len(text) > mostPassword:
		return fmt.Errorf("the password has more than %d bytes", mostPassword)
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return errors.New("the password has control characters, which no console takes")
	}
	return nil
}
