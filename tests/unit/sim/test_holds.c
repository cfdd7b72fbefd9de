/*
 * Scripts that hold a request until they say, or until another has ended.
 */
#include "main.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>

#include "raw_ring.h"
#include "safer_ring/sim.h"

struct rig {
    struct sr_sim *sim;
    struct raw_ring raw;
    int fd;
    char bytes[4][4];
};

static void begin(struct rig *rig)
{
    int fds[2];
    size_t moved;
    memset(rig, 0, sizeof *rig);
    assert_int_equal(sr_sim_new(&rig->sim, NULL), 0);
    assert_int_equal(raw_ring_open(&rig->raw, sr_sim_backend(rig->sim), 8, 0), 0);
    assert_int_equal(sr_sim_pipe(rig->sim, fds), 0);
    assert_int_equal(sr_sim_write(rig->sim, fds[1], "abcdefgh", 8, &moved), 0);
    rig->fd = fds[0];
}

static void end(struct rig *rig)
{
    raw_ring_close(&rig->raw);
    sr_sim_free(&rig->sim);
}

static void read_one(struct rig *rig, uint64_t name)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&rig->raw, name);
    assert_non_null(sqe);
    io_uring_prep_read(sqe, rig->fd, rig->bytes[name], 1, 0);
    sqe->user_data = name;
}

static uint64_t next(struct rig *rig)
{
    struct io_uring_cqe cqe;
    return raw_ring_take(&rig->raw, &cqe) ? cqe.user_data : 0;
}

static int hold(struct rig *rig, uint32_t nth)
{
    struct sr_sim_outcome outcome = {.opcode = IORING_OP_READ, .nth = nth, .kind = SR_SIM_HELD};
    return sr_sim_script(rig->sim, &outcome);
}

/* The second read waits as long as it is told to, whatever time passes; then it gets what is there. */
static void what_is_held_waits_until_it_is_let_go(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    assert_int_equal(hold(&rig, 2), 0);
    read_one(&rig, 1);
    read_one(&rig, 2);
    read_one(&rig, 3);
    assert_int_equal(raw_ring_submit(&rig.raw), 3);
    sr_sim_advance_ns(rig.sim, UINT64_C(1000000000000000));
    assert_int_equal(next(&rig), 1);
    assert_int_equal(next(&rig), 3);
    assert_int_equal(next(&rig), 0);
    assert_int_equal(sr_sim_script_pending(rig.sim), 1);
    assert_int_equal(raw_ring_submit_and_wait(&rig.raw, 1), -EDEADLK);

    assert_int_equal(sr_sim_release(rig.sim, IORING_OP_READ, 2), 0);

    assert_int_equal(raw_ring_submit_and_wait(&rig.raw, 1), 0);
    assert_int_equal(next(&rig), 2);
    assert_int_equal(rig.bytes[3][0], 'b');
    assert_int_equal(rig.bytes[2][0], 'c');
    assert_int_equal(sr_sim_release(rig.sim, IORING_OP_READ, 2), -ENOENT);
    assert_int_equal(sr_sim_script_pending(rig.sim), 0);
    end(&rig);
}

/* "Complete the third before the first": the first goes on as soon as the third has ended, in the same wait. */
static void one_behind_another_goes_on_when_that_has_ended(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    struct sr_sim_outcome outcome = {.opcode = IORING_OP_READ,
                                     .nth = 1,
                                     .kind = SR_SIM_BEHIND,
                                     .value = SR_SIM_NTH(IORING_OP_READ, 3)};
    assert_int_equal(sr_sim_script(rig.sim, &outcome), 0);
    assert_int_equal(sr_sim_script(rig.sim, &outcome), -EEXIST);
    assert_int_equal(hold(&rig, 1), -EEXIST);
    read_one(&rig, 1);
    read_one(&rig, 2);
    assert_int_equal(raw_ring_submit(&rig.raw), 2);
    assert_int_equal(next(&rig), 2);
    assert_int_equal(next(&rig), 0);

    read_one(&rig, 3);
    assert_int_equal(raw_ring_submit_and_wait(&rig.raw, 2), 1);

    assert_int_equal(next(&rig), 3);
    assert_int_equal(next(&rig), 1);
    assert_int_equal(rig.bytes[1][0], 'c');
    assert_int_equal(sr_sim_script(rig.sim, &outcome), -EALREADY);
    end(&rig);
}

/* A cancel ends what is held, and its outcome is spent. */
static void what_is_held_can_be_cancelled(void **state)
{
    (void)state;
    struct rig rig;
    struct io_uring_cqe cqe;
    begin(&rig);
    assert_int_equal(hold(&rig, 1), 0);
    read_one(&rig, 1);
    assert_int_equal(raw_ring_submit(&rig.raw), 1);
    struct io_uring_sqe *sqe = raw_ring_sqe(&rig.raw, 9);
    io_uring_prep_cancel64(sqe, 1, 0);
    sqe->user_data = 9;
    assert_int_equal(raw_ring_submit_and_wait(&rig.raw, 2), 1);

    while (raw_ring_take(&rig.raw, &cqe))
        assert_int_equal(cqe.res, cqe.user_data == 1 ? -ECANCELED : 0);
    assert_int_equal(sr_sim_script_pending(rig.sim), 0);
    assert_int_equal(sr_sim_release(rig.sim, IORING_OP_READ, 1), -ENOENT);
    end(&rig);
}

/* Calm lets go of everything, also of what was not even submitted. */
static void calm_lets_go_of_all(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig);
    assert_int_equal(hold(&rig, 1), 0);
    assert_int_equal(hold(&rig, 2), 0);
    read_one(&rig, 1);
    assert_int_equal(raw_ring_submit(&rig.raw), 1);
    assert_int_equal(next(&rig), 0);

    sr_sim_calm(rig.sim);
    read_one(&rig, 2);

    assert_int_equal(raw_ring_submit_and_wait(&rig.raw, 2), 1);
    assert_int_equal(next(&rig) + next(&rig), 3);
    end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_held_waits_until_it_is_let_go),
    cmocka_unit_test(one_behind_another_goes_on_when_that_has_ended),
    cmocka_unit_test(what_is_held_can_be_cancelled),
    cmocka_unit_test(calm_lets_go_of_all),
};

SR_TEST_MAIN(tests)
