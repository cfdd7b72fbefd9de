/*
 * Registrations in a case's transcript.
 */
#ifndef TESTS_SUPPORT_CONFORM_REGISTER_H
#define TESTS_SUPPORT_CONFORM_REGISTER_H

#include "support/conform.h"

/* io_uring_register: "what: 0". */
static inline int conform_register(struct conform *c, const char *what, unsigned opcode, void *arg,
                                   unsigned count)
{
    int rc = c->ring.backend.vtable->register_(c->ring.backend.self, c->ring.fd, opcode, arg, count);
    conform_value(c, what, rc);
    return rc;
}

/* FILES2, BUFFERS2. */
static inline int conform_register_tagged(struct conform *c, const char *what, unsigned opcode,
                                          const void *items, const uint64_t *tags, unsigned count,
                                          unsigned flags)
{
    struct io_uring_rsrc_register arg = {.nr = count,
                                         .flags = flags,
                                         .data = (uintptr_t)items,
                                         .tags = (uintptr_t)tags};
    return conform_register(c, what, opcode, &arg, sizeof arg);
}

/* FILES_UPDATE2, BUFFERS_UPDATE. */
static inline int conform_update_tagged(struct conform *c, const char *what, unsigned opcode, unsigned offset,
                                        const void *items, const uint64_t *tags, unsigned count)
{
    struct io_uring_rsrc_update2 arg = {.offset = offset,
                                        .data = (uintptr_t)items,
                                        .tags = (uintptr_t)tags,
                                        .nr = count};
    return conform_register(c, what, opcode, &arg, sizeof arg);
}

#endif
