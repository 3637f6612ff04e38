package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/layer"
)

// The test binary is also the machine whose root the trees are in.
func TestMain(m *testing.M) {
	if os.Getenv("BANTAM_TREE") == "" {
		os.Exit(m.Run())
	}
	if err := scenarios[os.Getenv("BANTAM_TREE")](os.Getenv("BANTAM_LAYERS")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// onMachine runs a scenario with a root file system of its own, in memory. The layers lie in a file, one behind the other.
func onMachine(t *testing.T, scenario string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loop devices are for root")
	}
	if _, err := exec.LookPath("mksquashfs"); err != nil {
		t.Fatalf("%v: apt-get install squashfs-tools", err)
	}
	for _, fs := range []string{"squashfs", "overlay"} {
		if fd, err := unix.Fsopen(fs, unix.FSOPEN_CLOEXEC); err != nil {
			t.Skipf("this kernel has no %s: %v", fs, err)
		} else {
			unix.Close(fd)
		}
	}
	layers := t.TempDir()
	for name, files := range testLayers {
		pack(t, layers, name, files)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "BANTAM_TREE="+scenario, "BANTAM_LAYERS="+layers)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var testLayers = map[string]map[string]string{
	"package/libc":  {"usr/lib/libc.so": "libc", "usr/lib64/ld.so": "loader"},
	"package/tool":  {"usr/bin/tool": "tool", "usr/bin/own": "the package's", "usr/sbin/toold": "toold", "etc/tool.conf": "conf"},
	"package/tool2": {"usr/bin/tool": "newer tool"},
	"files":         {"srv/www/index.html": "hello", "srv/motd": "motd"},
}

// pack makes DIR/HEX of files, behind 4096 bytes of something else.
func pack(t *testing.T, dir, name string, files map[string]string) {
	t.Helper()
	root := t.TempDir()
	for file, text := range files {
		at := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(t.TempDir(), "image")
	if out, err := exec.Command("mksquashfs", root, image, "-all-root", "-noappend", "-comp", "xz", "-quiet").CombinedOutput(); err != nil {
		t.Fatalf("mksquashfs: %v\n%s", err, out)
	}
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	var index layer.Index
	for file := range files {
		index = append(index, layer.Entry{Path: file, Kind: layer.RegularFile, Mode: 0o755})
	}
	data = append(data, layer.Tail(index)...)
	sum := sha256.Sum256(data)
	file := strings.ReplaceAll(name, "/", "-") + " " + hex.EncodeToString(sum[:])
	if err := os.WriteFile(filepath.Join(dir, file), append(make([]byte, 4096), data...), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOneTreeOfLayers(t *testing.T)              { onMachine(t, "tree") }
func TestADamagedLayerIsNamed(t *testing.T)         { onMachine(t, "damaged") }
func TestNoPathIsGoneForAMoment(t *testing.T)       { onMachine(t, "exchange") }
func TestServicesKeepNoTreeThatIsGone(t *testing.T) { onMachine(t, "namespaces") }

var scenarios = map[string]func(layers string) error{
	"tree": scenarioTree, "damaged": scenarioDamaged, "exchange": scenarioExchange, "namespaces": scenarioNamespaces,
}

// machine makes the root and a tree for it.
func machine(layers string) (*Tree, map[string]Layer, error) {
	root := "/mnt"
	for _, step := range []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "") },
		func() error { return unix.Mount("root", root, "tmpfs", 0, "mode=0755") },
		func() error { return os.MkdirAll(root+"/usr", 0o755) },
		func() error { return os.MkdirAll(root+"/bin", 0o755) },
		func() error { return os.MkdirAll(root+"/lib/modules", 0o755) },
		func() error { return os.Symlink("../bin", root+"/usr/bin") },
		func() error { return os.Symlink("../bin", root+"/usr/sbin") },
		func() error { return os.WriteFile(root+"/bin/bantam", []byte("bantam"), 0o755) },
		func() error { return os.Symlink("bantam", root+"/bin/own") },
		func() error { return bindInto(root, "/dev") },
		func() error { return bindInto(root, "/proc") },
		func() error { return bindInto(root, layers) },
		func() error { return unix.Chroot(root) },
		func() error { return os.Chdir("/") },
		func() error { return os.MkdirAll("/run/bantam", 0o755) },
		func() error { return unix.Mount("run", "/run/bantam", "tmpfs", 0, "mode=0755") },
		func() error { return unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, "") }, // as PID 1 does
	} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	entries, err := os.ReadDir(layers)
	all, files := map[string]Layer{}, map[string]string{}
	for _, e := range entries {
		name, hex, _ := strings.Cut(e.Name(), " ")
		info, err := e.Info()
		if err != nil {
			return nil, nil, err
		}
		all[name] = Layer{Name: name, Hex: hex, Size: info.Size() - 4096}
		files[hex] = filepath.Join(layers, e.Name())
	}
	return New(Options{
		Work:     "/run/bantam/tree",
		Commands: func() []string { return []string{"own", "sh"} },
		Find:     func(l Layer) (Place, error) { return Place{files[l.Hex], 4096}, nil },
		Load:     func(string) error { return nil },
	}), all, err
}

func bindInto(root, dir string) error {
	if err := os.MkdirAll(root+dir, 0o755); err != nil {
		return err
	}
	return unix.Mount(dir, root+dir, "", unix.MS_BIND|unix.MS_REC, "")
}

// says compares what is at paths; "-" is nothing.
func says(want map[string]string) error {
	var faults []error
	for path, text := range want {
		got, err := os.ReadFile(path)
		if err != nil {
			got = []byte("-")
		}
		if string(got) != text {
			faults = append(faults, fmt.Errorf("%s: %q, want %q (%v)", path, got, text, err))
		}
	}
	return errors.Join(faults...)
}

// loopsAreCalled says which of the names no loop device has.
func loopsAreCalled(names ...string) error {
	devices, err := filepath.Glob("/dev/loop[0-9]*")
	if err != nil {
		return err
	}
	called := map[string]bool{}
	for _, device := range devices {
		if f, err := os.Open(device); err == nil {
			if info, err := unix.IoctlLoopGetStatus64(int(f.Fd())); err == nil {
				called[unix.ByteSliceToString(info.File_name[:])] = true
			}
			f.Close()
		}
	}
	for _, name := range names {
		if !called[name] {
			return fmt.Errorf("no loop device is called %s: %v", name, called)
		}
	}
	return nil
}

func scenarioTree(dir string) error {
	t, l, err := machine(dir)
	if err != nil {
		return err
	}
	before := map[string]string{"/usr/bin/own": "bantam", "/usr/bin/tool": "-", "/bin/tool": "-", "/lib64/ld.so": "-", "/srv/www/index.html": "-", "/usr/local/bin/x": "-"}
	if err := says(before); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	files := map[string]File{"/usr/local/bin/x": {Data: []byte("script"), Mode: 0o755}, "/usr/bin/tool": {Data: []byte("mine"), Mode: 0o750, UID: 7}}
	one := []Layer{l["files"], l["package-libc"], l["package-tool"]}
	binds := []Bind{{"/srv/www", l["files"]}, {"/srv/motd", l["files"]}}
	if err := t.Set(one, files, binds); err != nil {
		return err
	}
	if err := says(map[string]string{
		"/usr/bin/tool": "mine", "/bin/tool": "mine", "/usr/lib/libc.so": "libc", "/lib/libc.so": "libc", "/lib64/ld.so": "loader",
		"/usr/bin/own": "the package's", "/bin/own": "bantam", "/usr/bin/sh": "bantam", "/usr/sbin/toold": "toold", "/usr/sbin/sh": "bantam",
		"/usr/local/bin/x": "script", "/srv/www/index.html": "hello", "/srv/motd": "motd",
	}); err != nil {
		return fmt.Errorf("with layers: %w", err)
	}
	if info, err := os.Stat("/usr/bin/tool"); err != nil || info.Mode() != 0o750 || info.Sys().(*syscall.Stat_t).Uid != 7 {
		return fmt.Errorf("%v %v", info, err)
	}
	for _, path := range []string{"/usr/bin/new", "/srv/www/new"} {
		if err := os.WriteFile(path, nil, 0o644); !errors.Is(err, unix.EROFS) {
			return fmt.Errorf("%s can be written: %v", path, err)
		}
	}
	if !t.Mounted() {
		return errors.New("the tree is not there, it says")
	}
	if err := loopsAreCalled("layer files", "layer package-libc", "layer package-tool"); err != nil {
		return err
	}
	x, err := t.Index(l["package-tool"])
	if err != nil || x.Find("etc/tool.conf") == nil {
		return fmt.Errorf("index: %v %v", x, err)
	}
	if text, err := t.Read(l["package-tool"], "etc/tool.conf", 100); err != nil || string(text) != "conf" {
		return fmt.Errorf("etc/tool.conf: %q %v", text, err)
	}
	if _, err := t.Read(l["package-tool"], "etc/tool.conf", 3); err == nil || !strings.Contains(err.Error(), "more than 3 bytes") {
		return fmt.Errorf("a long file: %v", err)
	}
	open, err := os.Open("/usr/bin/own")
	if err != nil {
		return err
	}
	if err := t.Set([]Layer{l["package-tool2"]}, nil, nil); err != nil {
		return err
	}
	if err := says(map[string]string{
		"/usr/bin/tool": "newer tool", "/bin/tool": "newer tool", "/usr/bin/own": "bantam", "/usr/sbin/toold": "-", "/bin/toold": "-",
		"/lib64/ld.so": "-", "/lib/libc.so": "-", "/srv/www/index.html": "-", "/srv/motd": "-", "/usr/local/bin/x": "-",
	}); err != nil {
		return fmt.Errorf("with another layer: %w", err)
	}
	if b := make([]byte, 100); true {
		if n, err := open.Read(b); string(b[:n]) != "the package's" {
			return fmt.Errorf("an open file: %q %v", b[:n], err)
		}
	}
	if err := unix.Unmount("/usr", 0); err != nil {
		return err
	}
	if t.Mounted() {
		return errors.New("the tree is still there, it says")
	}
	if err := t.Set(one, files, binds); err != nil {
		return fmt.Errorf("after somebody unmounted it: %w", err)
	}
	if err := t.Set(nil, nil, nil); err != nil {
		return err
	}
	if err := says(before); err != nil {
		return fmt.Errorf("without layers again: %w", err)
	}
	if err := os.Symlink("/bin", "/srv/www"); err != nil {
		return err
	}
	if err := t.Set(one, files, binds); err == nil || !strings.Contains(err.Error(), "/srv/www") {
		return fmt.Errorf("a link in the place of a source: %v", err)
	}
	if err := errors.Join(says(map[string]string{"/bin/own": "bantam", "/bin/index.html": "-"}), os.Remove("/srv/www"), t.Set(nil, nil, nil)); err != nil {
		return err
	}
	open.Close()
	t.Release()
	if text, err := t.Read(l["package-tool"], "etc/tool.conf", 100); err != nil || string(text) != "conf" {
		return fmt.Errorf("etc/tool.conf, of a layer that is not mounted: %q %v", text, err)
	}
	return nothingLeft()
}

// nothingLeft looks for mounts, and for files that trees were made from.
func nothingLeft() error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "squashfs") || strings.Contains(line, "bantam-") {
			err = errors.Join(err, fmt.Errorf("left: %s", line))
		}
	}
	left, _ := filepath.Glob("/run/bantam/tree/[0-9]*")
	if len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("left: %s", left))
	}
	return err
}

