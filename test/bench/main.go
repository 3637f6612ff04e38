// Command bench measures Bantam beside other init systems of Debian: all do the same job in the same virtual
// machine with the same kernel (see job.go). Then it times `bantam switch` there and `bantam build` here, and the
// editor beside Debian's. `make bench` runs it from the root of the repository; `go run ./test/bench editors`
// does only the last, `go run ./test/bench own` the two before it, `go run ./test/bench ssh` only the login beside dropbear, `go run ./test/bench update` only an update beside RAUC's, `go run ./test/bench build` only the build beside mkosi and mmdebstrap, `go run ./test/bench job bantam busybox` only
// the job of these. `check` compares Bantam's job with what `record` has taken down.
//
// The machine's clock counts instructions, so that all figures but the build's are
// the same on any host. Limits: amd64 only; no disk, so nothing of a disk's time
// is in the figures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

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
		if err = r.machines(ctx, *tool, *device, *keep, nil); err == nil {
			r.Editors, err = editors.Measure(ctx, *device)
		}
	case "job":
		err = r.machines(ctx, "", *device, *keep, flag.Args()[1:])
	case "check", "record":
		if err = r.machines(ctx, "", *device, *keep, []string{"bantam"}); err == nil {
			err = r.check(ctx, r.qemu, flag.Arg(0) == "record")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	case "own":
		err = r.machines(ctx, *tool, *device, *keep, []string{"none"})
	case "ssh":
		err = r.machines(ctx, "", *device, *keep, []string{"ssh"})
	case "update":
		err = r.machines(ctx, "", *device, *keep, []string{"update"})
	case "build":
		var leave func()
		if *keep, leave, err = scratch(*keep); err == nil {
			err = r.builds(ctx, *tool, *device, *keep)
			leave()
		}
	case "editors":
		r.Editors, err = editors.Measure(ctx, *device)
	default:
		err = fmt.Errorf("%s: only `job`, `own`, `ssh`, `update`, `build`, `editors`, `check` and `record` are known", flag.Arg(0))
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

// machines measures the job of the named systems, nil: of all; and with a host tool also what Bantam alone does.
func (r *report) machines(ctx context.Context, tool, device, dir string, names []string) error {
	dir, leave, err := scratch(dir)
	if err != nil {
		return err
	}
	defer leave()
	in, err := gather(ctx, device, dir)
	if err != nil {
		return err
	}
	r.Kernel, r.qemu = in.kernel.Version, in.board.QEMU.Binary
	for _, name := range append([]string{"bantam", secondBoot}, peerNames()...) {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		f, err := in.measure(ctx, name)
		if err != nil {
			return err
		}
		r.Jobs = append(r.Jobs, job{name, f})
	}
	if len(names) == 0 || slices.Contains(names, "ssh") {
		if r.Logins, r.LoginVersions, err = in.logins(ctx); err != nil {
			return err
		}
	}
	if len(names) == 0 || slices.Contains(names, "update") {
		if r.Updates, r.UpdateVersions, err = in.updates(ctx); err != nil {
			return err
		}
	}
	if tool == "" {
		return nil
	}
	g, err := in.switches(ctx)
	if err != nil {
		return err
	}
	said, err := in.boot(ctx, g)
	if err != nil {
		return err
	}
	r.Memory, r.Anonymous = said.processes()
	switches, err := said.switches()
	if err != nil {
		return err
	}
	if len(switches) < 2 {
		return fmt.Errorf("%d switches, want at least 2", len(switches))
	}
	last := len(switches) - 1
	r.Switch, r.Nothing = slices.Max(switches[:last]), switches[last]
	return r.builds(ctx, tool, device, dir)
}

// secondBoot is Bantam from a disk, in a network where it was before. It says what a peer cannot be asked for: they remember nothing.
const secondBoot = "bantam, second boot"

// measure lets a system do the job, and once more with more services.
func (in inputs) measure(ctx context.Context, name string) (f figures, err error) {
	var used [2]float64
	for i, services := range []int{jobServices, jobServices + moreBy} {
		var g guest
		switch name {
		case "bantam":
			g, err = in.bantam(ctx, services)
		case secondBoot:
			g, err = in.installed(ctx, services)
		default:
			at := slices.IndexFunc(peers, func(p peer) bool { return p.name == name })
			g, err = peers[at].guest(ctx, in, services)
		}
		if err != nil {
			return f, err
		}
		g.name = fmt.Sprintf("%s-%d", name, services)
		said, err := in.boot(ctx, g)
		if err != nil {
			return f, err
		}
		done, err := said.job(services)
		if err != nil {
			return f, fmt.Errorf("%s: %w; see --keep", name, err)
		}
		used[i] = done.Used
		if i == 0 {
			f, f.Versions = done, g.versions
		}
	}
	f.Service = (used[1] - used[0]) / moreBy * 1000
	return f, nil
}

// boot runs a guest to its end, keeps what it said beside its kernel, and reads it.
func (in inputs) boot(ctx context.Context, g guest) (said record, err error) {
	text, err := run(ctx, in.board, g, in.scratch)
	if err == nil {
		err = os.WriteFile(filepath.Join(in.scratch, g.name+".log"), []byte(text), 0o644)
	}
	if err != nil {
		return said, err
	}
	if said, err = parse(text); err != nil {
		err = fmt.Errorf("%s: %w; it said at last:\n%s", g.name, err, last(text))
	}
	return said, err
}

// scratch is the folder for what is made: dir, which stays, or where that is empty a temporary one, which is gone once left.
func scratch(dir string) (folder string, leave func(), err error) {
	if dir != "" {
		return dir, func() {}, os.MkdirAll(dir, 0o755)
	}
	dir, err = os.MkdirTemp("", "bantam-bench-")
	return dir, func() { os.RemoveAll(dir) }, err
}
