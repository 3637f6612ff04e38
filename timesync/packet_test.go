package timesync

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

var built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func TestTimestampsAcrossTheEras(t *testing.T) {
	for _, text := range []string{
		"2026-10-31T00:00:00Z",
		"2036-02-07T06:28:15.5Z", // the last second of NTP's first era
		"2036-02-07T06:28:16Z",   // its seconds begin again at 0
		"2036-02-07T06:28:17.25Z",
		"2038-01-19T03:14:08Z", // where 32 bits of Unix end
		"2106-02-07T06:28:16Z", // and without sign
		"2162-12-01T00:00:00Z",
	} {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		got := TimestampOf(want).Time(built.Add(-tooEarly))
		if d := got.Sub(want).Abs(); d > time.Nanosecond {
			t.Errorf("%s: got %s", text, got.Format(time.RFC3339Nano))
		}
	}
	// What is before the pivot is a time of the next era.
	if got := TimestampOf(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Time(built); got.Year() != 2136 {
		t.Errorf("2000 is taken for %v", got)
	}
}

func FuzzATimeIsInThe136YearsFromThePivot(f *testing.F) {
	f.Add(uint64(1), int64(1_790_000_000))
	f.Add(uint64(0xffffffff_ffffffff), int64(-1))
	f.Fuzz(func(t *testing.T, stamp uint64, seconds int64) {
		pivot := time.Unix(seconds%(1<<36), 0)
		at := Timestamp(stamp).Time(pivot)
		if at.Before(pivot) || at.Unix()-pivot.Unix() >= 1<<32 {
			t.Errorf("%v from %v", at, pivot)
		}
		if d := Timestamp(stamp).since(TimestampOf(at)); d < 0 || d > 2 {
			t.Errorf("%x became %v", stamp, at)
		}
	})
}

// answer is what a good server says to a request with cookie, which arrives at this time and takes a millisecond.
func answer(cookie Timestamp, at time.Time) []byte {
	b := make([]byte, packetSize)
	b[0], b[1] = 4<<3|modeServer, 2
	binary.BigEndian.PutUint32(b[4:], 655)  // 10 ms to the root
	binary.BigEndian.PutUint32(b[8:], 1311) // and 20 ms wrong at most
	copy(b[12:], []byte{192, 0, 2, 1})
	put := func(at int, v Timestamp) { binary.BigEndian.PutUint64(b[at:], uint64(v)) }
	put(16, TimestampOf(at.Add(-100*time.Second)))
	put(24, cookie)
	put(32, TimestampOf(at))
	put(40, TimestampOf(at.Add(time.Millisecond)))
	return b
}

func TestAnAnswerTellsTheTimeByTheKernelsClock(t *testing.T) {
	// The request was sent at 100 s, and came to the server at noon; the answer was here at 100.041 s.
	noon := time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)
	s, err := readAnswer(answer(7, noon), 7, 100*time.Second, 100*time.Second+41*time.Millisecond, built)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want time.Duration) {
		if (got - want).Abs() > time.Microsecond {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("time", s.Zero.Sub(noon.Add(-100*time.Second-20*time.Millisecond)), 0)
	near("delay", s.Delay, 40*time.Millisecond)
	near("distance", s.Distance.Round(time.Millisecond), 20*time.Millisecond+25*time.Millisecond+tolerance)
	if s.Stratum != 2 {
		t.Errorf("stratum %d", s.Stratum)
	}
}

func TestAnswersThatAreNotBelieved(t *testing.T) {
	at := time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)
	stamp := func(offset int, v time.Time) func(b []byte) []byte {
		return func(b []byte) []byte { binary.BigEndian.PutUint64(b[offset:], uint64(TimestampOf(v))); return b }
	}
	both := func(v time.Time) func(b []byte) []byte {
		return func(b []byte) []byte { return stamp(40, v)(stamp(32, v)(stamp(16, time.Unix(-unixEpoch, 0))(b))) }
	}
	set := func(offset int, v ...byte) func(b []byte) []byte {
		return func(b []byte) []byte { copy(b[offset:], v); return b }
	}
	refusal := func(code string) func(b []byte) []byte {
		return func(b []byte) []byte { b[1] = 0; copy(b[12:16], code); return b }
	}
	for _, tt := range []struct {
		name   string
		change func(b []byte) []byte
		want   string
	}{
		{"another cookie", set(24, 0, 0, 0, 0, 0, 0, 0, 8), "no request of ours"},
		{"no cookie", set(24, 0, 0, 0, 0, 0, 0, 0, 0), "no request of ours"},
		{"our own request sent back", func([]byte) []byte { return request(7) }, "no request of ours"},
		{"a broadcast", set(0, 4<<3|5), "no request of ours"},
		{"a peer's", set(0, 4<<3|1), "no request of ours"},
		{"cut off", func(b []byte) []byte { return b[:47] }, "47 bytes"},
		{"empty", func([]byte) []byte { return nil }, "0 bytes"},
		{"leap 3", set(0, 3<<6|4<<3|4), "not set"},
		{"stratum 16", set(1, 16), "no source (stratum 16)"},
		{"stratum 255", set(1, 255), "no source"},
		{"version 0", set(0, 4), "version 0"},
		{"version 7", set(0, 7<<3|4), "version 7"},
		{"stratum 0, RATE", refusal("RATE"), "refuses: RATE"},
		{"stratum 0 with escapes", refusal("\x1b[2J"), "says not why"},
		{"no transmit time", set(40, 0, 0, 0, 0, 0, 0, 0, 0), "no time"},
		{"no receive time", set(32, 0, 0, 0, 0, 0, 0, 0, 0), "no time"},
		{"a root far away", set(4, 0, 7), "may be wrong by"},
		{"a negative root delay", set(4, 0xff), "may be wrong by"},
		{"a root that is wrong", set(8, 0, 4), "may be wrong by"},
		{"answered before it came", stamp(40, at.Add(-time.Second)), "took -1"},
		{"answered later than it was here", stamp(40, at.Add(time.Second)), "took 1"},
		{"set after it answered", stamp(16, at.Add(time.Hour)), "set after"},
		{"of 1970", both(time.Unix(1, 0)), "cannot be 2106-02-07"},
		{"of 2001", both(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)), "cannot be 2137"},
		{"of the day before yesterday of the build", both(built.AddDate(0, 0, -2)), "cannot be 2162"},
		{"of 2077", both(time.Date(2077, 1, 1, 0, 0, 0, 0, time.UTC)), "cannot be 2077"},
		{"of 2106", both(time.Date(2106, 3, 1, 0, 0, 0, 0, time.UTC)), "cannot be 2106-03-01"},
	} {
		_, err := readAnswer(tt.change(answer(7, at)), 7, 0, 20*time.Millisecond, built)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(b []byte) []byte
	}{
		{"as it is", func(b []byte) []byte { return b }},
		{"with a MAC behind it", func(b []byte) []byte { return append(b, make([]byte, 20)...) }},
		{"with a leap second to come", set(0, 1<<6|4<<3|4)},
		{"of version 3", set(0, 3<<3|4)},
		{"of stratum 15", set(1, 15)},
		{"of a server that has just been set", set(16, 0, 0, 0, 0, 0, 0, 0, 0)},
		{"after the rollover of 2036", both(time.Date(2036, 2, 7, 6, 28, 17, 0, time.UTC))},
		{"of 2038", both(time.Date(2038, 2, 1, 0, 0, 0, 0, time.UTC))},
	} {
		if _, err := readAnswer(tt.change(answer(7, at)), 7, 0, 20*time.Millisecond, built); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := readAnswer(answer(7, at), 7, 0, 7*time.Second, built); err == nil {
		t.Error("an answer after 7 s is believed")
	}
}

