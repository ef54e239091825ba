package api

// What tests and fuzzers reach into.
var (
	BoundBody   = boundBody
	DecodeSend  = decodeSend
	ParsePrefer = parsePrefer
	BasicAuth   = basicAuth
)
