package editor

import (
	"fmt"
	"strings"

	"bantam/editor/compare"
)

// around is how many equal lines are shown around a difference.
const around = 2

// compare shows what differs between the file on disk and the text.
func (m *model) compare() {
	d := m.doc()
	if d.file == nil {
		m.say("This text is no file")
		return
	}
	disk, err := d.file.OnDisk(compare.MostBytes)
	if err != nil {
		m.say("%v", err)
		return
	}
	if d.text.Len() > compare.MostBytes {
		m.say("Texts above %d MiB are not compared", compare.MostBytes>>20)
		return
	}
	old, new := compare.Split(disk), compare.Split(d.text.Bytes(0, d.text.Len()))
	hunks := compare.Lines(old, new)
	if len(hunks) == 0 {
		m.say("The text is the same as on disk")
		return
	}
	p := page("Differences", differences(old, new, hunks))
	m.over = append(m.over, p)
	m.say("- is on disk, + is in the text; q goes back")
}

// differences is the page that shows hunks with the lines around them.
func differences(old, new [][]byte, hunks []compare.Hunk) string {
	var s strings.Builder
	line := func(sign string, b []byte) {
		s.WriteString(sign + strings.TrimSuffix(string(b), "\n") + "\n")
	}
	at := 0 // lines of new that are shown
	for i, h := range hunks {
		if h.NewFrom-around > at || i == 0 {
			at = max(h.NewFrom-around, at)
			fmt.Fprintf(&s, "line %d:\n", at+1)
		}
		for ; at < h.NewFrom; at++ {
			line("  ", new[at])
		}
		for _, b := range old[h.OldFrom:h.OldTo] {
			line("- ", b)
		}
		for _, b := range new[h.NewFrom:h.NewTo] {
			line("+ ", b)
		}
		at = h.NewTo
		for n := 0; n < around && at < len(new) && (i+1 == len(hunks) || at < hunks[i+1].NewFrom); n++ {
			line("  ", new[at])
			at++
		}
	}
	return s.String()
}
