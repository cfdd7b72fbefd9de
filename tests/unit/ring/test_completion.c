/*
 * The end of a completion, CQEs that belong to nobody, slots and their generations (OP-1, OP-3, OP-5, BUF-5, BUF-7, ARG-2).
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring/ring_private.h"
#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

/* Awaits a read of 16 bytes that ends with `result`. */
SR_UNCHECKED static struct sr_completion completed_read(struct fake_ring *f, int32_t result)
{
    struct sr_op op = submit_read(f->ring, 5, 16);
    struct sr_completion done;
    fake_kernel_post(f->kernel, op.id, result);
    assert_int_equal(sr_op_await(f->ring, &op, &done), 0);
    return done;
}

/* Taking gives the buffer back on success and on every error, with the result untouched (BUF-5). */
SR_UNCHECKED static void taking_gives_the_buffer_back_whatever_the_result(void **state)
{
    (void)state;
    static const int32_t results[] = {16, 1, 0, -EIO, -ECANCELED, -4095, INT32_MIN};
    struct fake_ring f = fake_ring_open(4);
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        struct sr_completion done = completed_read(&f, results[i]);
        struct sr_buffer *buffer = NULL;

        assert_int_equal(sr_take(&done, &buffer), results[i]);

        assert_true(done.id == 0);
        assert_true(sr_buffer_is_user_owned(buffer));
        assert_int_equal(sr_buffer_size(buffer), 16);
        assert_int_equal(sr_buffer_release(&buffer), 0);
    }
    fake_ring_close(&f);
}

