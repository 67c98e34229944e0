// Package httpapitest checks exchanges of requests and answers against the
// OpenAPI description that lockd serves, for tests that talk to the HTTP API.
//
// The description closes every object, so an answer with a field that it does
// not list, without one that it requires, with an undeclared status or without
// its headers is a failure of either the server or the description.
package httpapitest
