package timesync

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Timestamp is a time of NTP: seconds since 1900 above the point, of an era that
// the reader has to know (RFC 5905, 6). 0 is no time.
type Timestamp uint64

// From 1900 to 1970.
const unixEpoch = 2_208_988_800

// Time is the only one in the 136 years from pivot on.
func (t Timestamp) Time(pivot time.Time) time.Time {
	const era = 1 << 32
	seconds := int64(t>>32) - unixEpoch
	seconds += (pivot.Unix() - seconds + era - 1) >> 32 << 32
	at := time.Unix(seconds, int64(uint64(uint32(t))*1e9>>32))
	if at.Before(pivot) { // by less than a second
		at = time.Unix(seconds+era, int64(at.Nanosecond()))
	}
	return at.UTC()
}

// TimestampOf is the time without its era.
func TimestampOf(t time.Time) Timestamp {
	return Timestamp(uint64(t.Unix()+unixEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9)
}

// since is the time from u to t, which are less than 68 years apart.
func (t Timestamp) since(u Timestamp) time.Duration {
	d := int64(t - u)
	return time.Duration(d>>32)*time.Second + time.Duration((d&0xffffffff)*1e9>>32)
}

// packetSize is that of a packet without extensions, which are not for us.
const packetSize = 48

// Modes of packets.
const (
	modeClient = 3
	modeServer = 4
)

// packet is what is in one (RFC 5905, 7.3).
type packet struct {
	leap, version, mode, stratum uint8

	rootDelay, rootDispersion time.Duration
	reference                 [4]byte // of stratum 0 the kiss code

	set, originate, receive, transmit Timestamp
}

// readPacket reads the packet at the beginning of b. What follows, an extension or a MAC, is passed over.
func readPacket(b []byte) (p packet, err error) {
	if len(b) < packetSize {
		return p, fmt.Errorf("%d bytes are no packet of NTP", len(b))
	}
	stamp := func(at int) Timestamp { return Timestamp(binary.BigEndian.Uint64(b[at:])) }
	p = packet{
		leap: b[0] >> 6, version: b[0] >> 3 & 7, mode: b[0] & 7, stratum: b[1],
		rootDelay: short(b[4:]), rootDispersion: short(b[8:]), reference: [4]byte(b[12:16]),
		set: stamp(16), originate: stamp(24), receive: stamp(32), transmit: stamp(40),
	}
	return p, nil
}

// short is a time of 16 bits before the point and 16 behind it.
func short(b []byte) time.Duration {
	return time.Duration(uint64(binary.BigEndian.Uint32(b)) * 1e9 >> 16)
}

// request is what a client sends. Of itself it tells nothing but the cookie, which the server sends back:
// who has not seen the request cannot answer it.
func request(cookie Timestamp) []byte {
	b := make([]byte, packetSize)
	b[0] = 4<<3 | modeClient
	binary.BigEndian.PutUint64(b[40:], uint64(cookie))
	return b
}

// Limits of what is believed.
const (
	mostDistance = 3 * time.Second // of a server from the true time, as it says itself, and of us from it
	tooEarly     = 24 * time.Hour  // before the build: the builder's clock may have been wrong, too
	tooLate      = 30              // years after it: what a machine lasts
)

// Plausible says whether now may be t, for a program that was built then.
func Plausible(t, built time.Time) bool {
	built = NotBefore(built)
	return !t.Before(built.Add(-tooEarly)) && t.Before(built.AddDate(tooLate, 0, 0))
}

// oldest is the date that a build has at least that says no date of its own.
var oldest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// NotBefore is the date of a build, of one without a date another that is not too late.
func NotBefore(built time.Time) time.Time {
	if built.Before(oldest) {
		return oldest
	}
	return built
}

var errNotOurs = errors.New("it answers no request of ours")

// kiss is what a server says that will not serve (RFC 5905, 7.4), e.g. RATE.
type kiss string

func (k kiss) Error() string { return "it refuses: " + string(k) }

// What a kiss asks for.
const (
	kissRate       = kiss("RATE") // fewer requests
	kissDeny       = kiss("DENY") // none any more
	kissRestricted = kiss("RSTR") // likewise
)

// Sample is what one answer says. It is told by the clock that begins with the
// kernel, which nobody sets while the answer is on its way.
type Sample struct {
	Zero     time.Time     // the time of day at boottime 0
	Delay    time.Duration // of the way there and back
	Distance time.Duration // so far from it may the true time be, if the server is right about itself
	Stratum  int
}

// readAnswer checks what came for the request with cookie, which was sent and answered at these boottimes.
func readAnswer(b []byte, cookie Timestamp, sent, received time.Duration, built time.Time) (Sample, error) {
	p, err := readPacket(b)
	if err != nil {
		return Sample{}, err
	}
	if p.mode != modeServer || p.originate != cookie {
		return Sample{}, errNotOurs
	}
	distance := p.rootDelay/2 + p.rootDispersion
	pivot := built.Add(-tooEarly)
	took, trip := p.transmit.since(p.receive), received-sent
	switch {
	case p.stratum == 0:
		return Sample{}, kissOf(p.reference)
	case p.leap == 3:
		return Sample{}, errors.New("its own clock is not set")
	case p.stratum > 15:
		return Sample{}, fmt.Errorf("it has no source (stratum %d)", p.stratum)
	case p.version < 1 || p.version > 4:
		return Sample{}, fmt.Errorf("version %d of NTP", p.version)
	case p.receive == 0 || p.transmit == 0:
		return Sample{}, errors.New("it says no time")
	case !Plausible(p.transmit.Time(pivot), built):
		return Sample{}, fmt.Errorf("it cannot be %s", p.transmit.Time(pivot).Format(time.DateOnly))
	case took < 0 || took > trip+tolerance:
		return Sample{}, fmt.Errorf("it says that it took %v of %v", took, trip)
	case distance > mostDistance:
		return Sample{}, fmt.Errorf("it may be wrong by %v, as it says itself", distance)
	case p.set != 0 && p.transmit.since(p.set) < 0:
		return Sample{}, errors.New("its clock was set after it answered")
	}
	delay := max(trip-took, 0)
	if delay > 2*mostDistance {
		return Sample{}, fmt.Errorf("the answer took %v", delay)
	}
	came := p.receive.Time(pivot).Add(-sent)
	left := p.transmit.Time(pivot).Add(-received)
	return Sample{
		Zero:     came.Add(left.Sub(came) / 2),
		Delay:    delay,
		Distance: distance + delay/2 + tolerance,
		Stratum:  int(p.stratum),
	}, nil
}

// tolerance is for what a slow machine needs until it looks at a clock.
const tolerance = 5 * time.Millisecond

// kissOf is the code of a server that will not serve; a server may have put anything there.
func kissOf(code [4]byte) error {
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return errors.New("it refuses, and says not why")
		}
	}
	return kiss(code[:])
}
