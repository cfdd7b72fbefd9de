// clang -Wthread-safety: releasing .* that was not held
#include "case.h"

void read_twice(struct sr_ring *ring, struct sr_buffer **first, struct sr_buffer **second, int fd)
    SR_TAKES(*first, *second);
void read_twice(struct sr_ring *ring, struct sr_buffer **first, struct sr_buffer **second, int fd)
{
    struct sr_op one;
    struct sr_op two;
    if (sr_read_owned(ring, sr_fd(fd), first, &one) == 0)
        sr_op_drop(ring, &one);
    else
        release(first);
#ifdef WRONG
    if (sr_read_owned(ring, sr_fd(fd), first, &two) == 0)
        sr_op_drop(ring, &two);
#else
    if (sr_read_owned(ring, sr_fd(fd), second, &two) == 0)
        sr_op_drop(ring, &two);
#endif
    else
        release(second);
}
