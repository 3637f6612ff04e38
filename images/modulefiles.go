package images

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bantam/newc"
)

// moduleFiles returns what goes below /lib/modules/VERSION: the modules, uncompressed because the
// segment's xz packs them better as one stream, the lists that depmod would write of them, and that of networkFile.
func moduleFiles(ctx context.Context, version, dir string, chosen []module, network []byte) ([]newc.File, error) {
	at := path.Join("lib/modules", version)
	files := []newc.File{}
	for _, m := range chosen {
		data, err := readModule(ctx, filepath.Join(dir, m.Path))
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", m.Path, err)
		}
		files = append(files, newc.File{Path: path.Join(at, plainPath(m.Path)), Mode: 0o644, Data: data})
	}
	builtin, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, list := range []struct {
		name string
		text []byte
	}{
		{"modules.dep", depFile(chosen)},
		{"modules.alias", aliasFile(chosen)},
		{"modules.softdep", softdepFile(chosen)},
		{"modules.builtin", builtin},
		{"modules.network", network},
	} {
		files = append(files, newc.File{Path: path.Join(at, list.name), Mode: 0o644, Data: list.text})
	}
	return files, nil
}

// depFile is modules.dep: each module with everything it needs, such that loading
// from right to left works.
func depFile(chosen []module) []byte {
	byName := make(map[string]module)
	for _, m := range chosen {
		byName[m.Name] = m
	}
	var b bytes.Buffer
	for _, m := range chosen {
		var order []string
		seen := map[string]bool{m.Name: true}
		var visit func(m module)
		visit = func(m module) {
			for _, name := range m.Depends {
				d, ok := byName[name]
				if !ok || seen[name] {
					continue
				}
				seen[name] = true
				visit(d)
				order = append(order, plainPath(d.Path))
			}
		}
		visit(m)
		slices.Reverse(order)
		fmt.Fprintf(&b, "%s:", plainPath(m.Path))
		for _, d := range order {
			b.WriteString(" " + d)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// aliasFile is modules.alias.
func aliasFile(chosen []module) []byte {
	var b bytes.Buffer
	for _, m := range chosen {
		for _, alias := range m.Aliases {
			fmt.Fprintf(&b, "alias %s %s\n", alias, m.Name)
		}
	}
	return b.Bytes()
}

// networkFile is the list of the network drivers that the image does not carry, for the machine to name what a card
// without a driver needs: lines as in modules.alias below one that says whose they are. 4,000 patterns of Debian's
// kernel take 13 kB of the segment.
func networkFile(whose string, all, chosen []module) []byte {
	carried := make(map[string]bool)
	for _, m := range chosen {
		carried[m.Name] = true
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", whose)
	for _, m := range all {
		if carried[m.Name] || !isNetworkDriver(m.Path) {
			continue
		}
		for _, alias := range m.Aliases {
			bus, _, _ := strings.Cut(alias, ":")
			if slices.Contains([]string{"pci", "usb", "sdio", "virtio", "vmbus", "platform", "of", "acpi"}, bus) {
				fmt.Fprintf(&b, "alias %s %s\n", alias, m.Name)
			}
		}
	}
	return b.Bytes()
}

// isNetworkDriver tells by a module's path, e.g. kernel/drivers/net/ethernet/realtek/8139too.ko.xz.
func isNetworkDriver(path string) bool {
	staging, ok := strings.CutPrefix(path, "kernel/drivers/staging/")
	if !ok {
		return strings.HasPrefix(path, "kernel/drivers/net/") && !strings.HasPrefix(path, "kernel/drivers/net/can/") // whose buses have no addresses
	}
	// Most of these are radios. Others in Debian's kernels are cameras, a card reader, and the mailbox of a Raspberry Pi's firmware.
	folder, _, _ := strings.Cut(staging, "/")
	return !slices.Contains([]string{"media", "rts5208", "vc04_services"}, folder)
}

// softdepFile is modules.softdep.
func softdepFile(chosen []module) []byte {
	var b bytes.Buffer
	for _, m := range chosen {
		if len(m.Pre)+len(m.Post) == 0 {
			continue
		}
		fmt.Fprintf(&b, "softdep %s", m.Name)
		if len(m.Pre) > 0 {
			fmt.Fprintf(&b, " pre: %s", strings.Join(m.Pre, " "))
		}
		if len(m.Post) > 0 {
			fmt.Fprintf(&b, " post: %s", strings.Join(m.Post, " "))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}
