/*
 * Where the kernel's own links hold a dependent back, and what becomes of a chain that the kernel took only a part of.
 *
 * The kernel's rule for going on is ours (safer_ring/batch.h) for the operations named here only, and an entry that it
 * refuses to begin with would end the whole chain, its beginning too (measured): so nothing is linked that could be refused
 * so. Nothing is linked behind an fsync, whose failure does not end a chain (measured). Not linked at all: what has flags that
 * may not be known; a timeout, whose end is an error; a recv with MSG_WAITALL, whose chain a datagram cut to size breaks; openat
 * and connect, whose arguments are looked at before anything begins; what has a linked timeout, or inherits a length that is
 * not known yet. All these are submitted when their time has come.
 */
#include "ring/batch_link.h"

#include <sys/socket.h>

/* What one entry transfers at most (MAX_RW_COUNT); it succeeds with that much of more. */
#define TRANSFER_MAX 0x7ffff000u

static bool flags_are(const struct sri_batch_member *member, uint32_t known)
{
    return (member->spec.opcode_flags & ~known) == 0;
}

/* Does the kernel never refuse it before it begins? Then it may follow another. */
static bool may_follow(const struct sri_batch_member *member)
{
    const struct sr_op_spec *spec = &member->spec;
    if (spec->timeout_ns != 0 || (spec->flags & ~(uint32_t)SR_OP_ASYNC) != 0 || member->size > TRANSFER_MAX)
        return false;
    switch (spec->opcode) {
    case IORING_OP_NOP: return true;
    case IORING_OP_CLOSE: return !spec->target.fixed;
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_READV:
    case IORING_OP_WRITEV: return flags_are(member, 0);
    case IORING_OP_FSYNC: return flags_are(member, IORING_FSYNC_DATASYNC);
    case IORING_OP_SEND: return flags_are(member, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    case IORING_OP_RECV: return flags_are(member, MSG_DONTWAIT | MSG_PEEK);
    case IORING_OP_ACCEPT: return flags_are(member, SOCK_CLOEXEC | SOCK_NONBLOCK);
    default: return false;
    }
}

/* Does the kernel go on behind it exactly when it has ended well? It forgets a failed fsync (measured). */
static bool may_lead(const struct sri_batch_member *member)
{
    return may_follow(member) && member->spec.opcode != IORING_OP_FSYNC;
}

uint32_t sri_batch_next_linked(const struct sr_batch *batch, uint32_t index)
{
    if (batch->options.form != SR_BATCH_CHAINED || !may_lead(&batch->members[index]))
        return SRI_NO_NODE;
    uint32_t next = sri_graph_follower(&batch->graph, index);
    if (next == SRI_NO_NODE || batch->members[next].inherits != SRI_NO_NODE ||
        !may_follow(&batch->members[next]))
        return SRI_NO_NODE;
    return next;
}

uint32_t sri_batch_chain_length(const struct sr_batch *batch, uint32_t index, uint32_t most)
{
    uint32_t length = 0;
    for (; index != SRI_NO_NODE && length < most; index = sri_batch_next_linked(batch, index))
        length++;
    return length;
}

/*
 * The entry the kernel would take next is linked behind one that it has taken: the chain ended there. What is left of it goes
 * when its time comes, as if it had never been linked (OP-7, BATCH-2).
 */
void sri_batch_mend_parted_chain(struct sr_ring *ring, struct sri_slot *slot)
{
    while (slot != NULL && slot->claim == SRI_CLAIM_MEMBER) {
        struct sri_batch_member *member = slot->user;
        if (!member->linked)
            return;
        sri_batch_take_back(ring, slot);
        sri_graph_unlink(&member->batch->graph, (uint32_t)(member - member->batch->members));
        slot = sri_queued(ring) != 0 ? sri_operation_at(ring, ring->sq_head) : NULL;
    }
}
