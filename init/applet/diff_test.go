package applet

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// randomText has few different lines, so that they repeat, and sometimes no line
// end at its end.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.Intn(40) {
		fmt.Fprintf(&b, "line %d\n", r.Intn(12))
	}
	text := b.String()
	if r.Intn(3) == 0 {
		text = strings.TrimSuffix(text, "\n")
	}
	return text
}

// mutated is a text with some of its lines changed.
func mutated(r *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for range r.Intn(5) {
		i := r.Intn(len(lines))
		switch r.Intn(3) {
		case 0:
			lines[i] = fmt.Sprintf("new %d\n", r.Intn(5))
		case 1:
			lines = append(lines[:i], lines[i+1:]...)
		default:
			lines = append(lines[:i], append([]string{"more\n"}, lines[i:]...)...)
		}
		if len(lines) == 0 {
			lines = []string{""}
		}
	}
	return strings.Join(lines, "")
}

func TestDiffAndPatchOfOursAndGNUUnderstandEachOther(t *testing.T) {
	gnuDiff, gnuPatch := needTool(t, "diff", "diffutils"), needTool(t, "patch", "patch")
	t.Chdir(t.TempDir())
	r := rand.New(rand.NewSource(1))
	for round := range 60 {
		old := randomText(r)
		new := randomText(r)
		if round%2 == 0 {
			new = mutated(r, old)
		}
		context := fmt.Sprint(r.Intn(4))
		write(t, "old", old)
		write(t, "new", new)
		ours, _, code := run("diff", nil, "-U", context, "old", "new")
		theirs, _ := exec.Command(gnuDiff, "-U", context, "old", "new").Output()
		if want := map[bool]int{true: 0, false: 1}[old == new]; code != want {
			t.Fatalf("diff ends with %d, want %d", code, want)
		}
		if old == new {
			continue
		}
		if a, b := strings.Count(ours, "\n-")+strings.Count(ours, "\n+"), bytes.Count(theirs, []byte("\n-"))+bytes.Count(theirs, []byte("\n+")); a > b {
			t.Errorf("round %d: %d changed lines, GNU's has %d\n%s\n%s", round, a, b, ours, theirs)
		}
		for _, c := range []struct{ claim, diff, from, to, option string }{
			{"our diff", ours, old, new, ""}, {"our diff backwards", ours, new, old, "-R"},
			{"GNU's diff", string(theirs), old, new, ""}, {"GNU's diff backwards", string(theirs), new, old, "-R"},
		} {
			for _, by := range []string{"GNU's patch", "our patch"} {
				write(t, "file", c.from)
				write(t, "changes", c.diff)
				args := strings.Fields(c.option + " -E -f -s file changes")
				var said string
				if by == "our patch" {
					_, said, _ = run("patch", nil, args...)
				} else {
					out, _ := exec.Command(gnuPatch, args...).CombinedOutput()
					said = string(out)
				}
				got, _ := os.ReadFile("file") // GNU's removes an empty one with -E
				if string(got) != c.to {
					t.Fatalf("round %d: %s, %s: got %q, want %q; it says %s\n%s", round, c.claim, by, got, c.to, said, c.diff)
				}
			}
		}
	}
}

// A file that changed meanwhile: where GNU's patch finds the places, ours does
// with the same result; where it does not, ours changes nothing.
func TestPatchFindsPlacesAsGNU(t *testing.T) {
	gnuPatch := needTool(t, "patch", "patch")
	t.Chdir(t.TempDir())
	r := rand.New(rand.NewSource(3))
	found, lost := 0, 0
	for round := range 80 {
		var b strings.Builder
		for i := range 40 {
			fmt.Fprintf(&b, "line %d\n", i+r.Intn(3)*100)
		}
		old := b.String()
		new, there := mutated(r, old), mutated(r, mutated(r, old))
		write(t, "old", old)
		write(t, "new", new)
		changes, _, _ := run("diff", nil, "old", "new")
		if changes == "" {
			continue
		}
		write(t, "changes", changes)
		write(t, "ours", there)
		write(t, "theirs", there)
		_, said, code := run("patch", nil, "-f", "ours", "changes")
		theirs := exec.Command(gnuPatch, "-f", "--no-backup-if-mismatch", "-r", "-", "theirs", "changes")
		out, _ := theirs.CombinedOutput()
		if theirs.ProcessState.ExitCode() == 0 {
			found++
			if got, want := read(t, "ours"), read(t, "theirs"); got != want || code != 0 {
				t.Fatalf("round %d: status %d, %s\ngot %q\nwant %q, GNU's says %s\n%s", round, code, said, got, want, out, changes)
			}
			continue
		}
		if bytes.Contains(out, []byte("eversed")) {
			continue
		}
		lost++
		if code != 1 || read(t, "ours") != there || !strings.Contains(said, "nothing is changed") {
			t.Fatalf("round %d: status %d, %s\nGNU's says %s\n%s", round, code, said, out, changes)
		}
	}
	if found < 20 || lost < 10 {
		t.Errorf("only %d found and %d lost: the texts show nothing", found, lost)
	}
}

