/*
 * Tables, lists and lengths at their bounds; and memory of the program's that can be read and not written.
 */
#include "unit/engine/rig.h"

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "engine/groups.h"
#include "support/counting_allocator.h"

static const struct __kernel_timespec hour = {.tv_sec = 3600};

static int call(struct rig *rig, unsigned opcode, void *argument, unsigned count)
{
    const struct sr_backend *kernel = &rig->ring.backend;
    return kernel->vtable->register_(kernel->self, rig->ring.fd, opcode, argument, count);
}

/* A page that holds these bytes and takes no others. */
static void *page_of(const void *bytes, size_t size)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    memcpy(page, bytes, size);
    assert_int_equal(mprotect(page, 4096, PROT_READ), 0);
    return page;
}

static int32_t outcome(struct rig *rig)
{
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_submit_and_wait(&rig->ring, 1), 1);
    assert_true(raw_ring_take(&rig->ring, &cqe));
    return cqe.res;
}

/* ---- what can't be written ---- */

/* A ring whose parameters can't be told is not made. */
static void a_setup_that_can_not_answer_makes_no_ring(void **state)
{
    (void)state;
    struct rig rig;
    struct io_uring_params params = {.flags = 0};
    rig_open(&rig);
    const struct sr_backend *kernel = &rig.ring.backend;
    void *page = page_of(&params, sizeof params);

    assert_int_equal(kernel->vtable->setup(kernel->self, 8, page), -EFAULT);

    int fd = kernel->vtable->setup(kernel->self, 8, &params);
    assert_int_equal(fd, rig.ring.fd + 1); /* the number is free */
    assert_int_equal(kernel->vtable->close(kernel->self, fd), 0);
    munmap(page, 4096);
    rig_close(&rig);
}

/* A place in a table whose number can't be told is given back. */
static void a_place_that_can_not_be_told_is_given_back(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    struct io_uring_rsrc_register sparse = {.nr = 2, .flags = IORING_RSRC_REGISTER_SPARSE};
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(call(&rig, IORING_REGISTER_FILES2, &sparse, sizeof sparse), 0);
    int *files = page_of(fds, sizeof fds);
    for (int i = 0; i < 3; i++) {
        io_uring_prep_files_update(rig_nop(&rig, 1, 0), files, 1, (int)IORING_FILE_INDEX_ALLOC);
        assert_int_equal(outcome(&rig), -EFAULT);
    }
    struct io_uring_rsrc_update slot = {.offset = UINT32_MAX, .data = (uint32_t)rig.ring.fd};
    void *slots = page_of(&slot, sizeof slot);
    for (int i = 0; i < 20; i++) /* a thread has 16 of these */
        assert_int_equal(call(&rig, IORING_REGISTER_RING_FDS, slots, 1), -EFAULT);
    munmap(slots, 4096);
    munmap(files, 4096);
    rig_close(&rig);
}

static struct msghdr *header_in(char *bytes, size_t size, struct iovec *segment, bool writable)
{
    *segment = (struct iovec){bytes, size};
    struct msghdr header = {.msg_iov = segment, .msg_iovlen = 1};
    void *page = page_of(&header, sizeof header);
    if (writable)
        assert_int_equal(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
    return page;
}

/* What came stands in the buffer; that its head could not be told is the result. */
static void a_head_that_can_not_be_written_is_a_fault(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[8];
    char name[16];
    struct iovec segment;
    size_t moved;
    rig_open(&rig);
    assert_int_equal(sri_sim_world_socketpair(rig.world, fds), 0);
    struct msghdr *header = header_in(bytes, sizeof bytes, &segment, false);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "abc", 3, &moved), 0);
    io_uring_prep_recvmsg(rig_nop(&rig, 1, 0), fds[0], header, 0);
    assert_int_equal(outcome(&rig), -EFAULT);
    munmap(header, 4096);

    header = header_in(bytes, sizeof bytes, &segment, true);
    header->msg_name = name;
    header->msg_namelen = sizeof name;
    io_uring_prep_recvmsg(rig_nop(&rig, 2, 0), fds[0], header, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    header->msg_namelen = UINT32_MAX; /* while it waits */
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "abc", 3, &moved), 0);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 2, -EINVAL);
    munmap(header, 4096);
    rig_close(&rig);
}

