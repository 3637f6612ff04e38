package firmware

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// SysupgradeTar is OpenWrt's archive for boards whose flash has partitions or volumes of their own for kernel and root (its
// scripts/sysupgrade-tar.sh): a folder "sysupgrade-BOARD" with CONTROL and these. Trailers follow it.
type SysupgradeTar struct {
	Board  string // e.g. "gnubee,gb-pc1"; in the name of the folder '_' stands for ','
	Kernel Source // nil if there is none
	Root   Source // likewise
	Tree   Source // likewise: a device tree that is not in the kernel
	Time   int64  // seconds since 1970, of all files
}

const (
	sysupgradeFolder  = "sysupgrade-"
	sysupgradeUnit    = 1 << 10 // root is padded to it
	sysupgradeEntries = 16
	tarBlock          = 512
	tarEnd            = 2 * tarBlock // zeros
	tarMagicAt        = 257
	tarMagic          = "ustar"
)

// files are those of the archive by name, in the order of OpenWrt's.
func (s *SysupgradeTar) files() []struct {
	name string
	data *Source
} {
	return []struct {
		name string
		data *Source
	}{{"dtb", &s.Tree}, {"kernel", &s.Kernel}, {"root", &s.Root}}
}

func (s *SysupgradeTar) folder() string {
	return sysupgradeFolder + strings.ReplaceAll(s.Board, ",", "_") + "/"
}

// ReadSysupgradeTar reads an archive, which the file ends with: trailers have been found before. ErrOther if it is no tar archive, or
// begins with another folder.
func ReadSysupgradeTar(f Source) (s SysupgradeTar, err error) {
	if !begins(f, 0, sysupgradeFolder) || !begins(f, tarMagicAt, tarMagic) {
		return s, ErrOther
	}
	if err := s.read(f); err != nil {
		return SysupgradeTar{}, fmt.Errorf("sysupgrade.tar: %w", err)
	}
	return s, nil
}

func (s *SysupgradeTar) read(f Source) error {
	in := io.NewSectionReader(f, 0, f.Size())
	archive := tar.NewReader(in)
	folder, control, end := "", "", int64(0)
	for i := 0; ; i++ {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("byte %d: %w", end, err)
		}
		if i == sysupgradeEntries {
			return fmt.Errorf("more than %d files", sysupgradeEntries)
		}
		at, err := in.Seek(0, io.SeekCurrent) // nothing is read ahead
		if err != nil {
			return err
		}
		data := Part{h.Name, at, h.Size}
		if err := data.check(f); err != nil {
			return err
		}
		end = at + roundUp(h.Size, tarBlock)
		if i == 0 {
			if h.Typeflag != tar.TypeDir || strings.Count(h.Name, "/") != 1 || !strings.HasSuffix(h.Name, "/") {
				return fmt.Errorf("it begins with %q, which is no folder", h.Name)
			}
			s.Time = h.ModTime.Unix()
			folder = h.Name
			continue
		}
		name, ok := strings.CutPrefix(h.Name, folder)
		if !ok || h.Typeflag != tar.TypeReg || len(h.PAXRecords) > 0 { // which may say that there are holes
			return fmt.Errorf("%q is no file in %s", h.Name, folder)
		}
		if name == "CONTROL" {
			if control, err = readControl(data, f); err != nil {
				return err
			}
			continue
		}
		if err := s.take(name, data.In(f)); err != nil {
			return err
		}
	}
	if rest := f.Size() - end; rest < tarEnd || rest%tarBlock != 0 {
		return fmt.Errorf("%d bytes behind the last file: the archive has no end: it is cut off", rest)
	}
	if at, err := firstOther(f, end, 0); err != nil {
		return err
	} else if at >= 0 {
		return fmt.Errorf("something else begins at byte %d, behind the archive", at)
	}
	if s.Board = control; s.Board == "" {
		return errors.New("it has no CONTROL that names its board")
	}
	if s.folder() != folder {
		return fmt.Errorf("its folder is %s, and its board %q", folder, s.Board)
	}
	return s.check()
}

// take keeps a file of the archive.
func (s *SysupgradeTar) take(name string, data Source) error {
	for _, file := range s.files() {
		if file.name != name {
			continue
		}
		if *file.data != nil {
			return fmt.Errorf("%s is there twice", name)
		}
		*file.data = data
		return nil
	}
	return fmt.Errorf("it has a file %q: want CONTROL, kernel, root and dtb", name)
}

// readControl reads BOARD=NAME.
func readControl(p Part, f Source) (board string, err error) {
	if p.Size > tarBlock {
		return "", fmt.Errorf("CONTROL of %d bytes: at most %d", p.Size, tarBlock)
	}
	b, err := readAt(f, p.At, p.Size)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "BOARD="); ok {
			board = strings.TrimSuffix(name, "\n")
		}
	}
	return board, nil
}

// firstOther finds the first byte of the rest of a file that is not a certain one; below 0 if there is none.
func firstOther(f Source, from int64, value byte) (int64, error) {
	block := make([]byte, 32<<10)
	for at := from; at < f.Size(); at += int64(len(block)) {
		b := block[:min(int64(len(block)), f.Size()-at)]
		if n, err := f.ReadAt(b, at); n < len(b) {
			return -1, fmt.Errorf("read byte %d: %w", at+int64(n), err)
		}
		for i, c := range b {
			if c != value {
				return at + int64(i), nil
			}
		}
	}
	return -1, nil
}

func (s *SysupgradeTar) check() error {
	if s.Board == "" || len(s.Board) > 80 || strings.ContainsAny(s.Board, "/\n\x00 ") {
		return fmt.Errorf("board %q: want a name of at most 80 bytes", s.Board)
	}
	some := false
	for _, file := range s.files() {
		if data := *file.data; data != nil && data.Size() == 0 {
			return fmt.Errorf("%s is empty", file.name)
		} else if data != nil && file.name != "dtb" {
			some = true
		}
	}
	if !some {
		return errors.New("it has neither a kernel nor a root")
	}
	return nil
}

// Write writes the archive.
func (s *SysupgradeTar) Write(w io.Writer) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("sysupgrade.tar: %w", err)
	}
	archive := tar.NewWriter(w)
	entry := func(kind byte, name string, mode, size int64) error {
		return archive.WriteHeader(&tar.Header{Format: tar.FormatUSTAR, Typeflag: kind, Name: name, Mode: mode, Size: size, ModTime: time.Unix(s.Time, 0), Uname: "root", Gname: "root"})
	}
	if err := entry(tar.TypeDir, s.folder(), 0o755, 0); err != nil {
		return err
	}
	control := "BOARD=" + s.Board + "\n"
	if err := entry(tar.TypeReg, s.folder()+"CONTROL", 0o644, int64(len(control))); err != nil {
		return err
	}
	if _, err := io.WriteString(archive, control); err != nil {
		return err
	}
	for _, file := range s.files() {
		data := *file.data
		if data == nil {
			continue
		}
		size := data.Size()
		if file.name == "root" {
			size = roundUp(size, sysupgradeUnit)
		}
		if err := entry(tar.TypeReg, s.folder()+file.name, 0o644, size); err != nil {
			return fmt.Errorf("sysupgrade.tar: %s of %d bytes: %w", file.name, size, err)
		}
		if err := copySource(archive, data); err != nil {
			return fmt.Errorf("sysupgrade.tar: %s: %w", file.name, err)
		}
		if err := fill(archive, 0, size-data.Size()); err != nil {
			return err
		}
	}
	return archive.Close()
}
