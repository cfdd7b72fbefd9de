/*
 * Judging streams (STR-1 … STR-4). Knows the stream by its public calls only; what a file must hold it keeps itself.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/streams.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

uint8_t sri_flow_byte(uint64_t key, uint64_t at)
{
    uint64_t z = key * UINT64_C(0x9e3779b97f4a7c15) ^ (at >> 3);
    z = (z ^ (z >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint8_t)(z >> (8 * (at & 7)));
}

void sri_streamed_begin(struct sri_streamed *it, struct sri_model *model, struct sr_stream *stream, int fd,
                        uint64_t key)
{
    memset(it, 0, sizeof *it);
    it->model = model;
    it->stream = stream;
    it->fd = fd;
    it->reads = it->writes = true;
    it->in.key = 2 * key;
    it->out.key = 2 * key + 1;
}

/* The stream's own counts: what was accepted is what the calls said, and the kernel has no more of it (STR-3). */
static void count(struct sri_streamed *it)
{
    uint64_t written = sr_stream_written(it->stream);
    sri_judge(it->model->verdict, SRI_RULE_STR_3, 0,
              sr_stream_accepted(it->stream) == it->accepted && written >= it->written &&
                  written <= it->accepted,
              "a stream that has accepted %llu bytes says %llu, and that %llu of them are written after %llu",
              (unsigned long long)it->accepted, (unsigned long long)sr_stream_accepted(it->stream),
              (unsigned long long)written, (unsigned long long)it->written);
    uint64_t more = written - it->written;
    it->written = written;
    if (!it->is_file || it->write_at + more > SRI_STREAM_FILE_MAX)
        return;
    memcpy(it->floor + it->write_at, it->shadow + it->write_at, more);
    it->write_at += more;
    if (more > 0 && it->write_at > it->floor_size)
        it->floor_size = (uint32_t)it->write_at;
}

/* Not the kernel's word on an operation: the ring has no room, or something is under way. */
static bool is_ours(int rc)
{
    return rc == SR_EOPERATION_PENDING || rc == SR_EQUEUE_FULL || rc == -EAGAIN || rc == -EBUSY ||
           rc == -ENOMEM || rc == SR_EINVALID_STATE || rc == -EDEADLK;
}

/* Any status of a call: an error of the kernel, or the word that a direction is closed, which needs a cause (STR-4). */
static int judge_status(struct sri_streamed *it, int rc)
{
    struct sri_verdict *verdict = it->model->verdict;
    count(it);
    sri_model_tell(it->model, "stream on %d: %d, %llu of %llu written", it->fd, rc,
                   (unsigned long long)it->written, (unsigned long long)it->accepted);
    if (rc == 0 || is_ours(rc))
        return rc;
    if (rc == SR_ESTALE) {
        sri_judge(verdict, SRI_RULE_STR_4, 0, it->drained,
                  "a stream says that it is closed, and nobody drained its ring");
        it->broken = true;
        return rc;
    }
    sri_judge(verdict, SRI_RULE_STR_4, 0, rc > -4096, "a stream answers %s", sr_err_name(rc));
    if (!it->is_file && rc != -EINTR && rc != -ENOBUFS)
        it->broken = true;
    return rc;
}

/* ---- Reading ---- */

static void judge_file_bytes(struct sri_streamed *it, const uint8_t *bytes, size_t size, size_t asked)
{
    struct sri_verdict *verdict = it->model->verdict;
    uint64_t left = it->position < it->shadow_size ? it->shadow_size - it->position : 0;
    if (asked > 0)
        sri_judge(verdict, SRI_RULE_STR_2, 0, size <= left && (size > 0 || left == 0),
                  "a read at %llu of %u bytes gave %zu", (unsigned long long)it->position, it->shadow_size,
                  size);
    if (size > left)
        return;
    sri_judge(verdict, SRI_RULE_STR_1, 0, memcmp(bytes, it->shadow + it->position, size) == 0,
              "%zu bytes read at %llu are others than were written", size, (unsigned long long)it->position);
    it->position += size;
}

static bool is_next(struct sri_flow *flow, const uint8_t *bytes, size_t size)
{
    size_t same = 0;
    while (same < size && bytes[same] == sri_flow_byte(flow->key, flow->got + same))
        same++;
    flow->got += same;
    return same == size && flow->got <= flow->given;
}

static void judge_flow_bytes(struct sri_streamed *it, const uint8_t *bytes, size_t size, size_t asked)
{
    struct sri_verdict *verdict = it->model->verdict;
    sri_judge(verdict, SRI_RULE_STR_1, 0, is_next(&it->in, bytes, size),
              "byte %llu of what came in is another, or was never sent", (unsigned long long)it->in.got);
    if (size == 0 && asked > 0)
        sri_judge(verdict, SRI_RULE_STR_2, 0, (it->in.ended && it->in.got == it->in.given) || it->broken,
                  "the end was read after %llu bytes of %llu", (unsigned long long)it->in.got,
                  (unsigned long long)it->in.given);
}

