/*
 * The one door: every operation starts here. Checks everything first; after the buffer is lent nothing can fail, so a
 * refusal moves nothing (BUF-2).
 */
#include <string.h>
#include <sys/socket.h>

#include "ring/provider.h"
#include "ring/ring_private.h"
#include "ring/tables.h"

/* The bytes a specification asks of a buffer: 0 and *length, or why it can't be (BUF-8: never cut). */
static int resolve_range(const struct sr_op_spec *spec, const struct sr_buffer *buffer, uint32_t *length)
{
    struct sr_range range = spec->range;
    if (!range.given && range.length == 0 && range.begin == 0)
        range.length = buffer->size;
    if (range.length > UINT32_MAX)
        return -E2BIG;
    if (range.begin > buffer->size || range.length > buffer->size - range.begin)
        return -EINVAL;
    *length = (uint32_t)range.length;
    return 0;
}

/* Does the operation work on such a buffer? 0 and *length, the bytes asked for, or why not. */
static int check_kept(const struct sri_kind *kind, const struct sr_op_spec *spec,
                      const struct sr_buffer *buffer, uint32_t *length)
{
    if (!kind->takes_buffer)
        return -EOPNOTSUPP;
    if (kind->takes_vector != (buffer->vector != NULL))
        return -EINVAL;
    if (!kind->takes_vector)
        return resolve_range(spec, buffer, length);
    *length = (uint32_t)(buffer->size < UINT32_MAX ? buffer->size : UINT32_MAX);
    return spec->range.given || spec->range.length != 0 || spec->range.begin != 0 ? -EINVAL : 0;
}

/* May it go with the operation? A wrong kind is said before a wrong owner. */
static int check_buffer(const struct sri_kind *kind, const struct sr_op_spec *spec,
                        const struct sr_buffer *buffer, uint32_t *length)
{
    if (kind->takes_buffer && buffer->owner != SRI_OWNER_USER)
        return SR_EBUFFER_IN_FLIGHT;
    return check_kept(kind, spec, buffer, length);
}

int sri_spec_check_kept(const struct sr_op_spec *spec, const struct sr_buffer *buffer)
{
    uint32_t ignored;
    const struct sri_kind *kind = sri_kind(spec->opcode);
    return kind->name != NULL ? check_kept(kind, spec, buffer, &ignored) : -EOPNOTSUPP;
}

int sri_spec_check(const struct sr_op_spec *spec, const struct sr_buffer *buffer)
{
    uint32_t ignored;
    const struct sri_kind *kind = sri_kind(spec->opcode);
    if (kind->name == NULL || (buffer == NULL && kind->takes_buffer))
        return -EOPNOTSUPP;
    if ((spec->flags & (SR_OP_MULTISHOT | SR_OP_SELECT)) != 0)
        return -EINVAL;
    return buffer != NULL ? check_buffer(kind, spec, buffer, &ignored) : 0;
}

int sri_spec_fits(const struct sr_ring *ring, const struct sr_op_spec *spec)
{
    size_t argument = 0;
    if (spec->timeout_ns != 0 && ring->shared.sq_entries < 2)
        return -E2BIG;
    if (spec->opcode == IORING_OP_OPENAT)
        argument = strlen(spec->argument) + 1;
    else if (spec->opcode == IORING_OP_CONNECT)
        argument = spec->argument_length;
    return argument <= ring->argument_bytes ? 0 : -E2BIG;
}

/* May the kernel choose its buffer? 0 and *most, the largest count it can answer, or why not. */
static int check_select(const struct sr_ring *ring, const struct sri_kind *kind,
                        const struct sr_op_spec *spec, uint32_t *most)
{
    if (!kind->may_select)
        return -EOPNOTSUPP;
    if (spec->provider == NULL || spec->range.begin != 0)
        return -EINVAL;
    if (spec->provider->ring != ring)
        return SR_EFOREIGN;
    /* A multishot takes a whole buffer each time (io_uring_prep_recv_multishot(3)). */
    size_t length = spec->range.given ? spec->range.length : spec->provider->buffer_size;
    bool many = (spec->flags & SR_OP_MULTISHOT) != 0;
    if (length == 0 || length > spec->provider->buffer_size || (many && spec->range.given))
        return -EINVAL;
    *most = (uint32_t)length;
    return 0;
}

