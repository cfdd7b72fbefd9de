/*
 * The freedoms: what each answer of the chooser does, and what no answer may do.
 */
#include "unit/engine/rig.h"

#define HOUR_NS UINT64_C(3600000000000)

static const struct __kernel_timespec second = {1, 0};
static const struct __kernel_timespec hour = {3600, 0};

static void get_filled_pipe(struct rig *rig, int fds[2], const char *text)
{
    size_t moved;
    assert_int_equal(sri_sim_world_pipe(rig->world, fds), 0);
    assert_int_equal(sri_sim_world_write(rig->world, fds[1], text, strlen(text), &moved), 0);
}

/* With every answer 0 the chooser changes nothing: the CQEs are those of the kind engine. */
static void answers_of_zero_change_nothing(void **state)
{
    (void)state;
    struct rig rig;
    char byte;
    for (int chosen = 0; chosen < 2; chosen++) {
        rig_open(&rig);
        if (chosen)
            rig_choose(&rig);
        rig_nop(&rig, 1, IOSQE_IO_LINK);
        rig_nop(&rig, 2, 0);
        rig_rw(&rig, 3, IORING_OP_READ, -1, &byte, 1);
        rig_nop(&rig, 4, 0);
        rig_cancel(&rig, 5, 4, 0);
        rig_nop(&rig, 7, 0)->opcode = 200;
        assert_int_equal(raw_ring_submit(&rig.ring), 6);
        rig_expect(&rig, 1, 0);
        rig_expect(&rig, 3, -EBADF);
        rig_expect(&rig, 4, 0);
        rig_expect(&rig, 5, -ENOENT);
        rig_expect(&rig, 7, -EINVAL);
        rig_expect(&rig, 2, 0);
        rig_timer(&rig, 6, IORING_OP_TIMEOUT, &hour)->off = 1;
        rig_nop(&rig, 8, 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 2);
        rig_expect(&rig, 8, 0);
        rig_expect(&rig, 6, 0);
        rig_close(&rig);
    }
}

/* Among what is due, any may be next. */
static void the_order_of_what_is_due_is_chosen(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_ORDER, 2);
    rig_answer(&rig, SRI_WHY_ORDER, 1);
    for (uint64_t i = 1; i <= 3; i++)
        rig_nop(&rig, i, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 3);

    rig_expect(&rig, 3, 0);
    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 1, 0);
    rig_close(&rig);
}

/* A chain keeps its order whatever is chosen. */
static void a_chain_keeps_its_order(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_DELAY, 5);
    rig_answer(&rig, SRI_WHY_DELAY, 1);
    rig_nop(&rig, 1, IOSQE_IO_LINK);
    rig_nop(&rig, 2, 0);
    rig_nop(&rig, 3, 0);

    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 3), 3);

    rig_expect(&rig, 3, 0);
    rig_expect(&rig, 1, 0);
    rig_expect(&rig, 2, 0);
    rig_close(&rig);
}

/* A delayed request waits for virtual time, which jumps there; until then it can be cancelled without effect. */
static void a_delayed_request_can_be_cancelled(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[4] = "";
    size_t moved;
    rig_open(&rig);
    rig_choose(&rig);
    get_filled_pipe(&rig, fds, "abc");
    rig_answer(&rig, SRI_WHY_DELAY, 7);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], bytes, 3);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect_none(&rig);

    rig_cancel(&rig, 2, 1, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 1, -ECANCELED);
    assert_int_equal(sri_sim_world_read(rig.world, fds[0], bytes, 3, &moved), 0);
    assert_int_equal(moved, 3);

    uint64_t begin_ns = sri_sim_world_now(rig.world);
    rig_answer(&rig, SRI_WHY_DELAY, 0);
    rig_answer(&rig, SRI_WHY_DELAY, 7);
    rig_nop(&rig, 3, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 3, 0);
    rig_nop(&rig, 4, 0);
    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 1), 1);
    rig_expect(&rig, 4, 0);
    assert_true(sri_sim_world_now(rig.world) - begin_ns >= HOUR_NS);
    rig_close(&rig);
}

static void choose_orderly(struct rig *rig)
{
    static const struct sri_chooser_vtable vtable = {.pick = rig_pick, .orderly = true};
    sri_engine_set_chooser(rig->engine, (struct sri_chooser){&vtable, rig});
}

