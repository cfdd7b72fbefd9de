/*
 * The borrowing calls, and what they can't do; below each the owned calls that can. docs/pinned.md tells why.
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

#define EXPECT(call, code)      \
    do {                        \
        if ((call) != (code))   \
            die(#call, (code)); \
    } while (0)

static int32_t await_and_take(struct sr_ring *ring, struct sr_op *op) SR_TAKES(*op)
{
    struct sr_completion done;
    int rc = sr_op_await(ring, op, &done);
    if (rc != 0)
        die("sr_op_await", rc);
    return sr_take_plain(&done);
}

/* One call after the other, with one buffer: all that borrowing is for. */
static void one_after_the_other(struct sr_ring *ring, const int pair[2])
{
    struct sr_pinned *out;
    struct sr_pinned *in;
    struct sr_op op;
    const uint8_t *bytes;
    TRY(sr_pinned_copy_of(&out, "borrowed", 8));
    TRY(sr_pinned_new(&in, 8));
    TRY(sr_send(ring, sr_fd(pair[0]), out, 0, &op));
    int32_t sent = await_and_take(ring, &op);
    TRY(sr_recv(ring, sr_fd(pair[1]), in, 0, &op));
    int32_t received = await_and_take(ring, &op);
    TRY(sr_pinned_as_slice(in, &bytes));
    printf("%d sent, %d received: %.8s\n", sent, received, (const char *)bytes);
    TRY(sr_write(ring, sr_fd(pair[0]), out, &op));
    await_and_take(ring, &op);
    TRY(sr_read(ring, sr_fd(pair[1]), in, &op));
    await_and_take(ring, &op);
    TRY(sr_pinned_free(&out));
    TRY(sr_pinned_free(&in));
}

/* Two at once: refused, whatever buffer the second one brings. */
static void two_at_once_are_refused(struct sr_ring *ring, const int pair[2])
{
    struct sr_pinned *first;
    struct sr_pinned *second;
    struct sr_op op;
    TRY(sr_pinned_new(&first, 8));
    TRY(sr_pinned_new(&second, 8));
    TRY(sr_recv(ring, sr_fd(pair[0]), first, 0, &op));
    struct sr_op other;
    int rc = sr_recv(ring, sr_fd(pair[1]), second, 0, &other);
    if (rc == 0)
        die("two borrowing calls overlap", await_and_take(ring, &other));
    printf("a second call: %s\n", sr_err_name(rc));
    sr_op_drop(ring, &op);
    TRY(sr_ring_drain(ring, SR_FOREVER, NULL));
    TRY(sr_pinned_free(&first));
    TRY(sr_pinned_free(&second));
}

/* The same two, owned: both are under way, each with its own buffer. */
static void two_at_once_owned(struct sr_ring *ring, const int pair[2])
{
    struct sr_buffer *first;
    struct sr_buffer *second;
    struct sr_op one;
    struct sr_op other;
    struct sr_range whole = {0, 0, false};
    TRY(sr_buffer_new(&first, 8));
    TRY(sr_buffer_new(&second, 8));
    TRY(sr_recv_owned(ring, sr_fd(pair[0]), &first, whole, 0, &one));
    TRY(sr_recv_owned(ring, sr_fd(pair[1]), &second, whole, 0, &other));
    if (write(pair[0], "to one", 6) != 6 || write(pair[1], "to two", 6) != 6)
        die("write", -errno);
    struct sr_completion done;
    TRY(sr_op_await(ring, &other, &done));
    int32_t b = sr_take(&done, &second);
    TRY(sr_op_await(ring, &one, &done));
    int32_t a = sr_take(&done, &first);
    printf("both at once, owned: %d and %d\n", a, b);
    TRY(sr_buffer_release(&first));
    TRY(sr_buffer_release(&second));
}

