package shell

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"bantam/init/shell/line"
	"bantam/tty"
)

// restGC keeps the heap small between commands.
const restGC = 50

// historyFile survives a reboot where there is a state volume.
const historyFile = "/state/history"

// profile is read by interactive and login shells; a variable for tests.
var profile = "/etc/profile"

// runInteractive talks with a person until exit, Ctrl-D or the line's death.
func runInteractive(parsed arguments) int {
	terminal := openTerminal()
	if Woken && terminal != nil {
		tty.Sane(&terminal.cooked)
	}
	stdin := os.Stdin
	if own := openTerminalInput(); own != nil {
		stdin = own
		terminalInput.Store(own)
	}
	sh := newShell("sh", parsed.operands, stdin)
	sh.main.opts = parsed.options
	sh.terminal = terminal
	if terminal == nil {
		fmt.Fprintln(os.Stderr, "sh: no job control on this terminal")
	} else {
		defer terminal.release()
	}
	kept := historyFile
	if home := os.Getenv("HOME"); os.Getuid() != 0 && home != "" {
		kept = path.Join(home, ".history")
	}
	history := line.OpenHistory(kept)
	sh.history = history
	con := newConsole(sh, history)
	switch {
	case Woken && !con.dumb:
		con.write(startOfRow) // the prompt is written anew
	case Doze != nil && !con.dumb:
		con.doze()
	}
	sh.handleSignals(con)
	sh.source(profile)
	if con.editor.Width == 0 {
		con.measure()
	}
	// A shell on a console mostly waits; what it took for its start is given back.
	debug.SetGCPercent(restGC)
	debug.FreeOSMemory()
	return sh.converse(con)
}

// converse reads and runs lines.
func (sh *shell) converse(con *console) int {
	for {
		sh.reportJobs()
		stmts, result, err := sh.readProgram(con)
		switch {
		case result == line.Cancelled:
			sh.main.status = 130
			continue
		case result == line.EndOfInput:
			fmt.Fprintln(sh.prompts(), "exit")
			fallthrough
		case result == hungUp:
			sh.hangUpJobs()
			return sh.leave()
		case err != nil:
			fmt.Fprintf(os.Stderr, "sh: %v\n", err)
			sh.main.status = 2
			continue
		}
		for _, stmt := range stmts {
			_, err := sh.runStmt(stmt)
			if sh.exited {
				sh.hangUpJobs()
				return sh.leave()
			}
			if err != nil {
				break // the rest of the line is given up
			}
		}
	}
}

// prompts is where the shell talks: not between what its commands print, if that is no terminal.
func (sh *shell) prompts() *os.File {
	if sh.terminal == nil {
		return os.Stderr
	}
	return os.Stdout
}

// readProgram reads lines until they form whole statements.
func (sh *shell) readProgram(con *console) ([]*syntax.Stmt, line.Result, error) {
	var text strings.Builder
	prompt := sh.prompt()
	for {
		typed, result := con.readLine(prompt)
		if result == line.EndOfInput && text.Len() > 0 {
			return nil, line.Accepted, errors.New("unexpected end of input")
		}
		if result != line.Accepted {
			return nil, result, nil
		}
		text.WriteString(typed + "\n")
		stmts, more, err := parse(text.String())
		if more {
			prompt = "> "
			continue
		}
		con.history.Add(text.String())
		return stmts, line.Accepted, err
	}
}

// parse tells the statements of a text, or that it goes on in the next line.
func parse(text string) (stmts []*syntax.Stmt, more bool, err error) {
	if continued(text) {
		return nil, true, nil
	}
	stmts, err = parseText(text)
	if err != nil {
		// A here-document without its first line is not called incomplete.
		more := syntax.IsIncomplete(err) || strings.Contains(err.Error(), "unclosed here-document")
		return nil, more, err
	}
	return stmts, false, nil
}

