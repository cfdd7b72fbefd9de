// clang -Wthread-safety: is still held at the end of function
#include "case.h"

void when_read(struct sr_ring *ring, struct sr_completion *done, void *user) SR_TAKES(*done);
void when_read(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct sr_buffer *buffer;
    int32_t *result = user;
    (void)ring;
    *result = sr_take(done, &buffer);
#ifndef WRONG
    if (buffer != NULL)
        release(&buffer);
    else
        abort();
#endif
}
