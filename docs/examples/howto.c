/*
 * The pieces of docs/howto.md, in one program that runs them: a copy with retries, on scripted outcomes and on every fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SR_NO_OWNERSHIP_ANALYSIS /* a handle that goes round in a loop is beyond it (docs/ownership.md) */
#include <safer_ring.h>
#include <safer_ring/check.h>
#include <safer_ring/sim.h>

#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort();                                                \
        }                                                           \
    } while (0)

static const char words[] = "whatever the kernel does";

static int is_passing(int code)
{
    return code == -EINTR || code == -EAGAIN || code == -EBUSY;
}

/* One read at `offset`; again while it only could not be made. The count, or an error. */
static int read_at(struct sr_ring *ring, int fd, size_t offset, char *to, size_t room)
{
    int result;
    do {
        struct sr_buffer *buffer;
        struct sr_op op;
        struct sr_completion done;
        result = sr_buffer_new(&buffer, room);
        if (result != 0)
            return result;
        result = sr_read_at_owned(ring, sr_fd(fd), &buffer, offset, &op);
        if (result == 0) {
            do
                result = sr_op_await(ring, &op, &done);
            while (is_passing(result));
            if (result != 0) {
                sr_op_drop(ring, &op);
                return result;
            }
            result = sr_take(&done, &buffer);
        }
        if (result > 0) {
            SR_BUFFER_SCOPE(guard, &buffer)
            memcpy(to, sr_guard_bytes(&guard), (size_t)result);
        }
        CHECK(sr_buffer_release(&buffer) == 0);
    } while (is_passing(result));
    return result;
}

/* Reads a file to its end, in pieces. Its length, or an error. */
static int copy_with_retries(struct sr_sim *sim)
{
    struct sr_ring *ring;
    char text[64];
    size_t length = 0;
    int fd;
    sr_assert_ok(sr_sim_file(sim, "/words", words, strlen(words)));
    sr_assert_ok(sr_sim_open(sim, "/words", O_RDONLY, &fd));
    int moved = sr_sim_ring_open(sim, &ring, 4);
    if (moved != 0)
        return moved; /* no memory for a ring */
    do {
        moved = read_at(ring, fd, length, text + length, 8);
        length += moved > 0 ? (size_t)moved : 0;
    } while (moved > 0);
    CHECK(moved < 0 || memcmp(text, words, length) == 0);
    sr_sim_calm(sim);
    sr_assert_ok(sr_ring_drain(ring, SR_FOREVER, NULL));
    sr_assert_ok(sr_ring_close(&ring));
    return moved < 0 ? moved : (int)length;
}

static void on_scripted_outcomes(void)
{
    struct sr_sim *sim;
    sr_assert_ok(sr_sim_new(&sim, NULL));
    struct sr_sim_outcome outcomes[] = {
        {.opcode = IORING_OP_READ, .nth = 2, .kind = SR_SIM_FAILS, .value = EAGAIN},
        {.opcode = IORING_OP_READ, .nth = 3, .kind = SR_SIM_SHORT, .value = 1},
    };
    for (size_t i = 0; i < 2; i++)
        sr_assert_ok(sr_sim_script(sim, &outcomes[i]));
    CHECK(copy_with_retries(sim) == (int)strlen(words));
    CHECK(sr_sim_script_pending(sim) == 0);
    sr_sim_free(&sim);
}

static void on_each_fault(void)
{
    SR_SIM_FOR_EACH_FAULT (sim) {
        int length = copy_with_retries(sim);
        CHECK(length < 0 || length == (int)strlen(words));
    }
    printf("%llu runs, each with another fault\n", (unsigned long long)sr_sim_loop_seen().runs);
}

int main(void)
{
    on_scripted_outcomes();
    on_each_fault();
    return 0;
}
