package payload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// goCommand runs the host's go for a board, in a folder that is a module of its own.
type goCommand struct {
	path string
	dir  string
	env  []string
}

// goEnvKept are the settings of go that say how this host reaches modules and toolchains, be they in the environment or
// in go's own file. All others are ours, so that none changes what is built: GOFLAGS and GOEXPERIMENT least of all.
var goEnvKept = []string{"GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE", "GOAUTH", "GOVCS", "GOTOOLCHAIN"}

// targetEnv is what go builds for an architecture. The variants are those of Debian's ports.
func targetEnv(arch string) []string {
	return []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch,
		"GOAMD64=v1", "GOARM64=v8.0", "GOARM=7", "GOMIPS=softfloat", "GORISCV64=rva20u64"}
}

// newGoCommand makes the folder, below the cache: modules and what is compiled stay there, and the user's own are left
// alone. toolchain is the version of go to use; "" is whatever go decides.
func (r Request) newGoCommand(ctx context.Context, toolchain string) (*goCommand, error) {
	path, err := goPath()
	if err != nil {
		return nil, err
	}
	home, err := filepath.Abs(filepath.Join(r.Cache.Dir, "go"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	left, _ := filepath.Glob(filepath.Join(home, "build-*"))
	for _, dir := range left { // of builds that were killed
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(dir)
		}
	}
	g := &goCommand{path: path}
	if g.dir, err = os.MkdirTemp(home, "build-"); err != nil {
		return nil, err
	}
	if err := g.setEnv(ctx, r.Arch, home); err != nil {
		g.remove()
		return nil, err
	}
	if r.Archive.Vendor != "" { // what is there has its sums in the lock
		vendor, err := filepath.Abs(r.Archive.Vendor)
		if err != nil {
			return nil, err
		}
		g.env = append(g.env, "GOPROXY=file://"+filepath.ToSlash(filepath.Join(vendor, VendorGo)), "GONOPROXY=none", "GOSUMDB=off", "GOVCS=*:off", "GOTOOLCHAIN=local")
	}
	if err := g.choose(ctx, toolchain); err != nil {
		g.remove()
		return nil, err
	}
	return g, nil
}

// setEnv makes the environment: this host's way to the network, the board's architecture, and folders below home.
func (g *goCommand) setEnv(ctx context.Context, arch, home string) error {
	g.env = os.Environ()
	said, err := g.run(ctx, append([]string{"env"}, goEnvKept...)...)
	if err != nil {
		return err
	}
	g.env = slices.DeleteFunc(g.env, func(v string) bool {
		return strings.HasPrefix(v, "GO") && !strings.HasPrefix(v, "GOROOT=") || strings.HasPrefix(v, "CGO_")
	})
	for i, value := range strings.Split(strings.TrimSuffix(said, "\n"), "\n") {
		if value != "" {
			g.env = append(g.env, goEnvKept[i]+"="+value)
		}
	}
	g.env = append(g.env, targetEnv(arch)...)
	g.env = append(g.env, "GOENV=off", "GOPATH="+home, "GOMODCACHE="+filepath.Join(home, "mod"), "GOCACHE="+filepath.Join(home, "build"),
		"GOFLAGS=-modcacherw", "GOWORK=off", "GO111MODULE=on", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	return nil
}

// VendorGo is the folder of a vendor folder that is a Go module proxy.
const VendorGo = "go"

func (g *goCommand) remove() { os.RemoveAll(g.dir) }

// choose makes go be the version that the lock names.
func (g *goCommand) choose(ctx context.Context, toolchain string) error {
	if toolchain == "" {
		return nil
	}
	said, err := g.run(ctx, "env", "GOVERSION", "GOTOOLCHAIN")
	if err != nil {
		return err
	}
	version, policy, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if strings.HasPrefix(version+" ", toolchain+" ") {
		g.env = append(g.env, "GOTOOLCHAIN=local")
		return nil
	}
	if policy == "" || policy == "local" {
		return &badProgram{"go", fmt.Sprintf("the lock names %s, this host has %s, and GOTOOLCHAIN=%s forbids to fetch another", toolchain, version, policy),
			"unset GOTOOLCHAIN, or take this one by --update"}
	}
	g.env = append(g.env, "GOTOOLCHAIN="+toolchain)
	return nil
}

// run runs go in the folder and returns what it printed.
func (g *goCommand) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Dir, cmd.Env = g.dir, append(g.env, "PWD="+g.dir)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return "", noGo(err)
	}
	if said.Len() == 0 { // go mod download -json tells its errors so
		var answer struct{ Error string }
		if json.Unmarshal(out.Bytes(), &answer) == nil {
			said.WriteString(answer.Error)
		}
	}
	return "", goFault(args[0], said.String())
}