/* The end of messages is told by a head, too. */
static void an_end_that_can_not_be_written_is_a_fault(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char *room = page_of("", 1);
    struct msghdr header = {.msg_controllen = 1 << 20};
    rig_open(&rig);
    assert_int_equal(sri_sim_world_socketpair(rig.world, fds), 0);
    io_uring_prep_provide_buffers(rig_nop(&rig, 1, 0), room, 2 << 20, 1, 7, 0);
    assert_int_equal(outcome(&rig), 0);
    struct io_uring_sqe *sqe = rig_nop(&rig, 2, 0);
    io_uring_prep_recvmsg_multishot(sqe, fds[0], &header, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 7;
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect_none(&rig);

    assert_int_equal(sri_sim_world_shutdown(rig.world, fds[1], SHUT_WR), 0);

    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 2, -EFAULT);
    munmap(room, 4096);
    rig_close(&rig);
}

/* What is copied late finds its memory as it is then. */
static void bytes_that_come_late_may_find_no_room(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    size_t moved;
    rig_open(&rig);
    rig_choose(&rig);
    rig_watch(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "abcdef", 6, &moved), 0);
    char *page = page_of("", 1);
    rig_answer(&rig, SRI_WHY_COPY, 1);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], page, 3);
    assert_int_equal(outcome(&rig), -EFAULT);

    assert_int_equal(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
    rig_answer(&rig, SRI_WHY_COPY, 1);
    rig_answer(&rig, SRI_WHY_REPORT, 4);
    rig_rw(&rig, 2, IORING_OP_READ, fds[0], page, 3);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_int_equal(mprotect(page, 4096, PROT_READ), 0);
    sri_user_forget(sri_engine_user(rig.engine), page, 4096);
    assert_int_equal(raw_ring_wait(&rig.ring, 1, UINT64_MAX / 2), 0);

    rig_expect(&rig, 2, -EFAULT);
    uint32_t touched = rig_event(&rig, SRI_EVENT_TOUCHED, 0);
    assert_true(touched < rig.event_count);
    assert_int_equal(rig.events[touched].result, 0);
    munmap(page, 4096);
    rig_close(&rig);
}

/* Without memory to keep bytes back in they come at once. */
static void bytes_that_can_not_be_kept_back_come_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct counting_allocator counter;
    int fds[2];
    char bytes[4] = "";
    size_t moved;
    counting_allocator_install(&counter);
    rig_open(&rig);
    rig_choose(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "abc", 3, &moved), 0);
    rig_answer(&rig, SRI_WHY_COPY, 1);
    rig_answer(&rig, SRI_WHY_REPORT, 4);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], bytes, 3);
    counter.fails_at = counter.allocations + 1;

    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    rig_expect_none(&rig);
    assert_string_equal(bytes, "abc");
    assert_int_equal(raw_ring_wait(&rig.ring, 1, UINT64_MAX / 2), 0);
    rig_expect(&rig, 1, 3);
    rig_close(&rig);
    counting_allocator_remove();
}

/* A message that is to come ahead of others, and for which there is no memory, is lost, and none of these with it. */
static void a_message_without_room_and_memory_is_lost_alone(void **state)
{
    (void)state;
    enum {
        BEFORE = 16 + 252 /* the CQ, and all of a block but one */
    };
    struct rig rig;
    struct counting_allocator counter;
    struct io_uring_cqe cqe;
    uint64_t taken = 0;
    counting_allocator_install(&counter);
    rig_open(&rig);
    for (uint64_t i = 0; i < BEFORE; i += 4) {
        for (uint64_t j = 0; j < 4; j++)
            rig_nop(&rig, i + j, 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 4);
    }
    rig_nop(&rig, BEFORE, 0);
    struct io_uring_sqe *sqe = rig_nop(&rig, BEFORE + 1, 0);
    io_uring_prep_msg_ring(sqe, rig.ring.fd, 0, BEFORE + 2, 0);
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    counter.fails_at = counter.allocations + 1;
    assert_int_equal(raw_ring_submit(&rig.ring), 2);
    assert_int_equal(*rig.ring.ring.cq.koverflow, 1);

    bool told = false;
    while (taken <= BEFORE) {
        int rc = raw_ring_get_events(&rig.ring);
        told |= rc == -EBADR;
        assert_true(rc == 0 || rc == -EBADR);
        while (raw_ring_take(&rig.ring, &cqe))
            assert_int_equal(cqe.user_data, taken++);
    }
    assert_true(told);
    rig_close(&rig);
    counting_allocator_remove();
}

