// Package outbound makes every HTTP call that leaves the house, only to hosts
// that may be called and never longer or larger than its limits.
package outbound
