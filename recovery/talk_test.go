package recovery

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"bantam/board"
	"bantam/recovery/loadertest"
)

// A desk is a job, the loader that it talks to, and the line between them, with a clock of its own.
type desk struct {
	t      *testing.T
	loader *loadertest.Loader
	job    *Job
	random *rand.Rand
	faulty float64 // of bytes, each by itself
	cut    int     // the line breaks behind so many bytes that were sent; 0: never
	limit  time.Duration

	interrupt int // Ctrl-C comes behind so many bytes that were sent; 0: never
	network   bool
	sent      int
	passed    time.Duration
	said      []string
}

var errCut = errors.New("the line is cut")

// sit is a job on an image, at a loader that is at its prompt.
func sit(t *testing.T, content []byte, change func(d *desk)) *desk {
	t.Helper()
	d := &desk{t: t, random: rand.New(rand.NewSource(3)), limit: 24 * time.Hour,
		loader: &loadertest.Loader{Medium: make([]byte, 4<<20), Names: "toy"}}
	b, problems := board.Parse("toy.toml", "toy", []byte(loadertest.Board+"tftp = [\"tftp {address} {file}\"]\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d.job = &Job{Rescue: b.Rescue.Usual(), Image: bytes.NewReader(content), Size: int64(len(content)), Name: "toy", Wait: 2 * time.Minute,
		Say: func(line string) { d.said = append(d.said, line) }}
	d.job.Rescue.Piece = 64 << 10
	if change != nil {
		change(d)
	}
	return d
}

func (d *desk) carry(b []byte) (out []byte) {
	for _, c := range b {
		switch {
		case d.random.Float64() >= d.faulty:
			out = append(out, c)
		case d.random.Intn(2) == 0:
			out = append(out, c^byte(1<<d.random.Intn(8)))
		}
	}
	return out
}

// run has the conversation.
func (d *desk) run() error {
	talk := d.job.Begin()
	defer talk.Stop()
	baud, now, in := 115200, time.Unix(1_000_000, 0), []byte(nil)
	began := now
	for now.Sub(began) < d.limit {
		turn, more := talk.Step(now, in)
		d.sent += len(turn.Send)
		in = d.carry(d.loader.Step(d.carry(turn.Send), baud, 0))
		if turn.Serve != nil && d.network {
			d.loader.Serves = turn.Serve
		}
		if turn.Baud != 0 {
			baud = turn.Baud
		}
		if d.passed = now.Sub(began); !more {
			return talk.Err()
		}
		if d.interrupt > 0 && d.sent > d.interrupt {
			d.interrupt = 0
			talk.Interrupt()
			in = append(in, d.carry(d.loader.Step(nil, baud, 0))...)
		}
		if d.cut > 0 && d.sent > d.cut {
			return errCut
		}
		now = now.Add(time.Duration(len(turn.Send)) * 10 * time.Second / time.Duration(baud))
		for len(in) == 0 && now.Before(turn.Until) {
			const tick = 10 * time.Millisecond
			now = now.Add(tick)
			in = d.carry(d.loader.Step(nil, baud, tick))
		}
	}
	d.t.Fatalf("it goes on for ever; said %q, commands %q", d.said, d.loader.Commands[max(0, len(d.loader.Commands)-10):])
	return nil
}

func (d *desk) wantMedium(content []byte) {
	d.t.Helper()
	if !bytes.HasPrefix(d.loader.Medium, content) {
		d.t.Error("the medium does not begin with the image")
	}
}

// mixed is noise, zeros, noise.
func mixed(size int) []byte {
	b := make([]byte, size)
	r := rand.New(rand.NewSource(int64(size)))
	r.Read(b[:size/3])
	r.Read(b[size/3*2:])
	return b
}

func TestAnImageIsLoadedWrittenAndReadBack(t *testing.T) {
	for _, size := range []int{512, 64 << 10, 64<<10 + 512, 300<<10 + 512} {
		content := mixed(size)
		d := sit(t, content, nil)
		if err := d.run(); err != nil {
			t.Fatalf("%d bytes: %v; %q", size, err, d.said)
		}
		d.wantMedium(content)
		if got := d.loader.Commands[len(d.loader.Commands)-1]; got != "reset" {
			t.Errorf("the last command was %q", got)
		}
		again := sit(t, content, func(d *desk) { d.loader.Medium = append([]byte(nil), content...) })
		again.loader.Medium = append(again.loader.Medium, make([]byte, 1<<20)...)
		if err := again.run(); err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(again.loader.Commands, "\n"); strings.Contains(all, "write ") || strings.Contains(all, "loady") {
			t.Errorf("what was there was written again:\n%s", all)
		}
	}
}

// Behind a boot loader, which stays.
func TestAnImageBeginsWhereTheBoardSays(t *testing.T) {
	content := mixed(100_000)
	d := sit(t, content, func(d *desk) {
		d.job.Rescue.Start, d.job.Rescue.Block, d.job.Rescue.Piece = 64<<10, 64<<10, 64<<10
		d.job.Rescue.Write, d.job.Rescue.Read = []string{"update {address} {offset} {bytes}"}, []string{"fetch {address} {offset} {bytes}"}
		d.job.Rescue.Found = ""
		for i := range d.loader.Medium {
			d.loader.Medium[i] = 0x55
		}
	})
	if err := d.run(); err != nil {
		t.Fatalf("%v; %q", err, d.said)
	}
	want := append(bytes.Repeat([]byte{0x55}, 64<<10), content...)
	want = append(want, bytes.Repeat([]byte{0xff}, 128<<10-len(content))...)
	d.wantMedium(append(want, 0x55))
}

// Two of a hundred bytes are lost or altered, each by itself, in both directions: commands, answers and blocks.
func TestALineThatLosesTwoOfAHundredBytes(t *testing.T) {
	content := mixed(24 << 10)
	for seed := range int64(10) {
		d := sit(t, content, func(d *desk) {
			d.faulty, d.random = 0.02, rand.New(rand.NewSource(seed))
			d.job.Rescue.Piece = 8 << 10
			d.loader.Boots, d.loader.Count = []string{"\r\nU-Boot\r\n", "Hit any key to stop autoboot:  3 "}, 3
			d.job.Rescue.StopAt = "stop autoboot"
		})
		if err := d.run(); err != nil {
			t.Fatalf("seed %d: %v; %q", seed, err, d.said)
		}
		d.wantMedium(content)
		t.Logf("seed %d: %v for %d bytes, %d commands, %d loads", seed, d.passed.Round(time.Second), len(content), len(d.loader.Commands), strings.Count(strings.Join(d.loader.Commands, "\n"), "loady"))
	}
}

// Wherever the line breaks, the same command goes on: what has come onto the medium is not loaded again.
func TestALineThatBreaksAnywhere(t *testing.T) {
	content := mixed(200 << 10)
	whole := sit(t, content, nil)
	if err := whole.run(); err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < whole.sent; cut += whole.sent / 41 {
		d := sit(t, content, func(d *desk) { d.cut = cut })
		if err := d.run(); !errors.Is(err, errCut) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		for range 3000 { // half a minute passes
			d.loader.Step(nil, 115200, 10*time.Millisecond)
		}
		first := d.sent
		d.cut, d.sent = 0, 0
		if err := d.run(); err != nil {
			t.Fatalf("again after a cut at %d: %v; %q", cut, err, d.said)
		}
		d.wantMedium(content)
		if most := whole.sent + 80<<10; first+d.sent > most {
			t.Errorf("cut at %d: %d and %d bytes were sent, more than %d", cut, first, d.sent, most)
		}
	}
}

func TestWhatIsSaidWhenItCannotBe(t *testing.T) {
	content := mixed(64 << 10)
	linux := "\r\nStarting kernel ...\r\n\r\nLinux version 6.1\r\nlogin: "
	starts := []string{linux, "", "", "", "", linux, "", "", "", "", linux, "", "", "", ""} // one piece a second
	for _, test := range []struct {
		name   string
		change func(d *desk)
		want   string
	}{
		{"nothing comes", func(d *desk) { d.loader.Deaf, d.job.Wait = true, 30*time.Second },
			"nothing came from the board in 30s: is it on, are its TX and our RX connected"},
		{"another prompt", func(d *desk) { d.loader.Prompt = "MT7621 # " },
			`it shows the prompt "MT7621 # ", and the board's file says "=> ": [rescue] prompt = "MT7621 # "`},
		{"a password", func(d *desk) {
			d.loader.Boots, d.loader.Deaf = append([]string{"\r\nU-Boot 1.1.4\r\n", "Autobooting, enter password to stop\r\n"}, starts...), true
		}, `its boot loader wants a password to stop ("Autobooting, enter password to stop"): [rescue] stop = "PASSWORD\r" in a board's file of your own`},
		{"another key", func(d *desk) {
			d.loader.Boots, d.loader.Deaf = append([]string{"\r\nU-Boot 1.1.4\r\n"}, starts...), true
		}, `its system started 3 times although " " was typed: another key stops it ([rescue] stop), or nothing does`},
		{"silence before its system", func(d *desk) {
			d.loader.Boots, d.loader.Deaf = starts, true
			d.job.Rescue.StopAt = "Hit any key"
		}, `its system started 3 times, and its boot loader never said "Hit any key": it may be silent, or say something else: [rescue] stop_at`},
		{"another speed", func(d *desk) {
			d.loader.Boots, d.loader.Deaf = []string{"\x80\xf8\x00\xff\x80\xfe\xc0\x80\xf8\x00\xff\x80\xfe\xc0"}, true
		}, "what comes is no text: is 115200 baud its speed? --baud names another"},
		{"another board", func(d *desk) { d.loader.Names = "other" },
			"this is another board than toy: `printenv board_name` says \"board_name=other\", not \"board_name=toy\"; nothing was changed; --force"},
		{"a medium that is too small", func(d *desk) { d.loader.Medium = make([]byte, 4096) },
			"the image has 65536 bytes and there are 4096 on its medium; nothing was changed"},
		{"no medium", func(d *desk) { d.job.Rescue.Found = "no such (.)" }, "its medium is not found: `medium` says \"medium of 8192 blocks\""},
		{"a command that it has not", func(d *desk) { d.job.Rescue.Prepare = []string{"mmc dev 0"} },
			"the boot loader answers `mmc dev 0` with: Unknown command 'mmc' - try 'help'"},
		{"no command to load", func(d *desk) { d.job.Rescue.Line = "loadx {address}" }, "the boot loader answers `loadx {address}` with: Unknown command"},
		{"a medium that takes nothing", func(d *desk) { d.loader.Worn = true },
			"bytes 0 to 65535: the medium gives back something else than was written: it is worn out or write-protected. `write 40200000 0 80` said \"128 blocks"},
		{"no memory", func(d *desk) { d.loader.Full, d.job.Rescue.Block, d.job.Rescue.Piece = true, 4096, 4096 },
			"of its memory 1024 bytes are free from 0x40200000 on, less than one block of 4096: [rescue] address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := sit(t, content, test.change)
			before := append([]byte(nil), d.loader.Medium...)
			err := d.run()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q; said %q", err, test.want, d.said)
			}
			if !bytes.Equal(before, d.loader.Medium) {
				t.Error("the medium was changed")
			}
		})
	}
}

