/*
 * What an operation in flight costs in memory: little, and nothing once there were as many.
 */
#include "main.h"

#include <poll.h>
#include <stdlib.h>

#include "raw_ring.h"
#include "safer_ring/allocator.h"
#include "safer_ring/sim.h"

enum {
    BATCH = 4096,
    MANY = 100000,
    PROMISED = 256
};

static size_t held;
static unsigned allocations;

static void *count_and_allocate(void *self, size_t size, size_t alignment)
{
    (void)self;
    void *memory = NULL;
    allocations++;
    held += size;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static void give_back(void *self, void *memory, size_t size)
{
    (void)self;
    held -= size;
    free(memory);
}

/* Polls of a pipe that nothing comes out of, with numbers from `first` on. */
static void arm(struct raw_ring *raw, int pipe, unsigned first, unsigned count)
{
    for (unsigned done = 0; done < count;) {
        unsigned batch = 0;
        for (; batch < BATCH && done < count; batch++, done++)
            io_uring_prep_poll_add(raw_ring_sqe(raw, first + done), pipe, POLLIN);
        assert_int_equal(raw_ring_submit(raw), batch);
    }
}

static void cancel(struct raw_ring *raw, unsigned first, unsigned count)
{
    struct io_uring_cqe cqe;
    for (unsigned i = 0; i < count; i++) {
        io_uring_prep_cancel64(raw_ring_sqe(raw, MANY * 2), first + i, 0);
        assert_int_equal(raw_ring_submit_and_wait(raw, 1), 1);
        while (raw_ring_take(raw, &cqe))
            assert_int_equal(cqe.res, cqe.user_data == MANY * 2 ? 0 : -ECANCELED);
    }
}

static void hold_many(const struct sr_sim_options *options)
{
    struct sr_allocator counting = {count_and_allocate, give_back, NULL};
    struct sr_sim *sim;
    struct raw_ring raw = {0};
    int fds[2];
    assert_int_equal(sr_set_allocator(&counting), 0);
    assert_int_equal(sr_sim_new(&sim, options), 0);
    assert_int_equal(sr_sim_pipe(sim, fds), 0);
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), BATCH, 0), 0);

    size_t before = held;
    arm(&raw, fds[0], 0, MANY);
    assert_true(held - before <= (size_t)PROMISED * MANY);

    cancel(&raw, 500, 1000);
    allocations = 0;
    arm(&raw, fds[0], 500, 1000);
    cancel(&raw, 500, 1000);
    assert_int_equal(allocations, 0);

    raw_ring_close(&raw);
    sr_sim_free(&sim);
    assert_int_equal(sr_set_allocator(NULL), 0);
}

/* Everything there is of each of many polls fits into what is promised, and more come and go for nothing. */
static void an_operation_in_flight_takes_little_memory(void **state)
{
    (void)state;
    hold_many(NULL);
}

/* The same where somebody chooses: who is next is found among all of them. */
static void it_takes_no_more_with_luck(void **state)
{
    (void)state;
    static const uint8_t kind[1];
    struct sr_sim_options options = sr_sim_options_default();
    options.tape = kind;
    options.tape_size = sizeof kind;
    hold_many(&options);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_operation_in_flight_takes_little_memory),
    cmocka_unit_test(it_takes_no_more_with_luck),
};

SR_TEST_MAIN(tests)
