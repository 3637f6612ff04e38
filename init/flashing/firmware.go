package flashing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bantam/firmware"
	"bantam/gpt"
	"bantam/printable"
)

// A Kind is what a firmware is, and so which targets may take it.
type Kind string

const (
	DiskImage Kind = "disk image" // of ours, as `bantam build` makes them
	Archive   Kind = "archive"    // of a generation: an OCI layout as a tar
	Router    Kind = "firmware"   // of a format that package firmware knows: for flash chips
)

// A Firmware is what a file holds.
type Firmware struct {
	Kind     Kind
	What     string             // for a person, e.g. "a disk image of Bantam for board pc (Linux 6.1.0-40-amd64)"
	Source   firmware.Source    // all of it
	Body     int64              // how many bytes it has without its trailers
	Image    *Image             // of a DiskImage
	Findings []firmware.Finding // of a Router: how it begins, and after Examine what it consists of
	Metadata *firmware.Metadata // of a Router; nil: it has none
	Foreign  string             // of a Router: which system it is, e.g. "OpenWrt 24.10"; "": Bantam
	trailers []firmware.Trailer
}

// headSize is how much of a file tells what it is.
const headSize = 64 << 10

// Look says what a file is, by its structure; Verify reads the rest. What is no firmware, or is broken, is a *Refusal.
func Look(f firmware.Source) (Firmware, error) {
	w := Firmware{Source: f, Body: f.Size()}
	head := make([]byte, min(headSize, f.Size()))
	if n, err := f.ReadAt(head, 0); n < len(head) {
		return w, fmt.Errorf("read its beginning: %w", err)
	}
	switch {
	case len(head) == 0:
		return w, &Refusal{Why: "it is empty", Help: "was it fetched whole?"}
	case has(head, gpt.SectorSize, "EFI PART"):
		return w.disk()
	case IsArchive(head):
		w.Kind, w.What = Archive, "an archive of a generation"
		return w, nil
	}
	if first := firmware.Begins(head[:min(len(head), 8<<10)]); first != firmware.FormatUnknown {
		return w.router(first)
	}
	return w, &Refusal{Why: "it is no firmware" + looksLike(head),
		Help: "what this machine takes are disk images and archives of `bantam build`, and registries' references"}
}

func has(head []byte, at int, magic string) bool {
	return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
}

// IsArchive says whether a file that begins so is a tar that may hold an OCI layout.
func IsArchive(head []byte) bool {
	name, _, _ := strings.Cut(string(head[:min(len(head), 100)]), "\x00")
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "./"), "/")
	return has(head, 257, "ustar") && (name == "index.json" || name == "oci-layout" || name == "blobs" || name == "")
}

// looksLike is what people give by mistake.
func looksLike(head []byte) string {
	text := strings.ToLower(strings.TrimSpace(string(head[:min(len(head), 512)])))
	switch {
	case strings.HasPrefix(text, "<"):
		return ": it is a web page, perhaps that of the download"
	case has(head, 32769, "CD001"):
		return ": it is an ISO image, for CDs and memory"
	case has(head, 257, "ustar"):
		return ": it is an archive of other files"
	case has(head, 510, "\x55\xaa"):
		return ": it is an image of a disk with another system"
	}
	return ""
}

// damaged is why a firmware that is one cannot be used. Nothing overrides it.
func damaged(what string, err error) error {
	return &Refusal{Why: what + " is damaged: " + err.Error(), Help: "fetch or build it again", Err: err}
}

func (w Firmware) disk() (Firmware, error) {
	image, err := ReadImage(w.Source)
	if errors.Is(err, errNotOurs) {
		return w, &Refusal{Why: "it is an image of a disk with another system, or an ISO: " + err.Error(),
			Help: "take the .img of `bantam build` or its archive; another system is written to a disk from a workstation: `bantam flash` there"}
	}
	if err != nil {
		return w, damaged("this disk image", err)
	}
	w.Kind, w.Image = DiskImage, image
	release := ""
	if image.Release != 0 {
		release = fmt.Sprintf(", version %d", image.Release)
	}
	w.What = printable.Line(fmt.Sprintf("a disk image of Bantam for board %s (Linux %s%s)", image.Board, image.KernelVersion(), release))
	return w, nil
}

// router reads the trailers of a firmware for flash chips.
func (w Firmware) router(first firmware.Format) (Firmware, error) {
	trailers, body, err := firmware.ReadTrailers(w.Source)
	if err != nil {
		return w, damaged("this firmware", err)
	}
	w.Kind, w.Body, w.trailers = Router, body, trailers
	w.Findings = []firmware.Finding{{Format: first, Part: firmware.Part{Size: body}}}
	w.What, w.Foreign = "firmware ("+string(first)+")", "an unnamed system"
	for _, t := range trailers {
		if t.Kind != firmware.Info {
			continue
		}
		text, err := t.Bytes(w.Source)
		if err != nil {
			return w, damaged("this firmware", err)
		}
		m, err := firmware.ParseMetadata(text)
		if err != nil {
			return w, damaged("this firmware", err)
		}
		w.Metadata = &m
		if r := m.Release; r.Distribution != "" {
			if w.Foreign = ""; r.Distribution != firmware.Bantam {
				w.Foreign = strings.TrimSpace(r.Distribution + " " + r.Version)
			}
			w.What = printable.Line(fmt.Sprintf("firmware (%s, %s %s)", first, r.Distribution, r.Version))
		}
	}
	return w, nil
}

// Verify reads all that would be taken of it and compares its checksums. An Archive is compared blob by blob as it is loaded, and of a
// Router its trailers are: the rest by Examine. told, which may be nil, is called with how many bytes of how many have been read.
func (w Firmware) Verify(ctx context.Context, told func(done, total int64)) error {
	switch w.Kind {
	case DiskImage:
		if err := w.Image.Verify(ctx, told); err != nil {
			return notEnded(ctx, damaged("this disk image", err))
		}
	case Router:
		if err := firmware.VerifyTrailers(w.Source, w.trailers); err != nil {
			return damaged("this firmware", err)
		}
	}
	return nil
}

// Examine reads the structure of a Router's firmware and compares the checksums of all that it consists of. A target that takes one does it
// in Plan, before all else; a machine without such a target does not carry what it needs.
func Examine(ctx context.Context, w *Firmware) error {
	w.Findings = firmware.Identify(w.Source)
	for _, d := range w.Findings {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.Verify(); err != nil {
			return damaged("this firmware", fmt.Errorf("%s: %w", d, err))
		}
	}
	return nil
}

// notEnded is err, or why the reading was given up.
func notEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
