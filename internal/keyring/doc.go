// Package keyring seals secrets at rest and makes and checks the credentials
// that the service gives out.
package keyring
