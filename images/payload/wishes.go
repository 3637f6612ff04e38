package payload

func (r Request) wishes(all []*carried) []string { return nil }
