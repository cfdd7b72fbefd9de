// gcc -Wanalyzer-null-dereference -fanalyzer: dereference of NULL
#include "case.h"

size_t size_of_what_was_read(struct sr_ring *ring, int fd);
size_t size_of_what_was_read(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op read;
    size_t size;
    if (sr_buffer_new(&buffer, 64) != 0)
        return 0;
#ifndef WRONG
    size = buffer->size;
#endif
    if (sr_read_owned(ring, sr_fd(fd), &buffer, &read) != 0) {
        release(&buffer);
        return 0;
    }
#ifdef WRONG
    size = buffer->size;
#endif
    sr_op_drop(ring, &read);
    return size;
}
