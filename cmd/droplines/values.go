package main

// A stretch is a value and the first instruction behind those that have it, counted from the function's entry in units of the processor's shortest.
type stretch struct {
	value int32
	until uint32
}

// decode reads a table of values: pairs of numbers in groups of seven bits, up to a 0 where the first of a pair would be. The very first may be 0.
func decode(table []byte) (list []stretch) {
	at := stretch{value: -1}
	for i := 0; table[i] != 0 || i == 0; {
		var pair [2]uint32
		for n := range pair {
			for shift := 0; ; shift += 7 {
				b := table[i]
				i++
				pair[n] |= uint32(b&0x7f) << shift
				if b < 0x80 {
					break
				}
			}
		}
		at.value += int32(-(pair[0] & 1) ^ pair[0]>>1)
		at.until += pair[1]
		list = append(list, at)
	}
	return list
}

// encode is the table again. The last stretch may be longer than its function, whose length would otherwise be in every table: then more of them are equal.
func encode(list []stretch) (table []byte) {
	at := stretch{value: -1}
	for i, r := range list {
		step := r.value - at.value
		length := r.until - at.until
		if i == len(list)-1 {
			length = longest(length)
		}
		for _, n := range []uint32{uint32(step<<1 ^ step>>31), length} {
			for ; n >= 0x80; n >>= 7 {
				table = append(table, byte(n)|0x80)
			}
			table = append(table, byte(n))
		}
		at = r
	}
	return append(table, 0)
}

// longest is what takes no more room than a length.
func longest(length uint32) uint32 {
	const least = 1<<7 - 1
	most := uint32(least)
	for most < length {
		most = most<<7 | least
	}
	return most
}

// joined makes one stretch of neighbours that say the same.
func joined(list []stretch) (short []stretch) {
	for _, r := range list {
		if last := len(short) - 1; last >= 0 && short[last].value == r.value {
			short[last].until = r.until
		} else {
			short = append(short, r)
		}
	}
	return short
}

// Tables of values that belong to a function, and what stands in them where nothing is said (internal/abi/symtab.go).
const (
	unsafePoints  = iota // where a goroutine cannot be stopped
	stackMaps            // which words of the frame are pointers, at a call
	inlinedCalls         // which inlined call an instruction belongs to
	liveArguments        // which arguments a trace may print
	bounds               // which registers have index and length, when an index is out of range
	valueTables
)

const (
	nothing = -1 // of any table, and of unsafePoints: here it can
	unsafe  = -2
)

// shortenMaps leaves out what the runtime takes for nothing: no index is the first map (runtime/stkframe.go).
func shortenMaps(list []stretch) []stretch {
	for i := range list {
		list[i].value = max(list[i].value, 0)
	}
	if list = joined(list); len(list) == 1 && list[0].value == 0 {
		return nil
	}
	return list
}

// shortenBounds: only the calls that report an index have bounds, so a value may hold until the next.
func shortenBounds(list []stretch) []stretch {
	before := int32(nothing)
	for i := len(list) - 1; i >= 0; i-- { // what precedes the first has its value
		if list[i].value != nothing {
			before = list[i].value
		}
	}
	if before == nothing {
		return nil
	}
	for i := range list {
		if list[i].value == nothing {
			list[i].value = before
		}
		before = list[i].value
	}
	return joined(list)
}

// shortenUnsafe makes a function's check of its stack unsafe as a whole: the instructions before its branch, and behind the call of
// morestack the jump back. They are in no loop, so that a goroutine is stopped a moment later. maps, where index -1 begins with that call, tells that there is one.
func shortenUnsafe(list, maps []stretch) []stretch {
	n, m := len(list), len(maps)
	if n < 4 || m < 2 || maps[m-1].value != nothing || list[n-3].until != maps[m-2].until {
		return list
	}
	if list[n-1].value == nothing && list[n-2].value == unsafe && list[0].value == nothing && list[1].value == unsafe {
		list[0].value, list[n-1].value = unsafe, unsafe
	}
	return joined(list)
}
