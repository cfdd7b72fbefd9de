/*
 * The one door: each refusal of sr_op_start() and sr_op_start_plain(), with nothing moved (BUF-2, BUF-4, BUF-8, ARG-1,
 * OP-1, OP-7), and the entry the kernel sees for each kind of operation.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "ring/buffer.h"
#include "support/fake_ring.h"
#include "support/main.h"

SR_UNCHECKED static struct sr_buffer *new_buffer(size_t size)
{
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_buffer_new(&buffer, size), 0);
    return buffer;
}

static const struct sr_op untouched = {.id = 77};

/* Starting is refused with `refusal`; buffer, handle and ring are as before. */
SR_UNCHECKED static void assert_refused(struct sr_ring *ring, const struct sr_op_spec *spec,
                                        struct sr_buffer **buffer, int refusal)
{
    struct sr_op op = untouched;
    struct sr_buffer *before = *buffer;
    bool was_users = sr_buffer_is_user_owned(before);
    struct ring_face face = face_of(ring);

    assert_int_equal(sr_op_start(ring, spec, buffer, &op), refusal);
    if (refusal != -EAGAIN) /* which has asked the kernel, and is counted */
        assert_int_equal(sr_op_start_detached(ring, spec, buffer, NULL), refusal);

    assert_ptr_equal(*buffer, before);
    assert_int_equal(sr_buffer_is_user_owned(before), was_users);
    assert_true(op.id == untouched.id);
    assert_face(ring, &face);
}

static void assert_plain_refused(struct sr_ring *ring, const struct sr_op_spec *spec, int refusal)
{
    struct sr_op op = untouched;
    struct ring_face face = face_of(ring);

    assert_int_equal(sr_op_start_plain(ring, spec, &op), refusal);
    if (refusal != -EAGAIN)
        assert_int_equal(sr_op_start_detached(ring, spec, NULL, NULL), refusal);

    assert_true(op.id == untouched.id);
    assert_face(ring, &face);
}

/* Starting moves the buffer to the kernel; it can't be touched by a copied pointer until it is back (BUF-2, BUF-4). */
SR_UNCHECKED static void starting_moves_the_buffer(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *buffer = new_buffer(64);
    struct sr_buffer *copy = buffer;
    struct sr_guard guard;
    struct sr_op op = {0};

    assert_int_equal(sr_read_owned(f.ring, sr_fd(5), &buffer, &op), 0);

    assert_null(buffer);
    assert_true(op.id != 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    assert_false(sr_buffer_is_user_owned(copy));
    assert_int_equal(sr_buffer_try_access(&copy, &guard), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);

    fake_kernel_promise(f.kernel, op.id, 10);
    struct sr_completion done;
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_take(&done, &buffer), 10);
    assert_ptr_equal(buffer, copy);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* NULL anywhere is -EINVAL, and nothing moves. */
SR_UNCHECKED static void null_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, sr_range(0, 8));
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_buffer *none = NULL;
    struct sr_op op = untouched;

    assert_int_equal(sr_op_start(NULL, &read, &buffer, &op), -EINVAL);
    assert_int_equal(sr_op_start(f.ring, NULL, &buffer, &op), -EINVAL);
    assert_int_equal(sr_op_start(f.ring, &read, NULL, &op), -EINVAL);
    assert_int_equal(sr_op_start(f.ring, &read, &none, &op), -EINVAL);
    assert_int_equal(sr_op_start(f.ring, &read, &buffer, NULL), -EINVAL);
    assert_int_equal(sr_op_start_plain(NULL, &nop, &op), -EINVAL);
    assert_int_equal(sr_op_start_plain(f.ring, NULL, &op), -EINVAL);
    assert_int_equal(sr_op_start_plain(f.ring, &nop, NULL), -EINVAL);
    assert_int_equal(sr_read_owned(f.ring, sr_fd(5), NULL, &op), -EINVAL);
    assert_int_equal(sr_write_owned(f.ring, sr_fd(5), &none, &op), -EINVAL);

    assert_true(op.id == untouched.id);
    assert_true(sr_buffer_is_user_owned(buffer));
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* A range must lie in the buffer; at its very end it may be empty. */
SR_UNCHECKED static void a_range_that_leaves_the_buffer_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t begin;
        size_t length;
        int answer;
    } rows[] = {
        {0, 8, 0},
        {8, 0, 0},
        {3, 5, 0},
        {0, 0, 0},
        {0, 9, -EINVAL},
        {3, 6, -EINVAL},
        {8, 1, -EINVAL},
        {9, 0, -EINVAL},
        {SIZE_MAX, 1, -EINVAL},
        {1, UINT32_MAX, -EINVAL},
        {0, (size_t)UINT32_MAX + 1, -E2BIG},
        {SIZE_MAX, SIZE_MAX, -E2BIG},
    };
    struct fake_ring f = fake_ring_open(16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sr_buffer *buffer = new_buffer(8);
        struct sr_op_spec spec = sr_spec_write(sr_fd(5), 0, sr_range(rows[i].begin, rows[i].length));
        print_message("begin %zu length %zu\n", rows[i].begin, rows[i].length);
        if (rows[i].answer != 0) {
            assert_refused(f.ring, &spec, &buffer, rows[i].answer);
            assert_int_equal(sr_buffer_release(&buffer), 0);
            continue;
        }
        uint8_t *bytes = buffer->bytes;
        struct sr_op op;
        assert_int_equal(sr_op_start(f.ring, &spec, &buffer, &op), 0);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        const struct io_uring_sqe *seen = &f.kernel->seen[f.kernel->seen_count - 1];
        assert_int_equal(seen->len, rows[i].length);
        assert_true(seen->addr == (uint64_t)(uintptr_t)(bytes + rows[i].begin));
        fake_kernel_promise(f.kernel, op.id, 0);
        assert_int_equal(await_result(f.ring, &op), 0);
    }
    fake_ring_close(&f);
}

