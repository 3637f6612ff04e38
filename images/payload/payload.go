package payload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bantam/images"
	"bantam/layer"
	"bantam/system"
)

// Request is what layers are made from.
type Request struct {
	File     string         // name of system.toml, for messages
	Dir      string         // the folder that it lies in; what it names beside it is below
	Text     []byte         // its text, for the places of faults
	System   *system.System // what it says; without faults
	Arch     string         // of the board, Go's name
	Filter   string         // branch filter for xz that the board's kernel undoes, see images.SquashFilter
	Archive  images.Archive // for the board's architecture
	Cache    images.Cache
	Progress images.Progress
}

// Layers makes all layers that a system.toml asks for, sorted by name, and tells what its owner should know of them. A
// fault of system.toml is an *images.BadSystem.
func Layers(ctx context.Context, r Request) (layers []images.Layer, notes []string, err error) {
	var all []built
	var problems []system.Problem
	for _, part := range []func(context.Context, Request) ([]built, []string, error){packageLayers, programLayers, filesLayer} {
		made, said, err := part(ctx, r)
		var bad *images.BadSystem
		switch {
		case errors.As(err, &bad): // told with those of the other parts
			problems = append(problems, bad.Problems...)
		case err != nil:
			return nil, nil, err
		}
		all, notes = append(all, made...), append(notes, said...)
	}
	if err := badSystem(problems); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(all, func(a, b built) int { return strings.Compare(a.Name, b.Name) })
	if err := r.clashes(all); err != nil {
		return nil, nil, err
	}
	if err := r.programLibraries(all); err != nil {
		return nil, nil, err
	}
	faults, remarks := r.present(ctx, all).judge()
	if err := badSystem(faults); err != nil {
		return nil, nil, err
	}
	for _, remark := range remarks {
		notes = append(notes, remark.String())
	}
	for _, b := range all {
		layers = append(layers, b.Layer)
	}
	return layers, notes, nil
}

// built is a layer and all that lies in it, sorted by path, but for its index.
type built struct {
	images.Layer
	tree []File
}

// build makes a layer of a tree. l names it. Its index lists what something can depend on.
func (r Request) build(ctx context.Context, l images.Layer, tree []File) (built, error) {
	tree, err := wholeTree(tree)
	if err == nil {
		err = inspect(tree, r.Arch)
	}
	if err != nil {
		return built{}, fmt.Errorf("%s: %w", l.Name, err)
	}
	return r.pack(ctx, l, tree, atHand)
}

// pack is build for a whole tree that has been inspected.
func (r Request) pack(ctx context.Context, l images.Layer, tree []File, with withBytes) (built, error) {
	for _, f := range tree {
		if f.indexed() {
			l.Index = append(l.Index, f.Entry)
		}
	}
	squashed, err := packTree(ctx, r.Cache, r.Progress, l.Name, r.Filter, tree, l.Index, with)
	if err != nil {
		return built{}, err
	}
	l.File, l.Digest, l.Size = squashed.File, squashed.Digest, squashed.Size
	return built{l, tree}, nil
}

// indexed tells whether something may depend on a file: programs, libraries and what else can be run, all of etc, links, and
// what system.toml names.
func (f File) indexed() bool {
	inEtc := f.Path == "etc" || strings.HasPrefix(f.Path, "etc/")
	return f.source || inEtc || f.Kind == layer.Link || f.Kind == layer.RegularFile && (f.ELF || f.Mode&0o111 != 0)
}

// clashes finds paths that two layers have. Folders are shared, and so is what is the same in both.
func (r Request) clashes(all []built) error {
	type owner struct {
		layer *built
		file  File
	}
	owners := make(map[string]owner)
	var problems []system.Problem
	for i := range all {
		for _, f := range all[i].tree {
			other, taken := owners[f.Path]
			if !taken {
				owners[f.Path] = owner{&all[i], f}
				continue
			}
			if same(f, other.file) {
				continue
			}
			problems = append(problems, r.problem(r.placeOf(all[i].For), "leave one of them out, or that file by exclude",
				"/%s is in %s and in %s", f.Path, other.layer.described(), all[i].described()))
			break // one of this layer is enough
		}
	}
	return badSystem(problems)
}

func same(a, b File) bool {
	return a.Kind == b.Kind && (a.Kind == layer.Folder || a.SHA256 == b.SHA256 && a.Link == b.Link)
}

// described is a layer as people know it, e.g. package libtirpc-common 1.3.3+ds-1 (for mosquitto).
func (b *built) described() string {
	kind, name, _ := strings.Cut(b.Name, "/")
	text := strings.TrimSpace(kind + " " + name + " " + b.Version)
	if !slices.Contains(b.For, b.Name) && len(b.For) > 0 {
		text += " (for " + strings.Join(bare(b.For), ", ") + ")"
	}
	return text
}

// bare are names without what kind they are of: mosquitto for package/mosquitto.
func bare(names []string) []string {
	short := make([]string, len(names))
	for i, name := range names {
		_, short[i], _ = strings.Cut(name, "/")
		if short[i] == "" {
			short[i] = name
		}
	}
	return short
}
