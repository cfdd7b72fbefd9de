/*
 * A pool between readers: more pieces of a file than there are buffers, each read into whichever buffer is free. What goes
 * wrong ends the program; file_copy.c shows how a program goes on. `pool [FILE]`; without arguments it reads itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <safer_ring.h>

#define BUFFERS 4
#define PIECE 1024
#define PIECES 16

_Noreturn static void die(const char *call, int rc)
{
    fprintf(stderr, "%s: %s\n", call, sr_strerror(rc));
    exit(1);
}

#define TRY(call)            \
    do {                     \
        int rc_ = (call);    \
        if (rc_ != 0)        \
            die(#call, rc_); \
    } while (0)

static uint64_t total;

/* Runs when a read has ended. Its buffer goes back to the pool, where the next read finds it. */
static void has_read(struct sr_ring *ring, struct sr_completion *done, void *user) SR_TAKES(*done)
{
    struct sr_buffer *buffer;
    (void)ring;
    (void)user;
    int32_t count = sr_take(done, &buffer);
    if (count < 0)
        die("read", count);
    total += (uint64_t)count;
    TRY(sr_buffer_release(&buffer)); /* sr_pool_put(pool, &buffer) does the same, and knows the pool */
}

/* A buffer as soon as there is one: a pool never blocks and never grows, so it is for us to wait. */
static void read_piece(struct sr_ring *ring, struct sr_pool *pool, int fd, uint64_t offset)
{
    struct sr_buffer *buffer;
    struct sr_op read;
    for (;;) {
        int rc = sr_pool_get(pool, &buffer);
        if (!rc)
            break;
        if (rc != SR_EPOOL_EMPTY)
            die("sr_pool_get", rc);
        TRY(sr_ring_dispatch_wait(ring, SR_FOREVER, NULL));
    }
    TRY(sr_read_at_owned(ring, sr_fd(fd), &buffer, offset, &read));
    TRY(sr_op_then(ring, &read, has_read, NULL));
}

static void drain(struct sr_ring *ring)
{
    while (sr_ring_in_flight(ring) > 0)
        TRY(sr_ring_dispatch_wait(ring, SR_FOREVER, NULL));
}

/* The ring's own pool: sr_ring_get_buffer() takes from it, and from the allocator when it has none that fits. */
static void own_pool(void)
{
    struct sr_config config = sr_config_default();
    struct sr_ring *ring;
    struct sr_buffer *buffer;
    struct sr_pool_stats stats;
    config.pool_buffers = BUFFERS;
    config.pool_buffer_size = PIECE;
    TRY(sr_ring_open_config(&ring, &config));
    TRY(sr_ring_get_buffer(ring, 100, &buffer));
    TRY(sr_ring_pool_stats(ring, &stats));
    printf("the ring's own pool: %u of %u in use\n", stats.in_use, stats.capacity);
    TRY(sr_buffer_release(&buffer));
    TRY(sr_ring_close(&ring));
}

int main(int argc, char **argv)
{
    int fd = open(argc > 1 ? argv[1] : argv[0], O_RDONLY | O_CLOEXEC);
    struct sr_ring *ring;
    struct sr_pool *pool;
    struct sr_pool_stats stats;
    uint32_t in_use;
    TRY(sr_ring_open(&ring, 8));
    TRY(sr_pool_new(&pool, BUFFERS, PIECE, SR_POOL_ONE_THREAD | SR_POOL_CLEAR));
    for (uint64_t i = 0; i < PIECES; i++)
        read_piece(ring, pool, fd, i * PIECE);
    if (sr_pool_free(&pool, &in_use) != SR_EBUFFER_IN_FLIGHT) /* refused: the kernel still has some of them */
        die("sr_pool_free", -EIO);
    printf("%u buffers are out, and the pool stays\n", in_use);
    drain(ring);
    TRY(sr_pool_stats(pool, &stats));
    printf("%llu bytes through %u buffers: handed out %llu times, asked for in vain %llu times\n",
           (unsigned long long)total, stats.capacity, (unsigned long long)stats.hits,
           (unsigned long long)stats.failures);
    TRY(sr_pool_free(&pool, NULL));
    TRY(sr_ring_close(&ring));
    own_pool();
    return total > 0 && stats.hits == PIECES ? 0 : 1;
}
