// Package e2e tests what users rely on with real processes: every behaviour of
// the HTTP API that the project promises, the command line's exit codes, and the
// local cluster script. Each HTTP answer is held against openapi.yaml.
package e2e
