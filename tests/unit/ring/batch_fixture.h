/*
 * Batches of reads on a kernel that does what the test says.
 */
#ifndef TESTS_UNIT_RING_BATCH_FIXTURE_H
#define TESTS_UNIT_RING_BATCH_FIXTURE_H

#include <string.h>

#include "safer_ring/batch.h"
#include "support/fake_ring.h"
#include "support/main.h"

static inline struct sr_batch *new_batch(enum sr_batch_form form, bool fail_fast)
{
    struct sr_batch *batch = NULL;
    struct sr_batch_options options = {.form = form, .fail_fast = fail_fast};
    assert_int_equal(sr_batch_new_with(&batch, &options), 0);
    return batch;
}

SR_UNCHECKED static inline const struct sr_buffer *add_read(struct sr_batch *batch, int fd, size_t size)
{
    struct sr_buffer *buffer = NULL;
    struct sr_op_spec spec = sr_spec_read(sr_fd(fd), 0, (struct sr_range){0});
    assert_int_equal(sr_buffer_new(&buffer, size), 0);
    const struct sr_buffer *copy = buffer;
    assert_int_equal(sr_batch_add(batch, &spec, &buffer, NULL), 0);
    assert_null(buffer);
    return copy;
}

SR_UNCHECKED static inline struct sr_batch *chain_of(uint32_t count, enum sr_batch_form form, bool fail_fast)
{
    struct sr_batch *batch = new_batch(form, fail_fast);
    for (uint32_t i = 0; i < count; i++)
        add_read(batch, (int)(10 + i), 10);
    for (uint32_t i = 1; i < count; i++)
        assert_int_equal(sr_batch_add_dependency(batch, i, i - 1), 0);
    return batch;
}

SR_UNCHECKED static inline struct sr_batch_future submit(struct sr_ring *ring, struct sr_batch *batch)
{
    struct sr_batch_future future = {0};
    assert_int_equal(sr_batch_submit_standalone(ring, &batch, &future), 0);
    assert_null(batch);
    assert_true(future.id != 0);
    return future;
}

/* Ends the n-th entry that the kernel saw, with this result. */
static inline void answer(struct fake_ring *f, uint32_t n, int32_t result)
{
    assert_true(n < f->kernel->seen_count);
    fake_kernel_post(f->kernel, f->kernel->seen[n].user_data, result);
}

SR_UNCHECKED static inline void expect(struct fake_ring *f, struct sr_batch_future *future,
                                       const char *outcomes)
{
    struct sr_batch_result result;
    assert_int_equal(sr_batch_poll(future, f->ring, &result), 0);
    assert_int_equal(result.count, strlen(outcomes));
    for (uint32_t i = 0; i < result.count; i++) {
        struct sr_batch_entry entry;
        assert_int_equal(sr_batch_result_at(&result, i, &entry), 0);
        assert_int_equal("+!-"[entry.outcome], outcomes[i]);
    }
    sr_batch_result_fini(&result);
}

#endif
