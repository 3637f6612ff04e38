// Command bench measures Bantam beside busybox init and udhcpc: both boot the same
// kernel with the same modules in the same virtual machine, keep five services and
// a console, and ask for an address. Then it times `bantam switch` there and
// `bantam build` here, and the editor beside Debian's. `make bench` runs it from the
// root of the repository; `go run ./test/bench editors` does only the last.
//
// The machine's clock counts instructions, so that all figures but the build's are
// the same on any host. Limits: board pc only; no disk, so nothing of a disk's time
// is in the figures of a switch.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"bantam/board"
	"bantam/images"
	"bantam/test/bench/editors"
)

func main() {
	asJSON := flag.Bool("json", false, "print all figures as JSON")
	tool := flag.String("tool", "bin/bantam", "host tool `FILE`")
	device := flag.String("device", "bin/device/amd64/bantam", "device binary `FILE`")
	keep := flag.String("keep", "", "`DIR` that gets kernels, initrds and what the machines said")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r := new(report)
	var err error
	switch flag.Arg(0) {
	case "":
		if r, err = measure(ctx, *tool, *device, *keep); err == nil {
			r.Editors, err = editors.Measure(ctx, *device)
		}
	case "editors":
		r.Editors, err = editors.Measure(ctx, *device)
	default:
		err = fmt.Errorf("%s: only `editors` can be measured alone", flag.Arg(0))
	}
	if err == nil {
		r.weigh()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "\t")
		err = e.Encode(r)
	} else {
		r.print(os.Stdout)
	}
	if err != nil || r.over() {
		os.Exit(1)
	}
}

func measure(ctx context.Context, tool, device, dir string) (*report, error) {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "bantam-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	in, err := gather(ctx, device, dir)
	if err != nil {
		return nil, err
	}
	ours, composed, err := in.bantam(ctx)
	if err != nil {
		return nil, err
	}
	peer, err := in.peer(ctx, composed)
	if err != nil {
		return nil, err
	}
	r := &report{Kernel: in.kernel.Version}
	said, err := in.boot(ctx, ours, &r.Bantam)
	if err != nil {
		return nil, err
	}
	switches, err := said.switches()
	if err != nil {
		return nil, err
	}
	if len(switches) < 2 {
		return nil, fmt.Errorf("%d switches, want at least 2", len(switches))
	}
	last := len(switches) - 1
	r.Switch, r.Nothing = slices.Max(switches[:last]), switches[last]
	if _, err = in.boot(ctx, peer, &r.Busybox); err != nil {
		return nil, err
	}
	if r.Build, err = timeBuild(ctx, tool, device, dir); err != nil {
		return nil, err
	}
	return r, nil
}

// gather finds what both guests are made from; only the kernel may have to be fetched.
func gather(ctx context.Context, device, scratch string) (in inputs, err error) {
	in = inputs{device: device, scratch: scratch}
	if in.board, err = board.Load("pc"); err != nil {
		return in, err
	}
	for program, debian := range map[string]string{in.board.QEMU.Binary: in.board.QEMU.Package, "xz": "xz-utils", busybox: "busybox-static"} {
		if _, err := exec.LookPath(program); err != nil {
			return in, fmt.Errorf("%s is missing: apt-get install %s", program, debian)
		}
	}
	if in.cache.Dir, err = images.DefaultCacheDir(); err != nil {
		return in, err
	}
	in.kernel, err = images.DebianKernel(ctx, images.Archive{CacheDir: in.cache.Dir, Arch: in.board.DebianArch}, in.board.KernelPackage)
	return in, err
}

// boot runs a guest to its end, keeps what it said beside its kernel, and reads the figures from it.
func (in inputs) boot(ctx context.Context, g guest, f *figures) (said record, err error) {
	text, err := run(ctx, in.board, g, in.scratch)
	if err == nil {
		err = os.WriteFile(filepath.Join(in.scratch, g.name+".log"), []byte(text), 0o644)
	}
	if err != nil {
		return said, err
	}
	if said, err = parse(text); err == nil {
		*f, err = said.figures(g)
	}
	if err != nil {
		return said, fmt.Errorf("%s: %w; it said:\n%s", g.name, err, text)
	}
	return said, nil
}

// timeBuild is the best of five builds in seconds, each of another configuration,
// after one that has filled the cache. It is the only figure that depends on the host.
func timeBuild(ctx context.Context, tool, device, dir string) (float64, error) {
	best := time.Hour
	for n := range 6 {
		file := filepath.Join(dir, "build.toml")
		text := strings.Replace(string(systemText), `"bench"`, fmt.Sprintf(`"bench%d"`, n), 1)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return 0, err
		}
		start := time.Now()
		said, err := exec.CommandContext(ctx, tool, "build", "--board", "pc", "--device", device, "--out", dir, file).CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("%s build: %w\n%s", tool, err, said)
		}
		if n > 0 {
			best = min(best, time.Since(start))
		}
	}
	return best.Seconds(), nil
}
