package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Kernel is a kernel and its modules as files on the host.
type Kernel struct {
	Version string    // as uname -r says it, e.g. 6.1.0-40-amd64
	Source  string    // where it comes from, for people: linux-image-6.1.0-40-amd64 6.1.153-1
	Package string    // the Debian package and its version; "" for files of the user's
	Image   string    // path of vmlinuz
	Modules string    // folder that has modules.builtin and kernel/; "" if the kernel has none
	Config  string    // path of its configuration; "" if that is not known
	Trees   string    // folder of its device trees; "" if it has none
	Date    time.Time // of its package; zero if that is not known
	Chosen  bool      // by the user: what it lacks is no fault of the board

	id string // names the bytes of all the above, for the cache
}

// DebianKernel fetches the kernel that a package name stands for: a meta package such as
// linux-image-amd64, a real one such as linux-image-6.1.0-40-amd64, or either as name=version.
func DebianKernel(ctx context.Context, archive Archive, name string) (k Kernel, err error) {
	err = archive.Current(func(a Archive) error {
		k, err = fetchKernel(ctx, a, name)
		return err
	})
	return k, err
}

func fetchKernel(ctx context.Context, archive Archive, name string) (Kernel, error) {
	records, err := archive.records(ctx, []string{name})
	if err != nil {
		return Kernel{}, err
	}
	if image := records[name].meant(); image != "" {
		name = image
	}
	packages, err := archive.packages(ctx, []string{name})
	if err != nil {
		return Kernel{}, err
	}
	p := packages[name]
	images, err := filepath.Glob(filepath.Join(p.Dir, "boot", "vmlinu[xz]-*"))
	if err != nil || len(images) != 1 {
		return Kernel{}, fmt.Errorf("%s: has %d kernels in /boot, want 1: not a kernel package?", p.Name, len(images))
	}
	if good, err := isKernel(images[0], goArch(archive.Arch)); err != nil {
		return Kernel{}, err
	} else if !good {
		return Kernel{}, fmt.Errorf("%s is no Linux kernel, so the cache is damaged; delete %s", images[0], filepath.Dir(p.Dir))
	}
	_, version, _ := strings.Cut(filepath.Base(images[0]), "-")
	date, err := p.Date()
	if err != nil {
		return Kernel{}, err
	}
	modules := filepath.Join(p.Dir, "lib", "modules", version)
	if _, err := os.Stat(modules); err != nil {
		modules = filepath.Join(p.Dir, "usr", "lib", "modules", version) // since trixie
	}
	return Kernel{
		Version: version,
		Source:  p.Name + " " + p.Version,
		Package: p.Name + " " + p.Version,
		Image:   images[0],
		Modules: modules,
		Config:  filepath.Join(p.Dir, "boot", "config-"+version),
		Trees:   filepath.Join(p.Dir, "usr", "lib", "linux-image-"+version),
		Date:    date,
		id:      p.SHA256,
	}, nil
}

// metaDependency finds the kernel that a meta package depends on in an exact version.
var metaDependency = regexp.MustCompile(`^(linux-image-[^ ]+) \(= ([^)]+)\)`)

// metaTarget returns name=version of the kernel behind a meta package, "" if this is none.
func metaTarget(depends string) string {
	for _, dependency := range strings.Split(depends, ",") {
		if m := metaDependency.FindStringSubmatch(strings.TrimSpace(dependency)); m != nil {
			return m[1] + "=" + m[2]
		}
	}
	return ""
}

// KernelFiles takes a kernel that somebody built: its image and, if it has modules, the folder
// that make modules_install made for it, e.g. /lib/modules/6.1.0-40-amd64. The folder's name is
// the kernel's version; without one the image's name is taken. A file config-VERSION or .config
// beside the image is its configuration. trees is the folder of its device trees, as make dtbs_install made it; "" if it has
// none. The image must be one for the architecture, a Go one.
func KernelFiles(image, modules, trees, arch string) (Kernel, error) {
	k := Kernel{Image: image, Source: image, Trees: trees, Chosen: true}
	if good, err := isKernel(image, arch); err != nil {
		return k, err
	} else if !good {
		return k, fmt.Errorf("%s is no Linux kernel for %s; give %s", image, arch, kernelMagic[arch].give)
	}
	if modules != "" {
		var err error
		if k.Modules, err = filepath.Abs(modules); err != nil {
			return k, err
		}
		if _, err := os.Stat(filepath.Join(k.Modules, "kernel")); err != nil {
			return k, fmt.Errorf("kernel modules: %w; give the folder that make modules_install made, e.g. /lib/modules/6.1.0-40-amd64", err)
		}
		k.Version = filepath.Base(k.Modules)
	} else {
		k.Version = strings.TrimPrefix(filepath.Base(image), "vmlinuz-")
	}
	for _, name := range []string{"config-" + k.Version, ".config"} {
		config := filepath.Join(filepath.Dir(image), name)
		if _, err := os.Stat(config); err == nil {
			k.Config = config
			break
		}
	}
	var err error
	k.id, err = filesID(k.Image, k.Config, k.Modules, k.Trees)
	return k, err
}

