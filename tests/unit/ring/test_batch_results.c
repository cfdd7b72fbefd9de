/*
 * The result of a batch, entry by entry: what it tells, what is taken of it once, what it refuses, and what becomes of the
 * rest (BATCH-7, ARG-2, ORPH-4).
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "batch_fixture.h"
#include "safer_ring/log.h"

static char said[512];

static void keep_line(enum sr_log_level level, const char *text, void *user)
{
    (void)level;
    (void)user;
    strncat(said, text, sizeof said - strlen(said) - 1);
}

/* Three reads, of which the second fails and the third waited for it. */
SR_UNCHECKED static struct sr_batch_result three_reads(struct fake_ring *f)
{
    struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, false);
    struct sr_batch_result result;
    for (int i = 0; i < 3; i++)
        add_read(batch, i, 10);
    assert_int_equal(sr_batch_add_dependency(batch, 2, 1), 0);
    struct sr_batch_future future = submit(f->ring, batch);
    assert_int_equal(sr_ring_submit(f->ring), 0);
    fake_kernel_post_flagged(f->kernel, f->kernel->seen[0].user_data, 10, IORING_CQE_F_SOCK_NONEMPTY);
    answer(f, 1, 9);
    assert_int_equal(sr_batch_poll(&future, f->ring, &result), 0);
    return result;
}

/* An entry tells what the kernel said, flags too, and whether a buffer is there to be taken. */
SR_UNCHECKED static void an_entry_tells_what_the_kernel_said(void **state)
{
    (void)state;
    static const struct sr_batch_entry expected[] = {
        {SR_BATCH_SUCCEEDED, IORING_OP_READ, 10, IORING_CQE_F_SOCK_NONEMPTY, true},
        {SR_BATCH_FAILED, IORING_OP_READ, 9, 0, true},
        {SR_BATCH_CANCELLED, IORING_OP_READ, -ECANCELED, 0, true},
    };
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result = three_reads(&f);
    assert_int_equal(result.count, 3);
    assert_int_equal(result.succeeded, 1);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.cancelled, 1);
    for (uint32_t i = 0; i < 3; i++) {
        struct sr_batch_entry entry;
        struct sr_buffer *buffer = NULL;
        assert_int_equal(sr_batch_result_at(&result, i, &entry), 0);
        assert_int_equal(entry.outcome, expected[i].outcome);
        assert_int_equal(entry.opcode, expected[i].opcode);
        assert_int_equal(entry.result, expected[i].result);
        assert_int_equal(entry.flags, expected[i].flags);
        assert_true(entry.has_buffer);
        assert_int_equal(sr_batch_result_take(&result, i, &buffer), expected[i].result);
        assert_true(sr_buffer_is_user_owned(buffer));
        assert_int_equal(sr_batch_result_at(&result, i, &entry), 0);
        assert_false(entry.has_buffer);
        assert_int_equal(sr_buffer_release(&buffer), 0);
    }
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

/* What is asked for wrongly is refused, and takes nothing. */
SR_UNCHECKED static void a_wrong_question_takes_nothing(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result = three_reads(&f);
    struct sr_batch_result nowhere = {.id = result.id};
    struct sr_batch_entry entry;
    struct sr_buffer *buffer = NULL;
    struct sockaddr_storage peer;
    uint32_t length = sizeof peer;
    struct sockaddr *address = (struct sockaddr *)&peer;

    assert_int_equal(sr_batch_result_at(&result, 3, &entry), -EINVAL);
    assert_int_equal(sr_batch_result_at(&result, UINT32_MAX, &entry), -EINVAL);
    assert_int_equal(sr_batch_result_at(&result, 0, NULL), -EINVAL);
    assert_int_equal(sr_batch_result_at(&nowhere, 0, &entry), -EINVAL);
    assert_int_equal(sr_batch_result_take(&result, 3, &buffer), -EINVAL);
    assert_int_equal(sr_batch_result_take(&result, 0, NULL), -EINVAL);
    assert_int_equal(sr_batch_result_peer(&result, 0, address, &length), -EINVAL);
    assert_int_equal(sr_batch_result_peer(&result, 3, address, &length), -EINVAL);

    assert_int_equal(sr_batch_result_take(&result, 0, &buffer), 10);
    struct sr_buffer *taken = buffer;
    assert_int_equal(sr_batch_result_take(&result, 0, &buffer), SR_ESTALE);
    assert_null(buffer);
    assert_int_equal(sr_batch_result_take_plain(&result, 0), SR_ESTALE);
    assert_int_equal(sr_buffer_release(&taken), 0);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

/* A result that was ended is stale, and ending it again is logged; a batch that still runs has none. */
SR_UNCHECKED static void no_result_before_the_end_nor_after(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_DEFERRED, false));
    struct sr_batch_result result = {.ring = f.ring, .id = future.id, .count = 1};
    struct sr_batch_result copy;
    struct sr_batch_entry entry;
    struct sr_buffer *buffer = NULL;
    uint32_t length = 0;
    sr_set_log(keep_line, NULL);
    for (int ended = 0; ended < 2; ended++) {
        copy = result;
        said[0] = '\0';
        assert_int_equal(sr_batch_result_at(&copy, 0, &entry), SR_ESTALE);
        assert_int_equal(sr_batch_result_take(&copy, 0, &buffer), SR_ESTALE);
        assert_int_equal(sr_batch_result_take_plain(&copy, 0), SR_ESTALE);
        assert_int_equal(sr_batch_result_peer(&copy, 0, (struct sockaddr *)&entry, &length), SR_ESTALE);
        sr_batch_result_fini(&copy);
        assert_non_null(strstr(said, "nothing was ended"));
        if (ended)
            break;
        assert_int_equal(sr_ring_in_flight(f.ring), 1);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        answer(&f, 0, 10);
        assert_int_equal(sr_batch_poll(&future, f.ring, &result), 0);
        copy = result;
        said[0] = '\0';
        sr_batch_result_fini(&copy);
        assert_string_equal(said, "");
        assert_int_equal(copy.id, 0);
    }
    sr_set_log(NULL, NULL);
    fake_ring_close(&f);
}

