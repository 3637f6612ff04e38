package applet

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// plant makes a tree of all that an archive can hold.
func plant(t *testing.T, dir string) {
	t.Helper()
	populate(t, dir)
	long := filepath.Join(dir, strings.Repeat("long/", 40), strings.Repeat("n", 120))
	if err := os.MkdirAll(filepath.Dir(long), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, long, "far away\n")
	write(t, filepath.Join(dir, "caf\xe9"), "no UTF-8\n")
	write(t, filepath.Join(dir, "grün"), "UTF-8\n")
	for name, mode := range map[string]os.FileMode{"fruit": 0o4755, "numbers": 0o600, "code": 0o444, "dir": 0o2750 | os.ModeSetgid, "dir/sub": 0o500} {
		if err := os.Chmod(filepath.Join(dir, name), mode.Perm()|modeBits(mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Link(filepath.Join(dir, "fruit"), filepath.Join(dir, "hard")),
		os.Symlink(strings.Repeat("x/", 80)+"y", filepath.Join(dir, "longlink")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o640),
		os.Mkdir(filepath.Join(dir, "hollow"), 0o711),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		for _, err := range []error{
			unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
			os.Lchown(filepath.Join(dir, "link"), 8, 9),
			os.Chown(filepath.Join(dir, "numbers"), 12345, 54321),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		stamp := unix.NsecToTimespec(stampOf(path[len(dir):]).UnixNano())
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{stamp, stamp}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func modeBits(mode os.FileMode) (bits os.FileMode) {
	if uint32(mode)&0o4000 != 0 {
		bits |= os.ModeSetuid
	}
	return bits | mode&os.ModeSetgid
}

// inventory is all that tar keeps of a tree.
func inventory(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if path == dir {
			return nil
		}
		st := stat(info)
		fmt.Fprintf(&out, "%q %v %d:%d", path[len(dir)+1:], info.Mode(), st.Uid, st.Gid)
		switch {
		case info.Mode()&os.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&out, " %d -> %s", info.ModTime().Unix(), target)
		case info.IsDir():
			fmt.Fprintf(&out, " %d", info.ModTime().Unix())
		default:
			fmt.Fprintf(&out, " %d %d %d,%d", info.ModTime().Unix(), st.Nlink, major(uint64(st.Rdev)), minor(uint64(st.Rdev)))
		}
		if info.Mode().IsRegular() {
			text, _ := os.ReadFile(path)
			fmt.Fprintf(&out, " %q", text)
		}
		out.WriteString("\n")
		return nil
	})
	return out.String()
}

// Each of ours, GNU's and bsdtar packs, each of the others unpacks; every pair
// leads to the tree that was there.
func TestTarIsReadAndWrittenByTheOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs to be root: the archives have owners and devices")
	}
	tree := t.TempDir()
	plant(t, tree)
	want := inventory(t, tree)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	gnu, bsd := needTool(t, "tar", "tar"), needTool(t, "bsdtar", "libarchive-tools")
	ours := func(args ...string) *exec.Cmd {
		cmd := exec.Command(self, args...)
		cmd.Env = append(os.Environ(), "APPLET_TEST_RUN=tar")
		return cmd
	}
	packs := map[string]*exec.Cmd{
		"ours":      ours("-cf", "-", "-C", tree, "."),
		"ours -z":   ours("czf", "-", "-C", tree, "."),
		"GNU":       exec.Command(gnu, "-cf", "-", "-C", tree, "."),
		"GNU pax":   exec.Command(gnu, "-cf", "-", "--format=pax", "-C", tree, "."),
		"GNU xz":    exec.Command(gnu, "-cJf", "-", "-C", tree, "."),
		"GNU zstd":  exec.Command(gnu, "-c", "--zstd", "-f", "-", "-C", tree, "."),
		"bsdtar":    exec.Command(bsd, "-cf", "-", "-C", tree, "."),
		"GNU names": exec.Command("sh", "-c", "cd "+tree+" && tar -cf - *"),
	}
	for name, pack := range packs {
		archive, err := pack.Output()
		if err != nil {
			t.Fatalf("%s packs: %v", name, err)
		}
		unpackers := map[string]func(to string) *exec.Cmd{
			"ours": func(to string) *exec.Cmd { return ours("-xf", "-", "-C", to) },
		}
		if strings.HasPrefix(name, "ours") {
			unpackers["GNU"] = func(to string) *exec.Cmd {
				zip := "-p"
				if name == "ours -z" {
					zip = "-z"
				}
				return exec.Command(gnu, "-x", zip, "-f", "-", "-C", to)
			}
			unpackers["bsdtar"] = func(to string) *exec.Cmd { return exec.Command(bsd, "-xpf", "-", "-C", to) }
		}
		for reader, command := range unpackers {
			for _, times := range []string{"once", "once more, over what is there"} {
				to := filepath.Join(t.TempDir(), "to")
				if err := os.Mkdir(to, 0o755); err != nil {
					t.Fatal(err)
				}
				runs := 1 + strings.Count(times, "more")
				if reader == "bsdtar" {
					runs = 1 // a second time it gives a folder that is there no time
				}
				for range runs {
					cmd := command(to)
					cmd.Stdin = bytes.NewReader(archive)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("%s packed, %s unpacks %s: %v %s", name, reader, times, err, out)
					}
				}
				if got := inventory(t, to); got != want {
					t.Errorf("%s packed, %s unpacked %s: %s", name, reader, times, firstDifference(got, want))
				}
			}
		}
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d: got\n%s\nwant\n%s", i, a[i], strings.Join(b[min(i, len(b)):min(i+1, len(b))], ""))
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(a), len(b))
}

