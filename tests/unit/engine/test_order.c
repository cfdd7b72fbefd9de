/*
 * Links, link timeouts, drains, timeouts and cancels: what starts when, and how it ends.
 */
#include "unit/engine/rig.h"

static const struct __kernel_timespec second = {1, 0};
static const struct __kernel_timespec hour = {3600, 0};

static void get_pipe(struct rig *rig, int fds[2])
{
    assert_int_equal(sri_sim_world_pipe(rig->world, fds), 0);
}

/* A failure ends the rest of a soft-linked chain; what is outside goes on. */
static void a_failure_severs_a_soft_link(void **state)
{
    (void)state;
    struct rig rig;
    char byte;
    rig_open(&rig);
    rig_rw(&rig, 1, IORING_OP_READ, -1, &byte, 1)->flags = IOSQE_IO_LINK;
    rig_nop(&rig, 2, IOSQE_IO_HARDLINK);
    rig_nop(&rig, 3, 0);
    rig_nop(&rig, 4, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 4);

    rig_expect(&rig, 1, -EBADF);
    rig_expect(&rig, 4, 0);
    rig_expect(&rig, 2, -ECANCELED);
    rig_expect(&rig, 3, -ECANCELED);
    rig_close(&rig);
}

/* A hard link holds in spite of a failure. */
static void a_failure_does_not_sever_a_hard_link(void **state)
{
    (void)state;
    struct rig rig;
    char byte;
    rig_open(&rig);
    rig_rw(&rig, 1, IORING_OP_READ, -1, &byte, 1)->flags = IOSQE_IO_HARDLINK;
    rig_nop(&rig, 2, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 1, -EBADF);
    rig_expect(&rig, 2, 0);
    rig_close(&rig);
}

/* A member refused at preparation fails its whole chain, the head too, and does not stop the batch. */
static void a_refused_member_fails_its_chain(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_nop(&rig, 1, IOSQE_IO_LINK);
    rig_nop(&rig, 2, IOSQE_IO_LINK)->opcode = 200;
    rig_nop(&rig, 3, 0);
    rig_nop(&rig, 4, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 4);

    rig_expect(&rig, 1, -ECANCELED);
    rig_expect(&rig, 4, 0);
    rig_expect(&rig, 2, -EINVAL);
    rig_expect(&rig, 3, -ECANCELED);
    rig_close(&rig);
}

/* A chain of any length ends without deep calls. */
static void a_long_chain_is_severed(void **state)
{
    (void)state;
    enum {
        LENGTH = 32768
    };
    struct rig rig;
    char byte;
    rig_open_flags(&rig, LENGTH, 0);
    rig_rw(&rig, 0, IORING_OP_READ, -1, &byte, 1)->flags = IOSQE_IO_LINK;
    for (uint64_t i = 1; i < LENGTH; i++)
        rig_nop(&rig, i, IOSQE_IO_LINK);

    assert_int_equal(raw_ring_submit(&rig.ring), LENGTH);

    rig_expect(&rig, 0, -EBADF);
    for (uint64_t i = 1; i < LENGTH; i++)
        rig_expect(&rig, i, -ECANCELED);
    rig_close(&rig);
}

/* A short read severs; a short receive does so only with MSG_WAITALL. */
static void a_short_read_severs_a_short_receive_does_not(void **state)
{
    (void)state;
    struct rig rig;
    char buffer[8];
    int fds[2];
    int ends[2];
    size_t moved;
    rig_open(&rig);
    get_pipe(&rig, fds);
    assert_int_equal(sri_sim_world_socketpair(rig.world, ends), 0);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "abc", 3, &moved), 0);
    assert_int_equal(sri_sim_world_write(rig.world, ends[1], "abc", 3, &moved), 0);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], buffer, 8)->flags = IOSQE_IO_LINK;
    rig_nop(&rig, 2, 0);
    rig_rw(&rig, 3, IORING_OP_RECV, ends[0], buffer, 8)->flags = IOSQE_IO_LINK;
    rig_nop(&rig, 4, 0);

    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 4), 4);

    int32_t results[5] = {0};
    struct io_uring_cqe cqe;
    while (raw_ring_take(&rig.ring, &cqe))
        results[cqe.user_data] = cqe.res;
    assert_int_equal(results[1], 3);
    assert_int_equal(results[2], -ECANCELED);
    assert_int_equal(results[3], 3);
    assert_int_equal(results[4], 0);
    rig_close(&rig);
}

