/*
 * The program's buffers: made, opened, joined, released, and misused by copied pointers (BUF, ARG-3). Touches bytes only
 * while a guard of its own is out.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <string.h>

static struct sri_held *new_held(struct sri_model *model)
{
    if (sri_list_empty(&model->spare_helds))
        return NULL;
    struct sri_held *held = SRI_CONTAINER_OF(model->spare_helds.next, struct sri_held, node);
    sri_list_remove(&held->node);
    memset(held, 0, sizeof *held);
    sri_list_append(&model->helds, &held->node);
    return held;
}

void sri_model_forget_buffer(struct sri_model *model, struct sri_held *held)
{
    sri_list_remove(&held->node);
    sri_list_append(&model->spare_helds, &held->node);
}

/* Learns where the bytes are, so that their release can be seen. */
static void learn_bytes(struct sri_model *model, struct sri_held *held, uint64_t after)
{
    struct sr_guard guard;
    if (sr_buffer_try_access(&held->handle, &guard) != 0) {
        sri_violated(model->verdict, SRI_RULE_BUF_1, 0, "a new buffer is not the program's");
        return;
    }
    held->bytes = sr_guard_bytes(&guard);
    sr_guard_end(&guard, &held->handle);
    if (model->heap == NULL)
        return;
    struct sri_block *block = sri_heap_find(model->heap, held->bytes, after);
    if (block == NULL)
        return;
    block->purpose = SRI_PURPOSE_BUFFER;
    held->block = block;
    held->serial = block->serial;
}

static struct sri_held *made(struct sri_model *model, struct sr_buffer *buffer, size_t size, uint64_t after)
{
    struct sri_held *held = new_held(model);
    if (held == NULL) {
        int rc = sr_buffer_release(&buffer);
        sri_judge(model->verdict, SRI_RULE_BUF_9, 0, rc == 0, "a new buffer can't be released: %d", rc);
        return NULL;
    }
    held->handle = buffer;
    held->copy = buffer;
    held->size = size;
    sri_judge(model->verdict, SRI_RULE_BUF_1, 0,
              sr_buffer_is_user_owned(buffer) && sr_buffer_size(buffer) == size,
              "a new buffer of %zu bytes is not the program's, or holds %zu", size, sr_buffer_size(buffer));
    learn_bytes(model, held, after);
    return held;
}

struct sri_held *sri_model_buffer(struct sri_model *model, size_t size)
{
    uint64_t after = model->heap != NULL ? model->heap->serial : 0;
    struct sr_buffer *buffer = NULL;
    if (sr_buffer_new(&buffer, size) != 0)
        return NULL;
    struct sri_held *held = made(model, buffer, size, after);
    if (held != NULL)
        sri_model_code(model, "SHOULD(make(%u, %zu), 0);", sri_held_number(model, held), size);
    return held;
}

struct sri_held *sri_model_buffer_of(struct sri_model *model, const void *data, size_t size)
{
    uint64_t after = model->heap != NULL ? model->heap->serial : 0;
    struct sr_buffer *buffer = NULL;
    if (sr_buffer_copy_of(&buffer, data, size) != 0)
        return NULL;
    struct sri_held *held = made(model, buffer, size, after);
    if (held != NULL)
        sri_model_code(model, "SHOULD(make(%u, %zu), 0);", sri_held_number(model, held), size);
    return held;
}

/* Its block, found wherever it is in the heap: a pool's is older than its buffers. */
struct sri_held *sri_model_made(struct sri_model *model, struct sr_buffer *buffer, size_t size)
{
    return made(model, buffer, size, 0);
}

bool sri_model_sees_home(const struct sri_held *held)
{
    for (uint32_t i = 0; i < held->part_count; i++)
        if (sri_model_sees_home(held->parts[i]))
            return true;
    return held->block != NULL;
}

bool sri_model_is_home(const struct sri_model *model, const struct sri_held *held)
{
    (void)model;
    for (uint32_t i = 0; i < held->part_count; i++)
        if (!sri_model_is_home(model, held->parts[i]))
            return false;
    return held->block == NULL || held->block->serial != held->serial || !held->block->live;
}

static void forget_parts(struct sri_model *model, struct sri_held *held)
{
    for (uint32_t i = 0; i < held->part_count; i++) {
        sri_store_came_home(model, held->parts[i]);
        sri_model_forget_buffer(model, held->parts[i]);
    }
    sri_store_came_home(model, held);
    sri_model_forget_buffer(model, held);
}

void sri_model_home(struct sri_model *model, struct sri_held *held, enum sri_rule rule, uint64_t id)
{
    sri_judge(model->verdict, rule, id, sri_model_is_home(model, held),
              "a buffer of %zu bytes is over, and did not go to its origin", held->size);
    forget_parts(model, held);
}

