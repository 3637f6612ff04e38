package applet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// scp is the far end of a copy by somebody else's scp that speaks its own protocol, and not sftp: dropbear's, PuTTY's, OpenSSH's before version 9
// or with -O. It is started over SSH with -t, to write, or with -f, to read.
func scp(c *call, args []string) int {
	opts, operands, err := parseOptions("tfrpdqvB", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	s := scpEnd{call: c, in: bufio.NewReaderSize(c.in, 32<<10), recursive: opts.has('r'), times: opts.has('p')}
	switch {
	case opts.has('t') && !opts.has('f') && len(operands) == 1:
		err = s.write(operands[0], opts.has('d'))
	case opts.has('f') && !opts.has('t') && len(operands) > 0:
		err = s.read(operands)
	case opts.has('t') || opts.has('f'):
		return c.misuse("-t needs one target, -f files")
	default:
		return c.misuse("is only the far end of a copy here: copy from the other machine, to or from this one")
	}
	if err != nil && err != io.EOF {
		c.warn("%s", PrintableLine(reason(err)))
		return 1
	}
	return c.status
}

// scpEnd is this end of the connection.
type scpEnd struct {
	*call
	in        *bufio.Reader
	recursive bool
	times     bool // and modes stay as they are there
}

// The first byte of an answer; the text of an error follows up to a newline.
const (
	scpOK      = 0
	scpWarning = 1 // about one file
	scpFatal   = 2
)

var errScpProtocol = errors.New("the other end does not speak scp")

// ok tells the other end to go on.
func (s *scpEnd) ok() error {
	s.out.WriteByte(scpOK)
	return s.out.Flush()
}

// refuse tells it, and so its person, what is wrong with a file.
func (s *scpEnd) refuse(path string, err error) error {
	s.status = 1
	fmt.Fprintf(s.out, "%cscp: %s: %s\n", scpWarning, PrintableLine(path), PrintableLine(reason(err)))
	return s.out.Flush()
}

// line reads up to a newline, which must come soon.
func (s *scpEnd) line() (string, error) {
	text, err := s.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return "", errScpProtocol
	}
	return strings.TrimSuffix(string(text), "\n"), err
}

// answer is what the other end says to what it was sent: whether it takes it.
func (s *scpEnd) answer() (takes bool, err error) {
	s.out.Flush()
	code, err := s.in.ReadByte()
	switch {
	case err != nil:
		return false, err
	case code == scpOK:
		return true, nil
	case code > scpFatal:
		return false, errScpProtocol
	}
	text, err := s.line() // it has told its own person
	s.status = 1
	if err == nil && code == scpFatal {
		err = errors.New(text)
	}
	return false, err
}

// scpNote is what is said of a file or folder before its contents, e.g. "C0644 299 group".
type scpNote struct {
	mode fs.FileMode // permissions, with setuid, setgid and sticky
	size int64
	name string
}

// errScpName is also about what would leave the folder that is written to.
var errScpName = errors.New("not a file's name")

// parseScpNote reads what follows the letter.
func parseScpNote(text string) (n scpNote, err error) {
	mode, text, _ := strings.Cut(text, " ")
	size, name, ok := strings.Cut(text, " ")
	bits, err := strconv.ParseUint(mode, 8, 12)
	if err != nil || !ok {
		return n, errScpProtocol
	}
	length, err := strconv.ParseUint(size, 10, 63)
	if err != nil {
		return n, errScpProtocol
	}
	if !scpMayBeNamed(name) {
		return n, errScpName
	}
	return scpNote{mode: fromUnix(uint32(bits)), size: int64(length), name: name}, nil
}

// scpMayBeNamed tells whether a name is one of a file in a folder. With a newline in it, it could not be said.
func scpMayBeNamed(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\n\x00")
}

// scpTimes reads "1183828267 0 1183828267 0", without its letter: modified and accessed, in seconds.
func scpTimes(text string) (modified, accessed time.Time, err error) {
	fields := strings.Fields(text)
	if len(fields) != 4 {
		return modified, accessed, errScpProtocol
	}
	m, err1 := strconv.ParseInt(fields[0], 10, 64)
	a, err2 := strconv.ParseInt(fields[2], 10, 64)
	if err1 != nil || err2 != nil {
		return modified, accessed, errScpProtocol
	}
	return time.Unix(m, 0), time.Unix(a, 0), nil
}

// scpFolder is one that is being written, with what it is to become at its end.
type scpFolder struct {
	path               string
	mode               fs.FileMode
	modified, accessed time.Time // zero: as they come
}

