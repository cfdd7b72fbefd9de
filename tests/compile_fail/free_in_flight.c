// clang -Wthread-safety: releasing .* that was not held
#include "case.h"

int read_and_forget(struct sr_ring *ring, struct sr_buffer **buffer, int fd) SR_TAKES(*buffer);
int read_and_forget(struct sr_ring *ring, struct sr_buffer **buffer, int fd)
{
    struct sr_op read;
    if (sr_read_owned(ring, sr_fd(fd), buffer, &read) != 0) {
        release(buffer);
        return -1;
    }
#ifdef WRONG
    release(buffer);
#endif
    sr_op_drop(ring, &read); /* the buffer goes home when the kernel is done with it */
    return 0;
}
