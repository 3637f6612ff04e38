package netcfg

// numbers are the kernel's by words. They lie in the binary as they are, where maps would be made at the start of each process.
type numbers []struct {
	word   string
	number int
}

// of is the number of a word; 0 for others.
func (n numbers) of(word string) int {
	for _, w := range n {
		if w.word == word {
			return w.number
		}
	}
	return 0
}
