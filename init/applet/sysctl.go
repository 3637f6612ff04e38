package applet

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"bantam/init/filetree"
	"bantam/system"
)

const parameters = "/proc/sys"

// sysctl shows and sets kernel parameters until the next boot; what shall stay
// belongs into [sysctl] of system.toml.
func sysctl(c *call, args []string) int {
	opts, operands, err := parseOptions("aAXneNqwp", map[string]byte{"all": 'a', "values": 'n', "names": 'N', "ignore": 'e', "quiet": 'q', "write": 'w', "load": 'p'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	s := &parameterRun{c: c, opts: opts}
	switch {
	case opts.has('p'):
		if len(operands) == 0 {
			operands = []string{"/etc/sysctl.conf"}
		}
		for _, file := range operands {
			s.load(file)
		}
	case opts.has('a') || opts.has('A') || opts.has('X'):
		s.below(parameters)
	case len(operands) == 0:
		return c.misuse("needs a parameter, or -a for all")
	}
	if opts.has('p') || opts.has('a') || opts.has('A') || opts.has('X') {
		return c.status
	}
	for _, operand := range operands {
		name, value, given := strings.Cut(operand, "=")
		switch {
		case given:
			s.set(strings.TrimSpace(name), strings.TrimSpace(value))
		case opts.has('w'):
			return c.misuse("-w needs NAME=VALUE, not %s", operand)
		default:
			s.show(name)
		}
	}
	return c.status
}

type parameterRun struct {
	c    *call
	opts options
}

// parameterPath is a parameter's file, spelled as in [sysctl] of system.toml.
func parameterPath(name string) (string, error) {
	path := system.ParameterPath(strings.TrimPrefix(name, parameters+"/"))
	if path == "" {
		return "", errors.New("is not a parameter's name such as net.ipv4.ip_forward")
	}
	return parameters + "/" + path, nil
}

// parameterName is the name of a file below /proc/sys.
func parameterName(path string) string {
	return strings.NewReplacer(".", "/", "/", ".").Replace(strings.TrimPrefix(path, parameters+"/"))
}

func (s *parameterRun) fail(name string, err error) {
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
		if s.opts.has('e') {
			return
		}
		err = errors.New("the kernel has no such parameter, perhaps because its module is not loaded")
	}
	s.c.fail(name, err)
}

func (s *parameterRun) show(name string) {
	path, err := parameterPath(name)
	if err != nil {
		s.fail(name, err)
		return
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		s.below(path)
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.fail(name, err)
		return
	}
	s.print(path, string(text))
}

// below prints all parameters of a folder. Some can only be written to, or only
// be read by root.
func (s *parameterRun) below(folder string) {
	w := filetree.Walk{
		Enter: func(e *filetree.Entry) bool {
			if !e.Info.IsDir() {
				path := e.Path()
				if text, err := os.ReadFile(path); err == nil {
					s.print(path, string(text))
				}
			}
			return true
		},
		Fail: s.c.failEntry,
	}
	w.Walk(folder)
}

func (s *parameterRun) print(path, text string) {
	name := parameterName(path)
	if s.opts.has('N') {
		s.c.printf("%s\n", s.c.shown(name))
		return
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if s.opts.has('n') {
			s.c.printf("%s\n", s.c.shown(line))
		} else {
			s.c.printf("%s = %s\n", s.c.shown(name), s.c.shown(line))
		}
	}
}

func (s *parameterRun) set(name, value string) {
	path, err := parameterPath(name)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			_, err = f.WriteString(value + "\n")
			err = errors.Join(err, f.Close())
		}
	}
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ERANGE) {
		err = fmt.Errorf("the kernel does not accept %q", value)
	}
	if err != nil {
		s.fail(name, err)
		return
	}
	if !s.opts.has('q') {
		s.print(path, value)
	}
}

// load sets what a file says, a NAME = VALUE a line; # and ; begin comments, and
// a - before the name says that it may fail.
func (s *parameterRun) load(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		s.c.fail(file, err)
		return
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, given := strings.Cut(line, "=")
		name, optional := strings.CutPrefix(strings.TrimSpace(name), "-")
		if !given || name == "" {
			s.c.fail(fmt.Sprintf("%s:%d", file, number), fmt.Errorf("%q is not NAME = VALUE", line))
			continue
		}
		before := s.c.status
		s.set(name, strings.TrimSpace(value))
		if optional {
			s.c.status = before
		}
	}
}
