package system

// Remarks are what a valid file leaves more open than most people want. They
// are no faults: nothing is refused for them. For a file with faults there are none.
func Remarks(file string, src []byte) []Problem {
	if _, problems := Parse(file, src); len(problems) > 0 {
		return nil
	}
	t := newText(src)
	root, _ := scan(t)
	var remarks []Problem
	for _, name := range root.get("service").keys() {
		n := root.get("service", name)
		if n.get("user") != nil || n.get("capabilities") != nil {
			continue
		}
		pos := t.position(n.key)
		remarks = append(remarks, Problem{file, pos.Line, pos.Col,
			"remark: " + join("service", name) + " has no user: it runs as root with all rights",
			`write user = "nobody" or the name of a [user.NAME], or user = "root" if that is meant`})
	}
	return remarks
}
