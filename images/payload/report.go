package payload

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"bantam/images"
	"bantam/layer"
)

// Report is what there is to know of a package before it is put into a system.toml.
type Report struct {
	Name     string        `json:"name"`
	Version  string        `json:"version"`
	Arch     string        `json:"arch"`   // Go's name
	Source   string        `json:"source"` // what it was built from, with version
	Licences []string      `json:"licences"`
	Layers   []ReportLayer `json:"layers"`  // itself and what it brings, largest first
	Size     int64         `json:"size"`    // of all layers, packed, bytes
	Files    []ReportFile  `json:"files"`   // its own, and those of packages from its source that it cannot do without
	Trimmed  int64         `json:"trimmed"` // bytes of its own files that no layer has, e.g. manuals
	Notes    []string      `json:"notes"`
	Wants    string        `json:"wants"` // lines for system.toml
}

// ReportLayer is a layer of a package.
type ReportLayer struct {
	Package  string   `json:"package"` // or a part of one, e.g. libc6/rare
	Version  string   `json:"version"`
	Size     int64    `json:"size"`  // packed, bytes
	Files    int64    `json:"files"` // bytes of its files, unpacked
	Licences []string `json:"licences"`
}

// ReportFile is a file of a package.
type ReportFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	Mode uint32 `json:"mode"` // rights
	Link string `json:"link,omitempty"`
}

// Describe resolves the only package that r's system names, packs it, and reports. A package that there is not is an
// *images.NoPackage.
func Describe(ctx context.Context, r Request) (report *Report, err error) {
	err = r.Archive.Current(func(a images.Archive) error {
		r.Archive = a
		report, err = r.report(ctx)
		return err
	})
	return report, err
}

func (r Request) report(ctx context.Context) (*Report, error) {
	root := r.System.Packages[0]
	if _, err := r.Archive.Closure(ctx, root); err != nil {
		return nil, err
	}
	all, notes, err := r.packages(ctx)
	var bad *images.BadSystem
	if errors.As(err, &bad) { // in terms of a system.toml that there is not
		return nil, errors.New(bad.Problems[0].Message)
	}
	if err != nil {
		return nil, err
	}
	report := &Report{Arch: r.Arch, Files: []ReportFile{}, Notes: append([]string{}, notes...)}
	var wants wishes
	for _, p := range all {
		l := ReportLayer{Package: p.Part, Version: p.Version, Licences: append([]string{}, p.licences()...)}
		for _, f := range p.Tree {
			l.Files += f.Size
		}
		if p.Whole && p.Part == p.Package {
			wants = wants.and(p.wishes())
		}
		if p.Part == root {
			report.Name, report.Version, report.Source, report.Licences = p.Package, p.Version, p.Source+" "+p.SourceVersion, l.Licences
		}
		if p.Whole {
			report.files(p)
		}
		if p.empty() {
			continue
		}
		b, err := r.packageLayer(ctx, p)
		if err != nil {
			return nil, err
		}
		l.Size = b.Size
		report.Size += b.Size
		report.Layers = append(report.Layers, l)
	}
	slices.SortStableFunc(report.Layers, func(a, b ReportLayer) int { return cmp.Compare(b.Size, a.Size) })
	report.Wants = wants.lines(r.System)
	return report, nil
}

// files adds the files of a package, or of a part of it.
func (report *Report) files(p *carried) {
	if p.Part == p.Package {
		report.Trimmed += p.Trimmed
	}
	for _, f := range p.Tree {
		if f.Kind != layer.Folder {
			report.Files = append(report.Files, ReportFile{"/" + f.Path, f.Size, f.Mode, f.Link})
		}
	}
}
