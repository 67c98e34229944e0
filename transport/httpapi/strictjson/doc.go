// Package strictjson reads request bodies and leaves nothing to a guess: an
// unknown, repeated or misspelt field, a wrong type, null, a fraction where an
// integer is due, text that is not UTF-8 and anything after the value are all
// refused, with the path of the field and what to write instead.
//
// encoding/json takes fields in any case, the last of repeated ones, null for
// anything, and replaces broken UTF-8; each of these would let two readers of
// one body see two requests. It also names no field in half of its errors.
//
// Objects are read through a table of fields, so what a body may hold can be
// read off one list. Strings are copied: the buffer may be reused.
package strictjson
