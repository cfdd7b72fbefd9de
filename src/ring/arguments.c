/*
 * What an SQE points to besides the buffer: copied at the call into memory of the ring, sized at open (ARG-1), and where
 * the kernel writes a peer's address (ARG-2). Never allocates.
 */
#include <string.h>

#include "ring/ring_private.h"

#define NS_PER_S UINT64_C(1000000000)

struct sri_arguments *sri_arguments_of(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return (struct sri_arguments *)(void *)(ring->arguments +
                                            (size_t)sri_slot_index(ring, slot) * ring->argument_stride);
}

static struct __kernel_timespec timespec_of(uint64_t ns)
{
    return (struct __kernel_timespec){.tv_sec = (long long)(ns / NS_PER_S),
                                      .tv_nsec = (long long)(ns % NS_PER_S)};
}

static int keep_bytes(const struct sr_ring *ring, struct sri_arguments *kept, const void *bytes,
                      size_t length)
{
    if (bytes == NULL)
        return -EINVAL;
    if (length > ring->argument_bytes)
        return -E2BIG;
    memcpy(kept->bytes, bytes, length);
    kept->address_length = (socklen_t)length;
    return 0;
}

int sri_arguments_keep(const struct sr_ring *ring, const struct sri_slot *slot, const struct sr_op_spec *spec)
{
    struct sri_arguments *kept = sri_arguments_of(ring, slot);
    if (spec->timeout_ns != 0)
        kept->limit = timespec_of(spec->timeout_ns);
    switch (spec->opcode) {
    case IORING_OP_OPENAT:
        return keep_bytes(ring, kept, spec->argument,
                          spec->argument != NULL ? strnlen(spec->argument, ring->argument_bytes) + 1 : 0);
    case IORING_OP_CONNECT: return keep_bytes(ring, kept, spec->argument, spec->argument_length);
    case IORING_OP_TIMEOUT: kept->duration = timespec_of(spec->duration_ns); return 0;
    case IORING_OP_ACCEPT: kept->address_length = ring->argument_bytes; return 0;
    default: return 0;
    }
}
