package applet

import (
	"io"
	"os"
	"strings"
)

// paste joins the lines of files side by side, or with -s those of each file.
func paste(c *call, args []string) int {
	opts, files, err := parseOptions("d:s", map[string]byte{"delimiters": 'd', "serial": 's'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	delimiters := pasteDelimiters(opts.value('d', "\t"))
	files = orStdin(files)
	if opts.has('s') {
		for _, file := range files {
			c.withInput(file, func(r io.Reader) error {
				n := 0
				err := eachLine(r, func(line []byte) error {
					if n > 0 {
						c.out.WriteString(delimiters[(n-1)%len(delimiters)])
					}
					n++
					c.out.WriteString(strings.TrimSuffix(string(line), "\n"))
					return nil
				})
				c.out.WriteString("\n")
				return err
			})
		}
		return c.status
	}
	inputs := make([]*lineReader, len(files))
	var stdin *lineReader
	for i, file := range files {
		if file == "-" { // each - takes its line in turn
			if stdin == nil {
				stdin = newLineReader(streamed{c.in, c.out})
			}
			inputs[i] = stdin
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			return c.fail(file, err)
		}
		defer f.Close()
		inputs[i] = newLineReader(streamed{f, c.out})
	}
	for {
		var row strings.Builder
		any := false
		for i, in := range inputs {
			if in != nil {
				line, err := in.next()
				if line != "" {
					any = true
					row.WriteString(strings.TrimSuffix(line, "\n"))
				}
				if err != nil {
					if err != io.EOF {
						c.fail(files[i], err)
					}
					inputs[i] = nil
				}
			}
			if i < len(inputs)-1 {
				row.WriteString(delimiters[i%len(delimiters)])
			}
		}
		if !any {
			return c.status
		}
		if _, err := c.out.WriteString(row.String() + "\n"); err != nil {
			return 1
		}
	}
}

// pasteDelimiters are the characters of a list that are used in turn; \0 is none.
func pasteDelimiters(list string) []string {
	var delimiters []string
	for list != "" {
		if strings.HasPrefix(list, `\0`) {
			delimiters, list = append(delimiters, ""), list[2:]
			continue
		}
		b, size := unescapeByte(list)
		delimiters, list = append(delimiters, string([]byte{b})), list[size:]
	}
	if delimiters == nil {
		return []string{""}
	}
	return delimiters
}
