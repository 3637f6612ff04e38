package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// A program is one for amd64 under construction: its instructions, and behind them
// the texts that they name. The services and the instrument of the machines are such
// programs of one page and without libraries, so that what is measured is the system that starts
// them and nothing of theirs.
type program struct {
	code  []byte
	texts []byte
	named []reference
}

// A reference is a place in the code that gets the address of a text.
type reference struct{ code, text int }

const (
	programBase = 0x400000 // where the file is in memory
	programHead = 64 + 2*56
	bufferBase  = 0x600000 // memory to read into
	bufferSize  = 1 << 20
)

// Numbers of system calls on amd64, and what they take.
const (
	sysRead, sysWrite, sysOpen, sysClose = 0, 1, 2, 3
	sysPause, sysNanosleep               = 34, 35
	sysSyslog, sysReboot                 = 103, 169

	openRead, openWrite = 0x100, 0x101 // never as the controlling terminal
	allOfTheLog         = 3
	switchOff           = 0x4321fedc
)

// A text is an argument that is the address of these bytes.
type text string

// call adds a system call. An argument is a number, a text or, for result, what the last call returned.
func (p *program) call(number uint32, args ...any) {
	// mov edi, esi, edx, r10d with 32 bits; mov from eax.
	load := [][]byte{{0xbf}, {0xbe}, {0xba}, {0x41, 0xba}}
	take := [][]byte{{0x89, 0xc7}, {0x89, 0xc6}, {0x89, 0xc2}, {0x41, 0x89, 0xc2}}
	for i, arg := range args {
		switch arg := arg.(type) {
		case int:
			p.code = append(append(p.code, load[i]...), binary.LittleEndian.AppendUint32(nil, uint32(arg))...)
		case text:
			p.code = append(append(p.code, load[i]...), 0, 0, 0, 0)
			p.named = append(p.named, reference{len(p.code) - 4, len(p.texts)})
			p.texts = append(p.texts, string(arg)+"\x00"...)
		case result:
			p.code = append(p.code, take[i]...)
		}
	}
	p.code = append(append(p.code, 0xb8), binary.LittleEndian.AppendUint32(nil, number)...) // mov eax
	p.code = append(p.code, 0x0f, 0x05)                                                     // syscall
}

// result stands for what the call before this one returned.
type result struct{}

// say adds that the program writes a text to a file, and closes it: the kernel's log takes 32 KiB of everybody who
// has it open.
func (p *program) say(file, line string) {
	p.call(sysOpen, text(file), openWrite)
	p.code = append(p.code, 0x89, 0xc3) // mov ebx, eax
	p.call(sysWrite, result{}, text(line), len(line))
	p.code = append(p.code, 0x89, 0xd8) // mov eax, ebx
	p.call(sysClose, result{})
}

// show adds that what the last call put into the buffer is written to a file.
func (p *program) show(file string) {
	p.code = append(p.code, 0x89, 0xc3) // mov ebx, eax: its length
	p.call(sysOpen, text(file), openWrite)
	p.code = append(p.code, 0x89, 0xda) // mov edx, ebx
	p.call(sysWrite, result{}, bufferBase)
}

// elf is the file.
func (p *program) elf() []byte {
	code := bytes.Clone(p.code)
	for _, r := range p.named {
		binary.LittleEndian.PutUint32(code[r.code:], uint32(programBase+programHead+len(code)+r.text))
	}
	code = append(code, p.texts...)
	size := uint64(programHead + len(code))
	var b bytes.Buffer
	for _, part := range []any{
		elf.Header64{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
			Entry: programBase + programHead, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
		},
		elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
			Vaddr: programBase, Paddr: programBase, Filesz: size, Memsz: size, Align: 0x1000,
		},
		elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W),
			Vaddr: bufferBase, Paddr: bufferBase, Memsz: bufferSize, Align: 0x1000,
		},
		code,
	} {
		binary.Write(&b, binary.LittleEndian, part) // to memory: cannot fail
	}
	return b.Bytes()
}

const serviceRuns = "bench: a service runs"

// service says in the kernel log that it runs, and waits for ever.
func service() []byte {
	var p program
	p.say("/dev/kmsg", serviceRuns)
	p.call(sysPause)
	return p.elf()
}

const (
	readyLine  = "bench: READY"
	serialLine = "/dev/ttyS0"
)

// instrument is what a system starts when its job is done. It says READY on the
// serial line, tells five seconds later how much memory is in use and what the kernel log
// has, and switches the machine off.
func instrument() []byte {
	var p program
	p.say("/dev/kmsg", readyLine)
	p.say(serialLine, "\nREADY\n")
	const seconds = "\x05\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00"
	p.call(sysNanosleep, text(seconds), 0)
	for _, file := range []string{"/proc/meminfo", "/proc/zoneinfo"} {
		p.call(sysOpen, text(file), openRead)
		p.call(sysRead, result{}, bufferBase, bufferSize)
		p.show(serialLine)
	}
	p.call(sysSyslog, allOfTheLog, bufferBase, bufferSize)
	p.show(serialLine)
	p.say(serialLine, over+"\n")
	p.call(sysReboot, 0xfee1dead, 672274793, switchOff)
	p.call(sysPause)
	return p.elf()
}
