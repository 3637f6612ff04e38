package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/u-root/u-root/pkg/cpio"

	"bantam/images"
	"bantam/images/payload"
	"bantam/system"
)

var (
	//go:embed guest/written.sh
	writtenScript string
	//go:embed guest/update.sh
	updateScript string
	//go:embed guest/rauc.sh
	raucScript string
)

// An update is what one takes: of the package that is another version in it, or of the initrd, which has a driver more.
type update struct {
	System  string  `json:"system"`
	Changed string  `json:"changed"`       // "package" or "initrd"
	Written int64   `json:"written_bytes"` // to the disk
	Seconds float64 `json:"s"`
	Carried int64   `json:"carried_bytes"` // the file in which it comes
}

// The machine that is updated carries these packages; of updated there are two versions, of two releases of Debian.
const (
	carriedPackages = `packages = ["mosquitto", "` + updatedPackage + `"]`
	updatedPackage  = "busybox-static"
	newerRelease    = "trixie"
)

// versions are what an update goes from and to: the first, one with another version of a package, one with a driver more.
var versions = []string{"first", "package", "initrd"}

// A raucMode is a way in which RAUC can be given the same content.
type raucMode struct {
	name     string
	adaptive bool   // with an index of its blocks, so that only those are written that are others
	suffix   string // of the image: a squashfs, or an ext4 that has room
}

const (
	bootSuffix     = ".boot.img"
	squashfsSuffix = ".squashfs"
	ext4Suffix     = ".ext4"
)

var raucModes = []raucMode{
	{"RAUC, squashfs", false, squashfsSuffix},
	{"RAUC, squashfs, adaptive", true, squashfsSuffix},
	{"RAUC, ext4, adaptive", true, ext4Suffix},
}

// updates measures them in machines that have the disk and the clock of Bantam's second boot.
func (in inputs) updates(ctx context.Context) (list []update, said []string, err error) {
	generations, names, err := in.generations(ctx)
	if err != nil {
		return nil, nil, err
	}
	list, err = in.imports(ctx, generations)
	if err != nil {
		return nil, nil, err
	}
	version, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", "rauc").Output()
	if err != nil || len(version) == 0 {
		return list, append(names, "rauc is not installed"), nil
	}
	names = append(names, "rauc "+string(version))
	cert, err := newSigner(in.scratch)
	if err != nil {
		return nil, nil, err
	}
	packed := map[string]bool{}
	for _, mode := range raucModes {
		more, err := in.installs(ctx, mode, generations, packed, cert)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", mode.name, err)
		}
		list = append(list, more...)
	}
	return list, names, nil
}

// generations composes the versions.
func (in inputs) generations(ctx context.Context) (made []*images.Composed, names []string, err error) {
	file := "update.toml"
	text := []byte(fmt.Sprintf("hostname = \"bench\"\n%s\n[proof]\nsettle = \"1ms\"\n[service.measure]\ncommand = [\"sh\", \"-c\", %q]\nrestart = \"never\"\n",
		carriedPackages, writtenScript+updateScript))
	layers := func(release string) (list []images.Layer, err error) {
		sys, problems := system.Parse(file, text)
		if len(problems) > 0 {
			return nil, &images.BadSystem{Problems: problems}
		}
		archive := in.archive
		archive.Release = release
		list, _, err = payload.Layers(ctx, payload.Request{File: file, Dir: in.scratch, Text: text, System: sys, Arch: in.board.Arch,
			Filter: images.SquashFilter(in.whole, in.board.Arch), Archive: archive, Cache: in.cache})
		return list, err
	}
	older, err := layers(in.archive.Release)
	if err != nil {
		return nil, nil, err
	}
	newer, err := layers(newerRelease)
	if err != nil {
		return nil, nil, err
	}
	of := func(list []images.Layer) int {
		return slices.IndexFunc(list, func(l images.Layer) bool { return l.Name == "package/"+updatedPackage })
	}
	if older[of(older)].Digest == newer[of(newer)].Digest {
		return nil, nil, fmt.Errorf("%s %s is the same in %s", updatedPackage, older[of(older)].Version, newerRelease)
	}
	updated := slices.Clone(older)
	updated[of(updated)] = newer[of(newer)]
	names = []string{fmt.Sprintf("%s %s to %s", updatedPackage, older[of(older)].Version, newer[of(newer)].Version)}
	for i, version := range versions {
		b := in.board
		b.Modules = []string{"virtio_pci", "virtio_net", "virtio_blk"}
		content := older
		switch i {
		case 1:
			content = updated
		case 2:
			content, b.Modules = updated, append(b.Modules, "virtio_scsi")
		}
		c, err := images.Compose(ctx, images.Inputs{Board: b, File: file, System: text, Kernel: in.whole, Device: in.device, Layers: content,
			Store: filepath.Join(in.scratch, "update-"+version), Cache: in.cache})
		if err != nil {
			return nil, nil, err
		}
		made = append(made, c)
	}
	return made, names, nil
}

