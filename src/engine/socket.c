/*
 * Preparation of what works on descriptors and moves no bytes: SOCKET, SHUTDOWN, EPOLL_CTL, URING_CMD.
 */
#include <errno.h>
#include <sys/socket.h>

#include "engine/guest.h"
#include "engine/steps.h"

#define TYPE_MASK 0xf
#define TYPE_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

int sri_prepare_socket(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->addr != 0 || sqe->rw_flags != 0 || sqe->buf_index != 0)
        return -EINVAL;
    int type = (int)sqe->off;
    if (sqe->file_index != 0 && (type & SOCK_CLOEXEC) != 0)
        return -EINVAL;
    if ((type & ~TYPE_MASK & ~TYPE_FLAGS) != 0)
        return -EINVAL;
    struct sri_socket_kind *kind = sri_arena_acquire(&request->ring->engine->arena, sizeof *kind);
    if (kind == NULL)
        return -ENOMEM;
    *kind = (struct sri_socket_kind){.domain = sqe->fd, .type = type, .protocol = (int)sqe->len};
    request->attempt.argument = kind;
    request->file_slot = sqe->file_index;
    return 0;
}

int sri_prepare_shutdown(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->off != 0 || sqe->addr != 0 || sqe->rw_flags != 0 || sqe->buf_index != 0 ||
        sqe->splice_fd_in != 0)
        return -EINVAL;
    request->attempt.flags = sqe->len;
    return 0;
}

/* As the program lays it out (epoll_ctl(2)); one word follows the other only here. */
struct event {
    uint32_t events;
    uint64_t data;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
;

int sri_prepare_epoll_ctl(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_engine *engine = request->ring->engine;
    struct event event = {0, 0};
    if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    if ((int)sqe->len != SRI_INTEREST_REMOVE &&
        sri_user_copy_in(sri_door_of(request), &event, (const void *)(uintptr_t)sqe->addr, sizeof event) != 0)
        return -EFAULT;
    struct sri_interest *interest = sri_arena_acquire(&engine->arena, sizeof *interest);
    if (interest == NULL)
        return -ENOMEM;
    *interest = (struct sri_interest){.instance = sqe->fd,
                                      .fd = (int)sqe->off,
                                      .change = (int)sqe->len,
                                      .events = event.events,
                                      .data = event.data};
    request->attempt.argument = interest;
    return 0;
}

/* No file of any world has commands: the answer of one that has none. */
int sri_prepare_uring_cmd(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->__pad1 != 0 || ((uint32_t)sqe->rw_flags & ~IORING_URING_CMD_FIXED) != 0)
        return -EINVAL;
    request->result = -EOPNOTSUPP;
    return 0;
}
