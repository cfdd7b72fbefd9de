/*
 * Timers: their clocks, moving them, taking them back; also those that limit another operation.
 */
#include <string.h>
#include <time.h>

#include "support/conform.h"
#include "support/main.h"

static int submit_and_wait(struct conform *c, unsigned count)
{
    return raw_ring_submit_and_wait_for(&c->ring, count, UINT64_C(10000000000));
}

static void expire(struct conform *c, uint64_t user_data, unsigned flags, struct __kernel_timespec time)
{
    io_uring_prep_timeout(conform_sqe(c, user_data), &time, 0, flags);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_moment_in_the_past_expires_at_once(struct conform *c)
{
    const struct __kernel_timespec past = {.tv_nsec = 1};
    expire(c, 1, IORING_TIMEOUT_ABS, past);
    expire(c, 2, IORING_TIMEOUT_ABS | IORING_TIMEOUT_BOOTTIME, past);
    expire(c, 3, IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME, past);
    expire(c, 4, 0, (struct __kernel_timespec){0});
}

static void every_clock_counts_a_duration(struct conform *c)
{
    expire(c, 1, IORING_TIMEOUT_BOOTTIME, CONFORM_MILLISECOND);
    expire(c, 2, IORING_TIMEOUT_REALTIME, CONFORM_MILLISECOND);
    expire(c, 3, IORING_TIMEOUT_ETIME_SUCCESS, CONFORM_MILLISECOND);
}

/* The year 2100. */
static void a_moment_far_away_does_not_come(struct conform *c)
{
    const struct __kernel_timespec far = {.tv_sec = 4102444800};
    io_uring_prep_timeout(conform_sqe(c, 1), (void *)(uintptr_t)&far, 0,
                          IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME);
    io_uring_prep_timeout(conform_sqe(c, 2), (void *)(uintptr_t)&far, 0, IORING_TIMEOUT_ABS);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_timeout_remove(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_timeout_remove(conform_sqe(c, 4), 2, 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void refuse(struct conform *c, unsigned flags, struct __kernel_timespec time)
{
    io_uring_prep_timeout(conform_sqe(c, flags), &time, 0, flags);
    conform_submit(c);
    conform_take(c, 1);
}

static void only_one_clock_may_be_asked_for(struct conform *c)
{
    refuse(c, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME, CONFORM_MILLISECOND);
    refuse(c, IORING_TIMEOUT_UPDATE, CONFORM_MILLISECOND);
    refuse(c, IORING_LINK_TIMEOUT_UPDATE, CONFORM_MILLISECOND);
    refuse(c, 1u << 31, CONFORM_MILLISECOND);
}

static void times_may_be_odd(struct conform *c)
{
    refuse(c, 0, (struct __kernel_timespec){.tv_sec = -1});
    refuse(c, 0, (struct __kernel_timespec){.tv_nsec = -1});
    refuse(c, 0, (struct __kernel_timespec){.tv_nsec = 1000000000});
    refuse(c, IORING_TIMEOUT_ABS, (struct __kernel_timespec){.tv_sec = -1});
}

static void update(struct conform *c, uint64_t user_data, uint64_t target, unsigned flags,
                   struct __kernel_timespec time)
{
    io_uring_prep_timeout_update(conform_sqe(c, user_data), &time, target, flags);
    conform_submit(c);
}

static void a_timer_is_moved_to_a_moment(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    update(c, 2, 1, IORING_TIMEOUT_ABS, (struct __kernel_timespec){.tv_nsec = 1});
    conform_take(c, 2);
}

static void a_timer_is_moved_away_and_back(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    timeout.tv_nsec *= 20;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    update(c, 2, 1, 0, CONFORM_LONG);
    conform_take(c, 1);
    conform_value(c, "wait", raw_ring_wait(&c->ring, 1, 30000000));
    update(c, 3, 1, 0, CONFORM_MILLISECOND);
    conform_take(c, 2);
}

/* What is moved counts completions no longer. */
static void a_counting_timer_that_is_moved_stops_counting(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 3, 0);
    conform_submit(c);
    update(c, 2, 1, 0, CONFORM_LONG);
    conform_take(c, 1);
    for (uint64_t i = 3; i <= 6; i++)
        conform_sqe(c, i);
    conform_submit(c);
    conform_take(c, 4);
    conform_take_now(c);
    update(c, 7, 1, 0, CONFORM_MILLISECOND);
    conform_take(c, 2);
}

static void a_timer_of_another_clock_is_moved(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, IORING_TIMEOUT_REALTIME);
    conform_submit(c);
    update(c, 2, 1, 0, CONFORM_MILLISECOND);
    conform_take(c, 2);
}

static void updates_are_checked(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    update(c, 1, 99, 0, timeout);
    conform_take(c, 1);
    update(c, 2, 99, IORING_TIMEOUT_BOOTTIME, timeout);
    conform_take(c, 1);
    update(c, 3, 99, IORING_TIMEOUT_REALTIME, timeout);
    conform_take(c, 1);
    update(c, 4, 99, IORING_TIMEOUT_ETIME_SUCCESS, timeout);
    conform_take(c, 1);
    update(c, 5, 99, 0, (struct __kernel_timespec){.tv_sec = -1});
    conform_take(c, 1);
    io_uring_prep_timeout_update(conform_sqe(c, 6), NULL, 99, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout_update(conform_sqe(c, 7), &timeout, 99, 0);
    c->ring.ring.sq.sqes[6].len = 1;
    conform_submit(c);
    conform_take(c, 1);
    update(c, 8, 99, IORING_LINK_TIMEOUT_UPDATE, timeout);
    conform_take(c, 1);
}

static void removals_are_checked(struct conform *c)
{
    io_uring_prep_timeout_remove(conform_sqe(c, 1), 99, IORING_TIMEOUT_ABS);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout_remove(conform_sqe(c, 2), 99, 0);
    c->ring.ring.sq.sqes[1].flags = IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout_remove(conform_sqe(c, 3), 99, 0);
    c->ring.ring.sq.sqes[2].buf_index = 1;
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout_remove(conform_sqe(c, 4), 99, 0);
    c->ring.ring.sq.sqes[3].splice_fd_in = 1;
    conform_submit(c);
    conform_take(c, 1);
}

static void a_counting_timer_is_removed(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 2, 0);
    conform_submit(c);
    io_uring_prep_timeout_remove(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
}

/* 1: a read of a pipe that is empty; 2: its limit. */
static void limited_read(struct conform *c, int fd, char *byte, struct __kernel_timespec *time,
                         unsigned flags)
{
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, fd, byte, 1, 0);
    sqe->flags = IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 2), time, flags);
    conform_submit(c);
}

