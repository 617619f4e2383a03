// Package charts holds the CustomResourceDefinitions that the chart installs, for
// programs that ask what an object may look like.
package charts

import (
	"embed"
	"io/fs"
)

//go:embed kibble/crds/*.yaml
var files embed.FS

// CRDs gives the definitions, a file of YAML for each kind.
func CRDs() (fs.FS, error) { return fs.Sub(files, "kibble/crds") }
