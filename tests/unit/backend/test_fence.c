/*
 * The kernel around a kernel, spoken to by raw entries: what each operation lends is closed in flight and open behind it; what
 * is none of its business goes through. Whether memory is closed is read from the process's own map.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fence.h"
#include "base/twin.h"
#include "safer_ring/sim.h"
#include "support/counting_allocator.h"
#include "support/fake_kernel.h"
#include "support/main.h"
#include "support/raw_ring.h"

#define OWN_THREAD (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define SIZE 100u

/* What the process's map says of the page. */
static bool is_closed(const void *bytes)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    char rights[8] = "";
    bool found = false;
    assert_non_null(maps);
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        uintptr_t begin;
        uintptr_t end;
        assert_int_equal(sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &begin, &end, rights), 3);
        found = (uintptr_t)bytes >= begin && (uintptr_t)bytes < end;
    }
    fclose(maps);
    assert_true(found);
    return rights[0] == '-';
}

/* ---- On the simulated kernel, which does the work ---- */

struct stage {
    struct sr_sim *sim;
    struct sr_backend kernel;
    struct raw_ring raw;
    int pipe[2];
    int pair[2];
    char *bytes[2]; /* twin memory, of two entries or of the parts of one */
    struct iovec parts[2];
    struct msghdr message;
};

static void open_stage(struct stage *stage, unsigned flags)
{
    memset(stage, 0, sizeof *stage);
    assert_int_equal(sr_sim_new(&stage->sim, NULL), 0);
    stage->kernel = sr_sim_backend(stage->sim);
    assert_int_equal(sri_fence(&stage->kernel, false, true), 0);
    assert_int_equal(raw_ring_open(&stage->raw, stage->kernel, 8, flags), 0);
    assert_int_equal(sr_sim_pipe(stage->sim, stage->pipe), 0);
    assert_int_equal(sr_sim_socketpair(stage->sim, stage->pair), 0);
    for (int i = 0; i < 2; i++) {
        stage->bytes[i] = sri_twin_new(SIZE);
        assert_non_null(stage->bytes[i]);
        assert_false(is_closed(stage->bytes[i]));
        stage->parts[i] = (struct iovec){stage->bytes[i], i == 0 ? 4 : SIZE};
    }
    stage->message = (struct msghdr){.msg_iov = stage->parts, .msg_iovlen = 2};
}

static void close_stage(struct stage *stage)
{
    raw_ring_close(&stage->raw);
    stage->kernel.vtable->release(stage->kernel.self);
    for (int i = 0; i < 2; i++)
        sri_twin_free(stage->bytes[i]);
    sr_sim_free(&stage->sim);
}

static void register_both(struct stage *stage)
{
    struct iovec whole[2] = {{stage->bytes[0], SIZE}, {stage->bytes[1], SIZE}};
    int rc =
        stage->kernel.vtable->register_(stage->kernel.self, stage->raw.fd, IORING_REGISTER_BUFFERS, whole, 2);
    assert_int_equal(rc, 0);
    assert_ptr_equal(whole[0].iov_base, stage->bytes[0]); /* the caller's list stays as it was */
}

/* Asks for one operation of an opcode; how many buffers it lends. */
static unsigned ask(struct stage *stage, uint8_t opcode)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&stage->raw, 77);
    char *bytes = stage->bytes[0];
    switch (opcode) {
    case IORING_OP_READ: io_uring_prep_read(sqe, stage->pipe[0], bytes, SIZE, 0); return 1;
    case IORING_OP_READV: io_uring_prep_readv(sqe, stage->pipe[0], stage->parts, 2, 0); return 2;
    case IORING_OP_READ_FIXED: io_uring_prep_read_fixed(sqe, stage->pipe[0], bytes, SIZE, 0, 0); return 1;
    case IORING_OP_RECV: io_uring_prep_recv(sqe, stage->pair[0], bytes, SIZE, 0); return 1;
    case IORING_OP_RECVMSG: io_uring_prep_recvmsg(sqe, stage->pair[0], &stage->message, 0); return 2;
    case IORING_OP_WRITE: io_uring_prep_write(sqe, stage->pipe[1], bytes, SIZE, 0); return 1;
    case IORING_OP_WRITEV: io_uring_prep_writev(sqe, stage->pipe[1], stage->parts, 2, 0); return 2;
    case IORING_OP_WRITE_FIXED: io_uring_prep_write_fixed(sqe, stage->pipe[1], bytes, SIZE, 0, 0); return 1;
    case IORING_OP_SEND: io_uring_prep_send(sqe, stage->pair[0], bytes, SIZE, 0); return 1;
    default: io_uring_prep_sendmsg(sqe, stage->pair[0], &stage->message, 0); return 2;
    }
}

