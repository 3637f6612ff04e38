package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bantam/board"
	"bantam/deploy"
	"bantam/images"
	"bantam/images/signing"
	"bantam/oci"
	"bantam/printable"
	"bantam/switcher"
	"bantam/system"
)

var deployVerb = verb{
	name:    "deploy",
	args:    "HOST SYSTEM.toml",
	summary: "build for a machine, send it what it lacks over SSH, switch it, and have it prove itself",
	text: `HOST is what ssh takes: a name, USER@NAME, ssh://USER@NAME:PORT, or a Host of ~/.ssh/config. The user must be root.
The generation is built for the board that the machine is, and only what it lacks is sent. The plan is shown and asked about;
then the machine switches, and once it has proven itself this host logs in anew and confirms. If that fails, the machine goes
back by itself. Another kernel or Bantam is started by a reboot. Ctrl-C has the machine go back.

Exit status: 0 proven, or nothing to do; 1 refused, nothing was changed there; 4 it failed and is not back, or is out of
reach; 10 it went back.`,
	declare: func(c *call) func(args []string) error {
		var d deployment
		d.declare(c.flags)
		return func(args []string) error { return d.run(c, args) }
	},
}

// deployment is one call of deploy.
type deployment struct {
	composeFlags
	sshFlags
	key, from, then       string
	confirm               time.Duration
	dryRun, yes, takesOld bool

	file   string // SYSTEM.toml
	signer *signing.PrivateKey
}

func (d *deployment) declare(flags *flag.FlagSet) {
	d.composeFlags.declare(flags)
	b := flags.Lookup("board")
	b.DefValue, b.Usage = "", "`NAME` of the board that the machine must be, or the FILE.toml of one of your own (default: what the machine says)"
	d.composeFlags.board = ""
	flags.Lookup("store").Usage = "`DIR` of the OCI layout that keeps the generation (default: out/store)"
	d.sshFlags.declare(flags)
	flags.StringVar(&d.key, "key", "", "sign the generation with the private key `FILE`, as bantam sign does")
	flags.StringVar(&d.from, "from", "", "deploy what this `SOURCE` holds instead of building: FILE.tar, oci:DIR:NAME or a registry's generation")
	flags.StringVar(&d.then, "then", "", "where the machine is to be reached afterwards, if its address or port changes: another `HOST`")
	flags.DurationVar(&d.confirm, "confirm", time.Minute, "for so long this host may take to log in anew; then the machine goes back: a `TIME` such as 90s")
	flags.BoolVar(&d.dryRun, "dry-run", false, "only send what is lacking and show the plan")
	flags.BoolVar(&d.yes, "yes", false, "do not ask")
	flags.BoolVar(&d.takesOld, "downgrade", false, "have the machine take a lower version than it had, as bantam import --downgrade there")
}

// sshFlags are how ssh is called.
type sshFlags struct {
	port     int
	identity string
	options  words
}

func (f *sshFlags) declare(flags *flag.FlagSet) {
	flags.IntVar(&f.port, "port", 0, "`PORT` of the machine's SSH server (default: what ssh is configured for)")
	flags.StringVar(&f.identity, "identity", "", "private key `FILE` to log in with")
	flags.Var(&f.options, "o", "`OPTION` for ssh, as in ssh_config, e.g. -o HostKeyAlias=gate; may be given again")
}

// words is a flag that may be given several times.
type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

func (w *words) Set(word string) error {
	*w = append(*w, word)
	return nil
}

// client is ssh, called so.
func (f *sshFlags) client(stderr io.Writer) deploy.Client {
	var options []string
	if f.port != 0 {
		options = append(options, "-p", strconv.Itoa(f.port))
	}
	if f.identity != "" {
		options = append(options, "-i", f.identity)
	}
	for _, o := range f.options {
		options = append(options, "-o", o)
	}
	return deploy.Client{Options: options, Stderr: stderr}
}

