// clang -Wthread-safety: requires holding|releasing .* that was not held
#include "case.h"

int wait_and_look(struct sr_ring *ring, struct sr_buffer **buffer, int fd) SR_TAKES(*buffer);
int wait_and_look(struct sr_ring *ring, struct sr_buffer **buffer, int fd)
{
    struct sr_op read;
    struct sr_completion done;
    struct sr_guard guard;
    int32_t result = -1;
    if (sr_read_owned(ring, sr_fd(fd), buffer, &read) != 0) {
        release(buffer);
        return -1;
    }
#ifdef WRONG
    if (sr_buffer_try_access(buffer, &guard) == 0)
        sr_guard_end(&guard, buffer);
#endif
    if (sr_op_await(ring, &read, &done) != 0) {
        sr_op_drop(ring, &read);
        return -1;
    }
    result = sr_take(&done, buffer);
    if (sr_buffer_try_access(buffer, &guard) == 0)
        sr_guard_end(&guard, buffer);
    release(buffer);
    return result;
}
