/*
 * A tour of what the other examples have no use for: each way to wait, to lose interest, to look at a buffer, to close.
 *
 * It talks to itself through a pipe, checks its own outcome and exits with 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SR_NO_OWNERSHIP_ANALYSIS /* it does on purpose what the analysis warns of */
#include <safer_ring.h>

#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort();                                                \
        }                                                           \
    } while (0)

#define MS UINT64_C(1000000)

/* A buffer is opened by a guard, and by nobody else meanwhile. */
static void buffers(struct sr_ring *ring)
{
    struct sr_buffer *buffer;
    struct sr_guard guard;
    CHECK(sr_buffer_copy_of(&buffer, "init data", 9) == 0);
    CHECK(sr_buffer_size(buffer) == 9);
    struct sr_buffer *copy = buffer;
    CHECK(sr_buffer_try_access(&buffer, &guard) == 0);
    CHECK(buffer == NULL && !sr_buffer_is_user_owned(copy));
    CHECK(sr_guard_size(&guard) == 9 && memcmp(sr_guard_bytes(&guard), "init data", 9) == 0);
    sr_guard_end(&guard, &buffer);
    CHECK(sr_buffer_is_user_owned(buffer));
    CHECK(sr_buffer_release(&buffer) == 0);

    CHECK(sr_ring_get_buffer(ring, 4096, &buffer) == 0); /* the ring's own pool first, then the allocator */
    CHECK(sr_buffer_release(&buffer) == 0);
}

/* A read of the empty pipe: nothing comes until something is written. */
static struct sr_op start_read(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op op;
    CHECK(sr_buffer_new(&buffer, 64) == 0);
    CHECK(sr_read_owned(ring, sr_fd(fd), &buffer, &op) == 0);
    return op;
}

static void write_some(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_completion done;
    CHECK(sr_buffer_copy_of(&buffer, "hello", 5) == 0);
    CHECK(sr_write_owned(ring, sr_fd(fd), &buffer, &op) == 0); /* all of it; n bytes: sr_write_at_owned() */
    CHECK(sr_op_await(ring, &op, &done) == 0);
    CHECK(sr_take(&done, &buffer) == 5);
    CHECK(sr_buffer_release(&buffer) == 0);
}

static void called(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct sr_buffer *buffer;
    (void)ring;
    *(int32_t *)user = sr_take(done, &buffer);
    CHECK(sr_buffer_release(&buffer) == 0);
}

/* Looking, waiting for a while, being called. */
static void waiting(struct sr_ring *ring, const int fds[2])
{
    struct sr_completion done;
    struct sr_buffer *buffer;
    struct sr_op read = start_read(ring, fds[0]);
    CHECK(sr_op_peek(ring, &read, &done) == SR_EOPERATION_PENDING);
    CHECK(sr_op_await_timeout(ring, &read, MS, &done) == -ETIME); /* it goes on */
    write_some(ring, fds[1]);
    CHECK(sr_op_await(ring, &read, &done) == 0);
    CHECK(sr_take(&done, &buffer) == 5);
    CHECK(sr_buffer_release(&buffer) == 0);

    int32_t result = 0;
    read = start_read(ring, fds[0]);
    CHECK(sr_op_then(ring, &read, called, &result) == 0);
    write_some(ring, fds[1]);
    while (result == 0)
        CHECK(sr_ring_dispatch_wait(ring, SR_FOREVER, NULL) == 0);
    CHECK(result == 5);

    read = start_read(ring, fds[0]);
    CHECK(sr_op_detach(ring, &read, &result) == 0);
    write_some(ring, fds[1]);
    CHECK(sr_ring_next(ring, &done) == 0);
    CHECK(done.user == &result);
    CHECK(sr_take(&done, &buffer) == 5);
    CHECK(sr_buffer_release(&buffer) == 0);

    CHECK(sr_ring_post(ring, 42) == 0); /* from any thread */
    CHECK(sr_ring_await_posts(ring, true) == 0);
    CHECK(sr_ring_next(ring, &done) == 0);
    CHECK(done.posted && done.value == 42);
    CHECK(sr_ring_await_posts(ring, false) == 0);
}

