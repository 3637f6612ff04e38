package recovery

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"bantam/recovery/ymodem"
)

// How loads over the line go on.
const (
	sessions      = 200 // of one piece, of which each must have brought something
	idleSessions  = 60  // that brought nothing, in a row
	switchTries   = 20  // of the key that a boot loader waits for at another speed
	switchPause   = 150 * time.Millisecond
	silence       = 3 * time.Second
	stored        = 128              // bytes: all blocks that are acknowledged are in U-Boot's memory, also where a load breaks off
	storedSafely  = 1024             // of a boot loader that keeps some back
	loadPatience  = 10 * time.Second // for "Total Size" behind a load
	startPatience = 5 * time.Second
)

// load brings bytes into the boot loader's memory, by the network if that is wanted and works.
func (w *work) load(data []byte, v values, done int64) error {
	if w.ByTFTP {
		err := w.loadTFTP(data, v, done)
		if err == nil || w.Rescue.Line == "" || !errors.As(err, new(*RefusedError)) && !errors.Is(err, errNotLoaded) {
			return err
		}
		w.tell("TFTP does not work (%v); going on over the line", err)
		w.ByTFTP = false
		w.tell("%d bytes take %v at %d baud", w.Size, (time.Duration(w.Size) * 10 * time.Second / time.Duration(w.Rescue.Baud)).Round(time.Second), w.Rescue.Baud)
	}
	return w.loadLine(data, v, done)
}

var errNotLoaded = errors.New("the boot loader has not fetched it whole")

// loadTFTP has the boot loader fetch bytes.
func (w *work) loadTFTP(data []byte, v values, done int64) error {
	v.host, v.board, v.port, v.file = w.Host, w.Board, w.Rescue.Port, FileName
	if w.Rescue.File != "" {
		v.file = w.Rescue.File
	}
	w.show("loading by TFTP", done)
	w.serve = data
	said, err := w.all(w.Rescue.TFTP, v, 2*time.Minute+time.Duration(len(data)>>18)*time.Second)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("= %d", len(data)); !strings.Contains(said, want) && !strings.Contains(said, fmt.Sprintf("(%x hex)", len(data))) {
		return fmt.Errorf("%w: %w", errNotLoaded, &RefusedError{v.in(strings.Join(w.Rescue.TFTP, "; ")), said})
	}
	return nil
}

// FileName is what a boot loader is told to ask for.
const FileName = "image"

// loadLine sends bytes by YMODEM, in as many sessions as it takes: where one ended the next one goes on.
func (w *work) loadLine(data []byte, v values, done int64) error {
	idle := 0
	for at, n := 0, 0; at < len(data); n++ {
		if n == sessions || idle == idleSessions {
			return fmt.Errorf("the line broke off %d times, at last at byte %d of %d", n, at, len(data))
		}
		baud := w.Rescue.Baud
		if len(w.fast) > 0 {
			baud = w.fast[0]
		}
		there := v
		there.address, there.baud = v.address+int64(at), baud
		sent, err := w.session(data[at:], there, done+int64(at))
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errSpeed):
			w.tell("%d baud do not come through", baud)
			w.fast = slices.Delete(w.fast, 0, 1)
			n--
			continue
		case errors.Is(err, ymodem.ErrNoisy):
			if !w.short {
				w.tell("the line loses too much for long blocks: short ones from now on")
			}
			w.short = true
		case errors.Is(err, ErrInterrupted), errors.Is(err, errStopped), errors.Is(err, errAway), errors.As(err, new(*RefusedError)):
			return err
		}
		idle++
		arrived, err := w.arrived(data[at:], there, sent)
		if err != nil {
			return err
		}
		if arrived > 0 {
			at, idle = at+arrived, 0
		}
	}
	return nil
}

// arrived is how much of a load that broke off is in memory, by its sum.
func (w *work) arrived(data []byte, v values, sent int) (int, error) {
	for _, unit := range []int{stored, storedSafely} {
		whole := sent / unit * unit
		if whole == 0 {
			continue
		}
		v.bytes = int64(whole)
		if same, err := w.holds(v, crc32.ChecksumIEEE(data[:whole])); err != nil || same {
			return whole, err
		}
	}
	return 0, nil
}

var errSpeed = errors.New("the line does not hold this speed")

