/*
 * What is registered: refusals that are chosen, memory that runs out, and who holds what for how long.
 */
#include "unit/engine/rig.h"

#include <fcntl.h>

#include "engine/request.h"
#include "support/counting_allocator.h"

#define MANY 64 /* as many as the rig has descriptors */

static int call(struct rig *rig, unsigned opcode, void *arg, unsigned count)
{
    const struct sr_backend *backend = &rig->ring.backend;
    return backend->vtable->register_(backend->self, rig->ring.fd, opcode, arg, count);
}

static int register_files(struct rig *rig, int *fds, uint64_t *tags, unsigned count)
{
    struct io_uring_rsrc_register arg = {.nr = count, .data = (uintptr_t)fds, .tags = (uintptr_t)tags};
    return call(rig, IORING_REGISTER_FILES2, &arg, sizeof arg);
}

static int register_buffers(struct rig *rig, struct iovec *buffers, uint64_t *tags, unsigned count)
{
    struct io_uring_rsrc_register arg = {.nr = count, .data = (uintptr_t)buffers, .tags = (uintptr_t)tags};
    return call(rig, IORING_REGISTER_BUFFERS2, &arg, sizeof arg);
}

static int unregister_files(struct rig *rig)
{
    return call(rig, IORING_UNREGISTER_FILES, NULL, 0);
}

static struct io_uring_sqe *read_slot(struct rig *rig, uint64_t user_data, int slot, void *bytes,
                                      unsigned size)
{
    struct io_uring_sqe *sqe = rig_rw(rig, user_data, IORING_OP_READ, slot, bytes, size);
    sqe->flags = IOSQE_FIXED_FILE;
    return sqe;
}

/* How many descriptors of this world stand for something. */
static unsigned descriptors(struct rig *rig)
{
    bool by_operation;
    unsigned count = 0;
    for (int fd = -1; (fd = sri_sim_world_next_descriptor(rig->world, fd, &by_operation)) >= 0;)
        count++;
    return count;
}

/* Every registration may be refused by choice, and a refused one has done nothing. */
static void any_registration_may_be_refused(void **state)
{
    (void)state;
    struct rig rig;
    char bytes[16];
    int fds[2];
    struct iovec buffer = {bytes, sizeof bytes};
    struct io_uring_rsrc_update update = {.data = (uintptr_t)fds};
    struct io_uring_rsrc_update slot = {.offset = 0};
    struct {
        unsigned opcode;
        void *arg;
        unsigned count;
        int result;
    } rows[] = {
        {IORING_REGISTER_FILES, fds, 2, 0},          {IORING_REGISTER_FILES_UPDATE, &update, 1, 1},
        {IORING_UNREGISTER_FILES, NULL, 0, 0},       {IORING_REGISTER_BUFFERS, &buffer, 1, 0},
        {IORING_UNREGISTER_BUFFERS, NULL, 0, 0},     {IORING_REGISTER_PERSONALITY, NULL, 0, 1},
        {IORING_UNREGISTER_PERSONALITY, NULL, 1, 0}, {IORING_REGISTER_RING_FDS, &slot, 1, 1},
    };
    rig_open(&rig);
    rig_choose(&rig);
    slot.data = (unsigned)rig.ring.fd;
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig_answer(&rig, SRI_WHY_REGISTER, 1 + (uint32_t)(i % 2));
        rig_answer(&rig, SRI_WHY_REGISTER, 0);
        int refused = call(&rig, rows[i].opcode, rows[i].arg, rows[i].count);
        int done = call(&rig, rows[i].opcode, rows[i].arg, rows[i].count);

        assert_int_equal(refused, i % 2 == 0 ? -ENOMEM : -EINVAL);
        assert_int_equal(done, rows[i].result);
    }
    rig_close(&rig);
}

