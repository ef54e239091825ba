package main

import (
	"errors"
	"net/url"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// sendConfig is which service an app sends to, and as whom.
type sendConfig struct {
	url           string
	licenseKey    string
	licenseSecret connector.Secret
}

func sendSettings() []setting {
	return []setting{
		{
			name: "url", of: faceSend, value: "http://" + defaultListen, usage: "where the service is",
			apply: func(c *config, v []string) error { return serviceURL(&c.send.url, v) },
		},
		{
			name: "license-key", of: faceSend, usage: "LicenseKey of the app's binding keys",
			apply: func(c *config, v []string) error { c.send.licenseKey = one(v); return nil },
		},
		{
			name: "license-secret", of: faceSend, secret: true, usage: "the LicenseSecret of the app's binding keys",
			apply: func(c *config, v []string) error { c.send.licenseSecret = connector.NewSecret(one(v)); return nil },
		},
	}
}

// serviceURL reads where a service is; a proxy may have put it below a path.
func serviceURL(into *string, values []string) error {
	u, err := url.Parse(one(values))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errors.New("it should look like https://connector.contoso.com")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("it should be only the address, without user, query or fragment; the keys are settings of their own")
	}
	*into = strings.TrimRight(one(values), "/")
	return nil
}
