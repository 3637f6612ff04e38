package main

import (
	"errors"
	"os"

	"bantam/tty"
)

// passphraseVariable is cosign's, so that one setting serves both.
const passphraseVariable = "COSIGN_PASSWORD"

// passphrase is what a key file is encrypted with: from the environment, else from the terminal, asked for twice where a typing error would be found too late.
func (c *call) passphrase(of string, twice bool) ([]byte, error) {
	if text, set := os.LookupEnv(passphraseVariable); set {
		return []byte(text), nil
	}
	in, ok := c.stdin.(*os.File)
	if !ok || !tty.Is(in) {
		return nil, errors.New("there is no terminal to ask for the passphrase of " + of + ": set " + passphraseVariable)
	}
	text, err := tty.Hidden(in, c.stderr, "Passphrase of "+of+" (it is not shown): ")
	if err != nil || !twice {
		return []byte(text), err
	}
	again, err := tty.Hidden(in, c.stderr, "The same again: ")
	if err == nil && again != text {
		err = errors.New("the two passphrases differ")
	}
	return []byte(text), err
}
