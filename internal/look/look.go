// Package look holds the static files of the console and the simulator: tokens,
// styles, icons and the drawing of Adaptive Cards.
package look

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed static
var embedded embed.FS

// Assets serves the files of this room, and those that a page adds to them,
// under names that hold a hash of their content: browsers keep them for good,
// and a changed file has another name.
type Assets struct {
	prefix string
	urls   map[string]string // by file name
	files  map[string]file   // by hashed name
}

type file struct {
	kind  string
	plain []byte
	// zipped zips at the first call; nil: it would not be smaller.
	zipped func() []byte
}

// New makes the assets below a path prefix such as "/static/". A file of extra
// stands in for one of the same name.
func New(prefix string, extra ...fs.FS) (*Assets, error) {
	own, err := fs.Sub(embedded, "static")
	if err != nil {
		return nil, fmt.Errorf("open static files: %w", err)
	}
	a := &Assets{prefix: prefix, urls: map[string]string{}, files: map[string]file{}}
	for _, files := range append([]fs.FS{own}, extra...) {
		err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return a.add(files, name)
		})
		if err != nil {
			return nil, fmt.Errorf("read static files: %w", err)
		}
	}
	return a, nil
}

func (a *Assets) add(files fs.FS, name string) error {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	ext := path.Ext(name)
	kind := kindOf(ext)
	sum := sha256.Sum256(content)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	a.files[hashed] = file{kind: kind, plain: content, zipped: sync.OnceValue(func() []byte { return zipped(content) })}
	a.urls[name] = a.prefix + hashed
	return nil
}

func zipped(content []byte) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(content); err != nil { // a buffer takes everything
		return nil
	}
	if zip.Close() != nil || out.Len() >= len(content) {
		return nil
	}
	return out.Bytes()
}

// kindOf does not ask the machine's own table of types, which differs between
// machines.
func kindOf(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".md", ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// URL is the path of a file, with the hash of its content in it. A name that
// does not exist is a mistake in a template: it gives a path that answers 404.
func (a *Assets) URL(name string) string {
	if u, ok := a.urls[name]; ok {
		return u
	}
	return a.prefix + name
}

// ServeHTTP serves a file under its hashed name.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[strings.TrimPrefix(r.URL.Path, a.prefix)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept-Encoding")
	body := f.plain
	if AcceptsGzip(r) {
		if zip := f.zipped(); zip != nil {
			h.Set("Content-Encoding", "gzip")
			body = zip
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a client that left needs no file
}

// AcceptsGzip reports whether an answer may be zipped. It takes a plain "gzip" only: whoever bargains with q values gets the plain file.
func AcceptsGzip(r *http.Request) bool {
	for enc := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(enc) == "gzip" {
			return true
		}
	}
	return false
}