/* A whole buffer of more bytes than an SQE can carry is refused, never cut (BUF-8). */
SR_UNCHECKED static void more_bytes_than_an_sqe_can_carry_are_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_op_spec whole = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_op_spec part = sr_spec_read(sr_fd(5), 0, sr_range((size_t)UINT32_MAX + 1, 5));

    buffer->size = (size_t)UINT32_MAX + 6; /* without the memory: it is refused before anyone looks */
    assert_refused(f.ring, &whole, &buffer, -E2BIG);
    buffer->size--;
    assert_refused(f.ring, &part, &buffer, -EINVAL);
    buffer->size = 8;

    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* An opcode the library does not know is refused by both doors. */
SR_UNCHECKED static void an_unknown_opcode_is_refused(void **state)
{
    (void)state;
    static const uint8_t unknown[] = {
        IORING_OP_POLL_REMOVE,    IORING_OP_ASYNC_CANCEL, IORING_OP_LINK_TIMEOUT,
        IORING_OP_READ_FIXED,     IORING_OP_SENDMSG,      IORING_OP_SPLICE,
        IORING_OP_TIMEOUT_REMOVE, IORING_OP_MSG_RING,     255};
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *buffer = new_buffer(8);
    for (size_t i = 0; i < sizeof unknown; i++) {
        struct sr_op_spec spec = sr_spec_of_(unknown[i]);
        assert_refused(f.ring, &spec, &buffer, -EOPNOTSUPP);
        assert_plain_refused(f.ring, &spec, -EOPNOTSUPP);
    }
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* What takes a buffer can't start without, and what takes none can't start with one. */
SR_UNCHECKED static void the_door_must_fit_the_opcode(void **state)
{
    (void)state;
    static const uint8_t with_buffer[] = {IORING_OP_READ,   IORING_OP_WRITE, IORING_OP_READV,
                                          IORING_OP_WRITEV, IORING_OP_SEND,  IORING_OP_RECV};
    static const uint8_t without[] = {IORING_OP_NOP,     IORING_OP_ACCEPT,   IORING_OP_CONNECT,
                                      IORING_OP_FSYNC,   IORING_OP_OPENAT,   IORING_OP_CLOSE,
                                      IORING_OP_TIMEOUT, IORING_OP_POLL_ADD, IORING_OP_SHUTDOWN};
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *buffer = new_buffer(8);
    for (size_t i = 0; i < sizeof with_buffer; i++) {
        struct sr_op_spec spec = sr_spec_of_(with_buffer[i]);
        assert_plain_refused(f.ring, &spec, -EOPNOTSUPP);
    }
    for (size_t i = 0; i < sizeof without; i++) {
        struct sr_op_spec spec = sr_spec_of_(without[i]);
        assert_refused(f.ring, &spec, &buffer, -EOPNOTSUPP);
    }
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* Vectored operations take vectors whole, the others plain buffers (ARG-3). */
SR_UNCHECKED static void vectors_go_with_vectored_operations_only(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *plain = new_buffer(8);
    struct sr_buffer *parts[2] = {new_buffer(3), new_buffer(4)};
    struct sr_buffer *vector = NULL;
    struct sr_op_spec readv = sr_spec_readv(sr_fd(5), 0);
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_op op;
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);

    assert_refused(f.ring, &readv, &plain, -EINVAL);
    assert_refused(f.ring, &read, &vector, -EINVAL);
    readv.range = sr_range(0, 7);
    assert_refused(f.ring, &readv, &vector, -EINVAL);

    readv.range = (struct sr_range){0};
    assert_int_equal(sr_op_start(f.ring, &readv, &vector, &op), 0);
    assert_null(vector);
    fake_kernel_promise(f.kernel, op.id, 7);
    assert_int_equal(await_result(f.ring, &op), 7);
    assert_int_equal(sr_buffer_release(&plain), 0);
    fake_ring_close(&f);
}

/* A buffer that a guard, another operation or a vector has is refused, and so is one that was released (BUF-4). */
SR_UNCHECKED static void a_buffer_that_is_not_the_programs_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_buffer *guarded = new_buffer(8);
    struct sr_buffer *in_flight = new_buffer(8);
    struct sr_buffer *part = new_buffer(8);
    struct sr_buffer *released = new_buffer(8);
    struct sr_buffer *copies[4] = {guarded, in_flight, part, released};
    struct sr_buffer *vector = NULL;
    struct sr_guard guard;
    struct sr_op op;
    assert_int_equal(sr_buffer_try_access(&guarded, &guard), 0);
    assert_int_equal(sr_op_start(f.ring, &read, &in_flight, &op), 0);
    assert_int_equal(sr_buffer_join(&vector, &part, 1), 0);
    assert_int_equal(sr_buffer_release(&released), 0);

    for (int i = 0; i < 4; i++)
        assert_refused(f.ring, &read, &copies[i], SR_EBUFFER_IN_FLIGHT);

    sr_guard_end(&guard, &guarded);
    assert_int_equal(sr_buffer_release(&guarded), 0);
    assert_int_equal(sr_buffer_release(&vector), 0);
    sr_op_drop(f.ring, &op);
    fake_ring_close(&f);
}

