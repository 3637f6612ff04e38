package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"bantam/http1"
	"bantam/http1/https"
	"bantam/oci"
	"bantam/switcher"
	"bantam/system"
)

const importHelp = `Brings a generation that a build host has made ("bantam build --archive", "bantam push") or another
machine has exported. It is one of this machine's then, untried: "bantam switch N" makes it run.
"bantam switch" and "boot" take the same words and do both in one.

  FILE       an OCI layout as .tar, or its folder, e.g. on a USB stick: /mnt/pc.oci.tar
  URL        such an archive on a web server: https://host/pc.oci.tar
  REF        in a registry: HOST[:PORT]/REPOSITORY[:TAG|@DIGEST], or http://HOST... without TLS
  -          such an archive from standard input

http:// is taken where [trust] of system.toml names keys, or with --insecure. Servers of
https:// are believed that the authorities of package ca-certificates vouch for, or those of --ca.

Before the first byte is loaded it is checked: board, architecture, signature and version, where
[trust] of system.toml names keys, and that it fits, with room for a way back. Only blobs that this
machine lacks are loaded; each is compared with its digest. Where the line breaks, what has come is
kept, and the same command goes on. "bantam gc" removes it.

  --check      load nothing: say whether it may come, and which blobs are lacking. Of an archive
               only the beginning is read, which need not have any blobs
  --downgrade  take it although its version is lower than one that has been good here
  --ca FILE    of authorities, certificates in PEM, whose servers are believed
  --insecure   believe whoever answers to http://
  --json       the outcome as one JSON document`

// importOptions are those of an import beside --ca, wherever one begins.
const importOptions = "--downgrade --insecure"

func runImport(c *client, args []string) int {
	flags, rest, code := c.options(args, "--ca", importOptions+" --json --check")
	if code != 0 {
		return code
	}
	if len(rest) != 1 {
		return c.misuse("import which one?")
	}
	c.scripted = flags["--json"] != ""
	if flags["--check"] != "" {
		return c.checkImport(rest[0], flags)
	}
	got, code := c.bring(rest[0], flags)
	if code != 0 {
		return code
	}
	if flags["--json"] != "" {
		return c.printJSON(got)
	}
	fmt.Fprintln(c.out, got)
	return ExitGood
}

// brought is what import --json prints.
type brought struct {
	Number int    `json:"number"`           // of the generation
	Known  bool   `json:"known"`            // it was here before
	Kernel string `json:"kernel,omitempty"` // how kernel or initrd differ from the booted ones
	Blobs  int    `json:"blobs"`            // that it has
	Loaded int    `json:"loaded"`           // of them
	Bytes  int64  `json:"bytes"`            // of those that came now
}

func (b brought) String() string {
	how := fmt.Sprintf("%s of %d loaded, %d kB", count(b.Loaded, "blob"), b.Blobs, (b.Bytes+1023)>>10)
	if b.Loaded == 0 {
		how = "nothing had to be loaded"
	}
	there := "is here"
	if b.Known {
		there = "was here already"
	}
	reboot := ""
	if b.Kernel != "" {
		reboot = " --reboot"
		how += "; it has another kernel or initrd"
	}
	return fmt.Sprintf("generation %d %s (%s); `bantam switch %[1]d%[4]s` makes it run", b.Number, there, how, reboot)
}

// checkImport says what an import would have to load, or why it is refused. A build host asks it before it sends anything.
func (c *client) checkImport(word string, flags map[string]string) int {
	source, _, check, code := c.offer(context.Background(), word, flags)
	if code != 0 {
		return code
	}
	source.Close()
	inbox, err := switcher.OpenInbox(c.state)
	if err != nil {
		return c.fail(err)
	}
	defer inbox.Close()
	w := wanting{Known: check.Number != 0, Blobs: check.Blobs, Lacking: []lackingBlob{}, Note: check.Note}
	bytes := int64(0)
	for _, d := range inbox.Missing(check.Lacking) {
		w.Lacking = append(w.Lacking, lackingBlob{d.Digest, d.Size, d.Spoken()})
		bytes += d.Size
	}
	if flags["--json"] != "" {
		return c.printJSON(w)
	}
	fmt.Fprintf(c.out, "%s\n%s of %d to be loaded, %d kB\n", visible(w.Note), count(len(w.Lacking), "blob"), w.Blobs, (bytes+1023)>>10)
	return ExitGood
}

