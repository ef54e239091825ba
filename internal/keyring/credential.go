package keyring

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
)

// The prefixes of credentials: people and secret scanners know them by these.
const (
	LicenseKeyPrefix    = "tck_"
	LicenseSecretPrefix = "tcs_"
	TokenPrefix         = "tct_"
)

// Pattern is a regular expression that finds every credential of this service
// in a text, for secret scanners.
const Pattern = `\b(tck_[0-9a-hjkmnp-tv-z]{32}|tc[st]_[0-9a-hjkmnp-tv-z]{58})\b`

const (
	// alphabet is Crockford's base32, without the look-alikes i, l, o and u.
	alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

	keyChars    = 26 // 130 random bits: a name, not a secret
	secretChars = 52 // 260 random bits
	sumChars    = 6
)

// NewPair makes binding keys: a license key, which names them, and a license
// secret, which is shown once and kept as its Hash only.
func NewPair() (licenseKey, licenseSecret string, err error) {
	if licenseKey, err = newCredential(LicenseKeyPrefix, keyChars); err != nil {
		return "", "", err
	}
	if licenseSecret, err = newCredential(LicenseSecretPrefix, secretChars); err != nil {
		return "", "", err
	}
	return licenseKey, licenseSecret, nil
}

// NewToken makes a token of a person or an organization; it is kept as its Hash only.
func NewToken() (string, error) { return newCredential(TokenPrefix, secretChars) }

func newCredential(prefix string, chars int) (string, error) {
	b := make([]byte, chars)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make a credential: %w", err)
	}
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	body := prefix + string(b)
	return body + checksum(body), nil
}

// WellFormed reports whether s is a credential without a typing error: prefix,
// length, alphabet and checksum are right. It says nothing of whether it is valid.
func WellFormed(s string) bool {
	chars := secretChars
	switch {
	case strings.HasPrefix(s, LicenseKeyPrefix):
		chars = keyChars
	case strings.HasPrefix(s, LicenseSecretPrefix), strings.HasPrefix(s, TokenPrefix):
	default:
		return false
	}
	body := len(LicenseKeyPrefix) + chars
	if len(s) != body+sumChars {
		return false
	}
	for i := len(LicenseKeyPrefix); i < len(s); i++ {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return false
		}
	}
	return checksum(s[:body]) == s[body:]
}

// checksum is that of Bech32m (BIP 350), which finds any four wrong characters
// in a text of this length, over the five-bit values of body.
func checksum(body string) string {
	sum := uint32(1)
	prefix := len(LicenseKeyPrefix)
	for i := range prefix {
		sum = step(sum, body[i]>>5)
	}
	for i := range prefix {
		sum = step(sum, body[i]&31)
	}
	for i := prefix; i < len(body); i++ {
		sum = step(sum, byte(strings.IndexByte(alphabet, body[i])))
	}
	for range sumChars {
		sum = step(sum, 0)
	}
	sum ^= 0x2bc830a3
	out := make([]byte, sumChars)
	for i := range out {
		out[i] = alphabet[sum>>(5*(sumChars-1-i))&31]
	}
	return string(out)
}

// step takes one five-bit value into the checksum.
func step(sum uint32, value byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(value)
	for i, generator := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= generator
		}
	}
	return sum
}

// Hash is what is kept of a secret. A plain SHA-256 is enough, because secrets
// are 260 random bits and can't be guessed.
func Hash(secret string) [32]byte {
	return sha256.Sum256([]byte("teamsconnector secret\x00" + secret))
}

// Equal compares two hashes in constant time.
func Equal(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// ContentMAC says under an installation key whether two contents are the same:
// HMAC-SHA-256 over parts with their lengths.
func ContentMAC(key []byte, parts ...[]byte) [32]byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		mac.Write(p)
	}
	return [32]byte(mac.Sum(nil))
}
