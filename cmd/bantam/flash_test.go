package main

import (
	"bytes"
	"encoding/json"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/flash/hostdisk/looptest"
)

// diskImage is an image with one partition in an MBR: noise, zeros, noise.
func diskImage(t *testing.T, dir string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	r := rand.New(rand.NewSource(1))
	r.Read(content[512 : size/3])
	r.Read(content[size/3*2:])
	content[450], content[454], content[458] = 0x83, 1, 1
	content[510], content[511] = 0x55, 0xaa
	path = filepath.Join(dir, "a disk.img")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// holds checks that a disk begins with an image, as another program reads it.
func holds(t *testing.T, disk looptest.Disk, content []byte) {
	t.Helper()
	got, err := os.ReadFile(disk.File)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got, content) {
		t.Error("the disk does not begin with the image")
	}
}

func TestFlashWritesAnImageOnceAndReadsItBack(t *testing.T) {
	dir := t.TempDir()
	image, content := diskImage(t, dir, 7<<20+512)
	for _, pack := range []string{"cat", "xz -0", "zstd -q", "gzip"} {
		t.Run(pack, func(t *testing.T) {
			tool := strings.Fields(pack)[0]
			packed := filepath.Join(dir, tool)
			command := exec.Command("sh", "-c", pack+` < "$0" > "$1"`, image, packed)
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v (apt-get install xz-utils zstd gzip): %s", err, out)
			}
			disk := looptest.Make(t, 20<<20)
			r := bantam("", "flash", "--fixed", "--yes", packed, disk.Path)
			r.expect(t, exitOK, packed+": a disk image with 1 partition in an MBR, 7.3 MB\n", "")
			r.expect(t, exitOK, "("+disk.File+", 21.0 MB) holds the image, all of it read back and compared: 6.3 MB written, 0 B made zeros, 1.0 MB were there; ", "")
			holds(t, disk, content)
			var info unix.Stat_t
			if err := unix.Stat(disk.File, &info); err != nil || info.Blocks*512 > 6<<20+64<<10 {
				t.Errorf("the zeros of the image were written: the file takes %d bytes, %v", info.Blocks*512, err)
			}
			bantam("", "flash", "--fixed", "--yes", packed, disk.Path).expect(t, exitOK, " holds the image already, nothing was written.\n", "")
			bantam("", "flash", "--fixed", "--test", packed, disk.Name).expect(t, exitOK, disk.Path+" holds 7.3 MB of it already; 0 B would be written, 0 B become zeros\n", "")
		})
	}
}

func TestFlashTestChangesNothing(t *testing.T) {
	image, _ := diskImage(t, t.TempDir(), 3<<20)
	disk := looptest.Make(t, 4<<20)
	const plan = `0 B become zeros
clear  0-1048575 (1.0 MB)
write  2097152-3145727 (1.0 MB)
check  1048576-3145727 (2.1 MB)
mark   at 4190208
write  0-1048575 (1.0 MB)
proof  the marks are still there; make their places blank again
commit 0-4095
check  0-1048575 (1.0 MB)
`
	bantam("", "flash", "--fixed", "--test", image, disk.Path).expect(t, exitOK, plan, "")
	holds(t, disk, make([]byte, 4<<20))
}

