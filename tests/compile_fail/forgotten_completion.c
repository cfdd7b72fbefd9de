// clang -Wthread-safety: is still held at the end of function|not held on every path
#include "case.h"

int32_t await_and_go(struct sr_ring *ring);
int32_t await_and_go(struct sr_ring *ring)
{
    struct sr_op nop;
    struct sr_completion done;
    if (sr_nop(ring, &nop) != 0)
        return -1;
    if (sr_op_await(ring, &nop, &done) != 0) {
        sr_op_drop(ring, &nop);
        return -1;
    }
#ifdef WRONG
    return done.result;
#else
    return sr_take_plain(&done);
#endif
}
