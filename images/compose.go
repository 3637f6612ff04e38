package images

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"bantam/board"
	"bantam/flashmap"
	"bantam/newc"
	"bantam/oci"
	"bantam/panel"
	"bantam/spelling"
	"bantam/switcher"
	"bantam/system"
)

// refName is the annotation by which OCI tools name an entry of a layout, as in oci:out/store:pc.
const refName = "org.opencontainers.image.ref.name"

// ownModules are what the device binary needs on any board: the file system of the state volume, that of USB sticks with
// the character sets that the kernel wants for it, and what mounts layers where they lie: a generation that comes later may have
// some.
var ownModules = []string{"ext4", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8", "loop", "squashfs", "overlay"}

// Inputs are all that a generation is made from. The same inputs give the same bytes.
type Inputs struct {
	Board    board.Board
	File     string // name of system.toml, for messages
	System   []byte // its text
	Kernel   Kernel
	Device   string // path of the device binary
	Layers   []Layer
	Store    string // folder of the OCI layout that gets the generation
	Cache    Cache
	Progress Progress
}

// Composed is a generation and the bytes that media are made from.
type Composed struct {
	Generation switcher.Generation
	Digest     switcher.Digest
	Kernel     []byte    // as the loader takes it
	Segments   []Segment // in load order
	Layers     []Layer   // by name
	Notes      []string  // what the user should know, e.g. drivers that the kernel of their choice lacks
}

// Initrd is all segments, one behind the other.
func (c *Composed) Initrd() []byte {
	var all []byte
	for _, s := range c.Segments {
		all = append(all, s.Data...)
	}
	return all
}

// BadSystem says that system.toml has faults.
type BadSystem struct {
	Problems []system.Problem
}

func (e *BadSystem) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Check finds the faults that show without a kernel, so that nobody waits for one to be fetched in vain.
func (in Inputs) Check() error {
	_, _, err := in.read()
	return err
}

func (in Inputs) read() (*system.System, []byte, error) {
	sys, problems := system.Parse(in.File, in.System)
	if len(problems) > 0 {
		return nil, nil, &BadSystem{problems}
	}
	device, err := readDevice(in.Device, in.Board.Arch)
	return sys, device, err
}

// Compose makes a generation and puts it into the store, where it takes the place of the board's last one.
func Compose(ctx context.Context, in Inputs) (*Composed, error) {
	sys, device, err := in.read()
	if err != nil {
		return nil, err
	}
	c := &Composed{Layers: byName(in.Layers)}
	if c.Kernel, err = os.ReadFile(in.Kernel.Image); err != nil {
		return nil, fmt.Errorf("kernel: %w", err)
	}
	if packsKernel(in.Board) {
		in.Progress.Step("compressing the kernel")
		if c.Kernel, err = kernelPacking[in.Board.Boot].pack(ctx, in.Cache, c.Kernel); err != nil {
			return nil, fmt.Errorf("kernel: %w", err)
		}
	}
	if in.Board.Boot == board.UImage {
		c.Kernel, err = routerKernel(in.Board, in.Kernel, c.Kernel)
	} else {
		c.Kernel, err = withTrees(in.Board, in.Kernel, c.Kernel)
	}
	if err != nil {
		return nil, err
	}
	chosen, network, err := in.chooseModules(ctx, c, sys)
	if err != nil {
		return nil, err
	}
	if in.Kernel.Modules != "" {
		in.Progress.Step("packing %d modules of %s", len(chosen), in.Kernel.Source)
		files, err := moduleFiles(ctx, in.Kernel.Version, in.Kernel.Modules, chosen, network)
		if err != nil {
			return nil, err
		}
		modules, err := packSegment(ctx, in.Cache, in.Kernel, "modules", files, "")
		if err != nil {
			return nil, err
		}
		c.Segments = append(c.Segments, modules)
	}
	template, err := StateImage(ctx)
	if err != nil {
		return nil, err
	}
	in.Progress.Step("packing the device binary")
	extra := []newc.File{{Path: "bantam/state.template", Mode: 0o644, Data: template}}
	if !in.Board.Flash.IsZero() {
		extra = append(extra, newc.File{Path: flashmap.Path[1:], Mode: 0o644, Data: in.Board.Flash.Encode()})
	}
	if p := in.Board.Panel(); !p.IsZero() {
		extra = append(extra, newc.File{Path: panel.Path[1:], Mode: 0o644, Data: p.Encode()})
	}
	init, err := initSegment(ctx, in.Cache, in.Kernel, in.Board.Arch, device, extra)
	if err != nil {
		return nil, err
	}
	c.Segments = append(c.Segments, init)
	if err := in.store(ctx, c, sys.Version); err != nil {
		return nil, err
	}
	generation, err := generationSegment(c.Generation, in.System)
	c.Segments = append(c.Segments, generation)
	return c, err
}

// chooseModules resolves what the board, system.toml and /init need. A name of system.toml that the kernel
// does not have is the user's fault and comes with its place; one of the board's is a note if the user chose the kernel. network is the
// file that names the network drivers left out.
func (in *Inputs) chooseModules(ctx context.Context, c *Composed, sys *system.System) (chosen []module, network []byte, err error) {
	if in.Kernel.Modules == "" {
		return nil, nil, nil // everything is built in, or so the user says
	}
	index, err := in.Kernel.index(ctx, in.Cache, in.Progress)
	if err != nil {
		return nil, nil, err
	}
	needed := sys.NeededModules()
	chosen, unknown := index.closure(slices.Concat(in.Board.Modules, in.Board.PanelModules(), ownModules, sys.AllModules()))
	var problems []system.Problem
	var lacking []string
	positions := system.Scan(in.System)
	for _, name := range unknown {
		if slices.Contains(in.Board.PanelModules(), name) && !slices.Contains(sys.AllModules(), name) {
			continue // a kernel without blinks no LED
		}
		path, table := "", "modules"
		if i := slices.Index(sys.Modules, name); i >= 0 {
			path = fmt.Sprintf("modules[%d]", i)
		} else if i := slices.IndexFunc(needed, func(m system.NeededModule) bool { return m.Name == name }); i < 0 {
			lacking = append(lacking, name)
			continue
		} else if needed[i].Optional {
			continue
		} else {
			path, table = needed[i].Path, needed[i].Path
		}
		p := system.Problem{File: in.File, Message: fmt.Sprintf("%s: Linux %s has no module %s", table, in.Kernel.Version, name)}
		if at, ok := positions.Find(path); ok {
			p.Line, p.Col = at.Key.Line, at.Key.Col
		}
		if near := spelling.Nearest(name, index.names()); near != "" {
			p.Suggestion = fmt.Sprintf("did you mean %q?", near)
		}
		problems = append(problems, p)
	}
	if len(problems) > 0 {
		return nil, nil, &BadSystem{problems}
	}
	if len(lacking) > 0 {
		fault := fmt.Sprintf("Linux %s lacks modules that board %s wants: %s", in.Kernel.Version, in.Board.Name, strings.Join(lacking, ", "))
		if !in.Kernel.Chosen {
			return nil, nil, errors.New(fault)
		}
		c.Notes = append(c.Notes, fault)
	}
	return chosen, networkFile(in.Kernel.Package, index.Modules, chosen), nil
}

// elfMachines are the machine types in the ELF headers of Go's architectures.
var elfMachines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "arm": elf.EM_ARM,
	"mips": elf.EM_MIPS, "mipsle": elf.EM_MIPS, "riscv64": elf.EM_RISCV,
}

