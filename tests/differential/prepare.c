/*
 * From an entry to an SQE.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "play.h"

static const uint32_t poll_masks[4] = {POLLIN, POLLOUT, POLLIN | POLLOUT, POLLHUP};

static bool is_source(uint8_t kind)
{
    return kind == DF_WRITE || kind == DF_WRITEV || kind == DF_SEND || kind == DF_SENDMSG ||
           kind == DF_WRITE_FIXED;
}

static void fill(struct df_memory *memory, const struct df_entry *entry, uint32_t index)
{
    memset(memory->bytes, is_source(entry->kind) ? (int)('A' + index % 26) : DF_SENTINEL,
           sizeof memory->bytes);
    uint8_t first = entry->length / 2;
    memory->segments[0] = (struct iovec){memory->bytes, first};
    memory->segments[1] = (struct iovec){memory->bytes + first, (size_t)(entry->length - first)};
    memory->message = (struct msghdr){.msg_iov = memory->segments, .msg_iovlen = 2};
    memory->time = entry->brief ? (struct __kernel_timespec){.tv_nsec = (long long)DF_BRIEF_NS}
                                : (struct __kernel_timespec){.tv_sec = 3600};
    memory->peer_length = sizeof memory->peer;
}

static void prepare_transfer(const struct df_entry *entry, uint32_t index, struct df_memory *memory, int fd,
                             struct io_uring_sqe *sqe)
{
    int flags = entry->variant == 1 ? MSG_DONTWAIT : entry->variant == 2 ? MSG_WAITALL : 0;
    int rw_flags = entry->variant == 1 ? RWF_NOWAIT : 0;
    switch (entry->kind) {
    case DF_READ: io_uring_prep_read(sqe, fd, memory->bytes, entry->length, entry->offset); break;
    case DF_WRITE: io_uring_prep_write(sqe, fd, memory->bytes, entry->length, entry->offset); break;
    case DF_READV: io_uring_prep_readv2(sqe, fd, memory->segments, 2, entry->offset, rw_flags); break;
    case DF_WRITEV: io_uring_prep_writev2(sqe, fd, memory->segments, 2, entry->offset, 0); break;
    case DF_READ_FIXED:
        io_uring_prep_read_fixed(sqe, fd, memory->bytes, entry->length, entry->offset,
                                 (int)index + (entry->variant == 3));
        break;
    case DF_WRITE_FIXED:
        io_uring_prep_write_fixed(sqe, fd, memory->bytes, entry->length, entry->offset,
                                  (int)index + (entry->variant == 3));
        break;
    case DF_RECV: io_uring_prep_recv(sqe, fd, memory->bytes, entry->length, flags); break;
    case DF_SEND: io_uring_prep_send(sqe, fd, memory->bytes, entry->length, flags | MSG_NOSIGNAL); break;
    case DF_RECVMSG: io_uring_prep_recvmsg(sqe, fd, &memory->message, (unsigned)flags); break;
    case DF_SENDMSG:
        io_uring_prep_sendmsg(sqe, fd, &memory->message, (unsigned)(flags | MSG_NOSIGNAL));
        break;
    default: break;
    }
}

static void prepare_cancel(const struct df_program *program, const struct df_entry *entry, int fd,
                           struct io_uring_sqe *sqe)
{
    const struct df_entry *target = &program->entry[entry->target];
    struct io_uring_sqe other;
    switch ((enum df_key)entry->variant) {
    case DF_BY_FD: io_uring_prep_cancel_fd(sqe, fd, 0); return;
    case DF_BY_FD_ALL: io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL); return;
    case DF_BY_ANY: io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY); return;
    case DF_BY_DATA_ALL: io_uring_prep_cancel64(sqe, target->user_data, IORING_ASYNC_CANCEL_ALL); return;
    case DF_BY_OP:
        other.opcode = target->kind == DF_READ   ? IORING_OP_READ
                       : target->kind == DF_POLL ? IORING_OP_POLL_ADD
                                                 : IORING_OP_TIMEOUT;
        io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_OP);
        sqe->len = other.opcode;
        return;
    case DF_BY_DATA:
    case DF_KEYS: break;
    }
    io_uring_prep_cancel64(sqe, target->user_data, 0);
}

static void prepare_timer(const struct df_program *program, const struct df_entry *entry,
                          struct df_memory *memory, struct io_uring_sqe *sqe)
{
    const struct df_entry *target = &program->entry[entry->target];
    unsigned count = entry->variant < 3 ? entry->variant : 0;
    switch (entry->kind) {
    case DF_TIMEOUT:
        io_uring_prep_timeout(sqe, &memory->time, count,
                              entry->variant == 3 ? IORING_TIMEOUT_ETIME_SUCCESS : 0);
        break;
    case DF_LINK_TIMEOUT: io_uring_prep_link_timeout(sqe, &memory->time, 0); break;
    case DF_TIMEOUT_REMOVE: io_uring_prep_timeout_remove(sqe, target->user_data, 0); break;
    case DF_TIMEOUT_UPDATE:
        io_uring_prep_timeout_update(sqe, &memory->time, target->user_data,
                                     target->kind == DF_LINK_TIMEOUT ? IORING_LINK_TIMEOUT_UPDATE : 0);
        break;
    default: break;
    }
}

static void prepare_bad(const struct df_entry *entry, struct io_uring_sqe *sqe)
{
    io_uring_prep_nop(sqe);
    switch (entry->variant) {
    case 0: sqe->opcode = 255; break;
    case 1: sqe->ioprio = 1; break;
    case 2: sqe->personality = 77; break;
    default: sqe->flags = 0x80; break;
    }
}

static void prepare_object(struct df_stage *stage, const struct df_program *program,
                           const struct df_entry *entry, struct df_memory *memory, int fd,
                           struct io_uring_sqe *sqe)
{
    static const int modes[4] = {O_RDONLY, O_RDWR, O_WRONLY, O_RDONLY | O_DIRECTORY};
    bool named = (entry->variant & 1) != 0;
    switch (entry->kind) {
    case DF_POLL: io_uring_prep_poll_add(sqe, fd, poll_masks[entry->variant]); break;
    case DF_ACCEPT:
        io_uring_prep_accept(sqe, fd, named ? (struct sockaddr *)&memory->peer : NULL,
                             named ? &memory->peer_length : NULL, 0);
        break;
    case DF_CONNECT:
        io_uring_prep_connect(sqe, fd, (const struct sockaddr *)&stage->address[entry->object],
                              stage->address_length[entry->object]);
        break;
    case DF_FSYNC: io_uring_prep_fsync(sqe, fd, named ? IORING_FSYNC_DATASYNC : 0); break;
    case DF_CLOSE: io_uring_prep_close(sqe, fd); break;
    case DF_OPENAT:
        df_stage_path(stage, program, entry->object, memory->path, sizeof memory->path);
        io_uring_prep_openat(sqe, AT_FDCWD, memory->path, modes[entry->variant] | O_CLOEXEC, 0);
        break;
    default: break;
    }
}

void df_prepare(struct df_stage *stage, const struct df_program *program, uint32_t index,
                struct io_uring_sqe *sqe)
{
    const struct df_entry *entry = &program->entry[index];
    struct df_memory *memory = &stage->memory[index];
    int fd = stage->fd[entry->object][entry->end];
    if (fd < 0)
        fd = DF_BAD_FD;
    fill(memory, entry, index);
    switch (entry->kind) {
    case DF_NOP: io_uring_prep_nop(sqe); break;
    case DF_CANCEL: prepare_cancel(program, entry, fd, sqe); break;
    case DF_TIMEOUT:
    case DF_LINK_TIMEOUT:
    case DF_TIMEOUT_REMOVE:
    case DF_TIMEOUT_UPDATE: prepare_timer(program, entry, memory, sqe); break;
    case DF_POLL_REMOVE: io_uring_prep_poll_remove(sqe, program->entry[entry->target].user_data); break;
    case DF_POLL_UPDATE:
        io_uring_prep_poll_update(sqe, program->entry[entry->target].user_data, 0, poll_masks[entry->variant],
                                  IORING_POLL_UPDATE_EVENTS);
        break;
    case DF_BAD: prepare_bad(entry, sqe); break;
    case DF_POLL:
    case DF_ACCEPT:
    case DF_CONNECT:
    case DF_FSYNC:
    case DF_OPENAT:
    case DF_CLOSE: prepare_object(stage, program, entry, memory, fd, sqe); break;
    default: prepare_transfer(entry, index, memory, fd, sqe); break;
    }
    sqe->flags |= entry->flags;
    if (entry->flags & IOSQE_FIXED_FILE)
        sqe->fd = 2 * entry->object + entry->end;
    if (entry->flags & IOSQE_BUFFER_SELECT)
        sqe->buf_group = DF_GROUP;
    if (entry->many)
        sqe->ioprio |= entry->kind == DF_ACCEPT ? IORING_ACCEPT_MULTISHOT : IORING_RECV_MULTISHOT;
    if (entry->many && entry->kind != DF_ACCEPT)
        sqe->len = 0;
    io_uring_sqe_set_data64(sqe, entry->user_data);
}
