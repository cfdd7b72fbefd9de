/*
 * What a ring of development looks at: the start and the end of every operation, and bytes that were lent to be written and
 * must come back unchanged. Such a ring's gate is shut, so that every call passes here.
 */
#include "base/alloc.h"
#include "ring/ring_private.h"

int sri_watch_make(struct sr_ring *ring, const struct sr_config *config)
{
    ring->watched = config->check_lent_bytes || config->log_operations;
    ring->log_operations = config->log_operations;
    if (!config->check_lent_bytes)
        return 0;
    ring->sums = sri_alloc_zero(ring->max_in_flight, sizeof ring->sums[0]);
    return ring->sums != NULL ? 0 : -ENOMEM;
}

void sri_watch_free(struct sr_ring *ring)
{
    sri_free(ring->sums);
}

/* FNV-1a. */
static uint64_t sum_of(uint64_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static uint64_t sum_buffer(const struct sr_buffer *buffer)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    if (buffer->vector == NULL)
        return sum_of(sum, buffer->bytes, buffer->size);
    for (uint32_t i = 0; i < buffer->vector->count; i++)
        sum = sum_of(sum, buffer->vector->segments[i].iov_base, buffer->vector->segments[i].iov_len);
    return sum;
}

/* Does the kernel only read the bytes? */
static bool lends_source(const struct sri_slot *slot)
{
    if (slot->buffer == NULL)
        return false;
    switch (slot->opcode) {
    case IORING_OP_WRITE:
    case IORING_OP_WRITEV:
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_SEND:
    case IORING_OP_SEND_ZC: return true;
    default: return false;
    }
}

static bool is_summed(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return ring->sums != NULL && sri_slot_index(ring, slot) < ring->max_in_flight && lends_source(slot);
}

static void tell(const struct sr_ring *ring, const struct sri_slot *slot, const char *name, int64_t result)
{
    struct sr_log_event event = {
        .level = SR_LOG_DEBUG,
        .name = name,
        .time_ns = ring->kernel.vtable->now_ns(ring->kernel.self),
        .operation = slot->id,
        .kind = sri_kind(slot->opcode)->name,
        .fd = slot->fd,
        .bytes = sr_buffer_size(slot->buffer),
        .result = result,
    };
    sri_log_operation(&event);
}

void sri_watch_started(struct sr_ring *ring, const struct sri_slot *slot)
{
    if (is_summed(ring, slot))
        ring->sums[sri_slot_index(ring, slot)] = sum_buffer(slot->buffer);
    if (ring->log_operations)
        tell(ring, slot, "operation_started", 0);
}

void sri_watch_ended(struct sr_ring *ring, const struct sri_slot *slot)
{
    if (is_summed(ring, slot) && ring->sums[sri_slot_index(ring, slot)] != sum_buffer(slot->buffer)) {
        ring->stats.touched++;
        sri_log(SR_LOG_ERROR,
                "the bytes of operation %#llx (%s, descriptor %d) were changed while they were lent",
                (unsigned long long)slot->id, sri_kind(slot->opcode)->name, slot->fd);
    }
    if (ring->log_operations)
        tell(ring, slot, "operation_ended", slot->result);
}