/* A table takes memory when it is registered, all of it; without memory nothing is registered and nothing held. */
static void a_table_without_memory_is_refused_whole(void **state)
{
    (void)state;
    static struct counting_allocator allocator;
    counting_allocator_install(&allocator);
    struct rig rig;
    int fds[2];
    int same[MANY];
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    for (int i = 0; i < MANY; i++)
        same[i] = fds[1];
    int result = -ENOMEM;
    unsigned refused = 0;
    for (size_t at = 1; result == -ENOMEM; at++) {
        atomic_store(&allocator.allocations, 0);
        atomic_store(&allocator.fails_at, at);
        result = register_files(&rig, same, NULL, MANY);
        atomic_store(&allocator.fails_at, 0);
        refused += result == -ENOMEM;
    }

    assert_int_equal(result, 0);
    assert_int_equal(refused, 4);
    assert_int_equal(unregister_files(&rig), 0);
    size_t moved;
    char byte;
    assert_int_equal(sri_sim_world_close(rig.world, fds[1]), 0);
    assert_int_equal(sri_sim_world_read(rig.world, fds[0], &byte, 1, &moved), 0);
    assert_int_equal(moved, 0);
    rig_close(&rig);
    assert_int_equal(atomic_load(&allocator.blocks), 0);
    counting_allocator_remove();
}

/* Tables that come and go use the same memory again, and so do updates of a slot. */
static void resources_are_used_again(void **state)
{
    (void)state;
    static struct counting_allocator allocator;
    counting_allocator_install(&allocator);
    struct rig rig;
    int fds[2];
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(register_files(&rig, fds, NULL, 2), 0);
    struct io_uring_rsrc_update update = {.data = (uintptr_t)fds};
    size_t before = atomic_load(&allocator.allocations);

    for (int i = 0; i < 10000; i++)
        assert_int_equal(call(&rig, IORING_REGISTER_FILES_UPDATE, &update, 2), 2);

    assert_int_equal(atomic_load(&allocator.allocations), before);
    rig_close(&rig);
    counting_allocator_remove();
}

/* A ring that is closed lets go of what it has registered; nobody is told. */
static void a_closed_ring_lets_go(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char byte;
    uint64_t tag = 70;
    size_t moved;
    rig_open(&rig);
    rig_watch(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(register_files(&rig, &fds[1], &tag, 1), 0);
    assert_int_equal(sri_sim_world_close(rig.world, fds[1]), 0);

    raw_ring_close(&rig.ring);

    assert_int_equal(rig_event(&rig, SRI_EVENT_WAKE, 0), rig.event_count);
    assert_int_equal(sri_sim_world_read(rig.world, fds[0], &byte, 1, &moved), 0);
    assert_int_equal(moved, 0);
    sri_engine_free(&rig.engine);
}

/* The same with a request in flight that uses the file, and one that uses a buffer. */
static void a_closed_ring_lets_go_of_what_is_in_flight(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char bytes[4];
    uint64_t tag = 70;
    struct iovec buffer = {bytes, sizeof bytes};
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(register_files(&rig, &fds[0], &tag, 1), 0);
    assert_int_equal(register_buffers(&rig, &buffer, &tag, 1), 0);
    assert_int_equal(sri_sim_world_close(rig.world, fds[0]), 0);
    read_slot(&rig, 1, 0, bytes, 1);
    read_slot(&rig, 2, 0, bytes, 4)->opcode = IORING_OP_READ_FIXED;
    assert_int_equal(raw_ring_submit(&rig.ring), 2);
    assert_int_equal(sri_engine_in_flight(rig.engine), 2);

    raw_ring_close(&rig.ring);

    assert_int_equal(sri_engine_in_flight(rig.engine), 0);
    size_t moved;
    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "x", 1, &moved), -EPIPE);
    sri_engine_free(&rig.engine);
}

