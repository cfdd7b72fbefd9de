/*
 * The ring's table of live batches, by which a stale future is told from a live one, and what the ring does to all of them:
 * cancels, drains, lists, forgets in a forked child. Allocates only when the table grows.
 */
#include "ring/batch.h"

#include "base/alloc.h"

#define NO_PLACE UINT32_MAX
#define GENERATION_SHIFT 32

struct sr_batch *sri_batch_find(const struct sr_ring *ring, uint64_t id)
{
    const struct sri_batches *batches = &ring->batches;
    uint32_t place = (uint32_t)id;
    if (place >= batches->room || batches->places[place].generation != (uint32_t)(id >> GENERATION_SHIFT))
        return NULL;
    return batches->places[place].batch;
}

int sri_batch_make_place(struct sri_batches *batches)
{
    if (batches->free != NO_PLACE)
        return 0;
    uint32_t wanted = batches->room == 0 ? 4 : 2 * batches->room;
    struct sri_batch_place *places = sri_realloc(batches->places, wanted * sizeof *places);
    if (places == NULL)
        return -ENOMEM;
    batches->places = places;
    for (uint32_t i = batches->room; i < wanted; i++)
        places[i] = (struct sri_batch_place){.generation = 1, .free_next = i + 1 < wanted ? i + 1 : NO_PLACE};
    batches->free = batches->room;
    batches->room = wanted;
    return 0;
}

void sri_batch_take_place(struct sr_ring *ring, struct sr_batch *batch)
{
    struct sri_batches *batches = &ring->batches;
    uint32_t place = batches->free;
    batches->free = batches->places[place].free_next;
    batches->places[place].batch = batch;
    batch->id = (uint64_t)batches->places[place].generation << GENERATION_SHIFT | place;
    batches->slotless += batch->graph.count;
    batches->live++;
}

static void leave_due(struct sri_batches *batches, const struct sr_batch *batch)
{
    struct sr_batch *before = NULL;
    for (struct sr_batch *at = batches->due; at != NULL; before = at, at = at->due_next) {
        if (at != batch)
            continue;
        if (before == NULL)
            batches->due = at->due_next;
        else
            before->due_next = at->due_next;
        if (batches->due_tail == at)
            batches->due_tail = before;
        return;
    }
}

void sri_batch_gone(struct sr_ring *ring, struct sr_batch *batch)
{
    struct sri_batches *batches = &ring->batches;
    uint32_t place = (uint32_t)batch->id;
    if (batch->due)
        leave_due(batches, batch);
    batches->slotless -= batch->graph.count;
    batches->live--;
    batches->places[place].batch = NULL;
    batches->places[place].generation++;
    if (batches->places[place].generation !=
        0) { /* a place whose generations are used up is retired, as a slot is */
        batches->places[place].free_next = batches->free;
        batches->free = place;
    }
    if (batch->by_handle && batch->stage == SRI_BATCH_RUNNING && ring->draining)
        batch->stage = SRI_BATCH_SHELL;
    else
        sri_batch_free(batch);
}

/* ---- What the ring does to all of them ---- */

void sri_batches_init(struct sri_batches *batches)
{
    batches->free = NO_PLACE;
}

void sri_batches_give_up(struct sr_ring *ring, bool failing_only)
{
    for (uint32_t i = 0; i < ring->batches.room; i++) {
        struct sr_batch *batch = ring->batches.places[i].batch;
        if (batch != NULL && !sri_batch_is_over(batch) && (batch->failing || !failing_only))
            sri_batch_give_up(ring, batch);
    }
}

void sri_batches_dispose_ended(struct sr_ring *ring)
{
    for (uint32_t i = 0; i < ring->batches.room; i++) {
        struct sr_batch *batch = ring->batches.places[i].batch;
        if (batch == NULL || !sri_batch_is_over(batch))
            continue;
        sri_batch_dispose(ring, batch);
        sri_batch_gone(ring, batch);
    }
}

/* In a forked child, whose kernel's side is the parent's: nothing is cancelled or closed. */
void sri_batches_forget(struct sr_ring *ring)
{
    for (uint32_t i = 0; i < ring->batches.room; i++) {
        struct sr_batch *batch = ring->batches.places[i].batch;
        if (batch == NULL)
            continue;
        for (uint32_t k = 0; k < batch->graph.count; k++)
            sri_batch_send_home(&batch->members[k]);
        if (batch->by_handle && batch->stage == SRI_BATCH_RUNNING)
            batch->stage = SRI_BATCH_SHELL;
        else
            sri_batch_free(batch);
    }
}

void sri_batches_fini(struct sri_batches *batches)
{
    sri_free(batches->places);
}

/* The i-th of the members that have no slot, for a panic's list. */
bool sri_batches_at(const struct sr_ring *ring, uint32_t i, struct sr_panic_operation *operation)
{
    for (uint32_t at = 0; at < ring->batches.room; at++) {
        const struct sr_batch *batch = ring->batches.places[at].batch;
        for (uint32_t k = 0; batch != NULL && k < batch->graph.count; k++) {
            const struct sri_batch_member *member = &batch->members[k];
            uint8_t state = sri_batch_state(batch, k);
            if (state == SRI_MEMBER_STARTED || i-- != 0)
                continue;
            const struct sri_kind *kind = sri_kind(member->spec.opcode);
            *operation = (struct sr_panic_operation){.kind = kind->name,
                                                     .state = sri_member_machine.states[state],
                                                     .fd = kind->has_target ? member->spec.target.number : -1,
                                                     .buffer_size = sr_buffer_size(member->buffer)};
            return true;
        }
    }
    return false;
}
