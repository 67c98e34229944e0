package api

import _ "embed"

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the description of the HTTP API in OpenAPI 3.1, as YAML. It
// must not be changed.
func OpenAPI() []byte { return openAPI }
