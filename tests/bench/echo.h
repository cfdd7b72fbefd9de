/*
 * The client side of the echo benchmarks, the same for both arms, and how an arm gets its connections.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include "bench.h"

#define ECHO_BYTES 64

/* `count` connections: the servers' ends for the arm, the clients' with a thread that talks over them. */
struct echo_clients;

int echo_connect(uint32_t count, bool tcp, int servers[], struct echo_clients **out);

/* Starts a thread that has exactly so many messages echoed, over all connections, and looks at each answer. */
int echo_begin(struct echo_clients *clients, uint64_t messages);
int echo_end(struct echo_clients *clients); /* waits for it: 0 or what went wrong */

void echo_disconnect(struct echo_clients *clients);

/* The library's server. */
extern const struct arm echo_library_tcp;

#endif
