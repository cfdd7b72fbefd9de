/*
 * Standard input read to its end, in whatever pieces come, and what was read sent through a pair of sockets and back to
 * standard output: each piece with its length and a sum. A program that depends on others in all it does.
 */
#include <poll.h>
#include <sys/socket.h>

#include "program.h"

static char bytes[300];
static char again[300];

static int move(struct io_uring *ring, int fd, void *memory, unsigned length, char how)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    CHECK(sqe != NULL);
    if (how == 'r')
        io_uring_prep_read(sqe, fd, memory, length, (__u64)-1);
    else if (how == 's')
        io_uring_prep_send(sqe, fd, memory, length, 0);
    else if (how == 'g')
        io_uring_prep_recv(sqe, fd, memory, length, 0);
    else
        io_uring_prep_poll_add(sqe, fd, POLLIN);
    submit_all(ring);
    return finish_one(ring);
}

static unsigned sum_of(const char *from, int length)
{
    unsigned sum = 0;
    for (int i = 0; i < length; i++)
        sum = sum * 31 + (unsigned char)from[i];
    return sum;
}

/* All of it, though it goes and comes in parts. */
static void through(struct io_uring *ring, const int ends[2], int length)
{
    int sent = 0;
    int got = 0;
    while (got < length) {
        if (sent < length) {
            int rc = move(ring, ends[0], bytes + sent, (unsigned)(length - sent), 's');
            CHECK(rc > 0 || rc == -EINTR || rc == -EAGAIN);
            sent += rc > 0 ? rc : 0;
        }
        if (got < sent) {
            int rc = move(ring, ends[1], again + got, (unsigned)(sent - got), 'g');
            CHECK(rc > 0 || rc == -EINTR || rc == -EAGAIN);
            got += rc > 0 ? rc : 0;
        }
    }
    CHECK(memcmp(bytes, again, (size_t)length) == 0);
}

int main(void)
{
    struct io_uring ring;
    int ends[2];
    open_ring(&ring, 8, 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    for (;;) {
        (void)move(&ring, STDIN_FILENO, NULL, 0, 'p'); /* a file can't be polled for: no matter */
        int length = move(&ring, STDIN_FILENO, bytes, sizeof bytes, 'r');
        if (length == -EINTR || length == -EAGAIN)
            continue;
        CHECK(length >= 0);
        if (length == 0)
            break;
        through(&ring, ends, length);
        printf("%d %u\n", length, sum_of(again, length));
    }
    io_uring_queue_exit(&ring);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
