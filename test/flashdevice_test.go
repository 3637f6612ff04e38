package test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A machine fetches the next image, is asked, starts it from the other boot slot, and goes back; refuses what is broken; and begins with
// nothing where that is wanted.
func TestADeviceFlashesItself(t *testing.T) {
	const example = "../examples/pc/system.toml"
	first := filepath.Join(build(t, "pc", example), "pc.img")
	later := filepath.Join(build(t, "pc", changed(t, example, `hostname = "bantam"`, "hostname = \"later\"\nmodules = [\"nbd\"]")), "pc.img")
	files := t.TempDir()
	image := read(t, later)
	broken := bytes.Clone(image)
	broken[len(broken)*2/3] ^= 1 // the initrd
	for name, content := range map[string][]byte{"later.img": image, "broken.img": broken, "half.img": image[:len(image)/2]} {
		if err := os.WriteFile(filepath.Join(files, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := exec.Command("xz", "-0", "-k", filepath.Join(files, "later.img")).CombinedOutput(); err != nil {
		t.Fatalf("xz: %v\n%s\napt-get install xz-utils", err, text)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(files)))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	flash := func(options, name string) string {
		return fmt.Sprintf("bantam flash --insecure %s http://10.0.2.2:%s/%s", options, port, name)
	}
	c := start(t, pc(t, bios, "-drive", virtio(disk(t, first)), "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"))
	c.settled()
	c.must("bantam status", "generation  1, good", "slot A (booted, generation 1, good), slot B (empty)")

	c.must(flash("--test", "later.img.xz")+"; echo code $?", "a disk image of Bantam for board pc (Linux 6.", "and initrd into boot slot B",
		"generation 1 runs again if this one does not prove itself", "the boot loader goes back to slot A by itself", "code 0")
	if list := c.run("bantam generations; ls -A /state/import/blobs 2>/dev/null"); strings.Contains(list, "import") || strings.Contains(list, "\n2 ") {
		t.Errorf("--test has changed something:\n%s", list)
	}
	c.must(flash("--yes --force", "broken.img")+"; echo code $?", "this disk image is damaged: its initrd is damaged: checksum ", "code 1")
	c.must(flash("--yes", "half.img")+"; echo code $?", "it is cut off: by its partition table it has", "code 1")
	c.must("bantam status", "slot B (empty)")

	c.must("echo mine > /state/mine; echo kept > /state/kept; printf x | bantam secret set web; echo code $?", "code 0")
	c.Send(flash("", "later.img.xz") + "\r")
	c.Expect("Type yes to go on:")
	took := c.restarted("yes", "later")
	t.Logf("%.0f s from the answer until the new image is proven", took.Seconds())
	c.must("bantam status", "generation  2, good", "made by import", "slot B (booted, generation 2, good)")
	c.must("cat /state/mine; bantam secret list", "mine", "web")
	c.must(flash("--yes", "later.img")+"; echo code $?", "generation 2 is this one, and runs: there is nothing to do", "code 0")

	c.restarted("bantam rollback --reboot", "bantam")
	c.must("bantam status; cat /state/mine", "generation  1, good", "slot A (booted", "mine")

	c.restarted(flash("--yes --keep-settings", "later.img"), "bantam")
	c.must("bantam status; cat /state/mine", "generation  3, good", "made by switch", "slot B (booted, generation 2, good)", "mine") // whose kernel it is
	c.restarted("bantam rollback --reboot", "bantam")

	c.must(flash("--test --wipe --keep /state/kept", "later.img")+"; echo code $?", "lost    draft, secrets", "kept    /state/kept", "code 0")
	c.must(flash("--test --wipe --keep /state/none", "later.img")+"; echo code $?", "--keep /state/none is not there", "code 1")
	c.restarted(flash("--yes --wipe --keep /state/kept", "later.img"), "later")
	c.must("bantam status", "generation  2, good", "what this machine kept was thrown away")
	c.must("cat /state/kept; cat /state/mine; bantam secret list", "kept", "no such file", "none; `bantam secret set NAME` makes one")
	if list := c.run("ls -A /state; bantam secret list"); strings.Contains(list, "wipe") || strings.Contains(list, "mine") {
		t.Errorf("left is\n%s", list)
	}
	c.must("bantam generations", "1   good", "2   good")
	c.off()
}
