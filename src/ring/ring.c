/*
 * The ring's birth and death: its memory, its kernel, its owner; the panic when it is dropped with operations in flight.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "ring/give_up.h"
#include "ring/open.h"
#include "ring/tables.h"

int sri_ring_refusal(const struct sr_ring *ring)
{
    if (!sri_gate_is_alive(ring->gate))
        return SR_EWRONG_PROCESS;
    return ring->owner == NULL ? SR_EINVALID_STATE : SR_EWRONG_THREAD;
}

/* Slots for operations, and behind them those for completions of multishots that go on: one table, two lists. */
static int make_slots(struct sr_ring *ring, uint32_t operations, uint32_t shots)
{
    uint32_t count = operations + shots;
    struct sri_slot *slots = sri_alloc_aligned((size_t)count * sizeof slots[0], 64);
    if (slots == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        slots[i] =
            (struct sri_slot){.id = sri_id(i, 1, SRI_TAG_OPERATION),
                              .free_next = i + 1 < count && i + 1 != operations ? &slots[i + 1] : NULL};
    ring->hot.slots = ring->hot.free = slots;
    ring->hot.slot_bytes = count * (uint32_t)sizeof slots[0];
    ring->max_in_flight = operations;
    ring->free_shots = shots != 0 ? &slots[operations] : NULL;
    ring->slot_count = count;
    return 0;
}

static int make_arguments(struct sr_ring *ring, uint32_t bytes)
{
    ring->argument_bytes = bytes;
    ring->argument_stride = (uint32_t)((sizeof(struct sri_arguments) + bytes + 15) & ~(size_t)15);
    ring->arguments = sri_alloc((size_t)ring->max_in_flight * ring->argument_stride);
    return ring->arguments != NULL ? 0 : -ENOMEM;
}

static const struct sri_completions empty_list = {.head = SRI_NO_SLOT, .tail = SRI_NO_SLOT};

#define DEFAULT_ARGUMENT_BYTES 256u
#define DEFAULT_POST_ENTRIES 64u
#define DEFAULT_FIXED_FILES 255u
#define DEFAULT_FIXED_BUFFERS 255u

/* What is the ring's own: everything but the kernel's part. */
static int make_own(struct sr_ring *ring, const struct sr_config *config)
{
    uint32_t completions = ring->completion_entries;
    uint32_t max_in_flight = config->max_in_flight != 0 ? config->max_in_flight : completions;
    ring->ready = ring->callbacks = empty_list;
    ring->cancel_head = ring->cancel_tail = SRI_NO_SLOT;
    ring->cancel_on_drop = config->cancel_on_drop;
    sri_batches_init(&ring->batches);
    ring->fixed_files = config->fixed_files != 0 ? config->fixed_files : DEFAULT_FIXED_FILES;
    ring->fixed_buffers = config->fixed_buffers != 0 ? config->fixed_buffers : DEFAULT_FIXED_BUFFERS;
    ring->queue_entries = config->queue_entries;
    if (ring->queue_entries == 0)
        ring->queue_entries = max_in_flight > completions ? max_in_flight : completions;
    int rc = make_slots(ring, max_in_flight, config->shot_entries != 0 ? config->shot_entries : completions);
    if (rc == 0)
        rc = make_arguments(ring,
                            config->argument_bytes != 0 ? config->argument_bytes : DEFAULT_ARGUMENT_BYTES);
    if (rc == 0)
        rc = sri_posts_init(&ring->posts,
                            config->post_entries != 0 ? config->post_entries : DEFAULT_POST_ENTRIES);
    if (rc == 0)
        rc = sri_watch_make(ring, config);
    if (rc == 0)
        rc = sri_own_pool_make(ring, config);
    return rc;
}

static void free_own(struct sr_ring *ring)
{
    sri_pools_leave(ring);
    sri_own_pool_leave(ring);
    sri_tables_free(ring);
    if (ring->posts.values != NULL)
        sri_posts_fini(&ring->posts);
    sri_batches_fini(&ring->batches);
    sri_watch_free(ring);
    sri_free(ring->arguments);
    sri_free(ring->hot.slots);
    if (ring->gate != NULL)
        sri_gate_free(ring->gate);
}

/* Everything the ring has, of memory, descriptors and mappings (RING-5). */
static void destroy(struct sr_ring *ring)
{
    free_own(ring);
    sri_kernel_close(ring);
    sri_free(ring);
}

/* From now on the ring is the calling thread's. */
static void give_to_caller(struct sr_ring *ring)
{
    ring->owner = sri_this_thread();
    ring->usable = true;
    sri_own_pool_attach(ring);
    sri_ring_set_gate(ring);
}

int sr_ring_open_config(struct sr_ring **out, const struct sr_config *config)
{
    const char *field = "out";
    if (out == NULL || sr_config_check(config, &field) != 0) {
        sri_log(SR_LOG_ERROR, "sr_ring_open_config: %s is out of its range", field);
        return -EINVAL;
    }
    struct sr_ring *ring = sri_alloc_aligned(sizeof *ring, _Alignof(struct sr_ring));
    if (ring == NULL)
        return -ENOMEM;
    memset(ring, 0, sizeof *ring);
    ring->hot.gate = ring->gate = sri_gate_new();
    int rc = ring->gate != NULL ? sri_kernel_open(ring, config) : -ENOMEM;
    if (rc == 0)
        rc = make_own(ring, config);
    if (rc != 0) {
        destroy(ring);
        return rc;
    }
    ring->opened_ns = ring->kernel.vtable->now_ns(ring->kernel.self);
    if (!config->disabled)
        give_to_caller(ring);
    *out = ring;
    return 0;
}

int sr_ring_open(struct sr_ring **out, uint32_t entries)
{
    struct sr_config config = sr_config_default();
    config.entries = entries;
    return sr_ring_open_config(out, &config);
}

int sr_ring_attach(struct sr_ring *ring)
{
    if (ring == NULL)
        return -EINVAL;
    if (!sri_gate_is_alive(ring->gate))
        return SR_EWRONG_PROCESS;
    if (ring->owner != NULL)
        return SR_EINVALID_STATE;
    int rc =
        ring->kernel.vtable->register_(ring->kernel.self, ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (rc < 0)
        return rc;
    give_to_caller(ring);
    return 0;
}

/*
 * A forked child has a copy of everything but the kernel's side: what is its own is released, buffers in flight too (the
 * kernel works in the parent's memory), and the shared ring is not touched (RING-6).
 */
static void close_in_child(struct sr_ring *ring)
{
    for (uint32_t i = 0; i < ring->slot_count; i++) {
        struct sr_buffer *buffer = ring->hot.slots[i].buffer;
        if (buffer == NULL)
            continue;
        if (buffer->owner == SRI_OWNER_KERNEL)
            sri_buffer_move(buffer, SRI_OWNER_COMPLETE);
        sri_buffer_move(buffer, SRI_OWNER_DISPOSE);
        sri_buffer_home(buffer);
    }
    sri_tell_orphans(ring);
    sri_batches_forget(ring);
    destroy(ring);
}

static int close_ring(struct sr_ring **handle, bool panics)
{
    if (handle == NULL || *handle == NULL)
        return -EINVAL;
    struct sr_ring *ring = *handle;
    int refused = ring->owner != NULL ? sri_ring_check(ring) : 0;
    if (refused == SR_EWRONG_PROCESS) {
        if (sri_is_held(ring))
            return -EBUSY;
        *handle = NULL;
        close_in_child(ring);
        return 0;
    }
    if (refused != 0)
        return refused;
    if (ring->in_callback)
        return SR_EINVALID_STATE;
    if (sri_in_flight(ring) > 0) {
        if (panics)
            sri_panic(ring);
        if (ring->batches.live > 0)
            sri_log(SR_LOG_ERROR,
                    "the ring was not closed: %u batches are alive; end their results, or drop them",
                    ring->batches.live);
        return SR_EOPERATIONS_IN_FLIGHT;
    }
    if (sri_is_held(ring))
        return -EBUSY;
    *handle = NULL;
    destroy(ring);
    return 0;
}

void sri_ring_give_up(struct sr_ring *ring)
{
    close_in_child(ring);
}

int sr_ring_close(struct sr_ring **ring)
{
    return close_ring(ring, true);
}

int sr_ring_try_close(struct sr_ring **ring)
{
    return close_ring(ring, false);
}

int sr_ring_pollable_fd(struct sr_ring *ring)
{
    if (ring == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    /* From here on its kernel may have to lower the descriptor at each enter (backend.h). */
    ring->enters_directly = false;
    return ring->kernel.vtable->pollable_fd(ring->kernel.self, ring->fd);
}