/* A completion is ended once: a second end, by itself or by a copy, is stale and gives no buffer (OP-3). */
SR_UNCHECKED static void a_completion_is_ended_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done = completed_read(&f, 7);
    struct sr_completion copy = done;
    struct sr_buffer *buffer = NULL;
    struct sr_buffer *again = NULL;
    assert_int_equal(sr_take(&done, &buffer), 7);

    assert_int_equal(sr_take(&done, &again), SR_ESTALE);
    assert_int_equal(sr_take(&copy, &again), SR_ESTALE);
    assert_int_equal(sr_take_plain(&copy), SR_ESTALE);
    sr_finish(&copy);

    assert_null(again);
    assert_true(sr_buffer_is_user_owned(buffer));
    assert_int_equal(stats_of(f.ring).disposed, 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* A copy of an ended completion does not reach the operation that has its slot now. */
SR_UNCHECKED static void a_stale_completion_reaches_no_other_operation(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_completion first = completed_read(&f, 7);
    struct sr_completion stale = first;
    struct sr_buffer *buffer = NULL;
    sr_finish(&first);
    struct sr_completion second = completed_read(&f, 8);

    assert_int_equal(sr_take(&stale, &buffer), SR_ESTALE);
    assert_null(buffer);

    assert_int_equal(sr_take(&second, &buffer), 8);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* NULL and empty completions are refused. */
SR_UNCHECKED static void null_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done = completed_read(&f, 7);
    struct sr_completion empty = {0};
    struct sr_buffer *buffer = (struct sr_buffer *)(void *)&f;

    assert_int_equal(sr_take(&done, NULL), -EINVAL);
    assert_int_equal(sr_take(NULL, &buffer), -EINVAL);
    assert_null(buffer);
    assert_int_equal(sr_take(&empty, &buffer), -EINVAL);
    assert_int_equal(sr_take_plain(NULL), -EINVAL);
    sr_finish(NULL);
    sr_finish(&empty);

    assert_int_equal(sr_take_plain(&done), 7);
    fake_ring_close(&f);
}

/* Taken as plain, an operation that had a buffer sends it to its origin. */
SR_UNCHECKED static void taking_plain_sends_the_buffer_home(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion warm = completed_read(&f, 1); /* the first buffer brings its slab of headers */
    sr_finish(&warm);
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    struct sr_completion done = completed_read(&f, 7);
    assert_int_equal(counter.blocks, 1);

    assert_int_equal(sr_take_plain(&done), 7);

    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
    fake_ring_close(&f);
}

/* Finishing sends the buffer home and closes what the operation made; taking leaves the descriptor to the caller (ORPH-4). */
SR_UNCHECKED static void finishing_disposes_of_what_was_made(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    for (int finished = 0; finished < 2; finished++) {
        struct sr_op op;
        struct sr_completion done;
        assert_int_equal(sr_accept_safe(f.ring, sr_fd(6), &op), 0);
        fake_kernel_promise(f.kernel, op.id, 33);
        assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
        if (finished)
            sr_finish(&done);
        else
            assert_int_equal(sr_take_plain(&done), 33);
        assert_true(done.id == 0);
        assert_int_equal(f.kernel->closed_count, finished);
    }
    assert_int_equal(f.kernel->closed[0], 33);
    assert_int_equal(stats_of(f.ring).disposed, 1);
    fake_ring_close(&f);
}

/* A descriptor that can't be closed is said in the log, and everything else goes on. */
SR_UNCHECKED static void a_descriptor_that_cannot_be_closed_is_no_end(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op;
    struct sr_completion done;
    f.kernel->close_error = -EBADF;
    assert_int_equal(sr_accept_safe(f.ring, sr_fd(6), &op), 0);
    fake_kernel_promise(f.kernel, op.id, 33);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

    sr_finish(&done);

    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    fake_ring_close(&f);
}

/* The peer's address of an accept is there until the completion ends, is cut where there is no room, and needs asking for. */
SR_UNCHECKED static void an_accept_tells_its_peer(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec spec = sr_spec_accept(sr_fd(6), 0);
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(7000)};
    struct sockaddr_in got;
    uint32_t length = sizeof got;
    struct sr_op op;
    struct sr_completion done;
    spec.flags = SR_OP_WANT_PEER;
    assert_int_equal(sr_op_start_plain(f.ring, &spec, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    const struct io_uring_sqe *seen = &f.kernel->seen[0];
    socklen_t *room = (socklen_t *)(uintptr_t)seen->addr2;
    assert_true(*room >= sizeof(struct sockaddr_storage));
    memcpy((void *)(uintptr_t)seen->addr, &peer, sizeof peer);
    *room = sizeof peer;
    fake_kernel_post(f.kernel, op.id, 33);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

    assert_int_equal(sr_completion_peer(NULL, (struct sockaddr *)(void *)&got, &length), -EINVAL);
    assert_int_equal(sr_completion_peer(&done, NULL, &length), -EINVAL);
    assert_int_equal(sr_completion_peer(&done, (struct sockaddr *)(void *)&got, NULL), -EINVAL);
    assert_int_equal(sr_completion_peer(&done, (struct sockaddr *)(void *)&got, &length), 0);
    assert_int_equal(length, sizeof peer);
    assert_memory_equal(&got, &peer, sizeof peer);

    memset(&got, 0xee, sizeof got);
    length = 4;
    assert_int_equal(sr_completion_peer(&done, (struct sockaddr *)(void *)&got, &length), 0);
    assert_int_equal(length, sizeof peer);
    assert_memory_equal(&got, &peer, 4);
    assert_int_equal(((uint8_t *)&got)[4], 0xee);

    struct sr_completion copy = done;
    assert_int_equal(sr_take_plain(&done), 33);
    assert_int_equal(sr_completion_peer(&copy, (struct sockaddr *)(void *)&got, &length), SR_ESTALE);
    fake_ring_close(&f);
}

/* No peer: of what is no accept, of one that did not ask, of one that failed. */
SR_UNCHECKED static void a_peer_that_is_not_there_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        uint32_t flags;
        int32_t result;
        int refusal;
    } rows[] = {
        {IORING_OP_NOP, SR_OP_WANT_PEER, 0, -EINVAL},
        {IORING_OP_ACCEPT, 0, 33, -EINVAL},
        {IORING_OP_ACCEPT, SR_OP_WANT_PEER, -ECONNABORTED, -ENODATA},
    };
    struct fake_ring f = fake_ring_open(4);
    for (size_t i = 0; i < 3; i++) {
        struct sr_op_spec spec = sr_spec_of_(rows[i].opcode);
        struct sockaddr_in got;
        uint32_t length = sizeof got;
        struct sr_op op;
        struct sr_completion done;
        spec.flags = rows[i].flags;
        assert_int_equal(sr_op_start_plain(f.ring, &spec, &op), 0);
        fake_kernel_promise(f.kernel, op.id, rows[i].result);
        assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
        assert_int_equal(sr_completion_peer(&done, (struct sockaddr *)(void *)&got, &length),
                         rows[i].refusal);
        assert_int_equal(length, sizeof got);
        assert_int_equal(sr_take_plain(&done), rows[i].result);
    }
    fake_ring_close(&f);
}

