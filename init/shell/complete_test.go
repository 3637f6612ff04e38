package shell

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostile are names of files that must not do anything.
var hostile = []string{"plain", "two words", "quote's", `a"b`, `back\slash`, "$HOME", "`id`", "$(id)", "a;b", "a&b", "*", "[x]", "{a,b}", "#x", "!x",
	"new\nline", "tab\tx", "\x1b[31mred", "\x7f", "latin\xe9", "\xff", "ä", "漢字", "x~", "a\x01b"}

func TestACompletedNameIsTheFileAndNothingElse(t *testing.T) {
	bin := binFolder(t)
	for _, name := range hostile {
		cmd := &exec.Cmd{Path: bin + "/sh", Args: []string{"sh", "-c", "printf %s " + quoteWord(name)}, Env: []string{"PATH=" + bin}, Dir: t.TempDir()}
		got, err := cmd.Output()
		if err != nil || string(got) != name {
			t.Errorf("%q is completed to %s, which the shell takes for %q (%v)", name, quoteWord(name), got, err)
		}
		if back := unquote(quoteWord(name)); back != name {
			t.Errorf("%q: the completed word reads as %q", name, back)
		}
	}
}

func TestAListingOfNamesSendsNoCommandsToTheTerminal(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a\x1b]0;x\a", "a\u009b2J"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sh := newShell("sh", nil, os.Stdin)
	got := sh.complete("cat " + dir + "/a").Display
	if len(got) != 2 || got[0] != "a?]0;x?" || got[1] != "a?2J" {
		t.Errorf("got %q", got)
	}
}

func TestTabKnowsVariablesFlagsAndWhatBantamTakes(t *testing.T) {
	t.Setenv("HOME", "/root")
	sh := newShell("sh", nil, os.Stdin)
	sh.runText("HOMELAND=1; lower_case=2")
	old := CompleteBantam
	defer func() { CompleteBantam = old }()
	CompleteBantam = func(words []string, typed string) ([]string, bool) {
		return []string{strings.Join(words, "-") + "-one", "other"}, len(words) > 1
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for before, want := range map[string]string{
		"echo $HOM":                   "$HOME $HOMELAND",
		"echo ${low":                  "${lower_case}",
		"$HOMEL":                      "$HOMELAND",
		"echo $__sh":                  "",
		"rmdir -":                     "-p",
		"mount --b":                   "--bind",
		"find . -del":                 "-delete",
		"find . -exec ls -Z":          "",
		"nosuch -":                    "",
		"bantam ser":                  "",
		"bantam service":              "",
		"bantam service o":            "other",
		"true; bantam service s":      "service-one",
		"bantam a b " + dir + "/fi":   dir + "/file",
		"cat < " + dir + "/fi":        dir + "/file",
		"bantam service " + dir + "/": "",
		"id roo":                      "root",
	} {
		if got := strings.Join(sh.complete(before).Words, " "); got != want {
			t.Errorf("%s: got %q, want %q", before, got, want)
		}
	}
}
