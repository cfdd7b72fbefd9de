/*
 * What a forked child and the process whose ring it uses say to each other, each in one packet.
 *
 * A process with rings keeps a door: a pair of sockets, of which each child that is forked from then on inherits an end. A child
 * that needs it makes a connection of its own and hands an end of that in by the door. Each call is an errand on the
 * connection, and its end says that the child has ended, or has become another program.
 */
#ifndef SRI_LIBURING_ERRAND_H
#define SRI_LIBURING_ERRAND_H

#include <stdint.h>
#include <sys/types.h>

enum sri_errand_kind {
    SRI_ERRAND_ENTER, /* count: entries to submit; it never waits */
    SRI_ERRAND_REGISTER,
    SRI_ERRAND_LEAVE, /* the child is about to become another program; with count 0: it could not */
};

struct sri_errand {
    uint32_t kind;
    int32_t fd; /* the ring's, which is the same number in both */
    uint32_t count;
    uint32_t flags; /* or what to register */
    uint64_t argument;
    uint64_t argument_size;
    int32_t thread; /* of the child's, that calls */
    uint32_t waits; /* the child goes to sleep if there is too little */
};

struct sri_errand_answer {
    int32_t result;
    uint32_t visible; /* CQEs in the ring's CQ by now; and how many it holds */
    uint32_t entries;
    uint32_t expired; /* timeouts that have ended by themselves: each ends a wait */
};

#endif