/* ---- what is wrong in an argument ---- */

/* Each is refused by what is wrong with it, and the ring goes on. */
static void arguments_that_can_not_be_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    struct iovec endless = {&rig, SIZE_MAX};
    struct msghdr header = {.msg_iov = (struct iovec *)8, .msg_iovlen = 1};
    struct io_uring_getevents_arg extended = {.pad = 1};
    void *memory;
    rig_open(&rig);
    const struct sr_backend *kernel = &rig.ring.backend;
    assert_int_equal(sri_sim_world_socketpair(rig.world, fds), 0);

    io_uring_prep_readv(rig_nop(&rig, 1, 0), fds[0], &endless, 1, 0);
    assert_int_equal(outcome(&rig), -EINVAL);
    for (int i = 0; i < 2; i++) {
        struct io_uring_sqe *sqe = rig_nop(&rig, 1, 0);
        io_uring_prep_recvmsg_multishot(sqe, fds[0], i == 0 ? (struct msghdr *)8 : &header, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        assert_int_equal(outcome(&rig), -EFAULT);
    }
    static char control[200000];
    header = (struct msghdr){.msg_control = control, .msg_controllen = sizeof control};
    io_uring_prep_sendmsg(rig_nop(&rig, 1, 0), fds[0], &header, 0);
    assert_int_equal(outcome(&rig), -ENOBUFS);
    io_uring_prep_recvmsg(rig_nop(&rig, 1, 0), fds[0], &header, MSG_DONTWAIT);
    assert_int_equal(outcome(&rig), -EAGAIN);
    assert_int_equal(call(&rig, IORING_REGISTER_BUFFERS_UPDATE, (void *)8, 32), -EFAULT);
    assert_int_equal(kernel->vtable->enter(kernel->self, rig.ring.fd, 0, 0,
                                           IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &extended,
                                           sizeof extended),
                     -EINVAL);
    assert_int_equal(kernel->vtable->map(kernel->self, 63, IORING_OFF_SQES, 64, &memory), -EBADF);
    assert_int_equal(kernel->vtable->map(kernel->self, rig.ring.fd, IORING_OFF_SQES, 0, &memory), -EINVAL);
    assert_int_equal(kernel->vtable->map(kernel->self, rig.ring.fd, UINT64_C(1) << 40, 64, &memory), -EINVAL);
    rig_close(&rig);
}

/* A tail far beyond the queue is no more than a full queue. */
static void a_tail_beyond_the_queue_is_a_full_queue(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    const struct sr_backend *kernel = &rig.ring.backend;
    for (uint64_t i = 1; i <= 8; i++)
        rig_nop(&rig, i, 0);
    assert_int_equal(raw_ring_publish(&rig.ring), 8);
    *rig.ring.ring.sq.ktail += 92;

    assert_int_equal(kernel->vtable->enter(kernel->self, rig.ring.fd, 100, 0, 0, NULL, 0), 8);

    *rig.ring.ring.sq.ktail -= 92;
    for (uint64_t i = 1; i <= 8; i++)
        rig_expect(&rig, i, 0);
    rig_close(&rig);
}

/* A registered file that is no ring takes no messages. */
static void a_message_to_a_file_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(call(&rig, IORING_REGISTER_FILES, fds, 1), 0);

    struct io_uring_sqe *sqe = rig_nop(&rig, 1, 0);
    io_uring_prep_msg_ring(sqe, 0, 0, 9, 0);
    sqe->flags = IOSQE_FIXED_FILE;

    assert_int_equal(outcome(&rig), -EBADFD);
    rig_close(&rig);
}

