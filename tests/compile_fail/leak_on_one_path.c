// clang -Wthread-safety: is not held on every path|is still held at the end of function
#include "case.h"

int read_once(struct sr_ring *ring, int fd);
int read_once(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op read;
    if (sr_buffer_new(&buffer, 64) != 0)
        return -1;
    if (sr_read_owned(ring, sr_fd(fd), &buffer, &read) != 0) {
#ifndef WRONG
        release(&buffer);
#endif
        return -1;
    }
    sr_op_drop(ring, &read);
    return 0;
}