func TestFlashRefuses(t *testing.T) {
	dir := t.TempDir()
	image, _ := diskImage(t, dir, 2<<20)
	disk := looptest.Make(t, 3<<20)
	small := looptest.Make(t, 2<<20-512)
	locked := looptest.Make(t, 3<<20, "--read-only")
	text := filepath.Join(dir, "system.toml")
	if err := os.WriteFile(text, []byte("[network.lan]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.xz")
	if out, err := exec.Command("sh", "-c", `xz -0 < "$0" | head -c 100000 > "$1"`, image, cut).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		errors string
	}{
		{"three arguments", []string{"a", "b", "c"}, exitUsage, "want an IMAGE and a DEVICE, got 3 arguments"},
		{"a choice by itself", []string{"--yes", image}, exitUsage, "--yes does not choose: name the DEVICE"},
		{"a list that is none", []string{"--json", image}, exitUsage, "--json is for the list, which there is without IMAGE"},
		{"an image that is not there", []string{"/nonexistent.img"}, exitFault, "/nonexistent.img: no such file or directory"},
		{"a folder", []string{dir}, exitFault, dir + ": is a folder, not an image"},
		{"a pipe", []string{"/dev/null"}, exitFault, "/dev/null: is no file, and has to be read twice"},
		{"text", []string{"--fixed", text, disk.Path}, exitFault, text + ": it looks like text, not like an image of a disk: if it is a system.toml, make an image of it: bantam build"},
		{"data that is cut off", []string{"--fixed", cut, disk.Path}, exitFault, "the compressed data is cut off"},
		{"a disk that stays in the machine", []string{image, disk.Path}, exitFault, " is no removable disk; if it is really meant: --fixed"},
		{"a disk that is too small", []string{"--fixed", "--yes", image, small.Path}, exitFault, small.Path + " is too small: it has 2.1 MB (2096640 bytes), the image 2.1 MB (2097152 bytes)"},
		{"a disk that is write-protected", []string{"--fixed", "--yes", image, locked.Path}, exitFault, locked.Path + " is write-protected"},
		{"a disk that is none", []string{image, "/dev/null"}, exitFault, "/dev/null is no disk but a character device"},
		{"a disk that is not there", []string{image, "/dev/sdzz"}, exitFault, "/dev/sdzz: no such file"},
		{"nobody to ask", []string{"--fixed", image, disk.Path}, exitFault, "there is no terminal to ask on; --yes writes without a question"},
		{"nobody to ask which", []string{"--fixed", image}, exitFault, "there is no terminal to ask on which; name the DEVICE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := bantam("", append([]string{"flash"}, test.args...)...)
			if r.code != test.code || !strings.Contains(r.errors, test.errors) {
				t.Errorf("exit status %d, want %d; %q, want %q", r.code, test.code, r.errors, test.errors)
			}
		})
	}
	holds(t, disk, make([]byte, 3<<20))
	bantam("", "flash", "--fixed", "--yes", "--force", text, disk.Path).expect(t, exitOK, "holds the image", "")
	holds(t, disk, []byte("[network.lan]\n\x00"))
}

// The disk that these tests run on, whatever it is.
func TestFlashRefusesTheDiskOfThisHost(t *testing.T) {
	image, _ := diskImage(t, t.TempDir(), 1<<20)
	var listed []listedDisk
	r := bantam("", "flash", "--fixed", "--json")
	if err := json.Unmarshal([]byte(r.out), &listed); err != nil {
		t.Fatalf("%v: %s", err, r.errors)
	}
	for _, d := range listed {
		if !strings.Contains(d.Refused, "runs from") {
			continue
		}
		bantam("", "flash", "--fixed", "--yes", "--unmount", "--force", image, d.Path).expect(t, exitFault, "", d.Path+" is a disk that this host runs from: ")
		return
	}
	t.Log("no disk of this host is one that it runs from: ", r.out)
}

func TestFlashUnmountsOnlyWhenToldTo(t *testing.T) {
	image, content := diskImage(t, t.TempDir(), 2<<20)
	disk := looptest.Make(t, 8<<20)
	looptest.Tool(t, "e2fsprogs", "mkfs.ext4", "-q", disk.Path)
	dir := t.TempDir()
	looptest.Tool(t, "mount", "mount", disk.Path, dir)
	mounted := true
	t.Cleanup(func() {
		if mounted {
			looptest.Tool(t, "mount", "umount", dir)
		}
	})
	if err := os.Mkdir(filepath.Join(dir, "bound"), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"flash", "--fixed", "--yes", image, disk.Path}
	is := disk.Name + " is mounted at " + dir
	r := bantam("", args...)
	if want := disk.Path + " is in use: " + is + "; --unmount unmounts it first"; r.code != exitFault || !strings.Contains(r.errors, want) {
		t.Errorf("status %d, %q, want %q", r.code, r.errors, want)
	}
	if r := bantam("", "flash", "--fixed"); !strings.Contains(r.out, is) || !strings.Contains(r.out, "an ext2, ext3 or ext4 file system") {
		t.Errorf("the list says\n%s", r.out)
	}
	bantam("", append(args, "--unmount")...).expect(t, exitOK, "unmounted "+dir+"\n", "")
	mounted = false
	holds(t, disk, content)
}

// A loop device whose file cannot grow takes long writes, and has not kept them.
func TestFlashFindsThatADiskHasNotKeptWhatItTook(t *testing.T) {
	image, _ := diskImage(t, t.TempDir(), 6<<20)
	dir := t.TempDir()
	looptest.Tool(t, "mount", "mount", "-t", "tmpfs", "-o", "size=2560k", "none", dir)
	t.Cleanup(func() { looptest.Tool(t, "mount", "umount", dir) })
	disk := looptest.On(t, filepath.Join(dir, "disk"), 8<<20)
	r := bantam("", "flash", "--fixed", "--yes", image, disk.Path)
	if r.code != exitFault || !strings.Contains(r.errors, disk.Path+" is not complete, and nothing starts from it.") {
		t.Errorf("status %d: %s", r.code, r.errors)
	}
	if !strings.Contains(r.errors, "has at most") && !strings.Contains(r.errors, "reads back otherwise") && !strings.Contains(r.errors, "no space left") {
		t.Errorf("it says %s", r.errors)
	}
	holds(t, disk, make([]byte, 1<<20))
}

