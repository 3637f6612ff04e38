// Package zone knows the time zones of the world by name, and makes the file of
// one as all programs read it, /etc/localtime.
//
// Of each zone it knows the rule that holds now, not those of the past: a time of
// long ago may be shown as the clocks of today would have it. Where the law follows
// the moon, in Morocco and Palestine, the rule is that of most of the year.
package zone

import (
	_ "embed"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// UTC is the zone without a rule.
const UTC = "UTC"

// rules has lines of a rule as POSIX writes TZ and the names of the zones that follow it.
//
//go:embed rules.txt
var rules string

// Rule is a zone's, e.g. CET-1CEST,M3.5.0,M10.5.0/3 of Europe/Berlin; "" if there is no such zone.
func Rule(name string) string {
	if name == "" || strings.ContainsAny(name, " \n") {
		return ""
	}
	for at := 0; ; {
		i := strings.Index(rules[at:], " "+name)
		if i < 0 {
			return ""
		}
		begin := at + i
		at = begin + 1 + len(name)
		if at == len(rules) || rules[at] == ' ' || rules[at] == '\n' { // else a longer name begins so
			rule, _, _ := strings.Cut(rules[strings.LastIndexByte(rules[:begin], '\n')+1:], " ")
			return rule
		}
	}
}

// Names are all zones, sorted.
func Names() (names []string) {
	for line := range strings.Lines(rules) {
		names = append(names, strings.Fields(line)[1:]...)
	}
	slices.Sort(names)
	return names
}

// File is the text of /etc/localtime for a rule (RFC 9636, version 2): one zone, that
// of the rule's standard time, from long ago on, and the rule for all that comes.
// It is nil if the rule has no name and offset to begin with.
func File(rule string) []byte {
	name, offset, ok := standard(rule)
	if !ok {
		return nil
	}
	var b []byte
	block := func(version byte, size int, transition []byte) {
		b = append(b, "TZif"...)
		b = append(b, version)
		b = append(b, make([]byte, 15)...)
		for _, count := range []int{0, 0, 0, len(transition) / size, 1, len(name) + 1} {
			b = binary.BigEndian.AppendUint32(b, uint32(count))
		}
		b = append(b, transition...)
		if len(transition) > 0 {
			b = append(b, 0) // to the only type
		}
		b = binary.BigEndian.AppendUint32(b, uint32(int32(offset)))
		b = append(b, 0, 0) // no summer time; the name's place
		b = append(append(b, name...), 0)
	}
	block('2', 4, nil)
	// C libraries follow the rule only behind a transition.
	long := int64(-1 << 31)
	block('2', 8, binary.BigEndian.AppendUint64(nil, uint64(long)))
	return append(append(append(b, '\n'), rule...), '\n')
}

// standard reads the name and the seconds east of Greenwich at the beginning of a rule.
func standard(rule string) (name string, offset int, ok bool) {
	end := 0
	if strings.HasPrefix(rule, "<") {
		end = strings.IndexByte(rule, '>')
		if end < 0 {
			return "", 0, false
		}
		name, rule = rule[1:end], rule[end+1:]
	} else {
		for end < len(rule) && (rule[end]|0x20) >= 'a' && (rule[end]|0x20) <= 'z' {
			end++
		}
		name, rule = rule[:end], rule[end:]
	}
	if len(name) < 3 || len(name) > 16 || strings.ContainsAny(rule, "\n\x00") {
		return "", 0, false
	}
	sign := -1 // TZ counts to the west
	if rule != "" && (rule[0] == '-' || rule[0] == '+') {
		if rule[0] == '-' {
			sign = 1
		}
		rule = rule[1:]
	}
	unit, digits, fields := 3600, 0, [3]int{}
	at := 0
	for ; rule != ""; rule = rule[1:] {
		switch c := rule[0]; {
		case c >= '0' && c <= '9' && digits < 3:
			fields[at] = fields[at]*10 + int(c-'0')
			digits++
			continue
		case c == ':' && digits > 0 && at < 2:
			at, digits = at+1, 0
			continue
		}
		break
	}
	for i := range fields {
		offset += fields[i] * unit
		unit /= 60
	}
	return name, sign * offset, digits > 0 && offset <= 167*3600
}

// Location is the zone of TZ, which holds a name or a rule; nil for others, of which UTC stands in for all.
func Location(tz string) *time.Location {
	rule := Rule(tz)
	if rule == "" {
		rule = tz
	}
	where, err := time.LoadLocationFromTZData(tz, File(rule))
	if err != nil {
		return nil
	}
	return where
}
