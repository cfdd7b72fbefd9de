/*
 * The result of a batch, entry by entry: taken, or disposed of (BATCH-7). It is read by the id of its batch, so that an ended
 * one is stale.
 */
#include "ring/batch.h"

#include <string.h>
#include <sys/socket.h>

/* The batch behind a result that was handed over; NULL, and *refused says why there is none. */
static struct sr_batch *find(const struct sr_batch_result *result, int *refused)
{
    *refused = -EINVAL;
    if (result == NULL || result->ring == NULL)
        return NULL;
    *refused = sri_ring_check(result->ring);
    if (*refused != 0)
        return NULL;
    struct sr_batch *batch = sri_batch_find(result->ring, result->id);
    *refused = SR_ESTALE;
    return batch != NULL && batch->stage == SRI_BATCH_HANDED ? batch : NULL;
}

static struct sri_batch_member *find_member(const struct sr_batch_result *result, uint32_t index,
                                            int *refused)
{
    struct sr_batch *batch = find(result, refused);
    if (batch == NULL)
        return NULL;
    *refused = -EINVAL;
    return index < batch->graph.count ? &batch->members[index] : NULL;
}

static uint8_t state_of(const struct sri_batch_member *member)
{
    return sri_batch_state(member->batch, (uint32_t)(member - member->batch->members));
}

/* Whatever the kernel answered a cancelled one, if it ever knew of it. */
static int32_t result_of(const struct sri_batch_member *member)
{
    return state_of(member) == SRI_MEMBER_CANCELLED ? -ECANCELED : member->result;
}

static enum sr_batch_outcome outcome_of(uint8_t state)
{
    return state == SRI_MEMBER_DONE     ? SR_BATCH_SUCCEEDED
           : state == SRI_MEMBER_FAILED ? SR_BATCH_FAILED
                                        : SR_BATCH_CANCELLED;
}

int sr_batch_result_at(const struct sr_batch_result *result, uint32_t index, struct sr_batch_entry *entry)
{
    int refused;
    const struct sri_batch_member *member = find_member(result, index, &refused);
    if (entry == NULL)
        return -EINVAL;
    if (member == NULL)
        return refused;
    *entry = (struct sr_batch_entry){.outcome = outcome_of(state_of(member)),
                                     .opcode = member->spec.opcode,
                                     .result = result_of(member),
                                     .flags = member->cqe_flags,
                                     .has_buffer = member->buffer != NULL};
    return 0;
}

SR_UNCHECKED int32_t sr_batch_result_take(struct sr_batch_result *result, uint32_t index,
                                          struct sr_buffer **back)
{
    int refused;
    struct sri_batch_member *member = find_member(result, index, &refused);
    if (back == NULL)
        return -EINVAL;
    *back = NULL;
    if (member == NULL)
        return refused;
    if (member->taken)
        return SR_ESTALE;
    member->taken = true;
    *back = member->buffer;
    member->buffer = NULL;
    if (*back != NULL)
        sri_buffer_move(*back, SRI_OWNER_YIELD);
    return result_of(member);
}

SR_UNCHECKED int32_t sr_batch_result_take_plain(struct sr_batch_result *result, uint32_t index)
{
    struct sr_buffer *back;
    int32_t taken = sr_batch_result_take(result, index, &back);
    SRI_REQUIRE(back == NULL || sr_buffer_release(&back) == 0);
    return taken;
}

int sr_batch_result_peer(const struct sr_batch_result *result, uint32_t index, struct sockaddr *address,
                         uint32_t *length)
{
    int refused;
    const struct sri_batch_member *member = find_member(result, index, &refused);
    if (address == NULL || length == NULL)
        return -EINVAL;
    if (member == NULL)
        return refused;
    if (member->spec.opcode != IORING_OP_ACCEPT || (member->spec.flags & SR_OP_WANT_PEER) == 0)
        return -EINVAL;
    if (result_of(member) < 0)
        return -ENODATA;
    size_t kept = member->peer_length < sizeof(struct sockaddr_storage) ? member->peer_length
                                                                        : sizeof(struct sockaddr_storage);
    memcpy(address, member->argument, kept < *length ? kept : *length);
    *length = member->peer_length;
    return 0;
}

void sri_batch_send_home(struct sri_batch_member *member)
{
    struct sr_buffer *buffer = member->buffer;
    if (buffer == NULL)
        return;
    member->buffer = NULL;
    sri_buffer_move(buffer, SRI_OWNER_YIELD);
    sri_buffer_move(buffer, SRI_OWNER_RELEASE);
    sri_buffer_home(buffer);
}

void sri_batch_dispose(struct sr_ring *ring, struct sr_batch *batch)
{
    for (uint32_t i = 0; i < batch->graph.count; i++) {
        struct sri_batch_member *member = &batch->members[i];
        sri_batch_send_home(member);
        if (!member->taken && sri_batch_state(batch, i) == SRI_MEMBER_DONE)
            sri_close_made(ring, member->spec.opcode, member->result);
        member->taken = true;
    }
}

SR_UNCHECKED void sr_batch_result_fini(struct sr_batch_result *result)
{
    int refused;
    struct sr_batch *batch = find(result, &refused);
    if (batch == NULL) {
        sri_log(SR_LOG_WARNING, "sr_batch_result_fini: nothing was ended: %s", sr_strerror(refused));
        return;
    }
    sri_batch_dispose(result->ring, batch);
    sri_batch_gone(result->ring, batch);
    result->id = 0;
}
