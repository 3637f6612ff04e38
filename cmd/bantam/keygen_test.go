package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/images/signing"
	"bantam/signature"
	"bantam/system"
	"bantam/tty/ttytest"
)

// workIn is a folder of its own, which the test's commands run in.
func workIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	return dir
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAKeyPairIsMadeWithItsLinesForSystemTOML(t *testing.T) {
	for _, kind := range signing.Types {
		workIn(t)
		t.Setenv(passphraseVariable, "correct horse")
		r := bantam("", "keygen", "--type", kind, "release")
		r.expect(t, exitOK, "[trust]\nkeys = [", "release.key signs: keep it")
		s, problems := system.Parse("system.toml", []byte(r.out))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		public, err := signature.ParseKey(readFile(t, "release.pub"))
		if err != nil {
			t.Fatal(err)
		}
		if keys := s.Trust.PublicKeys(); len(keys) != 1 || keys[0].Line() != public.Line() || !strings.Contains(r.out, public.String()) {
			t.Errorf("%s: printed %q, release.pub is %s", kind, r.out, public.Line())
		}
		for name, want := range map[string]os.FileMode{"release.key": 0o600, "release.pub": 0o644} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm()&^want != 0 {
				t.Errorf("%s: mode %v, %v, want %v", name, info.Mode(), err, want)
			}
		}
		key, err := signing.Decode([]byte(readFile(t, "release.key")), func() ([]byte, error) { return []byte("correct horse"), nil })
		if err != nil || key.Public().Line() != public.Line() {
			t.Errorf("%s: release.key is of %v, %v", kind, key.Public(), err)
		}
	}
}

func TestKeysAreNeverOverwritten(t *testing.T) {
	t.Setenv(passphraseVariable, "")
	for _, name := range []string{"release.key", "release.pub"} {
		workIn(t)
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		bantam("", "keygen", "release").expect(t, exitFault, "", name+" is there; keys are never overwritten")
		if files, _ := filepath.Glob("*"); len(files) != 1 || readFile(t, name) != "mine" {
			t.Errorf("%s: there are %q", name, files)
		}
	}
	workIn(t)
	if err := os.Symlink("nowhere", "release.key"); err != nil {
		t.Fatal(err)
	}
	bantam("", "keygen", "release.key").expect(t, exitFault, "", "release.key is there")
}

// A person who types answers at a terminal; each is a line.
func atTerminal(t *testing.T, typed []string, args ...string) (result, *os.File) {
	t.Helper()
	person, line := ttytest.Open(t)
	var out bytes.Buffer
	said, heard := io.Pipe()
	done := make(chan result)
	go func() {
		var errors bytes.Buffer
		code := run(args, line, &out, io.MultiWriter(&errors, heard))
		heard.Close()
		done <- result{code, out.String(), errors.String()}
	}()
	var asked bytes.Buffer
	buf := make([]byte, 512)
	for _, answer := range typed {
		before := asked.Len()
		for !strings.HasSuffix(asked.String()[before:], ": ") {
			n, err := said.Read(buf)
			if err != nil {
				t.Fatalf("never asked for %q: %q", answer, asked.String())
			}
			asked.Write(buf[:n])
		}
		if _, err := person.WriteString(answer); err != nil {
			t.Fatal(err)
		}
	}
	io.Copy(io.Discard, said)
	return <-done, line
}

func echoes(t *testing.T, line *os.File) bool {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return modes.Lflag&unix.ECHO != 0
}

// unsetenv takes a variable away for a test.
func unsetenv(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "") // for its cleanup
	os.Unsetenv(name)
}

func TestThePassphraseIsAskedForTwice(t *testing.T) {
	unsetenv(t, passphraseVariable)
	workIn(t)
	r, line := atTerminal(t, []string{"first\n", "first\n"}, "keygen", "release")
	r.expect(t, exitOK, "[trust]", "Passphrase of release.key (it is not shown): ")
	if !echoes(t, line) {
		t.Error("the terminal is left without echo")
	}
	if _, err := signing.Decode([]byte(readFile(t, "release.key")), func() ([]byte, error) { return []byte("first"), nil }); err != nil {
		t.Error(err)
	}
	r, line = atTerminal(t, []string{"first\n", "second\n"}, "keygen", "other")
	r.expect(t, exitFault, "", "the two passphrases differ")
	r2, _ := atTerminal(t, []string{"\x04"}, "keygen", "other")
	r2.expect(t, exitFault, "", "nothing was typed")
	bantam("", "keygen", "other").expect(t, exitFault, "", "there is no terminal to ask for the passphrase of other.key: set COSIGN_PASSWORD")
	if files, _ := filepath.Glob("other*"); len(files) != 0 || !echoes(t, line) {
		t.Errorf("there are %q; echo %v", files, echoes(t, line))
	}
}

func TestKeygenRefuses(t *testing.T) {
	workIn(t)
	t.Setenv(passphraseVariable, "x")
	bantam("", "keygen").expect(t, exitUsage, "", "want one NAME, got 0 arguments")
	bantam("", "keygen", "a", "b").expect(t, exitUsage, "", "want one NAME, got 2 arguments")
	bantam("", "keygen", "--type", "rsa", "a").expect(t, exitUsage, "", "--type rsa: want ed25519 or p256")
	bantam("", "keygen", "no/such/folder").expect(t, exitFault, "", "no/such/folder.key: no such file or directory")
}
