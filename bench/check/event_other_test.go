//go:build !linux

package main

var testEvent event
