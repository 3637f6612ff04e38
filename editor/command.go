package editor

import (
	"fmt"
	"strings"

	"bantam/editor/keys"
)

// command is one thing that a person can ask for.
type command struct {
	letter rune   // in the menu; every command has one
	ctrl   string // the control keys, e.g. "SO"; may be empty
	name   string
	short  string // on the help row; "": not there
	reads  bool   // changes nothing: allowed where the text cannot be changed
	do     func(m *model)
}

// commands in the order of the menu.
var commands []command

func init() { // not in the declaration: the menu shows the commands, and is one
	commands = []command{
		{'s', "S", "save", "Save", false, func(m *model) { m.save(nil) }},
		{'x', "XQ", "leave", "Quit", true, func(m *model) { m.quit() }},
		{'f', "FW", "find", "Find", true, (*model).findPrompt},
		{'g', "", "find the next (^F ^F)", "", true, func(m *model) { m.findAgain(false) }},
		{'b', "", "find backward", "", true, func(m *model) { m.findAgain(true) }},
		{'r', "R", "replace", "", false, (*model).replacePrompt},
		{'t', "T_", "go to a line", "", true, (*model).linePrompt},
		{'z', "Z", "undo", "Undo", false, (*model).undo},
		{'y', "Y", "redo", "", false, (*model).redo},
		{'k', "K", "cut line or selection", "Cut", false, (*model).cut},
		{'c', "", "copy line or selection", "", true, (*model).copy},
		{'u', "U", "put what was cut or copied", "Put", false, (*model).put},
		{'m', "^@", "begin or end a selection", "", true, (*model).setMark},
		{'i', "", "indent (selected: Tab)", "", false, func(m *model) { m.indent(true) }},
		{'o', "", "unindent (Shift-Tab)", "", false, func(m *model) { m.indent(false) }},
		{'#', "", "comment lines out or in", "", false, (*model).comment},
		{'v', "V", "next fault", "Fault", true, (*model).nextFault},
		{'e', "]", "explain what is here", "", true, (*model).explain},
		{'d', "\\", "compare with the disk", "", true, (*model).compare},
		{'a', "", "save as", "", true, (*model).saveAs},
		{'O', "O", "save, asking for the name", "", true, (*model).writeOut},
		{'@', "C", "where the cursor is", "", true, (*model).position},
		{'p', "", "open a further file", "", true, (*model).openPrompt},
		{'n', "", "next of the open files", "", true, (*model).nextDocument},
		{'l', "", "line numbers on or off", "", true, func(m *model) { m.view.numbers = !m.view.numbers }},
		{'w', "", "wrap long lines or not", "", true, func(m *model) { m.view.wrap = !m.view.wrap }},
		{'*', "", "begin or end a macro", "", true, (*model).record},
		{'.', "", "play the macro", "", true, (*model).play},
		{'{', "A", "begin of the line", "", true, motion(keys.Home)},
		{'}', "E", "end of the line", "", true, motion(keys.End)},
		{'(', "", "a word left", "", true, motion(keys.WordLeft)},
		{')', "", "a word right", "", true, motion(keys.WordRight)},
		{'-', "B", "a page up", "", true, motion(keys.PageUp)},
		{' ', "", "a page down", "", true, motion(keys.PageDown)},
		{'<', "", "begin of the text", "", true, motion(keys.Top)},
		{'>', "", "end of the text", "", true, motion(keys.Bottom)},
		{'h', "P", "a line up", "", true, motion(keys.Up)},
		{'j', "N", "a line down", "", true, motion(keys.Down)},
		{'[', "", "a character left", "", true, motion(keys.Left)},
		{']', "", "a character right", "", true, motion(keys.Right)},
		{'\'', "D", "delete the character", "", false, func(m *model) { m.deleteRight() }},
		{'=', "L", "draw all again", "", true, func(m *model) { m.redraw = true }},
		{'?', "G", "this menu", "Menu", true, (*model).openMenu},
	}
}

func motion(c keys.Code) func(m *model) {
	return func(m *model) {
		m.doc().selecting(false)
		m.motion(m.doc(), c)
	}
}

// byCtrl and byLetter find a command.
func byCtrl(r rune) *command {
	for i := range commands {
		if strings.ContainsRune(commands[i].ctrl, r) {
			return &commands[i]
		}
	}
	return nil
}

func byLetter(r rune) *command {
	for i := range commands {
		if commands[i].letter == r {
			return &commands[i]
		}
	}
	return nil
}

// helpRow names the most needed keys, and the one for faults when there are any; it
// is cut at the width.
func helpRow(faults bool) string {
	var s []string
	for _, c := range commands {
		if c.short != "" && (c.letter != 'v' || faults) {
			s = append(s, "^"+c.ctrl[:1]+" "+c.short)
		}
	}
	return strings.Join(s, " ")
}

// menuText is the page that ^G shows, in two columns where they fit.
func menuText(width int) string {
	var s strings.Builder
	s.WriteString("A letter does it, ^C goes back. If the terminal keeps ^S, ^Q: ^O Enter, ^X.\n")
	entry := func(c command) string {
		letter := string(c.letter)
		if c.letter == ' ' {
			letter = "Space"
		}
		ctrl := ""
		for _, r := range c.ctrl {
			ctrl += " ^" + string(r)
		}
		return fmt.Sprintf("%-5s %s%s", letter, c.name, ctrl)
	}
	const column = 40
	others := commands[:len(commands)-1] // without the menu itself
	if width < 2*column-1 {
		for _, c := range others {
			s.WriteString(entry(c) + "\n")
		}
		return s.String()
	}
	half := (len(others) + 1) / 2
	for i, c := range others[:half] {
		right := ""
		if i+half < len(others) {
			right = entry(others[i+half])
		}
		s.WriteString(strings.TrimRight(fmt.Sprintf("%-*s%s", column, entry(c), right), " ") + "\n")
	}
	return strings.TrimSuffix(s.String(), "\n")
}
