/*
 * Pinned buffers and the borrowing calls: what is lent is refused to everybody, until the operation has ended (PIN-1, PIN-2).
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "safer_ring/pinned.h"
#include "safer_ring/pool.h"
#include "safer_ring/sim.h"
#include "support/fake_ring.h"
#include "support/main.h"

static struct sr_pinned *new_pinned(size_t size)
{
    struct sr_pinned *pinned = NULL;
    assert_int_equal(sr_pinned_new(&pinned, size), 0);
    return pinned;
}

/* Lent: neither touched nor freed, and asking changes nothing. */
SR_UNCHECKED static void assert_lent(struct sr_pinned *pinned)
{
    uint8_t *bytes = NULL;
    const uint8_t *view = NULL;
    struct sr_pinned *copy = pinned;
    assert_true(sr_pinned_is_borrowed(pinned));
    assert_int_equal(sr_pinned_as_mut_slice(pinned, &bytes), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_pinned_as_slice(pinned, &view), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_pinned_free(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_ptr_equal(copy, pinned);
    assert_null(bytes);
    assert_null(view);
}

/* What is not there is refused, in every argument. */
SR_UNCHECKED static void nothing_is_done_with_null(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pinned *pinned = NULL;
    struct sr_op op = {0};
    uint8_t *bytes;

    assert_int_equal(sr_pinned_new(NULL, 1), -EINVAL);
    assert_int_equal(sr_pinned_new(&pinned, 0), -EINVAL);
    assert_int_equal(sr_pinned_copy_of(&pinned, NULL, 3), -EINVAL);
    assert_int_equal(sr_pinned_from_pool(NULL, &pinned), -EINVAL);
    assert_int_equal(sr_pinned_free(&pinned), -EINVAL);
    assert_int_equal(sr_pinned_free(NULL), -EINVAL);
    assert_int_equal(sr_pinned_as_mut_slice(NULL, &bytes), -EINVAL);
    assert_int_equal(sr_pinned_len(NULL), 0);
    assert_false(sr_pinned_is_borrowed(NULL));
    assert_int_equal(sr_read(f.ring, sr_fd(0), NULL, &op), -EINVAL);
    pinned = new_pinned(4);
    assert_int_equal(sr_read(NULL, sr_fd(0), pinned, &op), -EINVAL);
    assert_int_equal(sr_read(f.ring, sr_fd(0), pinned, NULL), -EINVAL);
    assert_int_equal(sr_op_borrow(f.ring, NULL, pinned, &op), -EINVAL);
    assert_false(sr_pinned_is_borrowed(pinned));
    assert_int_equal(sr_pinned_free(&pinned), 0);

    fake_ring_close(&f);
}

/* Its address is the same before, during and after any number of operations (PIN-1). */
SR_UNCHECKED static void its_address_never_changes(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pinned *pinned = NULL;
    uint8_t *first = NULL;
    const uint8_t *view = NULL;
    assert_int_equal(sr_pinned_copy_of(&pinned, "abc", 3), 0);
    assert_int_equal(sr_pinned_as_mut_slice(pinned, &first), 0);
    assert_memory_equal(first, "abc", 3);
    assert_int_equal(sr_pinned_len(pinned), 3);

    for (uint32_t i = 0; i < 5; i++) {
        struct sr_op op;
        assert_int_equal(sr_write_at(f.ring, sr_fd(1), pinned, i, &op), 0);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        assert_ptr_equal((void *)(uintptr_t)f.kernel->seen[i].addr, first);
        fake_kernel_post(f.kernel, op.id, 3);
        assert_int_equal(await_result(f.ring, &op), 3);
        assert_int_equal(sr_pinned_as_slice(pinned, &view), 0);
        assert_ptr_equal(view, first);
    }

    assert_int_equal(sr_pinned_free(&pinned), 0);
    fake_ring_close(&f);
}

/* While one borrowing call is pending its ring takes no other, whatever buffer it brings; owned calls go on (PIN-2). */
SR_UNCHECKED static void a_second_borrowing_call_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pinned *pinned = new_pinned(8);
    struct sr_pinned *other = new_pinned(8);
    struct sr_op op;
    struct sr_op second = {0};
    struct sr_completion done;
    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);

    assert_int_equal(sr_read(f.ring, sr_fd(3), other, &second), SR_ERING_BORROWED);
    assert_int_equal(sr_write_at(f.ring, sr_fd(3), pinned, 0, &second), SR_ERING_BORROWED);
    assert_int_equal(sr_send(f.ring, sr_fd(3), other, 0, &second), SR_ERING_BORROWED);
    assert_false(sr_pinned_is_borrowed(other));
    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    struct sr_op owned = submit_read(f.ring, 4, 10);
    fake_kernel_post(f.kernel, owned.id, 10);
    assert_int_equal(await_result(f.ring, &owned), 10);

    /* Until its completion is ended, not only until it has come. */
    fake_kernel_post(f.kernel, op.id, 8);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_read(f.ring, sr_fd(3), other, &second), SR_ERING_BORROWED);
    assert_lent(pinned);
    assert_int_equal(sr_take_plain(&done), 8);
    assert_int_equal(sr_recv(f.ring, sr_fd(3), other, 0, &second), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, second.id, 1);
    assert_int_equal(await_result(f.ring, &second), 1);

    assert_int_equal(sr_pinned_free(&pinned), 0);
    assert_int_equal(sr_pinned_free(&other), 0);
    fake_ring_close(&f);
}

