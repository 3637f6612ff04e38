package images

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bantam/switcher"
)

// Part is a piece of an image and its bytes there.
type Part struct {
	Name   string `json:"name"` // e.g. kernel
	Size   int64  `json:"size"`
	Detail string `json:"detail,omitempty"` // e.g. Linux 6.1.0-40-amd64
}

// Sizes says what takes the bytes of an image; the parts add up to Total.
type Sizes struct {
	Image string `json:"image"` // its path
	Total int64  `json:"total"`
	Limit int64  `json:"limit"` // of the board
	Parts []Part `json:"parts"`
}

// sizesOf accounts for an image of c of total bytes; what is left over is overhead.
func (c *Composed) sizesOf(image string, total, limit int64, w written) Sizes {
	s := Sizes{Image: image, Total: total, Limit: limit}
	s.Parts = append(s.Parts, Part{"kernel", w.kernel, "Linux " + c.Generation.KernelVersion()})
	for _, segment := range c.Segments {
		s.Parts = append(s.Parts, Part{segment.Name, int64(len(segment.Data)), Commas(segment.Raw) + " unpacked"})
	}
	s.Parts = append(s.Parts, layerParts(c.Generation.Layers)...)
	detail := "headers of archives, script"
	if w.loader > 0 {
		s.Parts = append(s.Parts, Part{Name: "loader", Size: w.loader})
		detail = "partition table, file systems, alignment"
	}
	overhead := total
	for _, p := range s.Parts {
		overhead -= p.Size
	}
	s.Parts = append(s.Parts, Part{"overhead", overhead, detail})
	return s
}

// layerParts accounts for layers. Those with equal bytes lie on a medium once.
func layerParts(layers []switcher.Descriptor) (parts []Part) {
	first := make(map[switcher.Digest]string)
	for _, d := range layers {
		p := Part{Name: d.LayerName(), Size: d.Size}
		if by := d.Annotations[switcher.ForAnnotation]; by != d.LayerName() {
			p.Detail = "for " + by
		}
		if version := d.Annotations[switcher.VersionAnnotation]; version != "" {
			p.Detail = strings.TrimSpace(version + " " + p.Detail)
		}
		if same := first[d.Digest]; same != "" {
			p.Size, p.Detail = 0, "the same as "+same
		} else {
			first[d.Digest] = d.LayerName()
		}
		parts = append(parts, p)
	}
	return parts
}

// askedParts accounts for layers by the entries of system.toml that ask for them: the bytes that would go with each, and last
// those that several share.
func askedParts(layers []switcher.Descriptor) (parts []Part) {
	all, alone, shared := make(map[string]int64), make(map[string]int64), int64(0)
	size, by := make(map[switcher.Digest]int64), make(map[switcher.Digest][]string) // equal bytes lie on a medium once
	for _, d := range layers {
		size[d.Digest] = d.Size
		by[d.Digest] = append(by[d.Digest], strings.Fields(d.Annotations[switcher.ForAnnotation])...)
	}
	for digest, entries := range by {
		slices.Sort(entries)
		entries = slices.Compact(entries)
		for _, entry := range entries {
			all[entry] += size[digest]
		}
		if len(entries) == 1 {
			alone[entries[0]] += size[digest]
		} else {
			shared += size[digest]
		}
	}
	for _, entry := range slices.Sorted(maps.Keys(all)) {
		p := Part{Name: entry, Size: alone[entry]}
		if all[entry] != p.Size {
			p.Detail = Commas(all[entry]) + " with what it shares"
		}
		parts = append(parts, p)
	}
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(b.Size, a.Size) })
	if shared > 0 {
		parts = append(parts, Part{Name: "shared", Size: shared, Detail: "by several of them"})
	}
	return parts
}

// TooLarge says that an image does not fit its board.
type TooLarge struct {
	Sizes
}

func (e *TooLarge) Error() string {
	parts := slices.Clone(e.Parts)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(b.Size, a.Size) })
	var largest []string
	for _, p := range parts[:min(3, len(parts))] {
		largest = append(largest, p.Name+" "+Commas(p.Size))
	}
	return fmt.Sprintf("%s has %s bytes, %s more than the board's limit of %s; the largest parts are %s",
		e.Image, Commas(e.Total), Commas(e.Total-e.Limit), Commas(e.Limit), strings.Join(largest, ", "))
}

// PrintSizes writes a table of what takes the bytes of images of one generation. Of an image with the parts of the one
// before it only those are written that have another size.
func PrintSizes(w io.Writer, all []Sizes) error {
	var b strings.Builder
	width := 12
	for _, s := range all {
		for _, p := range s.Parts {
			width = max(width, len(p.Name))
		}
	}
	row := func(name string, size int64, share, detail string) {
		line := fmt.Sprintf("  %-*s%12s  %6s  %s", width, name, Commas(size), share, detail)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	for i, s := range all {
		fresh, rest := s.Parts, ""
		if i > 0 && slices.EqualFunc(s.Parts, all[i-1].Parts, func(p, q Part) bool { return p.Name == q.Name }) {
			fresh = slices.DeleteFunc(slices.Clone(s.Parts), func(p Part) bool { return slices.Contains(all[i-1].Parts, p) })
			if n := len(fresh); n > 0 && n < len(s.Parts) {
				rest = " with the rest as above"
			}
		}
		for _, p := range fresh {
			row(p.Name, p.Size, Share(p.Size, s.Total), p.Detail)
		}
		row("total", s.Total, "", fmt.Sprintf("%s%s, %.1f %% of the board's %s", s.Image, rest, 100*float64(s.Total)/float64(s.Limit), Commas(s.Limit)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Share writes how much of a whole a part is, e.g. 61.0 %.
func Share(part, whole int64) string {
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(max(whole, 1)))
}

// Commas writes a number of bytes with a comma at every third digit, e.g. 8,247,232.
func Commas(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