/* Cancelling keeps the handle; dropping gives it up, and the buffer goes home when the kernel is done with it. */
static void losing_interest(struct sr_ring *ring, const int fds[2])
{
    struct sr_completion done;
    struct sr_buffer *buffer;
    struct sr_op read = start_read(ring, fds[0]);
    CHECK(sr_ring_submit(ring) == 0);
    CHECK(sr_op_cancel(ring, &read) == 0);
    CHECK(sr_op_await(ring, &read, &done) == 0);
    CHECK(sr_take(&done, &buffer) == -ECANCELED);
    CHECK(sr_buffer_release(&buffer) == 0);

    read = start_read(ring, fds[0]);
    CHECK(sr_ring_submit(ring) == 0);
    sr_op_drop(ring, &read);
    printf("in flight: %u, orphans: %u\n", sr_ring_in_flight(ring), sr_ring_orphan_count(ring));
    CHECK(sr_ring_orphan_count(ring) == 1);
    CHECK(sr_ring_drain(ring, SR_FOREVER, NULL) == 0);
    CHECK(sr_ring_orphan_count(ring) == 0);

    /* A limit as a part of the operation. */
    struct sr_op_spec spec =
        sr_spec_within(sr_spec_read(sr_fd(fds[0]), SR_OWN_POSITION, sr_range(0, 64)), MS);
    CHECK(sr_buffer_new(&buffer, 64) == 0);
    CHECK(sr_op_start(ring, &spec, &buffer, &read) == 0);
    CHECK(sr_op_await(ring, &read, &done) == 0);
    CHECK(sr_take(&done, &buffer) == -ECANCELED);
    CHECK(sr_write_at_owned(ring, sr_fd(fds[1]), &buffer, 0, 3, &read) == 0); /* three bytes of it */
    CHECK(sr_op_await(ring, &read, &done) == 0);
    CHECK(sr_take(&done, &buffer) == 3);
    CHECK(sr_buffer_release(&buffer) == 0);
}

/* Bytes in order, for whoever wants read and write rather than operations. */
static void streams(struct sr_ring *ring)
{
    struct sr_stream *file;
    struct sr_stream *reader;
    struct sr_stream *writer;
    FILE *scratch = tmpfile();
    char text[16] = "";
    int fds[2];
    CHECK(scratch != NULL && pipe(fds) == 0);
    const struct sr_stream_options kept = {.keep_descriptor = true};
    CHECK(sr_file(ring, fileno(scratch), &kept, &file) == 0);
    CHECK(sr_stream_write_all(file, "in order", 8, NULL) == 0);
    CHECK(sr_stream_flush(file, NULL) == 0); /* the kernel has all of it */
    CHECK(sr_stream_seek(file, 3, SEEK_SET, NULL) == 0);
    CHECK(sr_stream_read_exact(file, text, 5, NULL) == 0);
    CHECK(strcmp(text, "order") == 0);
    CHECK(sr_stream_close(&file, NULL) == 0);
    fclose(scratch);

    CHECK(sr_reader(ring, fds[0], NULL, &reader) == 0);
    CHECK(sr_writer(ring, fds[1], NULL, &writer) == 0);
    CHECK(sr_stream_write_all(writer, "piped", 5, NULL) == 0);
    CHECK(sr_stream_read_exact(reader, text, 5, NULL) == 0);
    CHECK(strcmp(text, "piped") == 0);
    CHECK(sr_stream_close(&writer, NULL) == 0);
    CHECK(sr_stream_close(&reader, NULL) == 0);
}

/* Several at once, taken as they come. */
static void many(struct sr_ring *ring)
{
    struct sr_completion done[8];
    size_t ended = 0;
    for (int i = 0; i < 8; i++) {
        struct sr_op op;
        CHECK(sr_nop(ring, &op) == 0);
        CHECK(sr_op_detach(ring, &op, NULL) == 0);
    }
    while (ended < 8) {
        size_t count;
        CHECK(sr_ring_next_many(ring, done, 8, &count) == 0);
        for (size_t i = 0; i < count; i++)
            CHECK(sr_take_plain(&done[i]) == 0);
        ended += count;
    }
    struct sr_op op;
    CHECK(sr_nop(ring, &op) == 0);
    CHECK(sr_op_await(ring, &op, &done[0]) == 0);
    sr_finish(&done[0]); /* nobody wants its result */
}

/* Closing with something in flight is refused here; sr_ring_close() would panic. */
static void closing(struct sr_ring *ring, const int fds[2])
{
    struct sr_stats stats;
    struct sr_op read = start_read(ring, fds[0]);
    CHECK(sr_ring_submit(ring) == 0);
    CHECK(sr_ring_try_close(&ring) == SR_EOPERATIONS_IN_FLIGHT);
    CHECK(sr_ring_cancel_all(ring, SR_FOREVER, NULL) == 0);
    sr_op_drop(ring, &read);
    CHECK(sr_ring_stats(ring, &stats) == 0);
    printf("%llu operations on %s: %s\n", (unsigned long long)stats.started, sr_ring_backend(ring),
           sr_ring_backend_reason(ring));
    CHECK(sr_ring_close(&ring) == 0);
}

int main(void)
{
    struct sr_ring *ring;
    int fds[2];
    CHECK(pipe(fds) == 0);
    struct sr_config config = sr_config_default();
    config.entries = 16;
    CHECK(sr_ring_open_config(&ring, &config) == 0);
    CHECK(sr_ring_close(&ring) == 0);
    CHECK(sr_ring_open(&ring, 128) == 0);
    buffers(ring);
    many(ring);
    streams(ring);
    waiting(ring, fds);
    losing_interest(ring, fds);
    closing(ring, fds);
    printf("%s: %s\n", sr_err_name(SR_EBUFFER_IN_FLIGHT), sr_strerror(SR_EBUFFER_IN_FLIGHT));
    return 0;
}
