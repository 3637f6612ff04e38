package switcher

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// KindSlot is the kind of the steps that bring a kernel to a boot slot. It is in no table: nothing of it is done live.
const KindSlot Kind = "slot"

// The actions of its steps.
const (
	ActionKeep  Action = "keep"  // in the store, what only a slot holds
	ActionStage Action = "stage" // kernel and initrd into a slot
	ActionTry   Action = "try"   // have the boot loader start it
)

// slotPlan is how a generation of another kernel gets to where the boot loader starts it: pure data, printed by the dry
// run and executed by o.stage.
type slotPlan struct {
	slot  Slot        // that will hold it
	to    Generation  // what it will hold
	stage bool        // it does not hold that yet
	fetch []slotBlobs // that the store lacks, of to and of what the slot holds now
	keeps []int       // generations that need what the slot holds now, and whose blobs are among fetch
	lost  []int       // generations whose kernel is nowhere afterwards
	lack  int64       // bytes that the state volume lacks, so that there are lost ones
}

// slotBlobs are blobs that a slot holds.
type slotBlobs struct {
	slot  string
	blobs []Descriptor
}

// fetches is how many bytes the store takes in.
func (p *slotPlan) fetches() (bytes int64) {
	for _, from := range p.fetch {
		bytes += sizeOf(from.blobs)
	}
	return bytes
}

// sizeOf is what blobs take on the state volume.
func sizeOf(blobs []Descriptor) (bytes int64) {
	for _, b := range blobs {
		bytes += b.Size + diskBlock
	}
	return bytes
}

// planSlot says how to gets into the slot that was not booted, and why it cannot. It changes nothing.
func (s *Switcher) planSlot(to target) (slotPlan, error) {
	v, err := s.seeSlots()
	if err != nil {
		return slotPlan{}, err
	}
	if v.other == nil {
		return slotPlan{}, noSlots(v.loader)
	}
	p := slotPlan{slot: *v.other, to: to.generation}
	if p.stage = !v.other.holds(to.generation.BootID()) || !s.sameWords(*v.other, to.generation); !p.stage {
		return p, nil
	}
	var faults []error
	held := s.heldBy(v) // what the slots hold, of the generations that are known
	for _, b := range to.generation.BootBlobs() {
		if s.store.holds(b) == nil {
			continue
		}
		from := slices.IndexFunc(held, func(h slotBlobs) bool { return h.has(b.Digest) })
		if from < 0 {
			faults = append(faults, fmt.Errorf("its %s (%s) is neither in the store nor in a boot slot: import the generation again", spokenBlob(b), b.Digest.Short()))
			continue
		}
		p.add(held[from].slot, b)
	}
	faults = append(faults, s.loader.Fits(v.other.Name, s.staging(to)))
	free, err := s.disk.Free(s.dir)
	faults = append(faults, err)
	need, err := s.roomFor()
	faults = append(faults, err)
	if need += p.fetches(); free < need {
		faults = append(faults, fmt.Errorf("the state volume %s is full: %d kB free, the blobs that only a boot slot holds need %d kB", s.dir, free>>10, need>>10))
	}
	s.planKeeping(&p, v, free-need)
	return p, errors.Join(faults...)
}

// sameWords says whether a slot that holds g's kernel starts it with the words that g has for it.
func (s *Switcher) sameWords(slot Slot, g Generation) bool {
	have, err := s.generation(slot.Generation)
	return slot.Generation == g.Digest() || err == nil && have.Kernel.Annotations[CmdlineAnnotation] == g.Kernel.Annotations[CmdlineAnnotation]
}

// planKeeping decides what becomes of what the slot holds now, where generations need that and the store lacks it.
func (s *Switcher) planKeeping(p *slotPlan, v slotView, room int64) {
	old := v.other.Boot
	if old == "" || old == v.booted.Boot {
		return
	}
	var lacking []Descriptor
	for _, b := range s.startedBy(*v.other) {
		if s.store.holds(b) != nil && !slices.ContainsFunc(p.fetch, func(f slotBlobs) bool { return f.has(b.Digest) }) {
			lacking = append(lacking, b)
		}
	}
	var who []int
	for _, e := range s.recordNow().Entries {
		if s.bootID(e.Digest) == old {
			who = append(who, e.Number)
		}
	}
	switch need := sizeOf(lacking); {
	case len(who) == 0, len(lacking) == 0:
	case v.other.Fault != "" || need > room:
		p.lost, p.lack = who, need-room
	default:
		p.keeps = who
		for _, b := range lacking {
			p.add(v.other.Name, b)
		}
	}
}

