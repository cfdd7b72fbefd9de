/*
 * Detectors of what has no order: operations in flight together that a program takes to run one after another, chains that
 * can't go on, threads that submit to one ring at once.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/agent.h"
#include "run/detect.h"

#define LOOKED_AT 64u

static bool writes(uint8_t opcode)
{
    return opcode == IORING_OP_WRITE || opcode == IORING_OP_WRITEV || opcode == IORING_OP_SEND ||
           opcode == IORING_OP_SENDMSG || opcode == IORING_OP_WRITE_FIXED || opcode == IORING_OP_SEND_ZC;
}

/* Bytes in their order, without places: a pipe, or a connection of bytes. */
static bool is_stream(int fd)
{
    struct stat status;
    int type = 0;
    socklen_t size = sizeof type;
    if (fd < 0 || fstat(fd, &status) != 0)
        return false;
    if (S_ISFIFO(status.st_mode))
        return true;
    return S_ISSOCK(status.st_mode) && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_STREAM;
}

static bool goes_the_same_way(const struct sri_borrowed *one, const struct sri_borrowed *two)
{
    return one->ring == two->ring && one->fd == two->fd && writes(one->opcode) && writes(two->opcode);
}

static void judge_stream(const struct sri_borrowed *borrowed)
{
    unsigned looked = 0;
    for (const struct sri_borrowed *other = borrowed->older; other != NULL && looked < LOOKED_AT;
         other = other->older, looked++) {
        if (other->committed || !goes_the_same_way(borrowed, other))
            continue;
        if (!is_stream(borrowed->fd))
            return;
        sri_finding("order-assumed", borrowed,
                    "its bytes go before those of request %llu (%s), which was submitted earlier to the same "
                    "stream: without a link nothing keeps their order",
                    (unsigned long long)other->request, sri_opcode_name(other->opcode));
        return;
    }
}

/* A sync that stands directly behind a write of the same file means that one. */
static void judge_sync(const struct sri_borrowed *borrowed)
{
    const struct sri_borrowed *other = borrowed->older;
    /* A link that a partial submission cut was meant all the same: `chain-cut` tells whose fault that is. */
    bool linked = other != NULL && (other->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
    if (other == NULL || linked || other->committed || other->ring != borrowed->ring ||
        other->fd != borrowed->fd || other->request + 1 != borrowed->request || !writes(other->opcode))
        return;
    sri_finding(
        "order-assumed", borrowed,
        "the sync is done before the write that was submitted directly before it, request %llu: without "
        "a link it covers nothing of it",
        (unsigned long long)other->request);
}

void sri_order_committed(struct sri_borrowed *borrowed)
{
    bool first = !borrowed->committed;
    borrowed->committed = true;
    if (!first || borrowed->fd < 0 || borrowed->cancelled)
        return;
    if (borrowed->opcode == IORING_OP_FSYNC)
        judge_sync(borrowed);
    else
        judge_stream(borrowed);
}

void sri_order_consumed(const struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe)
{
    const uint32_t goes_on = 1u << 5 | 1u << 6; /* IORING_TIMEOUT_ETIME_SUCCESS, _MULTISHOT */
    if (sqe->opcode != IORING_OP_TIMEOUT || sqe->off != 0 || (sqe->timeout_flags & goes_on) != 0 ||
        (sqe->flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != IOSQE_IO_LINK)
        return;
    sri_finding(
        "chain-broken-by-timeout", borrowed,
        "the next entries are linked to a timeout: it ends with -ETIME, which breaks the chain, so that "
        "they never run (IORING_TIMEOUT_ETIME_SUCCESS, or a hard link)");
}

/*
 * Submitters inside, by ring. Where several threads submit to one ring each stays a moment longer, so that those that
 * nothing keeps apart meet.
 */
#define STAY_NS 30000
#define FIRST 64u /* submissions, in a process of several threads, of which nothing is known */

static struct {
    int ring;
    bool shared;
    unsigned first;   /* submissions, up to FIRST */
    const void *last; /* thread */
    const void *now;
} submitters[SRI_DETECT_RINGS];

static const void *this_thread(void)
{
    static SRI_DETECT_OF_THREAD char mark;
    return &mark;
}

void sri_order_submits(int ring, unsigned to_submit)
{
    unsigned i = (unsigned)ring % SRI_DETECT_RINGS;
    if (ring < 0 || to_submit == 0)
        return;
    if (submitters[i].ring != ring) {
        submitters[i].ring = ring;
        submitters[i].shared = false;
        submitters[i].first = 0;
        submitters[i].last = NULL;
        submitters[i].now = NULL;
    }
    if (submitters[i].now != NULL && submitters[i].now != this_thread())
        sri_finding(
            "concurrent-use", NULL,
            "two threads submit to ring %d at the same time: its queue has one tail, and nothing keeps "
            "them apart",
            ring);
    if (submitters[i].last != NULL && submitters[i].last != this_thread())
        submitters[i].shared = true;
    submitters[i].last = this_thread();
    submitters[i].now = this_thread();
    if (!submitters[i].shared && (submitters[i].first++ >= FIRST || sri_wait_threads() < 2))
        return;
    sri_detect_unlock();
    const struct timespec moment = {.tv_nsec = STAY_NS};
    (void)ppoll(NULL, 0, &moment, NULL);
    sri_detect_lock();
}

void sri_order_submitted(int ring)
{
    unsigned i = (unsigned)ring % SRI_DETECT_RINGS;
    if (ring >= 0 && submitters[i].ring == ring && submitters[i].now == this_thread())
        submitters[i].now = NULL;
}
