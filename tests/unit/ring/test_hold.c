/*
 * What stands on a ring: holds that keep it open (RING-5), and operations dropped with somebody to be told (ORPH-3).
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "safer_ring/log.h"
#include "support/child.h"
#include "support/fake_ring.h"
#include "support/main.h"

static void note(enum sr_log_level level, const char *text, void *user)
{
    char *said = user;
    if (level == SR_LOG_ERROR)
        strncat(said, text, 400 - strlen(said));
}

/* A ring that is held can't be closed, by either call, and the log names every holder (RING-5). */
static void a_held_ring_is_not_closed(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_hold one = {0};
    struct sr_hold two = {0};
    char said[512] = "";
    assert_int_equal(sr_ring_hold(f.ring, &one, "the first"), 0);
    assert_int_equal(sr_ring_hold(f.ring, &two, "the second"), 0);
    assert_int_equal(sr_ring_hold(f.ring, &two, "twice"), -EINVAL);
    sr_set_log(note, said);

    assert_int_equal(sr_ring_close(&f.ring), -EBUSY);
    assert_non_null(strstr(said, "the first"));
    assert_non_null(strstr(said, "the second"));
    sr_ring_let_go(&one);
    assert_int_equal(sr_ring_try_close(&f.ring), -EBUSY);
    sr_ring_let_go(&two);
    sr_ring_let_go(&two);

    sr_set_log(NULL, NULL);
    fake_ring_close(&f);
}

struct told {
    uint32_t times;
};

static void tell(void *user)
{
    ((struct told *)user)->times++;
}

