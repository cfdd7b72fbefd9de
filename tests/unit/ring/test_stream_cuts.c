/*
 * Streams survive every cut: each way in which short transfers, interruptions and -EAGAIN can divide a few bytes is tried on
 * the simulated kernel (STR-1), and errors in the middle lose nothing (STR-3, STR-4).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <fcntl.h>

#include "safer_ring/sim.h"
#include "stream_fixture.h"

#define BYTES 7u

/* The pieces of the cut with this number: a bit between two bytes says that one ends there. Returns how many. */
static uint32_t pieces_of(uint32_t cut, uint32_t pieces[BYTES])
{
    uint32_t count = 0;
    uint32_t length = 0;
    for (uint32_t i = 0; i < BYTES; i++) {
        length++;
        if (i + 1 == BYTES || (cut >> i & 1) != 0) {
            pieces[count++] = length;
            length = 0;
        }
    }
    return count;
}

static void script(struct sr_sim *sim, uint8_t opcode, uint32_t nth, enum sr_sim_outcome_kind kind,
                   uint64_t value)
{
    const struct sr_sim_outcome outcome = {.opcode = opcode, .nth = nth, .kind = kind, .value = value};
    assert_int_equal(sr_sim_script(sim, &outcome), 0);
}

/* Before every piece there is a refusal of its turn: none, -EINTR or -EAGAIN. The last piece is what is left. */
static void script_cut(struct sr_sim *sim, uint8_t opcode, uint32_t cut)
{
    uint32_t pieces[BYTES];
    uint32_t count = pieces_of(cut, pieces);
    uint32_t nth = 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t refusal = (cut + i) % 3;
        if (refusal != 0)
            script(sim, opcode, nth++, SR_SIM_FAILS, refusal == 1 ? EINTR : EAGAIN);
        if (i + 1 < count)
            script(sim, opcode, nth++, SR_SIM_SHORT, pieces[i]);
    }
}

static const uint8_t sent[BYTES] = "sentenc";

static struct sr_ring *ring_on(struct sr_sim *sim)
{
    struct sr_ring *ring;
    assert_int_equal(sr_sim_ring_open(sim, &ring, 8), 0);
    return ring;
}

