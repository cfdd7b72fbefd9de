// clang -Wthread-safety: requires holding|that was not held|may not be held
#include "case.h"

void sync_and_remove(struct sr_ring *ring, struct sr_registry *registry, int fd);
void sync_and_remove(struct sr_ring *ring, struct sr_registry *registry, int fd)
{
    struct sr_fixed_file file;
    struct sr_op sync;
    if (sr_registry_register_fixed_file(registry, fd, &file) != 0)
        return;
#ifdef WRONG
    if (sr_registry_retire_fixed_file(registry, &file) != 0)
        abort();
#endif
    struct sr_op_spec spec = sr_spec_fsync(sr_fd_fixed(file), 0);
    if (sr_op_start_plain(ring, &spec, &sync) == 0)
        sr_op_drop(ring, &sync);
#ifndef WRONG
    if (sr_registry_retire_fixed_file(registry, &file) != 0)
        abort();
#endif
}
