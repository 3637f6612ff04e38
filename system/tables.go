package system

// open finds or makes the table that a header names.
func (s *scanner) open(keys []part, array bool, start, end int) *node {
	table := s.root
	for _, k := range keys[:len(keys)-1] {
		kid := table.kids[k.text]
		if kid == nil {
			kid = &node{kind: tableKind, origin: implied, key: k.at, at: start, end: end}
			table.add(k.text, kid)
		}
		kid.mentions = append(kid.mentions, k.at)
		switch {
		case kid.kind == tableKind && kid.origin != written:
			table = kid
		case kid.origin == repeated:
			table = kid.items[len(kid.items)-1]
		default:
			return s.clash(kid, k)
		}
	}
	last := keys[len(keys)-1]
	kid := table.kids[last.text]
	if kid == nil {
		kid = &node{kind: tableKind, origin: headed, key: last.at, at: start, end: end}
		if array {
			kid.kind, kid.origin = arrayKind, repeated
		}
		table.add(last.text, kid)
	} else if array && kid.origin != repeated || !array && (kid.kind != tableKind || kid.origin == written) {
		return s.clash(kid, last)
	} else if !array && kid.origin != implied {
		s.fault(last.at, "put all of it under one header", "table %s was already opened on line %d", last.text, s.position(kid.key).Line)
	}
	kid.mentions = append(kid.mentions, last.at)
	if array {
		item := &node{kind: tableKind, origin: headed, key: last.at, at: start, end: end}
		kid.items = append(kid.items, item)
		return item
	}
	if kid.origin == implied {
		kid.origin, kid.key, kid.at, kid.end = headed, last.at, start, end
	}
	return kid
}

// clash reports a header over something that is no open table. What follows it
// is read, but belongs nowhere.
func (s *scanner) clash(kid *node, k part) *node {
	s.fault(k.at, "", "%s is already %s on line %d", k.text, kid.kind, s.position(kid.key).Line)
	return &node{kind: tableKind}
}

// assign puts a value into the table under a possibly dotted key.
func (s *scanner) assign(table *node, keys []part, value *node) {
	for _, k := range keys[:len(keys)-1] {
		kid := table.kids[k.text]
		if kid == nil {
			kid = &node{kind: tableKind, origin: dotted, key: k.at, at: k.at, end: value.end}
			table.add(k.text, kid)
		}
		if kid.kind != tableKind || kid.origin != dotted {
			s.clash(kid, k)
		}
		if kid.kind != tableKind {
			return
		}
		table = kid
	}
	last := keys[len(keys)-1]
	if first := table.kids[last.text]; first != nil {
		s.fault(last.at, "remove one of them", "key %s was already set on line %d", last.text, s.position(first.key).Line)
		return
	}
	value.key = last.at
	table.add(last.text, value)
}
