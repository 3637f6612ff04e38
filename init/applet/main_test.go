package applet

import (
	"os"
	"os/exec"
	"testing"
)

// TestMain makes the test binary stand in for the device binary: find and
// xargs run commands through /proc/self/exe when they are in no PATH.
func TestMain(m *testing.M) {
	if name := os.Getenv("APPLET_TEST_RUN"); name != "" {
		code, ok := Run(name, os.Args[1:], OS())
		if !ok {
			code = 127
		}
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// needTool fails with the Debian package that has the oracle.
func needTool(t *testing.T, tool, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s", tool, pkg)
	}
	return path
}
