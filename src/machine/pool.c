/*
 * A pooled buffer is at home or out, never both, and comes back once: one table (POOL-2, POOL-3, POOL-5).
 */
#include "machine/pool.h"

#include "safer_ring/error.h"

#define NONE SRI_POOLED_NONE
#define HOME SRI_POOLED_HOME
#define OUT SRI_POOLED_OUT
#define FLIGHT SR_EBUFFER_IN_FLIGHT
#define FOREIGN SR_EFOREIGN
#define NEVER SRI_IMPOSSIBLE

/* Getting takes from a list of what is at home, so there is no other case; putting and destroying are asked for. */
/* clang-format off */
const int16_t sri_pooled_table[SRI_POOLED_STATES][SRI_POOLED_EVENTS] = {
    /*        add    get    put      remove */
    [NONE] = {HOME,  NEVER, FOREIGN, NEVER},
    [HOME] = {NEVER, OUT,   FLIGHT,  NONE},
    [OUT]  = {NEVER, NEVER, HOME,    FLIGHT},
};
/* clang-format on */

static const char *const states[SRI_POOLED_STATES] = {"none", "home", "out"};
static const char *const events[SRI_POOLED_EVENTS] = {"add", "get", "put", "remove"};

const struct sri_machine sri_pooled_machine = {
    .name = "pool",
    .about = "Where a pooled buffer is (POOL-2): at home or out, and it comes back once.",
    .states = states,
    .events = events,
    .state_count = SRI_POOLED_STATES,
    .event_count = SRI_POOLED_EVENTS,
    .table = &sri_pooled_table[0][0],
};
