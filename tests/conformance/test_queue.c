/*
 * The two queues: what a submission returns, what a wait returns, overflow, deferred work.
 */
#include <errno.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define MILLISECOND UINT64_C(1000000)
#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static void counters(struct conform *c)
{
    struct io_uring *ring = &c->ring.ring;
    conform_say(c, "sq ready %u, cq ready %u, dropped %u, overflow %u, flags %u\n", io_uring_sq_ready(ring),
                io_uring_cq_ready(ring), *ring->sq.kdropped, *ring->cq.koverflow, *ring->sq.kflags);
}

static void nothing_is_submitted_from_an_empty_queue(struct conform *c)
{
    conform_submit(c);
    conform_value(c, "submit and wait for none", raw_ring_submit_and_wait(&c->ring, 0));
    counters(c);
}

static void a_full_queue_is_emptied_by_a_submission(struct conform *c)
{
    for (uint64_t i = 1; i <= 4; i++)
        conform_sqe(c, i);
    conform_say(c, "room: %s\n", raw_ring_sqe(&c->ring, 5) != NULL ? "yes" : "no");
    conform_submit(c);
    counters(c);
    conform_say(c, "room: %s\n", raw_ring_sqe(&c->ring, 5) != NULL ? "yes" : "no");
    conform_submit(c);
    conform_take(c, 5);
}

static void fewer_than_are_there_may_be_submitted(struct conform *c)
{
    for (uint64_t i = 1; i <= 4; i++)
        conform_sqe(c, i);
    const struct sr_backend *backend = &c->ring.backend;
    struct io_uring_sq *sq = &c->ring.ring.sq;
    for (; sq->sqe_head != sq->sqe_tail; sq->sqe_head++)
        sq->array[sq->sqe_head & sq->ring_mask] = sq->sqe_head & sq->ring_mask;
    *sq->ktail = sq->sqe_tail;
    conform_value(c, "two of four", backend->vtable->enter(backend->self, c->ring.fd, 2, 0, 0, NULL, 0));
    counters(c);
    conform_value(c, "ten of two", backend->vtable->enter(backend->self, c->ring.fd, 10, 0, 0, NULL, 0));
    conform_take(c, 4);
}

