package switcher

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"bantam/atomicfile"
	"bantam/system"
)

// ErrBusy: another switch is under way.
var ErrBusy = errors.New("another switch is under way")

// bootTries is how many boots try a generation before it counts as bad.
const bootTries = 2

// Options say what a Switcher works on.
type Options struct {
	Dir     string         // of record, journal, store and draft, e.g. /state
	Machine Machine        // what is switched
	Booted  Generation     // what the boot medium carries
	Text    []byte         // its system.toml
	System  *system.System // what Text says, for a caller who has parsed it; nil: Open does
	Loader  BootLoader     // nil: FixedImage
	Forgets bool           // Dir is in memory: a reboot leads nowhere but to the image

	ByHand bool // a person had the boot loader start this boot slot: that tells nothing of the other one

	// OnMedium says whether a layer lies on the boot medium; nil: those of Booted do.
	OnMedium func(Digest) bool
	Offer    func(Offer) int
	Chosen   func(*system.System) // told what a boot starts, before anything of it is; nil: nobody
	// Offer is asked once by Boot, before anything of what it will start is counted or recorded. It returns the number of a
	// generation to start in its place this once, or 0; nil is never asked.
	Wall func() time.Time
	// Wall is the calendar's clock for "created"; nil is time.Now. Nothing is decided by it.
}

// Switcher owns the generations of one machine. All methods may be called from
// any goroutine; one switch runs at a time and a second one is refused.
type Switcher struct {
	disk      disk
	dir       string
	machine   *bounded
	store     *Store
	records   recordFile
	journal   journalFile
	bootCount *bootCountFile
	loader    BootLoader
	onMedium  func(Digest) bool
	image     target // what the boot medium carries, numbered once it is in the record
	wall      func() time.Time
	forgets   bool
	offer     func(Offer) int // nil: nobody is asked, or has been
	chosen    func(*system.System)

	storing  sync.Mutex // nothing is collected while a generation is being added
	taking   sync.Mutex // nothing is removed from the inbox while an import takes it over
	updating sync.Mutex // one writer of the record at a time
	sequence uint64     // of its last write, tried or done
	mend     bool       // its copies are not both whole and the same

	mu        sync.Mutex // guards what follows; never held over disk or machine
	record    Record     // as on disk
	before    int        // what ran before what runs, 0: nothing
	booted    int        // what ran when Boot returned
	pickedNow bool       // a person has picked what runs for this boot only
	instead   int        // what boots run instead of the default, 0: they run that
	busy      *operation
	last      *Result
	notes     []string

	bootNotes []string          // see noteBoot
	bootIDs   map[Digest]Digest // of generations, by manifest
	byHand    bool              // see Options

	// Only the switch under way changes these, under mu.
	current target // what runs: whose definitions are adopted; its number is 0 if it has none
	memory  memory
	placed  Items // the files of what runs, as they were made; nil while that is not known
}

// target is a generation ready to be switched to.
type target struct {
	number     int
	generation Generation
	file       string // that the text is from, for places in it; "" of a generation that is there already
	text       []byte
	system     *system.System
}

// place is where a key stands, as what is said of it begins: "system.toml:3:11: ", or "" if no file was given.
func (t target) place(path string) string {
	if at, found := system.Scan(t.text).Find(path); found && t.file != "" {
		return fmt.Sprintf("%s:%d:%d: ", t.file, at.Value.Line, at.Value.Col)
	}
	return ""
}

// Open reads the state of the machine from options.Dir, repairs what can be
// repaired and starts nothing; see Boot. On an error the directory cannot be
// used; a directory in memory can take its place, and the boot medium's own
// generation will run.
func Open(options Options) (*Switcher, error) { return open(osDisk{}, options) }

