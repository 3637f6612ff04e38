package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"bantam/printable"
)

// A Format is one that Identify knows.
type Format string

const (
	FormatUImage     Format = "uImage"
	FormatFIT        Format = "FIT"
	FormatDeviceTree Format = "device tree"
	FormatUBI        Format = "UBI"
	FormatTar        Format = "sysupgrade.tar"
	FormatTPLink     Format = "TP-Link v1"
	FormatSafeloader Format = "TP-Link safeloader"
	FormatTRX        Format = "TRX"
	FormatCHK        Format = "Netgear CHK"
	FormatDNI        Format = "Netgear DNI"
	FormatSquashfs   Format = "squashfs"
	FormatEndMarks   Format = "JFFS2 end marks"
	FormatTrailer    Format = "trailer"
	FormatUnknown    Format = "" // of a part in a container, it need not be wrong; of the file itself, it is
)

// A Finding is one thing that a file consists of.
type Finding struct {
	Format Format
	Part          // where it lies; the name is that which a container gives it, "" of the file's own
	Within Format // the container; "" if it is the file's own
	About  string // for a person, e.g. "kernel, linux, mips, lzma, \"Bantam\""
	Err    error  // it is of this format, and cannot be read: it is damaged
	verify func() error
}

// String is the finding in a line.
func (d Finding) String() string {
	name := string(d.Format)
	if d.Format == FormatUnknown {
		name = "unknown"
	}
	for _, more := range []string{d.Part.Name, d.About} {
		if more != "" {
			name += ", " + more
		}
	}
	if d.Err != nil {
		name += ": " + d.Err.Error()
	}
	return fmt.Sprintf("%d+%d %s", d.At, d.Size, name)
}

// Verify reads all of it and compares its checksums, if it has some.
func (d Finding) Verify() error {
	if d.Err != nil || d.verify == nil {
		return d.Err
	}
	return d.verify()
}

// A mark is how a format is recognised.
type mark struct {
	name  Format
	begin string // what it begins with
	at    int64  // where that is
}

// marks are tried in this order. Those of text or a small number come last.
var marks = []mark{
	{FormatUImage, uimageMagic, 0},
	{FormatFIT, treeMagic, 0},
	{FormatUBI, ubiMagic, 0},
	{FormatTRX, trxMagic, 0},
	{FormatCHK, chkMagic, 0},
	{FormatSquashfs, squashfsMagic, 0},
	{FormatTar, sysupgradeFolder, 0},
	{FormatDNI, dniBegin, 0},
	{FormatSafeloader, safeloaderTable, safeloaderTableAt},
	{FormatTPLink, tplinkVersion1, 0},
	{FormatTPLink, tplinkVersion2, 0},
}

// readers give the finding, of which At and Size count from the beginning of the source, and what it contains. They are apart from the
// marks: who only asks how something begins does not carry them.
var readers = map[Format]func(f Source) (Finding, []Part, error){
	FormatUImage: identifyUImage, FormatFIT: identifyFIT, FormatUBI: identifyUBI, FormatTRX: identifyTRX, FormatCHK: identifyCHK,
	FormatSquashfs: identifySquashfs, FormatTar: identifyTar, FormatDNI: identifyDNI, FormatSafeloader: identifySafeloader, FormatTPLink: identifyTPLink,
}

// Begins tells by the first 8 KiB of a file, or fewer, how it begins: FormatUnknown if like none.
func Begins(head []byte) Format {
	for _, k := range marks {
		if int64(len(head)) > k.at && strings.HasPrefix(string(head[k.at:min(int64(len(head)), k.at+16)]), k.begin) && (k.name != FormatTPLink || tplinkVendor(head)) {
			return k.name
		}
	}
	return FormatUnknown
}

const (
	identifyDepth = 3   // containers in containers
	identifyMost  = 100 // findings
)

