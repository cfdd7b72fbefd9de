/*
 * The end of a completion: taken, taken without its buffer, or finished. Each is ended once; a copy is stale (OP-3).
 */
#include <string.h>
#include <sys/socket.h>

#include "ring/ring_private.h"

/* The delivered operation behind a completion; NULL, and *refused says why there is none. */
static struct sri_slot *find(const struct sr_completion *done, int *refused)
{
    *refused = -EINVAL;
    if (done == NULL || done->ring == NULL)
        return NULL;
    *refused = sri_ring_check(done->ring);
    if (*refused != 0)
        return NULL;
    struct sri_slot *slot = sri_slot_find(done->ring, done->id);
    *refused = SR_ESTALE;
    return slot != NULL && slot->state == SRI_OPERATION_DELIVERED ? slot : NULL;
}

/* Ends the completion: *back is its buffer, or NULL (BUF-5). The kernel's result, untouched, or why there is none. */
static int32_t take(struct sr_completion *done, struct sr_buffer **back)
{
    int refused;
    struct sri_slot *slot = find(done, &refused);
    *back = NULL;
    if (slot == NULL)
        return refused;
    sri_slot_refresh(done->ring, slot);
    if (done->ring->watched)
        sri_watch_ended(done->ring, slot);
    bool borrowed = slot->buffer != NULL && slot->buffer->pinned; /* it never was anybody else's (PIN-2) */
    if (slot->buffer != NULL)
        sri_buffer_move(slot->buffer, SRI_OWNER_TAKE);
    *back = borrowed ? NULL : slot->buffer;
    int32_t result = slot->result;
    sri_slot_settle(done->ring, slot);
    done->id = 0;
    return result;
}

/*
 * The ordinary case but for a fixed file, of which the operation is no user any more. *result, or false: take() looks at all of
 * it again.
 */
static inline bool take_from_file(struct sr_completion *done, struct sr_buffer **back, int32_t *result)
{
    struct sr_ring *ring = done->ring;
    if (ring == NULL || ring->tables == NULL || !sri_is_open(&ring->hot))
        return false;
    struct sri_slot *slot = sri_slot_find(ring, done->id);
    if (slot == NULL || slot->state != SRI_OPERATION_DELIVERED || !sri_is_owed(slot))
        return false;
    sri_fixed_end(ring, slot);
    return sri_hot_take_back(&ring->hot, slot, done, back, result);
}

SR_UNCHECKED int32_t sri_take(struct sr_completion *done, struct sr_buffer **back)
{
    int32_t result;
    if (back != NULL && done != NULL && take_from_file(done, back, &result))
        return result;
    return back != NULL ? take(done, back) : -EINVAL;
}

SR_UNCHECKED int32_t sri_take_plain(struct sr_completion *done)
{
    struct sr_buffer *back;
    int32_t result = take(done, &back);
    SRI_REQUIRE(back == NULL || sr_buffer_release(&back) == 0);
    return result;
}

SR_UNCHECKED void sr_finish(struct sr_completion *done)
{
    int refused;
    if (done != NULL && done->posted)
        return;
    struct sri_slot *slot = find(done, &refused);
    if (slot == NULL) {
        sri_log(SR_LOG_WARNING, "sr_finish: nothing was ended: %s", sr_strerror(refused));
        return;
    }
    sri_dispose(done->ring, slot);
    done->id = 0;
}

int sr_completion_peer(const struct sr_completion *done, struct sockaddr *address, uint32_t *length)
{
    int refused;
    if (address == NULL || length == NULL)
        return -EINVAL;
    const struct sri_slot *slot = find(done, &refused);
    if (slot == NULL)
        return refused;
    if (slot->opcode != IORING_OP_ACCEPT || (slot->marks & SRI_MARK_WANT_PEER) == 0)
        return -EINVAL;
    if (slot->result < 0)
        return -ENODATA;
    const struct sri_arguments *kept = sri_arguments_of(done->ring, slot);
    memcpy(address, kept->bytes, kept->address_length < *length ? kept->address_length : *length);
    *length = kept->address_length;
    return 0;
}
