#!/usr/bin/env bash
# Makes the certificates of the tests with openssl: an authority, two servers on loopback (one for another), a client, and a
# client of somebody else's authority. Valid for a hundred years, of no use anywhere else.
set -eu
cd "$(dirname "$0")"
days=36500
key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
authority() {
  key "$1"
  openssl req -x509 -new -key "$1.key" -out "$1.crt" -days $days -subj "$2" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign
}
# signed NAME AUTHORITY SUBJECT EXTENSIONS
signed() {
  key "$1"
  openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -out "$1.crt" -days $days -extfile <(printf '%b' "$4")
  rm "$1.csr" "$2.srl"
}
loopback='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth'
authority authority '/CN=Elytra test authority'
authority stranger '/CN=Another authority'
signed server authority '/CN=localhost' "$loopback"
signed renewed authority '/CN=localhost/O=Renewed' "$loopback"
signed alice authority '/C=DE/O=Example/OU=Engineering/CN=alice' 'extendedKeyUsage=clientAuth'
signed mallory stranger '/CN=alice' 'extendedKeyUsage=clientAuth'
rm authority.key stranger.key
