package pid1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/init/secret"
	"bantam/init/supervise"
	"bantam/system"
)

func TestFoldersThatLast(t *testing.T) {
	out, err := output(t, "folders")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out,
		"before: \"\" <nil>",
		"kept: <nil>, \"80:81\" <nil>, mode drwx------",
		"web writes: <nil>, other enters: permission denied, other lists the volume's: permission denied",
		"links to elsewhere on the volume: invalid cross-device link",
		"again: <nil>, 1 mount",
		"left: <nil>, \"\" <nil>, web/data: no such file or directory",
		"kept again: <nil>, data \"mine\"",
		"given to another: <nil>, \"90:91\" <nil>, data 90:91, link 90:91, outside 0:0",
		"interrupted: chown: exit status 1: no space left, \"65535:65535\" <nil>, kept false",
		"done then: <nil>, \"90:91\" <nil>, kept true",
		"back: <nil>, \"80:81\" <nil>, data 80:81",
		"a file is there: /srv/file is no folder; a link to one will not do, kept: /srv/file is no folder; a link to one will not do",
		"a link above: /srv/link is no folder; a link to one will not do, kept: /srv/link is no folder; a link to one will not do",
		"something is there: \"in memory\" <nil>, then <nil>, hides it true, afterwards \"in memory\" <nil>",
		"another file system: \" another file system\" <nil>",
		"root's: <nil>, a worker writes in its own: <nil>, lists root's: permission denied",
		"list: [/srv/busy/a /srv/deep/er/web /srv/web] <nil>",
		"removed in use: it is in use",
		"removed: <nil>, list: [/srv/busy/a /srv/web] <nil>, left [srv:busy:a srv:web]",
		"what a power cut left is removed: <nil>, left [srv:busy:a srv:web]",
		"a home: \"\" <nil>, then <nil>, \"100:101\" <nil>, drwx------ below drwxr-xr-x",
		"her number changes: <nil>, <nil>, \"110:111\" <nil>, 110:111",
		"it comes to last: <nil>, \"lasting\" <nil>",
		"and does not any more: <nil>, \"110:111\" <nil>",
		"a folder of root: <nil>, \"120:121\" <nil>, what is in it 110:111",
		"a link above a home: <nil>, /srv/link is no folder; a link to one will not do",
		"busy: <nil>, its file is still \"x\"",
	)
}

