package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) directoryRoutes() []route {
	const all, one = "/api/v1/organizations/{id}/directories", "/api/v1/organizations/{id}/directories/{directoryId}"
	return []route{
		{
			method: http.MethodGet, path: all, id: "listDirectories", summary: "List where the people of an organization come from",
			right: connector.RightManage, typed: typed(a.listDirectories),
		},
		{
			method: http.MethodPost, path: all, id: "createDirectory", summary: "Bind an organization to an Entra tenant, or to an issuer of its own",
			right: connector.RightOperate, typed: typed(a.createDirectory),
		},
		{method: http.MethodGet, path: one, id: "readDirectory", summary: "Read a directory", right: connector.RightManage, typed: typed(a.readDirectory)},
		{
			method: http.MethodPatch, path: one, id: "changeDirectory", summary: "Change a directory's client or groups",
			right: connector.RightOperate, typed: typed(a.changeDirectory),
		},
		{
			method: http.MethodDelete, path: one, id: "deleteDirectory", summary: "End that people come by a directory; accounts and members stay",
			right: connector.RightOperate, typed: typed(a.deleteDirectory),
		},
	}
}

// directory is where the people of an organization come from.
type directory struct {
	ID           connector.DirectoryID `json:"id"`
	Issuer       string                `json:"issuer"`
	Name         string                `json:"name" doc:"as people read it when they sign in"`
	ClientID     string                `json:"clientId" doc:"of its own; empty: the installation's is used"`
	AdminGroups  []string              `json:"adminGroups" nullable:"false" doc:"groups or app roles that make an admin"`
	MemberGroups []string              `json:"memberGroups" nullable:"false"`
	SignInURL    string                `json:"signInUrl" doc:"where its people begin"`
	RedirectURI  string                `json:"redirectUri" doc:"to register at the issuer"`
	CreatedAt    string                `json:"createdAt" format:"date-time"`
}

func directoryItem(ctx context.Context, d admin.Directory) directory {
	begin := callOf(ctx).base + "/signin/oidc"
	if d.ClientID != "" {
		begin += "/" + string(d.ID)
	}
	return directory{
		ID: d.ID, Issuer: d.Issuer, Name: d.Name, ClientID: d.ClientID, SignInURL: begin, RedirectURI: begin + "/callback", CreatedAt: stamp(d.Created),
		AdminGroups: append([]string{}, d.AdminGroups...), MemberGroups: append([]string{}, d.MemberGroups...),
	}
}

func (a *API) listDirectories(ctx context.Context, who connector.Actor, in *OrganizationPath) (*listed[directory], error) {
	all, err := a.desk.Directories(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return asList(connector.List[admin.Directory]{Items: all}, func(d admin.Directory) directory { return directoryItem(ctx, d) }), nil
}

// directoryFields is what may be set in a directory.
type directoryFields struct {
	Name         *string   `json:"name,omitempty"`
	ClientID     *string   `json:"clientId,omitempty" doc:"what the issuer knows this installation by; left out: as the installation's own"`
	ClientSecret *string   `json:"clientSecret,omitempty" doc:"never read again"`
	AdminGroups  *[]string `json:"adminGroups,omitempty" nullable:"false" doc:"left out, and memberGroups too: those of the settings"`
	MemberGroups *[]string `json:"memberGroups,omitempty" nullable:"false"`
}

func (f *directoryFields) request() admin.DirectoryRequest {
	r := admin.DirectoryRequest{Name: f.Name, ClientID: f.ClientID, AdminGroups: f.AdminGroups, MemberGroups: f.MemberGroups}
	if f.ClientSecret != nil {
		secret := connector.NewSecret(*f.ClientSecret)
		r.ClientSecret = &secret
	}
	return r
}

type createDirectoryInput struct {
	OrganizationPath

	Body struct {
		TenantID     *string   `json:"tenantId,omitempty" doc:"of an Entra directory; or give the issuer"`
		Issuer       *string   `json:"issuer,omitempty" doc:"of any other provider"`
		Name         *string   `json:"name,omitempty"`
		ClientID     *string   `json:"clientId,omitempty" doc:"what the issuer knows this installation by; left out: as the installation's own"`
		ClientSecret *string   `json:"clientSecret,omitempty" doc:"never read again"`
		AdminGroups  *[]string `json:"adminGroups,omitempty" nullable:"false" doc:"left out, and memberGroups too: those of the settings"`
		MemberGroups *[]string `json:"memberGroups,omitempty" nullable:"false"`
	}
}

func (a *API) createDirectory(ctx context.Context, who connector.Actor, in *createDirectoryInput) (*made[directory], error) {
	fields := directoryFields{in.Body.Name, in.Body.ClientID, in.Body.ClientSecret, in.Body.AdminGroups, in.Body.MemberGroups}
	r := fields.request()
	r.Tenant, r.Issuer = in.Body.TenantID, in.Body.Issuer
	d, err := a.desk.CreateDirectory(ctx, who, in.ID, r)
	if err != nil {
		return nil, err
	}
	at := "/api/v1/organizations/" + string(in.ID) + "/directories/" + string(d.ID)
	return &made[directory]{ETag: etag(d.Version), Location: at, Body: directoryItem(ctx, d)}, nil
}

// DirectoryPath names the directory.
type DirectoryPath struct {
	OrganizationPath

	Directory connector.DirectoryID `path:"directoryId"`
}

func (a *API) readDirectory(ctx context.Context, who connector.Actor, in *DirectoryPath) (*one[directory], error) {
	d, err := a.desk.Directory(ctx, who, in.ID, in.Directory)
	if err != nil {
		return nil, err
	}
	return &one[directory]{ETag: etag(d.Version), Body: directoryItem(ctx, d)}, nil
}

type changeDirectoryInput struct {
	DirectoryPath
	Match

	Body directoryFields
}

func (a *API) changeDirectory(ctx context.Context, who connector.Actor, in *changeDirectoryInput) (*one[directory], error) {
	d, err := a.desk.ChangeDirectory(ctx, who, admin.DirectoryChange{Organization: in.ID, Directory: in.Directory, Version: in.version()}, in.Body.request())
	if err != nil {
		return nil, err
	}
	return &one[directory]{ETag: etag(d.Version), Body: directoryItem(ctx, d)}, nil
}

func (a *API) deleteDirectory(ctx context.Context, who connector.Actor, in *DirectoryPath) (*done, error) {
	return &done{}, a.desk.DeleteDirectory(ctx, who, in.ID, in.Directory)
}