func TestTarListsAsGNU(t *testing.T) {
	tree := t.TempDir()
	populate(t, tree)
	archive := filepath.Join(t.TempDir(), "a.tar")
	if out, err := exec.Command(needTool(t, "tar", "tar"), "-cf", archive, "-C", tree, ".").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	for _, args := range [][]string{{"-tf", archive}, {"-tvf", archive}, {"tvf", archive, "./dir"}, {"-tf", archive, "./dir/inner", "./missing"}, {"-tvf", archive, "--numeric-owner"},
		{"-tf", archive, "--exclude=sub"}, {"-tf", archive, "--exclude", "*i*"}, {"-xOf", archive, "./fruit"}, {"-tf", "/nonexistent"}, {"-tf", "/etc/passwd"}} {
		theirs := exec.Command("tar", args...)
		theirs.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
		want, _ := theirs.Output()
		ours := applet(t, "tar", args...)
		ours.Env = append(ours.Env, "TZ=UTC")
		got, _ := ours.Output()
		if !bytes.Equal(got, want) || ours.ProcessState.ExitCode() != theirs.ProcessState.ExitCode() {
			t.Errorf("tar %q: got status %d\n%s\nwant %d\n%s", args, ours.ProcessState.ExitCode(), got, theirs.ProcessState.ExitCode(), want)
		}
	}
}