// wanting is what import --check --json prints.
type wanting struct {
	Known   bool          `json:"known"`   // it is here already
	Blobs   int           `json:"blobs"`   // that it has
	Lacking []lackingBlob `json:"lacking"` // those to be loaded, in the order of the manifest
	Note    string        `json:"note"`    // who has signed it
}

type lackingBlob struct {
	Digest switcher.Digest `json:"digest"`
	Size   int64           `json:"size"`
	What   string          `json:"what"` // for people, e.g. package libc6 2.36-9
}

// offer opens the source that word leads to and asks PID 1 whether its generation may come. The source is to be closed where the code is 0.
func (c *client) offer(ctx context.Context, word string, flags map[string]string) (source oci.Source, req Request, check switcher.ImportCheck, code int) {
	trusts, code := c.trusts()
	if code != 0 {
		return nil, req, check, code
	}
	secure, err := https.OnDevice(flags["--ca"])
	if err != nil {
		return nil, req, check, c.fail(fmt.Errorf("--ca: %w", err))
	}
	source, err = oci.Open(ctx, word, sourceOptions(secure, trusts || flags["--insecure"] != ""))
	if err != nil {
		return nil, req, check, c.fail(err)
	}
	if req, check, code = c.mayCome(ctx, source, Request{Downgrade: flags["--downgrade"] != ""}); code != 0 {
		source.Close()
	}
	return source, req, check, code
}

// sourceOptions are how a machine reaches what it imports.
func sourceOptions(secure http1.Secure, allowHTTP bool) oci.Options {
	return oci.Options{Stdin: os.Stdin, Secure: secure, AllowHTTP: allowHTTP, UserAgent: "bantam/" + Version}
}

// mayCome asks PID 1 whether the generation of a source may come, as a person wants it.
func (c *client) mayCome(ctx context.Context, source oci.Source, wish Request) (req Request, check switcher.ImportCheck, code int) {
	req, err := wish, error(nil)
	req.Verb = "import check"
	if req.Manifest, err = source.Manifest(ctx); err == nil {
		req.Signed, err = source.Signatures(ctx)
	}
	if err != nil {
		return req, check, c.fail(err)
	}
	if last, ok := c.ask(req, &check); !ok {
		code = max(last.Exit, ExitError)
	}
	return req, check, code
}

// bring loads what the machine lacks of the generation that word leads to, and has PID 1 take it over.
func (c *client) bring(word string, flags map[string]string) (got brought, code int) {
	ctx := context.Background()
	source, req, check, code := c.offer(ctx, word, flags)
	if code != 0 {
		return got, code
	}
	defer source.Close()
	if !c.scripted {
		fmt.Fprintln(c.out, visible(check.Note))
	}
	return c.takeOver(ctx, source, req, check)
}