/* Of max_in_flight operations the last is accepted and the next is refused; one that was taken makes room (OP-1). */
SR_UNCHECKED static void beyond_max_in_flight_is_refused(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 8;
    config.max_in_flight = 3;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_op ops[3];
    for (int i = 0; i < 3; i++)
        ops[i] = start_nop(f.ring);

    assert_plain_refused(f.ring, &nop, -EBUSY);
    assert_refused(f.ring, &read, &buffer, -EBUSY);

    fake_kernel_promise(f.kernel, ops[1].id, 0);
    assert_int_equal(await_result(f.ring, &ops[1]), 0);
    ops[1] = start_nop(f.ring);
    assert_plain_refused(f.ring, &nop, -EBUSY);
    for (int i = 0; i < 3; i++) {
        fake_kernel_promise(f.kernel, ops[i].id, 0);
        assert_int_equal(await_result(f.ring, &ops[i]), 0);
    }
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* With the SQ full and a kernel that takes nothing: -EAGAIN, after one attempt, with nothing moved (OP-7). */
SR_UNCHECKED static void a_full_sq_is_submitted_once_then_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(2);
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_op ops[3] = {start_nop(f.ring), start_nop(f.ring)};

    fake_kernel_refuse(f.kernel, -EAGAIN, 2);
    assert_refused(f.ring, &read, &buffer, -EAGAIN);
    assert_int_equal(f.kernel->enters, 1);
    assert_plain_refused(f.ring, &nop, -EAGAIN);
    assert_int_equal(f.kernel->enters, 2);

    ops[2] = start_nop(f.ring);
    assert_int_equal(f.kernel->enters, 3);
    assert_int_equal(f.kernel->seen_count, 2);
    for (int i = 0; i < 3; i++) {
        fake_kernel_promise(f.kernel, ops[i].id, 0);
        assert_int_equal(await_result(f.ring, &ops[i]), 0);
    }
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* An operation and its linked timeout need two places: with one left they wait for the submission, together (OP-7). */
SR_UNCHECKED static void a_pair_gets_its_places_together(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(2);
    struct sr_op_spec within = sr_spec_within(sr_spec_nop(), 5);
    struct sr_op first = start_nop(f.ring);

    fake_kernel_refuse(f.kernel, -EAGAIN, 1);
    assert_plain_refused(f.ring, &within, -EAGAIN);
    assert_int_equal(f.kernel->seen_count, 0);

    struct sr_op pair = start_within(f.ring, 5);
    assert_int_equal(f.kernel->seen_count, 1);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->last_to_submit, 2);
    assert_int_equal(f.kernel->seen[1].opcode, IORING_OP_NOP);
    assert_int_equal(f.kernel->seen[1].flags, IOSQE_IO_LINK);
    assert_int_equal(f.kernel->seen[2].opcode, IORING_OP_LINK_TIMEOUT);
    assert_true(f.kernel->seen[2].user_data == limit_of(pair.id));

    fake_kernel_post(f.kernel, first.id, 0);
    fake_kernel_post(f.kernel, pair.id, 0);
    fake_kernel_post(f.kernel, limit_of(pair.id), -ECANCELED);
    assert_int_equal(await_result(f.ring, &first), 0);
    assert_int_equal(await_result(f.ring, &pair), 0);
    fake_ring_close(&f);
}

