package shell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/init/applet"
)

// TestMain makes the test binary stand in for the device binary: under the
// name of a command it is that command.
func TestMain(m *testing.M) {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "-")
	if name == "sh" {
		profile = "/nonexistent" // the host's sets another prompt
		os.Exit(Main(os.Args))
	}
	if !strings.HasSuffix(name, ".test") && applet.Has(name) {
		code, _ := applet.Run(name, os.Args[1:], applet.OS())
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// binFolder is a folder with sh and all commands, as /bin is on the device.
func binFolder(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range append(applet.Names(), "sh") {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
