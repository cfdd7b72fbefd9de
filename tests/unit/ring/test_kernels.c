/*
 * Whole lives of operations on each kernel there is: the simulated one, the engine over this machine's descriptors, the
 * true one where it is not refused. The same sentences on each (BACK-1, BACK-3).
 */
#include <poll.h>
#include <string.h>

#include "support/each_kernel.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define MS UINT64_C(1000000)

SR_UNCHECKED static void write_then_read(struct each_kernel *world)
{
    struct sr_buffer *out = NULL;
    struct sr_buffer *in = NULL;
    struct sr_op writes;
    struct sr_op reads;
    struct sr_completion done;
    assert_int_equal(sr_buffer_copy_of(&out, "hello", 6), 0);
    assert_int_equal(sr_buffer_new(&in, 6), 0);
    assert_int_equal(sr_read_owned(world->ring, sr_fd(world->pipe[0]), &in, &reads), 0);
    assert_int_equal(sr_write_owned(world->ring, sr_fd(world->pipe[1]), &out, &writes), 0);

    assert_int_equal(sr_op_await(world->ring, &reads, &done), 0);
    assert_int_equal(sr_take(&done, &in), 6);
    SR_BUFFER_SCOPE(guard, &in)
    assert_string_equal((char *)sr_guard_bytes(&guard), "hello");
    assert_int_equal(await_result(world->ring, &writes), 6);
    assert_int_equal(sr_buffer_release(&in), 0);
}

/* What one operation writes into a pipe another reads from it, whichever was started first. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    on_each_kernel(write_then_read);
}

SR_UNCHECKED static void some_bytes_through_a_pipe(struct each_kernel *world)
{
    struct sr_buffer *out = NULL;
    struct sr_buffer *in = NULL;
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_buffer_copy_of(&out, "hello", 5), 0);
    assert_int_equal(sr_write_at_owned(world->ring, sr_fd(world->pipe[1]), &out, 0, 3, &op), 0);
    assert_int_equal(await_result(world->ring, &op), 3);
    assert_int_equal(sr_buffer_new(&in, 8), 0);
    assert_int_equal(sr_read_at_owned(world->ring, sr_fd(world->pipe[0]), &in, 0, &op), 0);
    assert_int_equal(sr_op_await(world->ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &in), 3);
    SR_BUFFER_SCOPE(guard, &in)
    assert_memory_equal(sr_guard_bytes(&guard), "hel", 3);
    assert_int_equal(sr_buffer_release(&in), 0);
}

/* Exactly the bytes that were asked for are written, and read: what a copy and an echo stand on. */
static void so_many_bytes_are_written_and_read(void **state)
{
    (void)state;
    on_each_kernel(some_bytes_through_a_pipe);
}

SR_UNCHECKED static void vectors_through_a_pipe(struct each_kernel *world)
{
    struct sr_buffer *parts[2] = {NULL};
    struct sr_buffer *back[2] = {NULL};
    struct sr_buffer *vector = NULL;
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_buffer_copy_of(&parts[0], "abc", 3), 0);
    assert_int_equal(sr_buffer_copy_of(&parts[1], "defgh", 5), 0);
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
    struct sr_op_spec spec = sr_spec_writev(sr_fd(world->pipe[1]), 0);
    assert_int_equal(sr_op_start(world->ring, &spec, &vector, &op), 0);
    assert_int_equal(await_result(world->ring, &op), 8);

    assert_int_equal(sr_buffer_new(&parts[0], 5), 0);
    assert_int_equal(sr_buffer_new(&parts[1], 3), 0);
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
    spec = sr_spec_readv(sr_fd(world->pipe[0]), 0);
    assert_int_equal(sr_op_start(world->ring, &spec, &vector, &op), 0);
    assert_int_equal(sr_op_await(world->ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &vector), 8);
    assert_int_equal(sr_buffer_split(&vector, back, 2), 0);
    SR_BUFFER_SCOPE(first, &back[0])
    assert_memory_equal(sr_guard_bytes(&first), "abcde", 5);
    SR_BUFFER_SCOPE(second, &back[1])
    assert_memory_equal(sr_guard_bytes(&second), "fgh", 3);
    assert_int_equal(sr_buffer_release(&back[0]), 0);
    assert_int_equal(sr_buffer_release(&back[1]), 0);
}

/* A vector is written and read whole, in the order of its parts (ARG-3). */
static void vectors_are_written_and_read(void **state)
{
    (void)state;
    on_each_kernel(vectors_through_a_pipe);
}