// kernelMagic is what tells a kernel image that our loaders start: Linux, Documentation/arch/x86/boot.rst
// and Documentation/arch/arm64/booting.rst.
var kernelMagic = map[string]struct {
	at   int64
	text string
	give string // what has it
}{
	"amd64": {0x202, "HdrS", "its arch/x86/boot/bzImage, as /boot/vmlinuz-VERSION is"},
	"arm64": {0x38, "ARM\x64", "its arch/arm64/boot/Image, not compressed"},
	"arm":   {0x24, "\x18\x28\x6f\x01", "its arch/arm/boot/zImage"},

	"mips":   {0, "\x7fELF\x01\x02", "its vmlinuz, which unpacks itself, or vmlinux"}, // of 32 bits, big-endian
	"mipsle": {0, "\x7fELF\x01\x01", "its vmlinuz, which unpacks itself, or vmlinux"}, // of 32 bits, little-endian
}

// goArch is Go's name of an architecture of Debian's.
func goArch(debian string) string {
	switch debian {
	case "armhf":
		return "arm"
	case "mipsel":
		return "mipsle"
	}
	return debian
}

// isKernel tells whether a file is a kernel for the architecture. One whose images are not known passes.
func isKernel(image, arch string) (bool, error) {
	magic, known := kernelMagic[arch]
	if !known {
		return true, nil
	}
	f, err := os.Open(image)
	if err != nil {
		return false, fmt.Errorf("kernel: %w", err)
	}
	defer f.Close()
	got := make([]byte, len(magic.text))
	if _, err := f.ReadAt(got, magic.at); err != nil && err != io.EOF {
		return false, fmt.Errorf("kernel: %w", err)
	}
	return string(got) == magic.text, nil
}

// filesID names files by place, size and time of change rather than by content: it only decides
// whether what was once made of them still holds on this host, and a modules folder has 400 MB.
func filesID(roots ...string) (string, error) {
	var seen []string
	for _, root := range roots {
		if root == "" {
			continue
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			seen = append(seen, fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano()))
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("kernel: %w", err)
		}
	}
	return resultKey(seen), nil
}

// Digest is the SHA-256, in hex, of a kernel of KernelFiles with its modules.
func (k Kernel) Digest(cache Cache) (string, error) {
	sum, err := cache.Result([]string{"kernel digest 1", k.id}, func() ([]byte, error) {
		var sums []string
		for _, root := range []string{k.Image, k.Config, k.Modules, k.Trees} {
			if root == "" {
				continue
			}
			file, err := filepath.EvalSymlinks(root) // as /vmlinuz is one
			if err != nil {
				return nil, fmt.Errorf("kernel: %w", err)
			}
			sum, err := TreeDigest(file)
			if err != nil {
				return nil, fmt.Errorf("kernel: %w", err)
			}
			sums = append(sums, sum)
		}
		return []byte(resultKey(sums)), nil
	})
	return string(sum), err
}

// Has tells whether the kernel was built with an option, e.g. CONFIG_XZ_DEC_X86, built in.
// A kernel without known configuration has none.
func (k Kernel) Has(option string) bool {
	if k.Config == "" {
		return false
	}
	text, err := os.ReadFile(k.Config)
	return err == nil && bytes.Contains(text, []byte("\n"+option+"=y\n"))
}

// index reads what the kernel's modules say of themselves, from the cache if it can.
func (k Kernel) index(ctx context.Context, cache Cache, progress Progress) (*moduleIndex, error) {
	index := &moduleIndex{}
	if k.Modules == "" {
		return index, nil
	}
	text, err := cache.Result([]string{"module index 1", k.id}, func() ([]byte, error) {
		progress.Step("reading the modules of Linux %s", k.Version)
		index, err := readModules(ctx, k.Modules)
		if err != nil {
			return nil, err
		}
		return json.Marshal(index)
	})
	if err != nil {
		return nil, err
	}
	return index, json.Unmarshal(text, index)
}