/* A timer that was not seen with one of its moment comes between what the end of that one leads to, or behind all of it. */
static void a_timer_that_was_put_off_comes_between_batches(void **state)
{
    (void)state;
    static const uint64_t orders[4][4] = {{2, 4, 1, 3}, {2, 1, 4, 3}, {2, 1, 3, 4}, {2, 1, 3, 4}};
    for (uint32_t batch = 0; batch < 4; batch++) {
        struct rig rig;
        int empty[2];
        char byte;
        rig_open(&rig);
        assert_int_equal(sri_sim_world_pipe(rig.world, empty), 0);
        choose_orderly(&rig);
        rig_answer(&rig, SRI_WHY_TOGETHER, 1);
        for (uint32_t i = 0; i < 3; i++)
            rig_answer(&rig, SRI_WHY_COMES, i == batch);
        rig_rw(&rig, 1, IORING_OP_READ, empty[0], &byte, 1)->flags = IOSQE_IO_LINK;
        rig_timer(&rig, 2, IORING_OP_LINK_TIMEOUT, &second)->flags = IOSQE_IO_LINK;
        rig_nop(&rig, 3, 0);
        rig_timer(&rig, 4, IORING_OP_TIMEOUT, &second);

        assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 4), 4);

        for (uint32_t i = 0; i < 4; i++)
            rig_expect(&rig, orders[batch][i], orders[batch][i] % 2 == 0 ? -ETIME : -ECANCELED);
        rig_close(&rig);
    }
}

/* What follows the first of a batch that is broken off behind it comes before whom the second wakes, and else behind. */
static void a_batch_of_woken_work_may_be_broken_off(void **state)
{
    (void)state;
    for (uint32_t broken = 0; broken < 2; broken++) {
        struct rig rig;
        int waited[2];
        int woken[2];
        char byte;
        rig_open(&rig);
        assert_int_equal(sri_sim_world_pipe(rig.world, waited), 0);
        assert_int_equal(sri_sim_world_pipe(rig.world, woken), 0);
        choose_orderly(&rig);
        rig_answer(&rig, SRI_WHY_BREAK, broken);
        rig_rw(&rig, 1, IORING_OP_READ, waited[0], &byte, 1)->flags = IOSQE_IO_LINK;
        rig_nop(&rig, 2, 0);
        rig_rw(&rig, 3, IORING_OP_READ, woken[0], &byte, 1);
        assert_int_equal(raw_ring_submit(&rig.ring), 3);
        rig_nop(&rig, 4, IOSQE_IO_LINK);
        rig_rw(&rig, 5, IORING_OP_WRITE, woken[1], "x", 1);
        rig_rw(&rig, 6, IORING_OP_WRITE, waited[1], "x", 1);

        assert_int_equal(raw_ring_submit(&rig.ring), 3);

        assert_int_equal(rig.asked[SRI_WHY_BREAK], 1);
        rig_expect(&rig, 4, 0);
        rig_expect(&rig, 6, 1);
        rig_expect(&rig, 1, 1);
        rig_expect(&rig, 5, 1);
        rig_expect(&rig, broken ? 2 : 3, broken ? 0 : 1);
        rig_expect(&rig, broken ? 3 : 2, broken ? 1 : 0);
        rig_close(&rig);
    }
}

/* Of two timers that are due at once one may be seen before the other. */
static void timers_of_one_moment_may_be_seen_apart(void **state)
{
    (void)state;
    for (uint32_t apart = 0; apart < 2; apart++) {
        struct rig rig;
        rig_open(&rig);
        choose_orderly(&rig);
        rig_answer(&rig, SRI_WHY_TOGETHER, apart);
        rig_timer(&rig, 1, IORING_OP_TIMEOUT, &hour);
        rig_timer(&rig, 2, IORING_OP_TIMEOUT, &hour);
        assert_int_equal(raw_ring_submit(&rig.ring), 2);

        assert_int_equal(raw_ring_wait(&rig.ring, 1, 2 * HOUR_NS), 0);

        assert_int_equal(rig.asked[SRI_WHY_TOGETHER], 1);
        rig_expect(&rig, 1, -ETIME);
        if (apart)
            rig_expect_none(&rig);
        assert_int_equal(raw_ring_wait(&rig.ring, 1, 2 * HOUR_NS), 0);
        rig_expect(&rig, 2, -ETIME);
        rig_close(&rig);
    }
}