// continued tells whether the text ends with an unescaped backslash and newline.
func continued(text string) bool {
	body, ok := strings.CutSuffix(text, "\n")
	count := len(body) - len(strings.TrimRight(body, `\`))
	return ok && count%2 == 1
}

// handleSignals keeps the shell alive and ends it with its line.
func (sh *shell) handleSignals(con *console) {
	signals := sh.signals
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGWINCH, syscall.SIGHUP, syscall.SIGTERM)
	go func() {
		for s := range signals {
			if ignored, trapped := sh.trap(s.(syscall.Signal)); trapped {
				if !ignored {
					sh.arrived.add(s.(syscall.Signal))
				}
				if s != syscall.SIGINT && s != syscall.SIGWINCH {
					continue
				}
			}
			switch s {
			case syscall.SIGINT, syscall.SIGQUIT:
				// Only arrives while no command has the terminal.
				sh.interrupt(errInterrupted)
				select {
				case con.cancel <- struct{}{}:
				default:
				}
			case syscall.SIGWINCH:
				con.resized()
			case syscall.SIGHUP, syscall.SIGTERM:
				sh.hangUpJobs()
				sh.signalForeground(syscall.SIGHUP)
				if sh.terminal != nil {
					sh.terminal.release()
				}
				os.Exit(128 + int(s.(syscall.Signal)))
			}
		}
	}()
}

// hangUpJobs ends the jobs of a shell that leaves.
func (sh *shell) hangUpJobs() {
	for _, j := range sh.jobs.all() {
		sh.jobs.signal(j, syscall.SIGHUP)
		sh.jobs.signal(j, syscall.SIGCONT)
	}
}

// afterForeground takes the terminal back from a job that ended or stopped.
func (sh *shell) afterForeground(j *job) {
	if sh.terminal == nil {
		return
	}
	sh.terminal.take()
	sh.jobs.Lock()
	state, signaled, adopt := j.state(), false, false
	for _, p := range j.processes {
		signaled = signaled || p.done && p.status.Signaled() && p.status.Signal() == syscall.SIGINT
		adopt = adopt || p.done && p.status.ExitStatus() == 0 && changesTerminal[base(p.name)]
	}
	j.foreground = false
	if state == "stopped" {
		j.saved = new(termios)
		if sh.terminal.load(j.saved) != nil {
			j.saved = nil
		}
	}
	used := len(j.processes) > 0
	sh.jobs.Unlock()

	if adopt {
		sh.terminal.load(&sh.terminal.cooked)
	} else if used {
		sh.terminal.store(&sh.terminal.cooked)
	}
	switch {
	case state == "stopped":
		sh.jobs.add(j)
		fmt.Fprintf(os.Stderr, "\n[%d] stopped  %s\n", j.id, j.text)
	case signaled:
		fmt.Fprintln(os.Stderr) // the terminal showed ^C; begin a new row
	}
	if state == "done" && j.id != 0 {
		sh.jobs.remove(j)
	}
}

// changesTerminal are the commands whose terminal settings are meant to stay.
// Any other program's are undone, so that one that crashed leaves no mess.
var changesTerminal = map[string]bool{"stty": true, "reset": true, "resize": true}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// reportJobs tells of background jobs that ended since the last prompt.
func (sh *shell) reportJobs() {
	for _, j := range sh.jobs.all() {
		sh.jobs.Lock()
		state, end := j.state(), j.end()
		quiet := j.notified
		sh.jobs.Unlock()
		if state != "done" {
			continue
		}
		sh.jobs.remove(j)
		if !quiet && sh.terminal != nil {
			fmt.Fprintf(os.Stderr, "[%d] %-8s %s\n", j.id, end, j.text)
		}
	}
}

// prompt is $PS1 with \u \h \w \W \$ \n, or the usual one. The host name is
// asked for each time, because a switch may change it.
func (sh *shell) prompt() string {
	ps1 := sh.variable("PS1")
	if ps1 == "" {
		ps1 = `\u@\h:\w\$ `
	}
	dir := sh.main.dir
	if home := sh.variable("HOME"); home != "" && home != "/" {
		if rest, ok := strings.CutPrefix(dir, home); ok && (rest == "" || rest[0] == '/') {
			dir = "~" + rest
		}
	}
	user, mark := "root", "#"
	if os.Getuid() != 0 {
		if user, mark = os.Getenv("USER"), "$"; user == "" {
			user = "user"
		}
	}
	var uname unix.Utsname
	unix.Uname(&uname)
	host := unix.ByteSliceToString(uname.Nodename[:])
	if host == "(none)" {
		host = "bantam"
	}
	return strings.NewReplacer(`\\`, `\`, `\u`, user, `\h`, host, `\w`, dir, `\W`, base(dir), `\$`, mark, `\n`, "\n",
		`\[`, "", `\]`, "").Replace(ps1)
}
