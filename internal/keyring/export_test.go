package keyring

// MaxDerived is the bound of the cache, for its test.
const MaxDerived = maxDerived

// Derived counts the ciphers in a ring's cache.
func (r *Ring) Derived() int { return r.cache.size() }
