/*
 * The table of operations: max_in_flight slots made at open, a free list, generations (OP-1). Never allocates.
 */
#include "ring/ring_private.h"

/* Its generations are used up: it is never taken again. */
void sri_slot_retire(struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_RETIRE) == 0);
}