// emptyModule is the go.mod of a module that is nobody's.
const emptyModule = "module bantam.invalid/program\n"

// findModule finds the module that has a package.
func (g *goCommand) findModule(ctx context.Context, path, version string) (string, error) {
	if err := g.write("go.mod", emptyModule); err != nil {
		return "", err
	}
	if _, err := g.run(ctx, "get", path+"@"+version); err != nil {
		return "", err
	}
	said, err := g.run(ctx, "list", "-mod=mod", "-f", "{{.Name}} {{with .Module}}{{.Path}}{{end}}", path)
	if err != nil {
		return "", err
	}
	name, module, _ := strings.Cut(strings.TrimSpace(said), " ")
	if name != "main" {
		return "", &badProgram{"go", fmt.Sprintf("%s is package %s, a library", path, name), "name a package main, e.g. below " + path + "/cmd"}
	}
	return module, nil
}

func (g *goCommand) write(name, text string) error {
	return os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o644)
}

// goMod is what go mod edit -json says of a go.mod.
type goMod struct {
	Go      string
	Godebug []struct{ Key, Value string }
	Exclude []struct{ Path, Version string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// prepare makes the folder a module that requires one other, with what the go.mod of that one says beside requirements.
func (g *goCommand) prepare(ctx context.Context, module, version string, sums []string) error {
	lines := ""
	if len(sums) > 0 {
		lines = strings.Join(sums, "\n") + "\n"
	}
	if err := errors.Join(g.write("go.mod", emptyModule), g.write("go.sum", lines)); err != nil {
		return err
	}
	// It is not required yet: go would look at all that its requirements require, also where it needs nothing of them.
	said, err := g.run(ctx, "mod", "download", "-json", module+"@"+version)
	if err != nil {
		return err
	}
	var its struct{ GoMod string }
	if err := json.Unmarshal([]byte(said), &its); err != nil {
		return fmt.Errorf("go mod download: %w", err)
	}
	if said, err = g.run(ctx, "mod", "edit", "-json", its.GoMod); err != nil {
		return err
	}
	var mod goMod
	if err := json.Unmarshal([]byte(said), &mod); err != nil {
		return fmt.Errorf("go mod edit: %w", err)
	}
	text, err := mod.like(fmt.Sprintf("%s\nrequire %s %s\n", emptyModule, module, version))
	if err != nil {
		return err
	}
	// The sums again: to look at the module, go may have added some that building it does not need.
	return errors.Join(g.write("go.mod", text), g.write("go.sum", lines))
}

// like is a go.mod with the same language version, exclusions and replacements.
func (m goMod) like(first string) (string, error) {
	var b strings.Builder
	b.WriteString(first)
	if m.Go != "" {
		fmt.Fprintf(&b, "go %s\n", m.Go)
	}
	for _, d := range m.Godebug {
		fmt.Fprintf(&b, "godebug %s=%s\n", d.Key, d.Value)
	}
	for _, x := range m.Exclude {
		fmt.Fprintf(&b, "exclude %s %s\n", x.Path, x.Version)
	}
	for _, x := range m.Replace {
		if x.New.Version == "" {
			return "", &badProgram{"go", fmt.Sprintf("its go.mod replaces %s by the folder %s, which no proxy has", x.Old.Path, x.New.Path),
				"build it from its repository, and name it by file"}
		}
		fmt.Fprintf(&b, "replace %s => %s %s\n", strings.TrimSpace(x.Old.Path+" "+x.Old.Version), x.New.Path, x.New.Version)
	}
	return b.String(), nil
}