/* Queued, submitted, ended and not taken: it is lent, and cannot be touched or freed; nor lent to another ring (PIN-2). */
SR_UNCHECKED static void a_lent_buffer_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct fake_ring g = fake_ring_open(4);
    struct sr_pinned *pinned = new_pinned(8);
    struct sr_op op;
    struct sr_op other;
    struct sr_completion done;
    uint8_t *bytes;
    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);
    assert_lent(pinned);
    assert_int_equal(sr_read(g.ring, sr_fd(3), pinned, &other), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_lent(pinned);
    fake_kernel_post(f.kernel, op.id, 8);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_lent(pinned);

    /* What is lent is not given: taking the completion brings no buffer. */
    struct sr_buffer *none = (struct sr_buffer *)pinned;
    assert_int_equal(sr_take(&done, &none), 8);
    assert_null(none);
    assert_int_equal(sr_pinned_as_mut_slice(pinned, &bytes), 0);
    assert_int_equal(sr_read(g.ring, sr_fd(3), pinned, &other), 0);
    sr_op_drop(g.ring, &other);
    assert_false(sr_pinned_is_borrowed(pinned));

    assert_int_equal(sr_pinned_free(&pinned), 0);
    fake_ring_close(&f);
    fake_ring_close(&g);
}

/* Dropping the operation leaves the memory lent, and the ring borrowed, until the terminal CQE (PIN-2, ORPH-1). */
SR_UNCHECKED static void a_drop_leaves_the_memory_lent(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pinned *pinned = new_pinned(8);
    struct sr_pinned *other = new_pinned(8);
    struct sr_op op;
    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t id = op.id;

    sr_op_drop(f.ring, &op);

    assert_lent(pinned);
    assert_int_equal(sr_read(f.ring, sr_fd(3), other, &op), SR_ERING_BORROWED);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    fake_kernel_post(f.kernel, cancel_of(id), -EALREADY);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_lent(pinned);
    fake_kernel_post(f.kernel, id, 8);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_false(sr_pinned_is_borrowed(pinned));
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    assert_int_equal(sr_pinned_free(&pinned), 0);
    assert_int_equal(sr_pinned_free(&other), 0);
    fake_ring_close(&f);
}

/* Every other end gives it back as well: a refused start, a withdrawn entry, a finished completion, a drain, an error. */
SR_UNCHECKED static void every_end_gives_it_back(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pinned *pinned = new_pinned(8);
    struct sr_op op;
    struct sr_completion done;
    struct sr_op_spec bad = sr_spec_read(sr_fd(0), 0, sr_range(4, 5));
    struct sr_op_spec vector = sr_spec_readv(sr_fd(0), 0);
    assert_int_equal(sr_op_borrow(f.ring, &bad, pinned, &op), -EINVAL);
    assert_int_equal(sr_op_borrow(f.ring, &vector, pinned, &op), -EINVAL);
    assert_false(sr_pinned_is_borrowed(pinned));

    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);
    sr_op_drop(f.ring, &op);
    assert_false(sr_pinned_is_borrowed(pinned));

    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);
    assert_int_equal(sr_op_cancel(f.ring, &op), 0);
    assert_int_equal(await_result(f.ring, &op), -ECANCELED);
    assert_false(sr_pinned_is_borrowed(pinned));

    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, op.id, -EIO);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    sr_finish(&done);
    assert_false(sr_pinned_is_borrowed(pinned));

    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, op.id, 2);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    assert_false(sr_pinned_is_borrowed(pinned));

    assert_int_equal(sr_pinned_free(&pinned), 0);
    fake_ring_close(&f);
}

