/*
 * Pools that don't fit into one place of a ring's table (REG-5). Nobody looks at the bytes here, so a pool of small buffers is made
 * to believe that they lie far apart.
 */
#include "ring/pool.h"
#include "safer_ring/registry.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define CAPACITY 5u

struct stage {
    struct fake_ring f;
    struct sr_pool *pool;
    size_t stride; /* in truth */
};

/* A pool whose buffers seem to lie `stride` bytes apart, and a ring that has a registered buffer already. */
static struct stage begin(size_t stride)
{
    struct stage s = {.f = fake_ring_open(8)};
    assert_int_equal(sr_pool_new(&s.pool, CAPACITY, 8, SR_POOL_ONE_THREAD), 0);
    s.stride = s.pool->stride;
    s.pool->stride = stride;
    return s;
}

static void end(struct stage *s)
{
    s->pool->stride = s->stride;
    assert_int_equal(sr_pool_free(&s->pool, NULL), 0);
    assert_int_equal(s->f.kernel->fixed_buffers_held, 0);
    fake_ring_close(&s->f);
}

/* The place that the kernel is told when the buffer is read into. */
SR_UNCHECKED static int place_seen(struct stage *s, struct sr_buffer **buffer)
{
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_read_owned(s->f.ring, sr_fd(5), buffer, &op), 0);
    fake_kernel_promise(s->f.kernel, op.id, 1);
    assert_int_equal(sr_op_await(s->f.ring, &op, &done), 0);
    assert_int_equal(sr_take(&done, buffer), 1);
    const struct io_uring_sqe *sqe = &s->f.kernel->seen[s->f.kernel->seen_count - 1];
    return sqe->opcode == IORING_OP_READ_FIXED ? (int)sqe->buf_index : -1;
}

/* The places of all the pool's buffers, in the order of their memory. */
SR_UNCHECKED static void assert_places(struct stage *s, const int expected[CAPACITY])
{
    struct sr_buffer *buffers[CAPACITY];
    for (uint32_t i = 0; i < CAPACITY; i++)
        assert_int_equal(sr_pool_get(s->pool, &buffers[i]), 0);
    for (uint32_t i = 0; i < CAPACITY; i++)
        assert_int_equal(place_seen(s, &buffers[i]), expected[i]);
    for (uint32_t i = CAPACITY; i-- > 0;)
        assert_int_equal(sr_buffer_release(&buffers[i]), 0);
}

/* As many buffers share a place as the kernel takes at once; the last place has the rest. */
SR_UNCHECKED static void a_large_pool_takes_several_places(void **state)
{
    (void)state;
    struct stage s = begin(SR_REGISTERED_BYTES_MAX / 2);
    struct sr_pool *other = NULL; /* in place 0 */
    assert_int_equal(sr_pool_new(&other, 1, 8, SR_POOL_ONE_THREAD), 0);
    assert_int_equal(sr_pool_register(other, s.f.ring), 0);

    assert_int_equal(sr_pool_register(s.pool, s.f.ring), 0);

    assert_int_equal(s.f.kernel->fixed_buffers_held, 4);
    for (uint32_t i = 0; i < 3; i++) {
        assert_ptr_equal(s.f.kernel->buffers[1 + i].iov_base, s.pool->headers[2 * i]->memory);
        assert_int_equal(s.f.kernel->buffers[1 + i].iov_len, s.pool->stride * (i < 2 ? 2 : 1));
    }
    assert_places(&s, (const int[CAPACITY]){1, 1, 2, 2, 3});
    assert_int_equal(sr_pool_unregister(s.pool), 0);
    assert_int_equal(s.f.kernel->fixed_buffers_held, 1);
    assert_places(&s, (const int[CAPACITY]){-1, -1, -1, -1, -1});
    assert_int_equal(sr_pool_free(&other, NULL), 0);
    end(&s);
}

/* A buffer as large as a place has one for itself; a larger one is refused, and the pool stays a plain one. */
SR_UNCHECKED static void a_buffer_must_fit_into_a_place(void **state)
{
    (void)state;
    struct stage s = begin(SR_REGISTERED_BYTES_MAX);
    assert_int_equal(sr_pool_register(s.pool, s.f.ring), 0);
    assert_int_equal(s.f.kernel->fixed_buffers_held, CAPACITY);
    assert_places(&s, (const int[CAPACITY]){0, 1, 2, 3, 4});
    assert_int_equal(sr_pool_unregister(s.pool), 0);

    s.pool->stride = SR_REGISTERED_BYTES_MAX + 1;
    assert_int_equal(sr_pool_register(s.pool, s.f.ring), -E2BIG);
    assert_int_equal(sr_pool_unregister(s.pool), SR_ENOT_REGISTERED);
    assert_places(&s, (const int[CAPACITY]){-1, -1, -1, -1, -1});
    end(&s);
}

/* The same of a slot's buffer; one that is too large leaves all with the caller. */
SR_UNCHECKED static void a_slots_buffer_must_fit_into_a_place(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_registry *registry = NULL;
    struct sr_buffer *buffers[2] = {NULL};
    struct sr_buffer_slot slots[2];
    assert_int_equal(sr_registry_new(f.ring, &registry), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sr_buffer_new(&buffers[i], 8), 0);
        buffers[i]->size = SR_REGISTERED_BYTES_MAX + (size_t)i;
    }
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 2, slots), -E2BIG);
    assert_int_equal(f.kernel->fixed_buffers_held, 0);
    for (int i = 0; i < 2; i++)
        assert_true(sr_buffer_is_user_owned(buffers[i]));
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 1, slots), 0);
    assert_int_equal(sr_registry_remove_buffer_slot(registry, slots, buffers), 0);
    for (int i = 0; i < 2; i++) {
        buffers[i]->size = 8;
        assert_int_equal(sr_buffer_release(&buffers[i]), 0);
    }
    assert_int_equal(sr_registry_free(&registry), 0);
    fake_ring_close(&f);
}

/* A kernel that stops at one of the places leaves none of them filled (REG-1). */
SR_UNCHECKED static void a_large_pool_is_registered_whole_or_not(void **state)
{
    (void)state;
    for (uint32_t stop = 1; stop <= 3; stop++) {
        struct stage s = begin(SR_REGISTERED_BYTES_MAX / 2);
        s.f.kernel->update_fails_at = stop;
        assert_int_equal(sr_pool_register(s.pool, s.f.ring), -ENFILE);
        assert_int_equal(s.f.kernel->fixed_buffers_held, 0);
        assert_places(&s, (const int[CAPACITY]){-1, -1, -1, -1, -1});
        end(&s);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_large_pool_takes_several_places),
    cmocka_unit_test(a_buffer_must_fit_into_a_place),
    cmocka_unit_test(a_slots_buffer_must_fit_into_a_place),
    cmocka_unit_test(a_large_pool_is_registered_whole_or_not),
};

SR_TEST_MAIN(tests)
