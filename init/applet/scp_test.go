package applet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runScp is scp with what the other end says, all at once.
func runScp(said string, args ...string) (code int, out, errs string) {
	var o, e strings.Builder
	code, _ = Run("scp", args, Stdio{strings.NewReader(said), &o, &e})
	return code, o.String(), e.String()
}

// Copies by other programs are tested in init/sshd.

func TestScpWritesNothingUnderAHostileName(t *testing.T) {
	for _, said := range []string{
		"C0644 1 ../x\nx\x00", "C0644 1 /x\nx\x00", "C0644 1 ..\nx\x00", "C0644 1 .\nx\x00", "C0644 1 \nx\x00", "C0644 1 a/b\nx\x00", "C0644 1 x\x00y\nx\x00",
		"D0755 0 ..\nC0644 1 x\nx\x00E\n", "D0755 0 /x\nC0644 1 x\nx\x00E\n", "D0755 0 .\nE\n",
		"D0755 0 a\nC0644 1 ../../x\nx\x00E\n",
	} {
		top := t.TempDir()
		target := filepath.Join(top, "target")
		if err := os.Mkdir(target, 0o755); err != nil {
			t.Fatal(err)
		}
		code, out, errs := runScp(said, "-t", "-r", target)
		if code == 0 || !strings.HasSuffix(out, "\x02scp: not a file's name\n") || !strings.Contains(errs, "not a file's name") {
			t.Errorf("%q: %d, %q, %q", said, code, out, errs)
		}
		filepath.WalkDir(top, func(path string, entry os.DirEntry, err error) error {
			if err != nil || path != top && path != target && path != filepath.Join(target, "a") {
				t.Errorf("%q: %s is there, %v", said, path, err)
			}
			return nil
		})
	}
}

func TestScpEndsAtWhatIsNotItsProtocol(t *testing.T) {
	for _, said := range []string{
		"hello\n", "\n", "C\n", "C0644\n", "C0644 1\n", "C9999 1 x\n", "C0644 -1 x\n", "C0644 99999999999999999999 x\n", "C77777 1 x\n", "T1\n", "Tx 0 y 0\n", "E\n",
		strings.Repeat("x", 1<<20),
		"D0755 0 folder\n", // without -r
	} {
		dir := t.TempDir()
		code, _, errs := runScp(said, "-t", dir)
		if code == 0 || !strings.Contains(errs, errScpProtocol.Error()) {
			t.Errorf("%.20q: %d, %q", said, code, errs)
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			t.Errorf("%.20q: left %v", said, entries)
		}
	}
	for _, said := range []string{"\x07", "\x00\x02go away\n"} {
		if code, _, errs := runScp(said, "-f", "scp_test.go"); code == 0 || errs == "" {
			t.Errorf("%q: %d, %q", said, code, errs)
		}
	}
}

func TestScpTellsWhatItCannotWrite(t *testing.T) {
	dir := t.TempDir()
	code, out, _ := runScp("C0644 5 x\nC0644 2 y\nhi\x00", "-t", filepath.Join(dir, "no/folder"))
	if code == 0 || !strings.Contains(out, "\x01scp: "+filepath.Join(dir, "no/folder")+": no such file or directory\n") {
		t.Errorf("no folder: %d, %q", code, out)
	}
	code, out, _ = runScp("C0644 5 full\nhello\x00", "-t", "/dev/full")
	if code == 0 || out != "\x00\x00\x01scp: /dev/full: no space left on device\n" {
		t.Errorf("a full disk: %d, %q", code, out)
	}
	file := filepath.Join(dir, "file")
	write(t, file, "")
	code, out, _ = runScp("", "-t", "-d", file)
	if code == 0 || !strings.Contains(out, "\x01scp: "+file+": not a directory\n") {
		t.Errorf("a file that is to be a folder: %d, %q", code, out)
	}
	code, _, errs := runScp("C0644 500 x\nhello", "-t", dir) // the other end dies
	if code == 0 || !strings.Contains(errs, "the other end is gone") {
		t.Errorf("cut: %d, %q", code, errs)
	}
}

func TestScpTellsWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "new\nline"), "x")
	write(t, filepath.Join(dir, "plain"), "text")
	stamp := time.Unix(1700000000, 0)
	if err := os.Chtimes(filepath.Join(dir, "plain"), stamp, stamp); err != nil {
		t.Fatal(err)
	}
	yes := strings.Repeat("\x00", 100)
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"-f", "-p", dir + "/plain"}, "T1700000000 0 1700000000 0\nC0644 4 plain\ntext\x00", 0},
		{[]string{"-f", dir + "/new\nline"}, "\x01scp: " + dir + "/new?line: not a file's name\n", 1},
		{[]string{"-f", dir}, "\x01scp: " + dir + ": not a regular file\n", 1},
		{[]string{"-f", dir + "/nothing", dir + "/plain"}, "\x01scp: " + dir + "/nothing: no such file or directory\nC0644 4 plain\ntext\x00", 1},
		{[]string{"-f", "/dev/null"}, "\x01scp: /dev/null: not a regular file\n", 1},
	} {
		code, out, errs := runScp(yes, c.args...)
		if code != c.code || out != c.want {
			t.Errorf("%q: %d, %q, %q", c.args, code, out, errs)
		}
	}
}

func TestScpHasNoNearEnd(t *testing.T) {
	for _, args := range [][]string{{"file", "host:"}, {"-r", "host:file", "."}, {}} {
		code, out, errs := runScp("", args...)
		if code != 2 || out != "" || !strings.Contains(errs, "only the far end of a copy here") {
			t.Errorf("%q: %d, %q, %q", args, code, out, errs)
		}
	}
}
