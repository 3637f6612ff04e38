package editor

import (
	"errors"
	"fmt"
	"io"
	"time"

	"bantam/editor/keys"
	"bantam/editor/screen"
)

// How long the keyboard must rest before the status row, the notes and what is
// typed into a search are brought up to date: on a slow line that costs more than
// the text itself.
const (
	restSlow = 300 * time.Millisecond
	restFast = 100 * time.Millisecond
)

// A key that comes again so soon is held down; a PC's console repeats each 92 ms.
// The position then follows as far as the line has room for it, and does not wait
// for the rest: the screen is still when the key is let go.
const repeatPause = 120 * time.Millisecond

// A Tab that is followed so soon by more was pasted: it completes nothing.
const tabPause = 30 * time.Millisecond

// A paste that rests so long has lost its end on the line. Without this every
// key would be text for ever.
const pasteEnds = 3 * time.Second

// How often the file is looked at, whether somebody else has changed it, and the
// recovery file written.
const lookEvery = time.Second

// session drives a model with a terminal.
type session struct {
	m       *model
	t       *terminal
	decoder keys.Decoder
	screen  *screen.Screen
	checks  chan checked
	pending bool // a check is under way
	kept    chan keptText
	keeping bool
	piped   chan pipedText
	tab     bool // a Tab waits for what follows
	owed    bool // what comes when the keyboard rests waits for the line
	partly  bool // the screen shows a part of what it should

	last   keys.Key // that was pressed, and when
	lastAt time.Time
	held   bool // it repeats
}

func newSession(m *model, t *terminal) *session {
	m.slow = t.slow
	return &session{m: m, t: t, checks: make(chan checked, 1), kept: make(chan keptText, 1), piped: make(chan pipedText, 4)}
}

// keptText is the end of writing a recovery file.
type keptText struct {
	doc     *document
	version int
	err     error
}

// pipedText is a part of a text that comes from a pipe.
type pipedText struct {
	doc  *document
	text []byte
	err  error
}

// mostPiped is what is kept of a pipe.
const mostPiped = 64 << 20

// run is the loop: wait for something, let the model digest all there is, draw.
func (s *session) run(targets []Target) error {
	m, t := s.m, s.t
	for i, target := range targets {
		if target.Pipe != nil {
			go s.readPipe(m.docs[i], target.Pipe)
		}
	}
	m.greet(m.text())
	t.measure()
	s.resize()
	t.write(m.draw(s.screen, t.slow, false)) // whole: nobody has typed anything yet

	rest := time.NewTimer(s.rest())
	free := time.NewTimer(time.Hour) // the line has sent what it was given
	free.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	tab := time.NewTimer(time.Hour)
	tab.Stop()
	escape := time.NewTimer(time.Hour)
	escape.Stop()
	now := make(chan time.Time)
	close(now)
	for !m.done {
		full, draw := false, true
		var idle <-chan time.Time // ready when there is work for idle time
		if s.idle() {
			idle = now
		}
		select {
		case b, ok := <-t.input:
			if !ok {
				return t.inputErr()
			}
			s.owed = false // until it rests again
			if !s.digest(b) {
				return t.inputErr()
			}
			if s.tab {
				tab.Reset(tabPause)
			}
			switch {
			case s.decoder.Pasting():
				escape.Reset(pasteEnds)
			case s.decoder.Pending():
				escape.Reset(time.Second) // slow lines deliver arrows in pieces
			}
			rest.Reset(s.rest())
		case <-tab.C:
			s.pressTab(false)
			rest.Reset(s.rest())
		case <-free.C:
		case <-escape.C:
			if s.decoder.Pasting() {
				s.digest([]byte("\x1b[201~"))
			} else {
				draw = s.decoder.Escape() && m.escape()
				s.decoder.Abort()
			}
		case <-rest.C:
			if draw = len(t.input) == 0; draw { // else it does not rest, and what was typed is drawn first
				full = true
				m.atRest()
			}
		case <-t.resized:
			if rows, cols := t.size(); rows == m.view.rows && cols == m.view.cols {
				draw = false // the kernel tells us what we told it
			} else {
				s.resize()
				full = true
			}
		case err := <-t.hangup:
			return err
		case c := <-s.checks:
			s.pending = false
			c.doc.learn(c)
			if c.failed != "" {
				m.say("The text is not checked any more: %s", c.failed)
			}
			full = true
		case k := <-s.kept:
			s.keeping = false
			if draw = k.doc.afterKeeping(k); draw {
				m.say("Unsaved text of %s cannot be kept: %v", k.doc.name, k.err)
			}
		case p := <-s.piped:
			draw = s.takePipe(p)
		case <-look.C:
			draw = m.look()
			full = draw
		case <-idle:
			draw = s.step()
			full = draw
		}
		s.inBackground(full)
		if m.redraw && t.backlog() <= 0 {
			m.redraw = false
			t.measure()
			s.resize()
			full = true
		}
		s.owed = s.owed || full
		switch {
		case !draw || m.done || s.decoder.Pasting() && !full:
		case s.wait() > 0:
			free.Reset(s.wait())
		default:
			s.draw(s.owed)
			if s.partly {
				free.Reset(s.wait())
			} else if s.held && !s.owed {
				rest.Reset(s.wait())
			}
			s.owed = false
		}
	}
	return nil
}