static void fill(struct stage *stage, int fd)
{
    char bytes[4096] = {0};
    size_t moved;
    do
        moved = 0;
    while (sr_sim_write(stage->sim, fd, bytes, sizeof bytes, &moved) == 0 && moved == sizeof bytes);
}

static void empty(struct stage *stage, int fd)
{
    static char bytes[1 << 17];
    size_t moved;
    (void)!sr_sim_read(stage->sim, fd, bytes, sizeof bytes, &moved);
}

/* Its last completion; the bytes are closed until then. */
static int32_t finish(struct stage *stage, unsigned count)
{
    struct io_uring_cqe cqe;
    int32_t result = -1;
    bool more = true;
    while (more) {
        while (!raw_ring_take(&stage->raw, &cqe))
            assert_true(raw_ring_wait(&stage->raw, 1, UINT64_C(1000000000)) >= 0);
        more = (cqe.flags & IORING_CQE_F_MORE) != 0;
        result = (cqe.flags & IORING_CQE_F_NOTIF) != 0 ? result : cqe.res;
    }
    for (unsigned i = 0; i < count; i++)
        assert_false(is_closed(stage->bytes[i]));
    return result;
}

/* What an operation reads into is closed in flight, each part of it; then it is open and holds what came. */
static void what_is_read_into_is_closed_in_flight(void **state)
{
    static const uint8_t opcodes[] = {IORING_OP_READ, IORING_OP_READV, IORING_OP_READ_FIXED, IORING_OP_RECV,
                                      IORING_OP_RECVMSG};
    (void)state;
    for (size_t i = 0; i < sizeof opcodes; i++) {
        struct stage stage;
        size_t moved;
        open_stage(&stage, OWN_THREAD);
        register_both(&stage);
        unsigned count = ask(&stage, opcodes[i]);
        assert_int_equal(raw_ring_submit(&stage.raw), 1);
        for (unsigned part = 0; part < 2; part++)
            assert_int_equal(is_closed(stage.bytes[part]), part < count);

        assert_int_equal(sr_sim_write(stage.sim, stage.pipe[1], "hello", 5, &moved), 0);
        assert_int_equal(sr_sim_write(stage.sim, stage.pair[1], "hello", 5, &moved), 0);
        assert_int_equal(finish(&stage, count), 5);
        assert_memory_equal(stage.bytes[0], "hello", count == 2 ? 4 : 5);
        assert_int_equal(stage.bytes[1][0], count == 2 ? 'o' : 0);
        close_stage(&stage);
    }
}

/* What an operation writes from is closed while there is no room for it. */
static void what_is_written_from_is_closed_in_flight(void **state)
{
    static const uint8_t opcodes[] = {IORING_OP_WRITE, IORING_OP_WRITEV, IORING_OP_WRITE_FIXED,
                                      IORING_OP_SEND, IORING_OP_SENDMSG};
    (void)state;
    for (size_t i = 0; i < sizeof opcodes; i++) {
        struct stage stage;
        open_stage(&stage, OWN_THREAD);
        register_both(&stage);
        fill(&stage, stage.pipe[1]);
        fill(&stage, stage.pair[0]);
        memcpy(stage.bytes[0], "four", 4);
        unsigned count = ask(&stage, opcodes[i]);
        assert_int_equal(raw_ring_submit(&stage.raw), 1);
        for (unsigned part = 0; part < 2; part++)
            assert_int_equal(is_closed(stage.bytes[part]), part < count);

        empty(&stage, stage.pipe[0]);
        empty(&stage, stage.pair[1]);
        assert_int_equal(finish(&stage, count), count == 2 ? 4 + SIZE : SIZE);
        assert_memory_equal(stage.bytes[0], "four", 4);
        close_stage(&stage);
    }
}

