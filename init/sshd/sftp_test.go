package sshd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/sftp"
)

// noise are bytes that do not repeat.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

// openSSHFiles is one of OpenSSH's programs for files, scp or sftp.
func (h *host) openSSHFiles(program string, args ...string) *exec.Cmd {
	h.t.Helper()
	needs(h.t, program, "openssh-client")
	return exec.Command(program, append(append(h.openSSH(), "-P", h.port), args...)...)
}

func TestOpenSSHsSFTP(t *testing.T) {
	h := newHost(t, nil)
	local := t.TempDir()
	sent := noise(5 << 20)
	if err := os.WriteFile(filepath.Join(local, "sent"), sent, 0o640); err != nil {
		t.Fatal(err)
	}
	cmd := h.openSSHFiles("sftp", "-q", "-b", "-", user+"@127.0.0.1")
	cmd.Dir = local
	stdout, stderr, status := out(t, cmd, strings.NewReader(`pwd
mkdir folder
put -p sent folder/there
ls -l folder
rename folder/there folder/renamed
chmod 600 folder/renamed
symlink renamed folder/link
get folder/link back
df folder
cd folder
rm link
cd ..
ls -1 folder
`))
	if status != 0 {
		t.Fatalf("status %d: %s%s", status, stdout, stderr)
	}
	if !strings.Contains(stdout, "Remote working directory: "+h.dir+"\n") {
		t.Errorf("it does not begin in the home %s:\n%s", h.dir, stdout)
	}
	if !strings.HasSuffix(stdout, "folder\nfolder/renamed\n") && !strings.HasSuffix(stdout, "folder/renamed\n") {
		t.Errorf("got\n%s", stdout)
	}
	back, err := os.ReadFile(filepath.Join(local, "back"))
	if err != nil || !bytes.Equal(back, sent) {
		t.Errorf("%d bytes came back, %v", len(back), err)
	}
	there, err := os.Stat(h.path("folder/renamed"))
	if err != nil || there.Mode() != 0o600 {
		t.Errorf("got %v, %v", there, err)
	}
}

func TestOpenSSHsSCP(t *testing.T) {
	for _, how := range []string{"-s", "-O"} { // over sftp, and as it was before OpenSSH 9
		t.Run(how, func(t *testing.T) {
			h := newHost(t, nil)
			local := t.TempDir()
			tree := map[string][]byte{"a/one": noise(3 << 20), "a/b/two": []byte("two\n"), "a/b/empty": nil, "a/with space": []byte("x")}
			for name, text := range tree {
				os.MkdirAll(filepath.Dir(filepath.Join(local, name)), 0o755)
				if err := os.WriteFile(filepath.Join(local, name), text, 0o640); err != nil {
					t.Fatal(err)
				}
			}
			there := user + "@127.0.0.1:"
			for _, args := range [][]string{
				{how, "-q", "-r", "-p", filepath.Join(local, "a"), there},
				{how, "-q", "-r", "-p", there + "a", filepath.Join(local, "back")},
				{how, "-q", filepath.Join(local, "a/b/two"), there + "renamed"},
			} {
				if stdout, stderr, status := out(t, h.openSSHFiles("scp", args...), nil); status != 0 {
					t.Fatalf("%q: status %d: %s%s", args, status, stdout, stderr)
				}
			}
			for name, text := range tree {
				for _, path := range []string{h.path(name), filepath.Join(local, "back", strings.TrimPrefix(name, "a/"))} {
					got, err := os.ReadFile(path)
					if err != nil || !bytes.Equal(got, text) {
						t.Errorf("%s: %d bytes, %v", path, len(got), err)
						continue
					}
					was, _ := os.Stat(filepath.Join(local, name))
					is, _ := os.Stat(path)
					if is.Mode() != was.Mode() || is.ModTime().Unix() != was.ModTime().Unix() {
						t.Errorf("%s: %v of %v, want %v of %v", path, is.Mode(), is.ModTime(), was.Mode(), was.ModTime())
					}
				}
			}
			if got, err := os.ReadFile(h.path("renamed")); err != nil || string(got) != "two\n" {
				t.Errorf("renamed: %q, %v", got, err)
			}
			stdout, stderr, status := out(t, h.openSSHFiles("scp", how, "-q", there+"nothing", local), nil)
			if status == 0 || !strings.Contains(strings.ToLower(stderr), "no such file") {
				t.Errorf("of a file that is not there: %q%q, %d", stdout, stderr, status)
			}
		})
	}
}

func TestAnUploadToADiskThatIsFull(t *testing.T) {
	h := newHost(t, nil)
	h.change(func() { h.small = 8 << 20 })
	client, err := sftp.NewClient(h.dial())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	f, err := client.Create("small/big")
	if err != nil {
		t.Fatal(err)
	}
	// 100 MB of which the first eight find room.
	n, err := io.Copy(f, io.LimitReader(rand.NewChaCha8([32]byte{}), 100<<20))
	var status *sftp.StatusError
	if !errors.As(err, &status) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("after %d bytes: %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	// It still serves, and what was written before is there.
	there, err := client.Stat("small/big")
	if err != nil || there.Size() == 0 || there.Size() > 8<<20 {
		t.Errorf("got %v, %v", there, err)
	}
	if err := client.Remove("small/big"); err != nil {
		t.Error(err)
	}
}

// A path out of the home is one like any other: the user's rights decide.
func TestPathsOutOfTheHome(t *testing.T) {
	h := newHost(t, nil)
	client, err := sftp.NewClient(h.dial())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", strings.Count(h.dir, "/"))
	for _, path := range []string{outside, up + outside[1:]} {
		f, err := client.Open(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if text, err := io.ReadAll(f); string(text) != "outside" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
		f.Close()
	}
	for _, path := range []string{"", "/proc/1/mem/x", "nothing/here", "a\x00b", strings.Repeat("x", 5000)} {
		if f, err := client.Open(path); err == nil {
			t.Errorf("%.20q opens: %v", path, f.Name())
		}
	}
	if where, err := client.RealPath(up + "../../.."); err != nil || where != "/" {
		t.Errorf("got %q, %v", where, err)
	}
}

func TestMessagesThatNoClientOfSFTPSends(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	for name, message := range map[string]string{
		"longer than any":  "\xff\xff\xff\xff\x01",
		"of no length":     "\x00\x00\x00\x00\x00\x00\x00\x00",
		"that is cut":      "\x00\x00\x00\x10\x01\x00",
		"of an unknown":    "\x00\x00\x00\x05\x7f\x00\x00\x00\x00",
		"with a long path": "\x00\x00\x00\x0d\x0b\x00\x00\x00\x01\xff\xff\xff\xffabcd",
	} {
		t.Run(name, func(t *testing.T) {
			session, err := client.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			in, err := session.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var errs bytes.Buffer
			session.Stderr = &errs
			if err := session.RequestSubsystem("sftp"); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(in, message)
			in.Close()
			session.Wait()
			if strings.Contains(errs.String(), "goroutine") {
				t.Error(errs.String())
			}
		})
	}
}