/* A pair that is larger than the SQ is refused for good (OP-7). */
SR_UNCHECKED static void a_pair_larger_than_the_sq_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(1);
    struct sr_op_spec within = sr_spec_within(sr_spec_nop(), 5);

    assert_plain_refused(f.ring, &within, -E2BIG);

    assert_int_equal(f.kernel->enters, 0);
    fake_ring_close(&f);
}

/* A fixed file that nobody registered is refused. */
SR_UNCHECKED static void a_fixed_file_without_registration_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec fsync = sr_spec_fsync((struct sr_fd){.number = 0, .generation = 1, .fixed = true}, 0);

    assert_plain_refused(f.ring, &fsync, SR_ENOT_REGISTERED);

    fake_ring_close(&f);
}

/* Arguments that are missing are -EINVAL, those that do not fit -E2BIG; the longest that fits goes (ARG-1). */
SR_UNCHECKED static void arguments_are_checked_and_measured(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 8;
    config.argument_bytes = 64;
    struct fake_ring f = fake_ring_open_config(config);
    char path[66];
    memset(path, 'p', sizeof path);
    path[65] = '\0';
    path[63] = '\0';
    struct sr_op_spec openat = sr_spec_openat(sr_fd(AT_FDCWD), NULL, 0, 0);
    struct sr_op_spec connect_to = sr_spec_connect(sr_fd(5), NULL, 16);
    struct sr_op op;

    assert_plain_refused(f.ring, &openat, -EINVAL);
    assert_plain_refused(f.ring, &connect_to, -EINVAL);
    openat.argument = path;
    assert_int_equal(sr_op_start_plain(f.ring, &openat, &op), 0);
    sr_op_drop(f.ring, &op);
    path[63] = 'p';
    assert_plain_refused(f.ring, &openat, -E2BIG);
    connect_to.argument = path;
    connect_to.argument_length = 64;
    assert_int_equal(sr_op_start_plain(f.ring, &connect_to, &op), 0);
    sr_op_drop(f.ring, &op);
    connect_to.argument_length = 65;
    assert_plain_refused(f.ring, &connect_to, -E2BIG);
    connect_to.argument_length = SIZE_MAX;
    assert_plain_refused(f.ring, &connect_to, -E2BIG);

    fake_ring_close(&f);
}

