package plain

// command is one of the letters that a person types.
type command struct {
	names   []string
	least   int  // the first line it may be given, 0 or 1
	most    int  // how many addresses it takes
	rest    bool // something may follow the name
	changes bool // the text, or the file
	run     func(s *session, r request)
}

var commands []command

func init() {
	commands = []command{
		{[]string{""}, 1, 2, false, false, (*session).goTo},
		{[]string{"p", "n", "l", "print"}, 1, 2, false, false, (*session).print},
		{[]string{"z", "page"}, 1, 1, false, false, (*session).page},
		{[]string{"a", "append"}, 0, 1, true, true, (*session).append},
		{[]string{"i", "insert"}, 0, 1, true, true, (*session).insert},
		{[]string{"c", "change"}, 1, 2, true, true, (*session).change},
		{[]string{"d", "delete"}, 1, 2, false, true, (*session).delete},
		{[]string{"m", "move"}, 1, 2, true, true, (*session).move},
		{[]string{"t", "copy"}, 1, 2, true, true, (*session).copy},
		{[]string{"s"}, 1, 2, true, true, (*session).substitute},
		{[]string{"/"}, 0, 0, true, false, (*session).findDown},
		{[]string{"?"}, 1, 1, true, false, (*session).findUpOrExplain},
		{[]string{"u", "undo"}, 0, 0, false, true, (*session).undo},
		{[]string{"r", "redo"}, 0, 0, false, true, (*session).redo},
		{[]string{"e", "next"}, 0, 0, false, false, (*session).nextFault},
		{[]string{"f", "=", "file"}, 0, 0, false, false, func(s *session, _ request) { s.status() }},
		{[]string{"D", "diff"}, 0, 0, false, false, (*session).compare},
		{[]string{"w", "save"}, 0, 0, true, true, func(s *session, r request) { s.write(r.rest, false) }},
		{[]string{"w!"}, 0, 0, true, true, func(s *session, r request) { s.write(r.rest, true) }},
		{[]string{"wq", "x", "ZZ"}, 0, 0, false, false, func(s *session, _ request) { s.done = !s.t.Modified() || s.save(false) }},
		{[]string{"q", "quit", "exit"}, 0, 0, false, false, func(s *session, _ request) { s.quit() }},
		{[]string{"q!", "Q"}, 0, 0, false, false, func(s *session, _ request) { s.leave() }},
		{[]string{"h", "H", "help"}, 0, 0, false, false, func(s *session, _ request) { s.out.WriteString(help) }},
	}
}

// help fits a screen of 80x24 with its prompt.
const help = `Lines go before the letter: 5d  2,9p  .,$d  (. here, $ last, % all)  +3  -
5          go to line 5 and show it; Enter alone shows the next line
p  z       print lines; print a page from here on
a i c      add lines after, add before, change lines: type them, end with a
           line that is just a dot. For such a line in the text type two dots
           (dots alone: one more). a TEXT adds the one line TEXT
d          delete lines
m t        move, copy: 2,5m9 moves lines 2 to 5 below line 9, 2,5t0 copies
           them to the top
s/OLD/NEW/ replace the first OLD in each line, with g behind it each OLD:
           %s/OLD/NEW/g; with r OLD is a regular expression and $1 in NEW
           its first group
/TEXT      find; ?TEXT finds backwards, / alone the next; /EXPRESSION/r
u  r       undo, redo, as often as you like
e  ?       go to the next fault; explain the line
f  D       which file, how long; what differs from the file on the disk
w  wq      save; save and leave. w PATH saves a copy, w! replaces a file that
           is there or that somebody else has changed
q  q!      leave; leave and lose what is not saved
`

// command does what one line says.
func (s *session) command(line string) {
	r, err := parse(line, s.cur, s.last())
	if err != nil {
		s.fail("%v", err)
		return
	}
	c := lookUp(r.name)
	switch {
	case c == nil:
		s.fail("no command %s; h lists them", visible([]byte(r.name+r.rest), quoteMost))
		return
	case s.opt.ReadOnly && c.changes:
		s.fail("this is a view, nothing can be changed; q leaves")
		return
	case r.given > c.most:
		s.fail("%s takes %s", r.name, [...]string{"no line", "one line, not two"}[c.most])
		return
	case r.rest != "" && !c.rest:
		s.fail("%s means nothing behind %s; h lists the commands", visible([]byte(r.rest), quoteMost), r.name)
		return
	}
	if r.given > 0 || c.least > 0 && r.name != "" {
		if err := r.check(c.least, s.last()); err != nil {
			s.fail("%v", err)
			return
		}
	}
	c.run(s, r)
}

func lookUp(name string) *command {
	for i := range commands {
		for _, n := range commands[i].names {
			if n == name {
				return &commands[i]
			}
		}
	}
	return nil
}