/* While the guard is out (BUF-6); `copy` is a copied pointer. */
static void probe_guarded(struct sri_model *model, struct sri_held *held)
{
    struct sr_buffer *copy = held->copy;
    struct sr_guard second = {0};
    int opened = sr_buffer_try_access(&copy, &second);
    sri_judge(model->verdict, SRI_RULE_BUF_6, 0, opened == SR_EBUFFER_IN_FLIGHT && copy == held->copy,
              "a second guard on one buffer: %d", opened);
    int released = opened == 0 ? 0 : sr_buffer_release(&copy);
    sri_judge(model->verdict, SRI_RULE_BUF_6, 0, released == SR_EBUFFER_IN_FLIGHT && copy == held->copy,
              "a guarded buffer was released: %d", released);
    sri_judge(model->verdict, SRI_RULE_BUF_1, 0, !sr_buffer_is_user_owned(held->copy),
              "a guarded buffer is said to be the program's");
    if (model->ring == NULL || released == 0)
        return;
    struct sr_op op = {0};
    struct sr_op_spec spec = sr_spec_read(sr_fd(-1), 0, sr_range(0, 1));
    int started = sr_op_start(model->ring, &spec, &copy, &op);
    sri_model_code(model, "SHOULD(lend_guarded(%u), %d);", sri_held_number(model, held), started);
    sri_judge(model->verdict, SRI_RULE_BUF_6, 0,
              started != 0 && copy == held->copy &&
                  (started == SR_EBUFFER_IN_FLIGHT || model->callback_depth > 0),
              "a guarded buffer was given to an operation: %d", started);
}

void sri_model_access(struct sri_model *model, struct sri_held *held, bool probe,
                      void (*work)(void *user, uint8_t *bytes, size_t size), void *user)
{
    struct sr_guard guard = {0};
    int rc = sr_buffer_try_access(&held->handle, &guard);
    sri_model_code(model, "SHOULD(touch(%u), %d);", sri_held_number(model, held), rc);
    if (!sri_judge(model->verdict, SRI_RULE_BUF_1, 0, rc == 0 && held->handle == NULL,
                   "the program's own buffer can't be opened: %d", rc))
        return;
    held->guarded = true;
    sri_judge(model->verdict, SRI_RULE_BUF_6, 0,
              sr_guard_bytes(&guard) == held->bytes && sr_guard_size(&guard) == held->size,
              "a guard opens other bytes than the buffer's");
    if (probe)
        probe_guarded(model, held);
    if (work != NULL)
        work(user, sr_guard_bytes(&guard), sr_guard_size(&guard));
    sr_guard_end(&guard, &held->handle);
    held->guarded = false;
    sri_judge(model->verdict, SRI_RULE_BUF_6, 0,
              held->handle == held->copy && sr_buffer_is_user_owned(held->copy),
              "ending a guard did not give its buffer back");
}

void sri_model_release(struct sri_model *model, struct sri_held *held)
{
    int rc = sr_buffer_release(&held->handle);
    sri_model_code(model, "SHOULD(sr_buffer_release(&buffers[%u].handle), %d);", sri_held_number(model, held),
                   rc);
    sri_judge(model->verdict, SRI_RULE_BUF_9, 0, rc == 0 && held->handle == NULL,
              "the program's own buffer can't be released: %d", rc);
    sri_model_home(model, held, SRI_RULE_BUF_9, 0);
}

static void judge_parts(struct sri_model *model, struct sri_held *parts[], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sr_buffer *copy = parts[i]->copy;
        int rc = sr_buffer_release(&copy);
        sri_judge(model->verdict, SRI_RULE_BUF_4, 0, rc == SR_EBUFFER_IN_FLIGHT && copy == parts[i]->copy,
                  "a part of a vector was released on its own: %d", rc);
    }
}

/* A part that stands twice moves nothing. */
static void probe_double_part(struct sri_model *model, struct sri_held *part)
{
    struct sr_buffer *twice[2] = {part->copy, part->copy};
    struct sr_buffer *vector = NULL;
    int rc = sr_buffer_join(&vector, twice, 2);
    sri_judge(model->verdict, SRI_RULE_BUF_4, 0,
              rc == SR_EBUFFER_IN_FLIGHT && vector == NULL && twice[0] == part->copy &&
                  twice[1] == part->copy && sr_buffer_is_user_owned(part->copy),
              "a buffer was joined to itself: %d", rc);
}

