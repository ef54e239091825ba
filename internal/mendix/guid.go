package mendix

import (
	"crypto/sha1" // #nosec G505 -- UUIDs of version 5 are made with it; nothing secret hangs on them
)

// guid is the id of an object as Studio Pro stores it: the first three groups
// of the UUID have their bytes reversed, as .NET writes them.
type guid [16]byte

// namespace is the name space of all ids that this package makes. It never
// changes: an id of the module is the same in every release.
const namespace = "\x8f\x1d\x3b\x62\x70\x55\x4e\x0b\xa4\x96\x2c\xe1\x9d\x08\x57\xf3"

// newGUID makes the id of what is at a path of the model: a UUID of version 5
// (RFC 9562), so that the same path has the same id for ever.
func newGUID(path string) guid {
	sum := sha1.Sum([]byte(namespace + path)) // #nosec G401 -- see the import
	var g guid
	copy(g[:], sum[:])
	g[6] = g[6]&0x0f | 0x50
	g[8] = g[8]&0x3f | 0x80
	g[0], g[1], g[2], g[3] = g[3], g[2], g[1], g[0]
	g[4], g[5] = g[5], g[4]
	g[6], g[7] = g[7], g[6]
	return g
}
