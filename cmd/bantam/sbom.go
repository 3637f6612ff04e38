package main

import (
	"debug/buildinfo"
	"maps"
	"slices"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"

	"bantam/board"
	"bantam/images"
	"bantam/images/sbom"
)

var sbomVerb = verb{
	name:    "sbom",
	args:    "SYSTEM.toml",
	summary: "print what images are made of, as SPDX 2.3 JSON",
	text: `A bill of materials of what bantam build would make now: Debian packages, kernel and loaders among them, with their
source and licence, Go modules of programs and of the device binary, files beside SYSTEM.toml; each with version and
digest. It fetches what a build would, and writes no lock file.`,
	declare: func(c *call) func(args []string) error {
		var f composeFlags
		f.declare(c.flags)
		return func(args []string) error {
			file, b, err := f.arguments(args)
			if err != nil {
				return err
			}
			return f.sbom(c, b, file)
		}
	},
}

func (f *composeFlags) sbom(c *call, b board.Board, file string) error {
	g, err := f.gather(c, b, file)
	if err != nil {
		return said(c, err)
	}
	defer g.done()
	m, err := g.machine(c)
	g.done()
	if err != nil {
		return err
	}
	if _, _, err := g.archive.Lock.Finish(); err != nil { // which a locked one may not differ from
		return err
	}
	return spdxjson.Write(sbom.Document(m), c.stdout, spdxjson.Indent("\t"), spdxjson.EscapeHTML(false))
}

// machine lists what was gathered.
func (g *gathered) machine(c *call) (sbom.Machine, error) {
	inputs := g.archive.Lock.Board()
	m := sbom.Machine{
		Board: g.Board.Name, Release: inputs.Release, Tool: "bantam-" + version, Created: g.Kernel.Date,
		Device:  sbom.Program{Name: "bantam", From: "the device binary's sources", SHA256: inputs.Device},
		Sources: inputs.Sources,
	}
	if m.Created.IsZero() { // of a kernel of one's own
		m.Created = time.Unix(0, 0)
	}
	m.Device.Built, _ = buildinfo.ReadFile(g.Device) // one that go did not build has no modules
	carried := make(map[string]bool)
	for _, l := range g.Layers {
		_, name, _ := strings.Cut(l.Name, "/")
		name, _, _ = strings.Cut(name, "/") // libc6/rare
		carried[name] = true
	}
	for _, n := range inputs.Names() {
		p := inputs.Packages[n]
		if p.Means != "" {
			continue // it only names the kernel
		}
		text, err := g.request.Copyright(c.ctx, n, p)
		if err != nil {
			return m, err
		}
		onHost := images.IsHostTool(n.Arch, n.Package) && !(n.Arch == g.Board.DebianArch && carried[n.Package])
		m.Packages = append(m.Packages, sbom.Package{Name: n, Package: p, Copyright: text, OnHost: onHost})
	}
	for _, name := range slices.Sorted(maps.Keys(g.request.System.Programs)) {
		p := g.request.System.Programs[name]
		path, err := g.request.ProgramFile(c.ctx, name)
		if err != nil {
			return m, err
		}
		one := sbom.Program{Name: name, From: p.Go}
		if p.Go == "" {
			one.From = strings.ReplaceAll(p.File, "{arch}", g.Board.Arch)
			delete(m.Sources, one.From) // told as the program
		}
		if one.SHA256, err = images.FileDigest(path); err != nil {
			return m, err
		}
		one.Built, _ = buildinfo.ReadFile(path)
		m.Programs = append(m.Programs, one)
	}
	return m, nil
}