func TestFlashAsksAndTakesNoForNo(t *testing.T) {
	image, content := diskImage(t, t.TempDir(), 2<<20)
	disk := looptest.Make(t, 3<<20)
	question := "Everything on " + disk.Path + " (" + disk.File + ", 3.1 MB) will be lost. Write? [y/N] "
	for _, test := range []struct {
		name, answer, said string
		code               int
		written            bool
	}{
		{"no", "n\n", "nothing was written", exitFault, false},
		{"enter", "\n", "nothing was written", exitFault, false},
		{"the end of input", "\x04", "nothing was written", exitFault, false},
		{"Ctrl-C", "\x03", "bantam flash: interrupted", exitFault, false},
		{"yes", "y\n", "holds the image, all of it read back", exitOK, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := talk(t, "flash", "--fixed", image, disk.Path)
			d.until(question)
			d.types(test.answer)
			if code := d.ends(); code != test.code || !strings.Contains(d.said.String(), test.said) {
				t.Errorf("exit status %d, want %d; it said %q", code, test.code, d.said.String())
			}
			if test.written {
				holds(t, disk, content)
			} else {
				holds(t, disk, make([]byte, 3<<20))
			}
		})
	}
}

func TestFlashListsAndAsksWhich(t *testing.T) {
	image, content := diskImage(t, t.TempDir(), 2<<20)
	disk := looptest.Make(t, 3<<20)
	d := talk(t, "flash", "--fixed", image)
	d.until("Write to which (")
	if list := d.said.String(); !strings.Contains(list, "DEVICE") || !strings.Contains(list, disk.File) || !strings.Contains(list, "nothing but zeros") {
		t.Errorf("the list is %s", list)
	}
	d.types(disk.Name + "\n")
	d.until("[y/N] ")
	d.types("y\n")
	if code := d.ends(); code != exitOK {
		t.Errorf("exit status %d: %s", code, d.said.String())
	}
	holds(t, disk, content)
}

func TestFlashEndsWithItsTerminalAndGoesOnAfterwards(t *testing.T) {
	for name, end := range map[string]func(d *dialogue){
		"Ctrl-C":          func(d *dialogue) { d.types("\x03") },
		"terminal lost":   func(d *dialogue) { d.person.Close() },
		"asked to end":    func(d *dialogue) { _ = d.cmd.Process.Signal(syscall.SIGTERM) },
		"killed outright": func(d *dialogue) { _ = d.cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			// Where a disk takes an image faster than the signal comes, a larger one has to do.
			for size := 64 << 20; ; size *= 2 {
				dir := t.TempDir()
				image, content := diskImage(t, dir, size)
				disk := looptest.Make(t, int64(size)+8<<20)
				d := talk(t, "flash", "--fixed", "--yes", image, disk.Path)
				d.until("writing: ")
				end(d)
				if code := d.ends(); code == exitOK && size < 1<<30 {
					continue
				} else if code == exitOK {
					t.Fatalf("%d bytes were written before the signal came", size)
				}
				if name == "Ctrl-C" && !strings.Contains(d.said.String(), disk.Path+" is not complete, and nothing starts from it. The same command goes on where it has stopped.") {
					t.Errorf("it said %q", d.said.String())
				}
				holds(t, disk, make([]byte, 4096))
				bantam("", "flash", "--fixed", "--yes", image, disk.Path).expect(t, exitOK, "holds the image", "")
				holds(t, disk, content)
				return
			}
		})
	}
}

func TestFlashNamesTheCommandForRoot(t *testing.T) {
	disk := looptest.Make(t, 3<<20)
	// Where somebody else comes to, too.
	dir, err := os.MkdirTemp("", "bantam")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	tool := filepath.Join(dir, "bantam")
	looptest.Tool(t, "coreutils", "cp", os.Args[0], tool)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	image, _ := diskImage(t, dir, 1<<20)
	cmd := exec.Command(tool, "flash", "--fixed", "--yes", image, disk.Path)
	cmd.Env = []string{asProgram + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, _ := cmd.CombinedOutput()
	want := "you may not write to " + disk.Path + "; as root:\n  sudo " + tool + " flash --fixed --yes '" + image + "' " + disk.Path + "\n"
	if !strings.Contains(string(out), want) {
		t.Errorf("it said %q, want %q", out, want)
	}
}
