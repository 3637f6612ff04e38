package control

import (
	"context"
	"fmt"
	"io"

	"bantam/init/flashing"
	"bantam/oci"
	"bantam/signature"
	"bantam/switcher"
)

// imageSource is the generation of a disk image, as an import takes it.
type imageSource struct{ image *flashing.Image }

func (s imageSource) Manifest(context.Context) ([]byte, error) {
	return s.image.Generation.Manifest(), nil
}
func (s imageSource) Signatures(context.Context) ([]signature.Signed, error) { return nil, nil }
func (s imageSource) Close() error                                           { return nil }

func (s imageSource) Blob(_ context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	place := s.image.Blob(d.Digest)
	if place == nil {
		return nil, fmt.Errorf("blob %s %w", d.Digest.Short(), oci.ErrAbsent)
	}
	return io.NopCloser(io.NewSectionReader(place, from, place.Size()-from)), nil
}

// slotsTarget brings a generation into the store and, where its kernel is another one, into the boot slot that does not run. Nothing of what
// runs lies there, so nothing has to be stopped before.
type slotsTarget struct {
	c       *client
	status  Status
	running switcher.Digest // of the system.toml that runs
	source  oci.Source      // of an archive; of a disk image it is made
	order   flashing.Order

	req   Request
	check switcher.ImportCheck
}

// told is an error that the person knows already.
type told struct{ exit int }

func (t told) Error() string { return fmt.Sprintf("exit code %d", t.exit) }

func (t *slotsTarget) Name() string { return "the store and the boot slots of this machine" }

func (t *slotsTarget) Takes(k flashing.Kind) bool {
	return k == flashing.DiskImage || k == flashing.Archive
}

// Plan asks PID 1, which knows what is there and what may come.
func (t *slotsTarget) Plan(ctx context.Context, f flashing.Firmware, o flashing.Order) (p flashing.Plan, err error) {
	st := t.status
	switch {
	case !st.Lasting:
		return p, &flashing.Refusal{Why: "what this machine keeps is " + st.Storage, Help: "so nothing would be left of it after the reboot: `bantam help switching`"}
	case st.Busy != "":
		return p, &flashing.Refusal{Why: st.Busy, Help: "`bantam switch --abort` ends that"}
	}
	if t.order = o; f.Image != nil {
		t.source = imageSource{f.Image}
	}
	var code int
	if t.req, t.check, code = t.c.mayCome(ctx, t.source, Request{Downgrade: o.Downgrade || o.Force, Wipe: o.Wipe, Names: o.Keep}); code != 0 {
		return p, told{code}
	}
	inbox, err := switcher.OpenInbox(t.c.state) // another flash or import is told of now
	if err != nil {
		return p, err
	}
	defer inbox.Close()
	g, err := switcher.ParseManifest(t.req.Manifest)
	if err != nil {
		return p, err
	}
	p = flashing.Plan{Firmware: f.What, Target: t.Name(), Notes: []string{t.check.Note}}
	if f.Kind == flashing.Archive {
		p.Firmware = fmt.Sprintf("a generation for board %s (Linux %s)", g.Board, g.KernelVersion())
	}
	if t.check.Number != 0 && t.check.Number == st.Generation && st.Default == st.Generation && st.Tries == 0 && !o.Wipe && !o.Settings {
		p.Notes = append(p.Notes, fmt.Sprintf("generation %d is this one, and runs: there is nothing to do", st.Generation))
		return p, nil
	}
	t.steps(&p, g, inbox.Missing(t.check.Lacking))
	return p, nil
}

// steps says what would be done.
func (t *slotsTarget) steps(p *flashing.Plan, g switcher.Generation, lacking []switcher.Descriptor) {
	add := func(a flashing.Action, bytes int64, format string, args ...any) {
		p.Steps = append(p.Steps, flashing.Step{Action: a, What: fmt.Sprintf(format, args...), Bytes: bytes})
	}
	if len(lacking) > 0 {
		add(flashing.ActionLoad, sizeOf(lacking), "%s of %d into the store, each compared with its digest", count(len(lacking), "blob"), t.check.Blobs)
	}
	fails := ""
	if other := t.slot(false); t.check.Kernel != "" && other != "" {
		add(flashing.ActionWrite, sizeOf(g.BootBlobs()), "kernel %s and initrd into boot slot %s", g.KernelVersion(), other)
		add(flashing.ActionCheck, 0, "read it back from the disk")
		add(flashing.ActionTry, 0, "have the boot loader begin with slot %s, a few times", other)
		fails = "; if it does not even start, the boot loader goes back to slot " + t.slot(true) + " by itself"
	} else {
		add(flashing.ActionTry, 0, "have the next boot run it")
	}
	if t.order.Wipe {
		add(flashing.ActionWipe, 0, "at that boot, once its kernel runs: all that this machine keeps, see below")
	}
	add(flashing.ActionReboot, 0, "at once")
	p.WayBack = fmt.Sprintf("generation %d runs again if this one does not prove itself%s", t.status.Default, fails)
	p.Kept = []string{"the boot loader, and the partition table"}
	switch {
	case t.order.Settings:
		p.Kept = append(p.Kept, "system.toml, which takes the place of its own")
	case t.running != g.System.Digest:
		p.Notes = append(p.Notes, fmt.Sprintf("its system.toml takes the place of the one that runs, which stays in generation %d; --keep-settings has it run with that", t.status.Generation))
	}
	if t.order.Wipe {
		p.Lost = []string{"draft, secrets, this machine's host key, leases, what services and users keep, all other files below " + statePath}
		p.Kept = append(p.Kept, "generations; `bantam generations delete` removes them once this one has proven itself")
		for _, path := range t.order.Keep {
			p.Kept = append(p.Kept, path)
		}
		return
	}
	p.Kept = append(p.Kept, "generations, draft, secrets, host key, leases, what services and users keep: all of "+statePath)
}

func sizeOf(blobs []switcher.Descriptor) (bytes int64) {
	for _, d := range blobs {
		bytes += d.Size
	}
	return bytes
}

// slot is the one that was booted, or the other one; "" without.
func (t *slotsTarget) slot(booted bool) string {
	for _, s := range t.status.Boot.Slots {
		if s.Booted == booted {
			return s.Name
		}
	}
	return ""
}

// Write imports the generation and has PID 1 switch to it by a reboot: from then on the work is PID 1's, and outlives this terminal.
func (t *slotsTarget) Write(ctx context.Context, _ flashing.Firmware, _ flashing.Plan, _ func(flashing.Progress)) error {
	got, code := t.c.takeOver(ctx, t.source, t.req, t.check)
	if code != 0 {
		return told{code}
	}
	if !t.c.scripted {
		fmt.Fprintf(t.c.out, "generation %d is here (%s loaded, %d kB)\n", got.Number, count(got.Loaded, "blob"), (got.Bytes+1023)>>10)
	}
	req := Request{Verb: "switch", Generation: got.Number, Reboot: true, Events: t.c.scripted, Settings: t.order.Settings, Wipe: t.order.Wipe, Names: t.order.Keep}
	if code := t.c.change(req); code != 0 {
		return told{code}
	}
	return nil
}
