// Package redis drives one Redis server with the client github.com/redis/go-redis,
// and the lock that Redis documents for one instance: SET with NX and PX and a
// value of the holder's own, given back by a script that compares and deletes.
//
// The server appends every write to its file and syncs that before it answers
// (appendfsync always), and is not replicated: it is what one disk can do, not a
// service that survives it. There are no tokens, and nobody leads.
//
// A client extends what it holds every third of the TTL, by a script that compares
// and extends, as the libraries with a watchdog do. Who waits polls, with pauses of
// 50 to 250 ms at random, which is what the library redsync does: Redis has no
// line to wait in.
//
// Every client has a connection of its own, or all of them share the client
// library's automatic pipelines.
package redis
