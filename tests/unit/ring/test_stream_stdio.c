/*
 * A FILE * over a stream, on every kernel.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "safer_ring/sim.h"
#include "stream_fixture.h"

/* The C library's calls over a file: formatted, by lines, with seeking, closed once. */
static void by_lines(struct place *place)
{
    struct sr_stream *stream;
    FILE *file;
    char line[64];
    assert_int_equal(sr_file(place->ring, place->objects->file(place->self, ""), NULL, &stream), 0);
    assert_int_equal(sr_stream_fopen(&stream, "w+", &file), 0);
    assert_null(stream);

    for (int i = 0; i < 2000; i++)
        assert_true(fprintf(file, "line %d\n", i) > 0);
    assert_int_equal(fflush(file), 0);
    rewind(file);
    for (int i = 0; i < 2000; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "line %d\n", i);
        assert_non_null(fgets(line, sizeof line, file));
        assert_string_equal(line, expected);
    }
    assert_null(fgets(line, sizeof line, file));
    assert_true(feof(file));
    assert_int_equal(fseek(file, 5, SEEK_SET), 0);
    assert_int_equal(fputc('X', file), 'X');
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "line X\n");
    assert_int_equal(fclose(file), 0);
}

static void a_file_is_read_and_written_by_lines(void **state)
{
    (void)state;
    on_each_kernel(by_lines);
}

/* A disk that takes nothing: fflush and fclose say so, and what was given up is not written later. */
static void errors_reach_the_caller(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_ring *ring;
    struct sr_stream *stream;
    FILE *file;
    int fd;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_file(sim, "/f", "", 0), 0);
    assert_int_equal(sr_sim_open(sim, "/f", 2, &fd), 0);
    assert_int_equal(sr_sim_ring_open(sim, &ring, 4), 0);
    const struct sr_sim_outcome full = {IORING_OP_WRITE, 1, SR_SIM_FAILS, ENOSPC};
    assert_int_equal(sr_sim_script(sim, &full), 0);
    assert_int_equal(sr_file(ring, fd, NULL, &stream), 0);
    assert_int_equal(sr_stream_fopen(&stream, "w", &file), 0);

    assert_int_equal(fputs("lost", file), 1);
    errno = 0;
    assert_int_equal(fflush(file), EOF);
    assert_int_equal(errno, ENOSPC);
    fclose(file);

    assert_int_equal(sr_ring_in_flight(ring), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

/* A disk that can't be read, and a place that is none: the C library's file says why, and can be used on. */
static void reads_and_seeks_tell_why(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_ring *ring;
    struct sr_stream *stream;
    FILE *file;
    char text[8] = "";
    int fd;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_file(sim, "/f", "content", 7), 0);
    assert_int_equal(sr_sim_open(sim, "/f", 2, &fd), 0);
    assert_int_equal(sr_sim_ring_open(sim, &ring, 4), 0);
    const struct sr_sim_outcome broken = {IORING_OP_READ, 1, SR_SIM_FAILS, EIO};
    assert_int_equal(sr_sim_script(sim, &broken), 0);
    assert_int_equal(sr_file(ring, fd, NULL, &stream), 0);
    assert_int_equal(sr_stream_fopen(&stream, "r+", &file), 0);

    errno = 0;
    assert_int_equal(fread(text, 1, 7, file), 0);
    assert_int_equal(errno, EIO);
    assert_true(ferror(file));
    clearerr(file);
    errno = 0;
    assert_int_equal(fseek(file, -3, SEEK_SET), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(fseek(file, 3, SEEK_SET), 0);
    assert_int_equal(fread(text, 1, 7, file), 4);
    assert_string_equal(text, "tent");
    assert_int_equal(fclose(file), 0);

    assert_int_equal(sr_ring_in_flight(ring), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

static void close_late(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    (void)ring;
    FILE *file = user;
    sr_take_plain(done);
    errno = 0;
    assert_int_equal(fclose(file), EOF); /* a callback must not wait */
    assert_int_not_equal(errno, 0);
}

/* A close that is refused, in a callback, drops the stream: the file is gone either way, and its descriptor is closed. */
static void a_refused_close_drops_the_stream(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_ring *ring;
    struct sr_stream *stream;
    struct sr_op op;
    FILE *file;
    uint32_t made;
    uint32_t by_operations;
    int fd;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_file(sim, "/f", "content", 7), 0);
    assert_int_equal(sr_sim_open(sim, "/f", 2, &fd), 0);
    assert_int_equal(sr_sim_ring_open(sim, &ring, 4), 0);
    assert_int_equal(sr_file(ring, fd, NULL, &stream), 0);
    assert_int_equal(sr_stream_fopen(&stream, "r", &file), 0);
    assert_int_equal(sr_nop(ring, &op), 0);
    assert_int_equal(sr_op_then(ring, &op, close_late, file), 0);

    assert_int_equal(sr_ring_dispatch_wait(ring, SR_FOREVER, NULL), 0);

    assert_int_equal(sr_ring_drain(ring, SR_FOREVER, NULL), 0);
    sr_sim_open_descriptors(sim, &made, &by_operations);
    assert_int_equal(made, 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

/* A mode that is none is refused, and the stream stays the caller's. */
static void a_bad_mode_is_refused(struct place *place)
{
    struct sr_stream *stream;
    FILE *file = NULL;
    assert_int_equal(sr_file(place->ring, place->objects->file(place->self, ""), NULL, &stream), 0);
    assert_int_equal(sr_stream_fopen(&stream, "?", &file), -EINVAL);
    assert_null(file);
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
    assert_int_equal(sr_stream_fopen(&stream, "r", &file), -EINVAL);
}

static void a_bad_mode_leaves_the_stream(void **state)
{
    (void)state;
    on_each_kernel(a_bad_mode_is_refused);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file_is_read_and_written_by_lines), cmocka_unit_test(errors_reach_the_caller),
    cmocka_unit_test(a_bad_mode_leaves_the_stream),        cmocka_unit_test(reads_and_seeks_tell_why),
    cmocka_unit_test(a_refused_close_drops_the_stream),
};

SR_TEST_MAIN(tests)
