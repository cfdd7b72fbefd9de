/*
 * Where an operation of a batch stands: one table. Nothing starts before it is ready or linked behind what it depends on
 * (BATCH-2), and what is cancelled never starts (BATCH-3).
 */
#include "machine/member.h"

#define WAITING SRI_MEMBER_WAITING
#define READY SRI_MEMBER_READY
#define STARTED SRI_MEMBER_STARTED
#define DONE SRI_MEMBER_DONE
#define FAILED SRI_MEMBER_FAILED
#define CANCELLED SRI_MEMBER_CANCELLED
#define NEVER SRI_IMPOSSIBLE

/* Every request is the library's own: what is not a way on is a contradiction. */
/* clang-format off */
const int16_t sri_member_table[SRI_MEMBERS][SRI_MEMBER_EVENTS] = {
    /*              free   start    link     unlink   succeed fail    cancel */
    [WAITING]   = {READY, NEVER,   STARTED, NEVER,   NEVER,  NEVER,  CANCELLED},
    [READY]     = {NEVER, STARTED, NEVER,   NEVER,   NEVER,  FAILED, CANCELLED},
    [STARTED]   = {NEVER, NEVER,   NEVER,   WAITING, DONE,   FAILED, CANCELLED},
    [DONE]      = {NEVER, NEVER,   NEVER,   NEVER,   NEVER,  NEVER,  NEVER},
    [FAILED]    = {NEVER, NEVER,   NEVER,   NEVER,   NEVER,  NEVER,  NEVER},
    [CANCELLED] = {NEVER, NEVER,   NEVER,   NEVER,   NEVER,  NEVER,  NEVER},
};
/* clang-format on */

static const char *const states[SRI_MEMBERS] = {"waiting", "ready", "started", "done", "failed", "cancelled"};
static const char *const events[SRI_MEMBER_EVENTS] = {"free",    "start", "link",  "unlink",
                                                      "succeed", "fail",  "cancel"};

const struct sri_machine sri_member_machine = {
    .name = "member",
    .about = "Where an operation of a batch stands (BATCH-2, BATCH-3).",
    .states = states,
    .events = events,
    .state_count = SRI_MEMBERS,
    .event_count = SRI_MEMBER_EVENTS,
    .table = &sri_member_table[0][0],
};