/* Every cut of a write to a file and of the reads that get it back. */
static void a_file_survives_every_cut(void **state)
{
    (void)state;
    struct sr_sim *sim;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    for (uint32_t cut = 0; cut < 1u << (BYTES - 1); cut++) {
        struct sr_stream *file;
        uint8_t got[BYTES];
        char content[16];
        size_t length;
        int fd;
        assert_int_equal(sr_sim_reset(sim, NULL), 0);
        assert_int_equal(sr_sim_file(sim, "/f", "", 0), 0);
        assert_int_equal(sr_sim_open(sim, "/f", O_RDWR, &fd), 0);
        struct sr_ring *ring = ring_on(sim);
        script_cut(sim, IORING_OP_WRITE, cut);
        script_cut(sim, IORING_OP_READ, cut);
        assert_int_equal(sr_file(ring, fd, NULL, &file), 0);

        assert_int_equal(sr_stream_write_all(file, sent, BYTES, NULL), 0);
        assert_int_equal(sr_stream_flush(file, NULL), 0);
        assert_int_equal(sr_sim_file_content(sim, "/f", content, sizeof content, &length), 0);
        assert_int_equal(length, BYTES);
        assert_memory_equal(content, sent, BYTES);
        assert_int_equal(sr_stream_seek(file, 0, SEEK_SET, NULL), 0);
        assert_int_equal(sr_stream_read_exact(file, got, BYTES, NULL), 0);
        assert_memory_equal(got, sent, BYTES);

        assert_int_equal(sr_sim_script_pending(sim), 0);
        assert_int_equal(sr_stream_close(&file, NULL), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
    }
    sr_sim_free(&sim);
}

/* Every cut of what goes through a pair of sockets, polled from both ends. */
static void a_socket_survives_every_cut(void **state)
{
    (void)state;
    struct sr_sim *sim;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    for (uint32_t cut = 0; cut < 1u << (BYTES - 1); cut++) {
        struct sr_stream *ends[2];
        uint8_t got[BYTES + 1];
        size_t done = 0;
        size_t given = 0;
        int fds[2];
        assert_int_equal(sr_sim_reset(sim, NULL), 0);
        assert_int_equal(sr_sim_socketpair(sim, fds), 0);
        struct sr_ring *ring = ring_on(sim);
        script_cut(sim, IORING_OP_SEND, cut);
        script_cut(sim, IORING_OP_RECV, (1u << (BYTES - 1)) - 1 - cut);
        assert_int_equal(sr_socket(ring, fds[0], NULL, &ends[0]), 0);
        assert_int_equal(sr_socket(ring, fds[1], NULL, &ends[1]), 0);

        for (int turn = 0; turn < 200 && done < BYTES; turn++) {
            size_t count;
            int rc = sr_stream_poll_write(ends[0], sent + given, BYTES - given, &count);
            given += rc == 0 ? count : 0;
            rc = sr_stream_poll_flush(ends[0], NULL);
            assert_true(rc == 0 || rc == SR_EOPERATION_PENDING);
            rc = sr_stream_poll_read(ends[1], got + done, sizeof got - done, &count);
            done += rc == 0 ? count : 0;
            assert_int_equal(go_on(ring), 0);
        }

        assert_int_equal(done, BYTES);
        assert_memory_equal(got, sent, BYTES);
        assert_int_equal(sr_stream_flush(ends[0], NULL), 0);
        assert_int_equal(sr_stream_close(&ends[0], NULL), 0);
        assert_int_equal(sr_stream_drop(&ends[1]), 0);
        assert_int_equal(sr_ring_drain(ring, SR_FOREVER, NULL), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
    }
    sr_sim_free(&sim);
}

/* Who asks and then waits for the answer need not flush: the rest of a short send goes on while the stream is read (STR-1). */
static void the_rest_of_a_question_goes_while_the_answer_is_awaited(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_stream *stream;
    char heard[16];
    char answer[2];
    size_t count;
    size_t length = 0;
    int fds[2];
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_socketpair(sim, fds), 0);
    struct sr_ring *ring = ring_on(sim);
    script(sim, IORING_OP_SEND, 1, SR_SIM_SHORT, 2);
    script(sim, IORING_OP_SEND, 2, SR_SIM_FAILS, EINTR);
    script(sim, IORING_OP_SEND, 3, SR_SIM_SHORT, 1);
    assert_int_equal(sr_socket(ring, fds[0], NULL, &stream), 0);
    assert_int_equal(sr_stream_write_all(stream, sent, BYTES, NULL), 0);

    for (int turn = 0; turn < 20; turn++) {
        assert_int_equal(sr_stream_poll_read(stream, answer, 2, &count), SR_EOPERATION_PENDING);
        assert_int_equal(go_on(ring), 0);
    }

    int rc = sr_sim_read(sim, fds[1], heard, sizeof heard, &length);
    assert_int_equal(rc, 0);
    assert_int_equal(length, BYTES);
    assert_memory_equal(heard, sent, BYTES);
    assert_int_equal(sr_sim_write(sim, fds[1], "ok", 2, &length), 0);
    assert_int_equal(sr_stream_read(stream, answer, 2, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(sr_stream_close(&stream, NULL), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

/* The error of a send that failed while the stream was read is told by the next call that writes, once (STR-3). */
static void a_send_that_failed_meanwhile_is_told(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_stream *stream;
    char answer[2];
    size_t count;
    uint64_t written;
    int fds[2];
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_socketpair(sim, fds), 0);
    struct sr_ring *ring = ring_on(sim);
    script(sim, IORING_OP_SEND, 1, SR_SIM_FAILS, ENOBUFS);
    assert_int_equal(sr_socket(ring, fds[0], NULL, &stream), 0);
    assert_int_equal(sr_stream_write_all(stream, sent, BYTES, NULL), 0);
    assert_int_equal(sr_stream_poll_read(stream, answer, 2, &count), SR_EOPERATION_PENDING);
    assert_int_equal(go_on(ring), 0);
    assert_int_equal(sr_stream_poll_read(stream, answer, 2, &count), SR_EOPERATION_PENDING);

    assert_int_equal(sr_stream_flush(stream, &written), -ENOBUFS);
    assert_int_equal(written, 0);
    assert_int_equal(sr_stream_flush(stream, &written), 0);
    assert_int_equal(written, BYTES);

    assert_int_equal(sr_stream_drop(&stream), 0);
    assert_int_equal(sr_ring_drain(ring, SR_FOREVER, NULL), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

/* An error after part of the bytes: flush tells how many the kernel has, and the next one writes the rest, each once. */
static void an_error_in_the_middle_keeps_the_rest(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EIO};
    for (uint32_t before = 0; before < BYTES; before++) {
        struct sr_sim *sim;
        struct sr_stream *file;
        char content[16];
        size_t length;
        size_t count = 99;
        uint64_t written = 99;
        int fd;
        int error = errors[before % 2];
        assert_int_equal(sr_sim_new(&sim, NULL), 0);
        assert_int_equal(sr_sim_file(sim, "/f", "", 0), 0);
        assert_int_equal(sr_sim_open(sim, "/f", O_RDWR, &fd), 0);
        struct sr_ring *ring = ring_on(sim);
        if (before > 0)
            script(sim, IORING_OP_WRITE, 1, SR_SIM_SHORT, before);
        script(sim, IORING_OP_WRITE, before > 0 ? 2 : 1, SR_SIM_FAILS, (uint64_t)error);
        assert_int_equal(sr_file(ring, fd, NULL, &file), 0);
        assert_int_equal(sr_stream_write_all(file, sent, BYTES, NULL), 0);

        assert_int_equal(sr_stream_flush(file, &written), -error);

        assert_int_equal(written, before);
        assert_int_equal(sr_stream_accepted(file), BYTES);
        assert_int_equal(sr_stream_write(file, "!", 1, &count), 0);
        assert_int_equal(sr_stream_flush(file, &written), 0);
        assert_int_equal(written, BYTES + 1);
        assert_int_equal(sr_sim_file_content(sim, "/f", content, sizeof content, &length), 0);
        assert_int_equal(length, BYTES + 1);
        assert_memory_equal(content, "sentenc!", BYTES + 1);
        assert_int_equal(sr_stream_close(&file, NULL), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
        sr_sim_free(&sim);
    }
}

/* Bytes that can't be written are given up when the program says so, and the stream goes on (STR-4). */
static void what_cannot_be_written_can_be_given_up(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_stream *file;
    char content[16];
    size_t length;
    size_t discarded = 0;
    int fd;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_file(sim, "/f", "", 0), 0);
    assert_int_equal(sr_sim_open(sim, "/f", O_RDWR, &fd), 0);
    struct sr_ring *ring = ring_on(sim);
    script(sim, IORING_OP_WRITE, 1, SR_SIM_SHORT, 2);
    script(sim, IORING_OP_WRITE, 2, SR_SIM_FAILS, ENOSPC);
    assert_int_equal(sr_file(ring, fd, NULL, &file), 0);
    assert_int_equal(sr_stream_write_all(file, sent, BYTES, NULL), 0);
    assert_int_equal(sr_stream_discard(file, NULL), SR_EOPERATION_PENDING);
    assert_int_equal(sr_stream_close(&file, NULL), -ENOSPC);
    assert_non_null(file);

    assert_int_equal(sr_stream_discard(file, &discarded), 0);

    assert_int_equal(discarded, BYTES - 2);
    assert_int_equal(sr_stream_write_all(file, "X", 1, NULL), 0);
    assert_int_equal(sr_stream_close(&file, NULL), 0);
    assert_int_equal(sr_sim_file_content(sim, "/f", content, sizeof content, &length), 0);
    assert_int_equal(length, 3);
    assert_memory_equal(content, "seX", 3);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

/* A read's error is told once and the next read goes on at the same byte (STR-4). */
static void a_failed_read_is_made_again_where_it_was(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_stream *file;
    char got[16];
    size_t count;
    int fd;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_file(sim, "/f", "abcdef", 6), 0);
    assert_int_equal(sr_sim_open(sim, "/f", O_RDONLY, &fd), 0);
    struct sr_ring *ring = ring_on(sim);
    script(sim, IORING_OP_READ, 1, SR_SIM_SHORT, 2);
    script(sim, IORING_OP_READ, 2, SR_SIM_FAILS, EIO);
    assert_int_equal(sr_reader(ring, fd, NULL, &file), 0);

    assert_int_equal(sr_stream_read_exact(file, got, 6, &count), -EIO);
    assert_int_equal(count, 2);
    assert_int_equal(sr_stream_read_exact(file, got + count, 4, &count), 0);

    assert_memory_equal(got, "abcdef", 6);
    assert_int_equal(sr_stream_close(&file, NULL), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

/* On a thousand kinds of luck: whatever was accepted and flushed is in the file, and errors told how much is (STR-1, STR-3). */
static void any_luck_leaves_whole_prefixes(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 1000) {
        struct sr_stream *file;
        uint8_t bytes[600];
        uint8_t content[700];
        uint64_t written = 0;
        size_t length;
        int fd;
        int rc;
        const struct sr_stream_options options = {.buffer_bytes = 50};
        pattern(bytes, 0, sizeof bytes);
        assert_int_equal(sr_sim_file(sim, "/f", "", 0), 0);
        assert_int_equal(sr_sim_open(sim, "/f", O_RDWR, &fd), 0);
        struct sr_ring *ring = ring_on(sim);
        assert_int_equal(sr_file(ring, fd, &options, &file), 0);

        size_t accepted = 0;
        for (int again = 0; again < 100 && accepted < sizeof bytes; again++) {
            size_t count;
            rc = sr_stream_write_all(file, bytes + accepted, sizeof bytes - accepted, &count);
            accepted += count;
        }
        assert_int_equal(sr_stream_accepted(file), accepted);
        for (int again = 0; again < 100 && (rc = sr_stream_flush(file, &written)) != 0; again++) {
            /* What is under way may be written and not told yet: at least what was told is there. */
            assert_int_equal(sr_sim_file_content(sim, "/f", content, sizeof content, &length), 0);
            assert_true(length >= written);
            assert_memory_equal(content, bytes, length);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(written, sizeof bytes);
        assert_int_equal(sr_sim_file_content(sim, "/f", content, sizeof content, &length), 0);
        assert_int_equal(length, sizeof bytes);
        assert_memory_equal(content, bytes, length);

        sr_sim_calm(sim);
        assert_int_equal(sr_stream_close(&file, NULL), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
    }
}

static int end_loop(void **state)
{
    (void)state;
    sr_sim_loop_abandon();
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file_survives_every_cut),
    cmocka_unit_test(a_socket_survives_every_cut),
    cmocka_unit_test(the_rest_of_a_question_goes_while_the_answer_is_awaited),
    cmocka_unit_test(a_send_that_failed_meanwhile_is_told),
    cmocka_unit_test(an_error_in_the_middle_keeps_the_rest),
    cmocka_unit_test(what_cannot_be_written_can_be_given_up),
    cmocka_unit_test(a_failed_read_is_made_again_where_it_was),
    cmocka_unit_test_setup_teardown(any_luck_leaves_whole_prefixes, NULL, end_loop),
};

SR_TEST_MAIN(tests)
