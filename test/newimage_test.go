package test

import (
	"os"
	"path/filepath"
	"testing"

	"bantam/test/vm"
)

// An image of another initrd, written over the disk of a machine with settings of its own, runs these; what the image brings
// is there beside them.
func TestNewImageOverAnOldDiskKeepsTheSettings(t *testing.T) {
	const example = "../examples/pc/system.toml"
	text := read(t, example)
	later := filepath.Join(t.TempDir(), "system.toml")
	if err := os.WriteFile(later, append([]byte("modules = [\"nbd\"]\n"), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	path := disk(t, filepath.Join(build(t, "pc", example), "pc.img"))
	args := pc(t, bios, "-drive", virtio(path))
	c := start(t, args)
	c.settled()
	c.write("/state/gate.toml", gateText)
	c.Send("bantam switch /state/gate.toml\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "gate"
	c.prompt()
	c.PowerCut()

	writeAt(t, path, read(t, filepath.Join(build(t, "pc", later), "pc.img")), 0)
	c.Machine = vm.Start(t, args...)
	c.booted()
	c.settled()
	c.must("bantam status", "generation  3, good", "made by update")
	c.must("bantam service list", "web", "ready")
	c.must("bantam generations", "3   good", "4   untried", "image")
	c.must("bantam rollback; echo code $?", "it needs initrd segments", "code 1")
	c.must("bantam diff 4", "hostname")
	c.Send("poweroff\r")
	c.WaitEnd()
}
