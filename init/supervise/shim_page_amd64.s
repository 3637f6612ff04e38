#include "textflag.h"

// runPage makes the calls of a page; see shim_page.go. Nothing of Go is there when it runs: no
// stack but the kernel's, no runtime. A call has the number at 0, arguments at 8 to 48, and at 56 the
// outcome, with the excuse in the bits from 16.
//
// BX: the call. R13: what was kept. R12: what a giveUp reports.
TEXT ·runPage(SB), NOSPLIT|NOFRAME, $0
	MOVQ	$0x400278, BX // callsAt
	XORL	R13, R13
	MOVQ	$2, R12 // ENOENT
next:
	MOVQ	56(BX), R14
	MOVQ	R12, AX
	BTQ	$4, R14 // giveUp
	JCS	report
	MOVQ	0(BX), AX
	MOVQ	8(BX), DI
	MOVQ	16(BX), SI
	MOVQ	24(BX), DX
	MOVQ	32(BX), R10
	MOVQ	40(BX), R8
	MOVQ	48(BX), R9
	BTQ	$1, R14 // useKept
	JCC	call
	MOVQ	R13, DI
call:
	SYSCALL
	CMPQ	AX, $-4095
	JCC	failed
	BTQ	$0, R14 // keep
	JCC	again
	MOVQ	AX, R13
again:
	BTQ	$2, R14 // repeat
	JCS	next
advance:
	ADDQ	$64, BX
	JMP	next
failed:
	NEGQ	AX
	MOVQ	R14, CX
	SHRQ	$16, CX
	CMPQ	CX, $0xffff // anyError
	JEQ	advance
	CMPQ	AX, CX
	JEQ	advance
	BTQ	$3, R14 // try
	JCC	report
	CMPQ	AX, $2 // ENOENT
	JEQ	advance
	CMPQ	AX, $20 // ENOTDIR
	JEQ	advance
	CMPQ	AX, $13 // EACCES
	JNE	report
	MOVQ	AX, R12
	JMP	advance
report:
	SUBQ	$16, SP
	MOVQ	AX, 0(SP)
	MOVQ	BX, 8(SP)
	MOVQ	$1, AX // write
	MOVQ	$5, DI // reportFD
	MOVQ	SP, SI
	MOVQ	$16, DX
	SYSCALL
	MOVQ	$231, AX // exit_group
	MOVQ	$127, DI
	SYSCALL
	INT	$3

TEXT ·pageStart(SB), NOSPLIT, $0-8
	LEAQ	·runPage(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
