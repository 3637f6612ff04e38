package syntax

// open finds or makes the table that a header names.
func (s *Scanner) open(keys []Part, array bool, start, end int) *Node {
	table := s.Root
	for _, k := range keys[:len(keys)-1] {
		kid := table.Kids[k.Text]
		if kid == nil {
			kid = &Node{Kind: TableKind, Origin: Implied, Key: k.at, At: start, End: end}
			table.add(k.Text, kid)
		}
		kid.Mentions = append(kid.Mentions, k.at)
		switch {
		case kid.Kind == TableKind && kid.Origin != Written:
			table = kid
		case kid.Origin == Repeated:
			table = kid.Items[len(kid.Items)-1]
		default:
			return s.clash(kid, k)
		}
	}
	last := keys[len(keys)-1]
	kid := table.Kids[last.Text]
	if kid == nil {
		kid = &Node{Kind: TableKind, Origin: headed, Key: last.at, At: start, End: end}
		if array {
			kid.Kind, kid.Origin = ArrayKind, Repeated
		}
		table.add(last.Text, kid)
	} else if array && kid.Origin != Repeated || !array && (kid.Kind != TableKind || kid.Origin == Written) {
		return s.clash(kid, last)
	} else if !array && kid.Origin != Implied {
		s.fault(last.at, "put all of it under one header", "table %s was already opened on line %d", last.Text, s.Position(kid.Key).Line)
	}
	kid.Mentions = append(kid.Mentions, last.at)
	if array {
		item := &Node{Kind: TableKind, Origin: headed, Key: last.at, At: start, End: end}
		kid.Items = append(kid.Items, item)
		return item
	}
	if kid.Origin == Implied {
		kid.Origin, kid.Key, kid.At, kid.End = headed, last.at, start, end
	}
	return kid
}

// clash reports a header over something that is no open table. What follows it
// is read, but belongs nowhere.
func (s *Scanner) clash(kid *Node, k Part) *Node {
	s.fault(k.at, "", "%s is already %s on line %d", k.Text, kid.Kind, s.Position(kid.Key).Line)
	return &Node{Kind: TableKind}
}

// assign puts a value into the table under a possibly dotted key.
func (s *Scanner) assign(table *Node, keys []Part, value *Node) {
	for _, k := range keys[:len(keys)-1] {
		kid := table.Kids[k.Text]
		if kid == nil {
			kid = &Node{Kind: TableKind, Origin: dotted, Key: k.at, At: k.at, End: value.End}
			table.add(k.Text, kid)
		}
		if kid.Kind != TableKind || kid.Origin != dotted {
			s.clash(kid, k)
		}
		if kid.Kind != TableKind {
			return
		}
		table = kid
	}
	last := keys[len(keys)-1]
	if first := table.Kids[last.Text]; first != nil {
		s.fault(last.at, "remove one of them", "key %s was already set on line %d", last.Text, s.Position(first.Key).Line)
		return
	}
	value.Key = last.at
	table.add(last.Text, value)
}