// session is one load command, and the bytes that it takes. It gives how many of them the boot loader has acknowledged.
func (w *work) session(data []byte, v values, done int64) (sent int, err error) {
	if err := w.enter(v.in(w.Rescue.Line)); err != nil {
		return 0, err
	}
	w.drop()
	w.send('\r')
	other := v.baud != w.Rescue.Baud
	if err := w.begun(other, v.baud); err != nil {
		return 0, err
	}
	s := &ymodem.Sender{Name: FileName, Data: data, Baud: v.baud, Short: w.short}
	err = w.stream(s, done)
	sent = s.Acknowledged()
	if errors.Is(err, errStopped) {
		return sent, err
	}
	if errors.Is(err, ErrInterrupted) {
		w.send(s.Cancel(err)...)
	}
	if other {
		if back := w.slow(); back != nil {
			return sent, errors.Join(err, back)
		}
	}
	if err != nil {
		return sent, errors.Join(err, w.abandon())
	}
	if _, quietErr := w.until("\n"+w.Rescue.Prompt, loadPatience); quietErr != nil && !errors.Is(quietErr, errTimeout) {
		return sent, quietErr
	}
	return sent, nil
}

// abandon has the boot loader end a load. In the middle of a block it takes nothing for a word, and before it listens again it wants silence. At its prompt
// already, it takes only Ctrl-C for one.
func (w *work) abandon() error {
	for range switchTries {
		for _, word := range []struct {
			keys []byte
			wait time.Duration
		}{{ymodem.Cancellation, time.Second}, {[]byte{ctrlC}, silence}} {
			w.drop()
			w.send(word.keys...)
			if _, err := w.until(w.rescue.Prompt, word.wait); err == nil {
				return w.calm()
			} else if !errors.Is(err, errTimeout) {
				return err
			}
		}
	}
	return w.calm()
}

// begun waits until the boot loader asks for the first block; at another speed, if that was wanted.
func (w *work) begun(other bool, baud int) error {
	end := w.now.Add(startPatience)
	for w.now.Before(end) {
		text := string(w.in)
		for _, sign := range w.Rescue.Failed {
			if strings.Contains(text, sign) {
				return &RefusedError{w.Rescue.Line, text}
			}
		}
		if other && strings.Contains(text, "ENTER") || !other && strings.HasSuffix(text, "C") {
			break
		}
		if err := w.wait(end); err != nil && !errors.Is(err, errTimeout) {
			return err
		}
	}
	if !other {
		return nil // where nothing came, the sender says so
	}
	if err := w.pause(switchPause); err != nil {
		return err
	}
	w.drop()
	w.baud = baud
	for range switchTries {
		w.send('\r')
		if err := w.pause(switchPause); err != nil {
			return err
		}
		if strings.HasSuffix(string(w.in), "C") {
			return nil
		}
	}
	w.send(ctrlC, ctrlC)
	if err := w.slow(); err != nil && !errors.Is(err, errStuck) {
		return err
	}
	if err := w.calm(); err != nil {
		w.tell("it is stuck at %d baud: reset the board", baud)
		if err := w.reach(w.Wait); err != nil {
			return err
		}
		if _, err := w.all(w.Rescue.Prepare, values{}, commandPatience); err != nil {
			return err
		}
	}
	return errSpeed
}

var errStuck = errors.New("it does not come back from its other speed")

// slow goes back to the speed of the prompt, for which a boot loader waits for Escape.
func (w *work) slow() error {
	if err := w.pause(switchPause); err != nil {
		return err
	}
	w.baud = w.Rescue.Baud
	for range switchTries {
		w.drop()
		w.send(0x1b)
		if err := w.pause(switchPause); err != nil {
			return err
		}
		if strings.Contains(string(w.in), strings.TrimRight(w.Rescue.Prompt, " ")) {
			return nil
		}
	}
	return errStuck
}

// stream has a sender send its file.
func (w *work) stream(s *ymodem.Sender, done int64) error {
	for {
		in := append([]byte(nil), w.in...)
		w.drop()
		out, wake := s.Step(w.now, in)
		w.send(out...)
		if over, err := s.Done(); over {
			return err
		}
		w.show("loading", done+int64(s.Acknowledged()))
		if err := w.wait(wake); err != nil && !errors.Is(err, errTimeout) {
			return err
		}
	}
}
