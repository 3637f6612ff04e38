#include "textflag.h"

// runPage makes the calls of a page; see shim_page.go and the one for amd64.
//
// R19: the call. R20: what was kept. R21: what a giveUp reports.
TEXT ·runPage(SB), NOSPLIT|NOFRAME, $0
	MOVD	$0x400278, R19 // callsAt
	MOVD	$0, R20
	MOVD	$2, R21 // ENOENT
next:
	MOVD	56(R19), R22
	MOVD	R21, R0
	TBNZ	$4, R22, report // giveUp
	MOVD	0(R19), R8
	MOVD	8(R19), R0
	MOVD	16(R19), R1
	MOVD	24(R19), R2
	MOVD	32(R19), R3
	MOVD	40(R19), R4
	MOVD	48(R19), R5
	TBZ	$1, R22, call // useKept
	MOVD	R20, R0
call:
	SVC
	CMN	$4095, R0
	BCS	failed
	TBZ	$0, R22, again // keep
	MOVD	R0, R20
again:
	TBNZ	$2, R22, next // repeat
advance:
	ADD	$64, R19, R19
	B	next
failed:
	NEG	R0, R0
	LSR	$16, R22, R23
	MOVD	$0xffff, R24 // anyError
	CMP	R24, R23
	BEQ	advance
	CMP	R0, R23
	BEQ	advance
	TBZ	$3, R22, report // try
	CMP	$2, R0 // ENOENT
	BEQ	advance
	CMP	$20, R0 // ENOTDIR
	BEQ	advance
	CMP	$13, R0 // EACCES
	BNE	report
	MOVD	R0, R21
	B	advance
report:
	SUB	$16, RSP
	MOVD	R0, 0(RSP)
	MOVD	R19, 8(RSP)
	MOVD	$64, R8 // write
	MOVD	$5, R0 // reportFD
	MOVD	RSP, R1
	MOVD	$16, R2
	SVC
	MOVD	$94, R8 // exit_group
	MOVD	$127, R0
	SVC
	UNDEF

TEXT ·pageStart(SB), NOSPLIT, $0-8
	MOVD	$·runPage(SB), R0
	MOVD	R0, ret+0(FP)
	RET