// Identify tells what a file consists of: its parts one after the other, behind a container what is in it, at last the trailers. Structure
// is checked, data are not read (Finding.Verify). Bytes of the file itself that belong to nothing are a finding that is unknown and
// has an Err. A device tree without images is no error here.
func Identify(f Source) (list []Finding) {
	trailers, body, err := ReadTrailers(f)
	if err != nil {
		return []Finding{{Format: FormatTrailer, Part: Part{"", 0, f.Size()}, Err: err}}
	}
	if body == 0 {
		return []Finding{{Format: FormatUnknown, Part: Part{"", 0, f.Size()}, Err: errors.New("there is nothing in it")}}
	}
	i := identifier{f: f}
	i.run("", Part{"", 0, body}, 0)
	for _, t := range trailers {
		d := Finding{Format: FormatTrailer, Part: Part{t.Kind.String(), t.Payload.At, t.Payload.Size + trailerSize}, verify: func() error { return VerifyTrailers(f, trailers) }}
		if t.Kind == Info {
			d.About, d.Err = aboutMetadata(f, t)
		}
		i.list = append(i.list, d)
	}
	return i.list
}

func aboutMetadata(f Source, t Trailer) (string, error) {
	b, err := t.Bytes(f)
	if err != nil {
		return "", err
	}
	m, err := ParseMetadata(b)
	if err != nil {
		return "", err
	}
	return printable.Line(fmt.Sprintf("for %s, compat version %s", strings.Join(m.Devices, ", "), m.Compat)), nil
}

type identifier struct {
	f    Source
	list []Finding
}

// run finds what lies in a part of the file, one thing behind the other.
func (i *identifier) run(within Format, p Part, depth int) {
	at := p.At
	for at < p.End() && len(i.list) < identifyMost {
		next := Part{p.Name, at, p.End() - at}
		d, inner, ok := i.one(next)
		if !ok {
			d = Finding{Format: FormatUnknown, Part: next}
			if within == "" {
				d.Err = fmt.Errorf("%d bytes from byte %d on are of no known format", next.Size, at)
			}
		}
		if d.Within = within; d.Size <= 0 {
			d.Size = next.Size // of what is damaged nobody knows the size
		}
		d.Part.Name, d.About = p.Name, printable.Line(d.About)
		i.list = append(i.list, d)
		if depth < identifyDepth {
			for _, part := range inner {
				part.At += at
				i.run(d.Format, part, depth+1)
			}
		}
		at = p.At + i.skip(d, p, within)
	}
	if at < p.End() && within == "" {
		rest := Part{"", at, p.End() - at}
		i.list = append(i.list, Finding{Format: FormatUnknown, Part: rest, Err: fmt.Errorf("more than %d things in one file: %d bytes from byte %d on were not looked at", identifyMost, rest.Size, at)})
	}
}

// one finds what begins with a part of the file.
func (i *identifier) one(p Part) (Finding, []Part, bool) {
	f := p.In(i.f)
	for _, k := range marks {
		if !begins(f, k.at, k.begin) {
			continue
		}
		d, inner, err := readers[k.name](f)
		if errors.Is(err, ErrOther) {
			continue
		}
		if d.Format == "" {
			d.Format = k.name
		}
		d.At = p.At
		if err != nil {
			d, inner = Finding{Format: d.Format, Part: Part{At: p.At}, Err: err}, nil
		}
		return d, inner, true
	}
	return Finding{}, nil, false
}

// skip passes over end marks, and over what fills up the rest of an erase block, behind a finding in a part of the file. The place that it
// gives counts from the beginning of that.
func (i *identifier) skip(d Finding, p Part, within Format) int64 {
	f, at := p.In(i.f), d.End()-p.At
	if d.Format == FormatSquashfs {
		if marks, behind := FindEndMarks(f, at); len(marks) > 0 {
			i.list = append(i.list, Finding{Format: FormatEndMarks, Within: within, Part: Part{p.Name, p.At + at, behind - at}, About: fmt.Sprint("at ", marks)})
			at = behind
		}
	}
	if padded(f, at, p.Size) {
		return p.Size
	}
	from := at
	for next := roundUp(at, identifyUnit); next < min(p.Size, at+jffs2Search) && padded(f, from, next); next += identifyUnit {
		if _, _, ok := i.one(Part{"", p.At + next, p.Size - next}); ok {
			return next
		}
		from = next
	}
	return at
}

// identifyUnit is what things that follow each other are aligned to at least, unless they follow straight.
const identifyUnit = 1 << 10

