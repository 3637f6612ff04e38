package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"bantam/http1/https"
	"bantam/init/flashing"
)

const flashHelp = `Brings a firmware to this machine and starts it, with the way back: on a machine with boot slots it
is "bantam import" and "bantam switch --reboot" in one, of which nothing that runs is touched.

  FIRMWARE   a disk image of "bantam build" for this board (pc.img), also compressed by xz, zstd
             or gzip, or a generation's archive (pc.oci.tar)
  URL        of such a file: https://host/pc.img.xz. http:// with --insecure
  REF        a generation in a registry: registry.example.org/machines/pc:v3
  -          standard input

All of it is read and compared before anything changes: format, checksums, board, version, room. Of
a disk image the generation is taken: kernel, initrd, packages, system.toml. The boot loader and the
partition table stay, and so does all that this machine keeps: generations, draft, secrets, host
key, leases. Then it says what it would do, asks, and reboots. A generation that does not prove
itself is left for the one before, by itself; "bantam status" and the greeting tell.

A router takes firmware for its flash chip, too: sysupgrade.bin. Where there is no way back from
that, the plan says so first. That of another system, as OpenWrt, takes --leave-bantam.

  --test       change nothing: print what would be done, or why it is refused (exit code 1)
  --yes        do not ask
  --force      take it although its list of boards or its version speaks against it; what is damaged
               or cannot run here is never taken
  --downgrade  take an older version
  --keep-settings  run it with this machine's system.toml in place of its own; kernel and packages
               are the new ones, and it is refused if they lack something
  --wipe       throw away what this machine keeps, but its generations, when the new kernel starts
  --keep PATH  of that, not this file or folder: below /state, or one that a service or user keeps
  --leave-bantam
               of a router: take another system's firmware, which keeps nothing of this machine's
               settings
  --back       of a router with NAND: start the firmware before the last one again
  --ca FILE    of authorities, certificates in PEM, whose servers are believed
  --insecure   believe whoever answers to http://
  --json       plan and events as lines of JSON; with --yes or --test

Ctrl-C ends it until the switch has begun; from then on it goes on without this terminal, and
"bantam switch --abort" ends it. What is not on this machine, as a disk of another one, is written
by "bantam flash" on a workstation.`

func runFlash(c *client, args []string) int {
	keep, args, code := c.repeated(args, "--keep")
	if code != 0 {
		return code
	}
	flags, rest, code := c.options(args, "--ca", importOptions+" --json --test --yes --force --wipe --keep-settings --leave-bantam --back")
	if code != 0 {
		return code
	}
	o := flashing.Order{Force: flags["--force"] != "", Downgrade: flags["--downgrade"] != "", Settings: flags["--keep-settings"] != "", Wipe: flags["--wipe"] != "", Keep: keep,
		Leave: flags["--leave-bantam"] != ""}
	switch c.scripted = flags["--json"] != ""; {
	case flags["--back"] != "" && len(rest) == 0:
		return c.flashBack(flags["--yes"] != "")
	case flags["--back"] != "":
		return c.misuse("--back takes no firmware")
	case len(rest) != 1:
		return c.misuse("flash which firmware?")
	case len(keep) > 0 && !o.Wipe:
		return c.misuse("--keep belongs to --wipe: without that all is kept")
	}
	if err := c.flash(rest[0], flags, o); errors.As(err, new(told)) {
		var t told
		errors.As(err, &t)
		return t.exit
	} else if err != nil {
		return c.fail(err)
	}
	return ExitGood
}

func (c *client) flash(word string, flags map[string]string, o flashing.Order) error {
	ctx := context.Background()
	status, _, code := c.status(nil)
	if code != 0 {
		return told{code}
	}
	running, text, code := c.running()
	if code != 0 {
		return told{code}
	}
	trusts := len(running.Trust.Keys) > 0
	secure, err := https.OnDevice(flags["--ca"])
	if err != nil {
		return fmt.Errorf("--ca: %w", err)
	}
	names, err := firmwareNames(status.Board)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		c.state = "/tmp" // what is fetched lies there: a router's state volume has a few megabytes
	}
	line := newProgress(c.errOut)
	defer line.clear()
	opener := firmwareOpener{ctx: ctx, options: sourceOptions(secure, trusts || flags["--insecure"] != ""), dir: c.state, memory: availableMemory() / 2, told: line.show}
	f, err := opener.open(word)
	if err != nil {
		line.clear()
		return fmt.Errorf("%s: %w", word, err)
	}
	defer f.close()
	m := flashing.Machine{Board: status.Board, Arch: runtime.GOARCH, Names: append(deviceNames(), names...), Release: running.Version, Trusts: trusts}
	notes, err := flashing.Vet(ctx, &f.firmware, m, o, examine, func(done, total int64) { line.show("%d of %d kB compared", done>>10, total>>10) })
	if line.clear(); err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	targets, err := c.flashTargets(status, text, f, o)
	if err != nil {
		return err
	}
	target, err := flashing.Choose(targets, f.firmware)
	if err != nil {
		return err
	}
	plan, err := target.Plan(ctx, f.firmware, o)
	if err != nil {
		return err
	}
	plan.Notes = append(notes, plan.Notes...)
	c.tellPlan(plan)
	if len(plan.Steps) == 0 || flags["--test"] != "" {
		return nil
	}
	if flags["--yes"] == "" && !c.sure("--yes flashes it", "This machine will reboot.") {
		return told{ExitError}
	}
	defer c.showWriting()()
	return target.Write(ctx, f.firmware, plan, func(p flashing.Progress) {
		if p.Note != "" {
			line.clear()
			fmt.Fprintln(c.out, visible(p.Note))
		}
		line.show("%s: %d of %d kB", plan.Steps[p.Step].What, p.Done>>10, p.Total>>10)
	})
}

// deviceNames are what the device tree calls this machine, e.g. gnubee,gb-pc1; a PC has none.
func deviceNames() []string {
	text, err := os.ReadFile("/proc/device-tree/compatible")
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == 0 })
}

func (c *client) tellPlan(p flashing.Plan) {
	if !c.scripted {
		fmt.Fprint(c.out, p)
		return
	}
	if text, err := json.Marshal(p); err == nil {
		fmt.Fprintf(c.out, "%s\n", text)
	}
}

// repeated takes an option out of args that may be given several times, and its values.
func (c *client) repeated(args []string, option string) (values, rest []string, code int) {
	for i := 0; i < len(args); i++ {
		name, value, given := strings.Cut(args[i], "=")
		switch {
		case args[i] == "--":
			return values, append(rest, args[i:]...), 0
		case name != option:
			rest = append(rest, args[i])
			continue
		case !given && i+1 == len(args):
			return nil, nil, c.misuse("%s wants a value", option)
		case !given:
			i++
			value = args[i]
		}
		values = append(values, value)
	}
	return values, rest, 0
}

// showWriting has the machine's LED say that its flash is being written, until the function that it returns is called or this process ends.
func (c *client) showWriting() (end func()) {
	conn, err := net.Dial("unix", c.socket)
	if err != nil {
		return func() {} // what fails without PID 1 says so
	}
	conn.SetDeadline(time.Now().Add(requestTime))
	_ = json.NewEncoder(conn).Encode(Request{Verb: "flash writing"})
	_, _ = bufio.NewReader(conn).ReadBytes('\n') // it does
	return func() { conn.Close() }
}
