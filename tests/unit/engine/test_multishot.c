/*
 * The freedoms of requests that complete more than once, of chosen buffers and of zero-copy sends; what observers are told.
 */
#include <netinet/in.h>

#include "support/counting_allocator.h"
#include "unit/engine/rig.h"

#define GROUP 5
#define SIZE 8u

static char memory[8 * SIZE];

static void send_text(struct rig *rig, int fd, const char *text)
{
    size_t moved;
    assert_int_equal(sri_sim_world_write(rig->world, fd, text, strlen(text), &moved), 0);
}

static void expect_flags(struct rig *rig, uint64_t user_data, int32_t result, unsigned flags)
{
    struct io_uring_cqe cqe;
    assert_true(raw_ring_take(&rig->ring, &cqe));
    assert_int_equal(cqe.user_data, user_data);
    assert_int_equal(cqe.res, result);
    assert_int_equal(cqe.flags & ~(unsigned)IORING_CQE_F_SOCK_NONEMPTY, flags);
}

static struct io_uring_sqe *add_provider(struct rig *rig, uint64_t user_data, unsigned count)
{
    struct io_uring_sqe *sqe = rig_nop(rig, user_data, 0);
    memset(memory, '.', sizeof memory);
    io_uring_prep_provide_buffers(sqe, memory, SIZE, (int)count, GROUP, 0);
    io_uring_sqe_set_data64(sqe, user_data);
    return sqe;
}

static void provide(struct rig *rig, unsigned count)
{
    add_provider(rig, 100, count);
    assert_int_equal(raw_ring_submit(&rig->ring), 1);
    rig_expect(rig, 100, 0);
}

static struct io_uring_sqe *receiver(struct rig *rig, uint64_t user_data, int fd, bool goes_on)
{
    struct io_uring_sqe *sqe = rig_rw(rig, user_data, IORING_OP_RECV, fd, NULL, 0);
    sqe->ioprio = goes_on ? IORING_RECV_MULTISHOT : 0;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static int32_t how_many_are_left(struct rig *rig)
{
    struct io_uring_cqe cqe;
    io_uring_prep_remove_buffers(rig_nop(rig, 101, 0), 100, GROUP);
    assert_int_equal(raw_ring_submit_and_wait(&rig->ring, 1), 1);
    assert_true(raw_ring_take(&rig->ring, &cqe));
    return cqe.res;
}

static void start(struct rig *rig, int ends[2])
{
    rig_open(rig);
    rig_choose(rig);
    assert_int_equal(sri_sim_world_socketpair(rig->world, ends), 0);
}

/* Two connected sockets that send from the program's memory. */
static void connect_both(struct rig *rig, int ends[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(7000),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct io_uring_cqe cqe;
    int listener;
    assert_int_equal(sri_sim_world_listen(rig->world, (struct sockaddr *)&at, sizeof at, 1, &listener), 0);
    assert_int_equal(sri_sim_world_socket(rig->world, AF_INET, &ends[0]), 0);
    assert_int_equal(sri_sim_world_connect(rig->world, ends[0], (struct sockaddr *)&at, sizeof at), 0);
    io_uring_prep_accept(rig_nop(rig, 1, 0), listener, NULL, NULL, 0);
    assert_int_equal(raw_ring_submit_and_wait(&rig->ring, 1), 1);
    assert_true(raw_ring_take(&rig->ring, &cqe));
    ends[1] = cqe.res;
}

static struct io_uring_sqe *sender(struct rig *rig, uint64_t user_data, int fd, const char *bytes,
                                   unsigned size)
{
    return rig_rw(rig, user_data, IORING_OP_SEND_ZC, fd, (void *)(uintptr_t)bytes, size);
}

/* A kernel may end it at any CQE: the result is an ordinary one, and nothing follows. */
static void a_receiver_may_end_with_an_ordinary_result(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    start(&rig, ends);
    provide(&rig, 4);
    rig_answer(&rig, SRI_WHY_SHOT, 0);
    rig_answer(&rig, SRI_WHY_SHOT, 1);

    receiver(&rig, 1, ends[0], true);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    send_text(&rig, ends[1], "ab");
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    expect_flags(&rig, 1, 2, IORING_CQE_F_MORE | IORING_CQE_F_BUFFER);
    send_text(&rig, ends[1], "cd");
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    expect_flags(&rig, 1, 2, IORING_CQE_F_BUFFER | 1 << IORING_CQE_BUFFER_SHIFT);
    send_text(&rig, ends[1], "ef");
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect_none(&rig);
    assert_int_equal(how_many_are_left(&rig), 2);
    rig_close(&rig);
}

/* So may a poll, an accept and a timeout. */
static void any_of_them_may_end_so(void **state)
{
    (void)state;
    static const struct __kernel_timespec second = {1, 0};
    struct rig rig;
    int ends[2];
    start(&rig, ends);
    send_text(&rig, ends[1], "ab");
    rig_answer(&rig, SRI_WHY_SHOT, 1);
    rig_answer(&rig, SRI_WHY_SHOT, 1);

    io_uring_prep_poll_multishot(rig_nop(&rig, 1, 0), ends[0], 1);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    expect_flags(&rig, 1, 1, 0);
    rig_timer(&rig, 2, IORING_OP_TIMEOUT, &second)->timeout_flags = 1 << 6;
    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 1), 1);
    expect_flags(&rig, 2, -ETIME, 0);
    rig_close(&rig);
}