// takeOver loads what the machine lacks of a generation that may come, and has PID 1 take it over.
func (c *client) takeOver(ctx context.Context, source oci.Source, req Request, check switcher.ImportCheck) (got brought, code int) {
	inbox, err := switcher.OpenInbox(c.state)
	if err == nil {
		defer inbox.Close()
		err = inbox.Keep(check.Lacking)
	}
	if err != nil {
		return got, c.fail(err)
	}
	got.Blobs = check.Blobs
	req.Verb = "import"
	const rounds = 3 // what is damaged here, or was collected meanwhile, is known only then
	lacking := check.Lacking
	for range rounds {
		if err := c.load(ctx, source, inbox, lacking, &got); err != nil {
			return got, c.fail(err)
		}
		var end switcher.Imported
		if last, ok := c.ask(req, &end); !ok {
			return got, max(last.Exit, ExitError)
		}
		if lacking = end.Lacking; len(lacking) == 0 {
			got.Number, got.Known, got.Kernel = end.Number, end.Known, end.Kernel
			return got, ExitGood
		}
	}
	return got, c.fail(fmt.Errorf("%s is lacking again and again; is the disk damaged? See dmesg", lacking[0].Spoken()))
}

// trusts says whether the running system takes only what somebody has signed.
func (c *client) trusts() (keys bool, code int) {
	running, _, code := c.running()
	return code == ExitGood && len(running.Trust.Keys) > 0, code
}

// running is the running system.toml, and what it says; of one that this program does not understand, nothing.
func (c *client) running() (says *system.System, text []byte, code int) {
	if last, ok := c.ask(Request{Verb: "text"}, &text); !ok {
		return nil, nil, max(last.Exit, ExitError)
	}
	says, problems := system.Parse("system.toml", text)
	if len(problems) > 0 {
		says = &system.System{}
	}
	return says, text, ExitGood
}

// load loads blobs into the inbox.
func (c *client) load(ctx context.Context, source oci.Source, inbox *switcher.Inbox, blobs []switcher.Descriptor, got *brought) error {
	progress := newProgress(c.errOut)
	defer progress.clear()
	total, before := int64(0), int64(0)
	for _, d := range blobs {
		total += d.Size
	}
	for _, d := range blobs {
		first := true
		open := func(from int64) (io.ReadCloser, error) {
			if first {
				got.Loaded++
			}
			first = false
			r, err := beginAt(ctx, source, d, from)
			return &countedBlob{r, &got.Bytes}, err
		}
		err := inbox.Load(d, open, func(done int64) { progress.show("%d of %d kB: %s", (before+done)>>10, total>>10, d.Spoken()) })
		if err != nil {
			return fmt.Errorf("%s: %w", d.Spoken(), err)
		}
		before += d.Size
	}
	return nil
}

// beginAt opens a blob at a byte, also where the source can only begin at its start.
func beginAt(ctx context.Context, source oci.Source, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	r, err := source.Blob(ctx, d, from)
	if !errors.Is(err, oci.ErrNoOffset) {
		return r, err
	}
	if r, err = source.Blob(ctx, d, 0); err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, from); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// countedBlob counts what comes.
type countedBlob struct {
	io.ReadCloser
	bytes *int64
}

func (b *countedBlob) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	*b.bytes += int64(n)
	return n, err
}

// importFirst imports what the operand of a switch leads to, if it is a source, and makes it a number.
func (c *client) importFirst(args []string, flags map[string]string) ([]string, int) {
	if len(args) != 1 || !isSource(args[0]) {
		for _, option := range strings.Fields("--ca " + importOptions) {
			if flags[option] != "" {
				return nil, c.misuse("%s: nothing is imported here; it wants an archive, or the REF of a registry", option)
			}
		}
		return args, 0
	}
	got, code := c.bring(args[0], flags)
	if code != 0 {
		return nil, code
	}
	if !c.scripted {
		fmt.Fprintf(c.out, "generation %d came from %s\n", got.Number, visible(args[0]))
	}
	return []string{strconv.Itoa(got.Number)}, 0
}

// isSource says whether a word that may name a system.toml, too, leads to a generation. A file that is there is a system.toml,
// unless it is an archive.
func isSource(word string) bool {
	if isNumber(word) || !oci.IsSource(word) {
		return false
	}
	if strings.HasSuffix(word, ".tar") {
		return true
	}
	_, err := os.Stat(word)
	return err != nil && !strings.HasSuffix(word, ".toml")
}
