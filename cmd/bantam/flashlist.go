package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"bantam/flash"
	"bantam/flash/hostdisk"
	"bantam/printable"
)

// listedDisk is a disk as --json prints it.
type listedDisk struct {
	flash.Device
	Partitions []flash.Device `json:"partitions,omitempty"`
	Uses       []string       `json:"uses,omitempty"`    // e.g. "sdb1 is mounted at /media/me/BOOT"
	Refused    string         `json:"refused,omitempty"` // why an image is not written to it
}

func (f *flashing) listed(host flash.Host) (list []listedDisk) {
	for _, d := range host.Candidates(f.fixed) {
		whole := []flash.Device{d}
		hostdisk.Look(whole)
		l := listedDisk{Device: whole[0], Partitions: host.Partitions(d.Name)}
		hostdisk.Look(l.Partitions)
		for _, u := range host.Uses(d.Name) {
			l.Uses = append(l.Uses, u.String())
		}
		var mounted *flash.Mounted
		if err := host.Refuse(d.Name, flash.Wish{Image: f.image, Fixed: f.fixed, Force: f.force}); err != nil && !errors.As(err, &mounted) {
			l.Refused = err.Error()
		}
		list = append(list, l)
	}
	return list
}

// list prints the disks that an image may be meant for.
func (f *flashing) list(host flash.Host, asJSON bool) error {
	list := f.listed(host)
	if asJSON {
		e := json.NewEncoder(f.stdout)
		e.SetIndent("", "\t")
		return e.Encode(list)
	}
	if len(list) == 0 {
		return errors.New(f.none())
	}
	return f.print(list)
}

func (f *flashing) none() string {
	if f.fixed {
		return "this host has no disks"
	}
	return "no card, stick or disk that can be pulled out is there; --fixed lists those that stay in the machine, too"
}

func (f *flashing) print(list []listedDisk) error {
	t := tabwriter.NewWriter(f.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "DEVICE\tSIZE\tBUS\tMODEL\tWHAT IS ON IT")
	for _, d := range list {
		size := "empty"
		if d.Size > 0 {
			size = flash.Size(d.Size)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", d.Path, size, cmp.Or(d.Bus, "-"), printable.Line(cmp.Or(d.Model, "-")), printable.Line(cmp.Or(d.Content, "-")))
		for _, p := range d.Partitions {
			fmt.Fprintf(t, "  %s\t%s\t\t\t%s\n", p.Name, flash.Size(p.Size), printable.Line(cmp.Or(p.Content, "-")))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, d := range list {
		for _, use := range d.Uses {
			fmt.Fprintln(f.stdout, printable.Line(use))
		}
		if d.Refused != "" {
			fmt.Fprintln(f.stdout, printable.Line(d.Refused))
		}
	}
	return nil
}

// choose lists the disks and asks for one.
func (f *flashing) choose(host flash.Host) error {
	list := f.listed(host)
	if len(list) == 0 {
		return errors.New(f.none())
	}
	if err := f.print(list); err != nil {
		return err
	}
	var free []string
	for _, d := range list {
		if d.Refused == "" {
			free = append(free, d.Path)
		}
	}
	if len(free) == 0 {
		return errors.New("none of them can take the image")
	}
	if !f.asks() {
		return errors.New("there is no terminal to ask on which; name the DEVICE")
	}
	answer, err := f.ask(fmt.Sprintf("Write to which (%s)? ", strings.Join(free, ", ")))
	if err == nil && answer == "" {
		err = errors.New("nothing was written")
	}
	f.device = answer
	return err
}

// describe names a disk such that one knows it, e.g. /dev/sdb (SanDisk Ultra, 31.9 GB).
func describe(d flash.Device) string {
	model := ""
	if d.Model != "" {
		model = printable.Line(d.Model) + ", "
	}
	return fmt.Sprintf("%s (%s%s)", d.Path, model, flash.Size(d.Size))
}