// As another user than root: no owners, no set-id bits, the umask.
func TestTarAsAUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs to be root to become another")
	}
	tree := t.TempDir()
	plant(t, tree)
	os.Remove(filepath.Join(tree, "null"))
	archive, err := applet(t, "tar", "-cf", "-", "-C", tree, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	unpack := func(cmd *exec.Cmd) string {
		to, err := os.MkdirTemp("/tmp", "tar-user-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(to)
		if err := os.Chown(to, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		cmd.Dir, cmd.Stdin = to, bytes.NewReader(archive)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		return inventory(t, to)
	}
	// The test binary lies where only root gets to.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(os.TempDir(), fmt.Sprintf("applet-test-%d", os.Getpid()))
	defer os.Remove(public)
	if out, err := exec.Command("install", "-m", "755", self, public).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	for _, options := range []string{"-xf", "-xpf"} {
		ours := exec.Command(public, options, "-")
		ours.Env = append(os.Environ(), "APPLET_TEST_RUN=tar")
		got, want := unpack(ours), unpack(exec.Command(needTool(t, "tar", "tar"), options, "-"))
		if got != want {
			t.Errorf("%s: %s", options, firstDifference(got, want))
		}
	}
}

// archive writes members as they are, however hostile.
func archive(t testing.TB, members ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range members {
		text := h.Gname
		h.Gname, h.Size = "", int64(len(text))
		h.Uid, h.Gid = os.Getuid(), os.Getgid()
		if h.ModTime.IsZero() {
			h.ModTime = time.Unix(1e9, 0)
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return out.Bytes()
}

func file(name, text string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Gname: text} // archive takes the text out of Gname
}
func symlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}
func hardlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}
}
func folder(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

func TestNothingOutsideIsTouchedWhateverAnArchiveSays(t *testing.T) {
	top := t.TempDir()
	victim := write(t, filepath.Join(top, "victim"), "precious\n")
	outside := filepath.Join(top, "outside")
	for claim, members := range map[string][]tar.Header{
		"an absolute name":                         {file(victim, "evil")},
		"a name with ..":                           {file("../victim", "evil"), file("a/../../victim", "evil"), file("..", "evil"), folder("../outside/new")},
		"through an absolute link":                 {symlink("l", top), file("l/victim", "evil"), folder("l/outside/new")},
		"through a relative link":                  {symlink("l", ".."), file("l/victim", "evil"), file("l/outside/x", "evil")},
		"through a link in a folder":               {folder("d"), symlink("d/l", "../.."), file("d/l/victim", "evil")},
		"through two links":                        {symlink("a", "b"), symlink("b", ".."), file("a/victim", "evil")},
		"over a link":                              {symlink("l", "../victim"), file("l", "mine")},
		"a folder over a link":                     {symlink("l", "../outside"), folder("l"), file("l/x", "evil")},
		"a folder's mode through a link":           {symlink("l", "../outside"), {Typeflag: tar.TypeDir, Name: "l", Mode: 0o777}},
		"a folder that becomes a link":             {{Typeflag: tar.TypeDir, Name: "d", Mode: 0o777}, symlink("d", "../outside"), file("d/x", "evil")},
		"a hard link out":                          {hardlink("h", "../victim"), file("h", "evil")},
		"a hard link to an absolute name":          {hardlink("h", victim), file("h", "evil")},
		"a hard link through a link":               {symlink("l", ".."), hardlink("h", "l/victim"), file("h", "evil")},
		"a hard link to a link":                    {symlink("l", "../victim"), hardlink("h", "l"), file("h", "evil")},
		"a pipe and a device with names outside":   {{Typeflag: tar.TypeFifo, Name: "../outside/pipe"}, {Typeflag: tar.TypeChar, Name: "../outside/null", Devmajor: 1, Devminor: 3}},
		"the folder itself":                        {file(".", "evil"), symlink(".", "../outside"), file("x", "fine")},
		"the same name as a file and as a folder":  {file("a", "x"), file("a/b", "x"), folder("a"), file("a/b", "x"), file("a", "x")},
		"a link to itself":                         {symlink("l", "l"), file("l/x", "evil"), hardlink("l", "l"), hardlink("n", "n")},
		"names that are empty after the stripping": {file("/.", "x"), file("//.", "x"), file(".//.", "x")},
	} {
		if err := os.Mkdir(outside, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(outside, stampOf("o"), stampOf("o")); err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(top, "target")
		if err := os.Mkdir(target, 0o755); err != nil {
			t.Fatal(err)
		}
		before := outsideOf(t, top)
		cmd := applet(t, "tar", "-xf", "-", "-C", target)
		cmd.Stdin = bytes.NewReader(archive(t, members...))
		cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() > exitTar {
			t.Errorf("%s: %v", claim, cmd.ProcessState)
		}
		if after := outsideOf(t, top); after != before {
			t.Errorf("%s: outside is now\n%s\nwas\n%s", claim, after, before)
		}
		if err := errors.Join(os.RemoveAll(target), os.RemoveAll(outside)); err != nil {
			t.Fatal(err)
		}
	}
}

// outsideOf is all below top but what is in the target.
func outsideOf(t testing.TB, top string) string {
	t.Helper()
	var out strings.Builder
	filepath.Walk(top, func(path string, info fs.FileInfo, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) == "target" {
			return filepath.SkipDir
		}
		st := stat(info)
		fmt.Fprint(&out, path, info.Mode(), st.Uid, st.Gid)
		if path != top {
			fmt.Fprint(&out, " ", info.Size(), st.Nlink, info.ModTime())
		}
		if info.Mode().IsRegular() {
			text, _ := os.ReadFile(path)
			fmt.Fprintf(&out, "%q", text)
		}
		fmt.Fprintln(&out)
		return nil
	})
	return out.String()
}

// Links that stay in the folder may be gone through, as /lib is on many systems.
func TestALinkWithinTheFolderIsFollowed(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.MkdirAll("usr/lib", 0o755), os.Symlink("usr/lib", "lib")); err != nil {
		t.Fatal(err)
	}
	write(t, "a.tar", string(archive(t, folder("lib"), file("lib/x", "new"), symlink("usr/s", "lib"), file("usr/s/y", "new"))))
	do(t, "tar", "-xf", "a.tar")
	if read(t, "usr/lib/x") != "new" || read(t, "usr/lib/y") != "new" {
		t.Error("the files are elsewhere")
	}
	if target, err := os.Readlink("lib"); err != nil || target != "usr/lib" {
		t.Errorf("lib is %q, %v", target, err)
	}
}

