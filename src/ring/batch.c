/*
 * Building a batch: operations, their buffers, what depends on what. Knows no ring; after submission nothing is added.
 */
#include "ring/batch.h"

#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

SR_UNCHECKED int sr_batch_new_with(struct sr_batch **out, const struct sr_batch_options *options)
{
    if (out == NULL || options == NULL || (unsigned)options->form > SR_BATCH_DEFERRED)
        return -EINVAL;
    struct sr_batch *batch = sri_alloc_zero(1, sizeof *batch);
    if (batch == NULL)
        return -ENOMEM;
    batch->options = *options;
    sri_graph_init(&batch->graph);
    *out = batch;
    return 0;
}

SR_UNCHECKED int sr_batch_new(struct sr_batch **out)
{
    struct sr_batch_options options = {.form = SR_BATCH_CHAINED};
    return sr_batch_new_with(out, &options);
}

void sri_batch_free(struct sr_batch *batch)
{
    for (uint32_t i = 0; i < batch->graph.count; i++)
        sri_free(batch->members[i].argument);
    sri_graph_fini(&batch->graph);
    sri_free(batch->members);
    sri_free(batch);
}

SR_UNCHECKED int sr_batch_free(struct sr_batch **handle)
{
    if (handle == NULL || *handle == NULL)
        return -EINVAL;
    struct sr_batch *batch = *handle;
    if (batch->stage == SRI_BATCH_RUNNING) {
        int refused = sri_ring_check(batch->ring);
        if (refused != 0)
            return refused;
        sri_batch_abandon(batch->ring, batch);
        sri_batch_gone(batch->ring, batch);
    } else {
        for (uint32_t i = 0; i < batch->graph.count; i++)
            sri_batch_send_home(&batch->members[i]);
        sri_batch_free(batch);
    }
    *handle = NULL;
    return 0;
}

/* What the specification points to, in memory of the batch (ARG-1), or room for what the kernel will tell (ARG-2). */
static int keep_argument(struct sri_batch_member *member)
{
    struct sr_op_spec *spec = &member->spec;
    size_t size = 0;
    if (spec->opcode == IORING_OP_OPENAT)
        size = spec->argument != NULL ? strlen(spec->argument) + 1 : 0;
    else if (spec->opcode == IORING_OP_CONNECT)
        size = spec->argument != NULL ? spec->argument_length : 0;
    else if ((spec->flags & SR_OP_WANT_PEER) != 0)
        size = sizeof(struct sockaddr_storage);
    else
        return 0;
    if (size == 0)
        return -EINVAL;
    member->argument = sri_alloc(size);
    if (member->argument == NULL)
        return -ENOMEM;
    if (spec->argument != NULL) {
        memcpy(member->argument, spec->argument, size);
        spec->argument = member->argument;
    }
    return 0;
}

static int grow_members(struct sr_batch *batch)
{
    if (batch->graph.count < batch->room)
        return 0;
    uint32_t wanted = batch->room == 0 ? 8 : 2 * batch->room;
    struct sri_batch_member *members = sri_realloc(batch->members, wanted * sizeof *members);
    if (members == NULL)
        return -ENOMEM;
    batch->members = members;
    batch->room = wanted;
    return 0;
}

/* Adds what was found right. Nothing has moved when it fails. */
static int add(struct sr_batch *batch, const struct sr_op_spec *spec, struct sr_buffer *buffer,
               uint32_t inherits, uint32_t *index)
{
    uint32_t place;
    struct sri_batch_member member = {.batch = batch,
                                      .spec = *spec,
                                      .buffer = buffer,
                                      .size = sr_buffer_size(buffer),
                                      .heir = SRI_NO_NODE,
                                      .inherits = inherits};
    int rc = grow_members(batch);
    if (rc == 0)
        rc = keep_argument(&member);
    if (rc == 0)
        rc = sri_graph_add(&batch->graph, &place);
    if (rc != 0) {
        sri_free(member.argument);
        return rc;
    }
    batch->members[place] = member;
    if (index != NULL)
        *index = place;
    return 0;
}

static int check(const struct sr_batch *batch, const struct sr_op_spec *spec)
{
    if (batch == NULL || spec == NULL)
        return -EINVAL;
    return batch->stage == SRI_BATCH_BUILDING ? 0 : SR_EINVALID_STATE;
}

SR_UNCHECKED int sr_batch_add(struct sr_batch *batch, const struct sr_op_spec *spec,
                              struct sr_buffer **buffer, uint32_t *index)
{
    int refused = check(batch, spec);
    if (refused == 0 && (buffer == NULL || *buffer == NULL))
        refused = -EINVAL;
    if (refused == 0)
        refused = sri_spec_check(spec, *buffer);
    if (refused == 0)
        refused = add(batch, spec, *buffer, SRI_NO_NODE, index);
    if (refused != 0)
        return refused;
    sri_buffer_move(*buffer, SRI_OWNER_KEEP);
    *buffer = NULL;
    return 0;
}

int sr_batch_add_plain(struct sr_batch *batch, const struct sr_op_spec *spec, uint32_t *index)
{
    int refused = check(batch, spec);
    if (refused == 0)
        refused = sri_spec_check(spec, NULL);
    return refused != 0 ? refused : add(batch, spec, NULL, SRI_NO_NODE, index);
}

/* The entry whose buffer comes to `index` in the end, by however many that inherit it; its size and kind are known. */
static const struct sri_batch_member *source_of(const struct sr_batch *batch, uint32_t index)
{
    while (batch->members[index].inherits != SRI_NO_NODE)
        index = batch->members[index].inherits;
    return &batch->members[index];
}

static int check_inheritance(const struct sr_batch *batch, const struct sr_op_spec *spec, uint32_t from)
{
    if (from >= batch->graph.count || batch->members[from].heir != SRI_NO_NODE)
        return -EINVAL;
    const struct sr_buffer *buffer = source_of(batch, from)->buffer;
    return buffer == NULL ? -EINVAL : sri_spec_check_kept(spec, buffer);
}

int sr_batch_add_inheriting(struct sr_batch *batch, const struct sr_op_spec *spec, uint32_t dependency,
                            uint32_t *index)
{
    uint32_t place;
    int refused = check(batch, spec);
    if (refused == 0)
        refused = check_inheritance(batch, spec, dependency);
    if (refused == 0)
        refused = add(batch, spec, NULL, dependency, &place);
    if (refused != 0)
        return refused;
    refused = sri_graph_depend(&batch->graph, place, dependency);
    if (refused != 0) { /* no memory for it: as if it had never been */
        sri_free(batch->members[place].argument);
        sri_graph_take_back(&batch->graph);
        return refused;
    }
    batch->members[dependency].heir = place;
    if (index != NULL)
        *index = place;
    return 0;
}

int sr_batch_add_dependency(struct sr_batch *batch, uint32_t dependent, uint32_t dependency)
{
    if (batch == NULL)
        return -EINVAL;
    if (batch->stage != SRI_BATCH_BUILDING)
        return SR_EINVALID_STATE;
    return sri_graph_depend(&batch->graph, dependent, dependency);
}

uint32_t sr_batch_count(const struct sr_batch *batch)
{
    return batch != NULL ? batch->graph.count : 0;
}
