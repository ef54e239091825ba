package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) settingsRoutes() []route {
	const path = "/api/v1/settings"
	return []route{
		{
			method: http.MethodGet, path: path, id: "readSettings", right: connector.RightOperate, typed: typed(a.readSettings),
			summary: "Read what this installation is called, and whom its people ask",
		},
		{
			method: http.MethodPatch, path: path, id: "changeSettings", right: connector.RightOperate, typed: typed(a.changeSettings),
			summary: "Change what this installation is called, and whom its people ask",
		},
	}
}

// settings are what the operator calls the installation.
type settings struct {
	ProductName string `json:"productName" doc:"in titles, the frame of every page and mails; empty: as shipped"`
	Support     string `json:"support" doc:"an e-mail address, or a page that begins with https://, for people's questions"`
	Terms       string `json:"terms" doc:"Terms & Conditions that people accept with an order: paragraphs, # headings, - lists; empty: as shipped"`
	LogoType    string `json:"logoType" doc:"image/png, image/jpeg or image/webp, as served at /logo; empty: as shipped"`
}

func settingsReply(s admin.Settings) *one[settings] {
	return &one[settings]{ETag: etag(s.Version), Body: settings{ProductName: s.ProductName, Support: s.Support, Terms: s.Terms, LogoType: s.LogoType}}
}

func (a *API) readSettings(ctx context.Context, who connector.Actor, _ *nothing) (*one[settings], error) {
	s, err := a.desk.Settings(ctx, who)
	if err != nil {
		return nil, err
	}
	return settingsReply(s), nil
}

type changeSettingsInput struct {
	Match

	Body struct {
		ProductName *string `json:"productName,omitempty" doc:"empty: as shipped"`
		Support     *string `json:"support,omitempty" doc:"an e-mail address, or a page that begins with https://; empty: none"`
		Terms       *string `json:"terms,omitempty" doc:"at most 32 KiB; empty: as shipped"`
		Logo        *[]byte `json:"logo,omitempty" doc:"a picture in PNG, JPEG or WebP of at most 64 KiB, in base64; empty: as shipped"`
	}
}

func (a *API) changeSettings(ctx context.Context, who connector.Actor, in *changeSettingsInput) (*one[settings], error) {
	s, err := a.desk.ChangeSettings(ctx, who, admin.SettingsRequest{
		Version: in.version(), ProductName: in.Body.ProductName, Support: in.Body.Support, Terms: in.Body.Terms, Logo: in.Body.Logo,
	})
	if err != nil {
		return nil, err
	}
	return settingsReply(s), nil
}
