package bootmenu

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// arrival is what comes at a time.
type arrival struct {
	at    time.Duration
	bytes string
}

// typed are keys one after the other.
func typed(gap time.Duration, keys ...string) (list []arrival) {
	for i, key := range keys {
		list = append(list, arrival{time.Duration(i) * gap, key})
	}
	return list
}

const kernelSays = "[    0.812345] virtio_blk virtio0: 1/0/0 default/read/poll queues\r\n[    0.834567] EXT4-fs (vda2): mounted\r\n\r\n"

// sentBack is text as a loop-back plug gives it to a reader who looks every so often.
func sentBack(text string, every time.Duration, each int) (list []arrival) {
	for at := time.Duration(0); text != ""; at += every {
		n := min(each, len(text))
		list = append(list, arrival{at, text[:n]})
		text = text[n:]
	}
	return list
}

func TestWhoKnocksAndWhatIsNoise(t *testing.T) {
	for _, c := range []struct {
		name string
		come []arrival
		want bool
	}{
		{"nothing", nil, false},
		{"Space twice", typed(200*ms, " ", " "), true},
		{"Enter twice", typed(200*ms, "\r", "\r"), true},
		{"Enter twice, of a terminal that sends CR LF", typed(200*ms, "\r\n", "\r\n"), true},
		{"Enter twice, over telnet", typed(200*ms, "\r\x00", "\r\x00"), true},
		{"Esc twice", typed(200*ms, "\x1b", "\x1b"), true},
		{"pressed early: they wait in the queue", typed(0, "   "), true},
		{"Space held, which never falls silent", typed(33*ms, strings.Split(strings.Repeat(" ", 12), "")...), true},
		{"Space once", typed(0, " "), false},
		{"Enter once, of a terminal that sends CR LF", typed(0, "\r\n"), false},
		{"Space and Enter", typed(200*ms, " ", "\r"), false},
		{"Space twice, much apart", typed(1500*ms, " ", " "), false},
		{"Space twice after other keys", typed(200*ms, "x", "y", " ", " "), true},
		{"Space twice after an answer of the terminal", typed(200*ms, "\x1b[24;80R", " ", " "), true},
		{"letters", typed(100*ms, "l", "s", "\r"), false},
		{"an arrow twice", typed(200*ms, "\x1b[A", "\x1b[A"), false},
		{"breaks", typed(100*ms, strings.Split(strings.Repeat("\x00", 20), "")...), false},
		{"an open line that hums", typed(20*ms, strings.Split(strings.Repeat("\xff\xfe\xf8", 20), "")...), false},
		{"the same, and then Space: nobody listens there any more", append(typed(5*ms, strings.Split(strings.Repeat("\xff", 40), "")...),
			arrival{time.Second, " "}, arrival{1200 * ms, " "}), false},
		{"what the kernel says, at 115200", sentBack(strings.Repeat(kernelSays, 20), ms, 11), false},
		{"what the kernel says, at 9600", sentBack(strings.Repeat(kernelSays, 5), ms, 1), false},
		{"what the kernel says, from the middle on, to a slow reader", sentBack(kernelSays[1:], 30*ms, 9), false},
		{"a modem", append(typed(5*time.Second, "\r\nRING\r\n", "\r\nRING\r\n"), arrival{15 * time.Second, "\r\nNO CARRIER\r\n"}), false},
	} {
		var k Knock
		for _, a := range c.come {
			k.Feed(a.at, []byte(a.bytes))
		}
		for k.Until() > 0 { // as whoever waits for it does
			before := k.Until()
			k.Settle(before)
			if k.Until() == before {
				break
			}
		}
		if got := k.Asked(); got != c.want {
			t.Errorf("%s: asked %v", c.name, got)
		}
	}
}

func TestABootWaitsForASecondKeyAndNotForEver(t *testing.T) {
	var k Knock
	if k.Until() != 0 {
		t.Error("it waits for a key that nobody has pressed")
	}
	k.Feed(100*ms, []byte(" "))
	if got := k.Until(); got != 100*ms+quiet {
		t.Errorf("until the burst is over: %v", got)
	}
	k.Settle(100*ms + quiet)
	if got := k.Until(); got != 100*ms+again {
		t.Errorf("for the second one: %v", got)
	}
	var noise Knock
	noise.Feed(0, []byte("abc"))
	if got := noise.Until(); got != 0 {
		t.Errorf("for noise: %v", got)
	}
}

// A byte of noise comes alone or among others; whatever comes, the menu is asked for only by two equal ones of three.
func TestNoiseOpensTheMenuHardlyEver(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 11))
	asked := 0
	for range 2000 { // boots, each with a dozen bytes of noise
		var k Knock
		now := time.Duration(0)
		for range 12 {
			now += time.Duration(rng.IntN(200)) * ms
			k.Feed(now, []byte{byte(rng.IntN(256))})
		}
		if k.Settle(now + quiet); k.Asked() {
			asked++
		}
	}
	if asked > 10 { // 2000 * 11 * 3 / 65536 and chance
		t.Errorf("%d of 2000", asked)
	}
}

func FuzzKnock(f *testing.F) {
	f.Add([]byte("  \r\r\x1b"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, gap uint8) {
		var k Knock
		now := time.Duration(0)
		for i := range b {
			k.Feed(now, b[i:i+1])
			now += time.Duration(gap) * ms
		}
		if len(k.burst) > len(b) || len(k.burst) > 0 && k.noise {
			t.Errorf("it keeps %d bytes", len(k.burst))
		}
		if until := k.Until(); until > now+again {
			t.Errorf("it waits until %v at %v", until, now)
		}
	})
}