/* ---- tables that grow and lists that are long ---- */

/* Groups whose numbers share a place are told apart, and one that grows keeps its order. */
static void groups_of_one_bucket_are_told_apart(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[40];
    size_t moved;
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    for (int i = 0; i < 3; i++) {
        io_uring_prep_provide_buffers(rig_nop(&rig, 1, 0), bytes, 1, i < 2 ? 16 : 3, i < 2 ? 7 : 7 + 32,
                                      16 * (i & 1));
        assert_int_equal(outcome(&rig), 0);
    }
    io_uring_prep_remove_buffers(rig_nop(&rig, 1, 0), 17, 7);
    assert_int_equal(outcome(&rig), 17);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "a", 1, &moved), 0);
    struct io_uring_cqe cqe;
    struct io_uring_sqe *sqe = rig_rw(&rig, 2, IORING_OP_READ, fds[0], NULL, 1);
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = 7;
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_true(raw_ring_take(&rig.ring, &cqe));
    assert_int_equal(cqe.flags >> IORING_CQE_BUFFER_SHIFT, 17);

    struct io_uring_buf_reg ring = {.ring_entries = 8, .bgid = 7, .pad = SRI_PBUF_MMAP};
    io_uring_prep_remove_buffers(rig_nop(&rig, 1, 0), 100, 7);
    assert_int_equal(outcome(&rig), 14);
    assert_int_equal(call(&rig, IORING_REGISTER_PBUF_RING, &ring, 1),
                     0); /* in the empty one's place, behind the other */
    io_uring_prep_remove_buffers(rig_nop(&rig, 1, 0), 100, 7 + 32);
    assert_int_equal(outcome(&rig), 3);
    rig_close(&rig);
}

/* Thousands at a time are looked up as one is; of waiting ones in many buckets all are found. */
static void a_large_ring_finds_its_requests(void **state)
{
    (void)state;
    enum {
        MANY = 4096
    };
    struct rig rig;
    int fds[2];
    char byte;
    rig_open_flags(&rig, MANY, 0);
    for (uint64_t i = 0; i < MANY; i++)
        rig_nop(&rig, i, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), MANY);
    for (uint64_t i = 0; i < MANY; i++)
        rig_expect(&rig, i, 0);

    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    for (uint64_t i = 1; i <= 3; i++)
        rig_rw(&rig, i, IORING_OP_READ, fds[0], &byte, 1);
    rig_cancel(&rig, 9, 0, IORING_ASYNC_CANCEL_ANY);
    assert_int_equal(raw_ring_submit(&rig.ring), 4);
    rig_expect(&rig, 9, 3);
    for (uint64_t i = 3; i >= 1; i--)
        rig_expect(&rig, i, -ECANCELED);
    rig_close(&rig);
}

/* Of timeouts that count only those of the name end. */
static void timeouts_that_count_are_told_apart(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    for (uint64_t i = 1; i <= 3; i++)
        rig_timer(&rig, i == 3 ? 1 : i, IORING_OP_TIMEOUT, &hour)->off = 100;
    assert_int_equal(raw_ring_submit(&rig.ring), 3);
    rig_cancel(&rig, 9, 1, IORING_ASYNC_CANCEL_ALL);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 9, 2);
    rig_expect(&rig, 1, -ECANCELED);
    rig_expect(&rig, 1, -ECANCELED);
    rig_expect_none(&rig);
    rig_close(&rig);
}

/* A message comes ahead of the ends of its batch, also where hundreds wait for room before these. */
static void a_message_comes_ahead_behind_many_without_room(void **state)
{
    (void)state;
    enum {
        ROUNDS = 64
    };
    struct rig rig;
    struct io_uring_cqe cqe;
    uint64_t taken = 0;
    rig_open(&rig);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        for (uint64_t j = 0; j < 8; j++)
            rig_nop(&rig, 8 * i + j, 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 8);
    }
    rig_nop(&rig, 8 * ROUNDS + 1, 0);
    io_uring_prep_msg_ring(rig_nop(&rig, 8 * ROUNDS + 2, 0), rig.ring.fd, 0, 8 * ROUNDS, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    while (taken < 8 * ROUNDS + 3) {
        assert_int_equal(raw_ring_get_events(&rig.ring), 0);
        while (raw_ring_take(&rig.ring, &cqe))
            assert_int_equal(cqe.user_data, taken++);
    }
    rig_expect_none(&rig);
    rig_close(&rig);
}