/* Who sleeps until a timer may wake a little later, when another has expired as well. */
static void a_sleeper_may_wake_late(void **state)
{
    (void)state;
    static const struct __kernel_timespec soon = {.tv_sec = 3600, .tv_nsec = SRI_LATE_NS / 2};
    for (uint32_t late = 0; late < 2; late++) {
        struct rig rig;
        rig_open(&rig);
        choose_orderly(&rig);
        rig_answer(&rig, SRI_WHY_LATE, late);
        rig_timer(&rig, 1, IORING_OP_TIMEOUT, &hour);
        rig_timer(&rig, 2, IORING_OP_TIMEOUT, &soon);
        assert_int_equal(raw_ring_submit(&rig.ring), 2);

        assert_int_equal(raw_ring_wait(&rig.ring, 1, 2 * HOUR_NS), 0);

        rig_expect(&rig, 1, -ETIME);
        if (late)
            rig_expect(&rig, 2, -ETIME);
        rig_expect_none(&rig);
        rig_close(&rig);
    }
}

/* A worker may carry out what nobody asked it to, and may come to it after all else. */
static void a_worker_may_begin_much_later(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[4] = "";
    rig_open(&rig);
    choose_orderly(&rig);
    get_filled_pipe(&rig, fds, "abc");
    rig_answer(&rig, SRI_WHY_WORKER, 2);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], bytes, 3);
    rig_nop(&rig, 2, 0);
    uint64_t begin_ns = sri_sim_world_now(rig.world);

    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 2), 2);

    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 1, 3);
    assert_true(sri_sim_world_now(rig.world) > begin_ns);
    assert_string_equal(bytes, "abc");
    rig_close(&rig);
}

/* An errno of the opcode's list ends the operation without effect; a NOP has none to give. */
static void an_errno_has_no_effect_on_the_object(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[4] = "";
    rig_open(&rig);
    rig_choose(&rig);
    get_filled_pipe(&rig, fds, "abc");
    rig_answer(&rig, SRI_WHY_ERRNO, 1);
    rig_nop(&rig, 1, 0);
    rig_rw(&rig, 2, IORING_OP_READ, fds[0], bytes, 3);
    rig_rw(&rig, 3, IORING_OP_READ, fds[0], bytes, 3);

    assert_int_equal(raw_ring_submit(&rig.ring), 3);

    rig_expect(&rig, 1, 0);
    rig_expect(&rig, 2, -EIO);
    rig_expect(&rig, 3, 3);
    assert_string_equal(bytes, "abc");
    rig_close(&rig);
}

/* A short read leaves the rest in the object. */
static void a_short_read_loses_nothing(void **state)
{
    (void)state;
    static const int32_t counts[] = {4, 1, 2, 3, 1};
    struct rig rig;
    for (uint32_t answer = 0; answer < 5; answer++) {
        int fds[2];
        char bytes[5] = "";
        rig_open(&rig);
        rig_choose(&rig);
        get_filled_pipe(&rig, fds, "abcd");
        rig_answer(&rig, SRI_WHY_SHORT, answer);
        rig_rw(&rig, 1, IORING_OP_READ, fds[0], bytes, 4);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_expect(&rig, 1, counts[answer]);
        if (counts[answer] < 4) {
            rig_rw(&rig, 2, IORING_OP_READ, fds[0], bytes + counts[answer], 4);
            assert_int_equal(raw_ring_submit(&rig.ring), 1);
            rig_expect(&rig, 2, 4 - counts[answer]);
        }
        assert_string_equal(bytes, "abcd");
        rig_close(&rig);
    }
}

/* Past its commit point an operation only reports late: a cancel is too late, the bytes may come with the CQE. */
static void a_committed_read_only_reports_late(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[4] = "...";
    rig_open(&rig);
    rig_choose(&rig);
    get_filled_pipe(&rig, fds, "abc");
    rig_answer(&rig, SRI_WHY_COPY, 1);
    rig_answer(&rig, SRI_WHY_REPORT, 6);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], bytes, 3);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_string_equal(bytes, "...");

    rig_cancel(&rig, 2, 1, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 2, -EALREADY);
    assert_int_equal(raw_ring_wait(&rig.ring, 1, HOUR_NS), 0);

    rig_expect(&rig, 1, 3);
    assert_string_equal(bytes, "abc");
    rig_close(&rig);
}

