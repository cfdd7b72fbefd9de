/*
 * The forms of docs/ownership.md. docs/check_ownership.py has clang analyse this file: what is called right_… is followed
 * and clean, what is called wrong_… is reported, what is called misjudged_… is right and reported all the same.
 */
#include <stdlib.h>

#include <safer_ring.h>

void right_not_zero(void);
void right_not(void);
void right_variable(void);
int right_cleanup(struct sr_ring *ring, int fd);
void right_moving_on(struct sr_ring *ring, struct sr_buffer **buffer, int fd) SR_TAKES(*buffer);
int right_batch(struct sr_ring *ring, int fd);
int right_future(struct sr_ring *ring);
void wrong_use_in_flight(struct sr_ring *ring, int fd);
void wrong_forgotten_await(struct sr_ring *ring);
void wrong_forgotten_take(struct sr_ring *ring);
void wrong_awaited_twice(struct sr_ring *ring);
int wrong_leak_on_one_path(struct sr_ring *ring, int fd);
void wrong_batch_after_submission(struct sr_ring *ring);
void wrong_batch_forgotten(void);
void wrong_future_forgotten(struct sr_ring *ring);
void wrong_result_forgotten(struct sr_ring *ring);
void wrong_buffer_in_a_batch(struct sr_batch *batch, const struct sr_op_spec *spec) SR_NEEDS(*batch);
void wrong_pinned_after_free(void);
void misjudged_less_than_zero(void);
void misjudged_assigned_in_condition(void);
void misjudged_switch(void);
void misjudged_alias(void);
void misjudged_array(void);

static void release(struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    if (sr_buffer_release(buffer) != 0)
        abort();
}

static void give_up(struct sr_batch **batch) SR_TAKES(*batch)
{
    if (sr_batch_free(batch) != 0)
        abort();
}

/* ---- followed ---- */

void right_not_zero(void)
{
    struct sr_buffer *buffer;
    if (sr_buffer_new(&buffer, 64) != 0)
        return;
    release(&buffer);
}

void right_not(void)
{
    struct sr_buffer *buffer;
    if (!sr_buffer_new(&buffer, 64))
        release(&buffer);
}

void right_variable(void)
{
    struct sr_buffer *buffer;
    int rc = sr_buffer_new(&buffer, 64);
    if (rc != 0)
        return;
    release(&buffer);
}

int right_cleanup(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op read;
    struct sr_completion done;
    int rc = sr_buffer_new(&buffer, 64);
    if (rc != 0)
        return rc;
    rc = sr_read_owned(ring, sr_fd(fd), &buffer, &read);
    if (rc != 0) {
        release(&buffer); /* refused: nothing has moved */
        return rc;
    }
    rc = sr_op_await(ring, &read, &done);
    if (rc != 0) {
        sr_op_drop(ring, &read); /* the buffer goes home when the kernel is done with it */
        return rc;
    }
    int32_t result = sr_take(&done, &buffer);
    release(&buffer);
    return result;
}

/* A function that takes a buffer says so: SR_TAKES(*buffer) stands on its declaration. */
void right_moving_on(struct sr_ring *ring, struct sr_buffer **buffer, int fd)
{
    struct sr_op write;
    if (sr_write_owned(ring, sr_fd(fd), buffer, &write) != 0) {
        release(buffer);
        return;
    }
    if (sr_op_detach(ring, &write, NULL) != 0)
        sr_op_drop(ring, &write);
}

int right_batch(struct sr_ring *ring, int fd)
{
    struct sr_batch *batch;
    struct sr_buffer *buffer;
    struct sr_batch_result result;
    struct sr_op_spec read = sr_spec_read(sr_fd(fd), 0, sr_range(0, 64));
    int rc = sr_batch_new(&batch);
    if (rc != 0)
        return rc;
    rc = sr_buffer_new(&buffer, 64);
    if (rc != 0) {
        give_up(&batch);
        return rc;
    }
    rc = sr_batch_add(batch, &read, &buffer, NULL);
    if (rc != 0) {
        release(&buffer); /* not added: nothing has moved */
        give_up(&batch);
        return rc;
    }
    rc = sr_batch_submit(ring, &batch, &result);
    if (rc != 0) {
        give_up(&batch);
        return rc;
    }
    rc = sr_batch_result_take(&result, 0, &buffer);
    release(&buffer);
    sr_batch_result_fini(&result);
    return rc;
}

int right_future(struct sr_ring *ring)
{
    struct sr_batch *batch;
    struct sr_batch_future future;
    struct sr_batch_result result;
    int rc = sr_batch_new(&batch);
    if (rc != 0)
        return rc;
    rc = sr_batch_submit_standalone(ring, &batch, &future);
    if (rc != 0) {
        give_up(&batch);
        return rc;
    }
    rc = sr_batch_await(&future, ring, &result);
    if (rc != 0) {
        sr_batch_drop(ring, &future);
        return rc;
    }
    sr_batch_result_fini(&result);
    return 0;
}

void followed_pool_and_fixed_file(struct sr_ring *ring, struct sr_registry *registry, struct sr_pool *pool, int fd)
{
    struct sr_buffer *buffer;
    struct sr_fixed_file file;
    struct sr_op read;
    struct sr_completion done;
    if (sr_registry_register_fixed_file(registry, fd, &file) != 0)
        return;
    if (sr_pool_get(pool, &buffer) == 0) {
        int rc = sr_read_owned(ring, sr_fd_fixed(file), &buffer, &read);
        if (rc != 0) {
            release(&buffer);
        } else {
            rc = sr_op_await(ring, &read, &done);
            if (rc != 0)
                sr_op_drop(ring, &read);
            else
                sr_finish(&done); /* the buffer goes back to the pool */
        }
    }
    if (sr_registry_retire_fixed_file(registry, &file) != 0)
        abort();
}

