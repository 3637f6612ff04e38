package firmware

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"slices"
)

// A FIT is U-Boot's image of many parts, a device tree (U-Boot's doc/usage/fit/source_file_format.rst). Signatures are kept out: who may
// make firmware is said by the trailer (Trailers) or by the generation, not by the boot loader.
type FIT struct {
	Description    string
	Time           uint32 // seconds since 1970
	Images         []FITImage
	Configurations []Configuration
	Default        string // the name of a configuration; "" if none is

	// Align is for data behind the tree instead of in it, as what maps them wants it, e.g. 4096; 0 is for data in the tree. ReadFIT
	// leaves it 0.
	Align int64
}

// A FITImage is one part.
type FITImage struct {
	Name        string // of its node, e.g. "kernel-1"
	Description string
	Type        string // e.g. "kernel", "flat_dt", "ramdisk", "filesystem"
	Arch        string // see UBootArch; "" if it has none
	OS          string // "" if it has none
	Compression string // e.g. "lzma", "none"
	Addressed   bool   // Load and, of a kernel, Entry are said
	Load, Entry uint64
	Data        Source
	Hashes      []Hash // Write makes one SHA-256, whatever is here
}

// A Hash is what an image says of its data.
type Hash struct {
	Algorithm string // e.g. "sha256"
	Value     []byte
}

// A Configuration names images that start together.
type Configuration struct {
	Name        string // of its node, e.g. "config-1"
	Description string
	Kernel      string
	Ramdisk     string   // "" if none
	FDT         []string // the tree, and those that U-Boot lays over it
	Loadables   []string // further ones, e.g. the root file system
	Compatible  []string // of the boards that it is for; U-Boot compares it with its own tree's
}

// ErrUnknownHash is in what Verify returns for an image none of whose hashes it can calculate.
var ErrUnknownHash = errors.New("no hash that can be verified")

// newHash starts the calculation of a hash by U-Boot's name of it; nil if it is unknown here.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "crc32":
		return crc32.NewIEEE()
	case "md5":
		return md5.New()
	case "sha1":
		return sha1.New()
	case "sha256":
		return sha256.New()
	}
	return nil
}

// ReadFIT reads a FIT image and checks that all its data are there, that each configuration's images are, and that the default is. size
// is what the image takes of the file. ErrOther if the file is no device tree, or one of hardware.
func ReadFIT(f Source) (fit FIT, size int64, err error) {
	root, size, err := ReadTree(f)
	if err != nil {
		return fit, 0, err
	}
	images, ok := root.Child("images")
	if !ok {
		return fit, 0, ErrOther
	}
	r := fitReader{f: f, treeEnd: roundUp(size, 4), end: size}
	if fit, err = r.fit(&root, images); err != nil {
		return FIT{}, 0, fmt.Errorf("FIT: %w", err)
	}
	return fit, r.end, nil
}

type fitReader struct {
	f       Source
	treeEnd int64 // from where data-offset counts
	end     int64 // of the image so far
}

func (r *fitReader) fit(root, images *Node) (fit FIT, err error) {
	fit.Description, err = root.text("description")
	if err != nil {
		return fit, err
	}
	time, _, err := root.number("timestamp")
	if err != nil {
		return fit, err
	}
	fit.Time = uint32(time)
	for i := range images.Children {
		image, err := r.image(&images.Children[i])
		if err != nil {
			return fit, fmt.Errorf("image %q: %w", images.Children[i].Name, err)
		}
		fit.Images = append(fit.Images, image)
	}
	if configurations, ok := root.Child("configurations"); ok {
		if fit.Default, err = configurations.text("default"); err != nil {
			return fit, err
		}
		for i := range configurations.Children {
			c, err := configuration(&configurations.Children[i])
			if err != nil {
				return fit, fmt.Errorf("configuration %q: %w", configurations.Children[i].Name, err)
			}
			fit.Configurations = append(fit.Configurations, c)
		}
	}
	return fit, fit.check()
}

// image reads one of the nodes of images.
func (r *fitReader) image(n *Node) (image FITImage, err error) {
	image.Name = n.Name
	err = n.textsInto(field{"description", &image.Description}, field{"type", &image.Type}, field{"arch", &image.Arch}, field{"os", &image.OS}, field{"compression", &image.Compression})
	if err != nil {
		return image, err
	}
	if image.Load, image.Addressed, err = n.number("load"); err != nil {
		return image, err
	}
	if image.Entry, _, err = n.number("entry"); err != nil {
		return image, err
	}
	for i := range n.Children {
		child := &n.Children[i]
		algorithm, err := child.text("algo")
		if err != nil {
			return image, err
		}
		value, err := child.bytes("value")
		if err != nil {
			return image, err
		}
		if len(child.Name) >= 4 && child.Name[:4] == "hash" {
			image.Hashes = append(image.Hashes, Hash{algorithm, value})
		}
	}
	image.Data, err = r.data(n)
	return image, err
}

