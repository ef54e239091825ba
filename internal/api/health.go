package api

import (
	"io"
	"net/http"
)

// healthz says that the process is alive, and nothing else.
func (a *API) healthz(w http.ResponseWriter, _ *http.Request) error {
	plain(w, http.StatusOK, "ok\n")
	return nil
}

// readyz says whether this node takes messages. The cause is for the operator:
// it stands in the log.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) error {
	if a.ingest.Draining() {
		plain(w, http.StatusServiceUnavailable, "not ready: stopping\n")
		return nil
	}
	var err error
	if a.ready != nil {
		err = a.ready(r.Context())
	}
	if was := a.unready.Swap(err != nil); was != (err != nil) {
		if err != nil {
			a.log.WarnContext(r.Context(), "node not ready", "error", err)
		} else {
			a.log.InfoContext(r.Context(), "node ready again")
		}
	}
	if err != nil {
		plain(w, http.StatusServiceUnavailable, "not ready: messages can't be stored at the moment\n")
		return nil //nolint:nilerr // that is the answer
	}
	plain(w, http.StatusOK, "ready\n")
	return nil
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // whoever asked is gone; the next probe asks again
}
