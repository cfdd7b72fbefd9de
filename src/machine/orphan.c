/*
 * The claim on an operation's result: one table. An operation becomes an orphan by its own drop or its batch's, and leaves
 * that state only by its end (ORPH-1, ORPH-3, BATCH-6). A handle that was given over asks for nothing any more; a multishot is
 * dropped without one.
 */
#include "machine/orphan.h"

#include "safer_ring/error.h"

#define NONE SRI_CLAIM_NONE
#define HANDLE SRI_CLAIM_HANDLE
#define QUEUE SRI_CLAIM_QUEUE
#define CALLBACK SRI_CLAIM_CALLBACK
#define ORPHAN SRI_CLAIM_ORPHAN
#define MEMBER SRI_CLAIM_MEMBER
#define INVALID SR_EINVALID_STATE
#define STALE SR_ESTALE
#define NEVER SRI_IMPOSSIBLE

/* clang-format off */
const int16_t sri_orphan_table[SRI_CLAIMS][SRI_CLAIM_EVENTS] = {
    /*            start   ask      detach   then      drop     discard  end    enlist  leave */
    [NONE]     = {HANDLE, STALE,   STALE,   STALE,    STALE,   STALE,   NEVER, NEVER,  NEVER},
    [HANDLE]   = {NEVER,  HANDLE,  QUEUE,   CALLBACK, ORPHAN,  NONE,    NONE,  MEMBER, NEVER},
    [QUEUE]    = {NEVER,  INVALID, INVALID, INVALID,  ORPHAN,  NONE,    NONE,  NEVER,  NEVER},
    [CALLBACK] = {NEVER,  INVALID, INVALID, INVALID,  ORPHAN,  NONE,    NONE,  NEVER,  NEVER},
    [ORPHAN]   = {NEVER,  STALE,   STALE,   STALE,    STALE,   STALE,   NONE,  NEVER,  NEVER},
    [MEMBER]   = {NEVER,  INVALID, INVALID, INVALID,  INVALID, INVALID, NONE,  NEVER,  ORPHAN},
};
/* clang-format on */

static const char *const states[SRI_CLAIMS] = {"none", "handle", "queue", "callback", "orphan", "member"};
static const char *const events[SRI_CLAIM_EVENTS] = {"start",   "ask", "detach", "then", "drop",
                                                     "discard", "end", "enlist", "leave"};

const struct sri_machine sri_orphan_machine = {
    .name = "orphan",
    .about = "Who will take an operation's result; an orphan is one that nobody will (ORPH-1).",
    .states = states,
    .events = events,
    .state_count = SRI_CLAIMS,
    .event_count = SRI_CLAIM_EVENTS,
    .table = &sri_orphan_table[0][0],
};
