/*
 * Batches: a record written in order and read back, and what was received sent back, each given to the ring at once. The first
 * batch is awaited; the second runs as a future while the ring is used for something else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <safer_ring.h>

_Noreturn static void die(const char *call, int rc)
{
    fprintf(stderr, "%s: %s\n", call, sr_strerror(rc));
    exit(1);
}

#define TRY(call)            \
    do {                     \
        int rc_ = (call);    \
        if (rc_ != 0)        \
            die(#call, rc_); \
    } while (0)

static void add_write(struct sr_batch *batch, int fd, uint64_t offset, const char *text) SR_NEEDS(*batch)
{
    struct sr_buffer *buffer;
    struct sr_op_spec spec = sr_spec_write(sr_fd(fd), offset, sr_range(0, strlen(text)));
    TRY(sr_buffer_copy_of(&buffer, text, strlen(text)));
    TRY(sr_batch_add(batch, &spec, &buffer, NULL));
}

static void add_read(struct sr_batch *batch, int fd, size_t size) SR_NEEDS(*batch)
{
    struct sr_buffer *buffer;
    struct sr_op_spec spec = sr_spec_read(sr_fd(fd), 0, sr_range(0, size));
    TRY(sr_buffer_new(&buffer, size));
    TRY(sr_batch_add(batch, &spec, &buffer, NULL));
}

/* Writes a body, then the header that says it is there, then waits for the disk, then reads all of it. */
static void write_a_record(struct sr_ring *ring, int fd)
{
    struct sr_batch *batch;
    struct sr_batch_result result;
    struct sr_buffer *buffer;
    struct sr_op_spec sync = sr_spec_fsync(sr_fd(fd), 0);
    TRY(sr_batch_new(&batch));
    add_write(batch, fd, 7, "a body");
    add_write(batch, fd, 0, "6 bytes");
    TRY(sr_batch_add_plain(batch, &sync, NULL));
    add_read(batch, fd, 13);
    for (uint32_t i = 1; i < 4; i++)
        TRY(sr_batch_add_dependency(batch, i,
                                    i - 1)); /* a chain: the kernel goes from one to the next by itself */
    if (sr_batch_add_dependency(batch, 0, 3) != SR_ECYCLE)
        die("a cycle", SR_ECYCLE);

    TRY(sr_batch_submit(ring, &batch, &result)); /* batch is NULL now: it was moved */
    if (result.succeeded != 4)
        die("the batch", -EIO);
    int32_t read = sr_batch_result_take(&result, 3, &buffer);
    struct sr_guard guard;
    TRY(sr_buffer_try_access(&buffer, &guard));
    printf("%.*s\n", (int)read, (const char *)sr_guard_bytes(&guard));
    sr_guard_end(&guard, &buffer);
    TRY(sr_buffer_release(&buffer));
    sr_batch_result_fini(&result); /* the other buffers go home */
}

/* Receives, and sends back as much as came, in the same buffer. */
SR_UNCHECKED static struct sr_batch *echo_batch(int fd)
{
    struct sr_batch *batch;
    struct sr_buffer *buffer;
    struct sr_op_spec receive = sr_spec_recv(sr_fd(fd), sr_range(0, 100), 0);
    struct sr_op_spec answer = sr_spec_send(sr_fd(fd), (struct sr_range){0}, MSG_WAITALL);
    uint32_t received;
    TRY(sr_batch_new(&batch));
    TRY(sr_buffer_new(&buffer, 100));
    TRY(sr_batch_add(batch, &receive, &buffer, &received));
    TRY(sr_batch_add_inheriting(batch, &answer, received, NULL));
    return batch;
}

/* The future borrows nothing: the ring is used between its submission and its end. */
SR_UNCHECKED static void echo_meanwhile(struct sr_ring *ring, const int pair[2])
{
    struct sr_batch *batch = echo_batch(pair[0]);
    struct sr_batch_future future;
    struct sr_batch_result result;
    struct sr_batch_entry entry;
    struct sr_op nop;
    struct sr_completion done;
    char back[6] = "";
    TRY(sr_batch_submit_standalone(ring, &batch, &future));
    if (sr_batch_poll(&future, ring, &result) != SR_EOPERATION_PENDING)
        die("nothing was sent yet", -EIO);
    TRY(sr_nop(ring, &nop));
    TRY(sr_op_await(ring, &nop, &done));
    printf("a no-op ended with %d meanwhile\n", sr_take_plain(&done));

    if (write(pair[1], "hello", 5) != 5)
        die("write", -errno);
    TRY(sr_batch_await(&future, ring, &result));
    TRY(sr_batch_result_at(&result, 1, &entry));
    if (read(pair[1], back, 5) != 5)
        die("read", -errno);
    printf("%d bytes came back: %s\n", entry.result, back);
    sr_batch_result_fini(&result);
}

/* What fails is said entry by entry; what depends on it never runs. A future that nobody wants any more is dropped. */
SR_UNCHECKED static void fail_and_drop(struct sr_ring *ring, const int pair[2])
{
    struct sr_batch *batch;
    struct sr_batch_options options = {.form = SR_BATCH_DEFERRED, .fail_fast = true};
    struct sr_batch_result result;
    struct sr_batch_future future;
    TRY(sr_batch_new_with(&batch, &options));
    add_read(batch, -1, 10);
    add_read(batch, pair[0], 10); /* would wait for ever */
    TRY(sr_batch_submit(ring, &batch, &result));
    printf("%u failed, %u cancelled: %s\n", result.failed, result.cancelled,
           sr_err_name(sr_batch_result_take_plain(&result, 0)));
    sr_batch_result_fini(&result);

    batch = echo_batch(pair[0]);
    printf("a batch of %u is dropped\n", sr_batch_count(batch));
    TRY(sr_batch_submit_standalone(ring, &batch, &future));
    TRY(sr_ring_submit(ring));
    sr_batch_drop(ring, &future);
    TRY(sr_ring_drain(ring, SR_FOREVER, NULL));

    TRY(sr_batch_new(&batch));
    TRY(sr_batch_free(&batch));
}

/* Asked for its end, a batch ends: what waits never runs, what runs is cancelled. */
SR_UNCHECKED static void cancel_one(struct sr_ring *ring, const int pair[2])
{
    struct sr_batch *batch = echo_batch(pair[0]);
    struct sr_batch_future future;
    struct sr_batch_result result;
    TRY(sr_batch_submit_standalone(ring, &batch, &future));
    if (sr_batch_await_timeout(&future, ring, 1000, &result) != -ETIME)
        die("nothing was sent", -EIO);
    TRY(sr_batch_cancel(ring, &future));
    TRY(sr_batch_await(&future, ring, &result));
    printf("%u cancelled\n", result.cancelled);
    sr_batch_result_fini(&result);
}

int main(void)
{
    struct sr_ring *ring;
    FILE *file = tmpfile();
    int pair[2];
    if (file == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        die("tmpfile, socketpair", -errno);
    TRY(sr_ring_open(&ring, 8));
    write_a_record(ring, fileno(file));
    echo_meanwhile(ring, pair);
    fail_and_drop(ring, pair);
    cancel_one(ring, pair);
    TRY(sr_ring_close(&ring));
    close(pair[0]);
    close(pair[1]);
    fclose(file);
    return 0;
}
