package payload

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"bantam/images"
)

// describe says what a file beside system.toml is if the board cannot run it; "" for a program of its architecture and
// for a script. Links may lead to it, but not out of the folder.
func (r Request) describe(name string) (what string, err error) {
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	info, err := root.Stat(name)
	switch {
	case leadsOut(err):
		return "", &badProgram{"file", fmt.Sprintf("%q leads out of the folder of system.toml", name), "move it there, and write its path from that folder"}
	case errors.Is(err, fs.ErrNotExist):
		return "", &badProgram{"file", fmt.Sprintf("there is no file %q beside system.toml", name), (&source{root: root}).near(path.Clean(name))}
	case err != nil:
		message, suggestion := unreadable(name, err)
		return "", &badProgram{"file", message, suggestion}
	case info.IsDir():
		return "a folder", nil
	case !info.Mode().IsRegular():
		return special(info.Mode()), nil
	case info.Size() == 0:
		return "empty", nil
	}
	f, err := root.Open(name)
	if err != nil {
		message, suggestion := unreadable(name, err)
		return "", &badProgram{"file", message, suggestion}
	}
	defer f.Close()
	return describeBytes(f, r.Arch)
}

// signatures are how files of other kinds begin that people have beside a program of theirs.
var signatures = []struct{ magic, what string }{
	{"MZ", "a program for Windows"},
	{"\xcf\xfa\xed\xfe", "a program for macOS"},
	{"\xca\xfe\xba\xbe", "a program for macOS"},
	{"\x1f\x8b", "packed with gzip"},
	{"\xfd7zXZ\x00", "packed with xz"},
	{"\x28\xb5\x2f\xfd", "packed with zstd"},
	{"PK\x03\x04", "a ZIP archive"},
	{"!<arch>\ndebian-binary", "a Debian package; name it in packages if Debian has it"},
	{"!<arch>\n", "an archive of object files"},
	{"\x00asm", "WebAssembly"},
}

func describeBytes(f io.ReaderAt, arch string) (string, error) {
	head := make([]byte, 64)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("#!")):
		return "", nil
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return describeELF(f, arch), nil
	}
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return s.what, nil
		}
	}
	if bytes.IndexByte(head, 0) < 0 {
		return "text without #! in its first line", nil
	}
	return "no program", nil
}

// bigEndian are the architectures whose most significant byte comes first.
var bigEndian = map[string]bool{"mips": true}

func describeELF(f io.ReaderAt, arch string) string {
	e, err := elf.NewFile(f)
	if err != nil {
		return "a damaged program"
	}
	order := elf.ELFDATA2LSB
	if bigEndian[arch] {
		order = elf.ELFDATA2MSB
	}
	switch {
	case e.Machine != images.ELFMachine(arch) || e.Data != order:
		of := strings.TrimPrefix(e.Machine.String(), "EM_")
		if e.Machine == images.ELFMachine(arch) { // then that is what differs
			of += ", " + map[elf.Data]string{elf.ELFDATA2LSB: "little-endian", elf.ELFDATA2MSB: "big-endian"}[e.Data]
		}
		return fmt.Sprintf("a program for another machine (%s)", of)
	case e.Type == elf.ET_REL:
		return "an object file, not linked"
	case e.Type != elf.ET_EXEC && e.Type != elf.ET_DYN:
		return "no program"
	case e.Type == elf.ET_DYN && e.Entry == 0:
		return "a library"
	}
	return ""
}
