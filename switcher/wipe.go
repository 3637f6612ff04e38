package switcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"bantam/atomicfile"
)

// wipeName is the order to throw away what the machine keeps, below the state folder. It counts for the boot that tries its generation,
// from that generation's own kernel: one whose kernel does not start leaves all as it was.
const wipeName = "wipe"

// wipeOrder is what is in it.
type wipeOrder struct {
	Generation Digest   `json:"generation,omitempty"` // whose first boot throws all away
	All        bool     `json:"all,omitempty"`        // or the next boot, of whichever, and generations with it
	Keep       []string `json:"keep,omitempty"`       // but these, below the state folder, e.g. secrets/vpn
}

// wipeStays are the names below the state folder that no wipe takes: generations and what decides about them, of which a way back
// consists, and the time, which nobody calls his own.
var wipeStays = []string{"store", recordName, recordCopyName, journalName, bootCountName, wipeName, "clock", "lost+found"}

// orderWipe has the first boot of a generation throw away what the machine keeps, or takes back what was ordered before. It comes before
// the record that has the generation tried: until then it means nothing.
func (s *Switcher) orderWipe(d Digest, r Request) error {
	path := filepath.Join(s.dir, wipeName)
	if !r.Wipe {
		return forget(s.disk, path)
	}
	text, err := json.Marshal(wipeOrder{Generation: d, Keep: r.Keep})
	if err == nil {
		err = atomicfile.WriteOn(s.disk, path, text, private)
	}
	if err != nil {
		return fmt.Errorf("what is to be wiped could not be recorded: %w", err)
	}
	return nil
}

func forget(d disk, path string) error {
	if err := d.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// OrderWipe has the next boot throw away all that the machine keeps below dir, e.g. /state, generations too, but what is to be kept: of a
// machine whose firmware has been replaced, so that no generation of before has a kernel any more.
func OrderWipe(dir string, keep []string) error { return orderNext(osDisk{}, dir, keep) }

func orderNext(d disk, dir string, keep []string) error {
	text, err := json.Marshal(wipeOrder{All: true, Keep: keep})
	if err != nil {
		return err
	}
	return atomicfile.WriteOn(d, filepath.Join(dir, wipeName), text, private)
}

// TakeBackWipe takes back what OrderWipe has ordered.
func TakeBackWipe(dir string) error { return takeBackWipe(osDisk{}, dir) }

func takeBackWipe(d disk, dir string) error {
	path := filepath.Join(dir, wipeName)
	if order, err := readWipe(d, path); err != nil || !order.All {
		return nil // a switch's, or none
	}
	return forget(d, path)
}

func readWipe(d disk, path string) (order wipeOrder, err error) {
	text, err := d.ReadFile(path, maxFile)
	if err == nil {
		err = json.Unmarshal(text, &order)
	}
	return order, err
}

// checkWipe says why a generation cannot begin with nothing.
func checkWipe(r Request, to target) error {
	switch {
	case !r.Wipe:
		return nil
	case !r.boots():
		return errors.New("what the machine keeps is thrown away by a boot: it wants a reboot")
	case to.system == nil || slices.ContainsFunc(r.Keep, func(k string) bool { return k == secretsName }):
		return nil
	}
	for _, use := range to.system.Secrets() {
		if !slices.Contains(r.Keep, secretsName+"/"+use.Secret) && !(use.Service != "" && to.system.Services[use.Service].MayFail) {
			return fmt.Errorf("%s needs secret %s, which would be thrown away: --keep /state/%s keeps them", use.Path, use.Secret, secretsName)
		}
	}
	return nil
}

// secretsName is where secrets lie below the state folder.
const secretsName = "secrets"

// A Wipe is what the boot under way has to throw away, before anything else of it is read.
type Wipe struct {
	disk disk
	path string
	stay []string
	All  bool // generations are thrown away, too
}

// DueWipe says whether the boot under way, from the kernel of booted, has to throw away what is kept below dir, e.g. /state; nil: it has
// not. An order that no boot will follow any more is forgotten.
func DueWipe(dir string, booted Generation) (*Wipe, error) { return dueWipe(osDisk{}, dir, booted) }

func dueWipe(d disk, dir string, booted Generation) (*Wipe, error) {
	path := filepath.Join(dir, wipeName)
	order, err := readWipe(d, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err == nil && order.All:
		return &Wipe{d, path, append(order.Keep, wipeName, "clock", "lost+found"), true}, nil
	case err != nil:
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), forget(d, path))
	}
	record, _ := recordFile{d, dir}.read()
	e := (*Entry)(nil)
	if record.Trying != nil {
		e = record.entry(record.Trying.Generation)
	}
	tried := Generation{}
	if e != nil && e.Digest == order.Generation {
		store := Store{dir: filepath.Join(dir, "store"), disk: d}
		if tried, err = store.Generation(e.Digest); err != nil {
			return nil, errors.Join(err, forget(d, path))
		}
	}
	if tried.Board == "" || tried.BootID() != booted.BootID() {
		return nil, forget(d, path)
	}
	return &Wipe{d, path, slices.Concat(wipeStays, order.Keep), false}, nil
}

// Stays says what becomes of a path below the state folder, e.g. services/var:lib:web: it stays, or something below it does.
func (w *Wipe) Stays(path string) (stays, below bool) {
	for _, s := range w.stay {
		if path == s || strings.HasPrefix(path, s+"/") {
			return true, false
		}
		below = below || strings.HasPrefix(s, path+"/")
	}
	return false, below
}

// Done is called when all else is gone.
func (w *Wipe) Done() error { return forget(w.disk, w.path) }
