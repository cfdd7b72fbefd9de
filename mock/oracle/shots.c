/*
 * Providers and what the kernel selects of them: each selected buffer is an owned buffer of its own, with the bytes that
 * come next in it, and must come back (BUF-3 … BUF-5, BUF-7, BUF-9, ORPH-4).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/shots.h"

#include <string.h>

static struct sri_verdict *verdict_of(const struct sri_shots *shots)
{
    return shots->model->verdict;
}

/* ---- Providers ---- */

bool sri_fount_make(struct sri_shots *shots, struct sri_fount *fount, uint32_t count, size_t size)
{
    struct sr_provider *provider = NULL;
    if (fount->provider != NULL)
        return true;
    int rc = sr_provider_new(shots->ring, count, size, &provider);
    sri_model_tell(shots->model, "provider of %u: %d", count, rc);
    if (rc != 0) {
        sri_judge(verdict_of(shots), SRI_RULE_BUF_5, 0,
                  rc == -ENOMEM || rc == -EINVAL || rc == SR_EINVALID_STATE,
                  "a provider of %u buffers can't be had: %d", count, rc);
        return false;
    }
    *fount = (struct sri_fount){.provider = provider, .count = count, .size = size};
    sri_judge(verdict_of(shots), SRI_RULE_BUF_5, 0, sr_provider_available(provider) == count,
              "a new provider of %u buffers has lent %u", count, sr_provider_available(provider));
    return true;
}

/* Operations of the books that may still be given one of its buffers. */
static uint32_t asking(const struct sri_shots *shots, const struct sri_fount *fount)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        count += shots->series[i].stage == SRI_SERIES_LIVE && shots->series[i].fount == fount;
    return count;
}

bool sri_fount_free(struct sri_shots *shots, struct sri_fount *fount)
{
    if (fount->provider == NULL)
        return true;
    uint32_t available = sr_provider_available(fount->provider);
    bool owes = fount->out > 0;
    bool is_settled = asking(shots, fount) == 0 && sr_ring_orphan_count(shots->ring) == 0;
    int rc = sr_provider_free(&fount->provider);
    sri_model_tell(shots->model, "free a provider: %d", rc);
    sri_judge(verdict_of(shots), SRI_RULE_BUF_4, 0,
              (rc == 0) == (fount->provider == NULL) && (rc == 0 || rc == SR_EBUFFER_IN_FLIGHT) &&
                  (rc != 0 || !owes),
              "a provider with %u of its buffers out was freed: %d", fount->out, rc);
    if (rc != 0 && !owes && is_settled)
        sri_violated(verdict_of(shots), SRI_RULE_ORPH_4, 0,
                     "owed: %u of %u selected buffers never went back to their ring",
                     fount->count - available, fount->count);
    return rc == 0;
}

/* ---- Buffers that are out ---- */