/* A CQE of nobody: counted, and it changes no operation (OP-5). */
SR_UNCHECKED static void a_cqe_of_nobody_is_counted(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op ended = submit_nop(f.ring);
    uint64_t stale = ended.id;
    fake_kernel_post(f.kernel, stale, 0);
    assert_int_equal(await_result(f.ring, &ended), 0);
    struct sr_op queued = start_nop(f.ring);
    struct sr_op op = start_nop(f.ring);
    const uint64_t unknown[] = {
        0,         /* no id has generation 0 */
        stale,     /* ended and taken */
        queued.id, /* the kernel has not even seen it */
        UINT64_MAX,
        UINT64_C(0xffffffc0) | op.id, /* no such slot */
        op.id + (UINT64_C(1) << 32),  /* a generation to come */
        cancel_of(op.id),             /* no cancel was sent */
        limit_of(op.id),              /* it has no linked timeout */
        UINT64_C(3) | 64,             /* no wake of ours */
        UINT64_C(4) | op.id,          /* a tag to come */
    };
    const size_t count = sizeof unknown / sizeof unknown[0];
    for (size_t i = 0; i < count; i++) {
        fake_kernel_post(f.kernel, unknown[i], 1);
        uint32_t in_flight = sr_ring_in_flight(f.ring);
        /* A dispatch would submit the queued one: reap only. */
        sri_reap(f.ring);
        assert_int_equal(stats_of(f.ring).unknown, i + 1);
        assert_int_equal(sr_ring_in_flight(f.ring), in_flight);
    }

    fake_kernel_promise(f.kernel, queued.id, 5);
    fake_kernel_promise(f.kernel, op.id, 6);
    assert_int_equal(await_result(f.ring, &op), 6);
    assert_int_equal(await_result(f.ring, &queued), 5);
    fake_ring_close_with_unknown(&f, count);
}

/* A second terminal CQE of one operation is nobody's. */
SR_UNCHECKED static void a_second_terminal_cqe_is_nobodys(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_read(f.ring, 5, 16);
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    fake_kernel_post(f.kernel, op.id, 3);
    fake_kernel_post(f.kernel, op.id, 4);

    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    fake_kernel_post(f.kernel, done.id, 5);
    sri_reap(f.ring);

    assert_int_equal(sr_take(&done, &buffer), 3);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close_with_unknown(&f, 2);
}

static void post_too_many_bytes(void *argument)
{
    struct fake_ring f = fake_ring_open(4); /* the child's own */
    struct sr_op op = submit_read(f.ring, 5, 16);
    (void)argument;
    fake_kernel_post(f.kernel, op.id, 16);
    sri_reap(f.ring);
    dprintf(STDERR_FILENO, "16 went well\n");
    op = submit_read(f.ring, 5, 16);
    fake_kernel_post(f.kernel, op.id, 17);
    sri_reap(f.ring);
}

/* A count above the bytes that were lent is a broken kernel and stops the run (BUF-7). */
static void a_count_above_the_buffer_stops_the_run(void **state)
{
    (void)state;
    struct child child;

    run_in_child(&child, post_too_many_bytes, NULL);

    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "16 went well"));
    assert_non_null(strstr(child.text, "internal contradiction"));
}

