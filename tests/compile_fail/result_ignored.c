// clang -Wunused-result: ignoring return value
#include "case.h"

void submit_and_hope(struct sr_ring *ring);
void submit_and_hope(struct sr_ring *ring)
{
#ifdef WRONG
    sr_ring_submit(ring);
#else
    if (sr_ring_submit(ring) != 0)
        abort();
#endif
}
