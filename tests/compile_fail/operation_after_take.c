// clang -Wthread-safety: releasing .* that was not held
#include "case.h"

void await_then_drop(struct sr_ring *ring);
void await_then_drop(struct sr_ring *ring)
{
    struct sr_op nop;
    struct sr_completion done;
    if (sr_nop(ring, &nop) != 0)
        return;
    if (sr_op_await(ring, &nop, &done) != 0) {
        sr_op_drop(ring, &nop);
        return;
    }
    (void)sr_take_plain(&done);
#ifdef WRONG
    sr_op_drop(ring, &nop);
#endif
}