func scenarioDamaged(dir string) error {
	t, l, err := machine(dir)
	if err != nil {
		return err
	}
	good := []Layer{l["package-tool"]}
	if err := t.Set(good, nil, nil); err != nil {
		return err
	}
	find := t.o.Find
	damage := func(at int64) {
		t.o.Find = func(l Layer) (Place, error) {
			place, _ := find(l)
			data, err := os.ReadFile(place.Path)
			if err != nil {
				return place, err
			}
			data[4096+at] ^= 0xff
			return Place{"/run/bantam/damaged", 4096}, os.WriteFile("/run/bantam/damaged", data, 0o600)
		}
	}
	damage(0)
	for name, do := range map[string]func() error{
		"set":    func() error { return t.Set([]Layer{l["package-libc"]}, nil, nil) },
		"open":   func() error { _, err := t.Read(l["package-libc"], "usr/lib/libc.so", 9); return err },
		"verify": func() error { return t.Verify(l["package-libc"]) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "layer package-libc") {
			return fmt.Errorf("%s: %v", name, err)
		}
	}
	damage(l["package-libc"].Size - 1)
	if _, err := t.Index(l["package-libc"]); err == nil || !strings.Contains(err.Error(), "layer package-libc is damaged") {
		return fmt.Errorf("index: %v", err)
	}
	damage(120) // mounts well enough
	if err := t.Verify(l["package-libc"]); err == nil || !strings.Contains(err.Error(), "layer package-libc is damaged") {
		return fmt.Errorf("verify: %v", err)
	}
	t.o.Find = func(Layer) (Place, error) { return Place{"/none", 0}, nil }
	if err := t.Set([]Layer{l["package-libc"]}, nil, nil); err == nil {
		return errors.New("a layer that is nowhere is mounted")
	}
	t.o.Find = find
	if err := t.Verify(l["package-libc"]); err != nil {
		return err
	}
	if err := says(map[string]string{"/usr/bin/tool": "tool"}); err != nil {
		return fmt.Errorf("after all that the tree is another: %w", err)
	}
	if err := t.Set(make([]Layer, Most+1), nil, nil); err == nil {
		return errors.New("more layers than fit are mounted")
	}
	return nil
}