func TestALoaderThatAnswersLate(t *testing.T) {
	content := mixed(64 << 10)
	d := sit(t, content, func(d *desk) {
		d.loader.Late = 1200 * time.Millisecond
		d.loader.Boots = append(make([]string, 60), "\r\nU-Boot\r\n", "Hit any key to stop autoboot:  3 ") // a minute of silence
		d.loader.Count, d.loader.After = 3, "\r\nStarting kernel ...\r\n"
	})
	if err := d.run(); err != nil {
		t.Fatalf("%v; %q", err, d.said)
	}
	d.wantMedium(content)
}

func TestLoadsGoAtTheHighestSpeedThatHolds(t *testing.T) {
	content := mixed(64 << 10)
	for _, test := range []struct {
		holds []int
		said  string
	}{
		{[]int{115200, 1_500_000}, ""},
		{[]int{115200, 921_600}, "1500000 baud do not come through"},
		{[]int{115200}, "921600 baud do not come through"},
	} {
		d := sit(t, content, func(d *desk) {
			d.loader.Speeds = test.holds
			d.job.Rescue.Fast = []int{1_500_000, 921_600}
			say := d.job.Say
			d.job.Say = func(line string) {
				if say(line); strings.Contains(line, "reset the board") {
					d.loader.Again()
				}
			}
		})
		err := d.run()
		if err != nil {
			t.Fatalf("%v: %v; %q", test.holds, err, d.said)
		}
		d.wantMedium(content)
		if all := fmt.Sprint(d.said); !strings.Contains(all, test.said) {
			t.Errorf("%v: said %q, want %q", test.holds, d.said, test.said)
		}
	}
}

