package statevolume

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/gpt"
	"bantam/init/statevolume/sparse"

	"golang.org/x/sys/unix"
)

// folders are a /sys/block and a /dev of the test's own.
func folders(t *testing.T) Options {
	t.Helper()
	dir := t.TempDir()
	o := Options{
		Cmdline: "bantam.disk=" + testGUID.String(), Dir: dir + "/state", ImagePath: dir + "/none", Wait: 300 * time.Millisecond,
		sys: dir + "/sys", dev: dir + "/dev",
	}
	if err := os.MkdirAll(o.dev, 0o755); err != nil {
		t.Fatal(err)
	}
	return o
}

// show makes a disk or a partition below o.sys.
func (o Options) show(t *testing.T, name string, numbers map[string]uint64) {
	t.Helper()
	for attribute, n := range numbers {
		path := filepath.Join(o.sys, name, attribute)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// silentDisk is a disk that never answers: a pipe whose other end nobody opens before the test is over.
func silentDisk(t *testing.T, o Options, name string) {
	t.Helper()
	path := filepath.Join(o.dev, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	o.show(t, name, map[string]uint64{"size": testSectors, "queue/logical_block_size": 512})
	t.Cleanup(func() {
		if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
			unix.Close(fd)
		}
	})
}

const diskSectors = 128 * sectorsPerMiB

var (
	esp           = gpt.Partition{Type: gpt.ESP, First: 400, Last: 7000}
	testPartition = gpt.Partition{Type: PartitionType, ID: gpt.DeriveGUID(testGUID.String(), gpt.StatePurpose), First: usualStart, Last: usualStart + minSectors - 1, Name: partitionName}
)

// ourDisk is a disk with a state partition whose file system is empty.
func ourDisk(t *testing.T, o Options, name string) (path string) {
	t.Helper()
	table := gpt.Table{Disk: testGUID, Sectors: diskSectors, Partitions: []gpt.Partition{esp, testPartition, testLayers}}
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(o.dev, name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fs := filepath.Join(t.TempDir(), "ext4")
	if out, err := exec.Command("/usr/sbin/mke2fs", "-q", "-F", "-b", "4096", "-L", sparse.Label,
		"-O", "none,has_journal,resize_inode,filetype,extent,64bit,sparse_super,metadata_csum", "-J", "size=4", fs, "16M").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs, of the Debian package e2fsprogs: %v\n%s", err, out)
	}
	content, err := os.ReadFile(fs)
	if err != nil {
		t.Fatal(err)
	}
	mbr := make([]byte, 512)
	gpt.ProtectiveMBR(mbr, diskSectors, true)
	for at, b := range map[int64][]byte{
		0: mbr, 512: table.Primary(), (diskSectors - gpt.TableSectors) * 512: table.Backup(), usualStart * 512: content,
	} {
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(diskSectors * 512); err != nil {
		t.Fatal(err)
	}
	o.show(t, name, map[string]uint64{"size": diskSectors, "queue/logical_block_size": 512})
	return path
}

// withOrigin makes the machine one that was started from a disk of this origin, and gives that disk the same.
func withOrigin(t *testing.T, o *Options, path string, own gpt.GUID) {
	t.Helper()
	origin := gpt.Origin{Image: testGUID, Sector: originSector, Disk: own}
	o.OriginPath = filepath.Join(t.TempDir(), "origin")
	if err := os.WriteFile(o.OriginPath, []byte(origin.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(origin.Archive(), originSector*512); err != nil {
		t.Fatal(err)
	}
}

func TestADiskThatDoesNotAnswerHoldsUpNoOther(t *testing.T) {
	o := folders(t)
	silentDisk(t, o, "sda")
	ourDisk(t, o, "sdb")
	ended := make(chan []Disk, 1)
	go func() {
		ours, _, err := newSearch(o, identity{image: testGUID}, false).wait(context.Background())
		if err != nil {
			t.Error(err)
		}
		ended <- ours
	}()
	select {
	case ours := <-ended:
		if len(ours) != 1 || ours[0].Name != "sdb" || ours[0].State == nil || ours[0].State.FileSystem.Condition != Intact {
			t.Errorf("got %+v, want sdb with an intact volume", ours)
		}
	case <-time.After(time.Minute):
		t.Error("sdb was not found within 20 s")
	}
}

func TestADiskThatNeverAnswersIsNamed(t *testing.T) {
	o := folders(t)
	silentDisk(t, o, "sda")
	f, err := gather(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if a := Decide(f); a.Verb != UseMemory || !strings.HasSuffix(a.Reason, "; sda: it does not answer") {
		t.Errorf("got %v: %s; want memory, because sda does not answer", a.Verb, a.Reason)
	}
}

// inOwnMounts runs the calling test again in a mount namespace of its own, and returns false out here and true in there.
func inOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv("BANTAM_OWN_MOUNTS") != "" {
		if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if os.Getuid() != 0 {
		t.Fatal("this test mounts; run it as root")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "BANTAM_OWN_MOUNTS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Fatalf("in a mount namespace: %v\n%s", err, out)
	}
	return false
}

// partition makes the state partition of a disk a device.
func partition(t *testing.T, o Options, disk, name, path string) {
	t.Helper()
	out, err := exec.Command("losetup", "--find", "--show", "--offset", fmt.Sprint(usualStart*512), "--sizelimit", fmt.Sprint(minSectors*512), path).Output()
	if err != nil {
		t.Fatalf("losetup, of the Debian package mount: %v", err)
	}
	loop := strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "--detach", loop).Run() })
	if err := os.Symlink(loop, filepath.Join(o.dev, name)); err != nil {
		t.Fatal(err)
	}
	o.show(t, disk+"/"+name, map[string]uint64{"start": testPartition.First, "size": minSectors})
}

// mounted lists type and place of what is mounted at the places that begin with prefix.
func mounted(t *testing.T, prefix string) (list []string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(line, " - ")
		if place, ok := strings.CutPrefix(strings.Fields(before)[4], prefix); ok {
			list = append(list, strings.Fields(after)[0]+" at "+filepath.Base(prefix)+place)
		}
	}
	return list
}

func TestAVolumeIsMountedWhereItIsWanted(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	o := folders(t)
	t.Cleanup(func() { unix.Unmount(o.Dir, unix.MNT_DETACH) })
	path := ourDisk(t, o, "vda")
	partition(t, o, "vda", "vda2", path)
	withOrigin(t, &o, path, gpt.GUID{})
	ourDisk(t, o, "sda") // of the same image, but not where the machine was started from
	v, err := Open(context.Background(), o)
	if disk, err := os.ReadFile(path); err != nil {
		t.Error(err)
	} else {
		wantOwn(t, disk)
	}
	if err != nil || v.Kind != OnDisk || v.Device != o.dev+"/vda2" || v.Origin != "found" || v.Size < 10<<20 {
		t.Errorf("got %+v, %v; want it found on vda2", v, err)
	}
	if got := fmt.Sprint(mounted(t, o.Dir)); got != "[ext4 at state]" {
		t.Errorf("mounted: %s", got)
	}
	if found, _ := filepath.Glob(o.Dir + "*"); len(found) != 1 {
		t.Errorf("folders: %q", found)
	}
	// From what Open has read: the disk has another GUID by now than the initrd says.
	if area, err := v.Layers(context.Background(), o); err != nil || area != testArea(o, "vda") {
		t.Errorf("its layers: %+v, %v", area, err)
	}
	if v, err = v.Distrust("its files are damaged"); err != nil || v.Kind != Untrusted || v.Reason != "its files are damaged" {
		t.Errorf("distrusted: got %+v, %v", v, err)
	}
	if got := fmt.Sprint(mounted(t, o.Dir)); got != "[tmpfs at state]" {
		t.Errorf("mounted after it was distrusted: %s", got)
	}
}

// A kernel with everything built in comes without a list of modules, so nobody knows ext4 by name.
func TestAKernelWithExt4BuiltInNeedsNoModule(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	o := folders(t)
	t.Cleanup(func() { unix.Unmount(o.Dir, unix.MNT_DETACH) })
	partition(t, o, "vda", "vda2", ourDisk(t, o, "vda"))
	o.LoadModule = func(name string) error { return errors.New("module " + name + ": no such module") }
	if v, err := Open(context.Background(), o); err != nil || v.Kind != OnDisk {
		t.Errorf("got %+v, %v; want it on the disk", v, err)
	}
}

func TestAVolumeThatComesTooLateIsNotUsed(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	o := folders(t)
	t.Cleanup(func() { unix.Unmount(o.Dir, unix.MNT_DETACH) })
	partition(t, o, "vda", "vda2", ourDisk(t, o, "vda"))
	hangs, answers := make(chan struct{}), make(chan struct{})
	o.LoadModule = func(name string) error {
		if name == "ext4" {
			close(hangs)
			<-answers
		}
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-hangs
		cancel()
	}()
	opened := make(chan Volume, 1)
	go func() {
		v, err := Open(ctx, o)
		if err != nil {
			t.Error(err)
		}
		opened <- v
	}()
	select {
	case v := <-opened:
		if v.Kind != InMemory || v.Reason != errSilent.Error() {
			t.Errorf("got %+v, want memory", v)
		}
	case <-time.After(time.Minute):
		t.Fatal("Open waits for a disk that does not answer")
	}
	// Where the late volume is mounted before it is let go of: gone means that this is over.
	if err := os.MkdirAll(o.Dir+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	close(answers)
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		found, _ := filepath.Glob(o.Dir + "*")
		if got := fmt.Sprint(mounted(t, o.Dir)); got == "[tmpfs at state]" && len(found) == 1 {
			return
		} else if time.Now().After(end) {
			t.Fatalf("mounted: %s, folders %q", got, found)
		}
	}
}
