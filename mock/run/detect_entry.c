/*
 * Detectors of entries not yet consumed: what they name must still be there when the kernel takes them. Descriptors that
 * are closed before, memory that is released before, arguments on a stack frame that has gone.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/openat2.h>
#include <linux/time_types.h>

#include "run/detect.h"

struct range {
    uintptr_t begin;
    size_t length;
    bool data; /* what is transferred, not an argument */
};

#define RANGES 2u
#define NAME 1u /* a path has at least this */

static unsigned put(struct range *ranges, unsigned count, uint64_t begin, size_t length, bool data)
{
    if (begin == 0 || length == 0)
        return count;
    ranges[count] = (struct range){(uintptr_t)begin, length, data};
    return count + 1;
}

/* What an entry points to. */
static unsigned ranges_of(const struct io_uring_sqe *sqe, struct range *ranges)
{
    switch (sqe->opcode) {
    case IORING_OP_READV:
    case IORING_OP_WRITEV: return put(ranges, 0, sqe->addr, sqe->len * sizeof(struct iovec), false);
    case IORING_OP_SENDMSG:
    case IORING_OP_SENDMSG_ZC:
    case IORING_OP_RECVMSG: return put(ranges, 0, sqe->addr, sizeof(struct msghdr), false);
    case IORING_OP_TIMEOUT:
    case IORING_OP_LINK_TIMEOUT: return put(ranges, 0, sqe->addr, sizeof(struct __kernel_timespec), false);
    case IORING_OP_CONNECT: return put(ranges, 0, sqe->addr, (size_t)sqe->addr2, false);
    case IORING_OP_ACCEPT: return put(ranges, 0, sqe->addr2, sizeof(socklen_t), false);
    case IORING_OP_OPENAT:
    case IORING_OP_UNLINKAT:
    case IORING_OP_MKDIRAT: return put(ranges, 0, sqe->addr, NAME, false);
    case IORING_OP_OPENAT2:
        return put(ranges, put(ranges, 0, sqe->addr, NAME, false), sqe->addr2, sizeof(struct open_how),
                   false);
    case IORING_OP_STATX: return put(ranges, put(ranges, 0, sqe->addr, NAME, false), sqe->addr2, 256, false);
    case IORING_OP_RENAMEAT:
    case IORING_OP_LINKAT:
    case IORING_OP_SYMLINKAT:
        return put(ranges, put(ranges, 0, sqe->addr, NAME, false), sqe->addr2, NAME, false);
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_SEND:
    case IORING_OP_SEND_ZC:
    case IORING_OP_RECV:
        if ((sqe->flags & IOSQE_BUFFER_SELECT) != 0)
            return 0;
        return put(ranges, 0, sqe->addr, sqe->len, true);
    default: return 0;
    }
}

void sri_entry_consumed(const struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe)
{
    struct range ranges[RANGES];
    uintptr_t lowest;
    uintptr_t highest;
    uintptr_t frame = (uintptr_t)sri_detect.frame;
    sri_place_stack(&lowest, &highest);
    if (frame < lowest || frame >= highest)
        return;
    unsigned count = ranges_of(sqe, ranges);
    for (unsigned i = 0; i < count; i++) {
        if (ranges[i].begin >= frame || ranges[i].begin + ranges[i].length <= lowest)
            continue;
        sri_finding("arguments-dead", borrowed,
                    "the entry points to %s in a stack frame that was gone when the kernel took it",
                    ranges[i].data ? "memory to transfer" : "an argument");
        return;
    }
}

/* Does the program still keep its ring where it did? */
static bool is_there(const struct sri_watched_ring *watched)
{
    const struct io_uring *ring = watched->ring;
    return ring != NULL && ring->sq.khead == watched->khead && ring->ring_fd == watched->fd;
}

uint32_t sri_entry_count(const struct sri_watched_ring *watched)
{
    if (!is_there(watched) || (watched->ring->flags & IORING_SETUP_SQE128) != 0)
        return 0;
    unsigned waiting = watched->ring->sq.sqe_tail - __atomic_load_n(watched->khead, __ATOMIC_ACQUIRE);
    return waiting <= watched->ring->sq.ring_entries ? waiting : 0;
}