/* Who starts it. */
enum door {
    BY_PROGRAM,
    MANY,   /* the program, and it may have more completions than one */
    INSIDE, /* the library, for what it took before; a drain waits for that */
};

static int check(struct sr_ring *ring, const struct sr_op_spec *spec, const struct sr_op *op, enum door door)
{
    if (ring == NULL || spec == NULL || op == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    if ((ring->draining && door != INSIDE) || !ring->usable)
        return SR_EINVALID_STATE;
    const struct sri_kind *kind = sri_kind(spec->opcode);
    if (kind->name == NULL)
        return -EOPNOTSUPP;
    if ((spec->flags & SR_OP_MULTISHOT) != 0 && (!kind->has_multishot || door != MANY))
        return door == MANY ? -EOPNOTSUPP : -EINVAL;
    /* A receive that goes on needs a buffer for each time. */
    if ((spec->flags & (SR_OP_MULTISHOT | SR_OP_SELECT)) == SR_OP_MULTISHOT && kind->takes_buffer)
        return -EINVAL;
    return spec->target.fixed && kind->has_target ? sri_fixed_check(ring, spec) : 0;
}

static void abandon(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_ABANDON) == 0);
    slot->free_next = ring->hot.free;
    ring->hot.free = slot;
}

/* A slot with its arguments copied and room in the SQ for its entries, or why not. */
static int prepare(struct sr_ring *ring, const struct sr_op_spec *spec, const struct sri_kind *kind,
                   struct sri_slot **out)
{
    uint32_t entries = spec->timeout_ns != 0 ? 2 : 1;
    if (entries > ring->shared.sq_entries)
        return -E2BIG;
    struct sri_slot *slot = sri_slot_take(ring);
    if (slot == NULL)
        return -EBUSY;
    int refused = kind->special || entries == 2 ? sri_arguments_keep(ring, slot, spec) : 0;
    if (refused == 0 && !sri_reserve(ring, entries))
        refused = -EAGAIN;
    if (__builtin_expect(refused != 0, 0)) {
        abandon(ring, slot);
        return refused;
    }
    *out = slot;
    return 0;
}

/* The linked timeout goes behind its operation, with the operation's id and a tag (OP-1, OP-7). */
static void queue_limit(struct sr_ring *ring, struct sri_slot *slot)
{
    struct io_uring_sqe *sqe = sri_next_entry(ring);
    io_uring_prep_link_timeout(sqe, &sri_arguments_of(ring, slot)->limit, 0);
    sqe->user_data = sri_tagged(slot, SRI_TAG_LIMIT);
    sri_mark(slot, SRI_MARK_LIMITED, 0);
    sri_owe(slot);
}

/* The largest count the kernel may answer: what it was given room for (BUF-7). */
static uint32_t largest_count(const struct sri_kind *kind, const struct sr_op_spec *spec, uint32_t length)
{
    /* Asked so, recv answers the datagram's true length, which may be more than it transfers. */
    bool true_length = spec->opcode == IORING_OP_RECV && (spec->opcode_flags & MSG_TRUNC) != 0;
    return kind->moves_bytes && !true_length ? length : UINT32_MAX;
}

/* What is registered with this ring goes as such: a fixed file, and a fixed buffer for the opcodes that have one (REG-5). */
static void use_registered(struct sr_ring *ring, struct sri_slot *slot, const struct sr_op_spec *spec,
                           struct io_uring_sqe *sqe)
{
    if (spec->target.fixed && sri_kind(spec->opcode)->has_target) {
        sqe->flags |= IOSQE_FIXED_FILE;
        sri_fixed_begin(ring, slot);
    }
    if (slot->buffer == NULL || !sri_is_registered_with(slot->buffer, ring))
        return;
    if (spec->opcode == IORING_OP_READ || spec->opcode == IORING_OP_WRITE)
        sqe->opcode = spec->opcode == IORING_OP_READ ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
    else if (spec->opcode == IORING_OP_SEND_ZC)
        sqe->ioprio |= IORING_RECVSEND_FIXED_BUF;
    else
        return;
    sqe->buf_index = slot->buffer->registered_index;
}

