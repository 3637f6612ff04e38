package screen

// Style says what a cell is; the terminal decides how it looks. Without colours
// only Selected shows, and everything else costs nothing.
type Style uint8

const (
	Plain Style = iota
	Comment
	String
	Key
	Header
	Number
	Fault    // where a text is wrong
	Note     // said beside the text
	Selected // marked by the person
	Bar      // the status row
)

// A look is what the terminal makes of a style: the low three bits are a colour,
// 0 the terminal's own.
type look uint8

const (
	red look = 1 + iota
	green
	_ // yellow cannot be read on white, nor
	_ // blue on black
	magenta
	cyan
	bold    look = 8
	reverse look = 16
)

// Keys are plain: they are half of a file, and a switch costs five bytes.
var looks = [...]look{Comment: cyan, String: green, Header: bold, Number: magenta,
	Fault: red | reverse, Note: red, Selected: reverse, Bar: reverse}

func (t Terminal) look(s Style) look {
	if !t.Colors && s != Selected || int(s) >= len(looks) {
		return 0
	}
	return looks[s]
}

// setLook switches with the shortest sequence: what is missing is added, and
// only if something must go all is reset first, by the empty first parameter.
func (p *pen) setLook(to look) {
	if p.look == to {
		return
	}
	add := to &^ p.look & (bold | reverse)
	if to&7 != p.look&7 {
		add |= to & 7
	}
	p.put("\x1b[")
	if p.look&^to&(bold|reverse) != 0 || p.look&7 != 0 && to&7 == 0 {
		add = to
		if to != 0 {
			p.put(";")
		}
	}
	separator := ""
	if add&bold != 0 {
		p.put("1")
		separator = ";"
	}
	if add&reverse != 0 {
		p.put(separator + "7")
		separator = ";"
	}
	if c := byte(add & 7); c != 0 {
		p.put(separator + "3" + string('0'+rune(c)))
	}
	p.put("m")
	p.look = to
}

// steady makes what erasing leaves blank: some terminals erase in reverse video.
func (p *pen) steady() {
	if p.look&reverse != 0 {
		p.setLook(0)
	}
}
