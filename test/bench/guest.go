package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/u-root/u-root/pkg/cpio"
)

// A guest is what a machine boots.
type guest struct {
	name     string
	versions []string // of the Debian packages that it is made of
	kernel   []byte
	initrd   []byte
	words    string // for the kernel's command line
	disk     string // image file to boot from instead

	drives []string      // further arguments of QEMU: disks that it has beside that
	limit  time.Duration // of its life; 0: runLimit
}

// A peer is an init system that does the job, in Debian's packages.
type peer struct {
	name     string
	release  string   // of Debian; "" is that of the host
	packages []string // the first is the init system itself
	// files are what its root has beside the common part, for so many services. lists
	// are the folders of the unpacked packages.
	files func(root tree, services int) error
}

// tree collects the files of a root file system.
type tree struct {
	records *[]cpio.Record
	from    []string // folders of unpacked packages
}

func (t tree) add(records ...cpio.Record) { *t.records = append(*t.records, records...) }

// text adds a file of text, executable if it begins as a script.
func (t tree) text(path, content string) {
	mode := uint64(0o644)
	if len(content) > 2 && content[:2] == "#!" {
		mode = 0o755
	}
	t.add(cpio.StaticFile(path, content, mode))
}

// take adds a file of the packages under its own path.
func (t tree) take(paths ...string) error {
	for _, path := range paths {
		from, err := t.find(path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		t.add(cpio.StaticFile(path, string(data), 0o755))
	}
	return nil
}

// guest packs what a peer boots from.
func (p peer) guest(ctx context.Context, in inputs, services int) (guest, error) {
	g := guest{name: p.name, kernel: in.image}
	archive := in.archive
	archive.Release = p.release
	packages, err := archive.Packages(ctx, p.packages...)
	if err != nil {
		return g, err
	}
	var records []cpio.Record
	root := tree{records: &records}
	for _, name := range p.packages {
		if !strings.HasPrefix(name, "lib") || name == p.packages[0] {
			g.versions = append(g.versions, packages[name].Name+" "+packages[name].Version)
		}
		root.from = append(root.from, packages[name].Dir)
	}
	if err := in.common(ctx, root); err != nil {
		return g, err
	}
	if err := p.files(root, services); err != nil {
		return g, fmt.Errorf("%s: %w", p.name, err)
	}
	own, err := archiveOf(records)
	if err != nil {
		return g, err
	}
	g.initrd, err = packed(ctx, own)
	return g, err
}

// instruments are the programs that all systems run.
func instruments() []cpio.Record {
	return []cpio.Record{
		cpio.StaticFile("bench/service", string(service()), 0o755),
		cpio.StaticFile("bench/ready", string(instrument()), 0o755),
	}
}

// packed compresses an archive as Bantam's segments are.
func packed(ctx context.Context, data []byte) ([]byte, error) {
	pack := exec.CommandContext(ctx, "xz", "-6", "--check=crc32", "--stdout", "--quiet")
	pack.Stdin = bytes.NewReader(data)
	out, err := pack.Output()
	if err != nil {
		return nil, fmt.Errorf("xz: %w", err)
	}
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out, nil
}

// archiveOf packs files with their folders as an initrd segment. Of two of one name the first counts.
func archiveOf(files []cpio.Record) ([]byte, error) {
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	made := map[string]bool{}
	for _, f := range files {
		for i, r := range f.Name {
			dir := f.Name[:i]
			if r != '/' || made[dir] {
				continue
			}
			made[dir] = true
			if err := w.WriteRecord(cpio.Directory(dir, 0o755)); err != nil {
				return nil, err
			}
		}
		if made[f.Name] {
			continue
		}
		made[f.Name] = true
		if err := w.WriteRecord(f); err != nil {
			return nil, fmt.Errorf("cpio: %s: %w", f.Name, err)
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return nil, err
	}
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
	return b.Bytes(), nil
}
