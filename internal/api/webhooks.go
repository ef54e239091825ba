package api

import (
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// webhookItem is a webhook as an app may see it: never its URL.
type webhookItem struct {
	ID        connector.WebhookID `json:"id"`
	Name      string              `json:"name"`
	Host      string              `json:"host"`
	FlowOwner string              `json:"flowOwner,omitempty"`
	Profile   string              `json:"profile"`
	Status    string              `json:"status"`          // as people read it
	Cause     string              `json:"cause,omitempty"` // why it is stopped, or who paused it
	Waiting   int                 `json:"waiting"`         // messages in its queue
}

// webhooks lists the webhooks of the license's own subscription, by name.
func (a *API) webhooks(w http.ResponseWriter, r *http.Request) error {
	license, err := a.license(r)
	if err != nil {
		return err
	}
	queues, err := a.desk.Queues(r.Context(), license.Subscription)
	if err != nil {
		return err
	}
	list := struct {
		Items []webhookItem `json:"items"`
		Next  *string       `json:"next"` // a plan's webhooks fit on one page
	}{Items: make([]webhookItem, 0, len(queues))}
	for _, q := range queues {
		list.Items = append(list.Items, webhookItem{
			ID: q.ID, Name: q.Name, Host: q.Host, FlowOwner: q.FlowOwner, Profile: q.Profile.String(),
			Status: q.Status.String(), Cause: q.Cause, Waiting: q.Waiting,
		})
	}
	w.Header().Set("Content-Type", "application/json")
	a.writeJSON(w, r, http.StatusOK, list)
	return nil
}