func TestAFileThatIsReplacedKeepsItsOtherNames(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "x", "old")
	if err := os.Link("x", "other"); err != nil {
		t.Fatal(err)
	}
	whole := archive(t, file("x", "new content"))
	write(t, "cut.tar", string(whole[:515]))
	write(t, "a.tar", string(whole))
	if _, errs, code := runHere(t, "tar", "-xf", "cut.tar"); code != exitTar || read(t, "x") != "old" {
		t.Errorf("an archive that is cut off: status %d, %s, content %q", code, errs, read(t, "x"))
	}
	if _, errs, code := runHere(t, "tar", "-xkf", "a.tar"); code != exitTar || read(t, "x") != "old" {
		t.Errorf("-k: status %d, %s, content %q", code, errs, read(t, "x"))
	}
	do(t, "tar", "-xf", "a.tar")
	if read(t, "x") != "new content" || read(t, "other") != "old" {
		t.Errorf("got %q and %q", read(t, "x"), read(t, "other"))
	}
}

// runHere is one of our commands as a process.
func runHere(t *testing.T, name string, args ...string) (out, errs string, code int) {
	t.Helper()
	cmd := applet(t, name, args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Run()
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func TestTarStripsSelectsAndExcludes(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.tar", string(archive(t, folder("v1"), file("v1/bin/tool", "t"), file("v1/doc/page", "p"), hardlink("v1/bin/alias", "v1/bin/tool"), file("top", "x"))))
	for _, c := range []struct{ args, want string }{
		{"--strip-components=1", "bin/alias bin/tool doc/page"},
		{"--strip-components 2 v1/bin", "alias tool"},
		{"v1/bin top", "top v1/bin/alias v1/bin/tool"},
		{"--exclude=doc --exclude alias", "top v1/bin/tool"},
		{"--exclude=v1/bin", "top v1/doc/page"},
		{"-- top", "top"},
	} {
		dir := t.TempDir()
		args := append([]string{"-x", "-f", "a.tar", "-C", dir}, strings.Fields(c.args)...)
		if _, errs, code := runHere(t, "tar", args...); code != 0 {
			t.Errorf("%s: status %d, %s", c.args, code, errs)
		}
		var got []string
		filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				got = append(got, path[len(dir)+1:])
			}
			return nil
		})
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q, want %q", c.args, got, c.want)
		}
	}
}

func TestTarTakesNamesFromListsAndFolders(t *testing.T) {
	t.Chdir(t.TempDir())
	populate(t, ".")
	write(t, "list", "fruit\na space\n")
	do(t, "tar", "-cf", "a.tar", "-T", "list", "-C", "dir", "inner", "-C", "sub", "deep", "--exclude", "nothing")
	do(t, "tar", "-cf", "b.tar", "--exclude=sub", ".")
	do(t, "tar", "-acf", "c.tgz", filepath.Join(must(os.Getwd()), "dir/inner"), "./dir/../fruit")
	for archive, want := range map[string]string{"a.tar": "fruit\na space\ninner\ndeep\n", "c.tgz": must(os.Getwd())[1:] + "/dir/inner\nfruit\n"} {
		if out, _, _ := runHere(t, "tar", "-tf", archive); out != want {
			t.Errorf("%s: got %q, want %q", archive, out, want)
		}
	}
	out, errs, _ := runHere(t, "tar", "-tf", "b.tar")
	if strings.Contains(out, "sub") || strings.Contains(out, "b.tar") || !strings.Contains(out, "./dir/inner\n") {
		t.Errorf("got %q %q", out, errs)
	}
	if head := read(t, "c.tgz")[:2]; head != "\x1f\x8b" {
		t.Errorf("-a did not compress: %q", head)
	}
}

func must(dir string, err error) string {
	if err != nil {
		panic(err)
	}
	return dir
}

