package applet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"bantam/init/filetree"
)

// grep knows basic (the default) and extended expressions as far as RE2 has
// them: no back-references.
func grep(c *call, args []string) int {
	opts, operands, err := parseOptions("ivnrRlLcqoEFGwxHhse:f:m:A:B:C:a",
		map[string]byte{"ignore-case": 'i', "invert-match": 'v', "recursive": 'r', "count": 'c', "quiet": 'q'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	patterns := opts['e']
	for _, file := range opts['f'] {
		text, err := os.ReadFile(file)
		if err != nil {
			c.fail(file, err)
			return 2
		}
		patterns = append(patterns, splitEnded(string(text), "\n")...) // none of an empty file
	}
	if !opts.has('e') && !opts.has('f') {
		if len(operands) == 0 {
			return c.misuse("needs a pattern")
		}
		patterns, operands = strings.Split(operands[0], "\n"), operands[1:]
	}
	var alternatives []string
	for _, p := range patterns {
		switch {
		case opts.has('F') || c.name == "fgrep":
			p = regexp.QuoteMeta(p)
		case !opts.has('E') && c.name != "egrep":
			p = basicPattern(p)
		default:
			p = extendedPattern(p)
		}
		alternatives = append(alternatives, "(?:"+p+")")
	}
	expression := strings.Join(alternatives, "|")
	if alternatives == nil {
		expression = `[^\x00-\x{10FFFF}]` // matches nothing
	}
	if opts.has('x') {
		expression = "^(?:" + expression + ")$"
	}
	flags := ""
	if opts.has('i') {
		flags = "(?i)"
	}
	pattern, err := regexp.Compile(flags + "(?:" + expression + ")")
	if err != nil {
		return c.misuse("%v", err)
	}
	pattern.Longest()
	limit, err := opts.number('m', -1)
	after, err2 := opts.number('A', 0)
	before, err3 := opts.number('B', 0)
	around, err4 := opts.number('C', 0)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return c.misuse("%v", err)
	}
	g := &grepper{c: c, opts: opts, pattern: pattern, limit: limit, after: max(after, around), before: max(before, around)}

	recursive := opts.has('r') || opts.has('R')
	if len(operands) == 0 {
		operands = []string{"-"}
		if recursive {
			operands, g.bare = []string{"."}, true
		}
	}
	isFolder := func(path string) bool { info, err := os.Stat(path); return err == nil && path != "-" && info.IsDir() }
	g.named = (len(operands) > 1 || recursive && isFolder(operands[0]) || opts.has('H')) && !opts.has('h')
	for _, path := range operands {
		if recursive && isFolder(path) {
			g.tree(path)
		} else {
			g.file(path)
		}
		if g.matched && opts.has('q') {
			return 0
		}
	}
	switch {
	case g.failed:
		return 2
	case g.matched:
		return 0
	}
	return 1
}

type grepper struct {
	c       *call
	opts    options
	pattern *regexp.Regexp
	limit   int // lines matched in a file, -1 for all
	before  int // lines of context
	after   int
	named   bool
	bare    bool // names in the current folder have no ./
	matched bool
	failed  bool
	printed bool // something, so that a group of context lines needs a separator
}

func (g *grepper) fail(path string, err error) {
	g.failed = true
	if !g.opts.has('s') {
		g.c.warn("%s: %s", PrintableLine(path), PrintableLine(reason(err)))
	}
}

// tree searches the files below a folder; -R follows links.
func (g *grepper) tree(path string) {
	w := filetree.Walk{FollowFirst: true, Follow: g.opts.has('R')}
	w.Enter = func(e *filetree.Entry) bool {
		if e.Info.Mode().IsRegular() {
			g.entry(e, w.Follow)
			if g.matched && g.opts.has('q') {
				w.Stop()
			}
		} else if e.Info.IsLink() && w.Follow {
			g.fail(e.Path(), syscall.ENOENT)
		}
		return true
	}
	w.Fail = func(e *filetree.Entry, err error) {
		if errors.Is(err, filetree.ErrLoop) {
			g.c.warn("%s: %v", PrintableLine(e.Path()), err)
			return
		}
		g.fail(e.Path(), err)
	}
	w.Walk(path)
}

// entry searches a file that a walk came to.
func (g *grepper) entry(e *filetree.Entry, follow bool) {
	name := e.Path()
	if g.bare {
		name = strings.TrimPrefix(name, "./")
	}
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if !follow {
		flags |= syscall.O_NOFOLLOW
	}
	f, err := e.Dir.File(e.Name, flags, 0)
	if err != nil {
		g.fail(name, err)
		return
	}
	defer f.Close()
	g.search(name, f)
}

func (g *grepper) file(path string) {
	if path == "-" {
		g.search("(standard input)", g.c.in)
		return
	}
	f, err := os.Open(path)
	if err != nil {
		g.fail(path, err)
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		g.fail(path, errors.New("Is a directory"))
		return
	}
	g.search(path, f)
}

// search prints what matches of a file called name.
func (g *grepper) search(name string, in io.Reader) {
	g.c.show()
	in = streamed{in, g.c.out}
	if g.c.isOutput(in) && !g.opts.has('q') {
		g.fail(name, errors.New("is also the output"))
		return
	}
	count, number, lastPrinted := 0, 0, 0
	binary := false
	var context []string // lines before
	rest := 0            // lines to print after a match
	quiet := g.opts.has('q') || g.opts.has('l') || g.opts.has('L') || g.opts.has('c')
	err := eachLine(in, func(raw []byte) error {
		number++
		text := bytes.TrimSuffix(raw, []byte("\n"))
		if !binary && bytes.IndexByte(text, 0) >= 0 && !g.opts.has('a') {
			binary = true
		}
		if g.match(text) == g.opts.has('v') {
			switch {
			case rest > 0 && !quiet:
				rest--
				g.print(name, number, '-', text)
				lastPrinted = number
			case g.before > 0:
				context = append(context, string(text))
				if len(context) > g.before {
					context = context[1:]
				}
			}
			return nil
		}
		count++
		g.matched = true
		switch {
		case g.opts.has('q') || g.opts.has('l') || g.opts.has('L'):
			return errStop
		case g.opts.has('c'):
		case binary:
			g.c.warn("%s: binary file matches", name)
			return errStop
		case g.opts.has('o'):
			for _, found := range g.find(text) {
				g.print(name, number, ':', found)
			}
		default:
			if (g.before > 0 || g.after > 0) && g.printed && number-len(context) > lastPrinted+1 {
				g.c.printf("--\n")
			}
			for i, line := range context {
				g.print(name, number-len(context)+i, '-', []byte(line))
			}
			context = nil
			g.print(name, number, ':', text)
			lastPrinted, rest = number, g.after
		}
		if count == g.limit {
			return errStop
		}
		return nil
	})
	if err != nil && err != errStop {
		g.fail(name, err)
		return
	}
	switch {
	case g.opts.has('q'):
	case g.opts.has('l') && count > 0, g.opts.has('L') && count == 0:
		g.c.printf("%s\n", name)
	case g.opts.has('c') && !g.opts.has('l') && !g.opts.has('L'):
		if g.named {
			g.c.printf("%s:", name)
		}
		g.c.printf("%d\n", count)
	}
}

func (g *grepper) print(name string, number int, mark byte, text []byte) {
	if g.named {
		g.c.out.WriteString(name)
		g.c.out.WriteByte(mark)
	}
	if g.opts.has('n') {
		g.c.out.WriteString(strconv.Itoa(number))
		g.c.out.WriteByte(mark)
	}
	g.c.out.Write(text)
	g.c.out.WriteByte('\n')
	g.printed = true
}

func (g *grepper) match(text []byte) bool {
	if !g.opts.has('w') {
		return g.pattern.Match(text)
	}
	return len(g.find(text)) > 0
}

// find returns the matches; with -w only those that are whole words. When a
// match is not a word, a later start may still be.
func (g *grepper) find(text []byte) [][]byte {
	var found [][]byte
	for at := 0; at <= len(text); {
		loc := g.pattern.FindIndex(text[at:])
		if loc == nil {
			break
		}
		from, to := at+loc[0], at+loc[1]
		word := (from == 0 || !isWordByte(text[from-1])) && (to == len(text) || !isWordByte(text[to]))
		switch {
		case g.opts.has('w') && !word:
			at = from + 1
			continue
		case to > from:
			found = append(found, text[from:to])
		case g.opts.has('w'):
			found = append(found, nil)
		}
		at = max(to, from+1)
	}
	return found
}

func isWordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// basicPattern turns a POSIX basic expression into RE2's syntax: there the
// operators ( ) { } | + ? are written with a backslash, here without.
func basicPattern(p string) string {
	var out strings.Builder
	start := true // of the expression or a group, where * is an ordinary character
	for i := 0; i < len(p); i++ {
		b := p[i]
		switch {
		case b == '\\' && i+1 < len(p):
			i++
			switch p[i] {
			case '(', '|':
				out.WriteByte(p[i])
				start = true
				continue
			case ')', '{', '}', '+', '?':
				out.WriteByte(p[i])
			case '<', '>':
				out.WriteString(`\b`)
			default:
				fmt.Fprintf(&out, "\\%c", p[i])
			}
		case strings.IndexByte("(){}|+?", b) >= 0:
			out.WriteByte('\\')
			out.WriteByte(b)
		case b == '*' && start:
			out.WriteString(`\*`)
		case b == '^' && !start:
			out.WriteString(`\^`)
		case b == '^':
			out.WriteByte(b)
			continue // * after ^ is ordinary too
		case b == '$' && i+1 < len(p) && !strings.HasPrefix(p[i+1:], `\)`) && !strings.HasPrefix(p[i+1:], `\|`):
			out.WriteString(`\$`)
		case b == '[':
			end := bracketEnd(p, i)
			out.WriteString(bracket(p[i:end]))
			i = end - 1
		default:
			out.WriteByte(b)
		}
		start = false
	}
	return out.String()
}

// extendedPattern turns a POSIX extended expression into RE2's syntax, from
// which it differs in brackets and the ends of words.
func extendedPattern(p string) string {
	var out strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			if p[i] == '<' || p[i] == '>' {
				out.WriteString(`\b`)
			} else {
				out.WriteString(p[i-1 : i+1])
			}
		case p[i] == '[':
			end := bracketEnd(p, i)
			out.WriteString(bracket(p[i:end]))
			i = end - 1
		default:
			out.WriteByte(p[i])
		}
	}
	return out.String()
}

