/*
 * The trace hash. Reads events and the bytes they speak of; changes nothing.
 */
#include "fate/trace.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/fold.h"
#include "engine/user.h"

void sri_trace_begin(struct sri_trace *trace)
{
    trace->hash = UINT64_C(0x5afe1219c0ffee11);
    trace->events = 0;
}

static inline uint64_t pair(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

/* Where `off` is a number, and neither an address nor a user_data. */
static bool offset_is_number(uint8_t opcode)
{
    switch (opcode) {
    case IORING_OP_READV:
    case IORING_OP_WRITEV:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_FSYNC:
    case IORING_OP_SYNC_FILE_RANGE:
    case IORING_OP_FALLOCATE:
    case IORING_OP_FADVISE:
    case IORING_OP_TIMEOUT:
    case IORING_OP_CONNECT:
    case IORING_OP_SOCKET:
    case IORING_OP_SPLICE:
    case IORING_OP_EPOLL_CTL: return true;
    default: return false;
    }
}

static inline uint64_t of_sqe(const struct io_uring_sqe *sqe)
{
    uint64_t what =
        pair((uint32_t)sqe->opcode << 24 | (uint32_t)sqe->flags << 16 | sqe->ioprio, (uint32_t)sqe->fd);
    uint64_t extra = pair((uint32_t)sqe->buf_index << 16 | sqe->personality, (uint32_t)sqe->splice_fd_in);
    uint64_t offset = offset_is_number(sqe->opcode) ? sqe->off : 0;
    uint64_t first = sri_fold(what ^ SRI_ODD_0, pair(sqe->len, (uint32_t)sqe->rw_flags) ^ SRI_ODD_1);
    uint64_t second = sri_fold(extra ^ SRI_ODD_2, offset ^ SRI_ODD_3);
    return sri_fold(first, second ^ SRI_ODD_0);
}

static uint64_t sum_bytes(const struct sri_event *event)
{
    uint64_t left = event->result > 0 ? (uint64_t)event->result : 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < event->segment_count && left > 0; i++) {
        size_t length = event->segments[i].iov_len;
        if (length > left)
            length = (size_t)left;
        sum = sri_user_sum(event->segments[i].iov_base, length, sum);
        left -= length;
    }
    return sum;
}

/* What an event tells besides what all of them do. */
static uint64_t content(const struct sri_event *event)
{
    switch (event->kind) {
    case SRI_EVENT_TOUCHED: return event->sum != NULL ? *event->sum : sum_bytes(event);
    case SRI_EVENT_COMMITTED:
        if (event->lending == SRI_LENDS_SOURCE || event->lending == SRI_LENDS_LONG)
            return sum_bytes(event);
        break;
    case SRI_EVENT_LEAVE: return pair(event->cq_ready, event->sq_ready);
    case SRI_EVENT_CONSUMED: return event->sqe != NULL ? of_sqe(event->sqe) : 0;
    case SRI_EVENT_RING_OPENED:
    case SRI_EVENT_RING_CLOSED:
    case SRI_EVENT_ENTER:
    case SRI_EVENT_TOUCH:
    case SRI_EVENT_CANCELLING:
    case SRI_EVENT_COMPLETED:
    case SRI_EVENT_SKIPPED:
    case SRI_EVENT_WAKE:
    case SRI_EVENT_STALL:
    case SRI_EVENT_OPENED:
    case SRI_EVENT_CLOSED:
    case SRI_EVENT_CHOSEN:
    case SRI_EVENT_RETURNED: break;
    }
    return 0;
}

/* All of an event by itself first, so that nothing waits long for what was before it. */
void sri_trace_observe(struct sri_trace *trace, const struct sri_event *event)
{
    if (event->kind == SRI_EVENT_TOUCH)
        return; /* whoever else watches, the hash is the same */
    uint32_t what = (uint32_t)event->kind << 24 | (uint32_t)event->opcode << 16 | event->last;
    uint64_t when = sri_fold(pair(what, (uint32_t)event->ring) ^ SRI_ODD_1, event->now_ns ^ SRI_ODD_2);
    uint64_t how = sri_fold(event->request ^ SRI_ODD_3, (uint64_t)event->result ^ SRI_ODD_0);
    uint64_t more = sri_fold(content(event) ^ SRI_ODD_2, event->flags ^ SRI_ODD_1);
    trace->events++;
    trace->hash = sri_fold(trace->hash ^ when, how ^ (more << 32 | more >> 32) ^ SRI_ODD_3);
}