/* recv(2) with MSG_TRUNC answers the datagram's true length, which may be more than the buffer: that is no broken kernel. */
SR_UNCHECKED static void a_truncated_datagram_tells_its_true_length(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_buffer_new(&buffer, 16), 0);
    assert_int_equal(sr_recv_owned(f.ring, sr_fd(5), &buffer, sr_range(0, 16), MSG_TRUNC, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->seen[0].len, 16);
    fake_kernel_post(f.kernel, op.id, 1000);

    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

    assert_int_equal(sr_take(&done, &buffer), 1000);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* An id is never 0, and never the same for two operations of one slot. */
SR_UNCHECKED static void ids_differ(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 2;
    struct fake_ring f = fake_ring_open_config(config);
    uint64_t ids[100];
    for (int i = 0; i < 100; i++) {
        struct sr_op op = start_nop(f.ring);
        ids[i] = op.id;
        assert_true(ids[i] != 0);
        for (int j = 0; j < i; j++)
            assert_true(ids[i] != ids[j]);
        sr_op_drop(f.ring, &op);
    }
    fake_ring_close(&f);
}

/* A slot whose generations are used up is retired: it takes no operation, its old ids are stale, the others go on (OP-1). */
SR_UNCHECKED static void a_slot_whose_generations_are_used_up_is_retired(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 2;
    struct fake_ring f = fake_ring_open_config(config);
    uint32_t last = sri_slot_index(f.ring, f.ring->hot.free);
    f.ring->hot.free->id = sri_id(last, UINT32_MAX, SRI_TAG_OPERATION);
    struct sr_op op = submit_nop(f.ring);
    struct sr_op copy = op;
    struct sr_op_spec nop = sr_spec_nop();
    assert_int_equal(sri_id_index(op.id), last);
    fake_kernel_post(f.kernel, op.id, 3);
    assert_int_equal(await_result(f.ring, &op), 3);

    assert_int_equal(f.ring->hot.slots[last].state, SRI_OPERATION_RETIRED);
    assert_int_equal(sr_op_cancel(f.ring, &copy), SR_ESTALE);
    assert_int_equal(sr_op_cancel(f.ring, &(struct sr_op){.id = last}), SR_ESTALE);
    for (int i = 0; i < 3; i++) {
        struct sr_op other = submit_nop(f.ring);
        assert_int_not_equal(sri_id_index(other.id), last);
        assert_int_equal(sr_op_start_plain(f.ring, &nop, &op), -EBUSY);
        fake_kernel_post(f.kernel, other.id, 0);
        assert_int_equal(await_result(f.ring, &other), 0);
    }
    fake_kernel_post(f.kernel, copy.id, 0);
    sri_reap(f.ring);
    fake_ring_close_with_unknown(&f, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(taking_gives_the_buffer_back_whatever_the_result),
    cmocka_unit_test(a_completion_is_ended_once),
    cmocka_unit_test(a_stale_completion_reaches_no_other_operation),
    cmocka_unit_test(null_is_refused),
    cmocka_unit_test(taking_plain_sends_the_buffer_home),
    cmocka_unit_test(finishing_disposes_of_what_was_made),
    cmocka_unit_test(a_descriptor_that_cannot_be_closed_is_no_end),
    cmocka_unit_test(an_accept_tells_its_peer),
    cmocka_unit_test(a_peer_that_is_not_there_is_refused),
    cmocka_unit_test(a_cqe_of_nobody_is_counted),
    cmocka_unit_test(a_second_terminal_cqe_is_nobodys),
    cmocka_unit_test(a_count_above_the_buffer_stops_the_run),
    cmocka_unit_test(a_truncated_datagram_tells_its_true_length),
    cmocka_unit_test(ids_differ),
    cmocka_unit_test(a_slot_whose_generations_are_used_up_is_retired),
};

SR_TEST_MAIN(tests)