static uint64_t sum_of(const uint8_t *bytes, size_t size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static bool is_out(const struct sri_shots *shots, const struct sr_buffer *buffer)
{
    for (uint32_t i = 0; i < SRI_CATCHES; i++)
        if (shots->catches[i].buffer == buffer)
            return true;
    return false;
}

/* It went home, and that is where it can be had from (BUF-9). */
static void judge_back(struct sri_shots *shots, struct sri_fount *fount, uint32_t before)
{
    fount->out--;
    sri_judge(verdict_of(shots), SRI_RULE_BUF_9, 0, sr_provider_available(fount->provider) == before + 1,
              "a selected buffer was given back, and its provider has %u after %u",
              sr_provider_available(fount->provider), before);
}

/* Opens what a completion brought: the bytes are those that come next (BUF-5). */
static uint64_t judge_bytes(struct sri_shots *shots, const struct sri_shot *shot, struct sr_buffer **buffer,
                            int32_t result)
{
    struct sr_guard guard;
    struct sri_verdict *verdict = verdict_of(shots);
    size_t size = result > 0 ? (size_t)result : 0;
    sri_judge(verdict, SRI_RULE_BUF_7, shot->done.id, size <= shot->fount->size,
              "%d bytes came in a buffer of %zu", result, shot->fount->size);
    if (sr_buffer_try_access(buffer, &guard) != 0) {
        sri_violated(verdict, SRI_RULE_BUF_1, shot->done.id, "a selected buffer can't be opened");
        return 0;
    }
    size_t same = 0;
    while (same < size && sr_guard_bytes(&guard)[same] == sri_flow_byte(shot->key, shot->at + same))
        same++;
    if (shot->key != 0 && size <= shot->fount->size)
        sri_judge(verdict, SRI_RULE_BUF_5, shot->done.id, same == size,
                  "byte %zu of %zu in a selected buffer is another than the one that comes next", same, size);
    uint64_t sum = sum_of(sr_guard_bytes(&guard), shot->fount->size);
    sr_guard_end(&guard, buffer);
    return sum;
}

static void give_back(struct sri_shots *shots, struct sri_fount *fount, struct sr_buffer *buffer)
{
    struct sr_buffer *copy = buffer;
    uint32_t before = sr_provider_available(fount->provider);
    int rc = sr_buffer_release(&buffer);
    sri_judge(verdict_of(shots), SRI_RULE_BUF_9, 0, rc == 0 && buffer == NULL,
              "a selected buffer can't be given back: %d", rc);
    judge_back(shots, fount, before);
    rc = sr_buffer_release(&copy);
    sri_judge(verdict_of(shots), SRI_RULE_BUF_4, 0, rc == SR_EBUFFER_IN_FLIGHT,
              "a buffer that its provider has lent was released by a copied pointer: %d", rc);
}

static void keep_or_give_back(struct sri_shots *shots, struct sri_fount *fount, struct sr_buffer *buffer,
                              uint64_t sum)
{
    for (uint32_t i = 0; i < SRI_CATCHES; i++) {
        struct sri_catch *it = &shots->catches[i];
        if (it->buffer != NULL || !shots->client.chance(300))
            continue;
        *it = (struct sri_catch){.buffer = buffer, .fount = fount, .sum = sum};
        return;
    }
    give_back(shots, fount, buffer);
}

void sri_catch_release(struct sri_shots *shots, struct sri_catch *it)
{
    struct sr_buffer *buffer = it->buffer;
    struct sr_guard guard;
    it->buffer = NULL;
    if (sr_buffer_try_access(&buffer, &guard) == 0) {
        sri_judge(verdict_of(shots), SRI_RULE_BUF_3, 0,
                  sum_of(sr_guard_bytes(&guard), it->fount->size) == it->sum,
                  "somebody wrote into a selected buffer that is the program's");
        sr_guard_end(&guard, &buffer);
    } else {
        sri_violated(verdict_of(shots), SRI_RULE_BUF_1, 0, "a selected buffer is not the program's any more");
    }
    give_back(shots, it->fount, buffer);
}

/* ---- Completions ---- */

static void judge_made(struct sri_shots *shots, const struct sr_completion *done)
{
    const struct sri_model *model = shots->model;
    if (done->opcode == IORING_OP_ACCEPT && done->result >= 0 && model->sees && done->result < SRI_MODEL_FDS)
        sri_judge(model->verdict, SRI_RULE_ORPH_4, done->id,
                  model->closed[done->result] == model->opened[done->result],
                  "a completion was finished, and its descriptor %d is open", done->result);
}

/* Its bytes are nobody's to look at: they count as got. */
static void finish(struct sri_shots *shots, struct sri_shot *shot)
{
    struct sr_completion copy = shot->done;
    uint32_t before = shot->fount != NULL ? sr_provider_available(shot->fount->provider) : 0;
    sr_finish(&shot->done);
    if (shot->fount != NULL)
        judge_back(shots, shot->fount, before);
    judge_made(shots, &copy);
}

static void take(struct sri_shots *shots, struct sri_shot *shot)
{
    struct sri_verdict *verdict = verdict_of(shots);
    struct sr_completion was = shot->done;
    struct sr_buffer *buffer = NULL;
    int32_t result = sr_take(&shot->done, &buffer);
    sri_judge(verdict, SRI_RULE_BUF_5, was.id,
              result == was.result && (buffer != NULL) == (shot->fount != NULL),
              "a completion of %d %s a selected buffer; taken it gave %d and %s", was.result,
              shot->fount != NULL ? "brings" : "brings no", result, buffer != NULL ? "one" : "none");
    if (was.opcode == IORING_OP_ACCEPT && result >= 0)
        shots->client.made(result);
    if (buffer == NULL || shot->fount == NULL)
        return;
    sri_judge(verdict, SRI_RULE_BUF_1, was.id,
              sr_buffer_is_user_owned(buffer) && sr_buffer_size(buffer) == shot->fount->size,
              "a selected buffer that was taken is not the program's");
    sri_judge(verdict, SRI_RULE_BUF_5, was.id, !is_out(shots, buffer),
              "a buffer was selected that the program has");
    uint64_t sum = judge_bytes(shots, shot, &buffer, result);
    keep_or_give_back(shots, shot->fount, buffer, sum);
}

void sri_shot_end(struct sri_shots *shots, struct sri_shot *shot)
{
    struct sr_completion copy = shot->done;
    struct sr_buffer *buffer = NULL;
    uint64_t id = copy.id;
    if (shots->client.chance(200))
        finish(shots, shot);
    else
        take(shots, shot);
    int32_t rc = sr_take(&copy, &buffer);
    sri_judge(verdict_of(shots), SRI_RULE_OP_3, id, rc == SR_ESTALE && buffer == NULL,
              "a completion was taken twice: %d", rc);
    if (shot->last != NULL)
        shot->last->stage = SRI_SERIES_NONE;
    memset(shot, 0, sizeof *shot);
}

uint32_t sri_shots_held(const struct sri_shots *shots)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SRI_HELD_SHOTS; i++)
        count += shots->held[i].done.id != 0;
    return count;
}

void sri_shots_judge_counts(struct sri_shots *shots)
{
    uint32_t flying = sri_shots_held(shots);
    if (shots->draining)
        return; /* what ends is disposed of meanwhile */
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        flying += shots->series[i].stage == SRI_SERIES_LIVE;
    for (uint32_t i = 0; i < SRI_SENDINGS; i++)
        flying += shots->sendings[i].talk != NULL;
    sri_judge(verdict_of(shots), SRI_RULE_RING_1, 0, sr_ring_in_flight(shots->ring) >= flying,
              "the ring counts %u operations in flight; there are at least %u",
              sr_ring_in_flight(shots->ring), flying);
    for (uint32_t i = 0; i < SRI_FOUNTS; i++) {
        const struct sri_fount *fount = &shots->founts[i];
        if (fount->provider == NULL)
            continue;
        uint32_t available = sr_provider_available(fount->provider);
        sri_judge(verdict_of(shots), SRI_RULE_BUF_1, 0, available + fount->out <= fount->count,
                  "of %u provided buffers the kernel has %u, and the program %u", fount->count, available,
                  fount->out);
    }
}