/* One from a pool goes back there, once. */
SR_UNCHECKED static void a_pooled_one_goes_back_to_its_pool(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pool *pool = NULL;
    struct sr_pinned *pinned = NULL;
    struct sr_pinned *none = NULL;
    struct sr_op op;
    assert_int_equal(sr_pool_new(&pool, 1, 100, 0), 0);
    assert_int_equal(sr_pinned_from_pool(pool, &pinned), 0);
    assert_int_equal(sr_pinned_from_pool(pool, &none), SR_EPOOL_EMPTY);
    assert_null(none);
    assert_int_equal(sr_pinned_len(pinned), 100);

    assert_int_equal(sr_read(f.ring, sr_fd(3), pinned, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, op.id, 100);
    assert_int_equal(await_result(f.ring, &op), 100);
    assert_int_equal(sr_pinned_from_pool(pool, &none), SR_EPOOL_EMPTY);
    assert_int_equal(sr_pinned_free(&pinned), 0);

    assert_int_equal(sr_pinned_from_pool(pool, &pinned), 0);
    assert_int_equal(sr_pinned_free(&pinned), 0);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    fake_ring_close(&f);
}

static const char *const kernels[] = {"sim", "engine", "uring"};

/* The six calls move the bytes on each kernel there is, one after another with one buffer (BACK-1). */
SR_UNCHECKED static void the_calls_work_on_each_kernel(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
        struct sr_sim *sim = NULL;
        struct sr_ring *ring = NULL;
        struct sr_config config = sr_config_default();
        int pair[2];
        config.backend_name = kernels[k];
        if (k == 0) {
            assert_int_equal(sr_sim_new(&sim, NULL), 0);
            assert_int_equal(sr_sim_ring_open(sim, &ring, 8), 0);
            assert_int_equal(sr_sim_socketpair(sim, pair), 0);
        } else if (sr_ring_open_config(&ring, &config) != 0) {
            assert_string_equal(kernels[k], "uring");
            continue;
        } else {
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        }
        struct sr_pinned *out = NULL;
        struct sr_pinned *in = new_pinned(5);
        struct sr_op op;
        uint8_t *bytes;
        assert_int_equal(sr_pinned_copy_of(&out, "hello", 5), 0);
        for (int round = 0; round < 3; round++) {
            if (round == 0)
                assert_int_equal(sr_write(ring, sr_fd(pair[0]), out, &op), 0);
            else if (round == 1)
                assert_int_equal(sr_send(ring, sr_fd(pair[0]), out, 0, &op), 0);
            else
                assert_int_equal(sr_write_at(ring, sr_fd(pair[0]), out, 0, &op), 0);
            assert_int_equal(await_result(ring, &op), 5);
            assert_int_equal(sr_pinned_as_mut_slice(in, &bytes), 0);
            memset(bytes, 0, 5);
            if (round == 0)
                assert_int_equal(sr_read(ring, sr_fd(pair[1]), in, &op), 0);
            else if (round == 1)
                assert_int_equal(sr_recv(ring, sr_fd(pair[1]), in, 0, &op), 0);
            else
                assert_int_equal(sr_read_at(ring, sr_fd(pair[1]), in, 0, &op), 0);
            assert_int_equal(await_result(ring, &op), 5);
            assert_memory_equal(bytes, "hello", 5);
        }
        assert_int_equal(sr_pinned_free(&in), 0);
        assert_int_equal(sr_pinned_free(&out), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(sim != NULL ? sr_sim_close(sim, pair[i]) : close(pair[i]), 0);
        sr_sim_free(&sim);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_done_with_null),          cmocka_unit_test(its_address_never_changes),
    cmocka_unit_test(a_second_borrowing_call_is_refused), cmocka_unit_test(a_lent_buffer_is_refused),
    cmocka_unit_test(a_drop_leaves_the_memory_lent),      cmocka_unit_test(every_end_gives_it_back),
    cmocka_unit_test(a_pooled_one_goes_back_to_its_pool), cmocka_unit_test(the_calls_work_on_each_kernel),
};

SR_TEST_MAIN(tests)
