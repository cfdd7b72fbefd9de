/*
 * Which bytes an operation of a batch works on, and how many of them make it a success: its own range, or what it inherits
 * (BATCH-2, BATCH-8).
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "batch_fixture.h"

#define SIZE 20

/* One of SIZE bytes, or of two buffers that have as many together. */
SR_UNCHECKED static struct sr_buffer *make_buffer(bool vector)
{
    struct sr_buffer *parts[2];
    struct sr_buffer *buffer = NULL;
    if (!vector) {
        assert_int_equal(sr_buffer_new(&buffer, SIZE), 0);
        return buffer;
    }
    assert_int_equal(sr_buffer_new(&parts[0], SIZE / 2), 0);
    assert_int_equal(sr_buffer_new(&parts[1], SIZE / 2), 0);
    assert_int_equal(sr_buffer_join(&buffer, parts, 2), 0);
    return buffer;
}

SR_UNCHECKED static void add_spec(struct sr_batch *batch, struct sr_op_spec spec)
{
    bool vector = spec.opcode == IORING_OP_READV || spec.opcode == IORING_OP_WRITEV;
    struct sr_buffer *buffer = make_buffer(vector);
    assert_int_equal(sr_batch_add(batch, &spec, &buffer, NULL), 0);
}

/* An heir works on the bytes that were moved, or on those that its own range names, however that is written (BATCH-8). */
SR_UNCHECKED static void an_heir_works_on_what_was_moved_or_named(void **state)
{
    (void)state;
    static const struct {
        struct sr_range received; /* what the one before it was to receive */
        uint32_t flags;
        int32_t result;
        struct sr_range own;
        uint32_t begin; /* in the buffer */
        uint32_t length;
    } rows[] = {
        {{0}, 0, 7, {0}, 0, 7},
        {{4, 16, true}, 0, 7, {0}, 4, 7},
        {{4, 16, true}, 0, 16, {0}, 4, 16},
        {{4, 16, true},
         MSG_TRUNC,
         30,
         {0},
         4,
         16}, /* a datagram longer than its place tells its own length */
        {{0}, 0, 7, {2, 3, true}, 2, 3},
        {{0}, 0, 7, {0, 0, true}, 0, 0},
        {{0}, 0, 7, {2, 9, false}, 2, 9},
        {{0}, 0, 7, {0, 9, false}, 0, 9},
        {{0}, 0, 7, {2, 0, false}, 2, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
        struct sr_op_spec send = sr_spec_send(sr_fd(2), rows[i].own, 0);
        add_spec(batch, sr_spec_recv(sr_fd(1), rows[i].received, rows[i].flags));
        assert_int_equal(sr_batch_add_inheriting(batch, &send, 0, NULL), 0);
        struct sr_batch_future future = submit(f.ring, batch);
        struct sr_batch_result result;
        assert_int_equal(sr_ring_submit(f.ring), 0);
        assert_int_equal(f.kernel->seen_count, 1);
        uint64_t start = f.kernel->seen[0].addr - rows[i].received.begin;
        answer(&f, 0, rows[i].result);

        assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);

        assert_int_equal(f.kernel->seen_count, 2);
        assert_int_equal(f.kernel->seen[1].addr - start, rows[i].begin);
        assert_int_equal(f.kernel->seen[1].len, rows[i].length);
        answer(&f, 1, (int32_t)rows[i].length);
        expect(&f, &future, "++");
        fake_ring_close(&f);
    }
}

/* A vector is inherited whole: it has no ranges (BATCH-8). */
SR_UNCHECKED static void a_vector_is_inherited_whole(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sr_op_spec write = sr_spec_writev(sr_fd(2), 0);
    struct sr_batch_result result;
    add_spec(batch, sr_spec_readv(sr_fd(1), 0));
    assert_int_equal(sr_batch_add_inheriting(batch, &write, 0, NULL), 0);
    struct sr_batch_future future = submit(f.ring, batch);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    answer(&f, 0, SIZE);

    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);

    assert_int_equal(f.kernel->seen_count, 2);
    assert_int_equal(f.kernel->seen[1].addr, f.kernel->seen[0].addr);
    assert_int_equal(f.kernel->seen[1].len, 2);
    answer(&f, 1, SIZE);
    expect(&f, &future, "++");
    fake_ring_close(&f);
}

/* Reads and writes end well with all that was asked for; sends and receives only when MSG_WAITALL asked so (BATCH-2). */
SR_UNCHECKED static void what_is_whole_is_a_success(void **state)
{
    (void)state;
    static const struct sr_range all = {0};
    static const struct sr_range some = {2, 3, true};
    static const struct sr_range begun = {0, 3, false};
    static const struct sr_range later = {2, 3, false};
    static const struct sr_range empty = {2, 0, false};
    const struct {
        struct sr_op_spec spec;
        int32_t result;
        char outcome;
    } rows[] = {
        {sr_spec_read(sr_fd(1), 0, all), SIZE, '+'},
        {sr_spec_read(sr_fd(1), 0, all), SIZE - 1, '!'},
        {sr_spec_read(sr_fd(1), 0, some), 3, '+'},
        {sr_spec_read(sr_fd(1), 0, some), 2, '!'},
        {sr_spec_read(sr_fd(1), 0, begun), 3, '+'},
        {sr_spec_write(sr_fd(1), 0, later), 3, '+'},
        {sr_spec_write(sr_fd(1), 0, later), 0, '!'},
        {sr_spec_write(sr_fd(1), 0, empty), 0, '+'},
        {sr_spec_readv(sr_fd(1), 0), SIZE, '+'},
        {sr_spec_readv(sr_fd(1), 0), SIZE / 2, '!'},
        {sr_spec_writev(sr_fd(1), 0), SIZE / 2, '!'},
        {sr_spec_recv(sr_fd(1), all, 0), 1, '+'},
        {sr_spec_recv(sr_fd(1), all, 0), 0, '+'},
        {sr_spec_recv(sr_fd(1), all, 0), -EIO, '!'},
        {sr_spec_recv(sr_fd(1), all, MSG_WAITALL), SIZE - 1, '!'},
        {sr_spec_recv(sr_fd(1), all, MSG_WAITALL), SIZE, '+'},
        {sr_spec_recv(sr_fd(1), all, MSG_WAITALL | MSG_TRUNC), SIZE + 1, '+'},
        {sr_spec_send(sr_fd(1), some, MSG_WAITALL), 2, '!'},
        {sr_spec_send(sr_fd(1), some, MSG_WAITALL), 3, '+'},
        {sr_spec_send(sr_fd(1), some, 0), 2, '+'},
        {sr_spec_send_zc(sr_fd(1), some, MSG_WAITALL), 2, '!'},
        {sr_spec_send_zc(sr_fd(1), some, 0), 2, '+'},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
        add_spec(batch, rows[i].spec);
        struct sr_batch_future future = submit(f.ring, batch);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        answer(&f, 0, rows[i].result);
        expect(&f, &future, (char[]){rows[i].outcome, '\0'});
        fake_ring_close(&f);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_heir_works_on_what_was_moved_or_named),
    cmocka_unit_test(a_vector_is_inherited_whole),
    cmocka_unit_test(what_is_whole_is_a_success),
};

SR_TEST_MAIN(tests)
