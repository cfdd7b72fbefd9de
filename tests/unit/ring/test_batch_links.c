/*
 * What the kernel's links hold back, and what waits for its time here: nothing is linked that the kernel could refuse before
 * it begins, or that its links take for ended well when it has not (BATCH-2).
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "batch_fixture.h"

struct row {
    struct sr_op_spec spec;
    bool buffer;
    bool follows; /* linked behind a no-op */
    bool leads;   /* has a no-op linked behind it */
};

SR_UNCHECKED static void add(struct sr_batch *batch, const struct row *row)
{
    struct sr_buffer *buffer = NULL;
    if (!row->buffer) {
        assert_int_equal(sr_batch_add_plain(batch, &row->spec, NULL), 0);
        return;
    }
    assert_int_equal(sr_buffer_new(&buffer, 10), 0);
    if (row->spec.opcode == IORING_OP_READV || row->spec.opcode == IORING_OP_WRITEV) {
        struct sr_buffer *part = buffer;
        assert_int_equal(sr_buffer_join(&buffer, &part, 1), 0);
    }
    assert_int_equal(sr_batch_add(batch, &row->spec, &buffer, NULL), 0);
}

/* Is the second of two entries linked behind the first?*/
SR_UNCHECKED static bool links(const struct row *first, const struct row *second)
{
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    add(batch, first);
    add(batch, second);
    assert_int_equal(sr_batch_add_dependency(batch, 1, 0), 0);
    struct sr_batch_future future = submit(f.ring, batch);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    bool linked = (f.kernel->seen[0].flags & IOSQE_IO_LINK) != 0;
    assert_int_equal(f.kernel->seen_count, linked ? 2 : 1);
    sr_batch_drop(f.ring, &future);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    for (uint32_t i = 0; i < f.kernel->seen_count; i++)
        answer(&f, i, -ECANCELED);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
    fake_ring_close(&f);
    return linked;
}

static struct sr_op_spec flagged(struct sr_op_spec spec, uint32_t opcode_flags)
{
    spec.opcode_flags = opcode_flags;
    return spec;
}

static struct sr_op_spec with(struct sr_op_spec spec, uint32_t flags)
{
    spec.flags |= flags;
    return spec;
}

/* By opcode and flags: what follows another is what can't be refused, what leads is that and no fsync. */
SR_UNCHECKED static void only_what_the_kernel_never_refuses_is_linked(void **state)
{
    (void)state;
    const struct sr_range whole = {0};
    const struct sr_fd fd = sr_fd(3);
    const struct sr_op_spec read = sr_spec_read(fd, 0, whole);
    const struct sr_op_spec send = sr_spec_send(fd, whole, 0);
    const struct sr_op_spec recv = sr_spec_recv(fd, whole, 0);
    const struct sr_op_spec accept = sr_spec_accept(fd, 0);
    const struct row nop = {sr_spec_nop(), false, true, true};
    const struct row rows[] = {
        nop,
        {with(sr_spec_nop(), SR_OP_ASYNC), false, true, true},
        {sr_spec_close(fd), false, true, true},
        {read, true, true, true},
        {with(read, SR_OP_ASYNC), true, true, true},
        {flagged(read, 1), true, false, false},
        {sr_spec_write(fd, 0, whole), true, true, true},
        {flagged(sr_spec_write(fd, 0, whole), 2), true, false, false},
        {sr_spec_readv(fd, 0), true, true, true},
        {flagged(sr_spec_readv(fd, 0), 1), true, false, false},
        {sr_spec_writev(fd, 0), true, true, true},
        {flagged(sr_spec_writev(fd, 0), 1), true, false, false},
        {sr_spec_fsync(fd, 0), false, true, false},
        {sr_spec_fsync(fd, IORING_FSYNC_DATASYNC), false, true, false},
        {sr_spec_fsync(fd, 0x7000), false, false, false},
        {send, true, true, true},
        {flagged(send, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL), true, true, true},
        {flagged(send, MSG_OOB), true, false, false},
        {recv, true, true, true},
        {flagged(recv, MSG_DONTWAIT | MSG_PEEK), true, true, true},
        {flagged(recv, MSG_WAITALL), true, false, false},
        {accept, false, true, true},
        {flagged(accept, SOCK_CLOEXEC | SOCK_NONBLOCK), false, true, true},
        {flagged(accept, 1), false, false, false},
        {with(accept, SR_OP_WANT_PEER), false, false, false},
        {sr_spec_send_zc(fd, whole, 0), true, false, false},
        {sr_spec_timeout(1000), false, false, false},
        {sr_spec_within(sr_spec_nop(), 1000), false, false, false},
        {sr_spec_openat(sr_fd(AT_FDCWD), "path", O_RDONLY, 0), false, false, false},
        {sr_spec_poll(fd, 1), false, false, false},
        {sr_spec_shutdown(fd, SHUT_RD), false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("row %zu\n", i);
        assert_int_equal(links(&nop, &rows[i]), rows[i].follows);
        if (rows[i].spec.timeout_ns == 0)
            assert_int_equal(links(&rows[i], &nop), rows[i].leads);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(only_what_the_kernel_never_refuses_is_linked),
};

SR_TEST_MAIN(tests)
