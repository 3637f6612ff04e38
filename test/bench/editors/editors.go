// Package editors measures text editors on a slow line: Bantam's beside those that
// Debian has. One script of keys goes through a pseudo terminal to each; what
// comes back is counted and shown on an emulated terminal.
//
// Byte counts are the same on any host and are a test of ours, too. Times depend on
// the host: sessions whose figures are bytes run side by side, those whose figures
// are milliseconds alone.
//
// Editors are as Debian configures them, with no configuration of the user's:
// vim.tiny the way `vi` calls it where it is the only vim (vimrc.tiny), nano also
// without /etc/nanorc, whose only effect here are colours. ne does not ask HOME and
// leaves an empty ~/.ne behind.
package editors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// sideBySide is how many sessions run at once. They wait nearly all of the time.
const sideBySide = 8

const slowBaud = 9600

func slow(term string) Terminal { return Terminal{Name: term, Baud: slowBaud} }

// Measure makes all figures of ours, the device binary, and its peers.
func Measure(ctx context.Context, device string) (*Report, error) {
	dir, err := os.MkdirTemp("", "bantam-editors-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	own := Ours(device)
	all := append([]Editor{own}, Peers()...)
	if err := missing(all); err != nil {
		return nil, err
	}
	r := &Report{}
	var jobs []func() error
	for i, term := range []string{"linux", "vt100"} {
		for _, e := range all {
			row := &Row{Editor: e.Name, Terminal: slow(term), Lag: new(Lag)}
			jobs = append(jobs, row.jobs(ctx, e, dir)...)
			if i == 0 {
				if row.Load, err = loads(ctx, e, dir); err != nil {
					return nil, err
				}
			}
			r.Rows = append(r.Rows, row)
		}
	}
	fast := &Row{Editor: own.Name, Terminal: Terminal{Name: "linux", Baud: 115200}}
	r.Rows = slices.Insert(r.Rows, 1, fast)
	return r, together(append(jobs, fast.jobs(ctx, own, dir)...))
}

// jobs are the sessions of a row, each in a folder of its own.
func (r *Row) jobs(ctx context.Context, e Editor, dir string) (jobs []func() error) {
	add := func(name string, measure func(file string) error) {
		folder := filepath.Join(dir, fmt.Sprintf("%s-%s-%d-%s", strings.ReplaceAll(e.Name, " ", "-"), r.Terminal.Name, r.Terminal.Baud, name))
		jobs = append(jobs, func() error {
			if err := os.Mkdir(folder, 0o755); err != nil {
				return err
			}
			return measure(filepath.Join(folder, "system.toml"))
		})
	}
	if r.Lag != nil {
		add("lag", func(file string) (err error) {
			*r.Lag, err = MeasureLag(ctx, e, file, r.Terminal)
			return err
		})
	}
	add("wire", func(file string) (err error) {
		r.Wire, err = MeasureWire(ctx, e, file, r.Terminal)
		return err
	})
	add("edit", func(file string) (err error) {
		r.Edit, err = MeasureEdit(ctx, e, file, r.Terminal)
		return err
	})
	return jobs
}

// together runs jobs side by side; the error is that of all.
func together(jobs []func() error) error {
	var running sync.WaitGroup
	free := make(chan struct{}, sideBySide)
	failed := make([]error, len(jobs))
	for i, job := range jobs {
		free <- struct{}{}
		running.Go(func() {
			failed[i] = job()
			<-free
		})
	}
	running.Wait()
	return errors.Join(failed...)
}

// loads opens files of three sizes.
func loads(ctx context.Context, e Editor, dir string) (l *Loads, err error) {
	l = new(Loads)
	for _, f := range []struct {
		name string
		size int
		runs int
		load *Load
	}{{"small.toml", len(original), 5, &l.Small}, {"ten.toml", 10e6, 3, &l.TenMB}, {"hundred.toml", 100e6, 3, &l.Hundred}} {
		file := filepath.Join(dir, f.name)
		if _, err := os.Stat(file); err != nil {
			if err := writeLarge(file, f.size); err != nil {
				return nil, err
			}
		}
		if *f.load, err = MeasureLoad(ctx, e, file, slow("linux"), f.runs); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// missing says what to install.
func missing(all []Editor) error {
	var packages []string
	for _, e := range all {
		if _, err := exec.LookPath(e.Program); err == nil {
			continue
		} else if e.Package == "" {
			return fmt.Errorf("%s is missing: make device", e.Program)
		}
		packages = append(packages, e.Package)
	}
	if packages == nil {
		return nil
	}
	return fmt.Errorf("editors are missing: apt-get install --no-install-recommends %s", strings.Join(packages, " "))
}
