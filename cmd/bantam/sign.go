package main

import (
	"fmt"
	"os"

	"bantam/images/signing"
	"bantam/oci"
	"bantam/signature"
	"bantam/switcher"
)

var signVerb = verb{
	name:    "sign",
	args:    "FILE.tar|FOLDER|REFERENCE",
	summary: "sign a generation",
	text: `Signs the generation of an archive (as bantam build --archive makes it), of an OCI layout (such as out/store; oci:FOLDER:NAME
names one of several), or of a registry, and puts the signature beside it, as cosign does. The passphrase of the key is
asked for, or taken from ` + passphraseVariable + `. A signature that others have made stays.`,
	declare: func(c *call) func(args []string) error {
		var f registryFlags
		f.declare(c.flags)
		file := c.flags.String("key", "", "private key `FILE`, as bantam keygen or cosign made it")
		return func(args []string) error {
			if len(args) != 1 {
				return usagef("want one generation, got %d arguments", len(args))
			}
			if *file == "" {
				return usagef("which key? --key FILE names it; bantam keygen makes one")
			}
			o, err := f.options(c)
			if err != nil {
				return err
			}
			o.Stdin = nil // nothing can be put beside a stream
			src, err := oci.Open(c.ctx, args[0], o)
			if err != nil {
				return err
			}
			defer src.Close()
			if _, err := src.Manifest(c.ctx); err != nil { // before anybody types a passphrase
				return err
			}
			key, err := c.readKey(*file)
			if err != nil {
				return err
			}
			said, err := c.sign(args[0], src, o, key)
			if err == nil {
				fmt.Fprintln(c.stdout, said)
			}
			return err
		}
	},
}

// signBuilt signs a generation that a build has just put into its store.
func (c *call) signBuilt(store string, d switcher.Digest, key signing.PrivateKey) error {
	src := oci.OpenFolder(store, string(d))
	defer src.Close()
	said, err := c.sign(store, src, oci.Options{}, key)
	if err == nil {
		fmt.Fprintln(c.stderr, said)
	}
	return err
}

// readKey reads a private key, asking for its passphrase if it has one.
func (c *call) readKey(file string) (signing.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return signing.PrivateKey{}, err
	}
	key, err := signing.Decode(text, func() ([]byte, error) { return c.passphrase(file, false) })
	if err != nil {
		return key, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

// sign signs what a source holds, puts the signature where the source is, and says so.
func (c *call) sign(where string, src oci.Source, o oci.Options, key signing.PrivateKey) (said string, err error) {
	raw, err := src.Manifest(c.ctx)
	if err != nil {
		return "", err
	}
	g, err := switcher.ParseManifest(raw)
	if err != nil {
		return "", fmt.Errorf("%s: %w", where, err)
	}
	digest := switcher.DigestOf(raw)
	signed, err := src.Signatures(c.ctx)
	if err != nil {
		return "", err
	}
	said = fmt.Sprintf("generation %s (board %s%s)", digest.Short(), g.Board, releaseOf(g))
	if _, err := signature.Verify(string(digest), signed, []signature.PublicKey{key.Public()}); err == nil {
		return fmt.Sprintf("%s is signed with %s already", said, key.Public()), nil
	}
	if len(signed) >= signature.MaxSigned {
		return "", fmt.Errorf("%s: it has %d signatures, and a machine looks at no more", where, len(signed))
	}
	one, err := key.Sign(signedName(where, g), string(digest))
	if err != nil {
		return "", err
	}
	if err := oci.PutSignatures(c.ctx, src, o, append(signed, one)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s signed with %s", said, key.Public()), nil
}

// signedName is the name that a signature tells, which nobody checks: that of the repository, if there is one.
func signedName(where string, g switcher.Generation) string {
	ref, err := oci.ParseReference(where)
	if _, statErr := os.Stat(where); err != nil || statErr == nil {
		return "bantam/" + g.Board
	}
	return ref.Host + "/" + ref.Repository
}

func releaseOf(g switcher.Generation) string {
	if g.Release == 0 {
		return ""
	}
	return fmt.Sprintf(", version %d", g.Release)
}
