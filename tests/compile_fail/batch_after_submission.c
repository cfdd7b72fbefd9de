// clang -Wthread-safety: requires holding|releasing .* that was not held
#include "case.h"

void submit_then_add(struct sr_ring *ring, struct sr_batch **batch) SR_TAKES(*batch);
void submit_then_add(struct sr_ring *ring, struct sr_batch **batch)
{
    struct sr_batch_future future;
    struct sr_op_spec nop = sr_spec_nop();
#ifndef WRONG
    (void)!sr_batch_add_plain(*batch, &nop, NULL);
#endif
    if (sr_batch_submit_standalone(ring, batch, &future) != 0) {
        if (sr_batch_free(batch) != 0)
            abort();
        return;
    }
#ifdef WRONG
    (void)!sr_batch_add_plain(*batch, &nop, NULL);
#endif
    sr_batch_drop(ring, &future);
}
