package applet

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// treeCommand is a command that walks a tree which somebody else may write in.
type treeCommand struct {
	args  string // T is the tree, N a new name, D another file system, S a tree of ours like T
	other bool   // needs D
}

var treeCommands = []treeCommand{
	{args: "rm -r T"},
	{args: "rm -rf T"},
	{args: "chmod -R 777 T"},
	{args: "chmod -R u+rwX,go+w T"},
	{args: "chown -R 12:12 T"},
	{args: "chgrp -R 12 T"},
	{args: "cp -a T N"},
	{args: "cp -r T N"},
	{args: "cp -aT S T"},
	{args: "cp -rT S T"},
	{args: "mv T D", other: true},
	{args: "find T -delete"},
	{args: "find T -type f -execdir chmod 777 {} ;"},
	{args: "find T"},
	{args: "grep -r . T"},
	{args: "ls -R T"},
	{args: "ls -lR T"},
	{args: "du -a T"},
}

// swaps are what an enemy does to the tree: a name and what it becomes a link to.
var swaps = [][2]string{{"T/a", "O"}, {"T/a/sub", "O/sub"}, {"T/a/sub", "O"}, {"T/a/first", "O/first"}, {"T/a/sub/second", "O/first"}}

// stage makes the tree, one of ours like it, and the outside, which nothing may
// reach, in a new folder.
func stage(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"T/a/first", "T/a/sub/second", "T/a/zero", "S/a/first", "S/a/sub/second", "O/first", "O/sub/second", "O/sub/outsider"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text := "tree\n"
		if name[0] == 'O' {
			text = "secret\n"
		}
		write(t, path, text)
	}
}

// state describes all below a folder with modes and owners.
func state(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %s %d %d", strings.TrimPrefix(path, dir), info.Mode(), stat(info).Uid, stat(info).Gid)
		if info.Mode().IsRegular() {
			out.WriteString(" " + strconv.Quote(read(t, path)))
		}
		out.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestNoLinkThatIsSwappedInLeadsOutOfTheTree exchanges a folder or file for a link before
// each system call of each command in turn.
func TestNoLinkThatIsSwappedInLeadsOutOfTheTree(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	here, there := t.TempDir(), otherDisk(t)
	for _, command := range treeCommands {
		t.Run(command.args, func(t *testing.T) {
			runs := 0
			exchanges := swaps
			if command.other {
				exchanges = swaps[:2] // a disk is slow
			}
			for _, exchange := range exchanges {
				for at := 0; ; at++ {
					dir, target := there+"/stage", there+"/target"
					if command.other {
						dir = here + "/stage"
					}
					stage(t, dir)
					outside := state(t, dir+"/O")
					if err := os.Mkdir(target, 0o755); err != nil {
						t.Fatal(err)
					}
					out, calls := runSwapped(command, dir, target, exchange, at)
					runs++
					if got := state(t, dir+"/O"); got != outside {
						t.Fatalf("%s became a link to %s before call %d (%s): outside is\n%swas\n%s", exchange[0], exchange[1], at, calls[min(at, len(calls)-1)], got, outside)
					}
					for _, copied := range []string{dir + "/N", target} {
						if _, err := os.Lstat(copied); err == nil && strings.Contains(state(t, copied), "secret") {
							t.Fatalf("%s became a link to %s before call %d (%s): the secret was copied", exchange[0], exchange[1], at, calls[at])
						}
					}
					if strings.Contains(out, "outsider") || strings.Contains(out, "secret") {
						t.Fatalf("%s became a link to %s before call %d (%s): printed\n%s", exchange[0], exchange[1], at, calls[at], out)
					}
					os.RemoveAll(dir)
					os.RemoveAll(target)
					if at >= len(calls) {
						break
					}
				}
			}
			if runs < 20 {
				t.Errorf("only %d runs: the calls are not seen", runs)
			}
		})
	}
}

// runSwapped runs a command and exchanges before its call number at. It returns
// what the command printed and the names of its calls.
func runSwapped(command treeCommand, dir, target string, exchange [2]string, at int) (out string, calls []string) {
	filetree.BeforeCall = func(call, name string) {
		if len(calls) == at {
			victim := filepath.Join(dir, exchange[0])
			if os.Rename(victim, dir+"/taken") == nil {
				os.Symlink(filepath.Join(dir, exchange[1]), victim)
			}
		}
		calls = append(calls, call+" "+name)
	}
	defer func() { filetree.BeforeCall = nil }()
	var buf bytes.Buffer
	args := strings.Fields(command.args)
	for i, arg := range args {
		switch arg {
		case "T", "S", "N":
			args[i] = dir + "/" + arg
		case "D":
			args[i] = target + "/moved"
		}
	}
	Run(args[0], args[1:], Stdio{strings.NewReader(""), &buf, io.Discard})
	return buf.String(), calls
}

// TestRmAsRootAgainstARacer removes while a folder and a link take each other's place
// as fast as they can.
func TestRmAsRootAgainstARacer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	for _, args := range []string{"rm -r T", "chown -R 12 T", "chmod -R 777 T", "find T -delete", "cp -aT S T"} {
		for range 40 {
			dir := t.TempDir()
			stage(t, dir)
			outside := state(t, dir+"/O")
			if err := os.Symlink("../../O", dir+"/T/a/link"); err != nil {
				t.Fatal(err)
			}
			stop, done := make(chan bool), make(chan bool)
			go func() {
				defer close(done)
				for {
					select {
					case <-stop:
						return
					default:
						unix.Renameat2(unix.AT_FDCWD, dir+"/T/a/sub", unix.AT_FDCWD, dir+"/T/a/link", unix.RENAME_EXCHANGE)
					}
				}
			}()
			runSwapped(treeCommand{args: args}, dir, "", [2]string{"none", ""}, -1)
			close(stop)
			<-done
			if got := state(t, dir+"/O"); got != outside {
				t.Fatalf("%s: outside is\n%swas\n%s", args, got, outside)
			}
		}
	}
}