// What is all zero seconds of NTP was 1900 and is 2036; nothing tells the two apart but the other servers.
func TestTheYear1900IsTheRollover(t *testing.T) {
	at := time.Date(1900, 1, 1, 0, 0, 1, 0, time.UTC)
	if got := TimestampOf(at).Time(built); !got.Equal(time.Date(2036, 2, 7, 6, 28, 17, 0, time.UTC)) {
		t.Errorf("got %v", got)
	}
}

func FuzzNoAnswerMovesTheClockOutOfBounds(f *testing.F) {
	f.Add(answer(7, built.AddDate(1, 0, 0)), int64(time.Millisecond))
	f.Fuzz(func(t *testing.T, b []byte, trip int64) {
		trip = (trip%int64(10*time.Second) + int64(10*time.Second)) % int64(10*time.Second)
		s, err := readAnswer(b, 7, 0, time.Duration(trip), built)
		if err != nil {
			return
		}
		if !Plausible(s.Zero.Add(10*time.Second), built) && !Plausible(s.Zero.Add(-10*time.Second), built) {
			t.Errorf("it may be %v", s.Zero)
		}
		if s.Delay < 0 || s.Distance <= 0 || s.Distance > 2*mostDistance+time.Second || s.Stratum < 1 || s.Stratum > 15 {
			t.Errorf("%+v", s)
		}
	})
}