/* An operation without a name, one that tells nothing of its success, one without bytes, and one whose buffer the kernel picks. */
static void what_would_never_be_opened_is_not_closed(void **state)
{
    (void)state;
    struct stage stage;
    struct io_uring_cqe cqe;
    size_t moved;
    open_stage(&stage, OWN_THREAD);
    io_uring_prep_read(raw_ring_sqe(&stage.raw, 0), stage.pipe[0], stage.bytes[0], SIZE, 0);
    struct io_uring_sqe *silent = raw_ring_sqe(&stage.raw, 2);
    io_uring_prep_read(silent, stage.pair[0], stage.bytes[1], SIZE, 0);
    silent->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_prep_recv(raw_ring_sqe(&stage.raw, 3), stage.pair[1], NULL, 0, 0);
    io_uring_prep_recvmsg(raw_ring_sqe(&stage.raw, 4), stage.pair[1], NULL, 0);

    assert_true(raw_ring_submit(&stage.raw) > 0);

    assert_false(is_closed(stage.bytes[0]));
    assert_false(is_closed(stage.bytes[1]));
    assert_int_equal(sr_sim_write(stage.sim, stage.pipe[1], "hello", 5, &moved), 0);
    assert_int_equal(sr_sim_write(stage.sim, stage.pair[1], "world", 5, &moved), 0);
    assert_true(raw_ring_wait(&stage.raw, 1, UINT64_C(1000000000)) >= 0);
    while (raw_ring_take(&stage.raw, &cqe))
        continue;
    assert_memory_equal(stage.bytes[0], "hello", 5);
    close_stage(&stage);
}

/* A kernel that may post whenever it likes is not fenced: nobody would open the bytes in time. */
static void a_kernel_that_posts_at_any_time_is_left_alone(void **state)
{
    (void)state;
    struct stage stage;
    size_t moved;
    open_stage(&stage, 0);
    ask(&stage, IORING_OP_READ);
    assert_int_equal(raw_ring_submit(&stage.raw), 1);

    assert_false(is_closed(stage.bytes[0]));

    assert_int_equal(sr_sim_write(stage.sim, stage.pipe[1], "hello", 5, &moved), 0);
    assert_int_equal(finish(&stage, 1), 5);
    close_stage(&stage);
}

/* ---- On the scriptable kernel, which does nothing by itself ---- */

struct script {
    struct fake_kernel *fake;
    struct sr_backend kernel;
    struct raw_ring raw;
    char *bytes;
};

static void open_script(struct script *script)
{
    memset(script, 0, sizeof *script);
    script->fake = fake_kernel_new();
    script->fake->features &= ~(uint32_t)IORING_FEAT_SINGLE_MMAP; /* as raw rings map it */
    script->kernel = fake_kernel_backend(script->fake);
    assert_int_equal(sri_fence(&script->kernel, false, true), 0);
    assert_int_equal(raw_ring_open(&script->raw, script->kernel, 256, OWN_THREAD), 0);
}

static void close_script(struct script *script)
{
    raw_ring_close(&script->raw);
    script->kernel.vtable->release(script->kernel.self);
    fake_kernel_free(script->fake);
}

static void lend(struct script *script, uint64_t name, char *bytes)
{
    io_uring_prep_read(raw_ring_sqe(&script->raw, name), 5, bytes, SIZE, 0);
    assert_int_equal(raw_ring_submit(&script->raw), 1);
}