/* One under way is told of at its terminal completion, once, and not by the answer to its cancel. */
SR_UNCHECKED static void the_end_of_an_orphan_is_told(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct told told = {0};
    struct sr_op op = submit_read(f.ring, 5, 16);
    uint64_t id = op.id;

    assert_int_equal(sr_op_drop_then(f.ring, &op, tell, &told), 0);

    assert_true(op.id == 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(told.times, 0);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(told.times, 1);
    fake_ring_close(&f);
}

/* One that is queued, or has ended, is told of at once; a stale one not at all. */
SR_UNCHECKED static void what_is_not_under_way_is_told_at_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct told told = {0};
    struct sr_op queued = start_nop(f.ring);
    assert_int_equal(sr_op_drop_then(f.ring, &queued, tell, &told), 0);
    assert_int_equal(told.times, 1);

    struct sr_op ended = submit_nop(f.ring);
    fake_kernel_post(f.kernel, ended.id, 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    struct sr_op stale = ended;
    assert_int_equal(sr_op_drop_then(f.ring, &ended, tell, &told), 0);
    assert_int_equal(told.times, 2);

    assert_int_equal(sr_op_drop_then(f.ring, &stale, tell, &told), SR_ESTALE);
    assert_int_equal(sr_op_drop_then(f.ring, &stale, NULL, &told), -EINVAL);
    assert_int_equal(told.times, 2);
    fake_ring_close(&f);
}

/* An ordinary drop after one with somebody to be told tells nobody, though it may have the same slot. */
SR_UNCHECKED static void an_ordinary_drop_tells_nobody(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(1);
    struct told told = {0};
    for (int round = 0; round < 2; round++) {
        struct sr_op op = submit_nop(f.ring);
        uint64_t id = op.id;
        if (round == 0)
            assert_int_equal(sr_op_drop_then(f.ring, &op, tell, &told), 0);
        else
            sr_op_drop(f.ring, &op);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        fake_kernel_post(f.kernel, cancel_of(id), -ENOENT);
        fake_kernel_post(f.kernel, id, 0);
        assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    }
    assert_int_equal(told.times, 1);
    fake_ring_close(&f);
}

static void in_child(void *argument)
{
    struct fake_ring *f = argument;
    struct sr_hold hold = {0};
    child_check(sr_ring_hold(f->ring, &hold, "a stranger") == SR_EWRONG_PROCESS);
    child_check(sr_ring_may_wait(f->ring) == SR_EWRONG_PROCESS);
    child_check(sr_ring_close(&f->ring) == -EBUSY);
    sr_ring_let_go(f->ring != NULL ? (struct sr_hold *)f->kernel->user : NULL);
    child_check(sr_ring_close(&f->ring) == 0);
}

/* In a forked child a held ring is not closed either, and letting it go works. */
static void a_forked_child_lets_go_too(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_hold hold = {0};
    struct child child;
    assert_int_equal(sr_ring_hold(f.ring, &hold, "the parent's"), 0);
    f.kernel->user = &hold;

    run_in_child(&child, in_child, &f);

    if (!child_succeeded(&child))
        print_error("%s", child.text);
    assert_true(child_succeeded(&child));
    sr_ring_let_go(&hold);
    fake_ring_close(&f);
}

struct copy {
    struct sr_ring *ring;
    struct told told;
};

static void close_the_copy(void *argument)
{
    struct copy *copy = argument;
    child_check(sr_ring_close(&copy->ring) == 0);
    child_check(copy->told.times == 2);
}

/* Closing its copy, a forked child tells of each orphan that somebody is to be told of; what was taken back is no more its. */
SR_UNCHECKED static void a_forked_child_tells_of_its_orphans(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 4;
    struct fake_ring f = fake_ring_open_config(config);
    struct copy copy = {.ring = f.ring};
    struct child child;
    uint64_t ids[3];
    for (int i = 0; i < 3; i++) {
        struct sr_op op = submit_read(f.ring, 5, 16);
        ids[i] = op.id;
        if (i == 1)
            sr_op_drop(f.ring, &op);
        else
            assert_int_equal(sr_op_drop_then(f.ring, &op, tell, &copy.told), 0);
    }
    struct sr_op queued = start_read(f.ring, 5, 16);
    sr_op_drop(f.ring, &queued);

    run_in_child(&child, close_the_copy, &copy);

    if (!child_succeeded(&child))
        print_error("%s", child.text);
    assert_true(child_succeeded(&child));
    assert_int_equal(copy.told.times, 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    for (int i = 0; i < 3; i++) {
        fake_kernel_post(f.kernel, cancel_of(ids[i]), 0);
        fake_kernel_post(f.kernel, ids[i], -ECANCELED);
    }
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(copy.told.times, 2);
    fake_ring_close(&f);
}

SR_UNCHECKED static void look_from_inside(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    int *answers = user;
    answers[0] = sr_ring_may_wait(ring);
    answers[1] = sr_ring_may_start(ring);
    sr_take_plain(done);
}

/* Inside a callback operations may be started and waits may not; outside both (CB-2). */
SR_UNCHECKED static void a_callback_may_start_and_not_wait(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    int answers[2] = {1, 1};
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(sr_op_then(f.ring, &op, look_from_inside, answers), 0);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(answers[0], SR_EINVALID_STATE);
    assert_int_equal(answers[1], 0);
    assert_int_equal(sr_ring_may_wait(f.ring), 0);
    assert_int_equal(sr_ring_may_wait(NULL), -EINVAL);
    fake_ring_close(&f);
}

/* Polls and shutdowns reach the kernel as liburing would write them. */
SR_UNCHECKED static void polls_and_shutdowns_are_encoded(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec specs[] = {sr_spec_poll(sr_fd(7), POLLIN | POLLHUP),
                                 sr_spec_shutdown(sr_fd(8), SHUT_WR)};
    for (size_t i = 0; i < 2; i++) {
        struct sr_op op;
        assert_int_equal(sr_op_start_plain(f.ring, &specs[i], &op), 0);
        fake_kernel_promise(f.kernel, op.id, 0);
        assert_int_equal(await_result(f.ring, &op), 0);
    }
    const struct io_uring_sqe *poll_entry = fake_kernel_nth(f.kernel, IORING_OP_POLL_ADD, 0);
    const struct io_uring_sqe *shutdown_entry = fake_kernel_nth(f.kernel, IORING_OP_SHUTDOWN, 0);
    assert_int_equal(poll_entry->fd, 7);
    assert_int_equal(poll_entry->poll32_events, POLLIN | POLLHUP);
    assert_int_equal(poll_entry->len, 0);
    assert_int_equal(shutdown_entry->fd, 8);
    assert_int_equal(shutdown_entry->len, SHUT_WR);
    fake_ring_close(&f);
}

/* Waiting for any of several ends at the first that has ended, and takes nothing; nothing waits for one that is stale. */
SR_UNCHECKED static void any_of_several_can_be_waited_for(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op one = start_nop(f.ring);
    struct sr_op two = start_nop(f.ring);
    const struct sr_op *const both[] = {&one, &two};
    const struct sr_op stale = {.id = 12345};
    const struct sr_op *const wrong[] = {&one, &stale};
    struct sr_completion done;
    fake_kernel_promise(f.kernel, two.id, 7);

    assert_int_equal(sr_op_wait_any(f.ring, both, 2, SR_FOREVER), 0);

    assert_int_equal(sr_op_peek(f.ring, &one, &done), SR_EOPERATION_PENDING);
    assert_int_equal(sr_op_wait_any(f.ring, both, 2, SR_FOREVER), 0);
    assert_int_equal(sr_op_peek(f.ring, &two, &done), 0);
    assert_int_equal(sr_take_plain(&done), 7);
    assert_int_equal(sr_op_wait_any(f.ring, both, 1, 5), -ETIME);
    assert_int_equal(sr_op_wait_any(f.ring, both, 2, 5), SR_ESTALE);
    assert_int_equal(sr_op_wait_any(f.ring, wrong, 2, 5), SR_ESTALE);
    assert_int_equal(sr_op_wait_any(f.ring, both, 0, 5), -EINVAL);
    fake_kernel_promise(f.kernel, one.id, 0);
    assert_int_equal(await_result(f.ring, &one), 0);
    fake_ring_close(&f);
}

/* A descriptor goes by the ring's own kernel, and the ring itself is not closed that way. */
static void a_descriptor_is_closed_by_the_rings_kernel(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    assert_int_equal(sr_ring_close_descriptor(f.ring, 55), 0);
    assert_int_equal(f.kernel->closed_count, 1);
    assert_int_equal(f.kernel->closed[0], 55);
    assert_int_equal(sr_ring_close_descriptor(f.ring, FAKE_RING_FD), -EINVAL);
    assert_int_equal(sr_ring_close_descriptor(f.ring, -1), -EINVAL);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_held_ring_is_not_closed),
    cmocka_unit_test(the_end_of_an_orphan_is_told),
    cmocka_unit_test(what_is_not_under_way_is_told_at_once),
    cmocka_unit_test(an_ordinary_drop_tells_nobody),
    cmocka_unit_test(a_forked_child_lets_go_too),
    cmocka_unit_test(a_forked_child_tells_of_its_orphans),
    cmocka_unit_test(a_callback_may_start_and_not_wait),
    cmocka_unit_test(polls_and_shutdowns_are_encoded),
    cmocka_unit_test(any_of_several_can_be_waited_for),
    cmocka_unit_test(a_descriptor_is_closed_by_the_rings_kernel),
};

SR_TEST_MAIN(tests)
