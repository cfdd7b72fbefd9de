// gcc -Wunused-result: ignoring return value
#include "case.h"

void close_and_hope(struct sr_ring *ring);
void close_and_hope(struct sr_ring *ring)
{
#ifdef WRONG
    sr_ring_close(&ring);
#else
    if (sr_ring_close(&ring) != 0)
        abort();
#endif
}