static void give_back(struct script *script, uint64_t name, uint32_t flags)
{
    struct io_uring_cqe cqe;
    fake_kernel_post_flagged(script->fake, name, 1, flags);
    assert_true(raw_ring_get_events(&script->raw) >= 0);
    assert_true(raw_ring_take(&script->raw, &cqe));
    assert_int_equal(cqe.user_data, name);
}

/* Many loans at a time are each found again, in whatever order they end. */
static void many_loans_are_told_apart(void **state)
{
    enum {
        MANY = 200
    };
    (void)state;
    struct script script;
    char *bytes[MANY];
    open_script(&script);
    for (unsigned i = 0; i < MANY; i++) {
        bytes[i] = sri_twin_new(SIZE);
        assert_non_null(bytes[i]);
        lend(&script, i + 1, bytes[i]);
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_true(is_closed(bytes[i]));

    for (unsigned i = 0; i < MANY; i++) {
        unsigned at = i * 37 % MANY;
        give_back(&script, at + 1, IORING_CQE_F_MORE);
        assert_true(is_closed(bytes[at]));
        give_back(&script, at + 1, 0);
        assert_false(is_closed(bytes[at]));
        assert_int_equal(is_closed(bytes[(at + 37) % MANY]), i + 1 < MANY);
    }
    for (unsigned i = 0; i < MANY; i++)
        sri_twin_free(bytes[i]);
    close_script(&script);
}

/* What is sent without a copy is closed until the kernel says that it is done with it, not only until it is sent. */
static void zero_copy_is_closed_until_it_is_told(void **state)
{
    (void)state;
    struct script script;
    open_script(&script);
    char *bytes = sri_twin_new(SIZE);
    struct iovec part = {bytes, SIZE};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    for (int i = 0; i < 2; i++) {
        struct io_uring_sqe *sqe = raw_ring_sqe(&script.raw, 5);
        if (i == 0)
            io_uring_prep_send_zc(sqe, 5, bytes, SIZE, 0, 0);
        else
            io_uring_prep_sendmsg_zc(sqe, 5, &message, 0);
        assert_int_equal(raw_ring_submit(&script.raw), 1);
        assert_true(is_closed(bytes));
        give_back(&script, 5, IORING_CQE_F_MORE);
        assert_true(is_closed(bytes));
        give_back(&script, 5, IORING_CQE_F_NOTIF);
        assert_false(is_closed(bytes));
    }
    sri_twin_free(bytes);
    close_script(&script);
}

/* Of two live operations of a name the second lends nothing, so that the first one's end opens what is closed. */
static void of_two_of_a_name_one_is_closed(void **state)
{
    (void)state;
    struct script script;
    open_script(&script);
    char *first = sri_twin_new(SIZE);
    char *second = sri_twin_new(SIZE);
    lend(&script, 9, first);
    lend(&script, 9, second);
    assert_true(is_closed(first));
    assert_false(is_closed(second));

    give_back(&script, 9, 0);
    assert_false(is_closed(first));
    give_back(&script, 9, 0); /* and one that nobody knows */

    sri_twin_free(first);
    sri_twin_free(second);
    close_script(&script);
}

/* Without memory for more loans what comes is not closed; what is, is opened. */
static void without_memory_the_rest_is_not_closed(void **state)
{
    enum {
        MANY = 100
    };
    (void)state;
    struct counting_allocator counter;
    struct script script;
    char *bytes[MANY];
    unsigned closed = 0;
    counting_allocator_install(&counter);
    open_script(&script);
    for (unsigned i = 0; i < MANY; i++) {
        bytes[i] = sri_twin_new(SIZE);
        assert_non_null(bytes[i]);
    }
    counter.fails_from = counter.allocations + 1;
    for (unsigned i = 0; i < MANY; i++) {
        lend(&script, i + 1, bytes[i]);
        closed += is_closed(bytes[i]) ? 1 : 0;
    }
    assert_true(closed > 0 && closed < MANY);

    counter.fails_from = 0;
    for (unsigned i = 0; i < MANY; i++) {
        give_back(&script, i + 1, 0);
        assert_false(is_closed(bytes[i]));
        sri_twin_free(bytes[i]);
    }
    close_script(&script);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

/* No memory for the fence: the kernel is as it was. None for the list of what is registered: the kernel is not asked. */
static void without_memory_there_is_no_fence(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct script script;
    struct iovec part;
    struct fake_kernel *fake = fake_kernel_new();
    struct sr_backend kernel = fake_kernel_backend(fake);
    counting_allocator_install(&counter);
    for (size_t nth = 1; nth <= 2; nth++) {
        struct sr_backend before = kernel;
        counter.fails_at = counter.allocations + nth;
        assert_int_equal(sri_fence(&kernel, false, true), -ENOMEM);
        assert_ptr_equal(kernel.self, before.self);
        assert_ptr_equal(kernel.vtable, before.vtable);
        assert_int_equal(counter.blocks, 0);
        assert_false(sri_twins_wanted());
    }
    fake_kernel_free(fake);

    counter.fails_at = 0;
    open_script(&script);
    script.fake->register_error = -EOPNOTSUPP;
    part = (struct iovec){script.bytes, 0};
    counter.fails_at = counter.allocations + 1;
    assert_int_equal(script.kernel.vtable->register_(script.kernel.self, script.raw.fd,
                                                     IORING_REGISTER_BUFFERS, &part, 1),
                     -ENOMEM);
    assert_int_equal(script.kernel.vtable->register_(script.kernel.self, script.raw.fd,
                                                     IORING_REGISTER_BUFFERS, &part, 1),
                     -EOPNOTSUPP);
    close_script(&script);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

/* What a fence has no part in is the kernel's answer: refusals of a setup and of a mapping, a descriptor to poll, a message. */
static void the_kernel_answers_for_itself(void **state)
{
    (void)state;
    struct script script;
    struct raw_ring raw;
    open_script(&script);
    char *bytes = sri_twin_new(SIZE);
    lend(&script, 1, bytes);
    assert_true(is_closed(bytes));
    give_back(&script, 1, 0);
    assert_false(is_closed(bytes));

    assert_int_equal(script.kernel.vtable->pollable_fd(script.kernel.self, script.raw.fd), FAKE_POLLABLE_FD);
    assert_int_equal(script.kernel.vtable->wake(script.kernel.self, script.raw.fd, 4), 0);
    assert_int_equal(script.fake->wakes, 1);
    script.fake->wake_error = -EOVERFLOW;
    assert_int_equal(script.kernel.vtable->wake(script.kernel.self, script.raw.fd, 4), -EOVERFLOW);
    sri_twin_free(bytes);
    close_script(&script);

    struct fake_kernel *fake = fake_kernel_new();
    struct sr_backend kernel = fake_kernel_backend(fake);
    assert_int_equal(sri_fence(&kernel, false, true), 0);
    fake->features &= ~(uint32_t)IORING_FEAT_SINGLE_MMAP;
    fake->setup_error = -EPERM;
    assert_int_equal(raw_ring_open(&raw, kernel, 8, OWN_THREAD), -EPERM);
    fake->setup_error = 0;
    fake->map_fails_at = 1;
    assert_int_equal(raw_ring_open(&raw, kernel, 8, OWN_THREAD), -ENOMEM);
    kernel.vtable->release(kernel.self);
    fake_kernel_free(fake);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_read_into_is_closed_in_flight),
    cmocka_unit_test(what_is_written_from_is_closed_in_flight),
    cmocka_unit_test(what_would_never_be_opened_is_not_closed),
    cmocka_unit_test(a_kernel_that_posts_at_any_time_is_left_alone),
    cmocka_unit_test(many_loans_are_told_apart),
    cmocka_unit_test(zero_copy_is_closed_until_it_is_told),
    cmocka_unit_test(of_two_of_a_name_one_is_closed),
    cmocka_unit_test(without_memory_the_rest_is_not_closed),
    cmocka_unit_test(without_memory_there_is_no_fence),
    cmocka_unit_test(the_kernel_answers_for_itself),
};

SR_TEST_MAIN(tests)