/* What is not taken of a result goes to its origin when it ends; a buffer with the entry that was taken as plain too. */
SR_UNCHECKED static void what_is_left_goes_home(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    const struct sr_buffer *plain = add_read(batch, 1, 10);
    const struct sr_buffer *left = add_read(batch, 2, 10);
    struct sr_batch_future future = submit(f.ring, batch);
    struct sr_batch_result result;
    assert_int_equal(sr_ring_submit(f.ring), 0);
    answer(&f, 0, 10);
    answer(&f, 1, 10);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), 0);

    assert_int_equal(sr_batch_result_take_plain(&result, 0), 10);
    assert_int_equal(sr_buffer_size(plain), 0);
    assert_int_equal(sr_buffer_size(left), 10);
    sr_batch_result_fini(&result);
    assert_int_equal(sr_buffer_size(left), 0);
    fake_ring_close(&f);
}

/* The peer is told of every descriptor there can be, 0 too; cut to the caller's place, and never more than was kept. */
SR_UNCHECKED static void a_peer_is_cut_to_its_place(void **state)
{
    (void)state;
    enum {
        STORED = sizeof(struct sockaddr_storage)
    };
    static const struct {
        uint32_t told;  /* by the kernel */
        uint32_t place; /* of the caller */
        uint32_t written;
    } rows[] = {{16, STORED, 16},
                {16, 16, 16},
                {16, 5, 5},
                {16, 0, 0},
                {STORED, STORED, STORED},
                {STORED + 9, STORED + 20, STORED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
        struct sr_op_spec accept = sr_spec_accept(sr_fd(3), 0);
        struct sr_batch_result result;
        uint8_t address[STORED + 20];
        uint32_t length = rows[i].place;
        accept.flags |= SR_OP_WANT_PEER;
        assert_int_equal(sr_batch_add_plain(batch, &accept, NULL), 0);
        struct sr_batch_future future = submit(f.ring, batch);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        memset((void *)(uintptr_t)f.kernel->seen[0].addr, 'p', STORED);
        *(socklen_t *)(uintptr_t)f.kernel->seen[0].addr2 = rows[i].told;
        memset(address, '-', sizeof address);
        answer(&f, 0, 0);
        assert_int_equal(sr_batch_poll(&future, f.ring, &result), 0);

        assert_int_equal(sr_batch_result_peer(&result, 0, (struct sockaddr *)(void *)address, &length), 0);

        assert_int_equal(length, rows[i].told);
        for (uint32_t at = 0; at < sizeof address; at++)
            assert_int_equal(address[at], at < rows[i].written ? 'p' : '-');
        assert_int_equal(sr_batch_result_take_plain(&result, 0), 0);
        sr_batch_result_fini(&result);
        fake_ring_close(&f);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_entry_tells_what_the_kernel_said), cmocka_unit_test(a_wrong_question_takes_nothing),
    cmocka_unit_test(no_result_before_the_end_nor_after),  cmocka_unit_test(what_is_left_goes_home),
    cmocka_unit_test(a_peer_is_cut_to_its_place),
};

SR_TEST_MAIN(tests)
