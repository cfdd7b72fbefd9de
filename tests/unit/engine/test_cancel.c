/*
 * Cancels where the chooser or the world has a say: what can't be stopped, what is told, and who is not meant.
 */
#include "engine/request.h"
#include "unit/engine/rig.h"

static const struct __kernel_timespec hour = {3600, 0};

/* A world that does as the simulated one, but for what a test puts in its way. */
static struct sri_world_vtable altered;

static void alter_world(struct rig *rig)
{
    altered = *rig->engine->world.vtable;
    rig->engine->world.vtable = &altered;
}

static int stop_nobody(void *self, struct sri_attempt *attempt)
{
    (void)self;
    (void)attempt;
    return -EALREADY;
}

/* What its world can't stop stays where it is, and ends by itself; each cancel is told -EALREADY. */
static void what_the_world_can_not_stop_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char byte;
    size_t moved;
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    alter_world(&rig);
    altered.cancel = stop_nobody;
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], &byte, 1);
    rig_cancel(&rig, 2, 1, 0);
    rig_cancel(&rig, 3, 1, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 3);

    rig_expect(&rig, 2, -EALREADY);
    rig_expect(&rig, 3, -EALREADY);
    rig_expect_none(&rig);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "x", 1, &moved), 0);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 1, 1);
    rig_close(&rig);
}

static struct io_uring_sqe *poll_of(struct rig *rig, uint64_t user_data, int fd)
{
    struct io_uring_sqe *sqe = rig_nop(rig, user_data, 0);
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->fd = fd;
    sqe->poll32_events = 1;
    return sqe;
}

/* A poll that is about to end by a cancel is not changed any more, in whatever order things are done. */
static void a_cancelled_poll_is_not_changed(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    rig_open(&rig);
    rig_choose(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    poll_of(&rig, 1, fds[0]);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_cancel(&rig, 2, 1, 0);
    struct io_uring_sqe *sqe = rig_nop(&rig, 3, 0);
    sqe->opcode = IORING_OP_POLL_REMOVE;
    sqe->addr = 1;
    sqe->len = IORING_POLL_UPDATE_EVENTS;
    sqe->poll32_events = 4;

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 3, -EALREADY);
    rig_expect(&rig, 1, -ECANCELED);
    rig_close(&rig);
}

/* Whoever watches is told what each cancel will answer, and no more than that. */
static void watchers_are_told_the_answer(void **state)
{
    (void)state;
    static const int32_t answers[] = {0, -EALREADY, -EALREADY};
    for (uint32_t choice = 0; choice < 3; choice++) {
        struct rig rig;
        rig_open(&rig);
        rig_choose(&rig);
        rig_watch(&rig);
        rig_answer(&rig, SRI_WHY_CANCEL, choice);
        rig_timer(&rig, 1, IORING_OP_TIMEOUT, &hour);
        rig_cancel(&rig, 2, 1, 0);

        assert_int_equal(raw_ring_submit(&rig.ring), 2);

        uint32_t at = rig_event(&rig, SRI_EVENT_CANCELLING, 0);
        assert_true(at < rig.event_count);
        assert_int_equal(rig.events[at].user_data, 1);
        assert_int_equal(rig.events[at].result, answers[choice]);
        assert_int_equal(rig.events[at].flags, 0);
        assert_int_equal(rig_event(&rig, SRI_EVENT_CANCELLING, at + 1), rig.event_count);
        rig_close(&rig);
    }
}

/* Told -EALREADY and ended all the same, it is found no more; told 0, it is, until it has ended. */
static void who_ends_in_spite_of_the_answer_is_found_no_more(void **state)
{
    (void)state;
    static const struct {
        uint32_t choice;
        int32_t first;
        int32_t second;
    } rows[] = {{0, 0, 0}, {2, -EALREADY, -ENOENT}};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        int fds[2];
        rig_open(&rig);
        rig_choose(&rig);
        assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
        rig_answer(&rig, SRI_WHY_CANCEL, rows[i].choice);
        poll_of(&rig, 1, fds[0]);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_cancel(&rig, 2, 1, 0);
        rig_cancel(&rig, 3, 1, 0);

        assert_int_equal(raw_ring_submit(&rig.ring), 2);

        rig_expect(&rig, 2, rows[i].first);
        rig_expect(&rig, 3, rows[i].second);
        rig_expect(&rig, 1, -ECANCELED);
        rig_close(&rig);
    }
}