func (d *deployment) run(c *call, args []string) (err error) {
	if len(args) == 0 {
		return usagef("deploy to which HOST?")
	}
	host := args[0]
	switch {
	case strings.HasPrefix(host, "-") || host == "":
		return usagef("HOST %q: want what ssh takes, e.g. root@gate", host)
	case d.confirm < time.Second || d.confirm > 24*time.Hour:
		return usagef("--confirm %v: want a time from 1s to 24h", d.confirm)
	case d.port < 0 || d.port > 65535:
		return usagef("--port %d: want a port, 1 to 65535", d.port)
	case d.from != "" && (len(args) > 1 || d.key != ""):
		return usagef("--from is built, and signed, already: it goes without SYSTEM.toml and --key")
	}
	if err := needTools(tool{"ssh", "openssh-client"}); err != nil {
		return err
	}
	if d.store == "" {
		d.store = filepath.Join("out", "store")
	}
	var sys *system.System
	if d.from == "" {
		if sys, err = d.read(c, args[1:]); err != nil {
			return said(c, err)
		}
	}
	if d.key != "" {
		key, err := c.readKey(d.key)
		if err != nil {
			return err
		}
		d.signer = &key
	}
	m, err := deploy.Meet(c.ctx, d.client(c.stderr), host)
	if err != nil {
		return err
	}
	defer m.Close()
	fmt.Fprintf(c.stdout, "%s: board %s, Bantam %s, Linux %s, generation %d, %s\n", m.Name(), m.Board, m.Version, m.Kernel, m.Generation, m.State)
	err = d.deploy(c, m, sys)
	if c.ctx.Err() != nil && err != nil && !errors.As(err, new(exitStatus)) {
		fmt.Fprintf(c.stderr, "bantam deploy: nothing was changed on %s; what has arrived there is kept\n", m.Name())
	}
	return err
}

// read reads SYSTEM.toml; its faults are told before anybody logs in anywhere.
func (d *deployment) read(c *call, args []string) (sys *system.System, err error) {
	if d.file, err = d.systemFile(args); err != nil {
		return nil, err
	}
	if d.file == "-" {
		return nil, usagef("SYSTEM.toml must be a file")
	}
	text, err := readInput(c, d.file)
	if err != nil {
		return nil, err
	}
	sys, problems := system.Parse(d.file, text)
	if len(problems) > 0 {
		return nil, &images.BadSystem{Problems: problems}
	}
	return sys, nil
}

func (d *deployment) deploy(c *call, m *deploy.Machine, sys *system.System) error {
	wanted := deploy.Wanted{System: sys, Then: d.then}
	name := m.Board
	if d.composeFlags.board != "" {
		name = d.composeFlags.board
	}
	b, err := loadBoard(name)
	if err != nil && d.from == "" {
		return err
	}
	if err == nil {
		wanted.Board = b.Name
	}
	if d.signer != nil {
		public := d.signer.Public()
		wanted.Key = &public
	}
	if err := m.Refuse(wanted); err != nil {
		return err
	}
	src, err := d.source(c, b)
	if err != nil {
		return said(c, err)
	}
	defer src.Close()
	pushed, err := c.send(m, src, d.takesOld)
	if err != nil {
		return err
	}
	if sys == nil {
		if sys, err = systemOf(c.ctx, src); err != nil {
			return err
		}
	}
	if on, err := d.approved(c, m, pushed); !on || err != nil {
		return err
	}
	return d.try(c, m, &deploy.Trial{Machine: m, Pushed: pushed, Then: d.then, Confirm: d.confirm, Proof: time.Duration(sys.Proof.Timeout)})
}

// source is the generation that is to be sent, built if need be.
func (d *deployment) source(c *call, b board.Board) (oci.Source, error) {
	if d.from != "" {
		o, err := (&registryFlags{}).options(c)
		if err != nil {
			return nil, err
		}
		o.Stdin = nil // which is for the question
		return oci.Open(c.ctx, d.from, o)
	}
	composed, g, err := d.compose(c, b, d.file)
	if err != nil {
		return nil, err
	}
	g.done()
	d.tellNotes(c, composed, g)
	if d.signer != nil {
		if err := c.signBuilt(d.store, composed.Digest, *d.signer); err != nil {
			return nil, err
		}
	}
	return oci.OpenFolder(d.store, string(composed.Digest)), nil
}

