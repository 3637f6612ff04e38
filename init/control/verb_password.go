package control

import (
	"errors"
	"fmt"
	"os"

	"bantam/password"
	"bantam/tty"
)

const passwordHelp = `Asks for a password twice and prints the line that gives it to a [user.NAME] of system.toml: who has
it may log in at consoles where [console] has login = "password". "bantam help users" tells more.`

// runPassword makes the hash of a password for system.toml.
func runPassword(c *client, args []string) int {
	if len(args) > 0 {
		return c.misuse("the password is asked for; on a command line others see it")
	}
	if !tty.Is(os.Stdin) {
		return c.fail(errors.New("there is no terminal to ask for the password"))
	}
	text, err := password.Ask(os.Stdin, c.errOut)
	if err != nil {
		return c.fail(err)
	}
	fmt.Fprint(c.out, password.Line(text))
	return ExitGood
}
