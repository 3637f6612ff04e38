package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"bantam/board"
	"bantam/deploy"
	"bantam/flash"
)

// wakes is how long a machine may take from sysupgrade's start to Bantam's first answer.
const wakes = 10 * time.Minute

// bySSH installs an image on a machine that runs OpenWrt, by its own sysupgrade.
func (f *flashing) bySSH() error {
	if err := needTools(tool{"ssh", "openssh-client"}); err != nil {
		return err
	}
	if err := f.survey(); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	fmt.Fprintf(f.stdout, "%s: %v, %s\n", f.path, f.image.Kind, flash.Size(f.image.Size))
	image, remove, err := f.plain()
	if err != nil {
		return err
	}
	defer remove()
	devices, err := f.devices(image)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	o, err := deploy.MeetOpenWrt(f.ctx, f.client(f.stderr), f.ssh)
	switch {
	case errors.Is(err, deploy.ErrBantam):
		return fmt.Errorf("%w: `bantam deploy %s SYSTEM.toml` gives it another system", err, f.ssh)
	case errors.Is(err, deploy.ErrNotOpenWrt):
		return fmt.Errorf("%w: an image for its medium goes there by `bantam flash IMAGE` or --serial", err)
	case err != nil:
		return err
	}
	defer o.Close()
	fmt.Fprintf(f.stdout, "%s: %s (%s), %s\n", f.ssh, o.Model, o.Board, o.Release)
	if err := o.RefuseSize(f.image.Size); err != nil {
		return fmt.Errorf("%s: %w; nothing was changed", f.ssh, err)
	}
	if err := o.Refuse(devices); err != nil && !f.force {
		return fmt.Errorf("%s: %w; nothing was changed; --force if you know better", f.ssh, err)
	}
	return f.install(o, image)
}

// devices are the names that OpenWrt has for what an image is for: by its own metadata, else by the board's file.
func (f *flashing) devices(image *os.File) ([]string, error) {
	if list, err := flash.Devices(io.NewSectionReader(image, 0, f.image.Size)); err != nil || list != nil {
		return list, err
	}
	name := f.farFlags.board
	if name == "" {
		name = f.image.Kind.Machine.Board
	}
	if name == "" {
		return nil, nil
	}
	b, err := board.Load(name)
	if err != nil {
		return nil, err
	}
	return b.Rescue.OpenWrt, nil
}

// install sends an image, has it looked at, asks, has it written, and waits for what comes then.
func (f *flashing) install(o *deploy.OpenWrt, image *os.File) error {
	show, end := f.progress()
	sent := &counting{Reader: io.NewSectionReader(image, 0, f.image.Size), tell: func(n int64) { show("sending", n, f.image.Size) }}
	err := o.Upload(f.ctx, sent)
	end()
	if err != nil {
		return fmt.Errorf("%s: %w; nothing was changed", f.ssh, err)
	}
	if err := o.Test(f.ctx); err != nil {
		if !f.force || errors.Is(err, deploy.ErrLost) {
			o.Forget()
			return fmt.Errorf("%s: its sysupgrade does not take the image: %w; nothing was changed", f.ssh, err)
		}
		fmt.Fprintf(f.stdout, "its sysupgrade does not take the image: %v; it is forced to\n", err)
	}
	if err := f.agreed(fmt.Sprintf("Everything on the flash of %s goes, its settings too; there is no way back but the board's own recovery. Write?", f.ssh)); err != nil {
		o.Forget()
		return fmt.Errorf("%s: %w", f.ssh, err)
	}
	if err := o.Upgrade(f.ctx, f.force); err != nil {
		if f.ctx.Err() == nil {
			o.Forget()
		}
		return fmt.Errorf("%s: its sysupgrade has not begun: %w", f.ssh, err)
	}
	fmt.Fprintln(f.stdout, "its sysupgrade writes the image: leave it switched on; waiting for Bantam")
	host := f.ssh
	if f.then != "" {
		host = f.then
	}
	came, err := f.client(f.stderr).Await(f.ctx, host, wakes)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("Bantam %s runs there, generation %d, %s", came.Status.Version, came.Status.Generation, came.Status.State)
	if !came.In {
		what = "a machine answers there that takes no key of yours: [user.root] authorized_keys of its system.toml names those it takes"
	}
	fmt.Fprintf(f.stdout, "%s\nIts SSH host key is new: %s, as `bantam status` on its console shows it. Then forget the old one:\n  ssh-keygen -R %s\n", what, came.Key, hostOf(host))
	return nil
}

// hostOf is the name in what ssh takes.
func hostOf(target string) string {
	target = strings.TrimPrefix(target, "ssh://")
	target = target[strings.LastIndex(target, "@")+1:]
	if host, port, ok := strings.Cut(target, ":"); ok && !strings.Contains(port, ":") {
		return "[" + host + "]:" + port
	}
	return target
}

// counting tells how many bytes were read.
type counting struct {
	io.Reader
	n    int64
	tell func(n int64)
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}