/* Buffers may run out before they do; the one that was there stays. */
static void buffers_may_run_out_early(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    start(&rig, ends);
    provide(&rig, 1);
    rig_answer(&rig, SRI_WHY_BUFFER, 1);

    send_text(&rig, ends[1], "ab");
    receiver(&rig, 1, ends[0], false);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    expect_flags(&rig, 1, -ENOBUFS, 0);
    assert_int_equal(how_many_are_left(&rig), 1);
    rig_close(&rig);
}

/* An error leaves the buffer, unless the kernel gives it away with it. */
static void an_error_may_be_told_with_a_buffer(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    for (uint32_t gives = 0; gives < 2; gives++) {
        start(&rig, ends);
        provide(&rig, 2);
        rig_answer(&rig, SRI_WHY_ERRNO, 1);
        rig_answer(&rig, SRI_WHY_GIVE, gives);

        send_text(&rig, ends[1], "ab");
        receiver(&rig, 1, ends[0], true);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);

        expect_flags(&rig, 1, -ECONNRESET, gives ? IORING_CQE_F_BUFFER : 0);
        assert_int_equal(how_many_are_left(&rig), 2 - (int32_t)gives);
        rig_close(&rig);
    }
}

/* Each shot has freedoms of its own: a short one, one that is copied late. */
static void each_shot_is_chosen_for_itself(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    start(&rig, ends);
    provide(&rig, 4);
    rig_answer(&rig, SRI_WHY_SHORT, 1);
    rig_answer(&rig, SRI_WHY_COPY, 2);

    send_text(&rig, ends[1], "abcd");
    receiver(&rig, 1, ends[0], true);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    expect_flags(&rig, 1, 1, IORING_CQE_F_MORE | IORING_CQE_F_BUFFER);
    expect_flags(&rig, 1, 3, IORING_CQE_F_MORE | IORING_CQE_F_BUFFER | 1 << IORING_CQE_BUFFER_SHIFT);
    assert_memory_equal(memory, "a.......bcd.....", 16);
    rig_close(&rig);
}

/* A cancel that comes between the attempt and its CQE is too late for that one, which is then the last. */
static void a_cancel_too_late_for_one_ends_it_there(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    start(&rig, ends);
    provide(&rig, 4);
    rig_answer(&rig, SRI_WHY_REPORT, 1);

    send_text(&rig, ends[1], "ab");
    receiver(&rig, 1, ends[0], true);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_cancel(&rig, 2, 1, 0);
    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 2), 1);

    rig_expect(&rig, 2, -EALREADY);
    expect_flags(&rig, 1, 2, IORING_CQE_F_BUFFER);
    rig_close(&rig);
}

/* What is linked behind a send ends before its late notification, and closing the ring in between meets it no more. */
static void a_sends_chain_is_gone_before_its_notification(void **state)
{
    (void)state;
    for (uint32_t fails = 0; fails < 2; fails++) {
        struct rig rig;
        int ends[2];
        struct io_uring_cqe cqe;
        rig_open(&rig);
        connect_both(&rig, ends);
        rig_choose(&rig);
        rig_answer(&rig, SRI_WHY_ERRNO, fails);
        rig_answer(&rig, SRI_WHY_NOTIFY, SRI_DELAYS - 1);
        sender(&rig, 1, ends[0], "hello", 5)->flags = IOSQE_IO_LINK;
        rig_nop(&rig, 2, IOSQE_IO_LINK);
        rig_nop(&rig, 3, 0);

        assert_int_equal(raw_ring_submit(&rig.ring), 3);

        assert_true(raw_ring_take(&rig.ring, &cqe));
        assert_int_equal(cqe.user_data, 1);
        assert_int_equal(cqe.flags, IORING_CQE_F_MORE);
        assert_int_equal(cqe.res < 0, fails);
        rig_expect(&rig, 2, fails ? -ECANCELED : 0);
        rig_expect(&rig, 3, fails ? -ECANCELED : 0);
        assert_int_equal(sri_engine_in_flight(rig.engine), 1);
        rig_close(&rig);
    }
}