/* A read of more than the engine keeps blocks of is staged in a block of its own. */
static void a_large_read_is_staged_too(void **state)
{
    (void)state;
    enum {
        LARGE = 1 << 18
    };
    static char bytes[LARGE];
    static char written[LARGE];
    struct rig rig;
    int fd;
    rig_open(&rig);
    rig_choose(&rig);
    memset(written, 'w', sizeof written);
    assert_int_equal(sri_sim_world_file(rig.world, "large", written, sizeof written), 0);
    assert_int_equal(sri_sim_world_open(rig.world, "large", 0, &fd), 0);
    rig_answer(&rig, SRI_WHY_COPY, 1);
    rig_rw(&rig, 1, IORING_OP_READ, fd, bytes, LARGE);

    assert_int_equal(outcome(&rig), LARGE);

    assert_memory_equal(bytes, written, LARGE);
    rig_close(&rig);
}

/* ---- others' rings and threads ---- */

/* What another ring's object woke has ended before anything new of this one begins. */
static void what_was_woken_elsewhere_ends_first(void **state)
{
    (void)state;
    struct rig rig;
    struct raw_ring other;
    int fds[2];
    char byte;
    size_t moved;
    rig_open_flags(&rig, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    rig_watch(&rig);
    assert_int_equal(raw_ring_open(&other, rig.ring.backend, 8, 0), 0);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    io_uring_prep_read(raw_ring_sqe(&other, 1), fds[0], &byte, 1, 0);
    assert_int_equal(raw_ring_submit(&other), 1);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "x", 1, &moved), 0);
    rig_nop(&rig, 2, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    uint32_t first = rig_event(&rig, SRI_EVENT_COMPLETED, 0);
    assert_true(first < rig.event_count && rig.events[first].user_data == 1);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 2, 0);
    raw_ring_close(&other);
    rig_close(&rig);
}

/* A time limit is armed for what has a part of its message and is told the rest at once. */
static void a_message_that_ends_early_is_still_limited(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[6];
    size_t moved;
    rig_open(&rig);
    assert_int_equal(sri_sim_world_socketpair(rig.world, fds), 0);
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "abc", 3, &moved), 0);
    assert_int_equal(sri_sim_world_shutdown(rig.world, fds[1], SHUT_WR), 0);
    struct io_uring_sqe *sqe = rig_rw(&rig, 1, IORING_OP_RECV, fds[0], bytes, 6);
    sqe->msg_flags = MSG_WAITALL;
    sqe->flags = IOSQE_IO_LINK;
    rig_timer(&rig, 2, IORING_OP_LINK_TIMEOUT, &hour);

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 1, 3);
    rig_expect(&rig, 2, -ECANCELED);
    rig_close(&rig);
}

/* What a ring that defers has to tell is signalled once. */
static void a_ring_that_defers_signals_by_its_eventfd(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    int eventfd_number;
    uint64_t count = 0;
    char byte;
    size_t moved;
    rig_open_flags(&rig, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(sri_sim_world_eventfd(rig.world, 0, &eventfd_number), 0);
    assert_int_equal(call(&rig, IORING_REGISTER_EVENTFD, &eventfd_number, 1), 0);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], &byte, 1);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "x", 1, &moved), 0);

    assert_int_equal(sri_sim_world_read(rig.world, eventfd_number, &count, sizeof count, &moved), 0);
    assert_int_equal(count, 1);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 1, 1);
    rig_close(&rig);
}

static void *use_elsewhere(void *argument)
{
    const struct raw_ring *ring = argument;
    const struct sr_backend *kernel = &ring->backend;
    struct io_uring_params params = {.flags = 0};
    void *memory;
    bool refused = kernel->vtable->setup(kernel->self, 8, &params) == -EEXIST &&
                   kernel->vtable->map(kernel->self, ring->fd, IORING_OFF_SQES, 64, &memory) == -EEXIST &&
                   kernel->vtable->pollable_fd(kernel->self, ring->fd) == -EEXIST &&
                   kernel->vtable->close(kernel->self, ring->fd) == -EEXIST;
    return refused ? argument : NULL;
}