// imports has Bantam take the later versions from a stick.
func (in inputs) imports(ctx context.Context, made []*images.Composed) (list []update, err error) {
	b := in.board
	b.Name, b.Cmdline = "updated", commandLine
	if _, err := made[0].WriteMedia(ctx, in.archive, b, in.scratch, []string{"img"}); err != nil {
		return nil, err
	}
	g := guest{name: "update-first", disk: filepath.Join(in.scratch, "updated.img")}
	if err := os.Truncate(g.disk, diskSize); err != nil {
		return nil, err
	}
	if _, err := in.boot(ctx, g); err != nil {
		return nil, err
	}
	folder := filepath.Join(in.scratch, "update-stick")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	carried := map[string]int64{}
	for i, version := range versions[1:] {
		carried[version], err = images.WriteArchive(ctx, filepath.Join(in.scratch, "update-"+version), made[1+i].Digest, b.Name, filepath.Join(folder, version+".tar"), nil)
		if err != nil {
			return nil, err
		}
	}
	g.name = "update"
	if err := in.stick(ctx, &g, folder); err != nil {
		return nil, err
	}
	said, err := in.boot(ctx, g)
	if err != nil {
		return nil, err
	}
	for version, steps := range map[string][]string{"package": {"package.import", "package.switch"}, "initrd": {"initrd.import", "initrd.boot"}} {
		u := update{System: "Bantam", Changed: version, Carried: carried[version]}
		for _, step := range steps {
			if err := said.update(step, &u); err != nil {
				return nil, err
			}
		}
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b update) int { return strings.Compare(b.Changed, a.Changed) })
	return list, nil
}

// stick gives a guest a second disk with what is in a folder, and the time that its work takes.
func (in inputs) stick(ctx context.Context, g *guest, folder string) error {
	path := filepath.Join(in.scratch, g.name+".stick")
	if err := tool(ctx, "mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", folder, path, "400M"); err != nil {
		return err
	}
	g.drives = append(g.drives, "-drive", "if=none,id=stick,format=raw,file="+path, "-device", "virtio-blk-pci,drive=stick")
	g.limit = 6 * runLimit
	return nil
}

