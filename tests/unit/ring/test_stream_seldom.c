/*
 * Streams where a drain took what they had under way, where nothing can be waited for, and on a kernel that takes no byte, part
 * of them, or no entry (STR-1, STR-3, STR-4). On the scriptable kernel.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <stdio.h>

#include "safer_ring/stream.h"
#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

static struct sr_stream *new_stream(struct fake_ring *f, bool socket)
{
    struct sr_stream *stream;
    assert_int_equal(socket ? sr_socket(f->ring, 9, NULL, &stream) : sr_file(f->ring, 9, NULL, &stream), 0);
    return stream;
}

static void end_last(struct fake_ring *f, int32_t result)
{
    fake_kernel_post(f->kernel, f->kernel->seen[f->kernel->seen_count - 1].user_data, result);
}

/* A drain that took a read of a file's took nothing with it; one that took a socket's may have taken bytes (STR-4). */
static void a_drained_read_is_made_again_where_it_can_be(void **state)
{
    (void)state;
    for (int socket = 0; socket < 2; socket++) {
        struct counting_allocator counter;
        struct fake_ring f = fake_ring_open(8);
        struct sr_stream *stream = new_stream(&f, socket != 0);
        char byte;
        size_t count;
        assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        end_last(&f, 1);
        assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);

        counting_allocator_install(&counter);
        counter.fails_at = 1; /* the drain had the buffer */
        assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), socket ? SR_ESTALE : -ENOMEM);
        counter.fails_at = 0;
        if (!socket) {
            assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
            assert_int_equal(sr_ring_submit(f.ring), 0);
            end_last(&f, 1);
            assert_int_equal(sr_stream_read(stream, &byte, 1, &count), 0);
            assert_int_equal(count, 1);
        }
        assert_int_equal(sr_stream_drop(&stream), 0);
        fake_ring_close(&f);
        counting_allocator_remove();
    }
}

/* What is under way is waited for before a position is set, and why it can't be is told. */
static void a_seek_that_can_not_wait_says_so(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_stream *stream = new_stream(&f, false);
    char byte;
    size_t count;
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);

    assert_int_equal(sr_stream_seek(stream, 5, SEEK_SET, NULL), -EDEADLK);

    end_last(&f, 1);
    assert_int_equal(sr_stream_seek(stream, 5, SEEK_SET, NULL), 0);
    assert_int_equal(sr_stream_drop(&stream), 0);
    fake_ring_close(&f);
}

static void take_nothing(struct fake_kernel *kernel, void *user)
{
    uint32_t *answered = user;
    for (; *answered < kernel->seen_count; ++*answered)
        fake_kernel_post(kernel, kernel->seen[*answered].user_data, 0);
    if (kernel->seen_count == 512)
        *answered = kernel->seen_count = 0;
}

/* A kernel that takes no byte a thousand times in a row has failed, and the bytes are kept (STR-1, STR-4). */
static void a_kernel_that_takes_no_byte_is_an_error(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_stream *stream = new_stream(&f, false);
    uint32_t answered = 0;
    uint64_t written = 9;
    size_t count;
    f.kernel->on_enter = take_nothing;
    f.kernel->user = &answered;
    assert_int_equal(sr_stream_write(stream, "abc", 3, &count), 0);

    assert_int_equal(sr_stream_flush(stream, &written), -EIO);

    assert_int_equal(written, 0);
    assert_int_equal(sr_stream_discard(stream, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(sr_stream_drop(&stream), 0);
    fake_ring_close(&f);
}

/* The end of a socket's writing is asked for again where it was interrupted, and where there was no room for it. */
static void a_shutdown_is_asked_for_again(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 8;
    config.max_in_flight = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_stream *stream = new_stream(&f, true);
    struct sr_op op = submit_nop(f.ring);
    assert_true(sr_stream_poll_shutdown(stream, NULL) < 0);
    end_last(&f, 0);
    assert_int_equal(await_result(f.ring, &op), 0);

    assert_int_equal(sr_stream_poll_shutdown(stream, NULL), SR_EOPERATION_PENDING);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    end_last(&f, -EINTR);
    assert_int_equal(sr_stream_poll_shutdown(stream, NULL), SR_EOPERATION_PENDING);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    end_last(&f, 0);
    assert_int_equal(sr_stream_poll_shutdown(stream, NULL), 0);

    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_SHUTDOWN), 2);
    assert_int_equal(sr_stream_drop(&stream), 0);
    fake_ring_close(&f);
}

static int32_t answers[2];

static void answer_in_turn(struct fake_kernel *kernel, void *user)
{
    uint32_t *answered = user;
    for (; *answered < kernel->seen_count && *answered < 2; ++*answered)
        fake_kernel_post(kernel, kernel->seen[*answered].user_data, answers[*answered]);
}

/* The C library is told how much of what it handed over the kernel has (STR-3). */
static void a_file_is_told_what_was_written(void **state)
{
    (void)state;
    for (int answers_none = 0; answers_none < 2; answers_none++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_stream *stream = new_stream(&f, false);
        uint32_t answered = answers_none ? 2 : 0;
        FILE *file;
        answers[0] = 2;
        answers[1] = -ENOSPC;
        f.kernel->on_enter = answer_in_turn;
        f.kernel->user = &answered;
        assert_int_equal(sr_stream_fopen(&stream, "w", &file), 0);
        assert_int_equal(setvbuf(file, NULL, _IONBF, 0), 0);

        size_t count = fwrite("abcd", 1, 4, file);

        assert_int_equal(count, answers_none ? 4 : 2);
        assert_int_equal(ferror(file) != 0, !answers_none); /* what is under way may still be written */
        (void)fclose(file);
        if (answers_none) {
            end_last(&f, 4);
            assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
        }
        fake_ring_close(&f);
    }
}

static void close_with_an_orphan(void *argument)
{
    struct sr_ring *ring = argument;
    child_check(sr_ring_close(&ring) == 0);
}

/* In a forked child what a dropped stream has under way is nobody's to wait for: its memory goes with the ring (RING-6). */
static void a_forked_child_forgets_a_dropped_stream(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_stream *stream = new_stream(&f, false);
    struct child child;
    char byte;
    size_t count;
    assert_int_equal(sr_stream_poll_read(stream, &byte, 1, &count), SR_EOPERATION_PENDING);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t id = f.kernel->seen[f.kernel->seen_count - 1].user_data;
    assert_int_equal(sr_stream_drop(&stream), 0);

    run_in_child(&child, close_with_an_orphan, f.ring);

    if (!child_succeeded(&child))
        print_message("%s", child.text);
    assert_true(child_succeeded(&child));
    fake_kernel_post(f.kernel, id, 1);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_drained_read_is_made_again_where_it_can_be),
    cmocka_unit_test(a_seek_that_can_not_wait_says_so),
    cmocka_unit_test(a_kernel_that_takes_no_byte_is_an_error),
    cmocka_unit_test(a_shutdown_is_asked_for_again),
    cmocka_unit_test(a_file_is_told_what_was_written),
    cmocka_unit_test(a_forked_child_forgets_a_dropped_stream),
};

SR_TEST_MAIN(tests)