/* MSG_WAITALL gathers what comes in pieces; a cancel tells what was gathered. */
static void waitall_gathers(void **state)
{
    (void)state;
    struct rig rig;
    char buffer[8] = "";
    int ends[2];
    size_t moved;
    rig_open(&rig);
    assert_int_equal(sri_sim_world_socketpair(rig.world, ends), 0);
    rig_rw(&rig, 1, IORING_OP_RECV, ends[0], buffer, 6)->msg_flags = MSG_WAITALL;
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_int_equal(sri_sim_world_write(rig.world, ends[1], "abc", 3, &moved), 0);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect_none(&rig);
    assert_int_equal(sri_sim_world_write(rig.world, ends[1], "def", 3, &moved), 0);
    assert_int_equal(raw_ring_wait(&rig.ring, 1, 1000000), 0);
    rig_expect(&rig, 1, 6);
    assert_string_equal(buffer, "abcdef");

    rig_rw(&rig, 2, IORING_OP_RECV, ends[0], buffer, 6)->msg_flags = MSG_WAITALL;
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_int_equal(sri_sim_world_write(rig.world, ends[1], "xy", 2, &moved), 0);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_cancel(&rig, 3, 2, 0);
    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 2), 1);
    rig_expect(&rig, 3, 0);
    rig_expect(&rig, 2, 2);
    rig_close(&rig);
}

/* An expired link timeout's CQE comes before its target's; one that was not needed is cancelled. */
static void a_link_timeout_limits_its_target(void **state)
{
    (void)state;
    struct rig rig;
    char byte;
    int fds[2];
    rig_open(&rig);
    get_pipe(&rig, fds);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], &byte, 1)->flags = IOSQE_IO_LINK;
    rig_timer(&rig, 2, IORING_OP_LINK_TIMEOUT, &second)->flags = IOSQE_IO_LINK;
    rig_nop(&rig, 3, 0);

    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 3), 3);

    rig_expect(&rig, 2, -ETIME);
    rig_expect(&rig, 1, -ECANCELED);
    rig_expect(&rig, 3, -ECANCELED);

    rig_nop(&rig, 4, IOSQE_IO_LINK);
    rig_timer(&rig, 5, IORING_OP_LINK_TIMEOUT, &second)->flags = IOSQE_IO_LINK;
    rig_nop(&rig, 6, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 3);
    rig_expect(&rig, 4, 0);
    rig_expect(&rig, 5, -ECANCELED);
    rig_expect(&rig, 6, 0);

    rig_timer(&rig, 7, IORING_OP_LINK_TIMEOUT, &second);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 7, -EINVAL);
    rig_close(&rig);
}

/* A drain starts when all before it have ended, and what is behind it when it has ended itself. */
static void a_drain_holds_both_ways(void **state)
{
    (void)state;
    struct rig rig;
    char bytes[2];
    int first[2];
    int second_pipe[2];
    size_t moved;
    rig_open(&rig);
    get_pipe(&rig, first);
    get_pipe(&rig, second_pipe);
    rig_rw(&rig, 1, IORING_OP_READ, first[0], &bytes[0], 1);
    rig_rw(&rig, 2, IORING_OP_READ, second_pipe[0], &bytes[1], 1)->flags = IOSQE_IO_DRAIN;
    rig_nop(&rig, 3, 0);
    assert_int_equal(sri_sim_world_write(rig.world, second_pipe[1], "x", 1, &moved), 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 3);
    rig_expect_none(&rig);

    assert_int_equal(sri_sim_world_write(rig.world, first[1], "x", 1, &moved), 0);
    assert_int_equal(raw_ring_wait(&rig.ring, 3, 1000000), 0);

    rig_expect(&rig, 1, 1);
    rig_expect(&rig, 2, 1);
    rig_expect(&rig, 3, 0);
    rig_close(&rig);
}

