// Package password asks a person for a new password.
package password

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"bantam/tty"
	"bantam/yescrypt"
)

// Most is how long a password may be that a console can be told, in bytes.
const Most = 1024

// Ask asks for it twice at a terminal.
func Ask(in *os.File, out io.Writer) (string, error) {
	text, err := tty.Hidden(in, out, "Password (it is not shown): ")
	if err != nil {
		return "", err
	}
	if err := Fault(text); err != nil {
		return "", err
	}
	again, err := tty.Hidden(in, out, "The same again: ")
	if err == nil && again != text {
		err = errors.New("the two differ")
	}
	return text, err
}

// Line is the line of system.toml that gives it to a [user.NAME].
func Line(text string) string { return fmt.Sprintf("password = %q\n", yescrypt.New([]byte(text))) }

// Fault is why nobody could type a text at a console.
func Fault(text string) error {
	switch {
	case text == "":
		return errors.New("the password is empty")
	case len(text) > Most:
		return fmt.Errorf("the password has more than %d bytes", Most)
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return errors.New("the password has control characters, which no console takes")
	}
	return nil
}
