/*
 * Messages between rings.
 */
#include "unit/engine/rig.h"

#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static void send_message(struct rig *rig, uint64_t user_data, int fd, unsigned length, uint64_t data)
{
    struct io_uring_sqe *sqe = rig_nop(rig, user_data, 0);
    sqe->opcode = IORING_OP_MSG_RING;
    sqe->fd = fd;
    sqe->len = length;
    sqe->off = data;
}

/* A ring that is closed takes the letters it has not opened with it. */
static void letters_that_nobody_opens_go_with_their_ring(void **state)
{
    struct rig rig;
    struct raw_ring other;
    (void)state;
    rig_open(&rig);
    assert_int_equal(raw_ring_open(&other, rig.ring.backend, 4, DEFERRED), 0);

    send_message(&rig, 1, other.fd, 7, 100);
    send_message(&rig, 2, other.fd, 8, 101);
    assert_int_equal(raw_ring_submit(&rig.ring), 2);
    rig_expect(&rig, 1, 0);
    rig_expect(&rig, 2, 0);

    raw_ring_close(&other);
    rig_close(&rig);
}

/* Observers are told of a completion that no request of its ring has caused, with what it says. */
static void a_message_is_seen_as_a_wake_of_the_other_ring(void **state)
{
    struct rig rig;
    struct raw_ring other;
    (void)state;
    rig_open(&rig);
    rig_watch(&rig);
    assert_int_equal(raw_ring_open(&other, rig.ring.backend, 4, 0), 0);

    send_message(&rig, 1, other.fd, 7, 100);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    uint32_t at = rig_event(&rig, SRI_EVENT_WAKE, 0);
    assert_true(at < rig.event_count);
    assert_int_equal(rig.events[at].ring, other.fd);
    assert_int_equal(rig.events[at].user_data, 100);
    assert_int_equal(rig.events[at].result, 7);
    rig_expect(&rig, 1, 0);
    raw_ring_close(&other);
    rig_close(&rig);
}

/* What waits in a ring that defers its work is something to enter for, and its descriptor says so. */
static void a_letter_makes_its_ring_readable(void **state)
{
    struct rig rig;
    struct raw_ring other;
    (void)state;
    rig_open(&rig);
    assert_int_equal(raw_ring_open(&other, rig.ring.backend, 4, DEFERRED | IORING_SETUP_TASKRUN_FLAG), 0);
    struct io_uring_sqe *sqe = rig_nop(&rig, 9, 0);
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->fd = other.fd;
    sqe->poll32_events = 1;
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect_none(&rig);

    send_message(&rig, 1, other.fd, 7, 100);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    rig_expect(&rig, 1, 0);
    assert_int_equal(raw_ring_wait(&rig.ring, 1, 0), 0);
    rig_expect(&rig, 9, 1);
    assert_true(*other.ring.sq.kflags & IORING_SQ_TASKRUN);
    raw_ring_close(&other);
    rig_close(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(letters_that_nobody_opens_go_with_their_ring),
    cmocka_unit_test(a_message_is_seen_as_a_wake_of_the_other_ring),
    cmocka_unit_test(a_letter_makes_its_ring_readable),
};

SR_TEST_MAIN(tests)
