/*
 * The panic of a ring dropped with operations in flight: before anything is freed, unmapped, locked or changed (RING-1 …
 * RING-3). Reads the ring, never writes it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "ring/ring_private.h"

#define NS_PER_MS UINT64_C(1000000)

static sr_panic_fn *panic_handler;
static void *panic_user;

void sr_set_panic_handler(sr_panic_fn *handler, void *user)
{
    panic_handler = handler;
    panic_user = user;
}

static bool listed(const struct sri_slot *slot)
{
    return slot->state != SRI_OPERATION_GONE && slot->state != SRI_OPERATION_BUILDING &&
           slot->state != SRI_OPERATION_SETTLED && slot->state != SRI_OPERATION_RETIRED;
}

static const struct sri_slot *listed_at(const struct sr_ring *ring, uint32_t i)
{
    for (uint32_t index = 0; index < ring->slot_count; index++) {
        if (!listed(&ring->hot.slots[index]))
            continue;
        if (i-- == 0)
            return &ring->hot.slots[index];
    }
    return NULL;
}

static bool was_submitted(const struct sri_slot *slot)
{
    return slot->state != SRI_OPERATION_QUEUED && (slot->marks & SRI_MARK_RECALLED) == 0 &&
           slot->submitted_ms != SRI_NOT_READ;
}

static void describe(const struct sr_panic *panic, const struct sri_slot *slot,
                     struct sr_panic_operation *operation)
{
    const struct sr_ring *ring = panic->ring;
    uint64_t submitted_ns = ring->opened_ns + slot->submitted_ms * NS_PER_MS;
    *operation = (struct sr_panic_operation){
        .id = slot->id,
        .kind = sri_kind(slot->opcode)->name,
        .state = sri_operation_machine.states[slot->state],
        .orphaned = slot->claim == SRI_CLAIM_ORPHAN,
        .fd = slot->fd,
        .fixed = sri_is_fixed(ring, slot),
        .buffer_size = sr_buffer_size(slot->buffer),
        .age_ns = was_submitted(slot) && panic->now_ns > submitted_ns ? panic->now_ns - submitted_ns : 0,
    };
}

bool sr_panic_at(const struct sr_panic *panic, uint32_t i, struct sr_panic_operation *operation)
{
    if (panic == NULL || operation == NULL)
        return false;
    const struct sr_ring *ring = panic->ring;
    uint32_t slots = sri_in_flight(ring) - ring->batches.slotless;
    if (i >= slots)
        return sri_batches_at(ring, i - slots, operation);
    const struct sri_slot *slot = listed_at(ring, i);
    if (slot != NULL)
        describe(panic, slot, operation);
    return slot != NULL;
}

static void print_line(const char *text, size_t length)
{
    sri_write_text(STDERR_FILENO, text, length);
}

static void print_operation(const struct sr_panic_operation *operation)
{
    char line[256];
    print_line(line,
               sri_format(line, sizeof line,
                          "  operation %#llx %s fd %d buffer %zu bytes, %s%s, submitted %llu ms ago\n",
                          (unsigned long long)operation->id, operation->kind, operation->fd,
                          operation->buffer_size, operation->state, operation->orphaned ? " (orphaned)" : "",
                          (unsigned long long)(operation->age_ns / NS_PER_MS)));
}

_Noreturn static void print_and_abort(const struct sr_panic *panic)
{
    char line[256];
    print_line(line, sri_format(line, sizeof line, "safer_ring: panic: %s\n", panic->message));
    struct sr_panic_operation operation;
    for (uint32_t i = 0; i < panic->ring->slot_count; i++) {
        if (!listed(&panic->ring->hot.slots[i]))
            continue;
        describe(panic, &panic->ring->hot.slots[i], &operation);
        print_operation(&operation);
    }
    for (uint32_t i = 0; sri_batches_at(panic->ring, i, &operation); i++)
        print_operation(&operation);
    abort();
}

void sri_panic(const struct sr_ring *ring)
{
    char message[192];
    struct sr_panic panic = {.ring = ring,
                             .count = sri_in_flight(ring),
                             .message = message,
                             .now_ns = ring->kernel.vtable->now_ns(ring->kernel.self)};
    sri_format(
        message, sizeof message,
        "OperationsInFlight { count: %u }: the ring was dropped while operations were in flight; await them, or "
        "drop and drain them first",
        panic.count);
    if (panic_handler == NULL)
        print_and_abort(&panic);
    panic_handler(&panic, panic_user);
}