/* A read from the empty pipe or socket: nothing will come. */
SR_UNCHECKED static struct sr_op start_endless(struct each_kernel *world, bool socket)
{
    return socket ? start_read(world->ring, world->pair[0], 64) : start_read(world->ring, world->pipe[0], 64);
}

SR_UNCHECKED static void cancel_endless(struct each_kernel *world)
{
    for (int socket = 0; socket < 2; socket++) {
        struct sr_op op = start_endless(world, socket != 0);
        assert_int_equal(sr_ring_submit(world->ring), 0);
        assert_int_equal(sr_op_cancel(world->ring, &op), 0);
        assert_int_equal(await_result(world->ring, &op), -ECANCELED);
    }
}

/* A cancel ends a read that waits for nothing. */
static void a_cancel_ends_an_endless_read(void **state)
{
    (void)state;
    on_each_kernel(cancel_endless);
}

SR_UNCHECKED static void drop_endless(struct each_kernel *world)
{
    uint32_t remaining = 9;
    for (int socket = 0; socket < 2; socket++) {
        struct sr_op op = start_endless(world, socket != 0);
        assert_int_equal(sr_ring_submit(world->ring), 0);
        sr_op_drop(world->ring, &op);
    }
    assert_int_equal(sr_ring_orphan_count(world->ring), 2);

    assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, &remaining), 0);

    assert_int_equal(remaining, 0);
    assert_int_equal(sr_ring_orphan_count(world->ring), 0);
}

/* A dropped read is cancelled, and a drain ends with it (ORPH-5, RING-4). */
static void a_dropped_endless_read_drains(void **state)
{
    (void)state;
    on_each_kernel(drop_endless);
}

SR_UNCHECKED static void limit_endless(struct each_kernel *world)
{
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    struct sr_op_spec spec =
        sr_spec_within(sr_spec_read(sr_fd(world->pipe[0]), 0, (struct sr_range){0}), 2 * MS);
    assert_int_equal(sr_buffer_new(&buffer, 64), 0);
    assert_int_equal(sr_op_start(world->ring, &spec, &buffer, &op), 0);
    assert_int_equal(await_result(world->ring, &op), -ECANCELED);

    struct sr_op quick = start_within(world->ring, UINT64_C(3600) * 1000 * MS);
    assert_int_equal(await_result(world->ring, &quick), 0);
}

/* A linked timeout ends what takes longer, and leaves alone what does not. */
static void a_linked_timeout_ends_an_endless_read(void **state)
{
    (void)state;
    on_each_kernel(limit_endless);
}

SR_UNCHECKED static void wait_for_endless(struct each_kernel *world)
{
    struct sr_op op = start_endless(world, false);
    struct sr_completion done;
    uint32_t remaining = 0;
    assert_int_equal(sr_op_peek(world->ring, &op, &done), SR_EOPERATION_PENDING);
    assert_int_equal(sr_op_await_timeout(world->ring, &op, MS, &done), -ETIME);
    assert_int_equal(sr_ring_drain(world->ring, MS, &remaining), -ETIME);
    assert_int_equal(remaining, 1);
    assert_int_equal(sr_ring_try_close(&world->ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(sr_ring_cancel_all(world->ring, SR_FOREVER, &remaining), 0);
    assert_int_equal(remaining, 0);
    assert_int_equal(await_result(world->ring, &op), -ECANCELED);
}

/* Looking, waiting with a limit and draining with a limit leave an endless read as it is; cancelling all ends it. */
static void waits_with_a_limit_end(void **state)
{
    (void)state;
    on_each_kernel(wait_for_endless);
}

SR_UNCHECKED static void look_at_the_descriptor(struct each_kernel *world)
{
    struct pollfd poll_fd = {.fd = sr_ring_pollable_fd(world->ring), .events = POLLIN};
    struct sr_op op;
    struct sr_completion done;
    uint32_t remaining;
    if (world->sim != NULL)
        return; /* no descriptor of this machine follows a simulated ring */
    assert_true(poll_fd.fd >= 0);
    for (int i = 0; i < 3; i++) {
        struct sr_op_spec nop = sr_spec_nop();
        assert_int_equal(sr_op_start_plain(world->ring, &nop, &op), 0);
        assert_int_equal(await_result(world->ring, &op), 0);
    }
    op = start_endless(world, true);
    assert_int_equal(sr_op_await_timeout(world->ring, &op, MS, &done), -ETIME);
    assert_int_equal(sr_op_await_timeout(world->ring, &op, MS, &done), -ETIME);
    assert_int_equal(poll(&poll_fd, 1, 0), 0);
    sr_op_drop(world->ring, &op);
    assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, &remaining), 0);
}

