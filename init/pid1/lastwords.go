package pid1

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bantam/atomicfile"
	"bantam/order"
)

// What a machine that did not end well leaves for its next boot: the kernel's
// last words in pstore, where the firmware or a piece of memory keeps them, and
// what PID 1 wrote itself before it restarted the machine.
const (
	pstorePath    = "/sys/fs/pstore"
	lastWordsPath = statePath + "/lastwords"

	recordMost    = 256 << 10 // of one record, which has some 10 KiB
	lastWordsMost = 1 << 20   // of all that is kept, newest first
	lastFilesMost = 64
)

// lastWords tells people how the machine ended before this boot, and keeps the
// text on the state volume. Only then it is deleted where the kernel keeps it,
// which is small, and on some machines does not start them any more when full.
func (p *initProcess) lastWords() {
	kept, err := takeLastWords(pstorePath, lastWordsPath, time.Now(), p.lasting())
	if err != nil {
		p.notes.add("the kernel's last words: %v", err)
	}
	if told := tellLastWords(kept); told != "" {
		p.notes.add("%s", told)
	}
}

// restartSoon leaves reason for the next boot.
func (p *initProcess) restartSoon(reason string) {
	Logf(Critical, "%s: restarting the machine", reason)
	if !p.lasting() {
		return
	}
	name := filepath.Join(lastWordsPath, stamp(time.Now())+"-pid1.new")
	if err := errors.Join(os.MkdirAll(lastWordsPath, 0o700), atomicfile.Write(name, []byte(reason+"\n"), 0o600)); err != nil {
		Logf(Warning, "%v", err)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// record is one text that was left, and the file that it is kept in.
type record struct{ path, text string }

// takeLastWords moves the records of a kernel that ended from pstore to dir, with
// the time in their names, and returns them with what PID 1 left there. lasting:
// dir survives a reboot; otherwise pstore keeps them too, unless it gets full.
func takeLastWords(pstore, dir string, now time.Time, lasting bool) (taken []record, err error) {
	entries, err := os.ReadDir(pstore)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var faults []error
	for i, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), "dmesg-") { // others are no sign of a bad end
			continue
		}
		from := filepath.Join(pstore, e.Name())
		text, err := readSome(from, recordMost)
		path := filepath.Join(dir, stamp(now)+"-"+e.Name())
		if err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
		if err == nil {
			err = atomicfile.Write(path, text, 0o600)
		}
		if err == nil && (lasting || i >= lastFilesMost) {
			err = os.Remove(from)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		taken = append(taken, record{path, string(text)})
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*-pid1.new"))
	for _, path := range left {
		text, err := readSome(path, recordMost)
		told := strings.TrimSuffix(path, ".new")
		if err == nil {
			err = os.Rename(path, told)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		taken = append(taken, record{told, string(text)})
	}
	return taken, errors.Join(append(faults, forgetOld(dir))...)
}

// readSome reads the first bytes of a file.
func readSome(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// forgetOld keeps dir within its bounds: the oldest texts go, whose names sort first.
func forgetOld(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var faults []error
	files, bytes := 0, int64(0)
	for _, e := range slices.Backward(entries) {
		info, err := e.Info()
		if err != nil {
			continue
		}
		files, bytes = files+1, bytes+info.Size()
		if files > lastFilesMost || bytes > lastWordsMost {
			faults = append(faults, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(append(faults, err)...)
}

// tellLastWords says in one line how the machine ended, and where that is kept; "" if well.
func tellLastWords(kept []record) string {
	if len(kept) == 0 {
		return ""
	}
	order.By(kept, func(a, b record) int { return strings.Compare(a.path, b.path) })
	reason, kernel := "", false
	for _, r := range kept {
		if strings.HasSuffix(r.path, "-pid1") {
			reason = "PID 1 restarted it: " + strings.TrimSpace(r.text)
			continue
		}
		kernel = true
		if reason == "" {
			reason = panicLine(r.text)
		}
	}
	if kernel {
		reason = cmp.Or(reason, "the kernel left its last words")
	}
	where := kept[0].path
	if len(kept) > 1 {
		where = fmt.Sprintf("%s and %d more there", where, len(kept)-1)
	}
	return fmt.Sprintf("the machine did not end well before this boot: %s; read %s", reason, where)
}

// panicLine is the line of a kernel's log that says why it ended, without its
// time; "" if there is none.
func panicLine(log string) string {
	for _, sign := range []string{"Kernel panic - ", "BUG: ", "Unable to handle ", "Oops", "Internal error"} {
		for line := range strings.Lines(log) {
			_, text, timed := strings.Cut(line, "] ") // <0>[  123.456789] Kernel panic
			if timed && strings.Contains(text, sign) {
				return strings.TrimSpace(text)
			}
		}
	}
	return ""
}
