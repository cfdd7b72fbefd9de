/*
 * Buffer slots: registry → program → kernel → program → registry (REG-4, REG-5). A buffer may come home in any thread; all
 * else is the ring's thread's.
 */
#include "base/alloc.h"
#include "ring/registry.h"

static struct sri_table *table_of(const struct sr_registry *registry)
{
    return &registry->ring->tables->buffers;
}

/* The slot's no more: as it was before it was registered. */
static struct sr_buffer *set_free(struct sri_place_entry *place)
{
    struct sr_buffer *buffer = place->buffer;
    buffer->origin = place->origin;
    buffer->registration = NULL;
    buffer->bytes = buffer->memory;
    return buffer;
}

static void lock(const struct sr_registry *registry)
{
    sri_lock_take(&registry->ring->tables->lock);
}

static void unlock(const struct sr_registry *registry)
{
    sri_lock_give(&registry->ring->tables->lock);
}

/* A slot that has just become empty, under the lock: the buffer that stood in it. */
static struct sr_buffer *forget(struct sr_registry *registry, struct sri_place_entry *place)
{
    struct sr_buffer *buffer = set_free(place);
    sri_place_forget(registry->ring->tables, place);
    return buffer;
}

/* The same when it was retired and its buffer is at home now. In another thread than the ring's the kernel is asked later. */
static void end_retired(struct sr_registry *registry, struct sri_place_entry *place, struct sr_buffer *buffer)
{
    if (sri_ring_is_mine(registry->ring))
        sri_place_empty(registry->ring, table_of(registry), place);
    sri_buffer_home(buffer);
}

static void home_to_slot(const struct sri_origin *origin, struct sr_buffer *buffer)
{
    struct sr_registry *registry = (struct sr_registry *)(uintptr_t)origin;
    struct sri_place_entry *place = &table_of(registry)->places[buffer->registered_index];
    lock(registry);
    SRI_REQUIRE(sri_place_move(&place->state, SRI_PLACE_LAST) == 0);
    bool retired = place->state == SRI_PLACE_EMPTY;
    if (retired)
        forget(registry, place);
    unlock(registry);
    if (retired)
        end_retired(registry, place, buffer);
}

void sri_slots_init(struct sr_registry *registry)
{
    registry->origin.home = home_to_slot;
    sri_list_init(&registry->slots);
}

/* In a forked child what is out is let go too: it belongs to nobody's slot any more (RING-6). */
void sri_slots_leave(struct sr_registry *registry, bool kernel)
{
    while (!sri_list_empty(&registry->slots)) {
        struct sri_place_entry *place = sri_place_at(registry->slots.next);
        bool home = place->state == SRI_PLACE_IDLE;
        struct sr_buffer *buffer = set_free(place);
        if (kernel) {
            SRI_REQUIRE(sri_place_move(&place->state, SRI_PLACE_REMOVE) == 0);
            sri_place_forget(registry->ring->tables, place);
            sri_place_empty(registry->ring, table_of(registry), place);
        } else {
            sri_list_remove(&place->node);
        }
        if (home)
            sri_buffer_home(buffer);
    }
}

/* ---- registering ---- */

/* Moves the buffers one by one; a refusal (not the program's, or standing twice) gives back those already moved. */
static int give_up(struct sr_buffer *buffers[], uint32_t count, struct iovec memory[])
{
    int refused = 0;
    uint32_t moved = 0;
    for (; moved < count && refused == 0; moved++) {
        struct sr_buffer *buffer = buffers[moved];
        if (buffer == NULL || buffer->vector != NULL)
            refused = -EINVAL;
        else if (buffer->size > SR_REGISTERED_BYTES_MAX)
            refused = -E2BIG;
        else
            refused = sri_ownership_move(&buffer->owner, SRI_OWNER_RELEASE);
        if (refused == 0 && buffer->registration != NULL) {
            sri_buffer_move(buffer, SRI_OWNER_MAKE);
            refused = -EINVAL;
        }
        if (refused == 0)
            memory[moved] = (struct iovec){buffer->memory, buffer->size};
    }
    if (refused != 0)
        for (uint32_t i = 0; i < moved - 1; i++)
            sri_buffer_move(buffers[i], SRI_OWNER_MAKE);
    return refused;
}