/* A tag is an event of its own, behind the CQE of the last request that used the file. */
static void a_tag_is_told_behind_the_last_request(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char byte;
    uint64_t tag = 70;
    size_t moved;
    rig_open(&rig);
    rig_watch(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(register_files(&rig, &fds[0], &tag, 1), 0);
    read_slot(&rig, 1, 0, &byte, 1);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_int_equal(unregister_files(&rig), 0);
    assert_int_equal(rig_event(&rig, SRI_EVENT_WAKE, 0), rig.event_count);

    assert_int_equal(sri_sim_world_write(rig.world, fds[1], "x", 1, &moved), 0);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);

    uint32_t completed = rig_event(&rig, SRI_EVENT_COMPLETED, 0);
    uint32_t told = rig_event(&rig, SRI_EVENT_WAKE, 0);
    assert_true(completed < told && told < rig.event_count);
    assert_int_equal(rig.events[told].user_data, 70);
    rig_expect(&rig, 1, 1);
    rig_expect(&rig, 70, 0);
    rig_close(&rig);
}

/* Also where a chooser puts the attempt off: the slot was looked up when the request was issued. */
static void a_delayed_request_keeps_the_file_it_found(void **state)
{
    (void)state;
    struct rig rig;
    int first[2];
    int second[2];
    char bytes[3] = "";
    size_t moved;
    rig_open(&rig);
    rig_choose(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, first), 0);
    assert_int_equal(sri_sim_world_pipe(rig.world, second), 0);
    assert_int_equal(sri_sim_world_write(rig.world, first[1], "one", 3, &moved), 0);
    assert_int_equal(sri_sim_world_write(rig.world, second[1], "two", 3, &moved), 0);
    assert_int_equal(register_files(&rig, first, NULL, 1), 0);
    rig_answer(&rig, SRI_WHY_DELAY, 3);
    read_slot(&rig, 1, 0, bytes, 3);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    struct io_uring_rsrc_update update = {.data = (uintptr_t)second};
    assert_int_equal(call(&rig, IORING_REGISTER_FILES_UPDATE, &update, 1), 1);

    assert_int_equal(raw_ring_wait(&rig.ring, 1, UINT64_C(1000000000000)), 0);

    rig_expect(&rig, 1, 3);
    assert_memory_equal(bytes, "one", 3);
    rig_close(&rig);
}

/* A read into a registered buffer has the freedoms of any read. */
static void a_fixed_read_may_be_short_or_late(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    char bytes[4] = "----";
    struct iovec buffer = {bytes, sizeof bytes};
    rig_open(&rig);
    rig_choose(&rig);
    assert_int_equal(sri_sim_world_file(rig.world, "/file", "abcd", 4), 0);
    assert_int_equal(sri_sim_world_open(rig.world, "/file", O_RDWR, &fd), 0);
    assert_int_equal(register_buffers(&rig, &buffer, NULL, 1), 0);
    rig_answer(&rig, SRI_WHY_SHORT, 1);
    rig_answer(&rig, SRI_WHY_COPY, 1);
    rig_rw(&rig, 1, IORING_OP_READ_FIXED, fd, bytes, 4);

    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    rig_expect(&rig, 1, 1);
    assert_memory_equal(bytes, "a---", 4);
    rig_answer(&rig, SRI_WHY_ERRNO, 1);
    rig_rw(&rig, 2, IORING_OP_READ_FIXED, fd, bytes, 4);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 2, -EIO);
    rig_close(&rig);
}

/* What is opened into the table leaves no descriptor behind, whether there is a slot for it or not. */
static void a_direct_file_has_no_descriptor(void **state)
{
    (void)state;
    struct rig rig;
    int fds[1] = {-1};
    rig_open(&rig);
    rig_watch(&rig);
    assert_int_equal(sri_sim_world_file(rig.world, "/file", "abc", 3), 0);
    assert_int_equal(register_files(&rig, fds, NULL, 1), 0);
    for (unsigned slot = 1; slot <= 2; slot++) {
        struct io_uring_sqe *sqe = rig_rw(&rig, slot, IORING_OP_OPENAT, AT_FDCWD, (void *)"/file", 0);
        sqe->file_index = slot;
    }

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 1, 0);
    rig_expect(&rig, 2, -EINVAL);
    assert_int_equal(descriptors(&rig), 0);
    assert_int_equal(rig_event(&rig, SRI_EVENT_OPENED, 0), rig.event_count);
    rig_close(&rig);
}

