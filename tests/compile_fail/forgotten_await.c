// clang -Wthread-safety: is still held at the end of function|is not held on every path
#include "case.h"

void start_and_go(struct sr_ring *ring);
void start_and_go(struct sr_ring *ring)
{
    struct sr_op nop;
    if (sr_nop(ring, &nop) != 0)
        return;
#ifndef WRONG
    sr_op_drop(ring, &nop);
#endif
}
