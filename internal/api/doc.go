// Package api is the face for apps: it reads requests, asks one room and writes
// the answer, as JSON or as a problem (RFC 9457).
package api