// foldersThatLast has folders in memory in place of the state volume and of /srv.
func foldersThatLast() error {
	dir := os.Getenv("BANTAM_DIR")
	if err := errors.Join(
		unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
		unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"), unix.Mount("tmpfs", "/srv", "tmpfs", 0, "mode=755")); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sup := supervise.New(supervise.Options{Cgroup: "/none/bantam"})
	go sup.Run(ctx)
	m := &Machine{state: &stateFolders{dir: filepath.Join(dir, "services"), run: runCommand(sup)}}
	syscall.Umask(0o077) // which counts for nothing
	look := func(folder string) string {
		state, err := m.StateFolder(folder)
		return fmt.Sprintf("%q %v", state, err)
	}
	keep := func(folder string, uid, gid int) error { return m.KeepState(ctx, folder, uid, gid) }
	owner := func(file string) string {
		var st unix.Stat_t
		if err := unix.Lstat(file, &st); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%d:%d", st.Uid, st.Gid)
	}
	const web = "/srv/web"
	say("before: %s", look(web))
	err := keep(web, 80, 81)
	info, _ := os.Stat(web)
	say("kept: %v, %s, mode %v", err, look(web), info.Mode())
	var wrote, entered, listed, linked error
	onThreadOf(80, 81, func() {
		wrote = os.WriteFile(web+"/data", []byte("mine"), 0o600)
		linked = os.Link(web+"/data", "/srv/elsewhere")
	})
	onThreadOf(90, 91, func() {
		_, entered = os.Stat(web + "/data")
		_, listed = os.ReadDir(m.state.dir)
	})
	say("web writes: %v, other enters: %v, other lists the volume's: %v", cause(wrote), cause(entered), cause(listed))
	say("links to elsewhere on the volume: %v", cause(linked))
	say("again: %v, %d mount", keep(web, 80, 81), mountsAt(web))
	err = m.LeaveState(web)
	_, missing := os.Stat(web + "/data")
	say("left: %v, %s, web/data: %v", err, look(web), cause(missing))
	err = keep(web, 80, 81)
	data, _ := os.ReadFile(web + "/data")
	say("kept again: %v, data %q", err, data)

	outside := filepath.Join(dir, "outside")
	if err := errors.Join(os.WriteFile(outside, nil, 0o600), os.Symlink(outside, web+"/link"), os.Lchown(web+"/link", 80, 81)); err != nil {
		return err
	}
	err = keep(web, 90, 91)
	say("given to another: %v, %s, data %s, link %s, outside %s", err, look(web), owner(web+"/data"), owner(web+"/link"), owner(outside))
	chown := m.state.run
	m.state.run = func(context.Context, ...string) error { return errors.New("chown: exit status 1: no space left") }
	err = keep(web, 80, 81)
	say("interrupted: %v, %s, kept %v", err, look(web), m.state.kept(web))
	m.state.run = chown
	err = keep(web, 90, 91)
	say("done then: %v, %s, kept %v", err, look(web), m.state.kept(web))
	err = keep(web, 80, 81)
	say("back: %v, %s, data %s", err, look(web), owner(web+"/data"))

	if err := errors.Join(os.WriteFile("/srv/file", nil, 0o600), os.Symlink(dir, "/srv/link"), os.MkdirAll("/srv/deep/er/web/sub", 0o755), os.Mkdir("/srv/disk", 0o755),
		unix.Mount("tmpfs", "/srv/disk", "tmpfs", 0, "")); err != nil {
		return err
	}
	_, err = m.StateFolder("/srv/file")
	say("a file is there: %v, kept: %v", err, keep("/srv/file", 80, 81))
	_, err = m.StateFolder("/srv/link/web")
	say("a link above: %v, kept: %v", err, keep("/srv/link/web", 80, 81))
	before := look("/srv/deep/er/web")
	err = keep("/srv/deep/er/web", 80, 81)
	_, hidden := os.Stat("/srv/deep/er/web/sub")
	left := m.LeaveState("/srv/deep/er/web")
	say("something is there: %s, then %v, hides it %v, afterwards %s", before, errors.Join(err, left), errors.Is(hidden, fs.ErrNotExist), look("/srv/deep/er/web"))
	say("another file system: %s", look("/srv/disk"))
	var through, sees error
	err = errors.Join(keep("/srv/root", 0, 0), os.Mkdir("/srv/root/worker", 0o700), os.Chown("/srv/root/worker", 80, 81))
	onThreadOf(80, 81, func() {
		through = os.WriteFile("/srv/root/worker/data", nil, 0o600)
		_, sees = os.ReadDir("/srv/root")
	})
	say("root's: %v, a worker writes in its own: %v, lists root's: %v", err, cause(through), cause(sees))
	if err := errors.Join(m.LeaveState("/srv/root"), m.state.remove(ctx, "/srv/root")); err != nil {
		return err
	}

	if err := keep("/srv/busy/a", 80, 81); err != nil {
		return err
	}
	list := func() string { paths, _, err := m.state.list(); return fmt.Sprint(paths, " ", err) }
	say("list: %s", list())
	say("removed in use: %v", m.state.remove(ctx, web))
	say("removed: %v, list: %s, left %v", m.state.remove(ctx, "/srv/deep/er/web"), list(), namesIn(m.state.dir))
	if err := os.MkdirAll(filepath.Join(m.state.dir, removedPrefix+"5/sub"), 0o700); err != nil {
		return err
	}
	say("what a power cut left is removed: %v, left %v", m.state.removeLeft(ctx), namesIn(m.state.dir))

	const home = "/srv/homes/anna"
	homeOf := func() string {
		state, err := m.Home(home)
		return fmt.Sprintf("%q %v", state, err)
	}
	before = homeOf()
	err = m.MakeHome(ctx, home, 100, 101)
	info, _ = os.Stat(home)
	above, _ := os.Stat(filepath.Dir(home))
	say("a home: %s, then %v, %s, %v below %v", before, err, homeOf(), info.Mode(), above.Mode())
	onThreadOf(100, 101, func() { wrote = os.WriteFile(home+"/hers", nil, 0o600) })
	err = errors.Join(os.WriteFile(home+"/roots", nil, 0o644), m.MakeHome(ctx, home, 110, 111))
	say("her number changes: %v, %v, %s, %s", wrote, err, homeOf(), owner(home+"/hers"))
	err = keep(home, 110, 111)
	say("it comes to last: %v, %s", err, homeOf())
	err = errors.Join(m.LeaveState(home), m.MakeHome(ctx, home, 110, 111))
	say("and does not any more: %v, %s", err, homeOf())
	if err := os.Chown(home, 0, 0); err != nil {
		return err
	}
	err = m.MakeHome(ctx, home, 120, 121)
	say("a folder of root: %v, %s, what is in it %s", err, homeOf(), owner(home+"/hers"))
	_, err = m.Home("/srv/link/anna")
	made := m.MakeHome(ctx, "/srv/link/anna", 100, 101)
	say("a link above a home: %v, %v", err, made)
	if _, err := m.Home("/srv/file"); err != nil {
		return err
	}

	f, err := os.Create("/srv/busy/a/open")
	if err != nil {
		return err
	}
	defer f.Close()
	err = m.LeaveState("/srv/busy/a")
	if _, fault := f.WriteString("x"); fault != nil {
		return fault
	}
	data, _ = os.ReadFile(filepath.Join(m.state.dir, "srv:busy:a/open"))
	say("busy: %v, its file is still %q", err, data)
	return nil
}

// cause is an error without its call and path.
func cause(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

func namesIn(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func mountsAt(folder string) (n int) {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		if strings.Fields(line)[4] == folder {
			n++
		}
	}
	return n
}

func TestAServicesFolderIsWhereItWillBeWhenItStarts(t *testing.T) {
	facts := map[string]supervise.Fact{
		"/": {Mode: unix.S_IFDIR | 0o755}, "/var": {Mode: unix.S_IFDIR | 0o755}, "/var/lib": {Mode: unix.S_IFDIR | 0o755},
		"/bin": {Mode: unix.S_IFDIR | 0o755}, "/bin/app": {Mode: unix.S_IFREG | 0o755},
		"/state/services/var:lib:old":         {Mode: unix.S_IFDIR | 0o700, UID: 70},
		"/state/services/var:lib:old/sub":     {Mode: unix.S_IFDIR | 0o700, UID: 80},
		"/state/services/var:lib:old/private": {Mode: unix.S_IFDIR | 0o700, UID: 0},
	}
	lookup := func(path string) (supervise.Fact, error) {
		if fact, there := facts[path]; there {
			return fact, nil
		}
		return supervise.Fact{}, &fs.PathError{Op: "stat", Path: path, Err: syscall.ENOENT}
	}
	users := &system.System{Users: map[string]system.User{"web": {UID: 80, GID: 80}}}
	s := &stateFolders{dir: "/state/services"}
	for dir, want := range map[string]string{
		"/var/lib/new": "", "/srv/deep/er/web": "", "/srv/deep": "", "/var/lib/old": "", "/var/lib/old/sub": "",
		"/var/lib/old/none":    "dir /var/lib/old/none: file does not exist",
		"/var/lib/new/sub":     "dir /var/lib/new/sub: file does not exist",
		"/var/lib/old/private": "user web may not enter /var/lib/old/private",
		"/var/lib/newer":       "dir /var/lib/newer: file does not exist",
	} {
		service := system.Service{Command: []string{"/bin/app"}, User: "web", Dir: dir, State: []string{"/var/lib/new", "/srv/deep/er/web", "/var/lib/old"}}
		_, err := supervise.CanStart(serviceDefinition("", service, users), s.withState(service, 80, 80, lookup))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
}

func TestAFolderThatLastsIsCalledByItsPath(t *testing.T) {
	for folder, want := range map[string]string{"/var/lib/web": "var:lib:web", "/srv/a": "srv:a", "/srv/.a": "srv:.a"} {
		if got := folderName(folder); got != want || folderPath(got) != folder {
			t.Errorf("%s is called %s, which is the name of %s", folder, got, folderPath(got))
		}
	}
}

func TestWhatAServiceLacksIsSaidByTheNextTry(t *testing.T) {
	m := NewMachine(supervise.New(supervise.Options{}), nil, "", nil, nil)
	m.secrets = secretsIn(t, map[string]string{"token": "hush\n", "zero": "a\x00b", "lines": "a\nb\n\n"})
	sys, problems := system.Parse("f", []byte(`[service.a]
command = ["x"]
state = ["/var/lib/a"]
[service.a.env]
B = "text"
T = { secret = "token" }
L = { secret = "lines" }
[service.zero]
command = ["x"]
env = { Z = { secret = "zero" } }
[service.none]
command = ["x"]
env = { N = { secret = "none" } }
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	complete := func(name string) (string, error) {
		def := serviceDefinition(name, sys.Services[name], new(system.System))
		if slices.ContainsFunc(def.Env, func(v string) bool { return strings.Contains(v, "hush") }) {
			t.Errorf("a definition holds a secret's value: %q", def.Env)
		}
		env, err := m.complete(def)
		return fmt.Sprintf("%q", env), err
	}
	if got, err := complete("a"); err == nil || err.Error() != "waits for state /var/lib/a" {
		t.Errorf("%s, %v", got, err)
	}
	m.state.note("/var/lib/a", true)
	if got, err := complete("a"); err == nil || err.Error() != "waits for secret lines, which is not set" {
		t.Errorf("before it was read: %s, %v", got, err)
	}
	for _, name := range []string{"token", "zero", "lines"} {
		if _, err := m.Secret(name); err != nil {
			t.Error(err)
		}
	}
	if got, err := complete("a"); err != nil || got != `["L=a\nb\n" "T=hush"]` {
		t.Errorf("%s, %v", got, err)
	}
	for name, want := range map[string]string{"zero": "waits for secret zero without a zero byte", "none": "waits for secret none, which is not set"} {
		if got, err := complete(name); err == nil || err.Error() != want {
			t.Errorf("%s, %v", got, err)
		}
	}
}

// secretsIn is a store with these values, none of which it has read yet.
func secretsIn(t *testing.T, values map[string]string) *secret.Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "secrets")
	for name, value := range values {
		if err := secret.Open(dir).Set(name, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	return secret.Open(dir)
}
