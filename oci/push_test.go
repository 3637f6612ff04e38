package oci

import (
	"errors"
	"strings"
	"testing"

	"bantam/http1/rawserver"
	"bantam/switcher"
)

// taking is a registry that has nothing and takes what comes, but for what give answers.
func taking(give func(request) (answer, bool)) func(request) answer {
	return func(r request) answer {
		if a, ok := give(r); ok {
			return a
		}
		switch r.Method {
		case "POST":
			return rawserver.Say(202, "", "Location: /v2/pc/blobs/uploads/7?_state=a%3D")
		case "PUT":
			return rawserver.Say(201, "")
		}
		return answer{Raw: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}
	}
}

func TestAPushSendsBlobsThenSignaturesThenTheManifest(t *testing.T) {
	m := newMachineOf(100, 9).sign()
	s, o := at(t, taking(func(request) (answer, bool) { return answer{}, false }))
	push(t, "http://registry.example.org/pc:1", o, m)
	var puts []string
	for _, r := range s.Requests() {
		if r.Method != "PUT" {
			continue
		}
		if strings.Contains(r.Path, "/uploads/") {
			if want := "/v2/pc/blobs/uploads/7?_state=a%3D&digest=sha256%3A" + switcher.DigestOf(r.Body).Hex(); r.Path != want {
				t.Errorf("%s with bytes of %s", r.Path, want)
			}
			puts = append(puts, "blob")
			continue
		}
		puts = append(puts, strings.TrimPrefix(r.Path, "/v2/pc/manifests/"))
	}
	// config, system.toml, kernel, modules; config and payload of the signature
	if want := "blob blob blob blob blob blob " + SignatureTag(m.digest()) + " 1"; strings.Join(puts, " ") != want {
		t.Errorf("got %q, want %s", puts, want)
	}
}

func TestAHostileRegistryEndsAPushWithItsReasonAndWithoutATag(t *testing.T) {
	for _, c := range []struct {
		claim        string
		method, path string
		give         answer
		want         string
	}{
		{"the question is refused", "HEAD", "blobs/", answer{Raw: "HTTP/1.1 403 Forbidden\r\n\r\n"}, "does not allow it"},
		{"nothing is taken", "POST", "", rawserver.Say(405, ""), "answers 405"},
		{"no such place", "POST", "", rawserver.Say(404, `{"errors":[{"code":"NAME_UNKNOWN","message":"make it first"}]}`), "NAME_UNKNOWN, make it first"},
		{"no place to send it to", "POST", "", rawserver.Say(202, ""), "not where to"},
		{"a file to send it to", "POST", "", rawserver.Say(202, "", "Location: file:///etc/passwd"), "no address"},
		{"a redirect of the question", "POST", "", rawserver.Say(307, "", "Location: http://evil.example.net/"), "answers 307"},
		{"a redirect of the blob", "PUT", "blobs/", rawserver.Say(307, "", "Location: http://evil.example.net/"), "answers 307"},
		{"it is full", "PUT", "blobs/", rawserver.Say(507, ""), "answers 507"},
		{"it hangs up", "PUT", "blobs/", answer{Close: true}, "without an answer"},
		{"the manifest is refused", "PUT", "manifests/", rawserver.Say(400, `{"errors":[{"code":"MANIFEST_INVALID","message":"no"}]}`), "MANIFEST_INVALID, no"},
		{"another manifest is made of it", "PUT", "manifests/", rawserver.Say(201, "", "Docker-Content-Digest: "+string(switcher.DigestOf(nil))), ErrDigest.Error()},
	} {
		t.Run(c.claim, func(t *testing.T) {
			s, o := at(t, taking(func(r request) (answer, bool) {
				return c.give, r.Method == c.method && strings.HasPrefix(r.Path, "/v2/pc/"+c.path)
			}))
			if _, err := Push(t.Context(), "http://registry.example.org/pc:1", o, newMachineOf(100, 9), nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			for _, r := range s.Requests() {
				if r.Address != somewhere || r.Method == "PUT" && strings.Contains(r.Path, "/manifests/") && c.path != "manifests/" {
					t.Errorf("it got %s %s at %s", r.Method, r.Path, r.Address)
				}
			}
		})
	}
}

func TestAnUploadMayLeadElsewhereWithoutTheToken(t *testing.T) {
	m := newMachineOf(100, 9)
	s, o := at(t, taking(func(r request) (answer, bool) {
		if r.Field("Authorization") != "Bearer abc" {
			return rawserver.Say(401, "", "WWW-Authenticate: "+bearer), true
		}
		return rawserver.Say(202, "", "Location: http://store.example.net/up"), r.Method == "POST"
	}))
	s.Host("auth.example.org:80", nil, func(r request) answer {
		if !strings.Contains(r.Path, "repository%3Apc%3Apull%2Cpush") {
			t.Errorf("asked for %s", r.Path)
		}
		return rawserver.Say(200, `{"token":"abc"}`)
	})
	s.Host("store.example.net:80", nil, func(r request) answer {
		if r.Field("Authorization") != "" {
			t.Errorf("the token went to %s", r.Address)
		}
		return rawserver.Say(201, "")
	})
	if p := push(t, "http://registry.example.org/pc:1", o, m); p.SentBlobs != p.Blobs {
		t.Errorf("%+v", p)
	}
}

func TestATokenThatExpiresAmidAPushIsRenewedAndTheBlobSentAgain(t *testing.T) {
	token, puts := "1", 0
	s, o := at(t, taking(func(r request) (answer, bool) {
		if r.Method == "PUT" {
			if puts++; puts == 2 {
				token = "2"
			}
		}
		return rawserver.Say(401, "", "WWW-Authenticate: "+bearer), r.Field("Authorization") != "Bearer "+token
	}))
	s.Host("auth.example.org:80", nil, func(r request) answer { return rawserver.Say(200, `{"token":"`+token+`"}`) })
	p, err := Push(t.Context(), "http://registry.example.org/pc:1", o, newMachineOf(100, 9), nil)
	if err != nil || p.SentBlobs != 4 || p.Sent != 102+18+63+90 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhatIsDamagedHereIsNotPushed(t *testing.T) {
	m := newMachineOf(100, 9)
	m.blobs[m.kernel().Digest][0]++
	_, o := at(t, taking(func(request) (answer, bool) { return answer{}, false }))
	if _, err := Push(t.Context(), "http://registry.example.org/pc:1", o, m, nil); !errors.Is(err, ErrDigest) {
		t.Errorf("got %v, want %v", err, ErrDigest)
	}
}