// add has a blob fetched from a slot.
func (p *slotPlan) add(slot string, b Descriptor) {
	for i := range p.fetch {
		if p.fetch[i].slot == slot {
			p.fetch[i].blobs = append(p.fetch[i].blobs, b)
			return
		}
	}
	p.fetch = append(p.fetch, slotBlobs{slot, []Descriptor{b}})
}

func (h slotBlobs) has(d Digest) bool {
	return slices.ContainsFunc(h.blobs, func(b Descriptor) bool { return b.Digest == d })
}

// heldBy lists what the slots hold that can be started from them.
func (s *Switcher) heldBy(v slotView) (held []slotBlobs) {
	for _, slot := range []*Slot{v.booted, v.other} {
		if blobs := s.startedBy(*slot); slot.Fault == "" && len(blobs) > 0 {
			held = append(held, slotBlobs{slot.Name, blobs})
		}
	}
	return held
}

// startedBy names kernel and segments that a slot holds, if a generation that is known here says what they are.
func (s *Switcher) startedBy(slot Slot) []Descriptor {
	if slot.Boot == s.image.generation.BootID() {
		return s.image.generation.BootBlobs()
	}
	for _, e := range s.recordNow().Entries {
		if slot.Boot == "" || s.bootID(e.Digest) != slot.Boot {
			continue
		}
		if g, err := s.store.Generation(e.Digest); err == nil {
			return g.BootBlobs()
		}
	}
	return nil
}

// staging is what a slot is given of a generation.
func (s *Switcher) staging(to target) Staging {
	return Staging{
		Generation: to.generation, System: to.text, Cmdline: to.generation.Kernel.Annotations[CmdlineAnnotation],
		Blob: func(d Digest) (io.ReadCloser, error) { return s.disk.Open(s.store.BlobPath(d), maxBlob) },
	}
}

// spokenBlob is a blob that a boot loader starts, for people, e.g. kernel 6.1.0-40-amd64, initrd segment init.
func spokenBlob(b Descriptor) string {
	if b.MediaType == KernelType {
		return Generation{Kernel: b}.spokenKernel()
	}
	return "initrd segment " + b.Annotations[SegmentAnnotation]
}

// spokenKernel is a generation's kernel for people.
func (g Generation) spokenKernel() string { return "kernel " + g.KernelVersion() }

// steps are the plan as people see it.
func (p *slotPlan) steps(booted Generation) []Step {
	var all []Step
	if len(p.keeps) > 0 {
		all = append(all, Step{Action: ActionKeep, Kind: KindSlot, Name: p.slot.Name,
			Text:   "keep what boot slot " + p.slot.Name + " holds in the store",
			Reason: numbered(p.keeps) + " would have no kernel otherwise; " + megabytes(p.fetches())})
	}
	if p.stage {
		all = append(all, Step{Action: ActionStage, Kind: KindSlot, Name: p.slot.Name,
			Text:   "stage " + p.to.spokenKernel() + " into boot slot " + p.slot.Name,
			Reason: p.to.otherKernel(booted) + "; " + megabytes(sizeOf(p.to.BootBlobs()))})
	}
	return append(all, Step{Action: ActionTry, Kind: KindSlot, Name: p.slot.Name,
		Text:   fmt.Sprintf("have boot slot %s tried, %s", p.slot.Name, count(slotTries, "boot", "boots")),
		Reason: "until it has proven itself", Disruptive: true})
}

// notes are what a person should know of the plan.
func (p *slotPlan) notes() []string {
	var all []string
	if !p.stage {
		all = append(all, fmt.Sprintf("boot slot %s holds %s already", p.slot.Name, p.to.spokenKernel()))
	}
	if len(p.lost) > 0 {
		all = append(all, p.loss())
	}
	return all
}

// loss says which generations have no kernel afterwards.
func (p *slotPlan) loss() string {
	why := "damaged there"
	if p.slot.Fault == "" {
		why = "in boot slot " + p.slot.Name + " alone, and the state volume lacks " + megabytes(p.lack) + " to keep it"
	}
	return fmt.Sprintf("%s cannot be started any more afterwards: the kernel is %s", numbered(p.lost), why)
}

// megabytes is a size for people, e.g. 13.2 MB.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
