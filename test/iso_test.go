package test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bantam/board"
	"bantam/editor/vt"
	"bantam/gpt"
	"bantam/switcher"
	"bantam/test/vm"

	"github.com/u-root/u-root/pkg/cpio"
)

// Machines without a place for a state volume do all the same, and say that it
// will be forgotten. What they carry of their owner is read from the medium, which is a CD, a stick or a disk.
func TestWithoutAStateVolumeAllWorksInMemory(t *testing.T) {
	out := build(t, "pc", withSite(t, "../examples/pc/system.toml"))
	iso := filepath.Join(out, "pc.iso")
	full := filepath.Join(t.TempDir(), "full")
	copyTo(t, full, filepath.Join(out, "pc.img")) // a disk just as large as the image
	for _, m := range []struct {
		name, why string
		args      []string
	}{
		{"CD by BIOS", "this medium runs from memory", pc(t, bios, "-cdrom", iso)},
		{"CD by UEFI", "this medium runs from memory", pc(t, uefi, "-cdrom", iso)},
		{"ISO on a stick by UEFI", "this medium runs from memory", pc(t, uefi, "-device", "qemu-xhci", "-drive", "if=none,id=stick,format=raw,readonly=on,file="+iso, "-device", "usb-storage,drive=stick")},
		{"full disk by BIOS", "no 32 MiB free behind the image", pc(t, bios, "-drive", virtio(full))},
	} {
		t.Run(m.name, func(t *testing.T) {
			c := start(t, m.args)
			state := "in memory, to be forgotten at the next boot: "
			if !strings.Contains(c.Screen(), "The state is "+state) {
				t.Error("the greeting does not say that the state will be forgotten")
			}
			c.settled()
			c.must("bantam status", "generation  1, good", state, m.why)
			c.must("cat /srv/www/index.html", "from beside system.toml")
			c.must("echo x > /srv/www/index.html", "read-only file system")
			c.edits()
			c.Send("bantam switch\r")
			c.Expect("generation 2 runs and is the default")
			c.host = "forgetful"
			c.prompt()
			c.must("bantam generations", "2   good", "running, default")
			c.must("cat /srv/www/index.html", "from beside system.toml")
			c.Send("bantam rollback\r")
			c.Expect("generation 1 runs and is the default")
			c.host = "bantam"
			c.prompt()
			c.must("bantam status", "generation  1, good", state)
			if m.name == "CD by BIOS" {
				c.keepsInMemory()
			}
			c.Send("poweroff\r")
			c.WaitEnd()
		})
	}
	// The boot loader keeps its state in two partitions of its own.
	before, after := read(t, filepath.Join(out, "pc.img")), read(t, full)
	table, err := gpt.ReadPrimary(bytes.NewReader(before), uint64(len(before)/gpt.SectorSize))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range table.Partitions {
		if p.Type == gpt.BootState {
			clear(before[p.First*gpt.SectorSize : (p.Last+1)*gpt.SectorSize])
			clear(after[p.First*gpt.SectorSize : (p.Last+1)*gpt.SectorSize])
		}
	}
	if !bytes.Equal(before, after) {
		t.Error("the full disk was written to")
	}
}

