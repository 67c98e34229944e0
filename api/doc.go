// Package api has the words that lockd and its clients exchange over HTTP: one
// Go type per request body and answer, the problem codes, and the OpenAPI
// description.
//
// The JSON of each type is what goes over the wire, field for field; a field
// that may be absent is omitted when it is zero, and is a pointer where zero
// itself means something. Servers may add fields to answers, so readers must
// ignore the ones that they do not know; fields of requests are strict.
//
// The package decides nothing: what the requests do is the lock table's
// business, and checking them is the server's.
package api
