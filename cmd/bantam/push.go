package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bantam/images"
	"bantam/oci"
)

var pushVerb = verb{
	name:    "push",
	args:    "HOST[:PORT]/REPOSITORY[:TAG]",
	summary: "send a generation to a registry",
	text: `Sends the board's generation, as bantam build left it in OUT/store, to an OCI registry, with its signatures; what the registry
has already is not sent again. Prints the digest that it has there. On the machine: bantam import http://HOST:PORT/REPOSITORY:TAG
(it does not speak TLS; or bantam push --from HOST/REPOSITORY:TAG to a registry that it reaches, or an archive).

Name and password are those of podman login, skopeo login or docker login. A registry without TLS is written http://HOST:PORT/...
and needs --insecure.`,
	declare: func(c *call) func(args []string) error {
		var f registryFlags
		var board string
		boardFlag(c.flags, &board)
		store := c.flags.String("store", filepath.Join("out", "store"), "`DIR` of the OCI layout that bantam build wrote into")
		from := c.flags.String("from", "", "send what this `SOURCE` holds instead: FILE.tar, oci:DIR:NAME, https://... or another registry's generation")
		f.declare(c.flags)
		return func(args []string) error {
			if len(args) != 1 {
				return usagef("want one HOST/REPOSITORY:TAG, got %d arguments", len(args))
			}
			if _, err := oci.ParseReference(args[0]); err != nil {
				return usageError{err.Error()}
			}
			o, err := f.options(c)
			if err != nil {
				return err
			}
			src := oci.OpenFolder(*store, board)
			if *from != "" {
				if src, err = oci.Open(c.ctx, *from, o); err != nil {
					return err
				}
			} else if _, err := os.Stat(*store); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is not there: bantam build makes it; --store DIR or --from SOURCE name another place", *store)
			}
			defer src.Close()
			return c.push(args[0], o, src)
		}
	},
}

func (c *call) push(word string, o oci.Options, src oci.Source) error {
	progress, clear := images.TerminalProgress(c.stderr)
	defer clear()
	progress.Step("%s: asking what is there", word)
	p, err := oci.Push(c.ctx, word, o, src, tellSent(progress, word))
	clear()
	if errors.Is(err, oci.ErrAbsent) {
		err = fmt.Errorf("%w; build again", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "generation %s: %d of %d blobs sent, %s bytes; %s bytes were there\n",
		p.Digest.Short(), p.SentBlobs, p.Blobs, images.Commas(p.Sent), images.Commas(p.Had))
	if p.Signatures > 0 {
		fmt.Fprintf(c.stdout, "signatures: %d\n", p.Signatures)
	}
	fmt.Fprintf(c.stdout, "%s is %s\n", p.Reference, p.Digest)
	return nil
}

// tellSent shows how much of what is sent somewhere has gone.
func tellSent(progress images.Progress, where string) func(done, total int64) {
	shown := int64(-1)
	return func(done, total int64) {
		if part := done * 200 / max(total, 1); part != shown { // a slow terminal must not hold up a fast line
			shown = part
			progress.Step("%s: %s of %s bytes sent", where, images.Commas(done), images.Commas(total))
		}
	}
}
