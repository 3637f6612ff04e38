package shell

import (
	"strings"
	"unicode/utf8"
)

// splitFields makes fields of a word's pieces (POSIX.1-2024, XCU 2.6.5). Blanks of
// ifs around a field go; every other character of it ends a field, even an empty one.
func splitFields(pieces []piece, ifs string) (fields [][]piece) {
	var field []piece
	has := false     // the field has begun
	blanked := false // blanks have ended the one before, so that a : belongs to them
	end := func() {
		fields = append(fields, field)
		field, has = nil, false
	}
	add := func(p piece, text string) {
		p.text = text
		field = append(field, p)
		has = has || text != "" || p.quoted
		if has {
			blanked = false
		}
	}
	for _, p := range pieces {
		if p.apart {
			if has {
				end()
			}
			blanked = false
			continue
		}
		if !p.split || ifs == "" {
			add(p, p.text)
			continue
		}
		begin := 0
		for i := 0; i < len(p.text); {
			r, size := utf8.DecodeRuneInString(p.text[i:])
			if r == utf8.RuneError && size == 1 || !strings.ContainsRune(ifs, r) {
				i += size
				continue
			}
			if i > begin {
				add(p, p.text[begin:i])
			}
			blank := r == ' ' || r == '\t' || r == '\n'
			switch {
			case blank && has:
				end()
				blanked = true
			case blank:
			case blanked:
				blanked = false
			default:
				end()
			}
			i += size
			begin = i
		}
		if begin < len(p.text) {
			add(p, p.text[begin:])
		}
	}
	if has {
		end()
	}
	return fields
}
