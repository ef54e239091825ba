// Package arch holds no code: its tests keep the plan of the house true, who
// may import whom, how big a room may grow and what must stay pure.
package arch