static bool compare_two(void *self, const struct sri_file *one, const struct sri_file *other)
{
    (void)self;
    assert_non_null(one);
    assert_non_null(other);
    return one == other;
}

static enum sri_answer never_answer(void *self, struct sri_attempt *attempt, int64_t *result)
{
    (void)self;
    (void)attempt;
    (void)result;
    return SRI_WAIT;
}

static int stop_at_once(void *self, struct sri_attempt *attempt)
{
    (void)self;
    (void)attempt;
    return 0;
}

/*
 * By its descriptor nobody is found whom a worker has not begun with, nor storage that a world's worker has; a splice is, and
 * so is what only waits for its time.
 */
static void a_workers_request_is_found_by_its_descriptor_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t opcode;
        bool never_answers;
        uint32_t delay;
        int32_t answer;
    } rows[] = {
        {"storage", IORING_OP_FSYNC, true, 0, -ENOENT},
        {"storage, delayed", IORING_OP_FSYNC, true, 5, 0},
        {"a splice", IORING_OP_SPLICE, true, 0, 0},
        {"a read", IORING_OP_READ, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        int fds[2];
        int others[2];
        char byte;
        rig_open(&rig);
        rig_choose(&rig);
        assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
        assert_int_equal(sri_sim_world_pipe(rig.world, others), 0);
        alter_world(&rig);
        altered.same_file = compare_two;
        if (rows[i].never_answers) {
            altered.start = never_answer;
            altered.cancel = stop_at_once;
        }
        rig_answer(&rig, SRI_WHY_DELAY, rows[i].delay);
        struct io_uring_sqe *sqe = rig_rw(&rig, 1, rows[i].opcode, fds[0], NULL, 0);
        if (rows[i].opcode == IORING_OP_READ) {
            sqe->addr = (uintptr_t)&byte;
            sqe->len = 1;
        } else if (rows[i].opcode == IORING_OP_SPLICE) {
            sqe->splice_fd_in = others[0];
            sqe->splice_off_in = UINT64_MAX;
            sqe->off = UINT64_MAX;
            sqe->len = 1;
        }
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_expect_none(&rig);
        rig_cancel(&rig, 2, 0, IORING_ASYNC_CANCEL_FD)->fd = fds[0];
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        struct io_uring_cqe cqe;
        assert_true(raw_ring_take(&rig.ring, &cqe));
        if (cqe.user_data != 2 || cqe.res != rows[i].answer)
            fail_msg("%s: %d of %d", rows[i].name, cqe.res, (int)cqe.user_data);
        if (rows[i].answer == 0)
            rig_expect(&rig, 1, -ECANCELED);
        rig_close(&rig);
    }
}

/* Handed over to a worker that has not begun, it has no file to be compared. */
static void who_has_not_begun_has_no_file(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char byte;
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    alter_world(&rig);
    altered.same_file = compare_two;
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], &byte, 1)->flags = IOSQE_ASYNC;
    rig_cancel(&rig, 2, 0, IORING_ASYNC_CANCEL_FD)->fd = fds[0];

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 2, -ENOENT);
    rig_cancel(&rig, 3, 0, IORING_ASYNC_CANCEL_FD)->fd = fds[0];
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 3, 0);
    rig_expect(&rig, 1, -ECANCELED);
    rig_close(&rig);
}

/* Among many whose values lie near each other nobody is taken for another: what is not there is not found. */
static void among_many_only_the_same_value_is_found(void **state)
{
    (void)state;
    enum {
        TIMERS = 600
    };
    struct rig rig;
    rig_open_flags(&rig, 1024, 0);
    for (uint64_t i = 1; i <= TIMERS; i++)
        rig_timer(&rig, i, IORING_OP_TIMEOUT, &hour);
    assert_int_equal(raw_ring_submit(&rig.ring), TIMERS);
    for (uint64_t i = 1; i <= TIMERS; i++) {
        struct io_uring_sqe *sqe = rig_nop(&rig, 0, 0);
        sqe->opcode = IORING_OP_TIMEOUT_REMOVE;
        sqe->addr = TIMERS + i;
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_expect(&rig, 0, -ENOENT);
        rig_cancel(&rig, 0, TIMERS + i, i % 2 ? IORING_ASYNC_CANCEL_ALL : 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_expect(&rig, 0, i % 2 ? 0 : -ENOENT);
    }
    rig_expect_none(&rig);
    rig_close(&rig);
}

/* A timeout that can't be stopped is counted once, although it stands in two lists. */
static void what_is_not_stopped_is_counted_once(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_CANCEL, 1);
    rig_timer(&rig, 1, IORING_OP_TIMEOUT, &hour)->off = 5;
    rig_cancel(&rig, 2, 0, IORING_ASYNC_CANCEL_ANY);

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 2, 1);
    rig_expect_none(&rig);
    rig_close(&rig);
}