/* Queues the prepared operation, with its buffer or NULL. Cannot fail. */
static void queue(struct sr_ring *ring, struct sri_slot *slot, const struct sri_kind *kind,
                  const struct sr_op_spec *spec, struct sr_buffer *buffer, uint32_t length, struct sr_op *op)
{
    slot->buffer = buffer;
    slot->length = length;
    slot->fd = kind->has_target ? spec->target.number : -1;
    slot->opcode = spec->opcode;
    slot->marks = (spec->flags & SR_OP_WANT_PEER) != 0 ? SRI_MARK_WANT_PEER : 0;
    if ((spec->flags & SR_OP_MULTISHOT) != 0)
        sri_mark(slot, SRI_MARK_SEVERAL, 0);
    slot->sq_position = ring->hot.sq_tail;
    struct io_uring_sqe *sqe = sri_next_entry(ring);
    sri_encode(ring, slot, kind, spec, sqe);
    sqe->user_data = slot->id;
    use_registered(ring, slot, spec, sqe);
    if ((spec->flags & SR_OP_SELECT) != 0) {
        slot->group = spec->provider->group;
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = spec->provider->group;
        sqe->len = spec->range.given ? length : 0;
    }
    slot->length = largest_count(kind, spec, length);
    if (spec->timeout_ns != 0) {
        sqe->flags |= IOSQE_IO_LINK;
        queue_limit(ring, slot);
    }
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_QUEUE) == 0);
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_START) == 0);
    ring->hot.started++;
    op->id = slot->id;
    if (__builtin_expect(ring->watched, 0))
        sri_watch_started(ring, slot);
}

/* Every start, with every case there is. */
static int start(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                 struct sr_op *op, enum door door)
{
    int refused = check(ring, spec, op, door);
    if (refused != 0)
        return refused;
    const struct sri_kind *kind = sri_kind(spec->opcode);
    uint32_t length = 0;
    struct sri_slot *slot = NULL;
    bool selects = (spec->flags & SR_OP_SELECT) != 0;
    if (selects)
        refused = buffer == NULL ? check_select(ring, kind, spec, &length) : -EINVAL;
    else if (buffer != NULL)
        refused = check_buffer(kind, spec, *buffer, &length);
    else if (kind->takes_buffer)
        refused = -EOPNOTSUPP;
    if (refused == 0)
        refused = prepare(ring, spec, kind, &slot);
    if (refused != 0)
        return refused;
    if (buffer != NULL)
        sri_buffer_move(*buffer, (*buffer)->pinned ? SRI_OWNER_BORROW : SRI_OWNER_LEND);
    queue(ring, slot, kind, spec, buffer != NULL ? *buffer : NULL, length, op);
    if (buffer != NULL)
        *buffer = NULL;
    return 0;
}

SR_UNCHECKED int sri_op_start(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                              struct sr_op *op)
{
    if (buffer == NULL || *buffer == NULL)
        return -EINVAL;
    struct sri_slot *slot = op != NULL ? sri_start_registered(ring, spec, buffer, SRI_CLAIM_HANDLE) : NULL;
    if (slot == NULL)
        return start(ring, spec, buffer, op, BY_PROGRAM);
    op->id = slot->id;
    return 0;
}

SR_UNCHECKED int sri_op_start_plain(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_op *op)
{
    return start(ring, spec, NULL, op, BY_PROGRAM);
}

SR_UNCHECKED int sri_start_multishot(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_op *op)
{
    return start(ring, spec, NULL, op, MANY);
}

static __attribute__((noinline)) int start_and_detach(struct sr_ring *ring, const struct sr_op_spec *spec,
                                                      struct sr_buffer **buffer, void *user)
{
    struct sr_op op;
    int refused = start(ring, spec, buffer, &op, BY_PROGRAM);
    if (refused == 0)
        SRI_REQUIRE(sri_op_detach(ring, &op, user) == 0);
    return refused;
}

SR_UNCHECKED int sri_op_start_detached(struct sr_ring *ring, const struct sr_op_spec *spec,
                                       struct sr_buffer **buffer, void *user)
{
    if (buffer == NULL)
        return start_and_detach(ring, spec, NULL, user);
    if (*buffer == NULL)
        return -EINVAL;
    struct sri_slot *slot = sri_start_registered(ring, spec, buffer, SRI_CLAIM_QUEUE);
    if (slot == NULL)
        return start_and_detach(ring, spec, buffer, user);
    slot->user = user;
    ring->hot.detached++;
    return 0;
}

int sri_start_inside(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                     struct sri_slot **slot)
{
    struct sr_op op;
    int refused = start(ring, spec, buffer, &op, INSIDE);
    if (refused == 0)
        *slot = sri_slot_find(ring, op.id);
    return refused;
}