func TestDiffOfFoldersAsGNU(t *testing.T) {
	gnu := needTool(t, "diff", "diffutils")
	t.Chdir(t.TempDir())
	for _, dir := range []string{"a", "b"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		populate(t, dir)
	}
	write(t, "a/only", "a\n")
	write(t, "b/other", "b\n")
	write(t, "b/fruit", "pear\napple\nFig\napple\nBanana\n")
	write(t, "b/code", "int  main() {\n return 0; // the end \n}\nint foo_int;\na.b*c\n")
	write(t, "b/bin", "\x00\x01other")
	write(t, "b/noend", "one\ntwo\n")
	write(t, "b/dir/sub/deep", "changed\n")
	os.MkdirAll("a/more/x", 0o755)
	write(t, "a/more/x/y", "y\n")
	os.RemoveAll("b/numbers")
	os.Mkdir("b/numbers", 0o755)
	os.Remove("a/broken")
	os.Remove("b/broken")
	for _, line := range []string{
		"-u a/fruit b/fruit", "-u a/fruit a/fruit", "-q a/fruit b/fruit", "-us a/fruit a/noend", "-s a/fruit a/fruit", "-u a/bin b/bin", "-q a/bin b/bin", "-u a/noend b/noend",
		"-u b/noend a/noend", "-u a/empty a/fruit", "-u a/fruit a/empty", "-U 0 a/fruit b/fruit", "-U1 a/fruit b/fruit", "-ui a/fruit b/fruit", "-ub a/code b/code", "-uw a/code b/code",
		"-ur a b", "-u a b", "-qr a b", "-urN a b", "-Nqr a b", "-u a/fruit b", "-u a b/fruit", "-u a/missing b", "-u a/fruit missing", "-uN a/fruit missing", "-u -L x -L y a/fruit b/fruit", "-u --label x a/fruit b/fruit",
		"-u a/dir b/dir", "-ua a/bin b/bin", "-u a/numbers b/numbers/x", "-q a/missing b/missing",
	} {
		args := strings.Fields(line)
		theirs := exec.Command(gnu, args...)
		theirs.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
		want, _ := theirs.Output()
		ours := applet(t, "diff", args...)
		ours.Env = append(ours.Env, "TZ=UTC")
		got, _ := ours.Output()
		// GNU's repeats the options as they were given.
		got, want = withoutCommands(got), withoutCommands(want)
		if !bytes.Equal(got, want) || ours.ProcessState.ExitCode() != theirs.ProcessState.ExitCode() {
			t.Errorf("diff %s: status %d\n%s\nwant %d\n%s", line, ours.ProcessState.ExitCode(), got, theirs.ProcessState.ExitCode(), want)
		}
	}
}

func withoutCommands(text []byte) []byte {
	var out []byte
	for _, line := range bytes.SplitAfter(text, []byte("\n")) {
		if !bytes.HasPrefix(line, []byte("diff -")) {
			out = append(out, line...)
		}
	}
	return out
}

func TestPatchMakesAndRemovesFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"a", "b"} {
		os.MkdirAll(filepath.Join(dir, "sub"), 0o755)
		write(t, dir+"/stays", "old\n")
	}
	write(t, "a/sub/goes", "x\n")
	os.MkdirAll("b/new/deep", 0o755)
	write(t, "b/new/deep/comes", "y\nz")
	write(t, "b/stays", "new\n")
	changes, _, _ := run("diff", nil, "-rN", "a", "b")
	write(t, "changes", changes)
	do(t, "patch", "-p1", "-d", "a", "-i", "../changes")
	if out, _, code := run("diff", nil, "-r", "a", "b"); strings.Contains(out, "sub/goes") || strings.Contains(out, "comes") || code > 1 {
		t.Errorf("the folders still differ: %s", out)
	}
	do(t, "patch", "-R", "-p1", "-d", "a", "-i", "../changes")
	if read(t, "a/sub/goes") != "x\n" || read(t, "a/stays") != "old\n" {
		t.Error("-R does not lead back")
	}
	if _, err := os.Lstat("a/new/deep/comes"); err == nil {
		t.Error("-R left the new file")
	}
}

func TestPatchChangesNothingUnlessAllFits(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "one", "a\nb\nc\n")
	write(t, "two", "x\n")
	changes := "--- one\n+++ one\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n--- two\n+++ two\n@@ -1 +1 @@\n-y\n+z\n"
	out, errs, code := run("patch", []byte(changes))
	if code != 1 || read(t, "one") != "a\nb\nc\n" || !strings.Contains(errs, "two: hunk 1 at line 1 fits nowhere") {
		t.Errorf("status %d, %s%s, one is %q", code, out, errs, read(t, "one"))
	}
	fine := changes[:strings.Index(changes, "--- two")]
	if _, errs, code := run("patch", []byte(fine), "--dry-run"); code != 0 || read(t, "one") != "a\nb\nc\n" {
		t.Errorf("--dry-run: status %d, %s, one is %q", code, errs, read(t, "one"))
	}
	if _, errs, code := run("patch", []byte(fine)); code != 0 || read(t, "one") != "a\nB\nc\n" {
		t.Errorf("status %d, %s, one is %q", code, errs, read(t, "one"))
	}
	if _, errs, code := run("patch", []byte(fine)); code != 1 || !strings.Contains(errs, "has these changes already") {
		t.Errorf("the second time: status %d, %s", code, errs)
	}
	if _, errs, code := run("patch", []byte("no patch\n")); code != exitTrouble || !strings.Contains(errs, "no unified diff") {
		t.Errorf("no patch: status %d, %s", code, errs)
	}
}

func TestPatchTouchesNothingOutside(t *testing.T) {
	top := t.TempDir()
	write(t, top+"/victim", "precious\n")
	if err := os.Mkdir(top+"/target", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(top + "/target")
	for name, target := range map[string]string{"up": "..", "root": top, "link": "../victim"} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	before := outsideOf(t, top)
	for _, name := range []string{"../victim", top + "/victim", "up/victim", "root/victim", "link", "x/../../victim", "../made", "up/made", "root/made"} {
		changes := fmt.Sprintf("--- %s\n+++ %s\n@@ -1 +1 @@\n-precious\n+evil\n", name, name)
		if strings.Contains(name, "made") {
			changes = fmt.Sprintf("--- /dev/null\n+++ %s\n@@ -0,0 +1 @@\n+evil\n", name)
		}
		if _, errs, code := run("patch", []byte(changes), "-p0"); code != exitTrouble || errs == "" {
			t.Errorf("%s: status %d, %q", name, code, errs)
		}
		if after := outsideOf(t, top); after != before {
			t.Fatalf("%s: outside is now\n%s\nwas\n%s", name, after, before)
		}
	}
}

func FuzzPatchNeverPanics(f *testing.F) {
	f.Add("--- a\n+++ b\n@@ -1,2 +1,2 @@\n x\n-y\n+z\n", "x\ny\n")
	f.Add("diff --git a/x b/x\nnew file mode 100755\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+z\n\\ No newline at end of file\n", "")
	f.Fuzz(func(t *testing.T, changes, text string) {
		patches, err := parsePatch([]byte(changes))
		if err != nil {
			return
		}
		for _, p := range patches {
			lines := bytes.SplitAfter([]byte(text), []byte("\n"))
			applyHunks(lines, p.hunks, mostFuzz)
			applyHunks(lines, p.reverse().hunks, mostFuzz)
		}
	})
}
