package api

// What tests and fuzzers reach into.
var (
	DecodeSend  = decodeSend
	ParsePrefer = parsePrefer
	BasicAuth   = basicAuth
)