func identifyUImage(f Source) (Finding, []Part, error) {
	u, err := ReadUImage(f)
	return Finding{Part: Part{Size: u.Data().End()}, About: fmt.Sprintf("%s, %s, %s, %s, %q", u.Type, u.OS, u.Arch, u.Compression, u.Name), verify: func() error { return u.Verify(f) }}, nil, err
}

func identifyFIT(f Source) (Finding, []Part, error) {
	fit, size, err := ReadFIT(f)
	if errors.Is(err, ErrOther) {
		_, size, err := ReadTree(f)
		return Finding{Format: FormatDeviceTree, Part: Part{Size: size}}, nil, err
	}
	var names []string
	for _, image := range fit.Images {
		names = append(names, image.Name)
	}
	return Finding{Part: Part{Size: size}, About: fmt.Sprintf("%q: %s", fit.Description, strings.Join(names, ", ")), verify: fit.Verify}, nil, err
}

func identifyUBI(f Source) (Finding, []Part, error) {
	u, err := ReadUBI(f)
	var names []string
	for _, v := range u.Volumes {
		names = append(names, v.Name)
	}
	return Finding{Part: Part{Size: f.Size()}, About: fmt.Sprintf("erase blocks of %d bytes, volumes %s", u.EraseBlock, strings.Join(names, ", ")), verify: u.Verify}, nil, err
}

func identifyTRX(f Source) (Finding, []Part, error) {
	t, err := ReadTRX(f)
	return Finding{Part: Part{Size: t.Size}, verify: func() error { return t.Verify(f) }}, t.Parts, err
}

func identifyCHK(f Source) (Finding, []Part, error) {
	c, err := ReadCHK(f)
	return Finding{Part: Part{Size: f.Size()}, About: "for " + c.Board, verify: func() error { return c.Verify(f) }}, []Part{c.Kernel, c.Root}, err
}

func identifyDNI(f Source) (Finding, []Part, error) {
	d, err := ReadDNI(f)
	return Finding{Part: Part{Size: f.Size()}, About: "for " + d.Device, verify: func() error { return d.Verify(f) }}, []Part{d.Data}, err
}

func identifyTPLink(f Source) (Finding, []Part, error) {
	t, err := ReadTPLink(f)
	return Finding{Part: Part{Size: f.Size()}, About: fmt.Sprintf("for %#08x, revision %d", t.HardwareID, t.HardwareRev), verify: func() error { return t.Verify(f) }}, []Part{t.Kernel, t.Root}, err
}

func identifySafeloader(f Source) (Finding, []Part, error) {
	s, err := ReadSafeloader(f)
	var names []string
	for _, p := range s.Parts {
		names = append(names, p.Name)
	}
	return Finding{Part: Part{Size: f.Size()}, About: strings.Join(names, ", "), verify: func() error { return s.Verify(f) }}, nil, err
}

func identifyTar(f Source) (Finding, []Part, error) {
	s, err := ReadSysupgradeTar(f)
	return Finding{Part: Part{Size: f.Size()}, About: "for " + s.Board}, nil, err
}

// The superblock of a squashfs (Linux: fs/squashfs/squashfs_fs.h), little-endian.
const (
	squashfsMagic  = "hsqs"
	squashfsHeader = 96
	squashfsUnit   = 4 << 10 // to which mksquashfs fills it up
)

// identifySquashfs knows how long one is. Its content is the kernel's to read.
func identifySquashfs(f Source) (Finding, []Part, error) {
	h, err := header(f, FormatSquashfs, squashfsMagic, squashfsHeader)
	if err != nil {
		return Finding{}, nil, err
	}
	le := binary.LittleEndian
	if major, minor := le.Uint16(h[28:]), le.Uint16(h[30:]); major != 4 || minor != 0 {
		return Finding{}, nil, fmt.Errorf("squashfs: version %d.%d: want 4.0", major, minor)
	}
	size := le.Uint64(h[40:])
	if size < squashfsHeader || size > uint64(f.Size()) {
		return Finding{}, nil, fmt.Errorf("squashfs: it says %d bytes, of which %d are there", size, f.Size())
	}
	end := int64(size)
	if full := roundUp(end, squashfsUnit); full <= f.Size() && padded(f, end, full) {
		end = full
	}
	return Finding{Part: Part{Size: end}}, nil, nil
}