static void stand(struct sr_registry *registry, struct sri_place_entry *place, struct sr_buffer *buffer,
                  struct sr_buffer_slot *slot)
{
    uint32_t index = sri_place_index(table_of(registry), place);
    place->registry = registry;
    place->buffer = buffer;
    place->origin = buffer->origin;
    buffer->origin = &registry->origin;
    buffer->registration = &registry->registration;
    buffer->registered_index = (uint16_t)index;
    buffer->bytes = NULL;
    *slot = (struct sr_buffer_slot){index, place->generation};
}

/* The buffers are given up already. */
static int fill(struct sr_registry *registry, struct sr_buffer *buffers[], uint32_t count, bool spare,
                const struct iovec memory[], uint32_t places[], struct sr_buffer_slot slots[])
{
    struct sri_table *table = table_of(registry);
    int rc = sri_places_find(registry->ring, table, count, spare, places);
    if (rc == 0)
        rc = sri_places_fill(registry->ring, table, places, memory, count);
    lock(registry);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        stand(registry, &table->places[places[i]], buffers[i], &slots[i]);
        sri_list_append(&registry->slots, &table->places[places[i]].node);
    }
    unlock(registry);
    for (uint32_t i = 0; i < count; i++) {
        if (rc != 0)
            sri_buffer_move(buffers[i], SRI_OWNER_MAKE);
        else
            buffers[i] = NULL;
    }
    return rc;
}

SR_UNCHECKED int sr_registry_register_buffer_slots(struct sr_registry *registry, struct sr_buffer *buffers[],
                                                   size_t count, struct sr_buffer_slot slots[])
{
    if (buffers == NULL || slots == NULL || count == 0)
        return -EINVAL;
    int rc = sri_registry_check(registry);
    if (rc != 0)
        return rc;
    if (count > registry->ring->fixed_buffers)
        return -ENOSPC;
    struct iovec *memory = sri_alloc(count * (sizeof memory[0] + sizeof(uint32_t)));
    if (memory == NULL)
        return -ENOMEM;
    rc = give_up(buffers, (uint32_t)count, memory);
    if (rc == 0)
        rc =
            fill(registry, buffers, (uint32_t)count, true, memory, (uint32_t *)(void *)&memory[count], slots);
    sri_free(memory);
    return rc;
}

/* ---- one slot ---- */

/* One event for a registry's own slot. 0 and its place, or why not. */
static int move_slot(struct sr_registry *registry, const struct sr_buffer_slot *slot,
                     enum sri_place_event event, struct sri_place_entry **place)
{
    int rc = sri_registry_check(registry);
    if (rc != 0)
        return rc;
    lock(registry);
    *place = sri_place_of(table_of(registry), slot->index, slot->generation);
    if (*place == NULL || (*place)->registry != registry)
        rc = SR_ENOT_REGISTERED;
    else if (event == SRI_PLACE_USE && (*place)->state == SRI_PLACE_USED)
        rc = SR_EBUFFER_IN_FLIGHT; /* a slot has one user: its buffer is out once */
    else
        rc = sri_place_move(&(*place)->state, event);
    unlock(registry);
    return rc;
}

SR_UNCHECKED int sr_slot_take(struct sr_registry *registry, struct sr_buffer_slot slot,
                              struct sr_buffer **out)
{
    struct sri_place_entry *place;
    if (out == NULL)
        return -EINVAL;
    int rc = move_slot(registry, &slot, SRI_PLACE_USE, &place);
    if (rc != 0)
        return rc;
    sri_buffer_move(place->buffer, SRI_OWNER_MAKE);
    *out = place->buffer;
    return 0;
}

