package kernelbuild

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"bantam/board"
	"bantam/images"
)

// A tree is the source, unpacked to be built in.
type tree struct {
	dir    string
	arch   arch
	source Source
}

// unpack fills the folder.
func (t tree) unpack(ctx context.Context, progress images.Progress) error {
	progress.Step("unpacking the source of %s", t.source.Package)
	out, err := exec.CommandContext(ctx, "tar", "-xf", t.source.Tarball, "-C", t.dir, "--strip-components=1").CombinedOutput()
	if err != nil {
		return fmt.Errorf("tar -xf %s: %w: %s", t.source.Tarball, err, bytes.TrimSpace(out))
	}
	return nil
}

// command is make in the tree. What could make the bytes differ it does not get from this host: dates, names, places, and what
// others have put into the environment.
func (t tree) command(ctx context.Context, args ...string) *exec.Cmd {
	mapped := "-ffile-prefix-map=" + t.dir + "/="
	cmd := exec.CommandContext(ctx, "make", append([]string{
		"ARCH=" + t.arch.linux, "CROSS_COMPILE=" + t.arch.prefix, "LOCALVERSION=",
		"KBUILD_BUILD_TIMESTAMP=" + t.source.Date.UTC().Format(time.UnixDate), "KBUILD_BUILD_USER=bantam", "KBUILD_BUILD_HOST=bantam", "KBUILD_BUILD_VERSION=1",
		"KCFLAGS=" + mapped, "KAFLAGS=" + mapped,
	}, args...)...)
	cmd.Dir = t.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	// make's children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// run runs make to its end, with all it prints into out.
func (t tree) run(ctx context.Context, out *meter, args ...string) error {
	cmd := t.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = out, out // the same value, so that one reader takes both
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("make %s: %w; the last lines of what it printed:\n  %s", strings.Join(args, " "), err, strings.Join(out.last, "\n  "))
	}
	return nil
}

// quiet is a meter that only keeps lines.
func quiet() *meter { return &meter{expected: 1, now: time.Now} }

func (t tree) readConfig() (Config, error) {
	text, err := os.ReadFile(filepath.Join(t.dir, ".config"))
	return parseConfig(string(text)), err
}

// defaults are the options of a configuration in which nothing is asked for.
func (t tree) defaults(ctx context.Context) (Config, error) {
	if err := t.run(ctx, quiet(), "alldefconfig"); err != nil {
		return nil, err
	}
	return t.readConfig()
}

// configure asks for options. One that does not come out as it was asked for is a *DroppedError.
func (t tree) configure(ctx context.Context, options []board.Option) (Config, error) {
	if err := os.WriteFile(filepath.Join(t.dir, ".config"), []byte(wanted(options)), 0o644); err != nil {
		return nil, err
	}
	if err := t.run(ctx, quiet(), "olddefconfig"); err != nil {
		return nil, err
	}
	c, err := t.readConfig()
	if err != nil {
		return nil, err
	}
	return c, checkConfig(options, c)
}

// release is what uname -r will say.
func (t tree) release(ctx context.Context) (string, error) {
	out, err := t.command(ctx, "-s", "kernelrelease").Output()
	version := strings.TrimSpace(string(out))
	if err != nil || version == "" || version != filepath.Base(version) {
		return "", fmt.Errorf("make kernelrelease: %q, %v", version, err)
	}
	return version, nil
}

// make builds kernel and modules for a board.
func (t tree) make(ctx context.Context, config Config, board string, progress images.Progress) error {
	version, err := t.release(ctx)
	if err != nil {
		return err
	}
	args := []string{fmt.Sprintf("-j%d", runtime.NumCPU()), t.arch.target}
	if config.hasModules() {
		args = append(args, "modules")
	}
	return t.run(ctx, &meter{
		what: "Linux " + version + " for " + board, expected: stepsOf(config), start: time.Now(), now: time.Now, progress: progress,
	}, args...)
}

// deviceTrees makes those that are named, with what is added to their source, into a folder.
func (t tree) deviceTrees(ctx context.Context, names []string, added, dir string) error {
	for _, name := range names {
		if added == "" {
			continue
		}
		path := filepath.Join(t.dir, "arch", t.arch.folder, "boot/dts", strings.TrimSuffix(name, "b")+"s")
		source, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, append(source, "\n"+added...), 0o644)
		}
		if err != nil {
			return fmt.Errorf("device tree %s: %w", name, err)
		}
	}
	if err := t.run(ctx, quiet(), names...); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := images.SaveFile(filepath.Join(dir, name), filepath.Join(t.dir, "arch", t.arch.folder, "boot/dts", name)); err != nil {
			return err
		}
	}
	return nil
}

// What collect leaves in a folder, beside config-VERSION.
const (
	imageName  = "vmlinuz-"
	modulesDir = "modules" // a folder for the version, as below /lib/modules
)

// collect copies what is kept of a build.
func (t tree) collect(ctx context.Context, config Config, dir string) error {
	version, err := t.release(ctx)
	if err != nil {
		return err
	}
	modules := filepath.Join(modulesDir, version)
	kept := map[string]string{
		imageName + version:                       t.arch.image,
		"config-" + version:                       ".config",
		filepath.Join(modules, "modules.builtin"): "modules.builtin",
	}
	if config.hasModules() {
		// depmod would write lists that nothing reads: images writes those of what it carries.
		if err := t.run(ctx, quiet(), "modules_install", "INSTALL_MOD_PATH="+filepath.Join(t.dir, "installed"), "INSTALL_MOD_STRIP=1", "DEPMOD=true"); err != nil {
			return err
		}
		installed := filepath.Join("installed/lib/modules", version)
		if err := os.CopyFS(filepath.Join(dir, modules, "kernel"), os.DirFS(filepath.Join(t.dir, installed, "kernel"))); err != nil {
			return err
		}
		kept[filepath.Join(modules, "modules.order")] = filepath.Join(installed, "modules.order")
	} else if err := os.MkdirAll(filepath.Join(dir, modules, "kernel"), 0o755); err != nil {
		return err
	}
	for to, from := range kept {
		if _, err := images.SaveFile(filepath.Join(dir, to), filepath.Join(t.dir, from)); err != nil {
			return err
		}
	}
	return nil
}