/* Scribbling touches only the bytes that the CQE will report. */
static void a_scribble_stays_within_what_is_reported(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[6] = ".....";
    rig_open(&rig);
    rig_choose(&rig);
    rig_watch(&rig);
    get_filled_pipe(&rig, fds, "abc");
    rig_answer(&rig, SRI_WHY_COPY, 2);
    rig_answer(&rig, SRI_WHY_REPORT, 1);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], bytes, 5);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_memory_not_equal(bytes, "...", 3);
    assert_string_equal(bytes + 3, "..");

    assert_int_equal(raw_ring_wait(&rig.ring, 1, HOUR_NS), 0);

    rig_expect(&rig, 1, 3);
    assert_string_equal(bytes, "abc..");
    uint32_t touched = rig_event(&rig, SRI_EVENT_TOUCHED, 0);
    assert_true(touched < rig.event_count);
    assert_int_equal(rig.events[touched].result, 3);
    assert_true(rig_event(&rig, SRI_EVENT_COMMITTED, 0) < touched);
    rig_close(&rig);
}

/* A cancel that is told -EALREADY leaves its target to its own end, or ends it all the same; either CQE may be first. */
static void a_cancel_may_lose_or_lie(void **state)
{
    (void)state;
    static const struct {
        uint32_t cancel;
        uint32_t order;
        int32_t answer;
        bool target_first;
        bool cancelled;
    } rows[] = {
        {0, 0, 0, false, true},
        {0, 1, 0, true, true},
        {1, 0, -EALREADY, false, false},
        {2, 0, -EALREADY, false, true},
    };
    struct rig rig;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fds[2];
        char byte;
        size_t moved;
        rig_open(&rig);
        rig_choose(&rig);
        assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
        rig_answer(&rig, SRI_WHY_CANCEL, rows[i].cancel);
        rig_answer(&rig, SRI_WHY_CANCEL_ORDER, rows[i].order);
        rig_rw(&rig, 1, IORING_OP_READ, fds[0], &byte, 1);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        rig_cancel(&rig, 2, 1, 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
        if (rows[i].target_first)
            rig_expect(&rig, 1, -ECANCELED);
        rig_expect(&rig, 2, rows[i].answer);
        assert_int_equal(sri_sim_world_write(rig.world, fds[1], "x", 1, &moved), 0);
        assert_int_equal(raw_ring_get_events(&rig.ring), 0);
        if (!rows[i].target_first)
            rig_expect(&rig, 1, rows[i].cancelled ? -ECANCELED : 1);
        rig_expect_none(&rig);
        rig_close(&rig);
    }
}

/* A wait may be interrupted before any progress. */
static void a_wait_may_be_interrupted(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_INTERRUPT, 1);
    rig_timer(&rig, 1, IORING_OP_TIMEOUT, &hour);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    assert_int_equal(raw_ring_wait(&rig.ring, 1, 2 * HOUR_NS), -EINTR);
    assert_int_equal(raw_ring_wait(&rig.ring, 1, 2 * HOUR_NS), 0);

    rig_expect(&rig, 1, -ETIME);
    rig_close(&rig);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static uint32_t pick_any(void *self, const struct sri_question *question)
{
    uint64_t number = next_random(self);
    if (question->why == SRI_WHY_SETUP || question->why == SRI_WHY_REGISTER || number % 3 != 0)
        return 0;
    return (uint32_t)(next_random(self) % question->n);
}