struct sri_held *sri_model_join(struct sri_model *model, struct sri_held *parts[], uint32_t count)
{
    struct sr_buffer *handles[SRI_PARTS];
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        handles[i] = parts[i]->handle;
        size += parts[i]->size;
    }
    probe_double_part(model, parts[0]);
    struct sr_buffer *vector = NULL;
    int rc = sr_buffer_join(&vector, handles, count);
    bool refused_for_memory = rc == -ENOMEM && handles[0] == parts[0]->copy;
    if (refused_for_memory)
        return NULL;
    sri_judge(model->verdict, SRI_RULE_ARG_3, 0,
              rc == 0 && sr_buffer_size(vector) == size && handles[0] == NULL, "joining %u buffers: %d",
              count, rc);
    struct sri_held *held = rc == 0 ? new_held(model) : NULL;
    if (held == NULL)
        return NULL;
    held->handle = vector;
    held->copy = vector;
    held->size = size;
    held->part_count = count;
    for (uint32_t i = 0; i < count; i++) {
        held->parts[i] = parts[i];
        parts[i]->handle = NULL;
        parts[i]->vector = held;
        sri_model_code(model, "PART(%u, %u);", sri_held_number(model, held),
                       sri_held_number(model, parts[i]));
    }
    sri_model_code(model, "SHOULD(join(%u), 0);", sri_held_number(model, held));
    judge_parts(model, parts, count);
    return held;
}

void sri_model_split(struct sri_model *model, struct sri_held *vector)
{
    struct sr_buffer *parts[SRI_PARTS] = {NULL};
    int wrong = sr_buffer_split(&vector->handle, parts, vector->part_count + 1);
    sri_judge(model->verdict, SRI_RULE_ARG_3, 0, wrong == -EINVAL && vector->handle == vector->copy,
              "a vector came apart into a wrong number of parts: %d", wrong);
    int rc = sr_buffer_split(&vector->handle, parts, vector->part_count);
    sri_model_code(model, "SHOULD(split(%u), %d);", sri_held_number(model, vector), rc);
    bool same = rc == 0 && vector->handle == NULL;
    for (uint32_t i = 0; i < vector->part_count; i++) {
        struct sri_held *part = vector->parts[i];
        same = same && parts[i] == part->copy && sr_buffer_is_user_owned(part->copy);
        part->handle = parts[i];
        part->vector = NULL;
    }
    sri_judge(model->verdict, SRI_RULE_ARG_3, 0, same, "a vector did not come apart into its parts: %d", rc);
    sri_model_forget_buffer(model, vector);
}

static int misuse(struct sri_model *model, struct sri_held *held, uint32_t which, struct sr_buffer **copy)
{
    struct sr_guard guard;
    struct sr_op op;
    struct sr_buffer *vector = NULL;
    struct sr_op_spec spec = sr_spec_write(sr_fd(-1), 0, sr_range(0, 1));
    switch (which) {
    case 0: return held->bytes != NULL ? sr_buffer_try_access(copy, &guard) : SR_EBUFFER_IN_FLIGHT;
    case 1: return sr_buffer_release(copy);
    case 2:
        spec.opcode = held->bytes != NULL ? IORING_OP_WRITE : IORING_OP_WRITEV;
        spec.range = (struct sr_range){0};
        return sr_op_start(model->ring, &spec, copy, &op);
    case 3: return held->bytes != NULL ? sr_buffer_join(&vector, copy, 1) : SR_EBUFFER_IN_FLIGHT;
    case 4:
        return held->bytes == NULL
                   ? sr_buffer_split(copy, (struct sr_buffer *[SRI_PARTS]){NULL}, held->part_count)
                   : SR_EBUFFER_IN_FLIGHT;
    default: return sr_buffer_is_user_owned(*copy) ? 0 : SR_EBUFFER_IN_FLIGHT;
    }
}

void sri_model_misuse_buffer(struct sri_model *model, struct sri_held *held, uint32_t which)
{
    if (held->handle != NULL || held->guarded || model->ring == NULL || (which == 2 && model->draining))
        return;
    struct sr_buffer *copy = held->copy;
    uint32_t flying = sr_ring_in_flight(model->ring);
    uint64_t id = held->act != NULL ? held->act->id : 0;
    int rc = misuse(model, held, which % 6, &copy);
    sri_model_code(model, "SHOULD(misuse(%u, %u), %d);", sri_held_number(model, held),
                   held->bytes == NULL && which % 6 == 0 ? 5 : which % 6, rc);
    sri_judge(model->verdict, SRI_RULE_BUF_4, id, rc == SR_EBUFFER_IN_FLIGHT && copy == held->copy,
              "misuse %u of a buffer in flight was answered %d", which % 6, rc);
    sri_judge(model->verdict, SRI_RULE_BUF_4, id,
              sr_buffer_size(held->copy) == held->size && sr_ring_in_flight(model->ring) == flying,
              "misuse %u of a buffer in flight changed something", which % 6);
}
