/*
 * The trace hash. Reads events and the bytes they speak of; changes nothing.
 */
#include "fate/trace.h"

#include <stdbool.h>
#include <stddef.h>

#include "engine/user.h"

void sri_trace_begin(struct sri_trace *trace)
{
    trace->hash = UINT64_C(0x5afe1219c0ffee11);
    trace->events = 0;
}

static void add(struct sri_trace *trace, uint64_t word)
{
    uint64_t mixed = (trace->hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
    trace->hash = mixed ^ (mixed >> 32);
}

static void add_pair(struct sri_trace *trace, uint32_t high, uint32_t low)
{
    add(trace, (uint64_t)high << 32 | low);
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

static void add_sqe(struct sri_trace *trace, const struct io_uring_sqe *sqe)
{
    if (sqe == NULL)
        return;
    add_pair(trace, (uint32_t)sqe->opcode << 24 | (uint32_t)sqe->flags << 16 | sqe->ioprio,
             (uint32_t)sqe->fd);
    add_pair(trace, sqe->len, (uint32_t)sqe->rw_flags);
    add_pair(trace, (uint32_t)sqe->buf_index << 16 | sqe->personality, (uint32_t)sqe->splice_fd_in);
    if (offset_is_number(sqe->opcode))
        add(trace, sqe->off);
}

static void add_bytes(struct sri_trace *trace, const struct sri_event *event)
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
    add(trace, sum);
}

static void add_content(struct sri_trace *trace, const struct sri_event *event)
{
    switch (event->kind) {
    case SRI_EVENT_CONSUMED: add_sqe(trace, event->sqe); break;
    case SRI_EVENT_TOUCHED: add_bytes(trace, event); break;
    case SRI_EVENT_COMMITTED:
        if (event->lending == SRI_LENDS_SOURCE || event->lending == SRI_LENDS_LONG)
            add_bytes(trace, event);
        break;
    case SRI_EVENT_LEAVE: add_pair(trace, event->cq_ready, event->sq_ready); break;
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
}

void sri_trace_observe(struct sri_trace *trace, const struct sri_event *event)
{
    trace->events++;
    add_pair(trace, (uint32_t)event->kind << 24 | (uint32_t)event->opcode << 16 | event->last,
             (uint32_t)event->ring);
    add(trace, event->now_ns);
    add(trace, event->request);
    add(trace, (uint64_t)event->result);
    add(trace, event->flags);
    add_content(trace, event);
}