static void submit_something(struct rig *rig, uint64_t *seed, uint64_t user_data, const int fds[4],
                             char *buffer)
{
    static const struct __kernel_timespec times[] = {{0, 500}, {0, 2000000}, {1, 0}};
    static const unsigned flags[] = {0,   0, 0, IOSQE_IO_LINK, IOSQE_IO_HARDLINK, IOSQE_ASYNC, IOSQE_IO_DRAIN,
                                     0x80};
    struct io_uring_sqe *sqe;
    uint64_t target = user_data - 1 - next_random(seed) % 8;
    switch (next_random(seed) % 9) {
    case 0: sqe = rig_rw(rig, user_data, IORING_OP_READ, fds[0], buffer, 16); break;
    case 1: sqe = rig_rw(rig, user_data, IORING_OP_WRITE, fds[1], buffer, 16); break;
    case 2:
        sqe = rig_rw(rig, user_data, IORING_OP_RECV, fds[2], buffer, 16);
        sqe->msg_flags = next_random(seed) % 2 ? MSG_WAITALL : 0;
        break;
    case 3: sqe = rig_rw(rig, user_data, IORING_OP_SEND, fds[3], buffer, 16); break;
    case 4:
        sqe = rig_timer(rig, user_data, IORING_OP_TIMEOUT, &times[next_random(seed) % 3]);
        sqe->off = next_random(seed) % 3;
        break;
    case 5: sqe = rig_timer(rig, user_data, IORING_OP_LINK_TIMEOUT, &times[next_random(seed) % 3]); break;
    case 6:
        sqe = rig_cancel(rig, user_data, target, next_random(seed) % 4 ? 0 : IORING_ASYNC_CANCEL_ALL);
        break;
    case 7:
        sqe = rig_nop(rig, user_data, 0);
        sqe->opcode = IORING_OP_POLL_ADD;
        sqe->fd = fds[next_random(seed) % 2 * 2];
        sqe->poll32_events = 1;
        break;
    default: sqe = rig_nop(rig, user_data, 0); break;
    }
    sqe->flags = (uint8_t)flags[next_random(seed) % 8];
}

/* Whatever is chosen, each request ends exactly once, and closing leaves nothing behind. */
static void every_request_ends_once(void **state)
{
    (void)state;
    enum {
        SEEDS = 300,
        REQUESTS = 64
    };
    static const struct sri_chooser_vtable vtable = {.pick = pick_any};
    static const unsigned setups[] = {0, IORING_SETUP_SUBMIT_ALL,
                                      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    for (uint64_t first = 1; first <= SEEDS; first++) {
        struct rig rig;
        uint64_t seed = first;
        int fds[4];
        char buffer[16] = "";
        uint8_t ended[REQUESTS + 1] = {0};
        rig_open_flags(&rig, 8, setups[first % 3]);
        assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
        assert_int_equal(sri_sim_world_socketpair(rig.world, fds + 2), 0);
        sri_engine_set_chooser(rig.engine, (struct sri_chooser){&vtable, &seed});
        if (first % 2)
            rig_watch(&rig);
        uint64_t user_data = 1;
        uint64_t ends = 0;
        for (int round = 0; round < 400 && ends < REQUESTS; round++) {
            while (user_data <= REQUESTS && next_random(&seed) % 3 != 0 &&
                   io_uring_sq_space_left(&rig.ring.ring) > 0)
                submit_something(&rig, &seed, user_data++, fds, buffer);
            size_t moved;
            for (int end = 1; user_data > REQUESTS && end < 4; end += 2)
                assert_int_equal(sri_sim_world_write(rig.world, fds[end], "0123456789abcdef", 16, &moved), 0);
            raw_ring_submit_and_wait_for(&rig.ring, 1, 2 * HOUR_NS);
            struct io_uring_cqe cqe;
            while (raw_ring_take(&rig.ring, &cqe)) {
                assert_int_equal(ended[cqe.user_data]++, 0);
                ends++;
            }
        }
        if (ends != REQUESTS)
            fail_msg("seed %d: %d requests ended", (int)first, (int)ends);
        rig_close(&rig);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers_of_zero_change_nothing),
    cmocka_unit_test(the_order_of_what_is_due_is_chosen),
    cmocka_unit_test(a_chain_keeps_its_order),
    cmocka_unit_test(a_timer_that_was_put_off_comes_between_batches),
    cmocka_unit_test(a_batch_of_woken_work_may_be_broken_off),
    cmocka_unit_test(timers_of_one_moment_may_be_seen_apart),
    cmocka_unit_test(a_sleeper_may_wake_late),
    cmocka_unit_test(a_worker_may_begin_much_later),
    cmocka_unit_test(a_delayed_request_can_be_cancelled),
    cmocka_unit_test(an_errno_has_no_effect_on_the_object),
    cmocka_unit_test(a_short_read_loses_nothing),
    cmocka_unit_test(a_committed_read_only_reports_late),
    cmocka_unit_test(a_scribble_stays_within_what_is_reported),
    cmocka_unit_test(a_cancel_may_lose_or_lie),
    cmocka_unit_test(a_wait_may_be_interrupted),
    cmocka_unit_test(every_request_ends_once),
};

SR_TEST_MAIN(tests)