/* One IOSQE_CQE_SKIP_SUCCESS makes every later drain of the ring -EOPNOTSUPP. */
static void skipping_and_draining_exclude_each_other(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_nop(&rig, 1, IOSQE_CQE_SKIP_SUCCESS);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect_none(&rig);

    rig_nop(&rig, 2, IOSQE_IO_DRAIN);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    rig_expect(&rig, 2, -EOPNOTSUPP);
    rig_close(&rig);
}

/* A failing member that skips has its CQE; those behind it have none. */
static void a_skipping_chain_tells_only_its_failure(void **state)
{
    (void)state;
    struct rig rig;
    char byte;
    rig_open(&rig);
    rig_nop(&rig, 1, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
    rig_rw(&rig, 2, IORING_OP_READ, -1, &byte, 1)->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    rig_nop(&rig, 3, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 3);

    rig_expect(&rig, 2, -EBADF);
    rig_expect_none(&rig);
    rig_close(&rig);
}

/* A timeout that counts ends with 0 behind the completions of its whole batch. */
static void a_counting_timeout_ends_behind_its_batch(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_nop(&rig, 1, 0);
    rig_timer(&rig, 9, IORING_OP_TIMEOUT, &hour)->off = 1;
    rig_nop(&rig, 2, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 3);

    rig_expect(&rig, 1, 0);
    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 9, 0);
    rig_close(&rig);
}

/* A removed timeout ends behind its remover; an updated one ends at its new time. */
static void a_timeout_is_removed_and_updated(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_timer(&rig, 1, IORING_OP_TIMEOUT, &hour);
    rig_timer(&rig, 2, IORING_OP_TIMEOUT, &hour);
    struct io_uring_sqe *sqe = rig_nop(&rig, 3, 0);
    sqe->opcode = IORING_OP_TIMEOUT_REMOVE;
    sqe->addr = 1;
    sqe = rig_nop(&rig, 4, 0);
    sqe->opcode = IORING_OP_TIMEOUT_REMOVE;
    sqe->addr = 2;
    sqe->addr2 = (uintptr_t)&second;
    sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
    uint64_t begin_ns = sri_sim_world_now(rig.world);

    assert_int_equal(raw_ring_submit(&rig.ring), 4);

    rig_expect(&rig, 3, 0);
    rig_expect(&rig, 4, 0);
    rig_expect(&rig, 1, -ECANCELED);
    assert_int_equal(raw_ring_wait(&rig.ring, 1, 2000000000), 0);
    rig_expect(&rig, 2, -ETIME);
    assert_true(sri_sim_world_now(rig.world) - begin_ns < 1100000000);
    rig_close(&rig);
}

/* A cancel answers first, then its target ends; the newest of equal user_data is taken; ALL counts. */
static void cancel_finds_by_user_data(void **state)
{
    (void)state;
    struct rig rig;
    char bytes[3];
    int fds[2];
    rig_open(&rig);
    get_pipe(&rig, fds);
    for (int i = 0; i < 3; i++)
        rig_rw(&rig, 1, IORING_OP_READ, fds[0], &bytes[i], 1);
    rig_cancel(&rig, 2, 1, 0);
    rig_cancel(&rig, 3, 5, 0);
    rig_cancel(&rig, 4, 1, IORING_ASYNC_CANCEL_ALL);
    rig_cancel(&rig, 5, 1, IORING_ASYNC_CANCEL_ALL);

    assert_int_equal(raw_ring_submit(&rig.ring), 7);

    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 3, -ENOENT);
    rig_expect(&rig, 4, 3); /* with the one that is about to end (measured) */
    rig_expect(&rig, 5, 3);
    for (int i = 0; i < 3; i++)
        rig_expect(&rig, 1, -ECANCELED);
    rig_close(&rig);
}

