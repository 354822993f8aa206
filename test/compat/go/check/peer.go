package check

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
)

// Secured is a broker with a user `Root` who may everything, and one `Bob` who may nothing yet; both log in by PLAIN and SCRAM.
type Secured struct {
	// HOST:PORT of a listener without TLS, and of one with it, whose certificate is signed by the one in the file CA.
	Sasl, Tls, CA string
	Root, Bob     User
	// A client certificate whose owner is named `CertificateOf` by the broker.
	Certificate, Key, CertificateOf string
}

// User is a name and its password.
type User struct{ Name, Password string }

// Bootstrap is HOST:PORT of the broker under test.
func Bootstrap() string { return os.Args[1] }

// SecuredPeer is nil where the suite runs against a broker that has no users of ours.
func SecuredPeer() *Secured {
	if len(os.Args) < 3 {
		return nil
	}
	peer := &Secured{}
	No(json.Unmarshal([]byte(os.Args[2]), peer))
	return peer
}

// TLS is how to connect to the listener `Tls`; with the client certificate if wanted.
func (peer *Secured) TLS(withCertificate bool) *tls.Config {
	pool := x509.NewCertPool()
	That(pool.AppendCertsFromPEM(Must(os.ReadFile(peer.CA))), "no certificate in %s", peer.CA)
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if withCertificate {
		config.Certificates = []tls.Certificate{Must(tls.LoadX509KeyPair(peer.Certificate, peer.Key))}
	}
	return config
}
