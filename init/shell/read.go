package shell

import (
	"context"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

const lineVariable = "__sh_line" // what read read

// readBuiltin is read for lines such as those of /etc/passwd. The interpreter's
// own drops empty fields, so that with IFS=: the columns after one are wrong; it
// reads the line here, and splits it where IFS is blanks.
func readBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	ifs := hc.Env.Get("IFS")
	names := args
	for len(names) > 0 && (names[0] == "-r" || names[0] == "-s" || names[0] == "-rs" || names[0] == "-sr") {
		names = names[1:]
	}
	options := args[:len(args)-len(names)]
	plain := len(names) > 1 && ifs.IsSet() && strings.Trim(ifs.String(), " \t\n") != ""
	for _, name := range names {
		plain = plain && syntax.ValidName(name)
	}
	if !plain {
		return status(hc.Builtin(ctx, append([]string{"read"}, args...)))
	}
	code := status(hc.Builtin(ctx, []string{"eval", "IFS= read " + strings.Join(options, " ") + " " + lineVariable}))
	var assignments strings.Builder
	for i, field := range splitFields(hc.Env.Get(lineVariable).String(), ifs.String(), len(names)) {
		text, err := syntax.Quote(field, syntax.LangBash)
		if err != nil {
			return complain(hc, "read", "%v", err)
		}
		assignments.WriteString(names[i] + "=" + text + "\n")
	}
	if assigned := status(hc.Builtin(ctx, []string{"eval", assignments.String()})); assigned != 0 {
		return assigned
	}
	return code
}

// splitFields splits a line as POSIX's read does: blanks of ifs around a field go,
// every other character of it ends a field, and the last of count fields is the rest.
func splitFields(line, ifs string, count int) []string {
	blanks := ""
	for _, r := range " \t\n" {
		if strings.ContainsRune(ifs, r) {
			blanks += string(r)
		}
	}
	fields := make([]string, count)
	rest := strings.Trim(line, blanks)
	for i := range count {
		end := strings.IndexAny(rest, ifs)
		if end < 0 {
			fields[i] = rest
			break
		}
		after := strings.TrimLeft(rest[end:], blanks)
		if after != "" && strings.IndexAny(after[:1], ifs) == 0 {
			after = strings.TrimLeft(after[1:], blanks)
		}
		if i == count-1 && after != "" || i == count-1 && strings.IndexAny(rest[:end], ifs) >= 0 {
			fields[i] = rest
			break
		}
		fields[i], rest = rest[:end], after
	}
	return fields
}