// scenarioExchange looks at a path all the time while trees come and go.
func scenarioExchange(dir string) error {
	t, l, err := machine(dir)
	if err != nil {
		return err
	}
	old, next := []Layer{l["package-libc"], l["package-tool"]}, []Layer{l["package-tool2"]}
	if err := t.Set(old, nil, nil); err != nil {
		return err
	}
	done, fault := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(fault)
		for looks := 0; ; looks++ {
			select {
			case <-done:
				if looks < 100 {
					fault <- fmt.Errorf("only %d looks", looks)
				}
				return
			default:
			}
			if _, err := os.Stat("/usr/bin/tool"); err != nil {
				fault <- fmt.Errorf("look %d: %w", looks, err)
				return
			}
		}
	}()
	for i := range 50 {
		if err := t.Set([][]Layer{next, old}[i%2], nil, nil); err != nil {
			return err
		}
	}
	close(done)
	return <-fault
}

// scenarioNamespaces has a process whose mount namespace was made while a tree was there, as services have it.
func scenarioNamespaces(dir string) error {
	t, l, err := machine(dir)
	if err != nil {
		return err
	}
	if err := t.Set([]Layer{l["package-tool"], l["files"]}, nil, []Bind{{"/srv/www", l["files"]}}); err != nil {
		return err
	}
	entered, leave, seen := make(chan error), make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS) // of this thread alone, which ends with its goroutine
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, "")
		}
		entered <- err
		<-leave
		text, err := os.ReadFile("/proc/thread-self/mountinfo")
		if err == nil && (strings.Contains(string(text), "squashfs") || strings.Contains(string(text), "bantam-")) {
			err = fmt.Errorf("it still has\n%s", text)
		}
		seen <- err
	}()
	if err := <-entered; err != nil {
		return err
	}
	if err := t.Set(nil, nil, nil); err != nil {
		return err
	}
	close(leave)
	return <-seen
}

func TestWhatIsBelowUsrAloneIsWritten(t *testing.T) {
	dir := t.TempDir()
	if err := writeFiles(dir, map[string]File{"/etc/passwd": {}}); err == nil {
		t.Error("a file outside of /usr is written")
	}
	if err := writeFiles(dir, map[string]File{"/usr/share/a/b": {Data: []byte("b"), Mode: 0o644, UID: os.Getuid(), GID: os.Getgid()}}); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(dir + "/share/a/b"); string(text) != "b" {
		t.Error(string(text), err)
	}
}