// leave lets the whole screen scroll again, however the session ended.
func (s *session) leave() {
	if s.screen != nil {
		s.t.write(s.screen.Leave())
	}
}

func (s *session) rest() time.Duration {
	if s.t.slow {
		return restSlow
	}
	return restFast
}

// resize begins a new screen, of the size that the terminal has now.
func (s *session) resize() {
	v := &s.m.view
	v.rows, v.cols = s.t.size()
	v.colors = s.t.colors
	s.screen = screen.New(screen.Terminal{Rows: v.rows, Cols: v.cols,
		Insert: s.t.canInsert, Lines: s.t.canLines, Colors: s.t.colors, Clean: s.screen == nil, LineFeed: s.t.lineFeed})
}

// draw brings the terminal up to date; on a slow line a piece of the screen at a time,
// so that the next key has not to wait for a page that nobody wants any more.
func (s *session) draw(full bool) {
	out, whole := s.m.drawSome(s.screen, s.t.slow, full, s.t.piece())
	s.t.write(out)
	s.partly = !whole
}

// wait is how long it is until more is drawn: until the line has sent what it was
// given, as all else would make the screen lag behind the keys. Between the pieces
// of a screen it does not run dry.
func (s *session) wait() time.Duration {
	if s.partly {
		return s.t.backlog() - pieceTime
	}
	return s.t.backlog()
}

// digest gives the model all keys that have arrived; false: the line is gone.
func (s *session) digest(b []byte) bool {
	for {
		all := s.decoder.Feed(b)
		for i, k := range all {
			if s.pressTab(true); s.m.done {
				return true
			}
			switch k.Code {
			case keys.Cursor:
				switch {
				case s.t.keepsColumn(k.Row, k.Col):
					s.screen.LineFeedKeeps()
				case s.t.reported(k.Row, k.Col):
					s.resize()
				}
			case keys.Device:
				if s.t.told(k.Numbers) {
					s.resize()
				}
			case keys.Tab:
				s.tab = true
				if i+1 < len(all) {
					s.pressTab(true)
				}
			default:
				s.pressed(k, time.Now())
				s.m.key(k)
			}
		}
		select {
		case more, ok := <-s.t.input:
			if !ok {
				return false
			}
			b = more
		default:
			return true
		}
	}
}

// pressed notices whether a key is held down that is no text.
func (s *session) pressed(k keys.Key, at time.Time) {
	same := k.Code == s.last.Code && k.Rune == s.last.Rune && k.Shift == s.last.Shift
	s.held = same && k.Code != keys.Text && at.Sub(s.lastAt) < repeatPause
	s.last, s.lastAt = k, at
}

// pressTab gives a Tab that waited to the model.
func (s *session) pressTab(pasted bool) {
	if !s.tab {
		return
	}
	s.tab = false
	k := keys.Key{Code: keys.Tab}
	if pasted {
		k.Rune = '\t'
	}
	s.m.key(k)
}

