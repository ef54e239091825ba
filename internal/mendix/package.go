// Package mendix writes what Mendix developers need: the module package for
// Studio Pro, and the two API documents that its consumed REST service reads.
package mendix

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"embed"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// FileName is the name that people know the package by.
const FileName = moduleName + ".mpk"

// StudioPro is the line of Studio Pro that the package is written for; newer
// ones convert it when it is imported.
const StudioPro = "10.24"

// maxURLBytes bounds the address that goes into the model.
const maxURLBytes = 2048

//go:embed java
var javaSource embed.FS

// Options say what differs from one package to the next.
type Options struct {
	// ServiceURL is the address of the installation, as the constant ServiceURL
	// gets it; empty: the developer fills it in.
	ServiceURL string
}

// Package writes the module package (.mpk). The same options give the same
// bytes. An error about the address is a *connector.Error.
func Package(ctx context.Context, o Options) ([]byte, error) {
	address, problem := serviceURL(o.ServiceURL)
	if problem != nil {
		return nil, problem
	}
	mpr, err := project(ctx, units(address))
	if err != nil {
		return nil, err
	}
	sources, err := javaFiles()
	if err != nil {
		return nil, err
	}
	manifest, err := manifest(sources)
	if err != nil {
		return nil, err
	}
	return archive(append([]file{{"package.xml", manifest}, {"project.mpr", mpr}}, sources...))
}

// serviceURL checks the address of an installation and takes slashes off its end.
func serviceURL(raw string) (string, *connector.Error) {
	const pointer = "/serviceUrl"
	if raw == "" {
		return "", nil
	}
	u, err := url.Parse(raw)
	switch {
	case len(raw) > maxURLBytes:
		return "", connector.Invalid(pointer, "The service URL has %d bytes; the limit is %d.", len(raw), maxURLBytes)
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return "", connector.Invalid(pointer, "The service URL must look like https://teams.example.com.")
	case u.User != nil:
		return "", connector.Invalid(pointer, "The service URL must not carry a user name or password; the keys go into the module's constants.")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return "", connector.Invalid(pointer, "The service URL must end with its host or path, without a query or fragment.")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// file is an entry of the package.
type file struct {
	path    string
	content []byte
}

// javaFiles returns the module's Java sources, in the order of their paths.
func javaFiles() ([]file, error) {
	var files []file
	err := fs.WalkDir(javaSource, "java", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := javaSource.ReadFile(path)
		files = append(files, file{"javasource" + strings.TrimPrefix(path, "java"), content})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the Java sources: %w", err)
	}
	return files, nil
}

// manifest writes package.xml, which tells Studio Pro what is in the package.
func manifest(files []file) ([]byte, error) {
	type named struct {
		Name string `xml:"name,attr"`
	}
	type located struct {
		Path string `xml:"path,attr"`
	}
	type modelerProject struct {
		Space   string    `xml:"xmlns,attr"`
		Module  named     `xml:"module"`
		Project located   `xml:"projectFile"`
		Files   []located `xml:"files>file"`
	}
	type pack struct {
		XMLName xml.Name       `xml:"package"`
		Space   string         `xml:"xmlns,attr"`
		Project modelerProject `xml:"modelerProject"`
	}
	p := pack{Space: "http://www.mendix.com/package/1.0/", Project: modelerProject{
		Space: "http://www.mendix.com/modelerProject/1.0/", Module: named{moduleName}, Project: located{"project.mpr"},
	}}
	for _, f := range files {
		p.Project.Files = append(p.Project.Files, located{f.path})
	}
	b, err := xml.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write package.xml: %w", err)
	}
	return append([]byte(xml.Header), append(b, '\n')...), nil
}

// zipDate is the day that all files of a package bear, 2026-01-01, as zip
// writes it: years since 1980, month, day.
const zipDate = (2026-1980)<<9 | 1<<5 | 1

// archive writes a zip whose bytes depend on its files alone: one time for all
// of them, and sizes in front, which every unpacker understands.
func archive(files []file) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		packed, err := deflate(f.content)
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.path, err)
		}
		entry, err := w.CreateRaw(&zip.FileHeader{
			Name: f.path, Method: zip.Deflate,
			ModifiedDate: zipDate, //nolint:staticcheck // CreateRaw writes this field as it is, and Modified not at all
			CRC32:        crc32.ChecksumIEEE(f.content), CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(f.content)),
		})
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.path, err)
		}
		if _, err := entry.Write(packed); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("close the package: %w", err)
	}
	return out.Bytes(), nil
}

func deflate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
