package firmware

import (
	"fmt"
	"io"
	"math"
)

// fitMax is as much as its offsets say; mkimage, too, calculates in 32 bits with a sign.
const fitMax = math.MaxInt32

// Write writes the image. All data are read twice. With Align, the tree and each image's data begin at a multiple of it, which is what
// mkimage does with -E -B.
func (fit FIT) Write(w io.Writer) error {
	if err := fit.check(); err != nil {
		return fmt.Errorf("FIT: %w", err)
	}
	root, behind, err := fit.tree()
	if err != nil {
		return fmt.Errorf("FIT: %w", err)
	}
	if fit.Align == 0 {
		return WriteTree(w, root)
	}
	room := roundUp(TreeSize(root), fit.Align)
	if room+behind > fitMax {
		return fmt.Errorf("FIT: %d bytes: at most %d", room+behind, fitMax)
	}
	if err := writeTree(w, root, room); err != nil {
		return err
	}
	for _, image := range fit.Images {
		if err := copySource(w, image.Data); err != nil {
			return fmt.Errorf("FIT: image %q: %w", image.Name, err)
		}
		if err := fill(w, 0, roundUp(image.Data.Size(), fit.Align)-image.Data.Size()); err != nil {
			return err
		}
	}
	return nil
}

// tree is the image without what lies behind it, of which the length is returned, too.
func (fit FIT) tree() (root Node, behind int64, err error) {
	if a := fit.Align; a != 0 && (a < 4 || a&(a-1) != 0) {
		return root, 0, fmt.Errorf("alignment %d: want a power of two from 4 on", a)
	}
	images := Node{Name: "images"}
	for _, image := range fit.Images {
		if size := image.Data.Size(); size > fitMax-behind { // before all of it is summed up
			return root, 0, fmt.Errorf("image %q: its %d bytes make more than %d", image.Name, size, fitMax)
		}
		n, err := image.node()
		if err != nil {
			return root, 0, fmt.Errorf("image %q: %w", image.Name, err)
		}
		if fit.Align == 0 {
			n.Properties = append(n.Properties, Property{"data", image.Data})
		} else {
			n.Properties = append(n.Properties, address("data-offset", uint64(behind)), address("data-size", uint64(image.Data.Size())))
			behind += roundUp(image.Data.Size(), fit.Align)
		}
		images.Children = append(images.Children, n)
	}
	configurations := Node{Name: "configurations"}
	if fit.Default != "" {
		configurations.Properties = []Property{Text("default", fit.Default)}
	}
	for _, c := range fit.Configurations {
		configurations.Children = append(configurations.Children, c.node())
	}
	root.Properties = []Property{Cells("timestamp", fit.Time), Text("description", fit.Description), Cells("#address-cells", 1)}
	root.Children = []Node{images, configurations}
	return root, behind, nil
}

func (image FITImage) node() (Node, error) {
	n := Node{Name: image.Name}
	n.set("description", image.Description)
	n.set("type", image.Type)
	n.set("arch", image.Arch)
	n.set("os", image.OS)
	n.set("compression", image.Compression)
	if image.Addressed {
		n.Properties = append(n.Properties, address("load", image.Load))
		if image.Type == "kernel" {
			n.Properties = append(n.Properties, address("entry", image.Entry))
		}
	}
	h, err := hashNode(image.Data)
	n.Children = []Node{h}
	return n, err
}

func (c Configuration) node() Node {
	n := Node{Name: c.Name}
	n.set("description", c.Description)
	n.set("kernel", c.Kernel)
	n.set("ramdisk", c.Ramdisk)
	n.setAll("fdt", c.FDT)
	n.setAll("loadables", c.Loadables)
	n.setAll("compatible", c.Compatible)
	return n
}

// setAll adds a property of several texts, unless there are none.
func (n *Node) setAll(name string, values []string) {
	if len(values) > 0 {
		n.Properties = append(n.Properties, Texts(name, values...))
	}
}

// set adds a property of text, unless it is empty.
func (n *Node) set(name, value string) {
	if value != "" {
		n.Properties = append(n.Properties, Text(name, value))
	}
}
