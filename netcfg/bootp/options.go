package bootp

import "errors"

// Options are values by their code (RFC 2132), of any length; an empty one may be nil.
type Options map[byte][]byte

// Codes that we use.
const (
	padCode          = 0
	SubnetMask       = 1
	Router           = 3
	NameServers      = 6
	HostName         = 12
	DomainName       = 15
	BroadcastAddress = 28
	TimeServers      = 42 // NTP
	RequestedAddress = 50
	LeaseTime        = 51
	Overload         = 52
	MessageType      = 53
	ServerIdentifier = 54
	ParameterList    = 55
	Text             = 56
	MaxMessageSize   = 57
	RenewalTime      = 58
	RebindingTime    = 59
	ClassIdentifier  = 60
	ClientIdentifier = 61
	FQDN             = 81 // RFC 4702
	RelayAgent       = 82 // RFC 3046
	DomainSearch     = 119
	ClasslessRoutes  = 121 // RFC 3442
	endCode          = 255
)

// Has tells whether there is an option, if only an empty one.
func (o Options) Has(code byte) bool {
	_, has := o[code]
	return has
}

var errCut = errors.New("an option that is cut off")

// read adds the options of a field. One that comes again goes on (RFC 3396). An end may be missing, as some servers and clients forget it,
// and what is too short to be an option ends them as well.
func (o Options) read(b []byte) error {
	for len(b) > 1 && b[0] != endCode {
		if b[0] == padCode {
			b = b[1:]
			continue
		}
		next := 2 + int(b[1])
		if len(b) < next {
			return errCut
		}
		o[b[0]] = append(o[b[0]], b[2:next]...)
		b = b[next:]
	}
	return nil
}

// appendTo writes all options in the order of their codes, but what relay agents wrote comes last, and the end.
func (o Options) appendTo(b []byte) []byte {
	for code := byte(padCode + 1); code < endCode; code++ {
		if code != RelayAgent {
			b = o.appendOne(b, code)
		}
	}
	return append(o.appendOne(b, RelayAgent), endCode)
}

// appendOne writes an option, in pieces where it is longer than one can say.
func (o Options) appendOne(b []byte, code byte) []byte {
	value, has := o[code]
	for has {
		n := min(len(value), 255)
		b = append(append(b, code, byte(n)), value[:n]...)
		value = value[n:]
		has = len(value) > 0
	}
	return b
}
