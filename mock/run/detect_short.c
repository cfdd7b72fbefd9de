/*
 * Detector of short counts taken for whole ones: what is left of a transfer is remembered until the program asks for it, and
 * told at the end of a program that ends well without having asked.
 *
 * Of a file it is known by its place; of a stream by its first bytes, which the next write must begin with. A read of a
 * file that ends where the file does is no short one, and none of a stream is.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include "engine/user.h"
#include "run/detect.h"

#define TAILS 256u
#define BEGINNING 16u
#define DESCRIPTORS 1024u

struct tail {
    bool used;
    bool writes;
    bool streams;
    bool closed; /* the number may mean another file by now */
    uint64_t at;
    uint64_t left;
    uint64_t sums[BEGINNING + 1]; /* of its first so many bytes, where it is a stream's */
    struct sri_borrowed about;
};

static struct tail tails[TAILS];
/* Whoever asked for a rest once, on a descriptor, knows of short counts. */
static bool knows[2][DESCRIPTORS];
static unsigned tail_count;
static unsigned next_tail;
static struct sri_user door;

static bool writes(uint8_t opcode)
{
    return opcode == IORING_OP_WRITE || opcode == IORING_OP_WRITEV || opcode == IORING_OP_WRITE_FIXED ||
           opcode == IORING_OP_SEND || opcode == IORING_OP_SENDMSG || opcode == IORING_OP_SEND_ZC;
}

static bool reads_file(uint8_t opcode)
{
    return opcode == IORING_OP_READ || opcode == IORING_OP_READV || opcode == IORING_OP_READ_FIXED;
}

/* The sum of so many bytes that lie `skip` behind the beginning of what is lent. */
static uint64_t sum_behind(const struct sri_borrowed *borrowed, uint64_t skip, uint64_t length)
{
    uint64_t sum = 1;
    for (uint32_t i = 0; i < borrowed->segment_count && length > 0; i++) {
        const struct iovec *part = &borrowed->segments[i];
        if (skip >= part->iov_len) {
            skip -= part->iov_len;
            continue;
        }
        const unsigned char *begin = (const unsigned char *)part->iov_base + skip;
        uint64_t count = part->iov_len - skip < length ? part->iov_len - skip : length;
        skip = 0;
        length -= count;
        for (uint64_t b = 0; b < count; b++) {
            if (sri_user_readable(&door, begin + b, 1) == 0)
                sum = sri_user_sum(begin + b, 1, sum);
        }
    }
    return sum;
}

static void settle(struct tail *tail)
{
    knows[tail->writes][(unsigned)tail->about.fd % DESCRIPTORS] = true;
    tail->used = false;
    tail_count--;
}

static void remember(const struct tail *tail)
{
    for (unsigned i = 0; i < TAILS; i++, next_tail++) {
        if (tails[next_tail % TAILS].used)
            continue;
        tails[next_tail % TAILS] = *tail;
        tail_count++;
        return;
    }
}

static bool is_stream(int fd, const struct stat *status)
{
    int type = 0;
    socklen_t size = sizeof type;
    return S_ISFIFO(status->st_mode) ||
           (S_ISSOCK(status->st_mode) && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
            type == SOCK_STREAM);
}

void sri_short_completed(const struct sri_event *event, const struct sri_borrowed *borrowed)
{
    struct stat status;
    bool does_write = writes(borrowed->opcode);
    if (event->result <= 0 || (uint64_t)event->result >= borrowed->length || borrowed->fd < 0 ||
        (borrowed->flags & IOSQE_BUFFER_SELECT) != 0 || (!does_write && !reads_file(borrowed->opcode)) ||
        (event->flags & IORING_CQE_F_NOTIF) != 0 || fstat(borrowed->fd, &status) != 0)
        return;
    bool streams = is_stream(borrowed->fd, &status);
    uint64_t moved = (uint64_t)event->result;
    struct tail tail = {.used = true, .writes = does_write, .streams = streams, .about = *borrowed};
    tail.left = borrowed->length - moved;
    tail.at = borrowed->offset == UINT64_MAX ? UINT64_MAX : borrowed->offset + moved;
    if (!streams && !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return;
    if (!does_write && (streams || tail.at == UINT64_MAX ||
                        (S_ISREG(status.st_mode) && tail.at >= (uint64_t)status.st_size)))
        return;
    for (uint64_t n = 0; does_write && streams && n <= BEGINNING; n++)
        tail.sums[n] = sum_behind(borrowed, moved, n);
    remember(&tail);
}

static bool asks_for(const struct tail *tail, const struct sri_borrowed *borrowed)
{
    if (tail->streams) {
        uint64_t length = tail->left < borrowed->length ? tail->left : borrowed->length;
        if (length > BEGINNING)
            length = BEGINNING;
        return sum_behind(borrowed, 0, length) == tail->sums[length];
    }
    return tail->at == UINT64_MAX || borrowed->offset == UINT64_MAX ||
           (borrowed->offset <= tail->at && tail->at < borrowed->offset + borrowed->length);
}

void sri_short_consumed(const struct sri_borrowed *borrowed)
{
    bool does_write = writes(borrowed->opcode);
    if (tail_count == 0 || (!does_write && !reads_file(borrowed->opcode)))
        return;
    for (unsigned i = 0; i < TAILS; i++) {
        struct tail *tail = &tails[i];
        if (tail->used && !tail->closed && tail->writes == does_write && tail->about.fd == borrowed->fd &&
            asks_for(tail, borrowed))
            settle(tail);
    }
}

/* By a system call of its own. */
void sri_short_called(int fd, bool does_write)
{
    for (unsigned i = 0; tail_count > 0 && i < TAILS; i++) {
        if (tails[i].used && !tails[i].closed && tails[i].about.fd == fd && tails[i].writes == does_write)
            settle(&tails[i]);
    }
}

void sri_short_closed(int fd)
{
    for (unsigned i = 0; tail_count > 0 && i < TAILS; i++) {
        if (!tails[i].used || tails[i].closed || tails[i].about.fd != fd)
            continue;
        if (knows[tails[i].writes][(unsigned)fd % DESCRIPTORS])
            settle(&tails[i]);
        else
            tails[i].closed = true;
    }
    knows[0][(unsigned)fd % DESCRIPTORS] = false;
    knows[1][(unsigned)fd % DESCRIPTORS] = false;
}

void sri_short_finish(void)
{
    for (unsigned i = 0; i < TAILS; i++) {
        const struct tail *tail = &tails[i];
        bool known = !tail->closed && knows[tail->writes][(unsigned)tail->about.fd % DESCRIPTORS];
        if (tail->used && !known)
            sri_finding("short-count-ignored", &tail->about,
                        "it moved %llu of %llu bytes, and the rest was never asked for",
                        (unsigned long long)(tail->about.length - tail->left),
                        (unsigned long long)tail->about.length);
    }
}