// bracketEnd is the index after the bracket expression that begins at i.
func bracketEnd(p string, i int) int {
	j := i + 1
	if j < len(p) && p[j] == '^' {
		j++
	}
	if j < len(p) && p[j] == ']' {
		j++
	}
	for j < len(p) {
		if strings.HasPrefix(p[j:], "[:") {
			if k := strings.Index(p[j:], ":]"); k > 0 {
				j += k + 2
				continue
			}
		}
		if p[j] == ']' {
			return j + 1
		}
		j++
	}
	return len(p)
}

// bracket escapes what POSIX takes literally inside brackets and RE2 does not.
func bracket(b string) string {
	if len(b) < 2 || b[len(b)-1] != ']' {
		return b
	}
	var out strings.Builder
	out.WriteByte('[')
	inner := b[1 : len(b)-1]
	if strings.HasPrefix(inner, "^") {
		out.WriteByte('^')
		inner = inner[1:]
	}
	for i := 0; i < len(inner); i++ {
		switch {
		case strings.HasPrefix(inner[i:], "[:"):
			if k := strings.Index(inner[i:], ":]"); k > 0 {
				out.WriteString(inner[i : i+k+2])
				i += k + 1
				continue
			}
			out.WriteString(`\[`)
		case inner[i] == '[' || inner[i] == '\\' || inner[i] == ']':
			out.WriteByte('\\')
			out.WriteByte(inner[i])
		default:
			out.WriteByte(inner[i])
		}
	}
	return out.String() + "]"
}
