package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Real USB sticks, as a kernel sees them, with faults that QEMU makes: one is good, one has a sector that cannot be written, one is
// write-protected, one is slow and is pulled out. The workstation is a machine of ours, whose own disk is refused.
func TestFlashOnUSBSticksThatFail(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, filepath.Join(dir, "bantam"), bantam)
	file := filepath.Join(dir, "system.toml")
	if err := os.WriteFile(file, []byte("[file.'/usr/bin/host-bantam']\nsource = 'bantam'\nmode = '0755'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := build(t, "pc", file)
	for kind, want := range map[string]string{"img": "a disk image of Bantam for board pc (Linux 6.", "iso": "an ISO image of Bantam for board pc (Linux 6."} {
		image := filepath.Join(out, "pc."+kind)
		// Whether this host has a stick or not: nobody is there to be asked.
		text, err := exec.Command(bantam, "flash", image).CombinedOutput()
		if err == nil || !strings.HasPrefix(string(text), image+": "+want) {
			t.Errorf("%s: %v\n%s", kind, err, text)
		}
	}
	image := filepath.Join(out, "pc.img")
	args := []string{"-drive", virtio(disk(t, image)), "-device", "qemu-xhci"}
	sectors := map[string]int{"good": 20000, "dying": 20008, "locked": 20016, "slow": 20024} // by which they are told apart
	for id, more := range map[string]string{
		"good": "file.driver=file,file.filename=%s",
		"dying": "file.driver=blkdebug,file.image.driver=file,file.image.filename=%s," +
			"file.inject-error.0.event=none,file.inject-error.0.iotype=write,file.inject-error.0.sector=5000",
		"locked": "readonly=on,file.driver=file,file.filename=%s",
		"slow":   "throttling.bps-write=1000000,file.driver=file,file.filename=%s",
	} {
		path := filepath.Join(dir, id)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, int64(sectors[id])*512); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-drive", "if=none,format=raw,werror=report,id=drive-"+id+","+fmt.Sprintf(more, path), "-device", "usb-storage,id="+id+",drive=drive-"+id)
	}
	c := start(t, pc(t, bios, args...))
	c.settled()
	c.run("stick() { for i in /sys/block/sd*; do [ $(cat $i/size) = $1 ] && echo /dev/${i##*/}; done; }")
	named := make(map[string]string)
	for id, n := range sectors {
		if named[id] = strings.TrimSpace(c.run(fmt.Sprintf("stick %d", n))); !strings.HasPrefix(named[id], "/dev/sd") {
			t.Fatalf("the stick %s is %q", id, named[id])
		}
	}
	list := c.run("host-bantam flash")
	for _, path := range named {
		if !strings.Contains(list, path) {
			t.Errorf("%s is not listed:\n%s", path, list)
		}
	}
	if strings.Contains(list, "/dev/vda") || !strings.Contains(list, named["locked"]+" is write-protected") {
		t.Errorf("the list is\n%s", list)
	}
	c.run("head -c 6000000 /dev/urandom > /tmp/image")
	const flash = "host-bantam flash --yes --force /tmp/image "
	c.must(flash+named["good"], named["good"]+" (QEMU QEMU HARDDISK, 10.2 MB) holds the image, all of it read back and compared: ", "It may be pulled out now.")
	c.must("head -c 6000000 "+named["good"]+" | cmp - /tmp/image && echo equal", "equal")
	c.must(flash+named["good"], "holds the image already, nothing was written. It may be pulled out now.")
	c.must(flash+named["dying"], named["dying"]+" is not complete, and nothing starts from it.", "write at byte 2097152: input/output error")
	c.must("head -c 4096 "+named["dying"]+" | tr -d '\\0' | wc -c", "0")
	c.must(flash+named["locked"], named["locked"]+" is write-protected")
	c.must(flash+"--fixed /dev/vda", "/dev/vda is a disk that this host runs from: ")
	c.must("host-bantam flash --force /tmp/image /dev/vda", "/dev/vda is a disk that this host runs from: ")

	c.Send(flash + named["slow"] + "\r")
	c.Expect("writing: ")
	c.Unplug("slow")
	c.Expect(named["slow"] + ": it is gone: was it pulled out\\?")
	c.prompt()
	c.must(flash+named["slow"], named["slow"]+": no such file or directory")
	c.must("bantam status", "good")
}
