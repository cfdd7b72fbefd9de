/*
 * Streams and their ring: dropped with work in flight (STR-5), inside callbacks (CB-2), beside sr_ring_next() (CB-4), alive
 * when the ring is closed (RING-5), drained away.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "safer_ring/log.h"
#include "stream_fixture.h"
#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"

/* Is the number open? */
static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* A read under way becomes an orphan; the descriptor is closed at its terminal CQE, and by no cancel's answer (STR-5). */
static void the_descriptor_outlives_the_orphan(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_stream *stream;
    char byte;
    size_t count;
    assert_int_equal(sr_socket(f.ring, 55, NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
    uint64_t id = fake_kernel_nth(f.kernel, IORING_OP_RECV, 0)->user_data;

    assert_int_equal(sr_stream_drop(&stream), 0);

    assert_null(stream);
    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, cancel_of(id), -EALREADY);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(f.kernel->closed_count, 0);
    fake_kernel_post(f.kernel, id, 1);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(f.kernel->closed_count, 1);
    assert_int_equal(f.kernel->closed[0], 55);
    fake_ring_close(&f);
}

/* Work in both directions: the descriptor waits for the later of the two. */
static void the_last_of_both_directions_closes(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_stream *stream;
    char byte = 'x';
    size_t count;
    assert_int_equal(sr_socket(f.ring, 55, NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
    assert_int_equal(sr_stream_poll_write(stream, &byte, 1, &count), 0);
    assert_int_equal(sr_stream_poll_flush(stream, NULL), SR_EOPERATION_PENDING);
    uint64_t ids[2] = {fake_kernel_nth(f.kernel, IORING_OP_RECV, 0)->user_data,
                       fake_kernel_nth(f.kernel, IORING_OP_SEND, 0)->user_data};
    assert_int_equal(sr_stream_drop(&stream), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 2);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    for (int i = 0; i < 2; i++) {
        assert_int_equal(f.kernel->closed_count, 0);
        fake_kernel_post(f.kernel, cancel_of(ids[i]), 0);
        fake_kernel_post(f.kernel, ids[i], -ECANCELED);
        assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    }
    assert_int_equal(f.kernel->closed_count, 1);
    fake_ring_close(&f);
}

/* What was only queued is withdrawn, and the descriptor closed at once: the kernel never sees the entry. */
static void a_queued_write_is_withdrawn(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_stream *stream;
    size_t count;
    assert_int_equal(sr_socket(f.ring, 55, NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_write(stream, "xyz", 3, &count), 0);

    assert_int_equal(sr_stream_drop(&stream), 0);

    assert_int_equal(f.kernel->closed_count, 1);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->seen_count, 0);
    fake_ring_close(&f);
}

/* A pending read on each kernel: after the drop and a drain the descriptor is closed, and nothing read from it meanwhile. */
static void drop_and_drain(struct place *place)
{
    struct sr_stream *stream;
    int fds[2];
    char byte;
    size_t count;
    place->objects->socketpair(place->self, fds);
    assert_int_equal(sr_socket(place->ring, fds[0], NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);

    assert_int_equal(sr_stream_drop(&stream), 0);
    assert_int_equal(sr_ring_orphan_count(place->ring), 1);
    assert_int_equal(place->objects->write(place->self, fds[1], "x"), 1); /* still open */
    assert_int_equal(sr_ring_drain(place->ring, SR_FOREVER, NULL), 0);

    assert_int_equal(sr_ring_close_descriptor(place->ring, fds[0]), -EBADF);
    place->objects->close(place->self, fds[1]);
}

static void a_dropped_stream_ends_on_every_kernel(void **state)
{
    (void)state;
    on_each_kernel(drop_and_drain);
}

static void note(enum sr_log_level level, const char *text, void *user)
{
    char *said = user;
    if (level == SR_LOG_ERROR)
        strncat(said, text, 400 - strlen(said));
}

/* A ring is not closed under a live stream, and the log names it (RING-5). */
static void a_live_stream_is_named(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_stream *stream;
    char said[512] = "";
    assert_int_equal(sr_file(f.ring, 55, NULL, &stream), 0);
    sr_set_log(note, said);

    assert_int_equal(sr_ring_close(&f.ring), -EBUSY);

    sr_set_log(NULL, NULL);
    assert_non_null(strstr(said, "file stream on descriptor 55"));
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
    fake_ring_close(&f);
}

struct inside {
    struct sr_stream *stream;
    int blocking[6];
    int polling[2];
};

static void call_everything(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct inside *inside = user;
    char byte = 'x';
    size_t count;
    (void)ring;
    inside->blocking[0] = sr_stream_read(inside->stream, &byte, 1, &count);
    inside->blocking[1] = sr_stream_write(inside->stream, &byte, 1, &count);
    inside->blocking[2] = sr_stream_flush(inside->stream, NULL);
    inside->blocking[3] = sr_stream_shutdown(inside->stream, NULL);
    inside->blocking[4] = sr_stream_seek(inside->stream, 0, SEEK_SET, NULL);
    inside->blocking[5] = sr_stream_close(&inside->stream, NULL);
    inside->polling[0] = sr_stream_poll_write(inside->stream, &byte, 1, &count);
    inside->polling[1] = sr_stream_poll_read(inside->stream, &byte, 1, &count);
    sr_take_plain(done);
}

/* Inside a callback the blocking calls are refused and the poll-style ones work (CB-2). */
static void blocking_calls_are_refused_in_callbacks(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct inside inside = {0};
    assert_int_equal(sr_socket(f.ring, 55, NULL, &inside.stream), 0);
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(sr_op_then(f.ring, &op, call_everything, &inside), 0);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    for (int i = 0; i < 6; i++)
        assert_int_equal(inside.blocking[i], SR_EINVALID_STATE);
    assert_int_equal(inside.polling[0], 0);
    assert_int_equal(inside.polling[1], SR_EOPERATION_PENDING);
    assert_int_equal(sr_stream_drop(&inside.stream), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    for (uint32_t i = 0; i < f.kernel->seen_count; i++)
        if (f.kernel->seen[i].opcode != IORING_OP_NOP)
            fake_kernel_post(f.kernel, f.kernel->seen[i].user_data, 0);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    fake_ring_close(&f);
}

struct meddler {
    struct sr_stream **stream;
    int poll;
    int drop;
};

static void meddle(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct meddler *meddler = user;
    char byte;
    size_t count;
    (void)ring;
    meddler->poll = sr_stream_poll_read(*meddler->stream, &byte, 1, &count);
    meddler->drop = sr_stream_drop(meddler->stream);
    sr_take_plain(done);
}

/* A callback that runs while a call waits on a stream can neither use that stream nor drop it under the call. */
static void a_waiting_stream_is_not_touched_by_callbacks(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_stream *stream;
    struct meddler meddler = {&stream, 0, 0};
    char byte = 0;
    size_t count;
    assert_int_equal(sr_socket(f.ring, 55, NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_promise(f.kernel, op.id, 0);
    fake_kernel_promise(f.kernel, fake_kernel_nth(f.kernel, IORING_OP_RECV, 0)->user_data, 1);
    assert_int_equal(sr_op_then(f.ring, &op, meddle, &meddler), 0);

    assert_int_equal(sr_stream_read(stream, &byte, 1, &count), 0);

    assert_int_equal(count, 1);
    assert_int_equal(meddler.poll, SR_EINVALID_STATE);
    assert_int_equal(meddler.drop, SR_EINVALID_STATE);
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
    fake_ring_close(&f);
}

/* What a stream has under way is nobody else's: next finds nothing to wait for, and close counts it (CB-4, RING-1). */
static void next_never_returns_a_streams_operation(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_stream *stream;
    struct sr_completion done;
    char byte;
    size_t count;
    assert_int_equal(sr_socket(f.ring, 55, NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
    fake_kernel_post(f.kernel, fake_kernel_nth(f.kernel, IORING_OP_RECV, 0)->user_data, 1);

    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    assert_int_equal(sr_ring_try_close(&f.ring), SR_EOPERATIONS_IN_FLIGHT);

    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
    fake_ring_close(&f);
}

/* A drain takes a count with it: that direction says that it is closed, and a file reads again what it had asked for (STR-4). */
static void drained(struct place *place)
{
    struct sr_stream *socket_stream;
    struct sr_stream *file;
    int fds[2];
    char text[4];
    size_t count;
    place->objects->socketpair(place->self, fds);
    assert_int_equal(sr_socket(place->ring, fds[0], NULL, &socket_stream), 0);
    assert_int_equal(sr_file(place->ring, place->objects->file(place->self, "abc"), NULL, &file), 0);
    assert_int_equal(sr_stream_poll_read(socket_stream, text, 3, &count), SR_EOPERATION_PENDING);
    int rc = sr_stream_poll_read(file, text, 1, &count); /* may be there at once */
    assert_true(rc == 0 || rc == SR_EOPERATION_PENDING);
    size_t before = rc == 0 ? count : 0;
    assert_int_equal(place->objects->write(place->self, fds[1], "x"), 1);

    assert_int_equal(sr_ring_drain(place->ring, SR_FOREVER, NULL), 0);

    assert_int_equal(sr_stream_poll_read(socket_stream, text, 3, &count), SR_ESTALE);
    assert_int_equal(sr_stream_read(socket_stream, text, 3, &count), SR_ESTALE);
    assert_int_equal(sr_stream_write_all(socket_stream, "out", 3, NULL), 0);
    assert_int_equal(sr_stream_read_exact(file, text + before, 3 - before, NULL), 0);
    assert_memory_equal(text + before, &"abc"[before], 3 - before);
    assert_int_equal(sr_stream_close(&file, NULL), 0);
    assert_int_equal(sr_stream_close(&socket_stream, NULL), 0);
    place->objects->close(place->self, fds[1]);
}

static void a_drained_stream_says_what_it_lost(void **state)
{
    (void)state;
    on_each_kernel(drained);
}

static void in_child(void *argument)
{
    struct place *place = argument;
    struct sr_stream *stream = place->self;
    char byte;
    size_t count;
    child_check(sr_stream_poll_read(stream, &byte, 1, &count) == SR_EWRONG_PROCESS);
    child_check(sr_stream_drop(&stream) == 0);
    child_check(sr_ring_close(&place->ring) == 0);
}

/* In a forked child a stream is dropped without touching the parent's ring, and the parent's goes on. */
static void a_forked_child_drops_its_copy(void **state)
{
    (void)state;
    struct place place = {0};
    struct sr_stream *stream;
    struct child child;
    int fds[2];
    char byte;
    size_t count;
    assert_int_equal(sr_ring_open(&place.ring, 8), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(sr_socket(place.ring, fds[0], NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
    place.self = stream;

    run_in_child(&child, in_child, &place);

    if (!child_succeeded(&child))
        print_error("%s", child.text);
    assert_true(child_succeeded(&child));
    assert_true(is_open(fds[0]));
    assert_int_equal(write(fds[1], "y", 1), 1);
    assert_int_equal(sr_stream_read(stream, &byte, 1, &count), 0);
    assert_int_equal(byte, 'y');
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
    assert_false(is_open(fds[0]));
    assert_int_equal(sr_ring_close(&place.ring), 0);
    close(fds[1]);
}

/* Each allocation of making a stream fails once: nothing stays, the descriptor is the caller's, the ring can be closed. */
static void a_failed_making_leaves_nothing(void **state)
{
    (void)state;
    for (size_t fails = 1; fails <= 3; fails++) {
        struct fake_ring f = fake_ring_open(4);
        struct counting_allocator counter;
        struct sr_stream *stream = NULL;
        counting_allocator_install(&counter);
        counter.fails_from = fails;
        int rc = sr_socket(f.ring, 55, NULL, &stream);
        assert_true(rc == -ENOMEM || (rc == 0 && fails > 2));
        if (rc == 0)
            assert_int_equal(sr_stream_drop(&stream), 0);
        else
            assert_int_equal(f.kernel->closed_count, 0);
        assert_null(stream);
        counting_allocator_remove();
        fake_ring_close(&f);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_descriptor_outlives_the_orphan),
    cmocka_unit_test(the_last_of_both_directions_closes),
    cmocka_unit_test(a_queued_write_is_withdrawn),
    cmocka_unit_test(a_dropped_stream_ends_on_every_kernel),
    cmocka_unit_test(a_live_stream_is_named),
    cmocka_unit_test(blocking_calls_are_refused_in_callbacks),
    cmocka_unit_test(a_waiting_stream_is_not_touched_by_callbacks),
    cmocka_unit_test(next_never_returns_a_streams_operation),
    cmocka_unit_test(a_drained_stream_says_what_it_lost),
    cmocka_unit_test(a_forked_child_drops_its_copy),
    cmocka_unit_test(a_failed_making_leaves_nothing),
};

SR_TEST_MAIN(tests)
