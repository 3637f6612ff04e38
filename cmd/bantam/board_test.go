package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A board of one's own is a file anywhere; what is wrong in it is told by its place, as of a system.toml.
func TestABoardOfOnesOwnIsAFile(t *testing.T) {
	text, err := os.ReadFile("../../board/orangepi-pc.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	good, bad, system := filepath.Join(dir, "mine.toml"), filepath.Join(dir, "bad.toml"), filepath.Join(dir, "system.toml")
	for path, content := range map[string]string{
		good: string(text), system: "hostname = \"x\"\n",
		bad: strings.Replace(strings.Replace(string(text), "\narch ", "\narhc ", 1), `magic    = "eGON.BT0"`, "magic    = 7", 1),
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bantam("", "boards", good).expect(t, exitOK, "mine: Orange Pi PC (Allwinner H3), SD card\n", "")
	for _, args := range [][]string{{"boards", bad}, {"build", "--board", bad, system}, {"run", "--board", bad}} {
		r := bantam("", args...)
		r.expect(t, exitFault, "", bad+":3:1: unknown key arhc; did you mean \"arch\"?\n")
		r.expect(t, exitFault, "", ": u_boot.program[0].magic: expected a string, found an integer\n")
		r.expect(t, exitFault, "", bad+":1:1: arch is missing\n")
	}
	out := filepath.Join(dir, "out")
	bantam("", "build", "--board", good, "--out", out, "--device", "/nonexistent", system).expect(t, exitFault, "", "make device-arm")
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("a build that could not begin leaves %s: %v", out, err)
	}
	bantam("", "run", "--board", "rock64", "x.img").expect(t, exitFault, "", "no virtual machine of QEMU starts as board rock64 does; bantam boards rock64 says what was seen of it")
}
