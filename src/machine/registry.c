/*
 * A registered place is not replaced and not removed while it is used, and what is not registered can't be used: one table
 * (REG-2, REG-3, REG-5).
 */
#include "machine/registry.h"

#include "safer_ring/error.h"

#define EMPTY SRI_PLACE_EMPTY
#define IDLE SRI_PLACE_IDLE
#define USED SRI_PLACE_USED
#define RETIRING SRI_PLACE_RETIRING
#define DEAD SRI_PLACE_DEAD
#define FLIGHT SR_EBUFFER_IN_FLIGHT
#define ABSENT SR_ENOT_REGISTERED
#define NEVER SRI_IMPOSSIBLE

/* clang-format off */
const int16_t sri_place_table[SRI_PLACES][SRI_PLACE_EVENTS] = {
    /*            fill   use     end       last   replace remove  retire    bury */
    [EMPTY]    = {IDLE,  ABSENT, NEVER,    NEVER, ABSENT, ABSENT, ABSENT,   DEAD},
    [IDLE]     = {NEVER, USED,   NEVER,    NEVER, IDLE,   EMPTY,  EMPTY,    NEVER},
    [USED]     = {NEVER, USED,   USED,     IDLE,  FLIGHT, FLIGHT, RETIRING, NEVER},
    [RETIRING] = {NEVER, ABSENT, RETIRING, EMPTY, ABSENT, ABSENT, ABSENT,   NEVER},
    [DEAD]     = {NEVER, ABSENT, NEVER,    NEVER, ABSENT, ABSENT, ABSENT,   NEVER},
};
/* clang-format on */

static const char *const states[SRI_PLACES] = {"empty", "idle", "used", "retiring", "dead"};
static const char *const events[SRI_PLACE_EVENTS] = {"fill",    "use",    "end",    "last",
                                                     "replace", "remove", "retire", "bury"};

const struct sri_machine sri_place_machine = {
    .name = "registry",
    .about = "The life of a place in a ring's table of fixed files or buffers (REG-3).",
    .states = states,
    .events = events,
    .state_count = SRI_PLACES,
    .event_count = SRI_PLACE_EVENTS,
    .table = &sri_place_table[0][0],
};
