package wgnl

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/rtnl"
)

var (
	prefix   = netip.MustParsePrefix
	endpoint = netip.MustParseAddrPort
)

func key(b byte) (k Key)       { return Key(bytes.Repeat([]byte{b}, 32)) }
func secret(b byte) (s Secret) { return Secret(bytes.Repeat([]byte{b}, 32)) }

func of[T any](v T) *T { return &v }

// Bytes as wg(8) of wireguard-tools 1.0.20210914 sends them for the same on a little-endian machine: length and type of
// each attribute, padded to four bytes; 8000 in a type is NLA_F_NESTED.
var golden = []struct {
	name   string
	change Change
	bytes  string
}{
	{"key, port and mark", Change{PrivateKey: of(secret(0xaa)), Port: of(51820), Mark: of(uint32(51820))},
		`01010000 08000200 77673000
		 24000300` + strings.Repeat("aa", 32) + `
		 06000600 6cca0000 08000700 6cca0000`},
	{"a port alone, any", Change{Port: of(0)}, `01010000 08000200 77673000 06000600 00000000`},
	{"a peer with all that one can have", Change{Peer: &PeerChange{
		Key: key(0xbb), Preshared: of(secret(0xcc)), Endpoint: endpoint("192.0.2.1:51820"), Keepalive: of(25), Replace: true,
		Allowed: []netip.Prefix{prefix("10.8.0.2/32"), prefix("fd00::/64")}}},
		`01010000 08000200 77673000
		 bc000880 b8000080
		 24000100` + strings.Repeat("bb", 32) + `
		 24000200` + strings.Repeat("cc", 32) + `
		 14000400 0200ca6c c0000201 00000000 00000000
		 06000500 19000000
		 08000300 02000000
		 48000980
		 1c000080 06000100 02000000 08000200 0a080002 05000300 20000000
		 28000080 06000100 0a000000 14000200 fd000000 00000000 00000000 00000000 05000300 40000000`},
	{"an endpoint of IPv6", Change{Peer: &PeerChange{Key: key(0xbb), Endpoint: endpoint("[2001:db8::1]:443")}},
		`01010000 08000200 77673000
		 4c000880 48000080
		 24000100` + strings.Repeat("bb", 32) + `
		 20000400 0a0001bb 00000000 20010db8 00000000 00000000 00000001 00000000`},
	{"a peer that nothing is behind any more", Change{Peer: &PeerChange{Key: key(0xbb), Replace: true}},
		`01010000 08000200 77673000
		 38000880 34000080
		 24000100` + strings.Repeat("bb", 32) + ` 08000300 02000000 04000980`},
	{"a peer that goes", Change{Peer: &PeerChange{Key: key(0xbb), Remove: true, Keepalive: of(25)}},
		`01010000 08000200 77673000
		 34000880 30000080
		 24000100` + strings.Repeat("bb", 32) + ` 08000300 01000000`},
}

func TestChangesAreTheKernelsBytes(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes are those of little-endian machines")
	}
	for _, g := range golden {
		if got, want := hex.EncodeToString(g.change.Encode("wg0")), strings.Join(strings.Fields(g.bytes), ""); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", g.name, got, want)
		}
	}
}

// answer is what the kernel tells of a link, as it was set.
func answer(changes ...Change) (d Device) {
	for _, c := range changes {
		d.Read(c.Encode("wg0"))
	}
	return d
}

func TestWhatIsSetIsReadAgain(t *testing.T) {
	got := answer(golden[0].change, golden[2].change, Change{Peer: &PeerChange{Key: key(1), Endpoint: endpoint("[2001:db8::1]:443")}})
	want := Device{PrivateKey: secret(0xaa), Port: 51820, Mark: 51820, Peers: map[Key]Peer{
		key(0xbb): {Preshared: secret(0xcc), Endpoint: endpoint("192.0.2.1:51820"), Keepalive: 25, Allowed: []netip.Prefix{prefix("10.8.0.2/32"), prefix("fd00::/64")}},
		key(1):    {Endpoint: endpoint("[2001:db8::1]:443")},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A peer with more networks than fit into one message goes on in the next, with nothing but its key.
func TestAPeerGoesOnInTheNextMessage(t *testing.T) {
	one, other := prefix("10.1.0.0/16"), prefix("10.2.0.0/16")
	d := answer(Change{Peer: &PeerChange{Key: key(1), Keepalive: of(25), Replace: true, Allowed: []netip.Prefix{one}}},
		Change{Peer: &PeerChange{Key: key(1), Replace: true, Allowed: []netip.Prefix{other}}})
	if p := d.Peers[key(1)]; len(d.Peers) != 1 || p.Keepalive != 25 || len(p.Allowed) != 2 || p.Allowed[1] != other {
		t.Errorf("got %v", d)
	}
}

func TestWhatThePeerHasDoneIsRead(t *testing.T) {
	var peer, list, message rtnl.Body
	at := time.Unix(1700000000, 5)
	k := key(1)
	peer.Add(peerPublicKey, k[:])
	peer.Add(peerHandshake, binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, uint64(at.Unix())), 5))
	peer.Add(peerReceived, binary.NativeEndian.AppendUint64(nil, 1<<40))
	peer.Add(peerSent, binary.NativeEndian.AppendUint64(nil, 7))
	list.Nest(0, peer)
	message = header(getDevice)
	message.Nest(devicePeers, list)
	var d Device
	d.Read(message)
	if p := d.Peers[k]; !p.Handshake.Equal(at) || p.Received != 1<<40 || p.Sent != 7 {
		t.Errorf("got %v", p)
	}
}

func TestASecretHasNoText(t *testing.T) {
	c := Device{PrivateKey: secret(0xaa), Peers: map[Key]Peer{key(1): {Preshared: secret(0xaa)}}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, c); strings.Contains(text, "170") || strings.Contains(strings.ToLower(text), "0xaa") || strings.Contains(text, "aaaa") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func TestAPrivateKeyIsKeptAsTheKernelKeepsIt(t *testing.T) {
	got := Secret(bytes.Repeat([]byte{0xff}, 32)).Clamped()
	if got[0] != 0xf8 || got[31] != 0x7f || got[15] != 0xff || got.Clamped() != got {
		t.Errorf("%x", got[:])
	}
}

func FuzzRead(f *testing.F) {
	for _, g := range golden {
		f.Add(g.change.Encode("wg0"))
	}
	f.Add([]byte{0, 1, 0, 0, 8, 0, 8, 0x80, 4, 0, 0, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Device
		d.Read(b)
		d.Read(b)
		for _, p := range d.Peers {
			for _, a := range Sort(p.Allowed) {
				if !a.IsValid() {
					t.Errorf("%v is no network", a)
				}
			}
		}
		if d.Port < 0 || d.Port > 65535 || len(d.Peers)*36 > len(b) {
			t.Errorf("port %d, %d peers of %d bytes", d.Port, len(d.Peers), len(b))
		}
	})
}
