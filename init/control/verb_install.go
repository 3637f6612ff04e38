//go:build amd64

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"bantam/gpt"
	"bantam/init/flashing"
	"bantam/init/installing"
	"bantam/init/kmod"
	"bantam/init/statevolume"

	"golang.org/x/sys/unix"
)

const installHelp = `Installs this machine, which runs from an ISO, to a disk of its own: boot loader, kernel, packages
and all that it keeps. From then on it starts from that disk, with two boot slots and a state
volume.

  DISK      e.g. /dev/vda; "lsblk" lists those that are there
  --test    change nothing: print what would be done, or why it is refused (exit code 1)
  --yes     do not ask
  --json    plan and outcome as lines of JSON; with --yes or --test

What runs goes along: the running generation and those before it, the draft, secrets, the host key,
leases, what services and users keep, your own files below /state. What is on the disk is lost. It
is refused where the running generation is not the one that the next boot would run: "bantam
switch" keeps it first.

It says what it would do, asks, writes, reads all of it back and compares. The disk's beginning is
cleared first and written last: after a Ctrl-C, a lost terminal or a power cut nothing starts from
the disk, and the same command begins anew. Then remove the medium and "bantam reboot".

Refused, before anything changes: what this machine was started from, a partition, what is mounted
or otherwise in use, read-only or too small, and a machine whose medium is gone, as one that the
network has started: "bantam flash" on a workstation writes pc.img then.`

// installs is the verb that installs the machine to a disk, where a medium that it needs is made for the architecture.
var installs = []verb{{"install", "[--test] [--yes] [--json] DISK", "install this machine, which runs from an ISO, to a disk", installHelp, runInstall}}

const (
	installMount = "/run/bantam/install"      // where the new state volume is while it is filled
	installLock  = "/run/bantam/install.lock" // held while an installation is under way
	mediumWait   = 5 * time.Second            // for the medium, which has been there
)

// installed is the outcome as --json prints it.
type installed struct {
	Installed string `json:"installed"` // e.g. /dev/vda
	Written   int64  `json:"written"`   // bytes, beside the state volume
	Volume    int64  `json:"volume"`    // of the state volume
}

func runInstall(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--test --yes --json")
	if code != 0 {
		return code
	}
	c.scripted = flags["--json"] != ""
	switch {
	case len(rest) > 1:
		return c.misuse("%q is too much", rest[1])
	case len(rest) == 0:
		return c.misuse("install to which disk? `lsblk` lists them")
	}
	ctx, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		giveUp()
	}()
	err := c.install(ctx, rest[0], flags["--test"] != "", flags["--yes"] != "")
	var t told
	if errors.As(err, &t) {
		return t.exit
	} else if err != nil {
		return c.fail(err)
	}
	return ExitGood
}

// volumeOptions are those by which the medium is found, and a volume made.
func volumeOptions() statevolume.Options {
	cmdline, _ := os.ReadFile("/proc/cmdline")
	o := statevolume.Options{Cmdline: string(cmdline), Dir: installMount, ImagePath: "/bantam/state.template", OriginPath: gpt.OriginPath, Wait: mediumWait}
	if index, err := kmod.Open(); err == nil { // else the kernel has built in what there is
		loader := kmod.NewLoader(index, kmod.DefaultOptions())
		o.LoadModule = func(name string) error { return loader.Modprobe(name, "") }
	}
	return o
}

func (c *client) install(ctx context.Context, word string, test, yes bool) error {
	status, _, code := c.status(nil)
	if code != 0 {
		return told{code}
	}
	if err := mayInstall(status); err != nil {
		return err
	}
	disk, err := installing.LookAt(word)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no disk %s; `lsblk` lists those that are there", word)
	} else if err != nil {
		return err
	}
	options := volumeOptions()
	medium, err := installing.Find(ctx, options)
	if err != nil {
		return &flashing.Refusal{Why: err.Error(), Help: "`bantam flash pc.img` on a workstation writes a disk for this machine", Err: err}
	}
	defer medium.Close()
	keeps, err := installing.Keeps(c.state)
	if err != nil {
		return err
	}
	if err := medium.Refuse(disk, keeps); err != nil {
		return err
	}
	if probe, err := installing.Open(disk.Path); errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%s is in use", disk.Path)
	} else if err != nil {
		return err
	} else {
		probe.Close()
	}
	unlock, err := lockInstall()
	if err != nil {
		return err
	}
	defer unlock()
	line := newProgress(c.errOut)
	defer line.clear()
	err = medium.Firmware.Verify(ctx, func(done, total int64) { line.show("%d of %d kB compared", done>>10, total>>10) })
	if line.clear(); err != nil {
		return fmt.Errorf("%s: %w", medium.Device, err)
	}
	in, plan, err := installing.Plan(disk, medium, keeps, status.Generation)
	if err != nil {
		return err
	}
	c.tellPlan(plan)
	if test {
		return nil
	}
	if !yes && !c.sure("--yes installs it", "Everything on "+disk.String()+" will be lost.") {
		return told{ExitError}
	}
	began := time.Now()
	in.Open = func() (installing.Disk, error) { return installing.Open(disk.Path) }
	in.Progress = func(stage string, done, total int64) { line.show("%s: %d of %d kB", stage, done>>10, total>>10) }
	in.Furnish = func(ctx context.Context) error {
		return statevolume.Furnish(options, disk.Path, in.Layout.Volume, func(dir string) error { return installing.Copy(ctx, c.state, dir) })
	}
	err = in.Write(ctx)
	line.clear()
	if err != nil && in.Begun {
		fmt.Fprintf(c.errOut, "%s is not complete, and nothing starts from it. The same command begins anew.\n", disk.Path)
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("given up")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", disk.Path, err)
	}
	if c.scripted {
		text, err := json.Marshal(installed{disk.Path, in.Layout.Size(), in.Layout.Volume.VolumeSize()})
		fmt.Fprintf(c.out, "%s\n", text)
		return err
	}
	fmt.Fprintf(c.out, "%s holds this machine, all of the image read back and compared: %d MB written in %v.\nWhat is changed here from now on does not come along. Remove the medium (%s), then `bantam reboot`.\n",
		disk.String(), in.Layout.Size()/1e6, time.Since(began).Round(time.Second/10), medium.Device)
	return nil
}

// mayInstall says why a machine in that state is not installed.
func mayInstall(s Status) error {
	refuse := func(help, why string, args ...any) error {
		return &flashing.Refusal{Why: fmt.Sprintf(why, args...), Help: help}
	}
	switch {
	case s.Lasting:
		return refuse("its ISO can be installed, and `bantam flash` on a workstation writes other disks", "this machine runs from its own disk, and keeps %s", s.Storage)
	case s.Busy != "":
		return refuse("wait, or `bantam switch --abort`", "%s", s.Busy)
	case s.Tries != 0 || s.Default != s.Generation || s.Generation == 0:
		return refuse("`bantam switch` keeps what runs, `bantam rollback` goes back; `bantam status` tells more",
			"generation %d runs, and the next boot would run %d", s.Generation, max(s.Tries, s.Default))
	}
	return nil
}

// lockInstall is held by one installation at a time. What one that was killed has left mounted is unmounted.
func lockInstall() (unlock func(), err error) {
	f, err := os.OpenFile(installLock, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, errors.New("another installation is under way")
	}
	_ = unix.Unmount(installMount, unix.MNT_DETACH)
	return func() { f.Close() }, nil
}