/* A large ring has too many buckets to go through one by one: all that waits is ended, the newest first, and counted once. */
static void on_a_large_ring_the_newest_ends_first(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    rig_open_flags(&rig, 1024, 0);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    for (uint64_t i = 1; i <= 5; i++)
        poll_of(&rig, i, fds[0]);
    rig_cancel(&rig, 9, 0, IORING_ASYNC_CANCEL_ANY);

    assert_int_equal(raw_ring_submit(&rig.ring), 6);

    rig_expect(&rig, 9, 5);
    for (uint64_t i = 5; i >= 1; i--)
        rig_expect(&rig, i, -ECANCELED);
    rig_close(&rig);
}

/* Of those that workers have the oldest is found; all of a value are, and none by another value. */
static void of_what_workers_have_the_oldest_is_found(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct rig rig;
        int fds[2];
        char bytes[2];
        size_t moved;
        rig_open(&rig);
        assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
        for (unsigned i = 0; i < 2; i++) {
            rig_rw(&rig, 1, IORING_OP_READ, fds[0], &bytes[i], 1)->flags = IOSQE_ASYNC | IOSQE_IO_LINK;
            rig_nop(&rig, 2 + i, 0);
        }
        rig_cancel(&rig, 5, 1, all ? IORING_ASYNC_CANCEL_ALL : 0);

        assert_int_equal(raw_ring_submit(&rig.ring), 5);

        rig_expect(&rig, 5, all ? 2 : 0);
        struct io_uring_cqe cqe;
        for (int left = all ? 4 : 0; left > 0; left--) {
            assert_true(raw_ring_take(&rig.ring, &cqe));
            assert_int_equal(cqe.res, -ECANCELED);
        }
        if (!all) {
            rig_expect(&rig, 1, -ECANCELED);
            rig_expect(&rig, 2, -ECANCELED);
            assert_int_equal(sri_sim_world_write(rig.world, fds[1], "x", 1, &moved), 0);
            assert_int_equal(raw_ring_get_events(&rig.ring), 0);
            rig_expect(&rig, 1, 1);
            rig_expect(&rig, 3, 0);
        }
        rig_close(&rig);
    }
}

/* A cancel by a descriptor holds its object no longer than it looks. */
static void a_descriptor_is_let_go_of(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char byte;
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    rig_cancel(&rig, 1, 0, IORING_ASYNC_CANCEL_FD)->fd = fds[1];
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 1, -ENOENT);

    assert_int_equal(sri_sim_world_close(rig.world, fds[1]), 0);

    rig_rw(&rig, 2, IORING_OP_READ, fds[0], &byte, 1);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 2, 0);
    rig_close(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_the_world_can_not_stop_goes_on),
    cmocka_unit_test(a_cancelled_poll_is_not_changed),
    cmocka_unit_test(watchers_are_told_the_answer),
    cmocka_unit_test(who_ends_in_spite_of_the_answer_is_found_no_more),
    cmocka_unit_test(a_workers_request_is_found_by_its_descriptor_or_not),
    cmocka_unit_test(who_has_not_begun_has_no_file),
    cmocka_unit_test(among_many_only_the_same_value_is_found),
    cmocka_unit_test(what_is_not_stopped_is_counted_once),
    cmocka_unit_test(on_a_large_ring_the_newest_ends_first),
    cmocka_unit_test(of_what_workers_have_the_oldest_is_found),
    cmocka_unit_test(a_descriptor_is_let_go_of),
};

SR_TEST_MAIN(tests)
