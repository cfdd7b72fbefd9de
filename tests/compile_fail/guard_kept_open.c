// clang -Wthread-safety: releasing .* that was not held
#include "case.h"

void write_what_is_open(struct sr_ring *ring, struct sr_buffer **buffer, int fd) SR_TAKES(*buffer);
void write_what_is_open(struct sr_ring *ring, struct sr_buffer **buffer, int fd)
{
    struct sr_guard guard;
    struct sr_op write;
    if (sr_buffer_try_access(buffer, &guard) != 0) {
        release(buffer);
        return;
    }
    sr_guard_bytes(&guard)[0] = 'x';
#ifdef WRONG
    if (sr_write_owned(ring, sr_fd(fd), buffer, &write) == 0)
        sr_op_drop(ring, &write);
    sr_guard_end(&guard, buffer);
    release(buffer);
#else
    sr_guard_end(&guard, buffer);
    if (sr_write_owned(ring, sr_fd(fd), buffer, &write) == 0)
        sr_op_drop(ring, &write);
    else
        release(buffer);
#endif
}
