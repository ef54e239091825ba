package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// KeySize is the length of a master key in bytes.
const KeySize = 32

// The envelope, all numbers big-endian:
//
//	version  1 byte    1
//	key id   4 bytes   of the master key
//	month    2 bytes   since 2020-01, UTC
//	nonce   12 bytes   random
//	text     n bytes   AES-256-GCM
//	tag     16 bytes
//
// The header needs no tag of its own: another version is refused, and another
// key id or month leads to another key.
const (
	version    = 1
	headerSize = 1 + idSize + 2
	idSize     = 4
	nonceSize  = 12
	tagSize    = 16
	firstYear  = 2020
)

// Overhead is how many bytes longer a sealed text is than the plain one.
const Overhead = headerSize + nonceSize + tagSize

// ErrSealed says that an envelope can't be opened here: it was changed, belongs
// to another place, or its master key is not on the ring.
var ErrSealed = errors.New("sealed data is damaged, out of its place or of an unknown key")

// Place is where a sealed value lives. A value opens only in the place that it
// was sealed for, so that nobody can swap the values of two rows.
type Place struct {
	Table, Column string
	// Owner is the public id of the subscription; "": installation-wide.
	Owner string
	// ID is the public id of the row.
	ID string
}

// Ring holds the installation's master keys: the primary one seals, all of them
// open. It may be used by many goroutines at once.
type Ring struct {
	masters atomic.Pointer[[]*master] // the primary first
	cache   cache

	mu     sync.Mutex               // held while keys are taken
	source func() ([][]byte, error) // nil: the keys never change
}

// master is one master key, ready for derivation.
type master struct {
	id  [idSize]byte
	prk []byte // HKDF-Extract of the key
}

// NewKey makes a random master key.
func NewKey() ([]byte, error) {
	key := make([]byte, KeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a master key: %w", err)
	}
	return key, nil
}

// New makes a ring of a primary key and those that came before it.
func New(primary []byte, older ...[]byte) (*Ring, error) {
	r := &Ring{cache: newCache(maxDerived)}
	if err := r.use(append([][]byte{primary}, older...)); err != nil {
		return nil, err
	}
	return r, nil
}

// Watch tells where the keys can be read anew: at Refresh, and when something is
// met that no key on the ring opens, because another process has sealed it with
// a newer one. It is called before the ring is used.
func (r *Ring) Watch(source func() ([][]byte, error)) { r.source = source }

// Refresh takes the keys as they are now, if the primary one is still among them:
// a wrong file must not lead to values that the right one does not open. Keys that
// are gone still open as long as this ring lives.
func (r *Ring) Refresh() error {
	if r.source == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keys, err := r.source()
	if err != nil {
		return fmt.Errorf("read the master keys anew: %w", err)
	}
	primary := (*r.masters.Load())[0]
	among := slices.ContainsFunc(keys, func(key []byte) bool { return keyID(key) == primary.id })
	if !among {
		return errors.New("the master keys were changed and the one in use is not among them: put it back, behind the new one")
	}
	return r.use(keys)
}

// use puts keys before those that are on the ring.
func (r *Ring) use(keys [][]byte) error {
	var known, masters []*master
	if on := r.masters.Load(); on != nil {
		known = *on
	}
	add := func(m *master) {
		if !slices.ContainsFunc(masters, m.same) {
			masters = append(masters, m)
		}
	}
	for i, key := range keys {
		if len(key) != KeySize {
			return fmt.Errorf("master key %d has %d bytes; it must have %d", i+1, len(key), KeySize)
		}
		m, err := newMaster(key)
		if err != nil {
			return fmt.Errorf("master key %d: %w", i+1, err)
		}
		if at := slices.IndexFunc(known, m.same); at >= 0 {
			m = known[at] // with its ciphers in the cache
		}
		add(m)
	}
	if len(masters) == 0 {
		return errors.New("there is no master key")
	}
	for _, m := range known {
		add(m)
	}
	r.masters.Store(&masters)
	return nil
}

func (m *master) same(o *master) bool { return m.id == o.id && bytes.Equal(m.prk, o.prk) }