// deep makes folders in one another, each called d, with a file at the end.
func deep(t *testing.T, path string, depth int) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	at, err := filetree.Here.Folder(path, false)
	for range depth {
		if err == nil {
			err = at.Mkdir("d", 0o755)
		}
		var next filetree.Dir
		if err == nil {
			next, err = at.Folder("d", false)
		}
		at.Close()
		if at = next; err != nil {
			t.Fatal(err)
		}
	}
	f, err := at.File("end", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("text\n")
	f.Close()
	at.Close()
}

func TestTreesMayBeDeeperThanDescriptorsAndPaths(t *testing.T) {
	here, there := t.TempDir(), otherDisk(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		script := "ulimit -n 64; exec " + self + ` "$@"`
		cmd := exec.Command("/bin/sh", append([]string{"-c", script}, args...)...)
		cmd.Env = append(os.Environ(), "APPLET_TEST_RUN="+args[0])
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %.300s", args, err, out)
		}
		return string(out)
	}
	const depth = 10000
	deep(t, there+"/deep", depth)
	run("cp", "-a", there+"/deep", there+"/copy")
	for _, path := range []string{there + "/deep", there + "/copy"} {
		run("chmod", "-R", "u+w", path)
		if out := run("find", path, "-name", "end", "-size", "1"); strings.Count(out, "/") < depth {
			t.Errorf("%s: find says %.100q", path, out)
		}
		if got := run("grep", "-rh", "text", path); got != "text\n" {
			t.Errorf("%s: grep says %q", path, got)
		}
		run("du", "-s", path)
	}
	deep(t, there+"/less", depth/20)
	run("mv", there+"/less", here+"/moved")
	run("rm", "-r", there+"/deep", there+"/copy", here+"/moved")
	for _, path := range []string{there + "/deep", there + "/copy", there + "/less", here + "/moved"} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestABindMountOfAFolderAboveIsNoLoop(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	stage(t, dir)
	cmd := exec.Command("unshare", "-m", "/bin/sh", "-c", `mount --rbind "$0/T" "$0/T/a/sub" && exec "$@"`, dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, self, "-R", dir+"/T")
	cmd.Env = append(os.Environ(), "APPLET_TEST_RUN=ls")
	out, _ := cmd.CombinedOutput()
	if n := bytes.Count(out, []byte("first")); n != 1 {
		t.Errorf("the file first is listed %d times, want once:\n%s", n, out)
	}
	if !bytes.Contains(out, []byte("leads back")) {
		t.Errorf("nothing is said of the loop:\n%s", out)
	}
}
