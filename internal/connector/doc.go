// Package connector is the language of the house: the nouns that every room
// shares and the rules that hold for them alone. It does no I/O, knows no other
// room and imports only the standard library.
package connector