/* The descriptor for event loops is quiet again once everything was waited for, though entering may be a bare system call. */
static void the_descriptor_is_lowered_by_a_wait(void **state)
{
    (void)state;
    on_each_kernel(look_at_the_descriptor);
}

SR_UNCHECKED static void time_out(struct each_kernel *world)
{
    struct sr_op_spec spec = sr_spec_timeout(2 * MS);
    struct sr_op op;
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), 0);
    assert_int_equal(await_result(world->ring, &op), -ETIME);
}

/* A timeout operation ends with -ETIME. */
static void a_timeout_ends(void **state)
{
    (void)state;
    on_each_kernel(time_out);
}

SR_UNCHECKED static void wrong_descriptor(struct each_kernel *world)
{
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_buffer_copy_of(&buffer, "kept", 5), 0);
    assert_int_equal(sr_write_owned(world->ring, sr_fd(9999), &buffer, &op), 0);
    assert_int_equal(sr_op_await(world->ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), -EBADF);
    SR_BUFFER_SCOPE(guard, &buffer)
    assert_string_equal((char *)sr_guard_bytes(&guard), "kept");
    assert_int_equal(sr_buffer_release(&buffer), 0);
}

/* An operation that fails gives its buffer back, untouched (BUF-5). */
static void a_failed_write_gives_its_buffer_back(void **state)
{
    (void)state;
    on_each_kernel(wrong_descriptor);
}

SR_UNCHECKED static void many_at_once(struct each_kernel *world)
{
    struct sr_completion done[40];
    size_t ended = 0;
    for (int i = 0; i < 16; i++) {
        struct sr_op op = start_nop(world->ring);
        assert_int_equal(sr_op_detach(world->ring, &op, NULL), 0);
    }
    while (ended < 16) {
        size_t count = 0;
        assert_int_equal(sr_ring_next_many(world->ring, done + ended, 40 - ended, &count), 0);
        ended += count;
    }
    for (size_t i = 0; i < ended; i++)
        assert_int_equal(sr_take_plain(&done[i]), 0);
    assert_int_equal(ended, 16);
}

/* More operations than the SQ has places are all ended, each once. */
static void more_than_the_sq_holds_all_end(void **state)
{
    (void)state;
    on_each_kernel(many_at_once);
}

/* Luck of every kind: a conversation over a pipe, with a dropped and a cancelled read, gives every buffer back. */
SR_UNCHECKED static void bad_luck_loses_nothing(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 200) {
        struct each_kernel world = {.name = "sim", .sim = sim};
        assert_int_equal(sr_sim_ring_open(sim, &world.ring, 8), 0);
        assert_int_equal(sr_sim_pipe(sim, world.pipe), 0);
        struct sr_op dropped = start_read(world.ring, world.pipe[0], 64);
        struct sr_op cancelled = start_within(world.ring, 5 * MS);
        struct sr_op reads = start_read(world.ring, world.pipe[0], 64);
        (void)!sr_ring_submit(world.ring);
        sr_op_drop(world.ring, &dropped);
        (void)!sr_op_cancel(world.ring, &cancelled);
        sr_sim_calm(sim);
        (void)!sr_op_cancel(world.ring, &reads);

        (void)await_result(world.ring, &cancelled);
        (void)await_result(world.ring, &reads);
        assert_int_equal(sr_ring_drain(world.ring, SR_FOREVER, NULL), 0);

        assert_int_equal(stats_of(world.ring).unknown, 0);
        assert_int_equal(sr_ring_close(&world.ring), 0);
    }
}

static int abandon_loop(void **state)
{
    (void)state;
    sr_sim_loop_abandon();
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_written_is_read),
    cmocka_unit_test(so_many_bytes_are_written_and_read),
    cmocka_unit_test(vectors_are_written_and_read),
    cmocka_unit_test(a_cancel_ends_an_endless_read),
    cmocka_unit_test(a_dropped_endless_read_drains),
    cmocka_unit_test(a_linked_timeout_ends_an_endless_read),
    cmocka_unit_test(waits_with_a_limit_end),
    cmocka_unit_test(the_descriptor_is_lowered_by_a_wait),
    cmocka_unit_test(a_timeout_ends),
    cmocka_unit_test(a_failed_write_gives_its_buffer_back),
    cmocka_unit_test(more_than_the_sq_holds_all_end),
    cmocka_unit_test_teardown(bad_luck_loses_nothing, abandon_loop),
};

SR_TEST_MAIN(tests)