static void a_wait_ends_at_its_timeout(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    conform_value(c, "nothing in flight", raw_ring_wait(&c->ring, 1, MILLISECOND));
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_value(c, "submitted one", raw_ring_submit_and_wait_for(&c->ring, 1, MILLISECOND));
    conform_value(c, "one in flight", raw_ring_wait(&c->ring, 1, MILLISECOND));
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_wait_for_what_is_there_returns(struct conform *c)
{
    conform_sqe(c, 1);
    conform_sqe(c, 2);
    conform_value(c, "submitted two", raw_ring_submit_and_wait(&c->ring, 2));
    conform_value(c, "wait for one", raw_ring_wait(&c->ring, 1, MILLISECOND));
    conform_value(c, "wait for three", raw_ring_wait(&c->ring, 3, MILLISECOND));
    counters(c);
    conform_take(c, 2);
}

static void a_stopped_batch_does_not_wait(struct conform *c)
{
    conform_sqe(c, 1)->opcode = 250;
    conform_sqe(c, 2);
    conform_value(c, "submitted", raw_ring_submit_and_wait(&c->ring, 5));
    conform_submit(c);
    conform_take(c, 2);
}

static void fill_over(struct conform *c, uint64_t count)
{
    for (uint64_t i = 1; i <= count; i += 4) {
        for (uint64_t j = i; j < i + 4; j++)
            conform_sqe(c, j);
        conform_submit(c);
    }
}

static void what_finds_no_room_is_kept(struct conform *c)
{
    struct io_uring_cqe cqe;
    fill_over(c, 12);
    counters(c);
    for (int i = 0; i < 3; i++)
        if (raw_ring_take(&c->ring, &cqe))
            conform_say(c, "%llu\n", (unsigned long long)cqe.user_data);
    counters(c);
    conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    counters(c);
    conform_take_now(c);
    conform_take_now(c);
    conform_take_now(c);
    counters(c);
}

static void a_wait_shows_what_found_no_room(struct conform *c)
{
    fill_over(c, 12);
    conform_take(c, 8);
    conform_take(c, 4);
    counters(c);
}

static void a_wait_beyond_the_queue_is_cut(struct conform *c)
{
    fill_over(c, 8);
    conform_value(c, "wait for ten of eight", raw_ring_wait(&c->ring, 10, MILLISECOND));
    conform_value(c, "without a timeout", raw_ring_submit_and_wait(&c->ring, 10));
    conform_take(c, 8);
}

static void deferred_work_needs_get_events(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    conform_write(c, ends[1], "x");
    conform_submit(c);
    counters(c);
    conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    counters(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void what_ends_at_once_needs_no_get_events(struct conform *c)
{
    conform_sqe(c, 1);
    conform_submit(c);
    counters(c);
    conform_take(c, 1);
}

static void deferred_work_is_flagged_where_asked(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    conform_write(c, ends[1], "x");
    conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    counters(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void arguments_may_go_after_submission(struct conform *c)
{
    char bytes[2];
    int fd = conform_file(c, "abcd");
    struct __kernel_timespec timeout = {.tv_nsec = 1000000};
    struct iovec segment = {bytes, 2};
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    io_uring_prep_readv(conform_sqe(c, 2), fd, &segment, 1, 1);
    conform_submit(c);
    timeout.tv_sec = 1000;
    segment.iov_base = NULL;
    memset(c->ring.sqes, 0xff, 8 * sizeof(struct io_uring_sqe));
    conform_take(c, 2);
    conform_data(c, bytes, 2);
    conform_close(c, fd);
}

static void a_wake_is_a_completion(struct conform *c)
{
    const struct sr_backend *backend = &c->ring.backend;
    conform_value(c, "wake", backend->vtable->wake(backend->self, c->ring.fd, 99));
    conform_take(c, 1);
}

static void a_ring_can_be_told_of_its_features(struct conform *c)
{
    const unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |
                            IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP;
    conform_say(c, "features: %s\n",
                (c->ring.params.features & needed) == needed ? "all that are needed" : "some lack");
}

static const struct conform_case cases[] = {
    {.name = "nothing is submitted from an empty queue",
     .run = nothing_is_submitted_from_an_empty_queue,
     .expected = "submit: 0\nsubmit and wait for none: 0\n"
                 "sq ready 0, cq ready 0, dropped 0, overflow 0, flags 0\n"},
    {.name = "a full queue is emptied by a submission",
     .run = a_full_queue_is_emptied_by_a_submission,
     .expected = "room: no\nsubmit: 4\nsq ready 0, cq ready 4, dropped 0, overflow 0, flags 0\n"
                 "room: yes\nsubmit: 1\n1: 0\n2: 0\n3: 0\n4: 0\n5: 0\n",
     .entries = 4},
    {.name = "fewer than are there may be submitted",
     .run = fewer_than_are_there_may_be_submitted,
     .expected = "two of four: 2\nsq ready 2, cq ready 2, dropped 0, overflow 0, flags 0\n"
                 "ten of two: 2\n1: 0\n2: 0\n3: 0\n4: 0\n"},
    {.name = "a wait ends at its timeout",
     .run = a_wait_ends_at_its_timeout,
     .expected = "nothing in flight: ETIME\nsubmitted one: 1\none in flight: ETIME\nwritten: 1\n1: 1\n"},
    {.name = "a wait for what is there returns",
     .run = a_wait_for_what_is_there_returns,
     .expected = "submitted two: 2\nwait for one: 0\nwait for three: 0\n"
                 "sq ready 0, cq ready 2, dropped 0, overflow 0, flags 0\n1: 0\n2: 0\n"},
    {.name = "a stopped batch does not wait",
     .run = a_stopped_batch_does_not_wait,
     .expected = "submitted: 1\nsubmit: 1\n1: EINVAL\n2: 0\n"},
    {.name = "what finds no room is kept",
     .run = what_finds_no_room_is_kept,
     .expected = "submit: 4\nsubmit: 4\nsubmit: 4\n"
                 "sq ready 0, cq ready 8, dropped 0, overflow 0, flags 2\n1\n2\n3\n"
                 "sq ready 0, cq ready 5, dropped 0, overflow 0, flags 2\nget_events: 0\n"
                 "sq ready 0, cq ready 8, dropped 0, overflow 0, flags 2\n4: 0\n5: 0\n6: 0\n7: 0\n"
                 "8: 0\n9: 0\n10: 0\n11: 0\n12: 0\nnothing\n"
                 "sq ready 0, cq ready 0, dropped 0, overflow 0, flags 0\n",
     .entries = 4},
    {.name = "a wait shows what found no room",
     .run = a_wait_shows_what_found_no_room,
     .expected = "submit: 4\nsubmit: 4\nsubmit: 4\n1: 0\n2: 0\n3: 0\n4: 0\n5: 0\n6: 0\n7: 0\n8: 0\n"
                 "9: 0\n10: 0\n11: 0\n12: 0\nsq ready 0, cq ready 0, dropped 0, overflow 0, flags 0\n",
     .entries = 4},
    {.name = "a wait beyond the queue is cut",
     .run = a_wait_beyond_the_queue_is_cut,
     .expected = "submit: 4\nsubmit: 4\nwait for ten of eight: 0\nwithout a timeout: 0\n1: 0\n2: 0\n"
                 "3: 0\n4: 0\n5: 0\n6: 0\n7: 0\n8: 0\n",
     .entries = 4},
    {.name = "deferred work needs GETEVENTS",
     .run = deferred_work_needs_get_events,
     .expected = "submit: 1\nget_events: 0\nwritten: 1\nsubmit: 0\n"
                 "sq ready 0, cq ready 0, dropped 0, overflow 0, flags 0\nget_events: 0\n"
                 "sq ready 0, cq ready 1, dropped 0, overflow 0, flags 0\n1: 1\n",
     .setup_flags = DEFERRED},
    {.name = "what ends at once needs no GETEVENTS",
     .run = what_ends_at_once_needs_no_get_events,
     .expected = "submit: 1\nsq ready 0, cq ready 1, dropped 0, overflow 0, flags 0\n1: 0\n",
     .setup_flags = DEFERRED},
    {.name = "deferred work is flagged where asked",
     .run = deferred_work_is_flagged_where_asked,
     .expected = "submit: 1\nget_events: 0\nwritten: 1\nget_events: 0\n"
                 "sq ready 0, cq ready 1, dropped 0, overflow 0, flags 0\n1: 1\n",
     .setup_flags = DEFERRED | IORING_SETUP_TASKRUN_FLAG},
    {.name = "arguments may go after submission",
     .run = arguments_may_go_after_submission,
     .expected = "submit: 2\n2: 2\n1: ETIME\ndata: bc\n"},
    {.name = "a wake is a completion", .run = a_wake_is_a_completion, .expected = "wake: 0\n99: 0\n"},
    {.name = "a ring can be told of its features",
     .run = a_ring_can_be_told_of_its_features,
     .expected = "features: all that are needed\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void queues_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void queues_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void queues_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(queues_on_io_uring),
    cmocka_unit_test(queues_on_the_engine),
    cmocka_unit_test(queues_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