// systemOf reads the system.toml of what is built already; one of another version of Bantam has the usual times.
func systemOf(ctx context.Context, src oci.Source) (*system.System, error) {
	raw, err := src.Manifest(ctx)
	if err != nil {
		return nil, err
	}
	g, err := switcher.ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	r, err := src.Blob(ctx, g.System, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := system.Read("system.toml", r)
	if err != nil {
		return nil, err
	}
	sys, problems := system.Parse("system.toml", text)
	if len(problems) > 0 {
		sys, _ = system.Parse("system.toml", nil)
	}
	return sys, nil
}

// send sends what the machine lacks.
func (c *call) send(m *deploy.Machine, src oci.Source, takesOld bool) (deploy.Pushed, error) {
	progress, clear := images.TerminalProgress(c.stderr)
	progress.Step("%s: asking what is there", m.Name())
	p, err := m.Push(c.ctx, src, takesOld, tellSent(progress, m.Name()))
	clear()
	if errors.Is(err, deploy.ErrLost) {
		err = fmt.Errorf("%w; nothing was changed there, and what has arrived is kept: the same command goes on", err)
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", m.Name(), err)
	}
	fmt.Fprintf(c.stdout, "generation %d is there: %d of %d blobs sent, %s bytes\n", p.Number, p.Sent, p.Blobs, images.Commas(p.Bytes))
	return p, nil
}

// approved shows the plan and asks whether to go on.
func (d *deployment) approved(c *call, m *deploy.Machine, p deploy.Pushed) (bool, error) {
	plan, err := m.Plan(c.ctx, p)
	if err != nil {
		return false, fmt.Errorf("%s: %w", m.Name(), err)
	}
	if m.Runs(p, plan) {
		fmt.Fprintf(c.stdout, "%s runs it already: nothing to do\n", m.Name())
		return false, nil
	}
	question := fmt.Sprintf("Switch %s to generation %d?", m.Name(), p.Number)
	if p.Kernel != "" {
		fmt.Fprintln(c.stdout, "It has another kernel or initrd, and so it takes a reboot.")
		question = fmt.Sprintf("Reboot %s into generation %d?", m.Name(), p.Number)
	}
	fmt.Fprintf(c.stdout, "A switch would:\n%s", printable.Lines(plan.String()))
	for _, why := range plan.Problems {
		fmt.Fprintf(c.stderr, "it would be refused: %s\n", printable.Lines(why))
	}
	switch {
	case len(plan.Problems) > 0:
		return false, fmt.Errorf("%s would refuse generation %d; nothing was changed", m.Name(), p.Number)
	case d.dryRun || d.yes:
		return !d.dryRun, nil
	}
	if !c.asks() {
		return false, fmt.Errorf("there is no terminal to ask on (%s); --yes switches without a question", question)
	}
	answer, err := c.ask(question + " [y/N] ")
	if err == nil && answer != "y" {
		err = errors.New("nothing was changed there")
	}
	return err == nil, err
}

// try switches, and says how it ended.
func (d *deployment) try(c *call, m *deploy.Machine, t *deploy.Trial) error {
	t.Say = func(line string) { fmt.Fprintln(c.stdout, line) }
	o := t.Run(c.ctx)
	took := o.Took.Round(time.Second)
	switch o.Exit {
	case switcher.ExitGood:
		fmt.Fprintf(c.stdout, "%s runs generation %d: proven, and reached anew, after %v\n", m.Name(), t.Pushed.Number, took)
		return nil
	case switcher.ExitReverted:
		fmt.Fprintf(c.stderr, "bantam deploy: %s went back to generation %d after %v: %s\n", m.Name(), m.Generation, took, o.Reason)
	case switcher.ExitRefused:
		fmt.Fprintf(c.stderr, "bantam deploy: %s refused generation %d, nothing was changed: %s\n", m.Name(), t.Pushed.Number, o.Reason)
	default:
		fmt.Fprintf(c.stderr, "bantam deploy: %s: generation %d: %s\n", m.Name(), t.Pushed.Number, o.Reason)
	}
	return exitStatus(o.Exit)
}
