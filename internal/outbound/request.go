package outbound

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// NewRequest makes a request that sends the path and query of a URL byte for
// byte as they stand there. Its errors never quote the URL.
func NewRequest(method, rawURL string, body []byte) (*http.Request, error) {
	u, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	req := &http.Request{
		Method: method, URL: u, Host: u.Host, Header: make(http.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(body) > 0 {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	return req, nil
}

func parse(raw string) (*url.URL, error) {
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] >= 0x7f || raw[i] == '\\' {
			return nil, errors.New("the URL contains a space, a control character, a backslash or a character outside of ASCII")
		}
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil: // *url.Error quotes the URL
		return nil, errors.New("the URL can't be read")
	case u.Host == "" || u.Opaque != "":
		return nil, errors.New("the URL has no host")
	case strings.Contains(raw, "#"):
		return nil, errors.New("the URL has a fragment")
	}
	// What stands in Opaque is written as it is; EscapedPath might write another
	// form. A path with two slashes in front would be taken for a host there.
	if path := rawPath(raw); strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") {
		u.Opaque = path
	}
	return u, nil
}

// rawPath cuts the path out of a URL with a host.
func rawPath(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	_, rest, _ := strings.Cut(raw, "//")
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return ""
	}
	return rest[i:]
}

// Origin returns a trusted origin in the form in which origins are compared,
// scheme://host:port in lower case, or an error when raw is anything else than
// an http or https origin.
func Origin(raw string) (string, error) {
	u, err := parse(raw)
	if err != nil {
		return "", err
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || strings.Contains(raw, "?") || strings.Trim(u.Path, "/") != "" {
		return "", errors.New(`an origin is a scheme, a host and a port, for example "http://127.0.0.1:9911"`)
	}
	return originOf(u), nil
}

func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
