package vt

// Style is how a character looks.
type Style struct {
	Bold, Dim, Italic, Underline, Blink, Reverse, Hidden, Struck bool
	Foreground, Background                                       Color
}

// Color is 0 for the terminal's own, 1 to 256 for one of its palette plus one,
// above that RGB plus TrueColor.
type Color int32

const TrueColor Color = 1 << 24

func (t *Terminal) sgr(p []int) {
	s := &t.style
	for i := 0; i < len(p); i++ {
		n := p[i]
		switch {
		case n == 0:
			*s = Style{}
		case n == 1:
			s.Bold = true
		case n == 4:
			s.Underline = true
		case n == 5:
			s.Blink = true
		case n == 7:
			s.Reverse = true
		case n >= 30 && n <= 37:
			s.Foreground = Color(n - 29)
		case n >= 40 && n <= 47:
			s.Background = Color(n - 39)
		case n == 38 || n == 48:
			var c Color
			c, i = extended(p, i+1)
			if n == 38 {
				s.Foreground = c
			} else {
				s.Background = c
			}
		default:
			if !s.set(n) {
				t.fault("unknown CSI %d m", n)
			}
		}
		if n != 0 && n != 1 && n != 4 && n != 5 && n != 7 {
			t.needs(Linux, "CSI %d m", n)
		}
	}
}

// set changes what a VT100 has not; false for an unknown attribute.
func (s *Style) set(n int) bool {
	switch {
	case n == 2:
		s.Dim = true
	case n == 3:
		s.Italic = true
	case n == 8:
		s.Hidden = true
	case n == 9:
		s.Struck = true
	case n >= 10 && n <= 12: // fonts
	case n == 21, n == 22:
		s.Bold, s.Dim = false, false
	case n == 23:
		s.Italic = false
	case n == 24:
		s.Underline = false
	case n == 25:
		s.Blink = false
	case n == 27:
		s.Reverse = false
	case n == 28:
		s.Hidden = false
	case n == 29:
		s.Struck = false
	case n == 39:
		s.Foreground = 0
	case n == 49:
		s.Background = 0
	case n >= 90 && n <= 97:
		s.Foreground = Color(n - 81)
	case n >= 100 && n <= 107:
		s.Background = Color(n - 91)
	default:
		return false
	}
	return true
}

// extended is the colour that begins at p[i], and the index of its last number.
func extended(p []int, i int) (Color, int) {
	switch {
	case i+1 < len(p) && p[i] == 5:
		return Color(p[i+1]&0xff) + 1, i + 1
	case i+3 < len(p) && p[i] == 2:
		return TrueColor + Color(p[i+1]&0xff<<16|p[i+2]&0xff<<8|p[i+3]&0xff), i + 3
	}
	return 0, len(p)
}