func TestNearFindsDamagedWords(t *testing.T) {
	for text, want := range map[string]bool{
		"Hit any key to stop autoboot:  2": true, "Hit any key to stp autobot:  2": true, "xxHit nyxkey to stop auto": false,
		"stop autoboot": true, "stop  auto\x80oot": true, "": false, "stop": false, "atop outobot": false,
	} {
		if got := near([]byte(text), "stop autoboot"); got != want {
			t.Errorf("near(%q) = %v", text, got)
		}
	}
}

func TestLoadsComeByTFTPOrElseOverTheLine(t *testing.T) {
	content := mixed(200 << 10)
	for _, network := range []bool{true, false} {
		d := sit(t, content, func(d *desk) { d.job.ByTFTP, d.network = true, network })
		d.loader.Serves = nil
		if err := d.run(); err != nil {
			t.Fatalf("network %v: %v; %q", network, err, d.said)
		}
		d.wantMedium(content)
		all := strings.Join(d.loader.Commands, "\n")
		if strings.Contains(all, "loady") == network || (d.loader.Fetched > 0) != network {
			t.Errorf("network %v: fetched %d times;\n%s", network, d.loader.Fetched, all)
		}
		if said := strings.Join(d.said, "\n"); !network && !strings.Contains(said, "TFTP does not work (the boot loader answers `tftp 40200000 image` with: Retry count exceeded; starting again); going on over the line") {
			t.Error(said)
		}
	}
}

