package http1

import (
	"strings"
	"testing"

	"bantam/http1/rawserver"
)

func moved(to string) rawserver.Answer { return rawserver.Say(307, "gone", "Location: "+to) }

func TestRedirectsAreFollowedAndSecretsStay(t *testing.T) {
	for claim, c := range map[string]struct {
		location string
		address  string // that is asked in the end
		path     string
		secret   bool
	}{
		"to another path":      {"/y?z=1", "nas.example.org:80", "/y?z=1", true},
		"to a relative path":   {"y", "nas.example.org:80", "/a/y", true},
		"to the same server":   {"http://NAS.example.org:80/y#z", "nas.example.org:80", "/y", true},
		"to another host":      {"http://cdn.example.net/y", "cdn.example.net:80", "/y", false},
		"to another port":      {"http://nas.example.org:8080/y", "nas.example.org:8080", "/y", false},
		"to a lower domain":    {"http://cdn.nas.example.org/y", "cdn.nas.example.org:80", "/y", false},
		"without a scheme":     {"//cdn.example.net/y", "cdn.example.net:80", "/y", false},
		"there and back again": {"http://cdn.example.net/back", "nas.example.org:80", "/y", false},
	} {
		t.Run(claim, func(t *testing.T) {
			s, client := one(t, func(r rawserver.Request) rawserver.Answer {
				if r.Path == "/a/x" {
					return moved(c.location)
				}
				return rawserver.Say(200, "found")
			})
			elsewhere := func(r rawserver.Request) rawserver.Answer {
				if r.Path == "/back" {
					return moved("http://nas.example.org/y")
				}
				return rawserver.Say(200, "found")
			}
			for _, address := range []string{"cdn.example.net:80", "nas.example.org:8080", "cdn.nas.example.org:80"} {
				s.Host(address, nil, elsewhere)
			}
			a, body, err := read(client.Follow(t.Context(), &Request{Method: "GET", URL: parse(t, "http://nas.example.org/a/x"), Secret: "Bearer token",
				Fields: []Field{{"Range", "bytes=5-"}}}))
			if err != nil || body != "found" {
				t.Fatalf("got %q, %v", body, err)
			}
			all := s.Requests()
			last := all[len(all)-1]
			if last.Address != c.address || last.Path != c.path || Origin(a.URL) != "http://"+c.address {
				t.Errorf("it leads to %s %s (%v), want %s %s", last.Address, last.Path, a.URL, c.address, c.path)
			}
			if got := last.Field("Authorization") != ""; got != c.secret {
				t.Errorf("the token was sent: %t, want %t", got, c.secret)
			}
			if last.Field("Range") != "bytes=5-" {
				t.Error("the range was lost")
			}
		})
	}
}

func TestEachAnswerIsHeardAndWhereARedirectLedIsTold(t *testing.T) {
	_, client := one(t, always(moved("https://cdn.example.net/y?key=secret")))
	var heard []int
	client.Heard = func(a *Response) { heard = append(heard, a.Status) }
	_, _, err := fetch(t, client, "http://nas.example.org/x")
	if want := "nas.example.org: it redirects: cdn.example.net: this program does not speak TLS"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if len(heard) != 1 || heard[0] != 307 {
		t.Errorf("heard %v", heard)
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	for claim, c := range map[string]struct{ location, want string }{
		"to itself":        {"http://nas.example.org/x", "more than 10 times"},
		"to nowhere":       {"", "not where to"},
		"to a file":        {"file:///etc/passwd", "no address"},
		"to no address":    {"http://%zz/", "no address"},
		"with a password":  {"http://user:secret@nas.example.org/x", "password"},
		"to no host":       {"http:///x", "no address"},
		"with a line feed": {"http://nas.example.org/x?a b", "cannot be sent"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, client := one(t, always(moved(c.location)))
			if _, _, err := fetch(t, client, "http://nas.example.org/x"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	secure, plain := parse(t, "https://nas.example.org/x"), parse(t, "http://nas.example.org/x")
	if to, err := Redirect(secure, "http://nas.example.org/x"); err == nil || !strings.Contains(err.Error(), "without TLS") {
		t.Errorf("from https to http: %v, %v", to, err)
	}
	if _, err := Redirect(plain, "https://nas.example.org/x"); err != nil {
		t.Errorf("from http to https: %v", err)
	}
}
