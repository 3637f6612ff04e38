package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"bantam/images/kernelbuild"
)

// tool is a program of the host and the Debian package that has it.
type tool struct{ program, debian string }

var buildTools = []tool{
	{"apt-get", "apt"},
	{"dpkg-deb", "dpkg"},
	{"xz", "xz-utils"},
	{"zstd", "zstd"},
	{"mke2fs", "e2fsprogs"},
}

// layerTools are needed beside them for packages, programs and sources.
var layerTools = []tool{{"mksquashfs", "squashfs-tools"}}

// kernelTools are needed beside them for a kernel that is built.
func kernelTools(arch string) (tools []tool) {
	for _, t := range kernelbuild.Tools(arch) {
		tools = append(tools, tool{t.Program, t.Debian})
	}
	return tools
}

// needTools says which programs are missing and how to get them all, before any work is done.
func needTools(tools ...tool) error {
	var programs, packages []string
	for _, t := range tools {
		if hasProgram(t.program) {
			continue
		}
		programs = append(programs, t.program)
		if !slices.Contains(packages, t.debian) {
			packages = append(packages, t.debian)
		}
	}
	if len(programs) == 0 {
		return nil
	}
	return errors.New("missing on this host: " + strings.Join(programs, ", ") +
		"; as root: apt-get install " + strings.Join(packages, " "))
}

// hasProgram looks also where administrators' programs are, which is not on everybody's PATH. A path is that of a file.
func hasProgram(name string) bool {
	if filepath.IsAbs(name) {
		_, err := os.Stat(name)
		return err == nil
	}
	for _, try := range []string{name, filepath.Join("/usr/sbin", name), filepath.Join("/sbin", name)} {
		if path, err := exec.LookPath(try); err == nil {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
	}
	return false
}