/* A tag is ahead of its batch also where hundreds found no room, and behind those that had found none before. */
static void a_tag_is_ahead_of_a_long_overflow(void **state)
{
    (void)state;
    struct rig rig;
    struct io_uring_cqe cqe;
    int none = -1;
    int fds[2];
    uint64_t tag = 70;
    rig_open_flags(&rig, 512, 0);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    assert_int_equal(register_files(&rig, fds, &tag, 1), 0);
    unsigned room = 1024;
    for (unsigned i = 0; i < room + 3; i++) {
        rig_nop(&rig, 1, 0);
        if (i % 512 == 511)
            assert_int_equal(raw_ring_submit(&rig.ring), 512);
    }
    assert_int_equal(raw_ring_submit(&rig.ring), 3);
    for (unsigned i = 0; i < 400; i++)
        rig_nop(&rig, 1000 + i, 0);
    struct io_uring_sqe *sqe = rig_nop(&rig, 2, 0);
    io_uring_prep_files_update(sqe, &none, 1, 0);
    sqe->user_data = 2;

    assert_int_equal(raw_ring_submit(&rig.ring), 401);

    for (unsigned i = 0; i < room; i++)
        rig_expect(&rig, 1, 0);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    for (unsigned i = 0; i < 3; i++)
        rig_expect(&rig, 1, 0);
    rig_expect(&rig, 70, 0);
    for (unsigned i = 0; i < 400; i++)
        rig_expect(&rig, 1000 + i, 0);
    rig_expect(&rig, 2, 1);
    assert_false(raw_ring_take(&rig.ring, &cqe));
    rig_close(&rig);
}

/* A world's limit of descriptors limits the table. */
static void a_table_is_no_larger_than_the_descriptors(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);

    assert_int_equal(register_files(&rig, NULL, NULL, 65), -EMFILE);
    assert_int_equal(register_files(&rig, NULL, NULL, 64), 0);

    rig_close(&rig);
}

/* A kernel that is used again knows nothing of the rings before. */
static void a_reset_kernel_has_no_slots(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    struct io_uring_rsrc_update slot = {.offset = 0, .data = (unsigned)rig.ring.fd};
    const struct sr_backend backend = rig.ring.backend;
    assert_int_equal(call(&rig, IORING_REGISTER_RING_FDS, &slot, 1), 1);
    unsigned flags = IORING_ENTER_REGISTERED_RING;
    assert_int_equal(backend.vtable->enter(backend.self, 0, 0, 0, flags, NULL, 0), 0);

    sri_engine_reset(rig.engine);

    assert_int_equal(backend.vtable->enter(backend.self, 0, 0, 0, flags, NULL, 0), -EBADF);
    sri_engine_free(&rig.engine);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(any_registration_may_be_refused),
    cmocka_unit_test(a_table_without_memory_is_refused_whole),
    cmocka_unit_test(resources_are_used_again),
    cmocka_unit_test(a_closed_ring_lets_go),
    cmocka_unit_test(a_closed_ring_lets_go_of_what_is_in_flight),
    cmocka_unit_test(a_tag_is_told_behind_the_last_request),
    cmocka_unit_test(a_delayed_request_keeps_the_file_it_found),
    cmocka_unit_test(a_fixed_read_may_be_short_or_late),
    cmocka_unit_test(a_direct_file_has_no_descriptor),
    cmocka_unit_test(a_tag_is_ahead_of_a_long_overflow),
    cmocka_unit_test(a_table_is_no_larger_than_the_descriptors),
    cmocka_unit_test(a_reset_kernel_has_no_slots),
};

SR_TEST_MAIN(tests)