// write takes files and writes them: target is a folder for them, or what the only one is to be called.
func (s *scpEnd) write(target string, mustBeFolder bool) error {
	if info, err := os.Stat(target); mustBeFolder && (err != nil || !info.IsDir()) {
		if err == nil {
			err = errors.New("not a directory")
		}
		return s.refuse(target, err)
	}
	if err := s.ok(); err != nil {
		return err
	}
	var folders []scpFolder // that have begun
	var modified, accessed time.Time
	for {
		text, err := s.line()
		if err != nil {
			return err
		}
		if text == "" {
			return errScpProtocol
		}
		letter, text := text[0], text[1:]
		switch letter {
		case scpWarning, scpFatal: // the other end could not read something; its person knows
			s.status = 1
			if letter == scpFatal {
				return nil
			}
			continue
		case 'T':
			if modified, accessed, err = scpTimes(text); err != nil {
				return err
			}
			if err := s.ok(); err != nil {
				return err
			}
			continue
		case 'E':
			if len(folders) == 0 {
				return errScpProtocol
			}
			last := folders[len(folders)-1]
			folders = folders[:len(folders)-1]
			if err := s.finish(last); err != nil {
				err = s.refuse(last.path, err)
			} else {
				err = s.ok()
			}
			if err != nil {
				return err
			}
			continue
		case 'C', 'D':
		default:
			return errScpProtocol
		}
		note, err := parseScpNote(text)
		if err != nil { // whoever sends such a thing is no scp
			fmt.Fprintf(s.out, "%cscp: %s\n", scpFatal, err)
			s.out.Flush()
			return err
		}
		path := filepath.Join(target, note.name)
		if len(folders) > 0 {
			path = filepath.Join(folders[len(folders)-1].path, note.name)
		} else if info, err := os.Stat(target); err != nil || !info.IsDir() {
			path = target
		}
		if letter == 'D' {
			if !s.recursive {
				return errScpProtocol // nobody has asked for folders
			}
			folder := scpFolder{path: path, mode: note.mode, modified: modified, accessed: accessed}
			if err = s.enter(folder); err == nil {
				folders = append(folders, folder)
			}
		} else {
			err = s.take(path, note, modified, accessed)
		}
		modified, accessed = time.Time{}, time.Time{}
		if errors.Is(err, errScpGone) {
			return err
		}
		if err != nil {
			err = s.refuse(path, err)
		} else {
			err = s.ok()
		}
		if err != nil {
			return err
		}
	}
}

// enter makes a folder, or takes the one that is there. Until its end it can be written to.
func (s *scpEnd) enter(f scpFolder) error {
	err := os.Mkdir(f.path, f.mode.Perm()|0o700)
	if info, statErr := os.Stat(f.path); err != nil && statErr == nil && info.IsDir() {
		return nil
	}
	return err
}

func (s *scpEnd) finish(f scpFolder) error {
	if !s.times {
		return nil
	}
	err := os.Chmod(f.path, f.mode)
	if !f.modified.IsZero() && err == nil {
		err = os.Chtimes(f.path, f.accessed, f.modified)
	}
	return err
}

// errScpGone is not about a file: the connection has ended within it.
var errScpGone = errors.New("the other end is gone")

// take writes a file. What does not find room is read all the same, so that the other end comes to know.
func (s *scpEnd) take(path string, note scpNote, modified, accessed time.Time) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, note.mode.Perm())
	if err != nil {
		return err // before its contents are asked for
	}
	defer f.Close()
	if err := s.ok(); err != nil {
		return errScpGone
	}
	contents := io.LimitReader(s.in, note.size)
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, contents, make([]byte, 32<<10))
	io.Copy(io.Discard, contents)
	if contents.(*io.LimitedReader).N > 0 {
		return errScpGone
	}
	if takes, answerErr := s.answer(); answerErr != nil {
		return errScpGone
	} else if !takes && err == nil {
		err = errors.New("is not whole there")
	}
	if s.times && err == nil {
		err = f.Chmod(note.mode)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if !modified.IsZero() && err == nil {
		err = os.Chtimes(path, accessed, modified)
	}
	return err
}

// read sends files.
func (s *scpEnd) read(paths []string) error {
	if _, err := s.answer(); err != nil {
		return err
	}
	for _, path := range paths {
		if err := s.send(path); err != nil {
			return err
		}
	}
	return nil
}

// send sends a file or a folder. An error is one of the connection; others are told.
func (s *scpEnd) send(path string) error {
	// A FIFO would be waited for.
	info, err := os.Stat(path)
	if err != nil {
		return s.refuse(path, err)
	}
	name := filepath.Base(path)
	if name == "." || name == ".." { // `scp -r host:. there`
		absolute, err := filepath.Abs(path)
		if err != nil {
			return s.refuse(path, err)
		}
		name = filepath.Base(absolute)
	}
	switch {
	case !scpMayBeNamed(name):
		return s.refuse(path, errScpName)
	case info.IsDir() && s.recursive:
		return s.sendFolder(path, name, info)
	case !info.Mode().IsRegular():
		return s.refuse(path, errors.New("not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return s.refuse(path, err)
	}
	defer f.Close()
	if takes, err := s.announce('C', name, info, info.Size()); !takes {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{s.out}, struct{ io.Reader }{io.LimitReader(f, info.Size())}, make([]byte, 32<<10))
	if n < info.Size() { // it has become shorter: what was announced must come
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		for n < info.Size() {
			part, writeErr := s.out.Write(zeros[:min(info.Size()-n, int64(len(zeros)))])
			if n += int64(part); writeErr != nil {
				return writeErr
			}
		}
		err = s.refuse(path, err)
	} else {
		err = s.ok()
	}
	if err != nil {
		return err
	}
	_, err = s.answer()
	return err
}

func (s *scpEnd) sendFolder(path, name string, info fs.FileInfo) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return s.refuse(path, err)
	}
	if takes, err := s.announce('D', name, info, 0); !takes {
		return err
	}
	for _, entry := range entries {
		if err := s.send(filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	s.printf("E\n")
	_, err = s.answer()
	return err
}

// announce says what comes, and tells whether it is taken.
func (s *scpEnd) announce(letter byte, name string, info fs.FileInfo, size int64) (takes bool, err error) {
	if s.times {
		s.printf("T%d 0 %d 0\n", info.ModTime().Unix(), info.ModTime().Unix())
		if takes, err := s.answer(); !takes {
			return false, err
		}
	}
	s.printf("%c%04o %d %s\n", letter, toUnix(info.Mode()), size, name)
	return s.answer()
}