// withSite is a system.toml with a folder beside it that it brings to /srv/www.
func withSite(t *testing.T, systemFile string) string {
	t.Helper()
	dir := t.TempDir()
	text := append(read(t, systemFile), "\n[file.\"/srv/www\"]\nsource = \"site\"\n"...)
	file, site := filepath.Join(dir, "system.toml"), filepath.Join(dir, "site")
	if err := os.Mkdir(site, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{file: text, filepath.Join(site, "index.html"): []byte("from beside system.toml\n")} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// keepsInMemory has a service whose folder lasts as long as the machine runs.
func (c *console) keepsInMemory() {
	c.t.Helper()
	c.write("/tmp/keep.toml", `[service.keep]
command = ["sh", "-c", "echo kept >> /srv/keep/note; exec sleep 1000"]
user = "nobody"
state = ["/srv/keep"]
env = { TOKEN = { secret = "token" } }
`)
	c.must("echo word | bantam secret set token", "the next boot forgets it: the state is in memory")
	c.must("bantam switch /tmp/keep.toml; echo code $?", "state /srv/keep lasts until the next boot only: there is no state volume", "mount state /srv/keep", "code 0\n")
	c.must("bantam rollback && bantam rollback; cat /srv/keep/note; bantam state", "kept\nkept\n", "in memory", "/srv/keep  nobody  service keep")
}

// edits changes the host name in the editor.
func (c *console) edits() {
	c.t.Helper()
	e := c.look(24, 80, vt.VT102)
	c.Send("bantam edit\r")
	e.sees(`\^S Save`)
	c.type_(find, "hostname =", enter, home, cut, `hostname = "forgetful"`, enter, save)
	e.sees(`^Saved`)
	c.type_(quit)
	e.sees(`edit again \[k\]: *$`)
	c.Send("k\r")
	c.prompt()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A state volume that cannot be trusted is left as it is, and the machine
// starts from what the image carries.
func TestDamagedStateVolumeIsLeftAlone(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	path := disk(t, filepath.Join(out, "pc.img"))
	c := start(t, pc(t, bios, "-drive", virtio(path)))
	c.settled()
	c.write("/tmp/new.toml", "hostname = \"kept\"\n")
	c.Send("bantam switch /tmp/new.toml\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "kept"
	c.prompt()
	c.Send("poweroff\r")
	c.WaitEnd()
	offset, size := statePartition(t, path)
	partition := func() []byte { return read(t, path)[offset : offset+size] }
	intact := partition()

	for _, d := range []struct {
		name, why string
		damage    func()
	}{
		{"error flag", "the kernel has marked it as having errors", func() {
			e2fs(t, "debugfs", "-w", "-R", "ssv state 2", path+"?offset="+strconv.FormatInt(offset, 10))
		}},
		{"garbage over the superblock", "it holds no ext4 file system", func() { writeAt(t, path, bytes.Repeat([]byte("garbage!"), 512), offset) }},
	} {
		t.Run(d.name, func(t *testing.T) {
			writeAt(t, path, intact, offset)
			d.damage()
			before := partition()
			if bytes.Equal(before, intact) {
				t.Fatal("the damage did nothing")
			}
			c := start(t, pc(t, bios, "-drive", virtio(path)))
			c.settled()
			c.must("bantam status", "generation  1, good: it came with the image", "in memory, to be forgotten at the next boot; the state volume on ", d.why)
			c.edits()
			c.Send("bantam switch\r")
			c.Expect("generation 2 runs and is the default")
			c.host = "forgetful"
			c.prompt()
			c.Send("poweroff\r")
			c.WaitEnd()
			if !bytes.Equal(partition(), before) {
				t.Error("the damaged volume was written to")
			}
		})
	}
	t.Run("renewed", func(t *testing.T) {
		c := start(t, pc(t, bios, "-drive", virtio(path)))
		c.settled()
		c.Send("bantam state renew\r")
		c.Expect("Type yes to go on: ")
		c.Send("y\r")
		c.Expect("Nothing is changed")
		c.prompt()
		c.Send("bantam state renew\r")
		c.Expect("Type yes to go on: ")
		c.Send("yes\r")
		c.Expect("the next boot makes the state volume anew")
		c.prompt()
		c.must("bantam state", "in memory", "the next boot makes it anew", "MiB")
		c.Send("reboot\r")
		c.booted()
		c.settled()
		c.must("bantam status", "generation  1, good: it came with the image", "/dev/vda8")
		c.Send("poweroff\r")
		c.WaitEnd()
	})
	// From here on a second disk of the same image is there, which was never started.
	second := disk(t, filepath.Join(out, "pc.img"))
	both := func(f firmware, first string) []string {
		args := pc(t, f)
		for name, path := range map[string]string{"vda": path, "vdb": second} {
			boot := map[bool]string{true: "0", false: "1"}[name == first]
			address := map[string]string{"vda": "0x10", "vdb": "0x11"}[name]
			args = append(args, "-drive", "if=none,format=raw,id="+name+",file="+path, "-device", "virtio-blk-pci,drive="+name+",bootindex="+boot+",addr="+address)
		}
		return args
	}
	t.Run("mended, beside a new disk of the same image", func(t *testing.T) {
		writeAt(t, path, intact, offset)
		c := &console{t: t, host: "kept"}
		c.Machine = vm.Start(t, both(bios, "vda")...)
		c.booted()
		c.settled()
		if status := c.must("bantam status", "generation  2, good", "/dev/vda8"); strings.Contains(status, "note") {
			t.Errorf("something is noted:\n%s", status)
		}
		c.Send("poweroff\r")
		c.WaitEnd()
	})
	// A newcomer's stick beside the disk that he has installed.
	for _, f := range []firmware{uefi, bios} {
		t.Run("started from the new disk by "+string(f), func(t *testing.T) {
			c := start(t, both(f, "vdb"))
			c.settled()
			if status := c.must("bantam status", "generation  1, good", "/dev/vdb8"); strings.Contains(status, "note") {
				t.Errorf("something is noted:\n%s", status)
			}
			c.Send("poweroff\r")
			c.WaitEnd()
		})
	}
	t.Run("two copies of one disk", func(t *testing.T) {
		copyTo(t, second, path)
		c := &console{t: t, host: "kept"}
		c.Machine = vm.Start(t, both(bios, "vdb")...)
		c.booted()
		c.settled()
		c.must("bantam status", "generation  2, good", "/dev/vda8")
		// The second disk may come when the first is in use already.
		c.waitFor("bantam status", "2 disks carry this image; vda is used, not vdb; nothing tells which one")
	})
}

func writeAt(t *testing.T, path string, data []byte, offset int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(data, offset); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A start that cannot go on ends at a prompt, never in a kernel panic.
func TestEarlyFailureEndsInARescueConsole(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	g, kernel, initrd := generation(t, filepath.Join(out, "store"))
	b, err := board.Load("pc")
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []struct {
		name, says       string
		manifest, system string
	}{
		{"damaged manifest", `manifest\.json: `, `{"schemaVersion":2,`, "\n"},
		{"system.toml of another generation", `system\.toml is sha256:\w+, its manifest names sha256:\w+`, string(g.Manifest()), "hostname = \"other\"\n"},
	} {
		t.Run(damage.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "initrd")
			own := archive(t, map[string]string{"manifest.json": damage.manifest, "system.toml": damage.system})
			if err := os.WriteFile(path, append(bytes.Clone(initrd), own...), 0o644); err != nil {
				t.Fatal(err)
			}
			m := vm.Start(t, pc(t, bios, "-kernel", kernel, "-initrd", path, "-append", b.Cmdline, "-no-reboot")...)
			m.Expect(`Bantam could not start the system:\r?\n.*` + damage.says)
			m.Expect(`\x1b\[6n`)
			m.Send("\x1b[24;80R")
			m.Expect(`# $`)
			m.Send("ls /bantam/generation\r")
			m.Expect(`manifest\.json\s+system\.toml\r?\n`)
			m.Send("bantam status\r")
			m.Expect(`PID 1 does not answer`)
			m.Expect(`# $`)
			m.Send("reboot\r")
			m.WaitEnd()
			if text := m.Screen(); strings.Contains(text, "Kernel panic") || !strings.Contains(text, "reboot: Restarting system") {
				t.Error("not a clean restart")
			}
		})
	}
}

// archive is a cpio archive with files of /bantam/generation. A later segment of
// an initrd replaces files of an earlier one.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	records := []cpio.Record{cpio.Directory("bantam", 0o755), cpio.Directory("bantam/generation", 0o755)}
	for name, content := range files {
		records = append(records, cpio.StaticFile("bantam/generation/"+name, content, 0o644))
	}
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	for _, r := range records {
		if err := w.WriteRecord(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// generation is the one in a store, with its kernel's path and its initrd, which
// lacks the segment that images add for the generation itself.
func generation(t *testing.T, dir string) (g switcher.Generation, kernel string, initrd []byte) {
	t.Helper()
	store, err := switcher.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := store.Index()
	if err != nil || len(index) != 1 {
		t.Fatalf("index of %s: %d generations, %v", dir, len(index), err)
	}
	g, err = store.Generation(index[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range g.Initrd {
		data, err := store.Blob(s.Digest)
		if err != nil {
			t.Fatal(err)
		}
		initrd = append(initrd, data...)
		initrd = append(initrd, make([]byte, -len(initrd)&3)...) // the kernel wants each at a multiple of 4
	}
	return g, store.BlobPath(g.Kernel.Digest), initrd
}
