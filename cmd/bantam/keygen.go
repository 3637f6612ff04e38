package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bantam/images/signing"
)

var keygenVerb = verb{
	name:    "keygen",
	args:    "NAME",
	summary: "make a key that signs generations",
	text: `Writes NAME.key, which signs, and NAME.pub, and prints the lines of system.toml that make a machine trust it. Both files are
cosign's. The passphrase of NAME.key is asked for, or taken from ` + passphraseVariable + `; it cannot be recovered. Nothing is
overwritten. docs/signatures.md tells how keys are kept, changed and lost.`,
	declare: func(c *call) func(args []string) error {
		kind := c.flags.String("type", signing.Types[0], "`KIND` of key: "+strings.Join(signing.Types, ", "))
		return func(args []string) error {
			if len(args) != 1 {
				return usagef("want one NAME, got %d arguments", len(args))
			}
			if !slices.Contains(signing.Types, *kind) {
				return usagef("--type %s: want %s", *kind, strings.Join(signing.Types, " or "))
			}
			return c.makeKey(strings.TrimSuffix(args[0], ".key"), *kind)
		}
	},
}

func (c *call) makeKey(name, kind string) error {
	private, public := name+".key", name+".pub"
	for _, file := range []string{private, public} { // before anybody thinks up a passphrase
		if _, err := os.Lstat(file); err == nil {
			return fmt.Errorf("%s is there; keys are never overwritten: take another name", file)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	word, err := c.passphrase(private, true)
	if err != nil {
		return err
	}
	key, err := signing.Generate(kind)
	if err != nil {
		return err
	}
	text, err := key.Encode(word)
	if err != nil {
		return err
	}
	if err := writeNew(private, text, 0o600); err != nil {
		return err
	}
	if err := writeNew(public, key.Public().PEM(), 0o644); err != nil {
		return errors.Join(err, os.Remove(private)) // half of a pair is of no use
	}
	fmt.Fprintf(c.stderr, "%s signs: keep it, a copy of it, and its passphrase where no machine is. %s is its public half.\n"+
		"In system.toml, with the keys that are trusted already:\n\n", private, filepath.Base(public))
	fmt.Fprintf(c.stdout, "[trust]\nkeys = [\"%s\"]  # %s\n", key.Public().Line(), key.Public())
	return nil
}

// writeNew writes a file that is not there yet, to its end.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}
