package recovery

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"bantam/printable"
)

// How a boot loader is waited for.
const (
	firstLook   = time.Second
	stops       = 40              // the key that stops it is typed behind its text
	promptQuiet = 2 * time.Second // behind a line that may be a prompt
	pokeEvery   = 4 * time.Second
	mostMissed  = 3 // systems that have started
)

// signs of what went past the countdown.
var (
	systems   = []string{"Starting kernel", "Linux version", "Booting Linux", "login:", "Kernel panic"}
	passwords = []string{"assword", "utoboot disabled", "stop string", "passphrase"}
)

// reach waits for a boot loader, stops its countdown, and is at its prompt then.
func (l *loader) reach(limit time.Duration) error {
	l.send(ctrlC)
	if _, err := l.until(l.rescue.Prompt, firstLook); err == nil {
		return l.calm()
	} else if !errors.Is(err, errTimeout) {
		return err
	}
	l.say("waiting for the boot loader: switch the board on, or reset it")
	end := l.now.Add(limit)
	missed, looked := 0, l.now
	l.heard = append([]byte(nil), l.in...)
	var typed time.Time // the key that stops it
	poked := l.now      // Ctrl-C, which has a prompt shown that was lost on its way
	for l.now.Before(end) {
		switch stop := l.rescue.StopAt == "" || near(l.in, l.rescue.StopAt); {
		case stop && l.rescue.StopAt == "" && l.now.Sub(typed) >= l.stopEvery():
			typed = l.now
			l.sendText(l.rescue.Stop)
		case stop && l.rescue.StopAt == "":
		case stop:
			l.drop()
			for range stops {
				l.sendText(l.rescue.Stop)
				if err := l.pause(l.stopEvery()); err != nil {
					return err
				}
				if l.atPrompt() {
					break
				}
			}
		}
		if bytes.Contains(l.in, []byte(l.rescue.Prompt)) {
			if err := l.pause(200 * time.Millisecond); err != nil {
				return err
			}
			if bytes.Contains(l.in[max(0, len(l.in)-200):], []byte(l.rescue.Prompt)) {
				return l.calm()
			}
		}
		if n := starts(l.heard); n > missed {
			if missed = n; missed >= mostMissed {
				return l.passed()
			}
			l.say("its system starts: reset it once more")
			l.drop()
		}
		if l.now.Sub(poked) > pokeEvery {
			poked = l.now
			l.send(ctrlC)
		}
		err := l.wait(minTime(end, l.now.Add(l.stopEvery())))
		if err != nil && !errors.Is(err, errTimeout) {
			return err
		}
		if len(l.in) > 64<<10 {
			l.in = append([]byte(nil), l.in[len(l.in)-4<<10:]...)
		}
		if err == nil {
			poked = l.now
		}
		if !looksLikePrompt(l.in) || l.now.Sub(looked) < promptQuiet {
			continue
		}
		looked = l.now
		if prompt, err := l.otherPrompt(); err != nil {
			return err
		} else if prompt != "" {
			return fmt.Errorf("it shows the prompt %q, and the board's file says %q: [rescue] prompt = %[1]q", prompt, l.rescue.Prompt)
		}
	}
	return l.absent(limit)
}

func (l *loader) stopEvery() time.Duration {
	return time.Duration(l.rescue.StopEvery) * time.Millisecond
}

// starts is how often a system has started by what came.
func starts(heard []byte) (n int) {
	for _, sign := range systems {
		n = max(n, bytes.Count(heard, []byte(sign)))
	}
	return n
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// looksLikePrompt says whether text ends in what may be one.
func looksLikePrompt(text []byte) bool {
	last := string(text[bytes.LastIndexAny(text, "\r\n")+1:])
	trimmed := strings.TrimRight(last, " ")
	return len(trimmed) > 0 && len(last) < 60 && strings.ContainsAny(trimmed[len(trimmed)-1:], ">#$:%]")
}

// otherPrompt finds a prompt that is not the one of the board's file: a line that comes again when Ctrl-C is typed.
func (l *loader) otherPrompt() (string, error) {
	var last string
	for i := range 3 {
		l.drop()
		l.send(ctrlC)
		if err := l.quiet(promptQuiet/4, promptQuiet); err != nil {
			return "", err
		}
		line := string(l.in[bytes.LastIndexAny(l.in, "\r\n")+1:])
		switch {
		case strings.HasSuffix(line, l.rescue.Prompt), !looksLikePrompt(l.in), i > 0 && line != last:
			return "", nil
		case strings.Contains(line, "login") || strings.Contains(line, "assword") || strings.Contains(line, "@"): // of its system
			return "", nil
		}
		last = line
	}
	return last, nil
}

// passed is the error for a board whose countdown cannot be stopped.
func (l *loader) passed() error {
	for _, sign := range passwords {
		if bytes.Contains(l.heard, []byte(sign)) {
			return fmt.Errorf("its boot loader wants a password to stop (%s): [rescue] stop = \"PASSWORD\\r\" in a board's file of your own, and --board FILE.toml", l.lineWith(sign))
		}
	}
	if l.rescue.StopAt != "" && !near(l.heard, l.rescue.StopAt) {
		return fmt.Errorf("its system started %d times, and its boot loader never said %q: it may be silent, or say something else: [rescue] stop_at", mostMissed, l.rescue.StopAt)
	}
	return fmt.Errorf("its system started %d times although %q was typed: another key stops it ([rescue] stop), or nothing does, and its medium has to be written elsewhere", mostMissed, l.rescue.Stop)
}

// lineWith is the line of a text that has a word in it.
func (l *loader) lineWith(word string) string {
	for line := range strings.FieldsFuncSeq(string(l.heard), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if strings.Contains(line, word) {
			return printable.Line(fmt.Sprintf("%q", strings.TrimSpace(line)))
		}
	}
	return ""
}

// absent is the error for a board of which no prompt came.
func (l *loader) absent(limit time.Duration) error {
	for _, sign := range passwords {
		if bytes.Contains(l.heard, []byte(sign)) {
			return l.passed()
		}
	}
	text := bytes.Trim(l.heard, "\r\n \x00")
	odd := 0
	for _, b := range text {
		if (b < ' ' || b > '~') && b != '\r' && b != '\n' && b != '\t' && b != 0x1b {
			odd++
		}
	}
	switch {
	case len(text) == 0:
		return fmt.Errorf("nothing came from the board in %v: is it on, are its TX and our RX connected, and the other way round, and ground? A boot loader may also be silent", limit)
	case odd > len(text)/4:
		return fmt.Errorf("what comes is no text: is %d baud its speed? --baud names another", l.rescue.Baud)
	}
	last := text[max(0, len(text)-80):]
	return fmt.Errorf("no prompt %q came in %v; the last that came: %s", l.rescue.Prompt, limit, printable.Line(fmt.Sprintf("%q", last)))
}

// near says whether a text has words in it, a fifth of whose bytes may have been lost or altered on the line: by the fewest changes
// that make the words out of any part of it.
func near(text []byte, words string) bool {
	most := len(words) / 5
	text = text[max(0, len(text)-4096):]
	row := make([]int, len(words)+1) // changes from the words' first n bytes to a part that ends here
	for i := range row {
		row[i] = i
	}
	for _, b := range text {
		diagonal := row[0]
		for i := range words {
			cost := diagonal
			if words[i] != b {
				cost++
			}
			diagonal = row[i+1]
			row[i+1] = min(cost, row[i+1]+1, row[i]+1)
		}
		if row[len(words)] <= most {
			return true
		}
	}
	return false
}
