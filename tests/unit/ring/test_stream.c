/*
 * Streams on the simulated kernel, the engine and the true one: bytes in order, offsets, the end, flush (STR-1 … STR-4).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream_fixture.h"

#define BIG 100000u

static const struct sr_stream_options small = {.buffer_bytes = 100};

/* What is written to a file, then read from its beginning, is the same, whatever the pieces. */
static void file_round_trip(struct place *place)
{
    struct sr_stream *file;
    uint8_t *sent = malloc(BIG);
    uint8_t *got = malloc(BIG + 1);
    size_t count = 0;
    uint64_t written = 0;
    pattern(sent, 0, BIG);
    assert_int_equal(sr_file(place->ring, place->objects->file(place->self, ""), NULL, &file), 0);

    for (size_t at = 0, piece = 1; at < BIG; at += piece, piece = piece * 7 % 9973 + 1) {
        if (piece > BIG - at)
            piece = BIG - at;
        assert_int_equal(sr_stream_write_all(file, sent + at, piece, &count), 0);
        assert_int_equal(count, piece);
    }
    assert_int_equal(sr_stream_flush(file, &written), 0);
    assert_int_equal(written, BIG);
    assert_int_equal(sr_stream_accepted(file), BIG);
    assert_int_equal(sr_stream_seek(file, 0, SEEK_SET, NULL), 0);
    assert_int_equal(sr_stream_read_exact(file, got, BIG, &count), 0);
    assert_memory_equal(got, sent, BIG);
    assert_int_equal(sr_stream_read(file, got, 1, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(sr_stream_read_exact(file, got, 1, &count), -ENODATA);

    assert_int_equal(sr_stream_close(&file, NULL), 0);
    assert_null(file);
    free(sent);
    free(got);
}

static void a_file_gives_back_what_it_was_given(void **state)
{
    (void)state;
    on_each_kernel(file_round_trip);
}

/* One offset for both directions: a write goes where the reads have come to, not where the reading ahead has (STR-2). */
static void one_offset(struct place *place)
{
    struct sr_stream *file;
    char text[16] = "";
    size_t count;
    uint64_t position;
    assert_int_equal(sr_file(place->ring, place->objects->file(place->self, "abcdefghij"), NULL, &file), 0);

    assert_int_equal(sr_stream_read(file, text, 3, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(sr_stream_write_all(file, "XY", 2, NULL), 0);
    assert_int_equal(sr_stream_seek(file, 0, SEEK_CUR, &position), 0);
    assert_int_equal(position, 5);
    assert_int_equal(sr_stream_read(file, text, 2, &count), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(text, "fg", 2);

    assert_int_equal(sr_stream_seek(file, -7, SEEK_CUR, &position), 0);
    assert_int_equal(position, 0);
    assert_int_equal(sr_stream_read_exact(file, text, 10, NULL), 0);
    assert_memory_equal(text, "abcXYfghij", 10);
    assert_int_equal(sr_stream_seek(file, -11, SEEK_CUR, NULL), -EINVAL);
    assert_int_equal(sr_stream_seek(file, 0, SEEK_END, NULL), -EINVAL);
    assert_int_equal(sr_stream_close(&file, NULL), 0);
}

static void a_file_has_one_offset_of_its_own(void **state)
{
    (void)state;
    on_each_kernel(one_offset);
}

/* The end of a file is 0 and not for ever: what is appended later is read (STR-2). */
static void the_end_moves(struct place *place)
{
    struct sr_stream *reader;
    char text[8];
    size_t count = 9;
    int fd = place->objects->file(place->self, "one");
    const struct sr_stream_options options = {.keep_descriptor = true};
    assert_int_equal(sr_reader(place->ring, fd, &options, &reader), 0);
    assert_int_equal(sr_stream_read_exact(reader, text, 3, NULL), 0);
    assert_int_equal(sr_stream_read(reader, text, 8, &count), 0);
    assert_int_equal(count, 0);

    struct sr_stream *writer;
    const struct sr_stream_options there = {.offset = 3, .keep_descriptor = true};
    assert_int_equal(sr_writer(place->ring, fd, &there, &writer), 0);
    assert_int_equal(sr_stream_write_all(writer, "two", 3, NULL), 0);
    assert_int_equal(sr_stream_close(&writer, NULL), 0);

    assert_int_equal(sr_stream_read(reader, text, 8, &count), 0);
    assert_int_equal(count, 3);
    assert_memory_equal(text, "two", 3);
    assert_int_equal(sr_stream_close(&reader, NULL), 0);
    place->objects->close(place->self, fd); /* kept: it is open still */
}

static void the_end_of_a_file_is_looked_for_again(void **state)
{
    (void)state;
    on_each_kernel(the_end_moves);
}

/* Both directions of a socket at once, by polling: more than it holds goes out while as much comes in (STR-1). */
static void both_ways(struct place *place)
{
    struct sr_stream *ends[2];
    int fds[2];
    size_t sent[2] = {0, 0};
    size_t received[2] = {0, 0};
    place->objects->socketpair(place->self, fds);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sr_socket(place->ring, fds[i], &small, &ends[i]), 0);

    while (received[0] < BIG || received[1] < BIG) {
        for (int i = 0; i < 2; i++) {
            uint8_t bytes[777];
            uint8_t expected[777];
            size_t count = 0;
            size_t most = BIG - sent[i] < sizeof bytes ? BIG - sent[i] : sizeof bytes;
            pattern(bytes, sent[i] + (size_t)i, most);
            int rc = sr_stream_poll_write(ends[i], bytes, most, &count);
            assert_true(rc == 0 || rc == SR_EOPERATION_PENDING);
            sent[i] += rc == 0 ? count : 0;
            rc = sr_stream_poll_read(ends[1 - i], bytes, sizeof bytes, &count);
            assert_true(rc == 0 || rc == SR_EOPERATION_PENDING);
            if (rc != 0)
                continue;
            pattern(expected, received[i] + (size_t)i, count);
            assert_memory_equal(bytes, expected, count);
            received[i] += count;
        }
        assert_int_equal(go_on(place->ring), 0);
    }

    assert_int_equal(received[0], BIG);
    assert_int_equal(received[1], BIG);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sr_stream_drop(&ends[i]), 0);
    assert_int_equal(sr_ring_drain(place->ring, SR_FOREVER, NULL), 0);
}

static void both_directions_of_a_socket_go_at_once(void **state)
{
    (void)state;
    on_each_kernel(both_ways);
}

/* Shutting down flushes, and the peer reads the end; later writes are -EPIPE, reading goes on. */
static void shutting(struct place *place)
{
    struct sr_stream *stream;
    int fds[2];
    char text[8];
    size_t count;
    uint64_t written;
    place->objects->socketpair(place->self, fds);
    assert_int_equal(sr_socket(place->ring, fds[0], NULL, &stream), 0);
    assert_int_equal(sr_stream_write_all(stream, "hello", 5, NULL), 0);

    assert_int_equal(sr_stream_shutdown(stream, &written), 0);

    assert_int_equal(written, 5);
    assert_int_equal(place->objects->read(place->self, fds[1], text, 8), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(place->objects->read(place->self, fds[1], text, 8), 0);
    assert_int_equal(sr_stream_write(stream, "x", 1, &count), -EPIPE);
    assert_int_equal(sr_stream_shutdown(stream, NULL), 0);
    assert_int_equal(place->objects->write(place->self, fds[1], "back"), 4);
    assert_int_equal(sr_stream_read(stream, text, 8, &count), 0);
    assert_int_equal(count, 4);
    place->objects->close(place->self, fds[1]);
    assert_int_equal(sr_stream_read(stream, text, 8, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
}

static void a_shutdown_flushes_and_ends_one_direction(void **state)
{
    (void)state;
    on_each_kernel(shutting);
}

/* A reader and a writer on a pipe; each refuses the other direction. */
static void over_a_pipe(struct place *place)
{
    struct sr_stream *reader;
    struct sr_stream *writer;
    int fds[2];
    uint8_t bytes[3000];
    uint8_t got[3000];
    size_t count;
    place->objects->pipe(place->self, fds);
    assert_int_equal(sr_reader(place->ring, fds[0], &small, &reader), 0);
    assert_int_equal(sr_writer(place->ring, fds[1], &small, &writer), 0);
    pattern(bytes, 0, sizeof bytes);

    assert_int_equal(sr_stream_poll_read(reader, got, 1, &count), SR_EOPERATION_PENDING);
    assert_int_equal(sr_stream_write_all(writer, bytes, sizeof bytes, NULL), 0);
    assert_int_equal(sr_stream_read_exact(reader, got, 2900, NULL), 0);
    assert_int_equal(sr_stream_write(reader, bytes, 1, &count), -EBADF);
    assert_int_equal(sr_stream_flush(reader, NULL), -EBADF);
    assert_int_equal(sr_stream_read(writer, got, 1, &count), -EBADF);
    assert_int_equal(sr_stream_close(&writer, NULL), 0);
    assert_int_equal(sr_stream_read_exact(reader, got + 2900, 200, &count), -ENODATA);

    assert_int_equal(count, 100);
    assert_memory_equal(got, bytes, sizeof bytes);
    assert_int_equal(sr_stream_close(&reader, NULL), 0);
}

static void a_reader_and_a_writer_have_one_direction(void **state)
{
    (void)state;
    on_each_kernel(over_a_pipe);
}

/* A reader over a socket finds out that there are no positions: -ESPIPE past offset 0 is no error of the stream (STR-2). */
static void over_a_socket(struct place *place)
{
    struct sr_stream *reader;
    struct sr_stream *writer;
    int fds[2];
    char text[8];
    place->objects->socketpair(place->self, fds);
    assert_int_equal(sr_reader(place->ring, fds[0], NULL, &reader), 0);
    assert_int_equal(sr_writer(place->ring, fds[1], NULL, &writer), 0);

    for (int i = 0; i < 3; i++) {
        assert_int_equal(sr_stream_write_all(writer, "again", 5, NULL), 0);
        assert_int_equal(sr_stream_flush(writer, NULL), 0);
        assert_int_equal(sr_stream_read_exact(reader, text, 5, NULL), 0);
        assert_memory_equal(text, "again", 5);
    }
    assert_int_equal(sr_stream_seek(reader, 0, SEEK_SET, NULL), -ESPIPE);

    assert_int_equal(sr_stream_close(&writer, NULL), 0);
    assert_int_equal(sr_stream_close(&reader, NULL), 0);
}

static void what_has_no_positions_needs_none(void **state)
{
    (void)state;
    on_each_kernel(over_a_socket);
}

/*
 * A descriptor with O_NONBLOCK is waited for, with few operations (STR-1). Linux 6.18 waits by itself (measured, on pipes, named
 * pipes, terminals, timers); a kernel that answers -EAGAIN is asked with a poll. The simulated one does: test_stream_cuts.c.
 */
static void a_nonblocking_descriptor_is_waited_for(void **state)
{
    (void)state;
    char name[] = "/tmp/safer-ring-stream-XXXXXX";
    char path[64];
    struct sr_ring *ring;
    struct sr_stream *reader;
    struct sr_stats stats;
    char text[8];
    size_t count;
    assert_non_null(mkdtemp(name));
    snprintf(path, sizeof path, "%s/pipe", name);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(name), 0);
    assert_int_equal(sr_ring_open(&ring, 8), 0);
    assert_int_equal(sr_reader(ring, fd, NULL, &reader), 0);

    for (int i = 0; i < 20; i++)
        assert_int_equal(sr_stream_poll_read(reader, text, 8, &count), SR_EOPERATION_PENDING);
    assert_int_equal(write(fd, "now", 3), 3);
    assert_int_equal(sr_stream_read(reader, text, 8, &count), 0);

    assert_int_equal(count, 3);
    assert_int_equal(sr_ring_stats(ring, &stats), 0);
    assert_in_range(stats.started, 1, 4); /* at most: read, poll, read */
    assert_int_equal(sr_stream_close(&reader, NULL), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
}

/* Bad arguments are refused by name and change nothing. */
static void refusals(struct place *place)
{
    struct sr_stream *stream = NULL;
    int fds[2];
    size_t count = 5;
    place->objects->pipe(place->self, fds);
    const struct sr_stream_options huge = {.buffer_bytes = (size_t)SR_STREAM_BUFFER_MAX + 1};
    assert_int_equal(sr_file(NULL, fds[0], NULL, &stream), -EINVAL);
    assert_int_equal(sr_file(place->ring, -1, NULL, &stream), -EINVAL);
    assert_int_equal(sr_file(place->ring, fds[0], NULL, NULL), -EINVAL);
    assert_int_equal(sr_file(place->ring, fds[0], &huge, &stream), -EINVAL);
    assert_null(stream);
    assert_int_equal(sr_reader(place->ring, fds[0], NULL, &stream), 0);
    assert_int_equal(sr_stream_poll_read(stream, NULL, 1, &count), -EINVAL);
    assert_int_equal(sr_stream_poll_read(stream, &count, 1, NULL), -EINVAL);
    assert_int_equal(sr_stream_poll_read(NULL, &count, 1, &count), -EINVAL);
    assert_int_equal(sr_stream_drop(NULL), -EINVAL);
    assert_int_equal(count, 5);
    assert_int_equal(sr_stream_poll_read(stream, NULL, 0, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
    place->objects->close(place->self, fds[1]);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    on_each_kernel(refusals);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file_gives_back_what_it_was_given),
    cmocka_unit_test(a_file_has_one_offset_of_its_own),
    cmocka_unit_test(the_end_of_a_file_is_looked_for_again),
    cmocka_unit_test(both_directions_of_a_socket_go_at_once),
    cmocka_unit_test(a_shutdown_flushes_and_ends_one_direction),
    cmocka_unit_test(a_reader_and_a_writer_have_one_direction),
    cmocka_unit_test(what_has_no_positions_needs_none),
    cmocka_unit_test(a_nonblocking_descriptor_is_waited_for),
    cmocka_unit_test(bad_arguments_are_refused),
};

SR_TEST_MAIN(tests)