/* A world that is one thread's refuses every call of another. */
static void a_world_of_one_thread_is_refused_to_others(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t thread;
    void *answer;
    rig_open(&rig);
    rig_nop(&rig, 1, 0);
    assert_int_equal(outcome(&rig), 0);

    assert_int_equal(pthread_create(&thread, NULL, use_elsewhere, &rig.ring), 0);
    assert_int_equal(pthread_join(thread, &answer), 0);

    assert_non_null(answer);
    rig_close(&rig);
}

/* More observers than there is room for are refused; nobody is let go of by a number that none has; no engine is freed. */
static void what_is_not_there_is_no_matter(void **state)
{
    (void)state;
    struct rig rig;
    struct sri_engine *none = NULL;
    const struct sri_observer observer = {.observe = rig_observe, .self = &rig};
    rig_open(&rig);
    int rc = 0;
    for (int i = 0; i < 64 && rc == 0; i++)
        rc = sri_engine_add_observer(rig.engine, observer);
    assert_int_equal(rc, -ENOSPC);
    sri_engine_remove_observers(rig.engine);
    sri_engine_let_go(rig.engine, 12345);
    rig_nop(&rig, 1, 0);
    assert_int_equal(outcome(&rig), 0);
    sri_engine_free(&none);
    assert_null(none);
    rig_close(&rig);
}

/* The time of its events is told where one observer asks for it, and to nobody where all can do without. */
static void the_time_is_told_to_whoever_needs_it(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    const struct sri_observer timeless = {.observe = rig_observe,
                                          .self = &rig,
                                          .needless = SRI_NEEDLESS_TIME};
    assert_int_equal(sri_engine_add_observer(rig.engine, timeless), 0);

    rig_nop(&rig, 1, 0);
    assert_int_equal(outcome(&rig), 0);
    uint32_t untimed = rig.event_count;
    rig_watch(&rig);
    rig_nop(&rig, 1, 0);
    assert_int_equal(outcome(&rig), 0);

    assert_in_range(untimed, 1, rig.event_count - 1);
    for (uint32_t i = 0; i < rig.event_count; i++)
        assert_int_equal(rig.events[i].now_ns != 0, i >= untimed);
    rig_close(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_setup_that_can_not_answer_makes_no_ring),
    cmocka_unit_test(a_place_that_can_not_be_told_is_given_back),
    cmocka_unit_test(a_head_that_can_not_be_written_is_a_fault),
    cmocka_unit_test(an_end_that_can_not_be_written_is_a_fault),
    cmocka_unit_test(bytes_that_come_late_may_find_no_room),
    cmocka_unit_test(bytes_that_can_not_be_kept_back_come_at_once),
    cmocka_unit_test(a_message_without_room_and_memory_is_lost_alone),
    cmocka_unit_test(a_ring_that_defers_signals_by_its_eventfd),
    cmocka_unit_test(arguments_that_can_not_be_are_refused),
    cmocka_unit_test(a_tail_beyond_the_queue_is_a_full_queue),
    cmocka_unit_test(a_message_to_a_file_is_refused),
    cmocka_unit_test(groups_of_one_bucket_are_told_apart),
    cmocka_unit_test(a_large_ring_finds_its_requests),
    cmocka_unit_test(timeouts_that_count_are_told_apart),
    cmocka_unit_test(a_message_comes_ahead_behind_many_without_room),
    cmocka_unit_test(a_large_read_is_staged_too),
    cmocka_unit_test(what_was_woken_elsewhere_ends_first),
    cmocka_unit_test(a_message_that_ends_early_is_still_limited),
    cmocka_unit_test(a_world_of_one_thread_is_refused_to_others),
    cmocka_unit_test(what_is_not_there_is_no_matter),
    cmocka_unit_test(the_time_is_told_to_whoever_needs_it),
};

SR_TEST_MAIN(tests)
