package images

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"

	"bantam/board"
	"bantam/layer"
	"bantam/spelling"
	"bantam/switcher"
	"bantam/system"
	"bantam/system/syntax"
)

// Reason says how a file came into a generation.
type Reason struct {
	Path    string   `json:"path"`              // on the machine, e.g. /usr/lib/x86_64-linux-gnu/libcap.so.2
	Link    string   `json:"link,omitempty"`    // of a link: where it leads in the end
	Program bool     `json:"program,omitempty"` // it can be started
	Starts  []string `json:"starts,omitempty"`  // services whose command names it
	Layer   string   `json:"layer,omitempty"`   // e.g. package/libcap2
	Version string   `json:"version,omitempty"` // of the package or module
	For     []Asked  `json:"for"`               // what of system.toml brought it
	Text    string   `json:"text,omitempty"`    // the key of system.toml that has its bytes
	Shared  []string `json:"shared,omitempty"`  // other layers that have it too, as folders
}

// Asked is an entry of system.toml, and how the file follows from it.
type Asked struct {
	Entry string `json:"entry"`           // e.g. package/mosquitto
	Chain []Step `json:"chain,omitempty"` // from a file of that to this one; none if nothing loads it
}

// Step is one file and what it loads.
type Step struct {
	File  string `json:"file"`  // e.g. /usr/sbin/mosquitto
	Layer string `json:"layer"` // that has it
	Loads string `json:"loads"` // as it names that, e.g. libcap.so.2, or its interpreter
}

// stored is a layer as it lies in a store.
type stored struct {
	switcher.Descriptor
	index layer.Index
	files []string // all, sorted, below its root
}

// Why finds the reasons of a file in the generation that was built last for a board: one by its path, or all by a name
// without a slash. An error says what is near if there is none.
func Why(ctx context.Context, cache Cache, storeDir string, b board.Board, name string) ([]Reason, error) {
	store, digest, g, err := lastGeneration(storeDir, b)
	if err != nil {
		return nil, err
	}
	text, err := store.Blob(g.System.Digest)
	if err != nil {
		return nil, err
	}
	sys, problems := system.Parse("system.toml", text)
	if len(problems) > 0 {
		return nil, &BadSystem{problems}
	}
	var layers []stored
	for _, d := range g.Layers {
		l, err := readStored(ctx, cache, store, d)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", d.LayerName(), err)
		}
		layers = append(layers, l)
	}
	reasons := reasonsOf(sys, layers, layer.Folders(b.Arch), name)
	if len(reasons) > 0 {
		return reasons, nil
	}
	fault := fmt.Sprintf("nothing that system.toml brought into generation %s is called %s; /bin and /init are Bantam's own", digest.Short(), name)
	if near := nearest(layers, name); near != "" {
		fault += fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, fmt.Errorf("%s", fault)
}

// nearest is the path or name of a file that was meant.
func nearest(layers []stored, name string) string {
	var names []string
	for _, l := range layers {
		for _, file := range l.files {
			if strings.Contains(name, "/") {
				names = append(names, "/"+file)
			} else {
				names = append(names, path.Base(file))
			}
		}
	}
	return spelling.Nearest(name, names)
}

// readStored reads a layer's index and its list of files.
func readStored(ctx context.Context, cache Cache, store *switcher.Store, d switcher.Descriptor) (l stored, err error) {
	l.Descriptor = d
	blob := store.BlobPath(d.Digest)
	f, err := os.Open(blob)
	if err != nil {
		return l, err
	}
	defer f.Close()
	if l.index, err = layer.ReadTail(f, d.Size); err != nil {
		return l, err
	}
	list, err := cache.Result([]string{"layer files 1", string(d.Digest)}, func() ([]byte, error) { return unsquashfs(ctx, "-l", blob) })
	if err != nil {
		return l, err
	}
	for line := range strings.Lines(string(list)) {
		if file, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "squashfs-root/"); ok {
			l.files = append(l.files, file)
		}
	}
	slices.Sort(l.files)
	return l, nil
}

func unsquashfs(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "unsquashfs", args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("unsquashfs: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}

// reasonsOf finds all files of a path or name.
func reasonsOf(sys *system.System, layers []stored, folders []string, name string) (all []Reason) {
	if f, ok := sys.Files[name]; ok && f.Source == "" {
		all = append(all, Reason{Path: name, For: []Asked{{Entry: "file"}}, Text: syntax.Join("file", name)})
	}
	search := newSearch(layers, folders)
	below := strings.TrimPrefix(path.Clean(name), "/")
	if first, _, _ := strings.Cut(below, "/"); slices.Contains([]string{"lib", "lib32", "lib64", "libx32", "sbin"}, first) {
		below = "usr/" + below // where merged /usr has it
	}
	for i, l := range layers {
		for _, file := range l.files {
			if file != below && (strings.Contains(name, "/") || path.Base(file) != name) {
				continue
			}
			at := slices.IndexFunc(all, func(r Reason) bool { return r.Path == "/"+file && r.Text == "" })
			if at >= 0 { // a folder, or the same bytes twice
				all[at].Shared = append(all[at].Shared, l.LayerName())
				continue
			}
			r := search.reason(i, file)
			for _, service := range slices.Sorted(maps.Keys(sys.Services)) {
				command := sys.Services[service].Command
				if r.Program && len(command) > 0 && (command[0] == path.Base(file) || system.NamedBy(sys.Services[service], r.Path)) {
					r.Starts = append(r.Starts, service)
				}
			}
			all = append(all, r)
		}
	}
	return all
}