func TestASparseFileHasHolesAndNoSizeThatFillsTheDisk(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "sparse", "begin")
	if err := os.Truncate("sparse", 64<<20); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile("sparse", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("middle"), 30<<20)
	f.Close()
	for _, format := range []string{"gnu", "pax"} {
		if out, err := exec.Command(needTool(t, "tar", "tar"), "-cSf", "a.tar", "--format="+format, "sparse").CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		to := t.TempDir()
		do(t, "tar", "-xf", "a.tar", "-C", to)
		if read(t, "sparse") != read(t, to+"/sparse") {
			t.Errorf("%s: the content differs", format)
		}
		info, err := os.Stat(to + "/sparse")
		if err != nil || stat(info).Blocks*512 > 8<<20 {
			t.Errorf("%s: takes %d blocks", format, stat(info).Blocks)
		}
	}
}

func TestAClaimOfEightEiBOfHolesEndsAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "x", Size: 4, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("text"))
	w.Close()
	// The old GNU form: one piece of 4 bytes at the end of 2^62 bytes.
	block := out.Bytes()
	block[156] = 'S'
	copy(block[257:], "ustar  \x00")
	clear(block[345:500])
	put := func(at int, n uint64) {
		block[at] = 0x80
		binary.BigEndian.PutUint64(block[at+4:], n)
	}
	put(386, 1<<62-4)
	put(398, 4)
	put(483, 1<<62)
	copy(block[148:156], "        ")
	sum := 0
	for _, b := range block[:512] {
		sum += int(b)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
	write(t, "a.tar", out.String())
	if _, errs, code := runHere(t, "tar", "-xf", "a.tar"); code != exitTar || !strings.Contains(errs, "holes") {
		t.Errorf("status %d, %q", code, errs)
	}
	if _, err := os.Lstat("x"); err == nil {
		t.Error("something of it is left")
	}
}

func TestExtendedAttributesTravelWithXattrs(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "x", "text")
	if err := unix.Setxattr("x", "user.note", []byte("kept\x00so"), 0); err != nil {
		t.Skip("this file system has no attributes: ", err)
	}
	for _, pack := range []*exec.Cmd{applet(t, "tar", "--xattrs", "-cf", "a.tar", "x"), exec.Command(needTool(t, "tar", "tar"), "--xattrs", "--xattrs-include=*", "-cf", "a.tar", "x")} {
		if out, err := pack.CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		to := t.TempDir()
		do(t, "tar", "--xattrs", "-xf", "a.tar", "-C", to)
		value := make([]byte, 100)
		n, err := unix.Getxattr(to+"/x", "user.note", value)
		if err != nil || string(value[:n]) != "kept\x00so" {
			t.Errorf("got %q, %v", value[:max(n, 0)], err)
		}
	}
}

func TestTarRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, line := range []string{"tar", "tar -x -t", "tar -cf x.tar", "tar -P -cf x.tar y", "tar -rf x.tar y", "tar -cJf x.tar.xz y", "tar -c --zstd -f x y", "tar -cSf x y", "tar --nonsense"} {
		args := strings.Fields(line)
		if _, errs, code := run("tar", nil, args[1:]...); code != 2 || errs == "" {
			t.Errorf("%s: status %d, %q", line, code, errs)
		}
	}
	if _, err := os.Lstat("x.tar"); err == nil {
		t.Error("x.tar was made")
	}
}

func FuzzTarTouchesNothingOutside(f *testing.F) {
	f.Add(archive(f, symlink("l", ".."), file("l/victim", "evil"), hardlink("h", "l"), folder("d"), file("d/x", "y")))
	f.Add(archive(f, symlink("a/b", "../.."), folder("a/b/outside"), hardlink("a/c", "a/b/victim"), file("a/c", "evil")))
	f.Add(archive(f, file(strings.Repeat("long/", 60)+"x", "y"), symlink("s", strings.Repeat("../", 90))))
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		for _, err := range []error{os.WriteFile(top+"/victim", []byte("precious"), 0o600), os.Mkdir(top+"/outside", 0o700), os.Mkdir(top+"/target", 0o755)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		before := outsideOf(t, top)
		t.Chdir(top)
		run("tar", data, "-xf", "-", "-C", "target", "-o")
		if err := os.Chdir(top); err != nil {
			t.Fatal(err)
		}
		if after := outsideOf(t, top); after != before {
			t.Errorf("outside is now\n%s\nwas\n%s", after, before)
		}
		run("tar", data, "-tvf", "-")
	})
}