func open(d disk, options Options) (*Switcher, error) {
	s := &Switcher{
		disk: d, dir: filepath.Clean(options.Dir), machine: bind(options.Machine),
		loader: options.Loader, onMedium: options.OnMedium, byHand: options.ByHand, wall: options.Wall, forgets: options.Forgets, offer: options.Offer, chosen: options.Chosen,
	}
	if s.loader == nil {
		s.loader = FixedImage{}
	}
	if s.onMedium == nil {
		s.onMedium = func(d Digest) bool {
			return slices.ContainsFunc(options.Booted.Layers, func(l Descriptor) bool { return l.Digest == d })
		}
	}
	if s.wall == nil {
		s.wall = time.Now
	}
	s.records, s.journal, s.bootCount = recordFile{d, s.dir}, journalFile{d, s.dir}, &bootCountFile{disk: d, dir: s.dir}
	sys := options.System
	if sys == nil {
		var problems []system.Problem
		if sys, problems = system.Parse("system.toml", options.Text); len(problems) > 0 {
			return nil, fmt.Errorf("the boot medium's own generation: %s", problems[0])
		}
	}
	if have := DigestOf(options.Text); have != options.Booted.System.Digest {
		return nil, fmt.Errorf("the boot medium's own generation: its system.toml is %s, its manifest names %s", have, options.Booted.System.Digest)
	}
	s.image = target{generation: options.Booted, text: options.Text, system: sys}
	var err error
	if s.store, err = openStore(d, filepath.Join(s.dir, "store")); err != nil {
		return nil, err
	}
	record, notes := s.records.read()
	s.record, s.notes = record, append(s.store.Notes(), notes...)
	s.mend = len(notes) > 0 || record.Sequence > 0 && !s.records.equal()
	if err := atomicfile.RemoveTemps(d, s.dir); err != nil {
		s.notes = append(s.notes, err.Error())
	}
	s.sequence = record.Sequence
	if record.Sequence == 0 {
		s.recoverRecord()
	}
	if e := s.record.named(s.image.generation.Digest()); e != nil {
		s.image.number = e.Number
	}
	return s, nil
}

// keepNotes adds to Notes what is not there yet.
func (s *Switcher) keepNotes(notes []string) {
	const most = 20
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, note := range notes {
		if !slices.Contains(s.notes, note) {
			s.notes = append(s.notes[max(0, len(s.notes)-most+1):], note)
		}
	}
}

// update changes the record, on disk first. The error leaves it as it was.
func (s *Switcher) update(change func(*Record)) error {
	s.updating.Lock()
	defer s.updating.Unlock()
	r := s.recordNow()
	change(&r)
	s.sequence++ // also when the write fails: what of it reached the disk must not win later
	r.Sequence = s.sequence
	note, err := s.records.write(r)
	if err != nil {
		return err
	}
	if note != "" {
		s.keepNotes([]string{note})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record = r
	return nil
}

// now is the calendar's time, for people.
func (s *Switcher) now() time.Time { return s.wall().UTC().Truncate(time.Second) }

func (s *Switcher) recordNow() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.clone()
}

// load reads a generation and makes sure that it could run.
func (s *Switcher) load(e Entry, when When) (target, error) {
	t, err := s.read(e)
	if err != nil {
		return target{}, err
	}
	return t, s.startable(t.generation, when)
}

// read reads a generation from the store, every blob of it that is kept there.
func (s *Switcher) read(e Entry) (target, error) {
	if e.Digest == s.image.generation.Digest() { // also when the store's copy is damaged
		t := s.image
		t.number = e.Number
		return t, nil
	}
	g, text, err := s.readText(e.Digest)
	if err != nil {
		return target{}, err
	}
	sys, problems := system.Parse("system.toml", text)
	if len(problems) > 0 {
		return target{}, fmt.Errorf("its system.toml is not valid for this Bantam: %s", problems[0])
	}
	return target{number: e.Number, generation: g, text: text, system: sys}, nil
}

// readText is read for a system.toml that may not be valid for this Bantam.
func (s *Switcher) readText(d Digest) (Generation, []byte, error) {
	if d == s.image.generation.Digest() {
		return s.image.generation, s.image.text, nil
	}
	g, err := s.store.Generation(d)
	if err != nil {
		return Generation{}, nil, err
	}
	text, err := s.store.blob(g.System.Digest, system.MaxSize)
	if err != nil {
		return Generation{}, nil, fmt.Errorf("its system.toml: %w", err)
	}
	return g, text, nil
}
