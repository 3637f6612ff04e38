package pid1

import (
	"errors"

	"bantam/init/control"
	"bantam/switcher"
)

// outcome answers a request whose only answer is whether it was done.
func outcome(err error) control.Frame {
	if err != nil {
		return failure(err)
	}
	return control.Frame{}
}

func (p *initProcess) generations() []control.Generation {
	list := []control.Generation{}
	for _, g := range p.switcher.Generations() {
		list = append(list, control.Generation{Entry: g.Entry, Marks: marks(g)})
	}
	return list
}

// menuOf is what a menu of the running system shows.
func (p *initProcess) menuOf() control.Frame {
	m := control.Menu{Rows: menuRows(p.switcher.Offered()), Running: p.switcher.Status().Running}
	for _, g := range p.switcher.Generations() {
		if g.Image {
			m.Image = g.Number
		}
	}
	return control.Reply(m)
}

// fromImage says whether the image that was written to the medium brought it; what a boot slot starts may have come later.
func fromImage(g switcher.Listed) bool {
	return g.Image && (g.Verb == switcher.ImageVerb || g.Slot == "")
}

// marks are what a person should know of a generation, in words.
func marks(g switcher.Listed) (words []string) {
	for _, m := range []struct {
		so   bool
		mark string
	}{
		{g.Current, "running"}, {g.Default, "default"}, {g.Booted && !g.Current, "booted"},
		{g.Previous, "previous"}, {fromImage(g), "image"}, {g.Tries > 0, "tried next"}, {g.Pinned, "pinned"},
		{g.PassedOver, "passed over"}, {g.Image && !fromImage(g), "started by slot " + g.Slot}, {!g.Image && g.Slot != "", "in slot " + g.Slot}, {g.OtherKernel && g.Slot == "", "other kernel"},
	} {
		if m.so {
			words = append(words, m.mark)
		}
	}
	return words
}

func (p *initProcess) describe(number int) control.Frame {
	d, err := p.switcher.Describe(number)
	if err != nil {
		return failure(err)
	}
	return control.Reply(control.GenerationDescription{Description: d, Marks: marks(d.Listed)})
}

// text is the system.toml of a generation, 0: of what runs.
func (p *initProcess) text(number int) control.Frame {
	text, err := p.switcher.Running(), error(nil)
	if number != 0 {
		text, err = p.switcher.Text(number)
	} else if text == nil {
		err = errors.New("no generation runs yet")
	}
	if err != nil {
		return failure(err)
	}
	return control.Reply(text)
}

func (p *initProcess) delete(numbers []int) control.Frame {
	g, err := p.switcher.Delete(numbers...)
	if err != nil {
		return failure(err)
	}
	return control.Reply(g)
}

// collect removes old generations, or says which it would remove.
func (p *initProcess) collect(dry bool) control.Frame {
	g, err := p.switcher.Garbage()
	if err == nil && !dry {
		err = p.switcher.Clean()
	}
	if err != nil {
		return failure(err)
	}
	return control.Reply(g)
}