/* The bytes of a lent buffer: refused, and freeing them too, until the operation has ended; dropping it ends nothing. */
static void a_lent_buffer_is_refused(struct sr_ring *ring, const int pair[2])
{
    struct sr_pinned *pinned;
    struct sr_op op;
    uint8_t *bytes;
    TRY(sr_pinned_new(&pinned, 8));
    TRY(sr_recv(ring, sr_fd(pair[0]), pinned, 0, &op));
    TRY(sr_ring_submit(ring));
    EXPECT(sr_pinned_as_mut_slice(pinned, &bytes), SR_EBUFFER_IN_FLIGHT);
    sr_op_drop(ring, &op); /* an orphan: the kernel can still write */
    int rc = sr_pinned_free(&pinned);
    if (rc == 0)
        die("memory the kernel can reach was freed", SR_EBUFFER_IN_FLIGHT);
    printf("freeing it: %s\n", sr_err_name(rc));
    TRY(sr_ring_drain(ring, SR_FOREVER, NULL));
    TRY(sr_pinned_as_mut_slice(pinned, &bytes));
    TRY(sr_pinned_free(&pinned));
}

/* Owned, there is nothing to refuse: the handle is gone, and so is the worry. */
static void a_moved_buffer_needs_no_refusal(struct sr_ring *ring, const int pair[2])
{
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_range whole = {0, 0, false};
    TRY(sr_buffer_new(&buffer, 8));
    TRY(sr_recv_owned(ring, sr_fd(pair[0]), &buffer, whole, 0, &op)); /* buffer is NULL */
    TRY(sr_ring_submit(ring));
    sr_op_drop(ring, &op); /* the buffer goes home when the kernel is done with it */
    TRY(sr_ring_drain(ring, SR_FOREVER, NULL));
}

/* A loop over one buffer: what the reference's compiler refuses, works here, one call at a time. */
static void a_loop_borrowed(struct sr_ring *ring, int fd)
{
    struct sr_pinned *pinned;
    struct sr_op op;
    TRY(sr_pinned_copy_of(&pinned, "0123", 4));
    for (uint64_t offset = 0; offset < 16; offset += 4) {
        TRY(sr_write_at(ring, sr_fd(fd), pinned, offset, &op));
        if (await_and_take(ring, &op) != 4)
            die("sr_write_at", -EIO);
    }
    TRY(sr_read_at(ring, sr_fd(fd), pinned, 8, &op));
    await_and_take(ring, &op);
    TRY(sr_pinned_free(&pinned));
}

/* The same loop, owned: and it may have as many under way as it has buffers. */
static void a_loop_owned(struct sr_ring *ring, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_completion done;
    TRY(sr_buffer_copy_of(&buffer, "0123", 4));
    for (uint64_t offset = 0; offset < 16; offset += 4) {
        TRY(sr_write_at_owned(ring, sr_fd(fd), &buffer, offset, 4, &op));
        TRY(sr_op_await(ring, &op, &done));
        if (sr_take(&done, &buffer) != 4)
            die("sr_write_at_owned", -EIO);
    }
    TRY(sr_buffer_release(&buffer));
}

/* From a pool, for the calls that borrow. */
static void from_a_pool(void)
{
    struct sr_pool *pool;
    struct sr_pinned *pinned;
    TRY(sr_pool_new(&pool, 1, 64, 0));
    TRY(sr_pinned_from_pool(pool, &pinned));
    printf("%zu bytes of a pool, %slent\n", sr_pinned_len(pinned),
           sr_pinned_is_borrowed(pinned) ? "" : "not ");
    TRY(sr_pinned_free(&pinned));
    TRY(sr_pool_free(&pool, NULL));
}

int main(void)
{
    struct sr_ring *ring;
    FILE *file = tmpfile();
    int pair[2];
    if (file == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        die("tmpfile, socketpair", -errno);
    TRY(sr_ring_open(&ring, 8));
    one_after_the_other(ring, pair);
    two_at_once_are_refused(ring, pair);
    two_at_once_owned(ring, pair);
    a_lent_buffer_is_refused(ring, pair);
    a_moved_buffer_needs_no_refusal(ring, pair);
    a_loop_borrowed(ring, fileno(file));
    a_loop_owned(ring, fileno(file));
    from_a_pool();
    TRY(sr_ring_close(&ring));
    close(pair[0]);
    close(pair[1]);
    fclose(file);
    return 0;
}
