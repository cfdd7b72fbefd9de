/*
 * Pinned buffers: owned ones whose header is the program's for good, and which an operation borrows (PIN-1, PIN-2). While it is
 * lent its owner is SRI_OWNER_BORROWED, and its home is where it was.
 */
#include "safer_ring/pinned.h"

#include "ring/ring_private.h"
#include "safer_ring/pool.h"

/* The header of a buffer under another name, so that neither is taken for the other. */
static struct sr_buffer *buffer_of(struct sr_pinned *pinned)
{
    return (struct sr_buffer *)pinned;
}

static const struct sr_buffer *look_at(const struct sr_pinned *pinned)
{
    return (const struct sr_buffer *)pinned;
}

static int pin(int made, struct sr_buffer *buffer, struct sr_pinned **out)
{
    if (made != 0)
        return made;
    buffer->pinned = true;
    *out = (struct sr_pinned *)buffer;
    return 0;
}

SR_UNCHECKED int sr_pinned_new(struct sr_pinned **out, size_t size)
{
    struct sr_buffer *buffer = NULL;
    int made = out == NULL ? -EINVAL : sr_buffer_new(&buffer, size);
    return pin(made, buffer, out);
}

SR_UNCHECKED int sr_pinned_copy_of(struct sr_pinned **out, const void *data, size_t size)
{
    struct sr_buffer *buffer = NULL;
    int made = out == NULL ? -EINVAL : sr_buffer_copy_of(&buffer, data, size);
    return pin(made, buffer, out);
}

SR_UNCHECKED int sr_pinned_from_pool(struct sr_pool *pool, struct sr_pinned **out)
{
    struct sr_buffer *buffer = NULL;
    int made = out == NULL ? -EINVAL : sr_pool_get(pool, &buffer);
    return pin(made, buffer, out);
}

static int check(const struct sr_pinned *pinned)
{
    if (pinned == NULL)
        return -EINVAL;
    return look_at(pinned)->owner == SRI_OWNER_USER ? 0 : SR_EBUFFER_IN_FLIGHT;
}

int sr_pinned_as_mut_slice(struct sr_pinned *pinned, uint8_t **bytes)
{
    int refused = bytes == NULL ? -EINVAL : check(pinned);
    if (refused == 0)
        *bytes = buffer_of(pinned)->memory;
    return refused;
}

int sr_pinned_as_slice(const struct sr_pinned *pinned, const uint8_t **bytes)
{
    int refused = bytes == NULL ? -EINVAL : check(pinned);
    if (refused == 0)
        *bytes = look_at(pinned)->memory;
    return refused;
}

size_t sr_pinned_len(const struct sr_pinned *pinned)
{
    return pinned != NULL ? look_at(pinned)->size : 0;
}

bool sr_pinned_is_borrowed(const struct sr_pinned *pinned)
{
    return pinned != NULL && look_at(pinned)->owner == SRI_OWNER_BORROWED;
}

SR_UNCHECKED int sr_pinned_free(struct sr_pinned **pinned)
{
    int refused = pinned == NULL ? -EINVAL : check(*pinned);
    if (refused != 0)
        return refused;
    struct sr_buffer *buffer = buffer_of(*pinned);
    buffer->pinned = false;
    SRI_REQUIRE(sr_buffer_release(&buffer) == 0);
    *pinned = NULL;
    return 0;
}

/* Until its completion is ended, or what was dropped has ended: then its slot has no buffer, or is another's. */
static bool is_borrowed(const struct sr_ring *ring)
{
    const struct sri_slot *slot = sri_slot_find(ring, ring->borrower);
    return slot != NULL && slot->buffer != NULL;
}

SR_UNCHECKED int sr_op_borrow(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_pinned *pinned,
                              struct sr_op *op)
{
    if (ring == NULL || pinned == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    if (is_borrowed(ring))
        return SR_ERING_BORROWED;
    struct sr_buffer *buffer = buffer_of(pinned);
    refused = sri_op_start(ring, spec, &buffer, op);
    if (refused == 0)
        ring->borrower = op->id;
    return refused;
}
