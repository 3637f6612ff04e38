package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// echo is a boot sector that says R on the serial line and then sends back each byte it gets.
var echo = []byte{
	0xBA, 0xF8, 0x03, // mov dx, 3F8h
	0xB0, 'R', //        mov al, 'R'
	0xEE,             // out dx, al
	0xBA, 0xFD, 0x03, // next: mov dx, 3FDh
	0xEC,       //       wait: in al, dx
	0xA8, 0x01, //       test al, 1
	0x74, 0xFB, //       jz wait
	0xBA, 0xF8, 0x03, // mov dx, 3F8h
	0xEC,       //       in al, dx
	0xEE,       //       out dx, al
	0xEB, 0xF1, //       jmp next
}

func TestAMachineIsDrivenOverItsSerialLine(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	sector := append(echo, make([]byte, 1<<20)...)
	sector[510], sector[511] = 0x55, 0xAA
	if err := os.WriteFile(disk, sector, 0o600); err != nil {
		t.Fatal(err)
	}
	m := Start(t, "qemu-system-x86_64", "-accel", "tcg", "-m", "32", "-nic", "none", "-drive", "format=raw,file="+disk)
	m.Expect("R")
	m.Send("hello 1")
	if got := m.Expect(`hel+o (\d)`); got[1] != "1" {
		t.Errorf("got groups %q, want 1 in the second", got)
	}
	m.SendSlow("hello 2", 1200)
	m.Expect("hello 2")
	m.Reset()
	m.Expect("R")
	m.Send("hello 3")
	m.Expect("hello 3")
	if got := m.Screen(); strings.Count(got, "R") != 2 || !strings.HasSuffix(got, "hello 3") {
		t.Errorf("the screen says %q, want two starts and three greetings", got)
	}
	m.PowerCut()
	m.WaitEnd()
}

// A boot sector lights lights of the keyboard, and says so.
func TestTheLightsOfAKeyboardAreSeen(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	sector := append([]byte{
		0xB0, 0xED, 0xE6, 0x60, // mov al, 0EDh; out 60h, al: SET LEDS
		0xB0, 0x05, 0xE6, 0x60, // mov al, 5;    out 60h, al: scroll lock and caps lock
	}, append(echo, make([]byte, 1<<20)...)...)
	sector[510], sector[511] = 0x55, 0xAA
	if err := os.WriteFile(disk, sector, 0o600); err != nil {
		t.Fatal(err)
	}
	m, l := StartWatched(t, "qemu-system-x86_64", "-accel", "tcg", "-m", "32", "-nic", "none", "-drive", "format=raw,file="+disk)
	m.Expect("R")
	for end := time.Now().Add(Patience); ; time.Sleep(10 * time.Millisecond) {
		scroll, _, err := l.Lit(ScrollLock)
		num, _, _ := l.Lit(NumLock)
		caps, _, _ := l.Lit(CapsLock)
		if scroll && !num && caps {
			break
		}
		if err != nil || time.Now().After(end) {
			t.Fatalf("scroll lock %v, num lock %v, caps lock %v, %v", scroll, num, caps, err)
		}
	}
	m.PowerCut()
	for end := time.Now().Add(Patience); ; time.Sleep(10 * time.Millisecond) {
		if _, _, err := l.Lit(ScrollLock); err != nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a machine that is gone is still looked at")
		}
	}
}
