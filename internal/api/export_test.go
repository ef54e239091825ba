package api

import "github.com/teamsconnector/teamsconnector/internal/mendix"

// What tests and fuzzers reach into.
var (
	DecodeSend  = decodeSend
	ParsePrefer = parsePrefer
	BasicAuth   = basicAuth
	CleanObject = cleanObject
	FieldNames  = fieldNames
)

// SendOperation is what the documents for Mendix are made from.
func (a *API) SendOperation(server string) mendix.Operation { return a.sendOperation(server) }

// Routes are the methods and paths that the mux knows, with the id of each.
func (a *API) Routes() map[string]string {
	all := make(map[string]string)
	for _, rt := range a.table {
		all[rt.method+" "+rt.path] = rt.id
	}
	return all
}

// SendAnswer is the shape of the answer.
type SendAnswer = sendAnswer