/* After a refusal the slot is free again: a ring with one slot takes the next operation. */
SR_UNCHECKED static void a_refusal_leaves_no_slot_taken(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 2;
    config.max_in_flight = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op_spec openat = sr_spec_openat(sr_fd(AT_FDCWD), NULL, 0, 0);
    for (int i = 0; i < 5; i++)
        assert_plain_refused(f.ring, &openat, -EINVAL);

    struct sr_op op = submit_nop(f.ring);

    fake_kernel_promise(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* Arguments are copied at the call: what the program does with its own afterwards does not matter (ARG-1). */
SR_UNCHECKED static void arguments_are_copied_at_the_call(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    char path[] = "file";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sr_op_spec openat = sr_spec_openat(sr_fd(AT_FDCWD), path, O_RDWR | O_CREAT, 0600);
    struct sr_op_spec connect_to =
        sr_spec_connect(sr_fd(5), (const struct sockaddr *)(const void *)&address, sizeof address);
    struct sr_op ops[2];
    assert_int_equal(sr_op_start_plain(f.ring, &openat, &ops[0]), 0);
    assert_int_equal(sr_op_start_plain(f.ring, &connect_to, &ops[1]), 0);

    memset(path, 'x', 4);
    memset(&address, 0xff, sizeof address);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    const struct io_uring_sqe *seen = f.kernel->seen;
    assert_int_equal(seen[0].opcode, IORING_OP_OPENAT);
    assert_int_equal(seen[0].fd, AT_FDCWD);
    assert_int_equal(seen[0].open_flags, O_RDWR | O_CREAT);
    assert_int_equal(seen[0].len, 0600);
    assert_string_equal((const char *)(uintptr_t)seen[0].addr, "file");
    assert_int_equal(seen[1].opcode, IORING_OP_CONNECT);
    assert_int_equal(seen[1].off, sizeof address);
    const struct sockaddr_in *kept = (const struct sockaddr_in *)(uintptr_t)seen[1].addr;
    assert_int_equal(kept->sin_port, htons(80));

    for (int i = 0; i < 2; i++) {
        fake_kernel_promise(f.kernel, ops[i].id, i == 0 ? 33 : 0);
        assert_int_equal(await_result(f.ring, &ops[i]), i == 0 ? 33 : 0);
    }
    fake_ring_close(&f);
}

/* The entry of each kind that transfers bytes carries descriptor, address, length, offset and flags as given. */
SR_UNCHECKED static void each_transfer_is_encoded_as_given(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op_spec specs[] = {
        sr_spec_read(sr_fd(3), 1000, sr_range(1, 2)),
        sr_spec_write(sr_fd(4), SR_OWN_POSITION, sr_range(0, 8)),
        sr_spec_send(sr_fd(5), sr_range(2, 3), MSG_MORE),
        sr_spec_recv(sr_fd(6), sr_range(4, 4), MSG_WAITALL),
    };
    specs[0].opcode_flags = 1; /* RWF_HIPRI */
    specs[1].flags = SR_OP_ASYNC;
    for (size_t i = 0; i < 4; i++) {
        struct sr_buffer *buffer = new_buffer(8);
        const uint8_t *bytes = buffer->bytes;
        struct sr_op op;
        assert_int_equal(sr_op_start(f.ring, &specs[i], &buffer, &op), 0);
        assert_int_equal(sr_ring_submit(f.ring), 0);

        const struct io_uring_sqe *seen = &f.kernel->seen[i];
        bool in_file = specs[i].opcode == IORING_OP_READ || specs[i].opcode == IORING_OP_WRITE;
        assert_int_equal(seen->opcode, specs[i].opcode);
        assert_int_equal(seen->fd, specs[i].target.number);
        assert_true(seen->addr == (uint64_t)(uintptr_t)(bytes + specs[i].range.begin));
        assert_int_equal(seen->len, specs[i].range.length);
        assert_true(seen->off == (in_file ? specs[i].offset : 0));
        assert_int_equal(seen->msg_flags, specs[i].opcode_flags);
        assert_int_equal(seen->flags, (specs[i].flags & SR_OP_ASYNC) != 0 ? IOSQE_ASYNC : 0);
        assert_int_equal(seen->ioprio, 0);
        assert_int_equal(seen->buf_index, 0);
        assert_int_equal(seen->personality, 0);
        assert_int_equal(seen->splice_fd_in, 0);
        assert_true(seen->user_data == op.id);

        fake_kernel_promise(f.kernel, op.id, 1);
        assert_int_equal(await_result(f.ring, &op), 1);
    }
    fake_ring_close(&f);
}

/* A vectored operation carries the iovec of its parts, in their order. */
SR_UNCHECKED static void a_vector_is_encoded_as_its_iovec(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    const uint8_t opcodes[2] = {IORING_OP_READV, IORING_OP_WRITEV};
    for (int i = 0; i < 2; i++) {
        struct sr_buffer *parts[2] = {new_buffer(3), new_buffer(4)};
        const uint8_t *bytes[2] = {parts[0]->bytes, parts[1]->bytes};
        struct sr_buffer *vector = NULL;
        struct sr_op op;
        struct sr_op_spec spec = sr_spec_readv(sr_fd(9), 500);
        spec.opcode = opcodes[i];
        spec.opcode_flags = 2;
        assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
        assert_int_equal(sr_op_start(f.ring, &spec, &vector, &op), 0);
        assert_int_equal(sr_ring_submit(f.ring), 0);

        const struct io_uring_sqe *seen = &f.kernel->seen[i];
        const struct iovec *segments = (const struct iovec *)(uintptr_t)seen->addr;
        assert_int_equal(seen->opcode, opcodes[i]);
        assert_int_equal(seen->fd, 9);
        assert_int_equal(seen->len, 2);
        assert_int_equal(seen->off, 500);
        assert_int_equal(seen->rw_flags, 2);
        for (int part = 0; part < 2; part++) {
            assert_ptr_equal(segments[part].iov_base, bytes[part]);
            assert_int_equal(segments[part].iov_len, 3 + part);
        }
        fake_kernel_promise(f.kernel, op.id, 7);
        assert_int_equal(await_result(f.ring, &op), 7);
    }
    fake_ring_close(&f);
}

/* The entries of the kinds without a buffer. */
SR_UNCHECKED static void each_plain_kind_is_encoded_as_given(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op_spec specs[] = {
        sr_spec_nop(),
        sr_spec_fsync(sr_fd(4), IORING_FSYNC_DATASYNC),
        sr_spec_close(sr_fd(5)),
        sr_spec_accept(sr_fd(6), SOCK_CLOEXEC),
        sr_spec_timeout(UINT64_C(3000000007)),
        sr_spec_accept(sr_fd(7), 0),
    };
    specs[5].flags = SR_OP_WANT_PEER;
    struct sr_op ops[6];
    for (int i = 0; i < 6; i++)
        assert_int_equal(sr_op_start_plain(f.ring, &specs[i], &ops[i]), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    const struct io_uring_sqe *seen = f.kernel->seen;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(seen[i].opcode, specs[i].opcode);
        assert_true(seen[i].user_data == ops[i].id);
        assert_int_equal(seen[i].flags, 0);
    }
    assert_int_equal(seen[1].fd, 4);
    assert_int_equal(seen[1].fsync_flags, IORING_FSYNC_DATASYNC);
    assert_int_equal(seen[2].fd, 5);
    assert_int_equal(seen[2].file_index, 0);
    assert_int_equal(seen[3].fd, 6);
    assert_int_equal(seen[3].accept_flags, SOCK_CLOEXEC);
    assert_true(seen[3].addr == 0 && seen[3].addr2 == 0);
    const struct __kernel_timespec *duration = (const struct __kernel_timespec *)(uintptr_t)seen[4].addr;
    assert_int_equal(duration->tv_sec, 3);
    assert_int_equal(duration->tv_nsec, 7);
    assert_int_equal(seen[4].len, 1);
    assert_int_equal(seen[4].off, 0);
    assert_true(seen[5].addr != 0 && seen[5].addr2 != 0);

    static const int32_t results[6] = {0, 0, 0, 11, -ETIME, 12};
    for (int i = 0; i < 6; i++) {
        fake_kernel_promise(f.kernel, ops[i].id, results[i]);
        assert_int_equal(await_result(f.ring, &ops[i]), results[i]);
    }
    fake_ring_close(&f);
}

/* An entry's place is used again and again: what an earlier kind left there does not reach a later one. */
SR_UNCHECKED static void a_used_place_leaves_nothing_behind(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(1);
    struct sr_op_spec loud = sr_spec_send(sr_fd(5), sr_range(1, 7), MSG_MORE);
    loud.flags = SR_OP_ASYNC;
    struct sr_buffer *buffer = new_buffer(8);
    struct sr_op op;
    assert_int_equal(sr_op_start(f.ring, &loud, &buffer, &op), 0);
    fake_kernel_promise(f.kernel, op.id, 7);
    assert_int_equal(await_result(f.ring, &op), 7);

    struct sr_op quiet = submit_nop(f.ring);

    const struct io_uring_sqe *seen = &f.kernel->seen[1];
    assert_int_equal(seen->opcode, IORING_OP_NOP);
    assert_int_equal(seen->fd, -1);
    assert_int_equal(seen->flags, 0);
    assert_true(seen->addr == 0 && seen->off == 0 && seen->len == 0 && seen->msg_flags == 0);
    fake_kernel_promise(f.kernel, quiet.id, 0);
    assert_int_equal(await_result(f.ring, &quiet), 0);
    fake_ring_close(&f);
}

/* Nothing is asked of the kernel by starting: the entry waits for a submission. */
SR_UNCHECKED static void starting_does_not_enter_the_kernel(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    uint32_t enters = f.kernel->enters;

    struct sr_op op = start_nop(f.ring);

    assert_int_equal(f.kernel->enters, enters);
    sr_op_drop(f.ring, &op);
    fake_ring_close(&f);
}

/* Started for the queue, an operation comes out of it with its user pointer, its buffer, and is in flight until taken. */
SR_UNCHECKED static void starting_detached_gives_the_operation_to_the_queue(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 16, sr_range(8, 24));
    struct sr_op_spec accept = sr_spec_accept(sr_fd(6), 0); /* not the short way */
    struct sr_buffer *buffer = new_buffer(64);
    struct sr_buffer *copy = buffer;
    int users[2];

    assert_int_equal(sr_op_start_detached(f.ring, &read, &buffer, &users[0]), 0);
    assert_int_equal(sr_op_start_detached(f.ring, &accept, NULL, &users[1]), 0);

    assert_null(buffer);
    assert_false(sr_buffer_is_user_owned(copy));
    assert_int_equal(sr_ring_in_flight(f.ring), 2);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    const struct io_uring_sqe *seen = f.kernel->seen;
    assert_int_equal(seen[0].opcode, IORING_OP_READ);
    assert_true(seen[0].fd == 5 && seen[0].off == 16 && seen[0].len == 24);
    fake_kernel_post(f.kernel, seen[1].user_data, -EMFILE);
    fake_kernel_post(f.kernel, seen[0].user_data, 24);
    struct sr_completion done;
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_ptr_equal(done.user, &users[1]);
    assert_int_equal(sr_take_plain(&done), -EMFILE);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_ptr_equal(done.user, &users[0]);
    assert_int_equal(sr_take(&done, &buffer), 24);
    assert_ptr_equal(buffer, copy);
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(starting_moves_the_buffer),
    cmocka_unit_test(null_is_refused),
    cmocka_unit_test(a_range_that_leaves_the_buffer_is_refused),
    cmocka_unit_test(more_bytes_than_an_sqe_can_carry_are_refused),
    cmocka_unit_test(an_unknown_opcode_is_refused),
    cmocka_unit_test(the_door_must_fit_the_opcode),
    cmocka_unit_test(vectors_go_with_vectored_operations_only),
    cmocka_unit_test(a_buffer_that_is_not_the_programs_is_refused),
    cmocka_unit_test(beyond_max_in_flight_is_refused),
    cmocka_unit_test(a_full_sq_is_submitted_once_then_refused),
    cmocka_unit_test(a_pair_gets_its_places_together),
    cmocka_unit_test(a_pair_larger_than_the_sq_is_refused),
    cmocka_unit_test(a_fixed_file_without_registration_is_refused),
    cmocka_unit_test(arguments_are_checked_and_measured),
    cmocka_unit_test(a_refusal_leaves_no_slot_taken),
    cmocka_unit_test(arguments_are_copied_at_the_call),
    cmocka_unit_test(each_transfer_is_encoded_as_given),
    cmocka_unit_test(a_vector_is_encoded_as_its_iovec),
    cmocka_unit_test(each_plain_kind_is_encoded_as_given),
    cmocka_unit_test(a_used_place_leaves_nothing_behind),
    cmocka_unit_test(starting_does_not_enter_the_kernel),
    cmocka_unit_test(starting_detached_gives_the_operation_to_the_queue),
};

SR_TEST_MAIN(tests)