/* An empty slot's buffer, which is the program's again. */
static struct sr_buffer *give_back(struct sr_registry *registry, struct sri_place_entry *place)
{
    lock(registry);
    struct sr_buffer *buffer = forget(registry, place);
    unlock(registry);
    sri_place_empty(registry->ring, table_of(registry), place);
    sri_buffer_move(buffer, SRI_OWNER_MAKE);
    return buffer;
}

SR_UNCHECKED int sr_registry_update_buffer_slot(struct sr_registry *registry, struct sr_buffer_slot *slot,
                                                struct sr_buffer **buffer)
{
    struct sri_place_entry *old;
    struct sr_buffer_slot fresh;
    struct iovec memory;
    uint32_t index;
    if (slot == NULL || buffer == NULL || *buffer == NULL)
        return -EINVAL;
    int rc = move_slot(registry, slot, SRI_PLACE_REPLACE, &old);
    struct sr_buffer *incoming = *buffer;
    if (rc == 0)
        rc = give_up(&incoming, 1, &memory);
    if (rc == 0)
        rc = fill(registry, &incoming, 1, false, &memory, &index, &fresh);
    if (rc != 0)
        return rc;
    /* In the old one's stead, in the order too. */
    struct sri_place_entry *place = &table_of(registry)->places[index];
    lock(registry);
    sri_list_remove(&place->node);
    sri_list_append(&old->node, &place->node);
    SRI_REQUIRE(sri_place_move(&old->state, SRI_PLACE_REMOVE) == 0);
    unlock(registry);
    *buffer = give_back(registry, old);
    *slot = fresh;
    return 0;
}

SR_UNCHECKED int sr_registry_remove_buffer_slot(struct sr_registry *registry, struct sr_buffer_slot *slot,
                                                struct sr_buffer **out)
{
    struct sri_place_entry *place;
    if (slot == NULL || out == NULL)
        return -EINVAL;
    int rc = move_slot(registry, slot, SRI_PLACE_REMOVE, &place);
    if (rc != 0)
        return rc;
    *out = give_back(registry, place);
    *slot = (struct sr_buffer_slot){0, 0};
    return 0;
}

int sr_registry_retire_buffer_slot(struct sr_registry *registry, struct sr_buffer_slot *slot)
{
    struct sri_place_entry *place;
    if (slot == NULL)
        return -EINVAL;
    int rc = move_slot(registry, slot, SRI_PLACE_RETIRE, &place);
    if (rc != 0)
        return rc;
    /* Where it is still out, the place may be gone with it by now: looked at under the lock. */
    lock(registry);
    bool idle = place->state == SRI_PLACE_EMPTY && place->generation == slot->generation;
    struct sr_buffer *buffer = idle ? forget(registry, place) : NULL;
    unlock(registry);
    if (idle)
        end_retired(registry, place, buffer);
    *slot = (struct sr_buffer_slot){0, 0};
    return 0;
}

SR_UNCHECKED int sr_registry_unregister_buffer_slots(struct sr_registry *registry,
                                                     struct sr_buffer *buffers[], size_t room, size_t *count)
{
    struct sr_registry_stats stats;
    if (count == NULL || (buffers == NULL && room != 0))
        return -EINVAL;
    int rc = sr_registry_stats(registry, &stats);
    if (rc != 0)
        return rc;
    if (stats.slots_in_use != 0)
        return SR_EBUFFER_IN_FLIGHT;
    *count = stats.slots;
    if (room < stats.slots)
        return -EINVAL;
    for (uint32_t i = 0; i < stats.slots; i++) {
        struct sri_place_entry *place = sri_place_at(registry->slots.next);
        SRI_REQUIRE(sri_place_move(&place->state, SRI_PLACE_REMOVE) == 0);
        buffers[i] = give_back(registry, place);
    }
    return 0;
}
