package deploy

import (
	"context"
	"errors"
	"io"
	"strings"

	"bantam/oci"
	"bantam/switcher"
)

// Pushed is a generation that the machine has, as `bantam import --json` tells.
type Pushed struct {
	Number int    `json:"number"`
	Kernel string `json:"kernel"` // how its kernel or initrd differ from the booted ones; "": not at all
	Blobs  int    `json:"blobs"`

	Sent  int   `json:"-"` // of them, by this push
	Bytes int64 `json:"-"`
}

// wanting is what `bantam import --check --json` tells.
type wanting struct {
	Lacking []struct {
		Digest switcher.Digest `json:"digest"`
		Size   int64           `json:"size"`
	} `json:"lacking"`
}

// Push sends what the machine lacks of the generation that a source holds, once it has said that it takes it. What has come when the line
// breaks is kept there for the next push. progress is told how many bytes of how many are on their way.
func (m *Machine) Push(ctx context.Context, src oci.Source, downgrade bool, progress func(done, total int64)) (p Pushed, err error) {
	options := " --json -"
	if downgrade {
		options = " --downgrade" + options
	}
	sending := &partial{Source: src}
	var check wanting
	if err := m.send(ctx, "bantam import --check"+options, sending, &check); err != nil {
		return p, err
	}
	sending.progress, sending.blobs = progress, map[switcher.Digest]bool{}
	for _, d := range check.Lacking {
		sending.blobs[d.Digest] = true
		sending.total += d.Size
	}
	err = m.send(ctx, "bantam import"+options, sending, &p)
	p.Sent, p.Bytes = len(check.Lacking), sending.total
	return p, err
}

// send gives a command an archive on its standard input. A machine that does not want to read all of it says why.
func (m *Machine) send(ctx context.Context, command string, src *partial, reply any) error {
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := oci.WriteArchive(ctx, to, m.Board, src)
		to.CloseWithError(err)
		written <- err
	}()
	err := m.ask(ctx, command, from, reply)
	from.CloseWithError(io.ErrClosedPipe) // it may not have been read to its end
	if fault := <-written; fault != nil && !errors.Is(fault, io.ErrClosedPipe) && ctx.Err() == nil {
		return fault // what the machine says is that the archive is short
	}
	return err
}

// partial is a source of which only some blobs are given.
type partial struct {
	oci.Source
	blobs    map[switcher.Digest]bool
	progress func(done, total int64)

	done, total int64
}

func (p *partial) Blob(ctx context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	if !p.blobs[d.Digest] {
		return nil, oci.ErrAbsent
	}
	r, err := p.Source.Blob(ctx, d, from)
	if errors.Is(err, oci.ErrAbsent) {
		return nil, errors.New(strings.TrimSpace(err.Error()) + "; build again") // not ErrAbsent any more, which would leave it out
	}
	return &counted{r, p}, err
}

// counted tells how many bytes have been read.
type counted struct {
	io.ReadCloser
	of *partial
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.of.done += int64(n)
	c.of.progress(c.of.done, c.of.total)
	return n, err
}

// Preview is what a switch to a generation would do, as `bantam plan --json` tells.
type Preview struct {
	switcher.Plan
	Problems []string `json:"problems"` // why it would be refused
}

// Plan asks what a switch to what was pushed would do there. That another kernel cannot be switched to without a reboot is no problem of it.
func (m *Machine) Plan(ctx context.Context, p Pushed) (v Preview, err error) {
	err = m.ask(ctx, "bantam plan --json "+p.number(), nil, &v, switcher.ExitRefused)
	if p.Kernel != "" && len(v.Problems) > 0 {
		v.Problems = v.Problems[1:]
	}
	return v, err
}