static bool has_entries(const struct sri_watched_ring *watched)
{
    return sri_entry_count(watched) > 0;
}

struct sri_borrowed sri_entry_about(const struct sri_watched_ring *watched, const struct io_uring_sqe *sqe)
{
    return (struct sri_borrowed){.opcode = sqe->opcode,
                                 .user_data = sqe->user_data,
                                 .ring = watched->fd,
                                 .fd = (sqe->flags & IOSQE_FIXED_FILE) != 0 ? -1 : sqe->fd,
                                 .place = sri_detect.place};
}

static void released(const struct sri_watched_ring *watched, const struct io_uring_sqe *sqe, uintptr_t begin,
                     size_t length, const char *how)
{
    struct range ranges[RANGES];
    unsigned count = ranges_of(sqe, ranges);
    for (unsigned i = 0; i < count; i++) {
        if (ranges[i].begin >= begin + length || begin >= ranges[i].begin + ranges[i].length)
            continue;
        struct sri_borrowed borrowed = sri_entry_about(watched, sqe);
        sri_finding(ranges[i].data ? "freed-in-flight" : "arguments-dead", &borrowed,
                    "%s of %zu bytes that an entry points to which the kernel has not taken yet", how,
                    length);
    }
}

void sri_entry_each(const struct sri_watched_ring *watched, sri_entry_fn *visit, const void *self)
{
    if (!has_entries(watched))
        return;
    const struct io_uring_sq *sq = &watched->ring->sq;
    for (unsigned at = *watched->khead; at != sq->sqe_tail; at++)
        visit(watched, &sq->sqes[at & sq->ring_mask], self);
}

static void for_each_entry(sri_entry_fn *visit, const void *self)
{
    for (uint32_t i = 0; i < sri_detect.ring_count; i++)
        sri_entry_each(&sri_detect.rings[i], visit, self);
}

struct release {
    uintptr_t begin;
    size_t length;
    const char *how;
};

static void visit_release(const struct sri_watched_ring *watched, const struct io_uring_sqe *sqe,
                          const void *self)
{
    const struct release *release = self;
    released(watched, sqe, release->begin, release->length, release->how);
}

bool sri_entry_any(void)
{
    for (uint32_t i = 0; i < sri_detect.ring_count; i++) {
        if (has_entries(&sri_detect.rings[i]))
            return true;
    }
    return false;
}

void sri_entry_released(const void *begin, size_t length, const char *how)
{
    const struct release release = {(uintptr_t)begin, length, how};
    for_each_entry(visit_release, &release);
    for (uint32_t i = 0; i < sri_detect.ring_count; i++) {
        uintptr_t ring = (uintptr_t)sri_detect.rings[i].ring;
        if (ring >= release.begin && ring < release.begin + length)
            sri_detect.rings[i].ring = NULL; /* it was kept there */
    }
}

static bool uses_descriptor(const struct io_uring_sqe *sqe)
{
    switch (sqe->opcode) {
    case IORING_OP_NOP:
    case IORING_OP_TIMEOUT:
    case IORING_OP_TIMEOUT_REMOVE:
    case IORING_OP_LINK_TIMEOUT:
    case IORING_OP_ASYNC_CANCEL:
    case IORING_OP_POLL_REMOVE:
    case IORING_OP_PROVIDE_BUFFERS:
    case IORING_OP_REMOVE_BUFFERS:
    case IORING_OP_FILES_UPDATE:
    case IORING_OP_MADVISE:
    case IORING_OP_SOCKET: return false;
    default: return (sqe->flags & IOSQE_FIXED_FILE) == 0;
    }
}

static void visit_close(const struct sri_watched_ring *watched, const struct io_uring_sqe *sqe,
                        const void *self)
{
    int fd = *(const int *)self;
    if (sqe->fd != fd || !uses_descriptor(sqe))
        return;
    struct sri_borrowed borrowed = sri_entry_about(watched, sqe);
    sri_finding(
        "closed-before-submit", &borrowed,
        "descriptor %d is closed while an entry that names it waits to be submitted: the number may mean "
        "another file by then",
        fd);
}

void sri_entry_closed(int fd)
{
    for_each_entry(visit_close, &fd);
}
