package recovery

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// How long a machine may take.
const (
	proofPatience = 5 * time.Minute // from the boot loader to the proof
	betweenLooks  = 2 * time.Second
	statusLimit   = 20 * time.Second
)

var (
	shellPrompt = regexp.MustCompile(`\w@[\w.-]+:[^\r\n#$]*[#$] (?:\x1b\[[0-9;?]*\w)*$`)
	loginPrompt = regexp.MustCompile(`login: $`)
	provenLine  = regexp.MustCompile(`generation +(\d+), (\w+)`)
	ends        = []string{"Kernel panic", "Bad Linux", "Wrong Image Format"}
	cursor      = []byte("\x1b[6n") // asks a terminal where its cursor is
)

// prove starts the board, and waits until the machine on it says that it has proven itself.
func (w *work) prove() error {
	if err := w.start(); err != nil {
		return err
	}
	if !w.Ours {
		w.tell("started; what it says comes on this line: bantam console")
		return w.pause(time.Second)
	}
	w.tell("started: waiting for its proof")
	w.show("starting", w.Size)
	looked := 0
	for end := w.now.Add(proofPatience); w.now.Before(end); {
		if err := w.wait(minTime(end, w.now.Add(betweenLooks))); err != nil && !errors.Is(err, errTimeout) {
			return err
		}
		for bytes.Contains(w.in, cursor) {
			w.in = bytes.Replace(w.in, cursor, nil, 1)
			w.sendText("\x1b[24;80R")
		}
		for _, sign := range ends {
			if bytes.Contains(w.in, []byte(sign)) {
				return fmt.Errorf("the image is on it, and does not start: it says %q", sign)
			}
		}
		if len(w.in) > 64<<10 {
			w.in = append([]byte(nil), w.in[len(w.in)-4<<10:]...)
		}
		switch {
		case loginPrompt.Match(w.in):
			w.tell("it runs, and asks for a login on its console; `bantam status` there says whether it is proven")
			return nil
		case shellPrompt.Match(w.in):
			state, err := w.status()
			if err != nil {
				return err
			}
			if state == "good" {
				return nil
			}
			if looked++; looked == 1 && state != "" {
				w.tell("it runs, and is %s so far", state)
			}
			if err := w.pause(betweenLooks); err != nil {
				return err
			}
			w.send('\r')
		case bytes.HasSuffix(w.in, []byte("\n"+w.rescue.Prompt)) && bytes.Contains(w.in, []byte("U-Boot")): // "==> " is within a line of crc32's
			return errors.New("the image is on it, and the boot loader does not start it: it is at its prompt again")
		}
	}
	return fmt.Errorf("the image is on it, and nothing has proven itself in %v; bantam console shows what it says", proofPatience)
}

// start has the boot loader start the board: also where the key that says so is lost on its way, of which nothing comes back.
func (w *work) start() error {
	for range tries {
		if err := w.enter(w.Rescue.Boot); err != nil {
			return err
		}
		w.drop()
		w.send('\r')
		if err := w.wait(w.now.Add(startPatience)); !errors.Is(err, errTimeout) {
			return err
		}
	}
	return nil // it may be silent
}

// status asks the machine at its shell.
func (w *work) status() (state string, err error) {
	w.drop()
	w.sendText("bantam status\r")
	for end := w.now.Add(statusLimit); w.now.Before(end); {
		if err := w.quiet(time.Second, statusLimit); err != nil {
			return "", err
		}
		if found := provenLine.FindSubmatch(w.in); found != nil {
			state = string(found[2])
			if state == "good" {
				w.tell("it runs generation %s, proven", found[1])
			}
			return state, nil
		}
		if shellPrompt.Match(w.in) {
			break
		}
		if err := w.wait(end); err != nil && !errors.Is(err, errTimeout) {
			return "", err
		}
	}
	return "", nil
}