/* ---- reported ---- */

void wrong_use_in_flight(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op read;
    if (sr_buffer_new(&buffer, 64) != 0)
        return;
    if (sr_read_owned(ring, sr_fd(fd), &buffer, &read) != 0) {
        release(&buffer);
        return;
    }
    release(&buffer);
    sr_op_drop(ring, &read);
}

void wrong_forgotten_await(struct sr_ring *ring)
{
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_op op;
    if (sr_op_start_plain(ring, &spec, &op) != 0)
        return;
}

void wrong_forgotten_take(struct sr_ring *ring)
{
    struct sr_completion done;
    if (sr_ring_next(ring, &done) != 0)
        return;
}

void wrong_awaited_twice(struct sr_ring *ring)
{
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_op op;
    struct sr_completion done;
    if (sr_op_start_plain(ring, &spec, &op) != 0)
        return;
    if (sr_op_await(ring, &op, &done) != 0) {
        sr_op_drop(ring, &op);
        return;
    }
    sr_finish(&done);
    sr_op_drop(ring, &op);
}

int wrong_leak_on_one_path(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op read;
    int rc = sr_buffer_new(&buffer, 64);
    if (rc != 0)
        return rc;
    rc = sr_read_owned(ring, sr_fd(fd), &buffer, &read);
    if (rc != 0)
        return rc;
    sr_op_drop(ring, &read);
    return 0;
}

void wrong_batch_after_submission(struct sr_ring *ring)
{
    struct sr_batch *batch;
    struct sr_batch_future future;
    struct sr_op_spec nop = sr_spec_nop();
    if (sr_batch_new(&batch) != 0)
        return;
    if (sr_batch_submit_standalone(ring, &batch, &future) != 0) {
        give_up(&batch);
        return;
    }
    if (sr_batch_add_plain(batch, &nop, NULL) != 0)
        abort();
    sr_batch_drop(ring, &future);
}

void wrong_batch_forgotten(void)
{
    struct sr_batch *batch;
    if (sr_batch_new(&batch) != 0)
        return;
}

void wrong_future_forgotten(struct sr_ring *ring)
{
    struct sr_batch *batch;
    struct sr_batch_future future;
    if (sr_batch_new(&batch) != 0)
        return;
    if (sr_batch_submit_standalone(ring, &batch, &future) != 0)
        give_up(&batch);
}

void wrong_result_forgotten(struct sr_ring *ring)
{
    struct sr_batch *batch;
    struct sr_batch_result result;
    if (sr_batch_new(&batch) != 0)
        return;
    if (sr_batch_submit(ring, &batch, &result) != 0)
        give_up(&batch);
}

void wrong_buffer_in_a_batch(struct sr_batch *batch, const struct sr_op_spec *spec)
{
    struct sr_buffer *buffer;
    if (sr_buffer_new(&buffer, 64) != 0)
        return;
    if (sr_batch_add(batch, spec, &buffer, NULL) != 0) {
        release(&buffer);
        return;
    }
    release(&buffer);
}

void wrong_pinned_after_free(void)
{
    struct sr_pinned *pinned;
    uint8_t *bytes;
    if (sr_pinned_new(&pinned, 64) != 0)
        return;
    if (sr_pinned_free(&pinned) != 0)
        abort();
    if (sr_pinned_as_mut_slice(pinned, &bytes) != 0)
        abort();
}

void wrong_pooled_buffer_kept(struct sr_pool *pool)
{
    struct sr_buffer *buffer;
    if (sr_pool_get(pool, &buffer) != 0)
        return;
}

void wrong_pooled_buffer_put_in_flight(struct sr_ring *ring, struct sr_pool *pool, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op read;
    if (sr_pool_get(pool, &buffer) != 0)
        return;
    if (sr_read_owned(ring, sr_fd(fd), &buffer, &read) != 0) {
        release(&buffer);
        return;
    }
    if (sr_pool_put(pool, &buffer) != 0)
        abort();
    sr_op_drop(ring, &read);
}

void wrong_fixed_file_after_its_removal(struct sr_ring *ring, struct sr_registry *registry, int fd)
{
    struct sr_fixed_file file;
    struct sr_op op;
    if (sr_registry_register_fixed_file(registry, fd, &file) != 0)
        return;
    if (sr_registry_retire_fixed_file(registry, &file) != 0)
        abort();
    struct sr_op_spec poll = sr_spec_poll(sr_fd_fixed(file), 1);
    if (sr_op_start_plain(ring, &poll, &op) != 0)
        return;
    sr_op_drop(ring, &op);
}

/* ---- misjudged: write one of the forms above instead ---- */

void misjudged_less_than_zero(void)
{
    struct sr_buffer *buffer;
    if (sr_buffer_new(&buffer, 64) < 0)
        return;
    release(&buffer);
}

void misjudged_assigned_in_condition(void)
{
    struct sr_buffer *buffer;
    int rc;
    if ((rc = sr_buffer_new(&buffer, 64)) != 0)
        return;
    release(&buffer);
}

void misjudged_switch(void)
{
    struct sr_buffer *buffer;
    switch (sr_buffer_new(&buffer, 64)) {
    case 0: release(&buffer); return;
    default: return;
    }
}

void misjudged_alias(void)
{
    struct sr_buffer *buffer;
    struct sr_buffer **alias = &buffer;
    if (sr_buffer_new(alias, 64) != 0)
        return;
    release(&buffer);
}

void misjudged_array(void)
{
    struct sr_buffer *buffers[4];
    for (int i = 0; i < 4; i++) {
        if (sr_buffer_new(&buffers[i], 64) != 0)
            abort();
    }
    for (int i = 0; i < 4; i++)
        release(&buffers[i]);
}
