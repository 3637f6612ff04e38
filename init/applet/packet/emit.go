package packet

// label is a place that is not known yet.
type label int

// step is an instruction whose jumps still go to labels.
type step struct {
	Instruction
	yes, no label
}

// emitter collects the steps of a program; all jumps go forward.
type emitter struct {
	steps  []step
	places []int // of the labels, by step
}

func (e *emitter) label() label {
	e.places = append(e.places, -1)
	return label(len(e.places) - 1)
}

func (e *emitter) place(l label) { e.places[l] = len(e.steps) }

func (e *emitter) do(code uint16, k uint32) {
	e.steps = append(e.steps, step{Instruction: Instruction{Code: code, K: k}})
}

func (e *emitter) branch(code uint16, k uint32, yes, no label) {
	e.steps = append(e.steps, step{Instruction{Code: code, K: k}, yes, no})
}

// program resolves the labels. Conditional jumps reach 255 instructions; a long
// program has two unconditional ones behind each, which reach anywhere.
func (e *emitter) program() []Instruction {
	long := len(e.steps) > 255
	starts, n := make([]int, len(e.steps)+1), 0
	for i, s := range e.steps {
		starts[i] = n
		if n++; long && s.Code&7 == 5 {
			n += 2
		}
	}
	starts[len(e.steps)] = n
	list := make([]Instruction, 0, n)
	for i, s := range e.steps {
		if s.Code&7 != 5 {
			list = append(list, s.Instruction)
			continue
		}
		yes, no := starts[e.places[s.yes]]-starts[i]-1, starts[e.places[s.no]]-starts[i]-1
		if long {
			s.Jt, s.Jf = 0, 1
			list = append(list, s.Instruction, Instruction{Code: jump, K: uint32(yes - 1)}, Instruction{Code: jump, K: uint32(no - 2)})
			continue
		}
		s.Jt, s.Jf = uint8(yes), uint8(no)
		list = append(list, s.Instruction)
	}
	return list
}