// installs has RAUC install the later versions from bundles.
func (in inputs) installs(ctx context.Context, mode raucMode, made []*images.Composed, packed map[string]bool, s signer) (list []update, err error) {
	name := strings.NewReplacer(", ", "-", " ", "-").Replace(strings.ToLower(mode.name))
	folder := filepath.Join(in.scratch, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	carried := map[string]int64{}
	for i, version := range versions {
		image := filepath.Join(in.scratch, "rootfs-"+version+mode.suffix)
		if !packed[image] { // for another mode
			if err := in.pack(ctx, mode, made[i], image); err != nil {
				return nil, err
			}
			packed[image] = true
		}
		if carried[version], err = mode.bundle(ctx, image, filepath.Join(folder, version+".raucb"), s); err != nil {
			return nil, err
		}
	}
	g := guest{name: name, kernel: in.image}
	if err := in.stick(ctx, &g, folder); err != nil {
		return nil, err
	}
	disk := filepath.Join(in.scratch, name+".disk")
	if err := raucDisk(ctx, disk); err != nil {
		return nil, err
	}
	g.drives = append(g.drives, "-drive", "if=none,id=disk,format=raw,file="+disk, "-device", "nvme,drive=disk,serial=bench")
	if g.initrd, err = in.raucRoot(ctx, s); err != nil {
		return nil, err
	}
	said, err := in.boot(ctx, g)
	if err != nil {
		return nil, err
	}
	for _, version := range versions[1:] {
		u := update{System: mode.name, Changed: version, Carried: carried[version]}
		if err := said.update(version, &u); err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, nil
}

// pack makes what goes into the two slots of a system: a file system of what a generation's layers hold; and, of whole blocks, its kernel and initrd
// without the segment that names the generation, so that RAUC leaves these alone when they are the same.
func (in inputs) pack(ctx context.Context, mode raucMode, c *images.Composed, image string) error {
	const block = 4096
	boot := slices.Clone(c.Kernel)
	for _, segment := range c.Segments {
		if segment.Name != "generation" {
			boot = append(boot, segment.Data...)
		}
	}
	boot = append(boot, make([]byte, (block-len(boot)%block)%block)...)
	if err := os.WriteFile(image+bootSuffix, boot, 0o644); err != nil {
		return err
	}
	tree, err := os.MkdirTemp(in.scratch, "rootfs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	for _, l := range c.Layers {
		if err := tool(ctx, "unsquashfs", "-quiet", "-no-progress", "-force", "-no-xattrs", "-dest", tree, l.File); err != nil {
			return err
		}
	}
	if mode.suffix == squashfsSuffix {
		return tool(ctx, "mksquashfs", tree, image, "-comp", "xz", "-b", "32K", "-all-root", "-no-xattrs", "-mkfs-time", "0", "-all-time", "0", "-noappend", "-quiet", "-no-progress")
	}
	// Of the same names, so that blocks lie where they lay.
	return tool(ctx, "mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-U", "00000000-0000-0000-0000-000000000001",
		"-E", "root_owner=0:0,hash_seed=00000000-0000-0000-0000-000000000002", "-d", tree, image, "40M")
}

// bundle wraps and signs both images; it gives the bundle's bytes.
func (m raucMode) bundle(ctx context.Context, image, to string, s signer) (int64, error) {
	input, err := os.MkdirTemp(filepath.Dir(image), "bundle")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(input)
	manifest := "[update]\ncompatible=bench\n[bundle]\nformat=verity\n"
	for class, from := range map[string]string{"boot": image + bootSuffix, "rootfs": image} {
		file := class + filepath.Ext(from)
		if err := os.Link(from, filepath.Join(input, file)); err != nil {
			return 0, err
		}
		manifest += "[image." + class + "]\nfilename=" + file + "\n"
		if m.adaptive {
			manifest += "adaptive=block-hash-index\n"
		}
	}
	if err := os.WriteFile(filepath.Join(input, "manifest.raucm"), []byte(manifest), 0o644); err != nil {
		return 0, err
	}
	os.Remove(to) // of a run before, which RAUC would not write over
	if err := tool(ctx, "rauc", "bundle", "--cert="+s.cert, "--key="+s.key, input, to); err != nil {
		return 0, err
	}
	info, err := os.Stat(to)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// dataSector is where the file system begins that RAUC keeps its state in.
const dataSector = 2048

// raucDisk is one with that, and two slots of each kind.
func raucDisk(ctx context.Context, path string) error {
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(path, diskSize); err != nil {
		return err
	}
	table := exec.CommandContext(ctx, "sfdisk", "--quiet", path)
	table.Stdin = strings.NewReader(fmt.Sprintf("label: gpt\nstart=%d, size=40MiB\nsize=50MiB\nsize=50MiB\nsize=40MiB\nsize=40MiB\n", dataSector))
	if text, err := table.CombinedOutput(); err != nil {
		return fmt.Errorf("sfdisk: %w\n%s", err, text)
	}
	return tool(ctx, "mke2fs", "-q", "-t", "ext4", "-E", fmt.Sprintf("offset=%d", dataSector*512), path, "40M")
}

// raucRoot is an initrd with RAUC and what it needs, as this host has them.
func (in inputs) raucRoot(ctx context.Context, s signer) ([]byte, error) {
	var records []cpio.Record
	root := tree{records: &records, from: []string{"/"}}
	if err := in.common(ctx, root); err != nil {
		return nil, err
	}
	if err := root.programs("usr/bin/rauc", "usr/bin/dbus-daemon"); err != nil {
		return nil, err
	}
	insmods := ""
	for _, name := range []string{"drivers/block/virtio_blk.ko", "drivers/block/loop.ko", "fs/squashfs/squashfs.ko", "lib/reed_solomon/reed_solomon.ko",
		"drivers/md/dm-mod.ko", "drivers/md/dm-bufio.ko", "drivers/md/dm-verity.ko"} {
		data, err := os.ReadFile(filepath.Join(in.whole.Modules, "kernel", name))
		if err != nil {
			return nil, err
		}
		at := "lib/modules/" + filepath.Base(name)
		root.add(cpio.StaticFile(at, string(data), 0o644))
		insmods += "insmod /" + at + "\n"
	}
	cert, err := os.ReadFile(s.cert)
	if err != nil {
		return nil, err
	}
	root.text("etc/written", writtenScript+insmods)
	root.text("init", raucScript)
	root.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	root.text("etc/bus.conf", "<busconfig><type>session</type><listen>unix:path=/run/bus</listen><auth>EXTERNAL</auth><policy context=\"default\">"+
		"<allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n")
	root.text("etc/rauc/cert.pem", string(cert))
	root.text("etc/rauc/system.conf", "[system]\ncompatible=bench\nbootloader=noop\nmountprefix=/run/rauc\ndata-directory=/data\n[keyring]\npath=/etc/rauc/cert.pem\n"+
		"[slot.rootfs.0]\ndevice=/dev/nvme0n1p2\ntype=raw\nbootname=A\n[slot.rootfs.1]\ndevice=/dev/nvme0n1p3\ntype=raw\nbootname=B\n"+
		"[slot.boot.0]\ndevice=/dev/nvme0n1p4\ntype=raw\nparent=rootfs.0\ninstall-same=false\n[slot.boot.1]\ndevice=/dev/nvme0n1p5\ntype=raw\nparent=rootfs.1\ninstall-same=false\n")
	own, err := archiveOf(records)
	if err != nil {
		return nil, err
	}
	return packed(ctx, own)
}

// A signer is the files of a key and of the certificate that it has given itself.
type signer struct{ key, cert string }

func newSigner(dir string) (s signer, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return s, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter: time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return s, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return s, err
	}
	s = signer{filepath.Join(dir, "rauc.key"), filepath.Join(dir, "rauc.cert")}
	if err := os.WriteFile(s.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return s, err
	}
	return s, os.WriteFile(s.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644)
}

// tool runs a program of the host.
func tool(ctx context.Context, name string, args ...string) error {
	if text, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, last(string(text)))
	}
	return nil
}

var wroteLine = regexp.MustCompile(`^bench: update (\S+) wrote (\d+) sectors$`)

// update adds what a step has taken.
func (r record) update(step string, to *update) error {
	begin, err := r.at("bench: update " + step + " begins")
	if err != nil {
		return err
	}
	end, err := r.at("bench: update " + step + " ended 0")
	if err != nil {
		return fmt.Errorf("%s failed; see --keep", step)
	}
	sectors, known := r.wrote[step]
	if !known {
		return fmt.Errorf("nobody has said what %s wrote", step)
	}
	to.Seconds += float64(end-begin) / 1e6
	to.Written += int64(sectors) * 512
	return nil
}

func (r *report) printUpdates(w io.Writer) {
	fmt.Fprintf(w, "An update, %s:\n\n", strings.Join(r.UpdateVersions, ", "))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "changed\twritten, MB\ts\tits file, MB\t\t\n")
	for _, u := range r.Updates {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.1f\t%s\t\n", u.Changed, float64(u.Written)/1e6, u.Seconds, float64(u.Carried)/1e6, u.System)
	}
	t.Flush()
	fmt.Fprintln(w)
}
