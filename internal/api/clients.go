package api

import (
	"fmt"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

// pythonClient answers with the one-file client for Python. It is read without keys.
func (a *API) pythonClient(w http.ResponseWriter, r *http.Request) error {
	file, err := snippet.Python()
	if err != nil {
		return fmt.Errorf("read the client for Python: %w", err)
	}
	a.file(w, r, "text/x-python; charset=utf-8", file)
	return nil
}
