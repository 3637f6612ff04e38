package control

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bantam/atomicfile"
	"bantam/editor"
	"bantam/tty"
)

// DraftPath is where the draft of system.toml is kept.
const DraftPath = "/state/draft/system.toml"

// recoveryDir keeps what an editor has not saved when it ends without being asked.
const recoveryDir = "/state/recovery"

const editHelp = `Without FILE the draft of system.toml: the copy that you change until you switch to it. If
there is none it begins as the running system. Faults are shown while you type. A draft with
faults can be saved, never switched to. When you leave it you see what it changes and what a
switch would do, and are asked: switch now, keep the draft, or edit it again.

The keys are on the last row; "bantam help editor" lists them all. A terminal that cannot move its
cursor (TERM=dumb), and a pipe, get a line editor: h lists its commands.`

const viewHelp = `The editor, with everything but changing. "dmesg | view" shows what a pipe gives. Where the
output is no terminal it is cat.`

func runEdit(c *client, args []string) int {
	targets, code := c.targets(args)
	if code != 0 {
		return code
	}
	if len(targets) == 0 {
		targets = []editor.Target{{Path: DraftPath}}
	}
	draft := false
	for _, t := range targets {
		if t.Path == "-" {
			return c.misuse("what a pipe gives can only be looked at: ... | view")
		}
		draft = draft || isDraft(t.Path)
	}
	if draft {
		return c.editDraft(targets)
	}
	if _, err := edit(targets, os.Stdin, editor.Options{}); err != nil {
		return c.fail(err)
	}
	return ExitGood
}

func runView(c *client, args []string) int {
	targets, code := c.targets(args)
	if code != 0 {
		return code
	}
	if len(targets) == 0 {
		if tty.Is(os.Stdin) {
			return c.misuse("which file? or: ... | view")
		}
		targets = []editor.Target{{Path: "-"}}
	}
	keys := os.Stdin
	for i, t := range targets {
		if t.Path == "-" {
			targets[i] = editor.Target{Path: "(pipe)", Line: t.Line, Pipe: os.Stdin}
		}
	}
	if !tty.Is(os.Stdin) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err == nil {
			defer tty.Close()
			keys = tty
		}
	}
	if !tty.Is(os.Stdout) || !tty.Is(keys) {
		for _, t := range targets {
			if err := show(os.Stdout, t); err != nil {
				return c.fail(err)
			}
		}
		return ExitGood
	}
	if _, err := edit(targets, keys, editor.Options{ReadOnly: true}); err != nil {
		return c.fail(err)
	}
	return ExitGood
}

// show is view where nobody looks.
func show(w io.Writer, t editor.Target) error {
	in := t.Pipe
	if in == nil {
		f, err := os.Open(t.Path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	_, err := io.Copy(w, in)
	return err
}

// edit opens the editor on the terminal whose keys are given.
func edit(targets []editor.Target, keys *os.File, opt editor.Options) (editor.Result, error) {
	opt.CheckerFor, opt.Recovery, opt.Remark = checkerFor, recovery(os.Getuid(), os.Getenv("HOME")), remark
	return editor.Edit(targets, keys, os.Stdout, opt)
}

// recovery is where a user's editor keeps what it has not saved: root's on the state volume, others' in their homes.
func recovery(uid int, home string) string {
	if uid == 0 || home == "" {
		return recoveryDir
	}
	return filepath.Join(home, ".recovery")
}

// targets reads the files on the command line. +LINE before a file is what other
// programs give to an $EDITOR.
func (c *client) targets(args []string) ([]editor.Target, int) {
	_, rest, code := c.options(args, "", "")
	if code != 0 {
		return nil, code
	}
	var targets []editor.Target
	line := 0
	for _, arg := range rest {
		if n, err := strconv.Atoi(strings.TrimPrefix(arg, "+")); err == nil && n > 0 && arg[0] == '+' {
			line = n
			continue
		}
		if arg == "" {
			return nil, c.misuse("a file without a name")
		}
		t := target(arg, func(path string) bool { _, err := os.Stat(path); return err == nil })
		if line > 0 {
			t.Line, line = line, 0
		}
		targets = append(targets, t)
	}
	if line > 0 {
		return nil, c.misuse("line %d of which file?", line)
	}
	return targets, 0
}

// target reads FILE, FILE:LINE, and FILE:LINE:COLUMN: as faults are told. A
// file that has such a name is meant itself.
func target(arg string, exists func(path string) bool) editor.Target {
	path, line := arg, 0
	for range 2 {
		if exists(path) {
			break
		}
		i := strings.LastIndexByte(strings.TrimSuffix(path, ":"), ':')
		if i <= 0 {
			break
		}
		n, err := strconv.Atoi(strings.TrimSuffix(path[i+1:], ":"))
		if err != nil || n < 1 {
			break
		}
		path, line = path[:i], n
	}
	return editor.Target{Path: path, Line: line}
}

// isDraft tells whether a path means the draft, also by another way to it.
func isDraft(path string) bool {
	if abs, err := filepath.Abs(path); err == nil && abs == DraftPath {
		return true
	}
	a, errA := os.Stat(path)
	b, errB := os.Stat(DraftPath)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// editDraft edits files of which one is the draft, and asks what becomes of it.
func (c *client) editDraft(targets []editor.Target) int {
	if code := c.makeDraft(); code != 0 {
		return code
	}
	for {
		r, err := edit(targets, os.Stdin, editor.Options{})
		if err != nil {
			return c.fail(err)
		}
		l, code := c.leaving()
		if code != 0 {
			return code
		}
		if !l.changed { // or else the next edit would begin with it, whatever runs then
			_ = os.Remove(DraftPath)
		}
		if !tty.Is(os.Stdin) || !tty.Is(os.Stdout) {
			fmt.Fprint(c.out, l.advice())
			return ExitGood
		}
		p, done := newPerson(os.Stdin, os.Stdout)
		choice := p.choose(l)
		done()
		switch choice {
		case switchNow:
			return run([]string{"switch"}, c.out, c.errOut, c.socket)
		case keep:
			return ExitGood
		}
		line := 0
		if len(targets) == 1 {
			line = r.Line
		}
		targets = []editor.Target{{Path: DraftPath, Line: line}}
	}
}

// makeDraft makes the file of the draft if there is none: as the running system.
func (c *client) makeDraft() int {
	_, err := os.Stat(DraftPath)
	if err == nil {
		return 0
	}
	if !errors.Is(err, os.ErrNotExist) {
		return c.fail(err)
	}
	d, code := c.fetchDraft()
	if code != 0 {
		return code
	}
	if err := os.MkdirAll(filepath.Dir(DraftPath), 0o700); err != nil {
		return c.fail(err)
	}
	if err := atomicfile.Write(DraftPath, []byte(d.Text), 0o660); err != nil {
		return c.fail(err)
	}
	return 0
}