// readDevice reads the device binary and makes sure that the board can run it.
func readDevice(path, arch string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		target := map[string]string{"arm": "device-arm", "mips": "device-mips", "mipsle": "device-mipsle"}[arch]
		float := map[string]string{"mips": "GOMIPS=softfloat ", "mipsle": "GOMIPS=softfloat "}[arch]
		return nil, fmt.Errorf("device binary %s is not there: build it with make %s, or by\n"+
			"  CGO_ENABLED=0 GOARCH=%s %sgo build -trimpath -ldflags='-s -w' -o %s ./init", path, cmp.Or(target, "device"), arch, float, path)
	}
	if err != nil {
		return nil, fmt.Errorf("device binary: %w", err)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("device binary %s: %w", path, err)
	}
	if big := f.Data == elf.ELFDATA2MSB; f.Machine != elfMachines[arch] || big != (arch == "mips") {
		order := map[bool]string{true: ", big-endian"}[big]
		return nil, fmt.Errorf("device binary %s is for %v%s, the board is %s", path, f.Machine, order, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("device binary %s needs a dynamic loader: build it with CGO_ENABLED=0", path)
		}
	}
	return data, nil
}

// store puts the blobs and the manifest into the OCI layout, and drops what nothing names any more.
func (in *Inputs) store(ctx context.Context, c *Composed, release int) error {
	if err := os.MkdirAll(in.Store, 0o755); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	dir, err := os.Open(in.Store)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	unlock, err := lockFile(ctx, dir, in.Progress)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer unlock()
	store, err := switcher.OpenStore(in.Store)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := onlyGenerations(store); err != nil {
		return fmt.Errorf("store %s: %w", in.Store, err)
	}
	put := func(data []byte, mediaType string, annotations ...string) (d switcher.Descriptor) {
		if err != nil {
			return d
		}
		d = switcher.Descriptor{MediaType: mediaType, Size: int64(len(data)), Annotations: make(map[string]string)}
		for i := 0; i < len(annotations); i += 2 {
			d.Annotations[annotations[i]] = annotations[i+1]
		}
		d.Digest, err = store.PutBytes(data)
		return d
	}
	g := switcher.Generation{
		Board:   in.Board.Name,
		Arch:    in.Board.Arch,
		Release: release,
		System:  put(in.System, switcher.SystemType),
		Kernel:  put(c.Kernel, switcher.KernelType, switcher.VersionAnnotation, in.Kernel.Version, switcher.CmdlineAnnotation, in.Board.Cmdline),
	}
	for _, s := range c.Segments {
		g.Initrd = append(g.Initrd, put(s.Data, switcher.InitrdType, switcher.SegmentAnnotation, s.Name))
	}
	if err == nil {
		g.Layers, err = storeLayers(store, c.Layers)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	c.Generation = g
	if c.Digest, err = store.PutGeneration(g, in.Kernel.Date, map[string]string{refName: in.Board.Name}); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	entries, err := store.Index()
	if err == nil {
		entries = oci.WithSignatures(entries)
		err = store.SetIndex(entries)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	var keep []switcher.Digest
	for _, e := range entries {
		keep = append(keep, e.Digest)
	}
	_, err = store.Collect(keep)
	return err
}

// onlyGenerations refuses a layout that holds other people's artifacts: Collect does not know which blobs those need.
func onlyGenerations(store *switcher.Store) error {
	entries, err := store.Index()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := oci.SignatureOf(e); ok {
			continue
		}
		var manifest struct {
			ArtifactType string `json:"artifactType"`
		}
		data, err := store.Blob(e.Digest)
		if err != nil {
			continue // damaged, so nobody's any more
		}
		if err := json.Unmarshal(data, &manifest); err != nil || manifest.ArtifactType != switcher.GenerationType {
			return fmt.Errorf("holds %s %s, which is no generation of Bantam and would be damaged; --store DIR takes another folder",
				e.Digest.Short(), e.Annotations[refName])
		}
	}
	return nil
}

// SourceDate is the time that SOURCE_DATE_EPOCH asks all of a build to carry, if it is set.
func SourceDate() (time.Time, bool, error) {
	text, ok := os.LookupEnv("SOURCE_DATE_EPOCH")
	if !ok {
		return time.Time{}, false, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, false, fmt.Errorf("SOURCE_DATE_EPOCH=%q: want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), true, nil
}

// DevicePath is where the device binary of an architecture lies beside the host tool.
func DevicePath(hostTool, arch string) string {
	return filepath.Join(filepath.Dir(hostTool), "device", arch, "bantam")
}
