/*
 * The life of an operation: one table, every transition of rule OP-2. A result that is not there yet is
 * SR_EOPERATION_PENDING, a handle that outlived its operation SR_ESTALE (OP-3).
 */
#include "machine/operation.h"

#include "safer_ring/error.h"

#define GONE SRI_OPERATION_GONE
#define BUILDING SRI_OPERATION_BUILDING
#define QUEUED SRI_OPERATION_QUEUED
#define SUBMITTED SRI_OPERATION_SUBMITTED
#define CANCELLING SRI_OPERATION_CANCELLING
#define COMPLETED SRI_OPERATION_COMPLETED
#define DELIVERED SRI_OPERATION_DELIVERED
#define SETTLED SRI_OPERATION_SETTLED
#define RETIRED SRI_OPERATION_RETIRED
#define PENDING SR_EOPERATION_PENDING
#define INVALID SR_EINVALID_STATE
#define STALE SR_ESTALE
#define NEVER SRI_IMPOSSIBLE

/* A CQE for an operation that can have none (gone, queued, ended) is refused as stale and counted (OP-5). */
/* clang-format off */
const int16_t sri_operation_table[SRI_OPERATIONS][SRI_OPERATION_EVENTS] = {
    /*              start      abandon  queue    consume     withdraw  cancel       miss        recall      complete    deliver     settle    free    retire   shot */
    [GONE]       = {BUILDING,  NEVER,   NEVER,   NEVER,      STALE,    STALE,       STALE,      STALE,      STALE,      STALE,      STALE,    NEVER,  RETIRED, COMPLETED},
    [BUILDING]   = {NEVER,     GONE,    QUEUED,  NEVER,      NEVER,    INVALID,     NEVER,      NEVER,      STALE,      PENDING,    NEVER,    NEVER,  NEVER,   NEVER},
    [QUEUED]     = {NEVER,     NEVER,   NEVER,   SUBMITTED,  SETTLED,  INVALID,     INVALID,    COMPLETED,  STALE,      PENDING,    INVALID,  NEVER,  NEVER,   NEVER},
    [SUBMITTED]  = {NEVER,     NEVER,   NEVER,   NEVER,      INVALID,  CANCELLING,  INVALID,    INVALID,    COMPLETED,  PENDING,    INVALID,  NEVER,  NEVER,   NEVER},
    [CANCELLING] = {NEVER,     NEVER,   NEVER,   NEVER,      INVALID,  CANCELLING,  SUBMITTED,  INVALID,    COMPLETED,  PENDING,    INVALID,  NEVER,  NEVER,   NEVER},
    [COMPLETED]  = {NEVER,     NEVER,   NEVER,   NEVER,      INVALID,  INVALID,     INVALID,    INVALID,    STALE,      DELIVERED,  SETTLED,  NEVER,  NEVER,   NEVER},
    [DELIVERED]  = {NEVER,     NEVER,   NEVER,   NEVER,      INVALID,  INVALID,     INVALID,    INVALID,    STALE,      INVALID,    SETTLED,  NEVER,  NEVER,   NEVER},
    [SETTLED]    = {NEVER,     NEVER,   NEVER,   NEVER,      STALE,    STALE,       STALE,      STALE,      STALE,      STALE,      STALE,    GONE,   NEVER,   NEVER},
    [RETIRED]    = {NEVER,     NEVER,   NEVER,   NEVER,      STALE,    STALE,       STALE,      STALE,      STALE,      STALE,      STALE,    NEVER,  NEVER,   NEVER},
};
/* clang-format on */

static const char *const states[SRI_OPERATIONS] = {"gone",      "building",   "queued",
                                                   "submitted", "cancelling", "completed",
                                                   "delivered", "settled",    "retired"};
static const char *const events[SRI_OPERATION_EVENTS] = {"start",    "abandon", "queue",  "consume",
                                                         "withdraw", "cancel",  "miss",   "recall",
                                                         "complete", "deliver", "settle", "free",
                                                         "retire",   "shot"};

const struct sri_machine sri_operation_machine = {
    .name = "operation",
    .about = "The life of an operation (OP-2).",
    .states = states,
    .events = events,
    .state_count = SRI_OPERATIONS,
    .event_count = SRI_OPERATION_EVENTS,
    .table = &sri_operation_table[0][0],
};
