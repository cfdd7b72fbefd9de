/*
 * A regular file written and read back in pieces, out of order, with everything a program must expect: short counts,
 * interruptions, entries left in the queue. Then the same through registered buffers and files.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "program.h"

#define PIECES 64
#define PIECE 3000u
#define DEPTH 8

static unsigned char content(size_t at)
{
    return (unsigned char)(at * 7 + at / 251);
}

struct piece {
    unsigned char bytes[PIECE];
    size_t done;
};

static struct piece pieces[PIECES];

static void prepare(struct io_uring *ring, int fd, unsigned index, bool write, bool registered)
{
    struct piece *piece = &pieces[index];
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    CHECK(sqe != NULL);
    unsigned length = (unsigned)(PIECE - piece->done);
    unsigned long long offset = (unsigned long long)index * PIECE + piece->done;
    if (registered && write)
        io_uring_prep_write_fixed(sqe, 0, piece->bytes + piece->done, length, offset, (int)index);
    else if (registered)
        io_uring_prep_read_fixed(sqe, 0, piece->bytes + piece->done, length, offset, (int)index);
    else if (write)
        io_uring_prep_write(sqe, fd, piece->bytes + piece->done, length, offset);
    else
        io_uring_prep_read(sqe, fd, piece->bytes + piece->done, length, offset);
    if (registered)
        sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(sqe, piece);
}

/* Each piece until it is whole. */
static void move_all(struct io_uring *ring, int fd, bool write, bool registered)
{
    unsigned next = 0;
    unsigned flying = 0;
    unsigned left = PIECES;
    for (unsigned i = 0; i < PIECES; i++)
        pieces[i].done = 0;
    while (left > 0) {
        while (flying < DEPTH && next < PIECES) {
            prepare(ring, fd, next++, write, registered);
            flying++;
        }
        submit_all(ring);
        struct io_uring_cqe *cqe = next_cqe(ring);
        struct piece *piece = io_uring_cqe_get_data(cqe);
        int moved = cqe->res;
        io_uring_cqe_seen(ring, cqe);
        flying--;
        CHECK(moved > 0 || moved == -EAGAIN || moved == -EINTR);
        piece->done += moved > 0 ? (size_t)moved : 0;
        if (piece->done == PIECE) {
            left--;
            continue;
        }
        prepare(ring, fd, (unsigned)(piece - pieces), write, registered);
        flying++;
    }
}

static void fill(void)
{
    for (size_t i = 0; i < PIECES; i++)
        for (size_t j = 0; j < PIECE; j++)
            pieces[i].bytes[j] = content(i * PIECE + j);
}

static void check(void)
{
    for (size_t i = 0; i < PIECES; i++)
        for (size_t j = 0; j < PIECE; j++)
            CHECK(pieces[i].bytes[j] == content(i * PIECE + j));
    memset(pieces, 0, sizeof pieces);
}

static void sync_file(struct io_uring *ring, int fd)
{
    int rc;
    do {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_fsync(sqe, fd, 0);
        io_uring_sqe_set_data64(sqe, 1);
        submit_all(ring);
        rc = finish_one(ring);
    } while (rc == -EINTR || rc == -EAGAIN);
    CHECK(rc == 0);
}

static void with_registered(struct io_uring *ring, int fd)
{
    struct iovec buffers[PIECES];
    for (unsigned i = 0; i < PIECES; i++)
        buffers[i] = (struct iovec){pieces[i].bytes, PIECE};
    CHECK(io_uring_register_buffers(ring, buffers, PIECES) == 0);
    CHECK(io_uring_register_files(ring, &fd, 1) == 0);
    fill();
    move_all(ring, fd, true, true);
    memset(pieces, 0, sizeof pieces);
    move_all(ring, fd, false, true);
    check();
    CHECK(io_uring_unregister_files(ring) == 0);
    CHECK(io_uring_unregister_buffers(ring) == 0);
}

int main(void)
{
    struct io_uring ring;
    char path[] = "/tmp/program_files.XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && unlink(path) == 0);
    open_ring(&ring, 16, 0);
    fill();
    move_all(&ring, fd, true, false);
    sync_file(&ring, fd);
    memset(pieces, 0, sizeof pieces);
    move_all(&ring, fd, false, false);
    check();
    with_registered(&ring, fd);
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
