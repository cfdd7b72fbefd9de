/*
 * A ring of the library on a scriptable kernel.
 */
#include "fake_ring.h"

#define TAG_SHIFT 0

struct fake_ring fake_ring_open_config(struct sr_config config)
{
    config.fence =
        SR_FENCE_NONE; /* this kernel posts outside enter, which a true one does not with DEFER_TASKRUN */
    struct fake_ring f = {.kernel = fake_kernel_new(), .ring = NULL};
    struct sr_backend backend = fake_kernel_backend(f.kernel);
    config.backend = &backend;
    assert_int_equal(sr_ring_open_config(&f.ring, &config), 0);
    return f;
}

struct fake_ring fake_ring_open(uint32_t entries)
{
    struct sr_config config = sr_config_default();
    config.entries = entries;
    return fake_ring_open_config(config);
}

void fake_ring_close_with_unknown(struct fake_ring *f, uint64_t unknown)
{
    assert_true(stats_of(f->ring).unknown == unknown);
    assert_int_equal(sr_ring_in_flight(f->ring), 0);
    assert_int_equal(sr_ring_orphan_count(f->ring), 0);
    assert_int_equal(sr_ring_close(&f->ring), 0);
    assert_null(f->ring);
    fake_kernel_free(f->kernel);
}

void fake_ring_close(struct fake_ring *f)
{
    fake_ring_close_with_unknown(f, 0);
}

SR_UNCHECKED struct sr_op start_read(struct sr_ring *ring, int fd, size_t size)
{
    struct sr_buffer *buffer = NULL;
    struct sr_op op = {0};
    assert_int_equal(sr_buffer_new(&buffer, size), 0);
    assert_int_equal(sr_read_at_owned(ring, sr_fd(fd), &buffer, 0, &op), 0);
    assert_null(buffer);
    return op;
}

SR_UNCHECKED struct sr_op start_within(struct sr_ring *ring, uint64_t timeout_ns)
{
    struct sr_op_spec spec = sr_spec_within(sr_spec_nop(), timeout_ns);
    struct sr_op op = {0};
    assert_int_equal(sr_op_start_plain(ring, &spec, &op), 0);
    return op;
}

struct sr_op start_nop(struct sr_ring *ring)
{
    return start_within(ring, 0);
}

struct sr_op submit_read(struct sr_ring *ring, int fd, size_t size)
{
    struct sr_op op = start_read(ring, fd, size);
    assert_int_equal(sr_ring_submit(ring), 0);
    return op;
}

struct sr_op submit_nop(struct sr_ring *ring)
{
    struct sr_op op = start_nop(ring);
    assert_int_equal(sr_ring_submit(ring), 0);
    return op;
}

SR_UNCHECKED int32_t await_result(struct sr_ring *ring, struct sr_op *op)
{
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_op_await(ring, op, &done), 0);
    int32_t result = sr_take(&done, &buffer);
    if (buffer != NULL)
        assert_int_equal(sr_buffer_release(&buffer), 0);
    return result;
}

struct sr_stats stats_of(struct sr_ring *ring)
{
    struct sr_stats stats;
    assert_int_equal(sr_ring_stats(ring, &stats), 0);
    return stats;
}

struct ring_face face_of(struct sr_ring *ring)
{
    struct ring_face face = {sr_ring_in_flight(ring), sr_ring_orphan_count(ring), stats_of(ring)};
    face.stats.enters = 0;
    return face;
}

void assert_face(struct sr_ring *ring, const struct ring_face *before)
{
    struct ring_face now = face_of(ring);
    assert_int_equal(now.in_flight, before->in_flight);
    assert_int_equal(now.orphans, before->orphans);
    assert_memory_equal(&now.stats, &before->stats, sizeof now.stats);
}

uint64_t cancel_of(uint64_t id)
{
    return id | UINT64_C(1) << TAG_SHIFT;
}

uint64_t limit_of(uint64_t id)
{
    return id | UINT64_C(2) << TAG_SHIFT;
}
