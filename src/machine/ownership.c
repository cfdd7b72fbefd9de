/*
 * The ownership of a buffer: one table, every transition of rules BUF-1, BUF-3, BUF-4, BUF-6 and PIN-2.
 */
#include "machine/ownership.h"

#include "safer_ring/error.h"

#define NOBODY SRI_OWNER_NOBODY
#define USER SRI_OWNER_USER
#define GUARD SRI_OWNER_GUARD
#define KERNEL SRI_OWNER_KERNEL
#define COMPLETION SRI_OWNER_COMPLETION
#define VECTOR SRI_OWNER_VECTOR
#define BATCH SRI_OWNER_BATCH
#define BORROWED SRI_OWNER_BORROWED
#define FLIGHT SR_EBUFFER_IN_FLIGHT
#define INVALID SR_EINVALID_STATE
#define NEVER SRI_IMPOSSIBLE

/* clang-format off */
const int16_t sri_ownership_table[SRI_OWNERS][SRI_OWNER_EVENTS] = {
    /*              make   open    close    lend    withdraw complete    take   join    split   release dispose keep    yield   borrow */
    [NOBODY]     = {USER,  FLIGHT, INVALID, FLIGHT, NEVER,   NEVER,      NEVER, FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT},
    [USER]       = {NEVER, GUARD,  INVALID, KERNEL, NEVER,   NEVER,      NEVER, VECTOR, NEVER,  NOBODY, NEVER,  BATCH,  NEVER,  BORROWED},
    [GUARD]      = {NEVER, FLIGHT, USER,    FLIGHT, NEVER,   NEVER,      NEVER, FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT},
    [KERNEL]     = {NEVER, FLIGHT, INVALID, FLIGHT, USER,    COMPLETION, NEVER, FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT},
    [COMPLETION] = {NEVER, FLIGHT, INVALID, FLIGHT, NEVER,   NEVER,      USER,  FLIGHT, NEVER,  FLIGHT, NOBODY, FLIGHT, NEVER,  FLIGHT},
    [VECTOR]     = {NEVER, FLIGHT, INVALID, FLIGHT, NEVER,   NEVER,      NEVER, FLIGHT, USER,   FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT},
    [BATCH]      = {NEVER, FLIGHT, INVALID, FLIGHT, NEVER,   NEVER,      NEVER, FLIGHT, NEVER,  FLIGHT, NEVER,  FLIGHT, USER,   FLIGHT},
    [BORROWED]   = {NEVER, FLIGHT, INVALID, FLIGHT, USER,    BORROWED,   USER,  FLIGHT, NEVER,  FLIGHT, NOBODY, FLIGHT, NEVER,  FLIGHT},
};
/* clang-format on */

static const char *const states[SRI_OWNERS] = {"nobody",     "user",   "guard", "kernel",
                                               "completion", "vector", "batch", "borrowed"};
static const char *const events[SRI_OWNER_EVENTS] = {"make",     "open", "close", "lend",  "withdraw",
                                                     "complete", "take", "join",  "split", "release",
                                                     "dispose",  "keep", "yield", "borrow"};

const struct sri_machine sri_ownership_machine = {
    .name = "ownership",
    .about = "Who owns a buffer (BUF-1): exactly one, and only this table changes it.",
    .states = states,
    .events = events,
    .state_count = SRI_OWNERS,
    .event_count = SRI_OWNER_EVENTS,
    .table = &sri_ownership_table[0][0],
};