// atRest is what the model does when the keyboard rests.
func (m *model) atRest() {
	if m.find.preview {
		m.find.preview = false
		m.showPreview()
	}
}

// idle tells whether there is something to do in idle time, step does a slice of
// it and tells whether the screen changes.
func (s *session) idle() bool {
	if s.m.busy != nil {
		return true
	}
	_, known := s.m.doc().text.Lines()
	return !known
}

func (s *session) step() bool {
	d := s.m.doc()
	more := d.text.Index(16)
	if s.m.busy == nil {
		return !more
	}
	return s.m.work()
}

// look sees whether somebody else has changed the file that is shown.
func (m *model) look() bool {
	d := m.text()
	if d.file == nil || d.changedBy || m.prompt != nil {
		return false
	}
	changed, err := d.file.Changed()
	if err != nil || !changed {
		return false
	}
	d.changedBy = true
	if d.file.Removed() {
		m.say("Somebody else has removed or renamed %s; ^S writes it anew", d.name)
	} else {
		m.say("Somebody else has changed %s on disk; ^G d compares", d.name)
	}
	return true
}

// inBackground starts what runs beside typing: the check of the text when the
// keyboard rests, and the recovery file.
func (s *session) inBackground(resting bool) {
	d := s.m.text()
	if resting && !s.pending {
		s.pending = d.checkLater(s.checks)
	}
	for _, d := range s.m.docs {
		if s.keeping {
			return
		}
		if wait, due := d.keepIn(time.Now()); due && wait <= 0 {
			s.keeping = true
			snapshot, keeper, f := d.text.Snapshot(), d.keeper, d.file
			d.changed = time.Time{}
			d.keeping.Add(1)
			go func() {
				err := keeper.Keep(snapshot, f)
				d.keeping.Done()
				s.kept <- keptText{d, snapshot.Version(), err}
			}()
		}
	}
}

// readPipe reads a text that is only viewed.
func (s *session) readPipe(d *document, r io.Reader) {
	for total := 0; ; {
		b := make([]byte, 64<<10)
		n, err := r.Read(b)
		if total += n; total > mostPiped {
			err = fmt.Errorf("only the first %d MiB are shown", mostPiped>>20)
		}
		select {
		case s.piped <- pipedText{d, b[:n], err}:
		case <-s.t.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// takePipe adds what came and tells whether it can be seen. Once the text was
// saved under a name, what comes is a change that is not saved.
func (s *session) takePipe(p pipedText) bool {
	d, v := p.doc, &s.m.view
	seen := false
	if d == s.m.doc() {
		_, rows := v.below(d, d.top, v.height())
		seen = rows < v.height()
	}
	if d.file == nil {
		d.text.Append(p.text)
	} else {
		d.text.Replace(d.text.Len(), 0, p.text)
		d.touched(d.text.Len())
	}
	if p.err != nil && !errors.Is(p.err, io.EOF) {
		s.m.say("%v", p.err)
		return true
	}
	return seen
}

// keepAll writes the recovery files of all that is not saved when the line is
// gone, and adds to cause what became of them.
func (s *session) keepAll(cause error) error {
	if s.keeping {
		k := <-s.kept
		k.doc.afterKeeping(k)
	}
	for _, d := range s.m.docs {
		d.endPaste()
		if d.file == nil || d.readOnly != "" || !d.text.Modified() {
			d.close(d.keeper != nil && d.text.Modified())
			continue
		}
		switch {
		case d.keeper == nil || d.found != nil:
			cause = fmt.Errorf("%w; the changes of %s are lost: there was no recovery file", cause, d.name)
		default:
			if err := d.keeper.Keep(d.text.Snapshot(), d.file); err != nil {
				cause = fmt.Errorf("%w; the changes of %s are lost: %w", cause, d.name, err)
			} else {
				cause = fmt.Errorf("%w; the changes of %s are kept, and offered when it is next edited", cause, d.name)
			}
		}
		d.close(true)
	}
	return cause
}

// keepOnPanic saves what can be saved from an error of ours.
func (s *session) keepOnPanic() {
	fault := recover()
	if fault == nil {
		return
	}
	panic(s.keepAll(fmt.Errorf("internal error: %v", fault)))
}