func newMaster(key []byte) (*master, error) {
	prk, err := hkdf.Extract(sha256.New, key, []byte("teamsconnector keyring 1"))
	if err != nil {
		return nil, err
	}
	return &master{id: keyID(key), prk: prk}, nil
}

func keyID(key []byte) [idSize]byte {
	sum := sha256.Sum256(append([]byte("teamsconnector key id\x00"), key...))
	return [idSize]byte(sum[:idSize])
}

// Seal encrypts a value for its place, under a key of that table, owner and
// month. A time outside of the months that fit counts as the nearest one that does.
func (r *Ring) Seal(at Place, month time.Time, plain []byte) []byte {
	m := monthOf(month)
	primary := (*r.masters.Load())[0]
	aead, err := r.derive(primary, at, m)
	if err != nil {
		panic(fmt.Sprintf("keyring: derive a key: %v", err)) // only with wrong sizes, which are constants
	}
	out := make([]byte, 0, Overhead+len(plain))
	out = append(out, version)
	out = append(out, primary.id[:]...)
	out = binary.BigEndian.AppendUint16(out, m)
	return aead.Seal(out, nil, plain, at.bound()) //nolint:gosec // the cipher makes the nonce itself, at random
}

// Open decrypts what Seal made for the same place. Every error is ErrSealed.
func (r *Ring) Open(at Place, sealed []byte) ([]byte, error) {
	before := r.masters.Load()
	if plain, ok := r.open(*before, at, sealed); ok {
		return plain, nil
	}
	// What can't be read anew leaves the ring as it is: then ErrSealed is the answer.
	if err := r.Refresh(); err == nil && r.masters.Load() != before {
		if plain, ok := r.open(*r.masters.Load(), at, sealed); ok {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("open %s.%s: %w", at.Table, at.Column, ErrSealed)
}

func (r *Ring) open(masters []*master, at Place, sealed []byte) ([]byte, bool) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, false
	}
	id, m := sealed[1:1+idSize], binary.BigEndian.Uint16(sealed[1+idSize:headerSize])
	for _, master := range masters { // two masters may share an id by chance
		if !bytes.Equal(master.id[:], id) {
			continue
		}
		aead, err := r.derive(master, at, m)
		if err != nil {
			continue
		}
		if plain, err := aead.Open(nil, nil, sealed[headerSize:], at.bound()); err == nil {
			return plain, true
		}
	}
	return nil, false
}

// Current reports whether the primary key sealed this.
func (r *Ring) Current(sealed []byte) bool {
	id := (*r.masters.Load())[0].id
	return len(sealed) >= Overhead && sealed[0] == version && bytes.Equal(sealed[1:1+idSize], id[:])
}

// derive returns the cipher of one table, owner and month under a master key.
// Its Seal puts a random nonce in front of the text. By NIST SP 800-38D a key may
// seal 2^32 texts with random nonces: more than an owner sends in a month.
func (r *Ring) derive(m *master, at Place, month uint16) (cipher.AEAD, error) {
	k := derived{master: m, table: at.Table, owner: at.Owner, month: month}
	if aead, ok := r.cache.get(k); ok {
		return aead, nil
	}
	info := framed([]byte(at.Table), []byte(at.Owner), binary.BigEndian.AppendUint16(nil, month))
	key, err := hkdf.Expand(sha256.New, m.prk, string(info), KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	r.cache.put(k, aead)
	return aead, nil
}

// bound is the additional data that ties a text to its place; Owner is in the key.
func (p Place) bound() []byte {
	return framed([]byte(p.Table), []byte(p.Column), []byte(p.ID))
}

// monthOf counts months since 2020-01 in UTC.
func monthOf(t time.Time) uint16 {
	t = t.UTC()
	months := (t.Year()-firstYear)*12 + int(t.Month()) - 1
	if months < 0 {
		return 0
	}
	if months > math.MaxUint16 {
		return math.MaxUint16
	}
	return uint16(months)
}

// framed writes parts with their lengths, so that no two lists of parts look alike.
func framed(parts ...[]byte) (to []byte) {
	for _, p := range parts {
		to = binary.BigEndian.AppendUint64(to, uint64(len(p)))
		to = append(to, p...)
	}
	return to
}
