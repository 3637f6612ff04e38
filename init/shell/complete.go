package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"bantam/init/applet"
	"bantam/init/shell/line"
)

// CompleteBantam proposes words for the one that begins with typed and stands
// after `bantam words...`, and says whether files fit too. The main package sets it.
var CompleteBantam = func(words []string, typed string) (names []string, files bool) { return nil, true }

// complete proposes commands in command position, variables after $, what the
// command before takes where that is known, folders after cd and files elsewhere.
func (sh *shell) complete(before string) line.Completion {
	start, words := lastWord(before)
	typed := unquote(before[start:])
	quote := func(names []string) line.Completion {
		c := line.Completion{Start: start}
		for _, name := range names {
			c.Words = append(c.Words, quoteWord(name))
			c.Display = append(c.Display, name)
		}
		return c
	}
	switch {
	case strings.HasPrefix(before[start:], "$"):
		return sh.variables(start, before[start:])
	case len(words) == 0 && !strings.Contains(typed, "/"):
		return quote(sh.commands(typed))
	}
	names, files := []string(nil), true
	if len(words) > 0 {
		names, files = argumentsOf(words, typed)
	}
	if names = withPrefix(names, typed); !files || len(names) > 0 {
		return quote(names)
	}
	onlyFolders := len(words) > 0 && (words[0] == "cd" || words[0] == "rmdir")
	folder, prefix := filepath.Split(typed)
	path := folder
	if home := sh.variable("HOME"); strings.HasPrefix(path, "~/") && home != "" {
		path = home + path[1:]
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(sh.main.dir, path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return line.Completion{}
	}
	c := line.Completion{Start: start}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, prefix) || name[0] == '.' && !strings.HasPrefix(prefix, ".") {
			continue
		}
		isFolder := entry.IsDir()
		if entry.Type()&os.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(path, name))
			isFolder = err == nil && info.IsDir()
		}
		if onlyFolders && !isFolder {
			continue
		}
		if isFolder {
			name += "/"
		}
		c.Words = append(c.Words, quoteWord(folder+name))
		c.Display = append(c.Display, applet.PrintableLine(name))
	}
	return c
}

// argumentsOf proposes what a command takes beside files, and says whether these
// fit too.
func argumentsOf(words []string, typed string) (names []string, files bool) {
	command := words[0]
	switch {
	case command == "bantam":
		return CompleteBantam(words[1:], typed)
	case strings.HasPrefix(typed, "-"):
		return applet.Flags(command), false
	case command == "modprobe":
		return applet.Modules(), false
	case command == "rmmod":
		return applet.LoadedModules(), false
	case (command == "chown" || command == "id") && len(words) == 1:
		return applet.Users(), false
	}
	return nil, true
}

// variables completes $NAME and ${NAME.
func (sh *shell) variables(start int, word string) line.Completion {
	mark, end := "$", ""
	if strings.HasPrefix(word, "${") {
		mark, end = "${", "}"
	}
	prefix := word[len(mark):]
	var names []string
	for name := range sh.main.vars {
		names = append(names, name)
	}
	for _, assignment := range environment() {
		name, _, _ := strings.Cut(assignment, "=")
		names = append(names, name)
	}
	names = withPrefix(names, prefix)
	sort.Strings(names)
	c := line.Completion{Start: start}
	for _, name := range uniq(names) {
		if validName(name) {
			c.Words = append(c.Words, mark+name+end)
			c.Display = append(c.Display, name)
		}
	}
	return c
}

// validName tells whether a variable can have the name.
func validName(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == ""
}

// commands lists what can stand first in a line.
func (sh *shell) commands(prefix string) []string {
	names := applet.Names()
	for name := range builtins {
		names = append(names, name)
	}
	for name := range sh.main.funcs {
		names = append(names, name)
	}
	names = append(names, "bantam")
	path := sh.variable("PATH")
	if path == "" {
		path = os.Getenv("PATH")
	}
	for _, folder := range filepath.SplitList(path) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), prefix) {
				names = append(names, entry.Name())
			}
		}
	}
	names = withPrefix(names, prefix)
	sort.Strings(names)
	return uniq(names)
}

func withPrefix(names []string, prefix string) []string {
	var out []string
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	return out
}

// lastWord finds where the word under the cursor begins, and the words of the
// same simple command before it.
func lastWord(text string) (start int, words []string) {
	var quote byte
	inWord := false
	end := func(i int) {
		if inWord {
			words = append(words, unquote(text[start:i]))
			inWord = false
		}
	}
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case quote != 0:
			if b == '\\' && quote == '"' {
				i++
			} else if b == quote {
				quote = 0
			}
			continue
		case b == ' ' || b == '\t':
			end(i)
			continue
		case strings.IndexByte(";|&(){`\n", b) >= 0 && !(b == '{' && inWord && text[i-1] == '$'):
			end(i)
			words = nil
			continue
		case b == '<' || b == '>':
			end(i)
			continue
		}
		if !inWord {
			start, inWord = i, true
		}
		switch b {
		case '\'', '"':
			quote = b
		case '\\':
			i++
		}
	}
	if !inWord {
		start = len(text)
	}
	return start, words
}

// unquote removes the quoting of a word, finished or not.
func unquote(word string) string {
	var out strings.Builder
	var quote byte
	for i := 0; i < len(word); i++ {
		b := word[i]
		switch {
		case quote == 0 && strings.HasPrefix(word[i:], `$'\`) && len(word) > i+6 && word[i+6] == '\'':
			n, _ := strconv.ParseUint(word[i+3:i+6], 8, 8) // as quoteWord writes it
			out.WriteByte(byte(n))
			i += 6
		case quote == 0 && (b == '\'' || b == '"'):
			quote = b
		case quote != 0 && b == quote:
			quote = 0
		case b == '\\' && quote != '\'' && i+1 < len(word):
			i++
			out.WriteByte(word[i])
		default:
			out.WriteByte(b)
		}
	}
	return out.String()
}

// quoteWord escapes what the shell would read otherwise; a leading ~ stays. A
// newline in a name must not end the command, and the parser takes only UTF-8, so
// control characters and odd bytes become $'\012'.
func quoteWord(name string) string {
	var out strings.Builder
	for i, r := range name {
		_, size := utf8.DecodeRuneInString(name[i:])
		switch {
		case r < ' ' || r == 0x7f || r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `$'\%03o'`, name[i])
			continue
		case strings.ContainsRune(" '\"\\$`;&|<>()*?[]{}#!", r) || r == '~' && i > 0:
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
