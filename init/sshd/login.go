package sshd

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"bantam/init/sshline"
)

// What is spoken: nothing with a curve of NIST's or with SHA-1, no group of primes, no MAC over plain text. The client's order decides.
var algorithms = ssh.Config{
	KeyExchanges: []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519},
	Ciphers: []string{ssh.CipherChaCha20Poly1305, ssh.CipherAES256GCM, ssh.CipherAES128GCM,
		ssh.CipherAES256CTR, ssh.CipherAES192CTR, ssh.CipherAES128CTR},
	MACs: []string{ssh.HMACSHA512ETM, ssh.HMACSHA256ETM},
}

// userKeys are the kinds of keys that people have. Theirs are theirs: curves of NIST's are what a smart card or a phone may have.
var userKeys = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

const (
	version = "SSH-2.0-Bantam"
	tries   = 6
)

// login is the part of a connection before somebody has logged in.
type login struct {
	start   sshline.Start
	machine *machine

	user string // who the client says that he is
	keys int    // that it has shown for him and that may not
}

// errNotHis is said of a user who is unknown, too, and of one without keys.
var errNotHis = errors.New("no key of this user's")

func (l *login) config() (*ssh.ServerConfig, error) {
	public, err := ssh.ParsePublicKey(l.start.HostKey)
	if err != nil {
		return nil, fmt.Errorf("the host's key: %w", err)
	}
	config := &ssh.ServerConfig{
		Config:                  algorithms,
		PublicKeyAuthAlgorithms: userKeys,
		MaxAuthTries:            tries,
		ServerVersion:           version,
		PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			l.user = conn.User()
			if !slices.Contains(l.start.Keys[l.user], ssh.FingerprintSHA256(key)) {
				l.keys++
				return nil, errNotHis
			}
			return nil, nil
		},
		VerifiedPublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey, _ *ssh.Permissions, _ string) (*ssh.Permissions, error) {
			_, _, err := l.machine.ask(sshline.Request{Login: &sshline.Login{User: conn.User(), Key: ssh.FingerprintSHA256(key)}})
			return nil, err
		},
	}
	config.AddHostKey(hostKey{public, l.machine})
	return config, nil
}

// told is what the client has said of itself, for the log.
func (l *login) told() string {
	switch {
	case l.keys > 0:
		return fmt.Sprintf(", as %.40q with %d keys that may not", l.user, l.keys)
	case l.user != "":
		return fmt.Sprintf(", as %.40q", l.user)
	}
	return ""
}
