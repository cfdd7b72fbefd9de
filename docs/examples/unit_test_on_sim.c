/*
 * A unit test on the simulated kernel: 500 runs, each with its own luck (short reads, late completions, errors), none of
 * which needs a file, a socket or root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <safer_ring.h>
#include <safer_ring/sim.h>

/* ---- What is tested: reads a whole file into `text`, however the kernel cuts it; the length, or a negative code. ---- */

static void release(struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    if (sr_buffer_release(buffer) != 0)
        abort();
}

/* One read at `offset`: how many bytes it moved to `to`. */
static int read_some(struct sr_ring *ring, int fd, size_t offset, char *to, size_t size)
{
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_completion done;
    struct sr_guard guard;
    int rc = sr_buffer_new(&buffer, size);
    if (rc != 0)
        return rc;
    rc = sr_read_at_owned(ring, sr_fd(fd), &buffer, offset, &op);
    if (rc != 0) {
        release(&buffer);
        return rc;
    }
    rc = sr_op_await(ring, &op, &done);
    if (rc != 0) {
        sr_op_drop(ring, &op);
        return rc;
    }
    int32_t moved = sr_take(&done, &buffer);
    rc = sr_buffer_try_access(&buffer, &guard);
    if (rc != 0) {
        release(&buffer);
        return rc;
    }
    if (moved > 0)
        memcpy(to, sr_guard_bytes(&guard), (size_t)moved);
    sr_guard_end(&guard, &buffer);
    release(&buffer);
    return moved;
}

static int read_whole(struct sr_ring *ring, int fd, char *text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        int moved = read_some(ring, fd, length, text + length, size - length);
        if (moved == -EINTR || moved == -EAGAIN)
            continue;
        if (moved < 0)
            return moved;
        if (moved == 0)
            break;
        length += (size_t)moved;
    }
    return (int)length;
}

/* ---- The test. ---- */

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

static const char greeting[] = "hello, world";
static int whole;
static int failed;

/* Whole, or an error: nothing in between, and no wrong byte. */
static bool as_promised(int length, const char *text)
{
    whole += length >= 0;
    failed += length < 0;
    return length < 0 || (length == (int)strlen(greeting) && memcmp(text, greeting, strlen(greeting)) == 0);
}

static void a_file_is_read_whole_or_not_at_all(void)
{
    struct sr_ring *ring;
    char text[64];
    int fd;
    SR_SIM_FOR_EACH_SEED (sim, 500) {
        CHECK(sr_sim_file(sim, "/greeting", greeting, strlen(greeting)) == 0);
        CHECK(sr_sim_open(sim, "/greeting", O_RDONLY, &fd) == 0);
        CHECK(sr_sim_ring_open(sim, &ring, 8) == 0);
        int length = read_whole(ring, fd, text, sizeof text);
        CHECK(as_promised(length, text));
        sr_sim_calm(sim);
        CHECK(sr_ring_drain(ring, SR_FOREVER, NULL) == 0);
        CHECK(sr_ring_close(&ring) == 0);
    }
}

int main(void)
{
    a_file_is_read_whole_or_not_at_all();
    printf("500 runs: %d times the whole file, %d times an error, never wrong bytes\n", whole, failed);
    return whole == 0;
}
