// Package peertest tests a driver against its real servers.
package peertest
