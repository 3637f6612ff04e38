package flash

import (
	"bytes"
	"encoding/json"
	"slices"

	"bantam/switcher"
)

// A Machine is what an image says of the machine that it is for.
type Machine struct {
	Board   string // e.g. pc; "": it is not one of ours
	Arch    string // Go's name of it
	Kernel  string // its version
	Release int    // of its system.toml; 0: none
}

// manifestFinder looks for the manifest of a generation in an image that goes by: in each of ours it lies in the initrd as it is. So
// it does not matter which partitions an image has, or that it is an ISO.
type manifestFinder struct {
	window     []byte // the end of what went by
	found      bool
	generation Machine
}

// longestManifest is more than a generation of some hundred packages has.
const longestManifest = 256 << 10

// manifestBegins is how the bytes of a manifest begin.
var manifestBegins = func() []byte {
	const artifact = switcher.GenerationType + `"`
	data := switcher.Generation{}.Manifest()
	return data[:bytes.Index(data, []byte(artifact))+len(artifact)]
}()

func (f *manifestFinder) feed(b []byte) {
	if f.found {
		return
	}
	f.window = append(f.window, b...)
	for from := 0; ; from++ {
		i := bytes.Index(f.window[from:], manifestBegins)
		if i < 0 {
			break
		}
		from += i
		var text json.RawMessage
		if json.NewDecoder(bytes.NewReader(f.window[from:])).Decode(&text) != nil {
			continue // none, or its end is still to come
		}
		if g, err := switcher.ParseManifest(text); err == nil {
			f.found, f.generation = true, Machine{g.Board, g.Arch, g.KernelVersion(), g.Release}
			f.window = nil
			return
		}
	}
	f.window = slices.Delete(f.window, 0, max(0, len(f.window)-longestManifest))
}