// data finds those of an image: in the tree, behind it, or at a place in the file.
func (r *fitReader) data(n *Node) (Source, error) {
	if v, ok := n.Property("data"); ok {
		return v, nil
	}
	p := Part{Name: "data"}
	size, sized, err := n.number("data-size")
	if err != nil {
		return nil, err
	}
	at, there, err := n.number("data-position")
	if err == nil && !there {
		at, there, err = n.number("data-offset")
		at += uint64(r.treeEnd)
	}
	if err != nil {
		return nil, err
	}
	if !sized || !there {
		return nil, errors.New("it has no data")
	}
	if p.At, p.Size = int64(at), int64(size); p.At < r.treeEnd {
		return nil, fmt.Errorf("its data at byte %d are within the tree of %d bytes", p.At, r.treeEnd)
	}
	if err := p.check(r.f); err != nil {
		return nil, err
	}
	r.end = max(r.end, p.End())
	return p.In(r.f), nil
}

// A field is where a property goes.
type field struct {
	name string
	to   *string
}

// textsInto reads properties of one line of text each.
func (n *Node) textsInto(fields ...field) (err error) {
	for _, f := range fields {
		if *f.to, err = n.text(f.name); err != nil {
			return err
		}
	}
	return nil
}

func configuration(n *Node) (c Configuration, err error) {
	c.Name = n.Name
	err = n.textsInto(field{"description", &c.Description}, field{"kernel", &c.Kernel}, field{"ramdisk", &c.Ramdisk})
	if err != nil {
		return c, err
	}
	if c.FDT, err = n.texts("fdt"); err != nil {
		return c, err
	}
	if c.Loadables, err = n.texts("loadables"); err != nil {
		return c, err
	}
	c.Compatible, err = n.texts("compatible")
	return c, err
}

// check refuses images without data and configurations of images that are not there.
func (fit FIT) check() error {
	images, configurations := map[string]bool{"": true}, map[string]bool{"": true}
	for _, image := range fit.Images {
		if images[image.Name] {
			return fmt.Errorf("image %q is there twice", image.Name)
		}
		if images[image.Name] = true; image.Data == nil || image.Data.Size() == 0 {
			return fmt.Errorf("image %q: it has no data", image.Name)
		}
	}
	if len(fit.Images) == 0 {
		return errors.New("it has no images")
	}
	for _, c := range fit.Configurations {
		if configurations[c.Name] {
			return fmt.Errorf("configuration %q is there twice", c.Name)
		}
		configurations[c.Name] = true
		for _, name := range slices.Concat([]string{c.Kernel, c.Ramdisk}, c.FDT, c.Loadables) {
			if !images[name] {
				return fmt.Errorf("configuration %q: there is no image %q", c.Name, name)
			}
		}
	}
	if !configurations[fit.Default] {
		return fmt.Errorf("its default is %q, and there is no such configuration", fit.Default)
	}
	return nil
}

// Verify reads the data of all images and compares their hashes. It is an error if one of them has none that can be verified.
func (fit FIT) Verify() error {
	for _, image := range fit.Images {
		if err := image.verify(); err != nil {
			return fmt.Errorf("FIT: image %q: %w", image.Name, err)
		}
	}
	return nil
}

func (image FITImage) verify() error {
	verified := false
	for _, want := range image.Hashes {
		h := newHash(want.Algorithm)
		if h == nil {
			continue
		}
		if err := sum(h, image.Data, 0, image.Data.Size()); err != nil {
			return err
		}
		if got := h.Sum(nil); string(got) != string(want.Value) {
			return fmt.Errorf("its data are damaged: %s %x, want %x", want.Algorithm, got, want.Value)
		}
		verified = true
	}
	if !verified {
		return ErrUnknownHash
	}
	return nil
}

// address is a property of a number in as many cells as it needs.
func address(name string, value uint64) Property {
	if high := uint32(value >> 32); high != 0 {
		return Cells(name, high, uint32(value))
	}
	return Cells(name, uint32(value))
}

// hashNode is what an image says of its data.
func hashNode(data Source) (Node, error) {
	h := sha256.New()
	if err := sum(h, data, 0, data.Size()); err != nil {
		return Node{}, err
	}
	return Node{Name: "hash-1", Properties: []Property{Text("algo", "sha256"), {"value", bytes.NewReader(h.Sum(nil))}}}, nil
}