/* A notification may come long after the result, and a drain waits for it. */
static void a_notification_may_be_late(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    rig_open(&rig);
    connect_both(&rig, ends);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_NOTIFY, SRI_DELAYS - 1);

    sender(&rig, 1, ends[0], "hello", 5);
    rig_nop(&rig, 2, 0);
    rig_nop(&rig, 3, IOSQE_IO_DRAIN);
    assert_int_equal(raw_ring_submit(&rig.ring), 3);

    expect_flags(&rig, 1, 5, IORING_CQE_F_MORE);
    rig_expect(&rig, 2, 0);
    rig_expect_none(&rig);
    assert_int_equal(raw_ring_wait(&rig.ring, 2, UINT64_C(3600000000000)), 0);
    expect_flags(&rig, 1, 0, IORING_CQE_F_NOTIF);
    rig_expect(&rig, 3, 0);
    rig_close(&rig);
}

/* A send that failed notifies or does not: IORING_CQE_F_MORE says which. */
static void a_failed_send_need_not_notify(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    start(&rig, ends);
    rig_answer(&rig, SRI_WHY_NOTIFIES, 1);

    sender(&rig, 1, ends[0], "hello", 5);
    sender(&rig, 2, ends[0], "hello", 5);
    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    expect_flags(&rig, 1, -EOPNOTSUPP, 0);
    expect_flags(&rig, 2, -EOPNOTSUPP, IORING_CQE_F_MORE);
    expect_flags(&rig, 2, 0, IORING_CQE_F_NOTIF);
    rig_expect_none(&rig);
    rig_close(&rig);
}

/* Whether the bytes were copied is told when it was asked for. */
static void how_a_send_was_made_is_a_choice(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    rig_open(&rig);
    connect_both(&rig, ends);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_USAGE, 1);

    sender(&rig, 1, ends[0], "hello", 5)->ioprio = 8;
    sender(&rig, 2, ends[0], "hello", 5)->ioprio = 8;
    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 1, 5);
    rig_expect(&rig, 2, 5);
    expect_flags(&rig, 1, 0, IORING_CQE_F_NOTIF);
    expect_flags(&rig, 2, INT32_MIN, IORING_CQE_F_NOTIF);
    rig_close(&rig);
}

/* Until the notification the bytes may still be read: who changes them before changes what is received. */
static void bytes_may_be_read_as_late_as_the_notification(void **state)
{
    (void)state;
    struct rig rig;
    for (uint32_t late = 0; late < 2; late++) {
        int ends[2];
        char text[] = "hello";
        char got[4];
        size_t moved;
        rig_open(&rig);
        connect_both(&rig, ends);
        rig_choose(&rig);
        rig_answer(&rig, SRI_WHY_NOTIFY, 1);
        rig_answer(&rig, SRI_WHY_REREAD, late);

        sender(&rig, 1, ends[0], text, 5);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        expect_flags(&rig, 1, 5, IORING_CQE_F_MORE);
        send_text(&rig, ends[0], "!");
        assert_int_equal(sri_sim_world_read(rig.world, ends[1], got, 2, &moved), 0);
        memset(text, 'x', 5);
        assert_int_equal(raw_ring_wait(&rig.ring, 1, UINT64_C(3600000000000)), 0);
        expect_flags(&rig, 1, 0, IORING_CQE_F_NOTIF);

        assert_memory_equal(got, "he", 2);
        assert_int_equal(sri_sim_world_read(rig.world, ends[1], got, 4, &moved), 0);
        assert_int_equal(moved, 4);
        assert_memory_equal(got, late ? "xxx!" : "llo!", 4);
        rig_close(&rig);
    }
}

/* A poll that a worker has not begun with is not there to be changed yet. */
static void what_has_not_begun_is_not_changed(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    rig_open(&rig);
    assert_int_equal(sri_sim_world_socketpair(rig.world, ends), 0);
    struct io_uring_sqe *sqe = rig_nop(&rig, 1, 0);
    io_uring_prep_poll_multishot(sqe, ends[0], 1);
    sqe->user_data = 1;
    sqe->flags = IOSQE_ASYNC;
    sqe = rig_nop(&rig, 2, 0);
    io_uring_prep_poll_update(sqe, 1, 0, 4, IORING_POLL_UPDATE_EVENTS);
    sqe->user_data = 2;
    assert_int_equal(raw_ring_submit(&rig.ring), 2);
    rig_expect(&rig, 2, -ENOENT);

    send_text(&rig, ends[1], "ab");
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    expect_flags(&rig, 1, 1, IORING_CQE_F_MORE);
    rig_close(&rig);
}