/* By descriptor, by anything, and not a chain's unstarted member. */
static void cancel_finds_by_other_keys(void **state)
{
    (void)state;
    struct rig rig;
    char bytes[2];
    int first[2];
    int second_pipe[2];
    rig_open(&rig);
    get_pipe(&rig, first);
    get_pipe(&rig, second_pipe);
    rig_rw(&rig, 1, IORING_OP_READ, first[0], &bytes[0], 1)->flags = IOSQE_IO_LINK;
    rig_nop(&rig, 2, 0);
    rig_rw(&rig, 3, IORING_OP_READ, second_pipe[0], &bytes[1], 1);
    rig_cancel(&rig, 4, 2, 0);
    rig_cancel(&rig, 5, 0, IORING_ASYNC_CANCEL_FD)->fd = second_pipe[0];
    rig_cancel(&rig, 6, 0, IORING_ASYNC_CANCEL_FD)->fd = 999;
    rig_cancel(&rig, 7, 0, IORING_ASYNC_CANCEL_ANY);

    assert_int_equal(raw_ring_submit(&rig.ring), 7);

    rig_expect(&rig, 4, -ENOENT);
    rig_expect(&rig, 5, 0);
    rig_expect(&rig, 6, -EBADF);
    rig_expect(&rig, 7, 2);
    rig_expect(&rig, 3, -ECANCELED);
    rig_expect(&rig, 1, -ECANCELED);
    rig_expect(&rig, 2, -ECANCELED);
    rig_close(&rig);
}

/* Closing drops chains whole: behind what waits, behind its time limit, and held back by a drain. */
static void closing_drops_what_has_not_started(void **state)
{
    (void)state;
    struct rig rig;
    char bytes[2];
    int fds[2];
    rig_open(&rig);
    get_pipe(&rig, fds);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], &bytes[0], 1)->flags = IOSQE_IO_LINK;
    rig_timer(&rig, 2, IORING_OP_LINK_TIMEOUT, &hour)->flags = IOSQE_IO_LINK;
    rig_nop(&rig, 3, IOSQE_IO_LINK);
    rig_nop(&rig, 4, 0);
    rig_rw(&rig, 5, IORING_OP_READ, fds[0], &bytes[1], 1)->flags = IOSQE_IO_LINK | IOSQE_IO_DRAIN;
    rig_nop(&rig, 6, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 6);
    assert_int_equal(sri_engine_in_flight(rig.engine), 6);
    rig_expect_none(&rig);

    rig_close(&rig);
}

/* 30,000 armed polls are cancelled one by one without a search through all of them. */
static void many_polls_are_cancelled_one_by_one(void **state)
{
    (void)state;
    enum {
        POLLS = 30000
    };
    struct rig rig;
    int fds[2];
    rig_open_flags(&rig, 32768, 0);
    get_pipe(&rig, fds);
    for (uint64_t i = 0; i < POLLS; i++) {
        struct io_uring_sqe *sqe = rig_nop(&rig, i, 0);
        sqe->opcode = IORING_OP_POLL_ADD;
        sqe->fd = fds[0];
        sqe->poll32_events = 1;
    }
    assert_int_equal(raw_ring_submit(&rig.ring), POLLS);

    for (uint64_t i = 0; i < POLLS; i++) {
        rig_cancel(&rig, POLLS, i, 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_expect(&rig, POLLS, 0);
        rig_expect(&rig, i, -ECANCELED);
    }
    rig_close(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_failure_severs_a_soft_link),
    cmocka_unit_test(a_failure_does_not_sever_a_hard_link),
    cmocka_unit_test(a_refused_member_fails_its_chain),
    cmocka_unit_test(a_long_chain_is_severed),
    cmocka_unit_test(a_short_read_severs_a_short_receive_does_not),
    cmocka_unit_test(waitall_gathers),
    cmocka_unit_test(a_link_timeout_limits_its_target),
    cmocka_unit_test(a_drain_holds_both_ways),
    cmocka_unit_test(skipping_and_draining_exclude_each_other),
    cmocka_unit_test(a_skipping_chain_tells_only_its_failure),
    cmocka_unit_test(a_counting_timeout_ends_behind_its_batch),
    cmocka_unit_test(a_timeout_is_removed_and_updated),
    cmocka_unit_test(cancel_finds_by_user_data),
    cmocka_unit_test(cancel_finds_by_other_keys),
    cmocka_unit_test(closing_drops_what_has_not_started),
    cmocka_unit_test(many_polls_are_cancelled_one_by_one),
};

SR_TEST_MAIN(tests)