// Whenever a person has had enough, the boot loader is at its prompt afterwards.
func TestCtrlCLeavesTheLoaderAtItsPrompt(t *testing.T) {
	content := mixed(100 << 10)
	whole := sit(t, content, nil)
	if err := whole.run(); err != nil {
		t.Fatal(err)
	}
	for at := 1; at < whole.sent-10; at += whole.sent / 61 {
		d := sit(t, content, func(d *desk) { d.interrupt = at })
		if err := d.run(); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("at %d: %v", at, err)
		}
		d.loader.Step(nil, 115200, time.Second)
		if !d.loader.AtPrompt() {
			t.Errorf("interrupted behind %d bytes: it is not at its prompt", at)
		}
	}
}

func TestWhatWasStartedProvesItself(t *testing.T) {
	const start = "Starting kernel ...\r\n"
	for _, test := range []struct {
		name   string
		starts string
		status []string
		said   string
		fault  string
	}{
		{"at once", start + "\x1b[6n" + loadertest.Shell, []string{"generation  1, good"}, "it runs generation 1, proven", ""},
		{"after a while", start + "\x1b[6n" + loadertest.Shell, []string{"generation  1, untried", "generation  1, untried", "generation  1, good"}, "it runs, and is untried so far\nit runs generation 1, proven", ""},
		{"behind a login", start + "gate login: ", nil, "it runs, and asks for a login on its console; `bantam status` there says whether it is proven", ""},
		{"never", start + "[    1.0] Kernel panic - not syncing", nil, "", `the image is on it, and does not start: it says "Kernel panic"`},
		{"not even begun", "U-Boot 2023.01\r\n=> ", nil, "", "the image is on it, and the boot loader does not start it: it is at its prompt again"},
		{"in the middle of a sum", "U-Boot 2023.01\r\ncrc32 for 40301000 ... 403013ff ==> ", nil, "", "the image is on it, and nothing has proven itself in 5m0s; bantam console shows what it says"},
		{"in silence", start, nil, "", "the image is on it, and nothing has proven itself in 5m0s; bantam console shows what it says"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := sit(t, mixed(4096), func(d *desk) { d.job.Ours, d.loader.Starts, d.loader.Status = true, test.starts, test.status })
			err := d.run()
			if (err == nil) != (test.fault == "") || err != nil && err.Error() != test.fault {
				t.Errorf("got %v, want %q", err, test.fault)
			}
			if said := strings.Join(d.said, "\n"); !strings.HasSuffix(said, test.said) {
				t.Errorf("it says %q, want %q", said, test.said)
			}
		})
	}
}
