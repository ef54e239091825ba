package api

// What tests and fuzzers reach into.
var (
	DecodeSend  = decodeSend
	ParsePrefer = parsePrefer
	BasicAuth   = basicAuth

	SendOperation = sendOperation
)

// SendAnswer is the shape of the answer.
type SendAnswer = sendAnswer