int sri_streamed_read(struct sri_streamed *it, size_t size, bool waits)
{
    uint8_t bytes[SRI_STREAM_PIECE];
    size_t got = 0;
    if (size > sizeof bytes)
        size = sizeof bytes;
    it->waits = waits;
    int rc = waits ? sr_stream_read(it->stream, bytes, size, &got)
                   : sr_stream_poll_read(it->stream, bytes, size, &got);
    it->waits = false;
    if (rc == 0 && it->is_file)
        judge_file_bytes(it, bytes, got, size);
    else if (rc == 0)
        judge_flow_bytes(it, bytes, got, size);
    return judge_status(it, rc);
}

/* ---- Writing ---- */

int sri_streamed_write(struct sri_streamed *it, size_t size, bool waits)
{
    uint8_t bytes[SRI_STREAM_PIECE];
    size_t taken = 0;
    if (size > sizeof bytes)
        size = sizeof bytes;
    if (it->is_file && it->position + size > SRI_STREAM_FILE_MAX)
        size = SRI_STREAM_FILE_MAX - it->position;
    for (size_t i = 0; i < size; i++)
        bytes[i] = sri_flow_byte(it->out.key, it->out.given + i);
    it->waits = waits;
    int rc = waits ? sr_stream_write_all(it->stream, bytes, size, &taken)
                   : sr_stream_poll_write(it->stream, bytes, size, &taken);
    it->waits = false;
    if (it->is_file && taken > 0 && taken <= size) {
        if (it->written == it->accepted)
            it->write_at = it->position;
        memcpy(it->shadow + it->position, bytes, taken);
        it->position += taken;
        if (it->position > it->shadow_size)
            it->shadow_size = (uint32_t)it->position;
    }
    it->accepted += taken;
    it->out.given += taken;
    return judge_status(it, rc);
}

int sri_streamed_flush(struct sri_streamed *it, bool waits)
{
    uint64_t written = 0;
    it->waits = waits;
    int rc = waits ? sr_stream_flush(it->stream, &written) : sr_stream_poll_flush(it->stream, &written);
    it->waits = false;
    bool whole = written == it->accepted;
    sri_judge(it->model->verdict, SRI_RULE_STR_3, 0,
              (rc != 0 || whole) && written == sr_stream_written(it->stream),
              "a flush answers %d and that %llu of %llu bytes are written", rc, (unsigned long long)written,
              (unsigned long long)it->accepted);
    return judge_status(it, rc);
}

int sri_streamed_shutdown(struct sri_streamed *it)
{
    uint64_t written = 0;
    int rc = sr_stream_poll_shutdown(it->stream, &written);
    if (rc == 0) {
        it->shut = true;
        sri_judge(it->model->verdict, SRI_RULE_STR_3, 0, written == it->accepted,
                  "shut down with %llu of %llu bytes written", (unsigned long long)written,
                  (unsigned long long)it->accepted);
    }
    return judge_status(it, rc);
}

int sri_streamed_seek(struct sri_streamed *it, uint64_t to)
{
    uint64_t at = UINT64_MAX;
    it->waits = true;
    int rc = sr_stream_seek(it->stream, 0, SEEK_CUR, &at);
    if (rc == 0)
        sri_judge(it->model->verdict, SRI_RULE_STR_2, 0, at == it->position,
                  "a stream stands at %llu where it should at %llu", (unsigned long long)at,
                  (unsigned long long)it->position);
    if (rc == 0)
        rc = sr_stream_seek(it->stream, (int64_t)to, SEEK_SET, &at);
    it->waits = false;
    if (rc == 0)
        it->position = to;
    return judge_status(it, rc);
}

/* ---- The other side ---- */

void sri_streamed_heard(struct sri_streamed *it, const uint8_t *bytes, size_t size)
{
    sri_judge(it->model->verdict, SRI_RULE_STR_1, 0, is_next(&it->out, bytes, size),
              "byte %llu of what came out is another, or was never accepted",
              (unsigned long long)it->out.got);
}

/* Bytes on their way may be there or not; all others are what they were given. */
void sri_streamed_content(struct sri_streamed *it, const uint8_t *bytes, size_t length)
{
    uint64_t way_end = it->write_at + (it->accepted - it->written);
    uint64_t wrong = UINT64_MAX;
    count(it);
    for (uint64_t i = 0; i < length && wrong == UINT64_MAX; i++) {
        bool on_its_way = i >= it->write_at && i < way_end;
        if (bytes[i] != it->floor[i] && !(on_its_way && bytes[i] == it->shadow[i]))
            wrong = i;
    }
    sri_judge(it->model->verdict, SRI_RULE_STR_1, 0,
              length >= it->floor_size && length <= it->shadow_size && wrong == UINT64_MAX,
              "a file of %u bytes, %u of them written, has %zu, and byte %lld is another", it->shadow_size,
              it->floor_size, length, (long long)wrong);
}