static void a_limit_is_moved(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    limited_read(c, ends[0], &byte, &timeout, 0);
    update(c, 3, 2, IORING_LINK_TIMEOUT_UPDATE, CONFORM_MILLISECOND);
    conform_take(c, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_limit_is_no_ordinary_timer(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    limited_read(c, ends[0], &byte, &timeout, 0);
    update(c, 3, 2, 0, CONFORM_MILLISECOND);
    conform_take(c, 1);
    io_uring_prep_timeout_remove(conform_sqe(c, 4), 2, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_cancel64(conform_sqe(c, 5), 2, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout(conform_sqe(c, 6), &timeout, 0, 0);
    conform_submit(c);
    update(c, 7, 6, IORING_LINK_TIMEOUT_UPDATE, CONFORM_MILLISECOND);
    conform_take(c, 1);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_close_both(c, ends);
}

/* Without IORING_TIMEOUT_UPDATE the other flag makes a removal of it. */
static void the_flag_of_a_limit_alone_removes(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_timeout_update(sqe, &timeout, 1, 0);
    sqe->timeout_flags = IORING_LINK_TIMEOUT_UPDATE;
    conform_submit(c);
    conform_take(c, 2);
}

static void a_limit_may_be_a_moment(struct conform *c)
{
    struct __kernel_timespec past = {.tv_nsec = 1};
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    limited_read(c, ends[0], &byte, &past, IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void limits_are_checked(struct conform *c)
{
    static const unsigned flags[] = {IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME, 1u << 31,
                                     IORING_TIMEOUT_UPDATE};
    struct __kernel_timespec timeout = CONFORM_LONG;
    for (unsigned i = 0; i < 3; i++) {
        conform_sqe(c, 1)->flags = IOSQE_IO_LINK;
        io_uring_prep_link_timeout(conform_sqe(c, 2), &timeout, flags[i]);
        conform_submit(c);
        conform_take(c, 2);
    }
    conform_sqe(c, 1)->flags = IOSQE_IO_LINK;
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_link_timeout(sqe, &timeout, 0);
    sqe->off = 1;
    conform_submit(c);
    conform_take(c, 2);
}

static void a_cancelled_read_dismisses_its_limit(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    limited_read(c, ends[0], &byte, &timeout, 0);
    io_uring_prep_cancel64(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_timer_may_be_limited_itself(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    struct __kernel_timespec limit = CONFORM_MILLISECOND;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_timeout(sqe, &timeout, 0, 0);
    sqe->flags = IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 2), &limit, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_value(c, "nothing is left", submit_and_wait(c, 0));
}

static const struct conform_case cases[] = {
    {.name = "a moment in the past expires at once",
     .run = a_moment_in_the_past_expires_at_once,
     .expected = "submit: 1\n1: ETIME\nsubmit: 1\n2: ETIME\nsubmit: 1\n3: ETIME\nsubmit: 1\n4: ETIME\n"},
    {.name = "every clock counts a duration",
     .run = every_clock_counts_a_duration,
     .expected = "submit: 1\n1: ETIME\nsubmit: 1\n2: ETIME\nsubmit: 1\n3: ETIME\n"},
    {.name = "a moment far away does not come",
     .run = a_moment_far_away_does_not_come,
     .expected = "submit: 2\nnothing\nsubmit: 1\n3: 0\n1: ECANCELED\nsubmit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "only one clock may be asked for",
     .run = only_one_clock_may_be_asked_for,
     .expected = "submit: 1\n12: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n16: EINVAL\nsubmit: 1\n"
                 "2147483648: EINVAL\n"},
    {.name = "times may be odd",
     .run = times_may_be_odd,
     .expected = "submit: 1\n0: EINVAL\nsubmit: 1\n0: EINVAL\nsubmit: 1\n0: ETIME\nsubmit: 1\n1: EINVAL\n"},
    {.name = "a timer is moved to a moment",
     .run = a_timer_is_moved_to_a_moment,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ETIME\n"},
    {.name = "a timer is moved away and back",
     .run = a_timer_is_moved_away_and_back,
     .expected = "submit: 1\nsubmit: 1\n2: 0\nwait: ETIME\nsubmit: 1\n3: 0\n1: ETIME\n"},
    {.name = "a counting timer that is moved stops counting",
     .run = a_counting_timer_that_is_moved_stops_counting,
     .expected = "submit: 1\nsubmit: 1\n2: 0\nsubmit: 4\n3: 0\n4: 0\n5: 0\n6: 0\nnothing\nsubmit: 1\n"
                 "7: 0\n1: ETIME\n"},
    {.name = "a timer of another clock is moved",
     .run = a_timer_of_another_clock_is_moved,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ETIME\n"},
    {.name = "updates of timers are checked",
     .run = updates_are_checked,
     .expected = "submit: 1\n1: ENOENT\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EINVAL\nsubmit: 1\n"
                 "4: EINVAL\nsubmit: 1\n5: EINVAL\nsubmit: 1\n6: EFAULT\nsubmit: 1\n7: EINVAL\n"
                 "submit: 1\n8: ENOENT\n"},
    {.name = "removals of timers are checked",
     .run = removals_are_checked,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EINVAL\nsubmit: 1\n"
                 "4: EINVAL\n"},
    {.name = "a counting timer is removed",
     .run = a_counting_timer_is_removed,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\nsubmit: 2\n3: 0\n4: 0\nnothing\n"},
    {.name = "a limit is moved",
     .run = a_limit_is_moved,
     .expected = "submit: 2\nsubmit: 1\n3: 0\n2: ETIME\n1: ECANCELED\n"},
    {.name = "a limit is no ordinary timer",
     .run = a_limit_is_no_ordinary_timer,
     .expected = "submit: 2\nsubmit: 1\n3: ENOENT\nsubmit: 1\n4: ENOENT\nsubmit: 1\n5: ENOENT\n"
                 "submit: 1\nsubmit: 1\n7: ENOENT\nwritten: 1\n1: 1\n2: ECANCELED\n"},
    {.name = "the flag of a limit alone removes",
     .run = the_flag_of_a_limit_alone_removes,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a limit may be a moment",
     .run = a_limit_may_be_a_moment,
     .expected = "submit: 2\n2: ETIME\n1: ECANCELED\n"},
    {.name = "limits are checked",
     .run = limits_are_checked,
     .expected = "submit: 2\n1: ECANCELED\n2: EINVAL\nsubmit: 2\n1: ECANCELED\n2: EINVAL\nsubmit: 2\n"
                 "1: ECANCELED\n2: EINVAL\nsubmit: 2\n1: ECANCELED\n2: EINVAL\n"},
    {.name = "a cancelled read dismisses its limit",
     .run = a_cancelled_read_dismisses_its_limit,
     .expected = "submit: 2\nsubmit: 1\n3: 0\n1: ECANCELED\n2: ECANCELED\n"},
    {.name = "a timer may be limited itself",
     .run = a_timer_may_be_limited_itself,
     .expected = "submit: 2\n2: ETIME\n1: ECANCELED\nnothing is left: 0\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void timers_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void timers_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void timers_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(timers_on_io_uring),
    cmocka_unit_test(timers_on_the_engine),
    cmocka_unit_test(timers_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