/* A ring that is closed with all of them under way leaves nothing behind. */
static void a_closed_ring_leaves_nothing(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    int pair[2];
    rig_open(&rig);
    connect_both(&rig, ends);
    rig_choose(&rig);
    assert_int_equal(sri_sim_world_socketpair(rig.world, pair), 0);
    provide(&rig, 4);
    rig_answer(&rig, SRI_WHY_NOTIFY, SRI_DELAYS - 1);

    sender(&rig, 1, ends[0], "hello", 5);
    receiver(&rig, 2, pair[0], true);
    io_uring_prep_poll_multishot(rig_nop(&rig, 3, 0), pair[1], 4);
    assert_int_equal(raw_ring_submit(&rig.ring), 3);
    rig_close(&rig);
}

/* What is lent, and for how long, is told as it happens. */
static void observers_hear_of_a_chosen_buffer(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    start(&rig, ends);
    provide(&rig, 1);
    rig_watch(&rig);

    receiver(&rig, 1, ends[0], true);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    uint32_t chosen = rig_event(&rig, SRI_EVENT_CHOSEN, 0);
    uint32_t returned = rig_event(&rig, SRI_EVENT_RETURNED, 0);
    assert_true(chosen < returned && returned < rig.event_count);
    assert_int_equal(rig.events[rig_event(&rig, SRI_EVENT_CONSUMED, 0)].segment_count, 0);

    send_text(&rig, ends[1], "ab");
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    chosen = rig_event(&rig, SRI_EVENT_CHOSEN, returned);
    uint32_t completed = rig_event(&rig, SRI_EVENT_COMPLETED, 0);
    assert_true(chosen < completed && completed < rig.event_count);
    assert_int_equal(rig.events[chosen].lending, SRI_LENDS_TARGET);
    assert_int_equal(rig.events[completed].last, 0);
    rig_close(&rig);
}

static void observers_hear_of_a_long_loan(void **state)
{
    (void)state;
    struct rig rig;
    int ends[2];
    rig_open(&rig);
    connect_both(&rig, ends);
    rig_watch(&rig);

    sender(&rig, 1, ends[0], "hello", 5);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    uint32_t consumed = rig_event(&rig, SRI_EVENT_CONSUMED, 0);
    uint32_t result = rig_event(&rig, SRI_EVENT_COMPLETED, consumed);
    uint32_t notified = rig_event(&rig, SRI_EVENT_COMPLETED, result + 1);
    assert_int_equal(rig.events[consumed].lending, SRI_LENDS_LONG);
    assert_int_equal(rig.events[result].last, 0);
    assert_int_equal(rig.events[notified].last, 1);
    assert_int_equal(rig.events[notified].flags, IORING_CQE_F_NOTIF);
    rig_close(&rig);
}

/* Without memory for a group nothing is provided, and nothing lost. */
static void without_memory_nothing_is_provided(void **state)
{
    (void)state;
    static struct counting_allocator counter;
    struct rig rig;
    rig_open(&rig);
    counting_allocator_install(&counter);
    for (size_t fails = 1; fails <= 2; fails++) {
        counter.allocations = 0;
        counter.fails_at = fails;
        add_provider(&rig, fails, 4);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_expect(&rig, fails, -ENOMEM);
    }
    counter.fails_at = 0;
    provide(&rig, 4);
    assert_int_equal(how_many_are_left(&rig), 4);
    counter.fails_at = 0;
    rig_close(&rig);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_receiver_may_end_with_an_ordinary_result),
    cmocka_unit_test(any_of_them_may_end_so),
    cmocka_unit_test(buffers_may_run_out_early),
    cmocka_unit_test(an_error_may_be_told_with_a_buffer),
    cmocka_unit_test(each_shot_is_chosen_for_itself),
    cmocka_unit_test(a_cancel_too_late_for_one_ends_it_there),
    cmocka_unit_test(a_sends_chain_is_gone_before_its_notification),
    cmocka_unit_test(a_notification_may_be_late),
    cmocka_unit_test(a_failed_send_need_not_notify),
    cmocka_unit_test(how_a_send_was_made_is_a_choice),
    cmocka_unit_test(bytes_may_be_read_as_late_as_the_notification),
    cmocka_unit_test(what_has_not_begun_is_not_changed),
    cmocka_unit_test(a_closed_ring_leaves_nothing),
    cmocka_unit_test(observers_hear_of_a_chosen_buffer),
    cmocka_unit_test(observers_hear_of_a_long_loan),
    cmocka_unit_test(without_memory_nothing_is_provided),
};

SR_TEST_MAIN(tests)
