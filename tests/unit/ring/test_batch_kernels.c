/*
 * Batches on each kernel there is, in both forms: the results are the same, case by case (BATCH-2, BACK-1).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "safer_ring/batch.h"
#include "safer_ring/registry.h"
#include "safer_ring/sim.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define MS UINT64_C(1000000)
#define MOST 8

/* A ring on some kernel, a file of 100 bytes, two ends of a pipe and of a socket pair in that kernel's world. */
struct world {
    const char *name;
    struct sr_sim *sim;
    struct sr_ring *ring;
    int file;
    int pipe[2];
    int pair[2];
};

static bool open_ring(struct world *world)
{
    struct sr_config config = sr_config_default();
    config.entries = 8;
    if (strcmp(world->name, "sim") == 0) {
        assert_int_equal(sr_sim_new(&world->sim, NULL), 0);
        return sr_sim_ring_open(world->sim, &world->ring, 8) == 0;
    }
    config.backend_name = world->name;
    return sr_ring_open_config(&world->ring, &config) == 0;
}

static void make_file(struct world *world)
{
    uint8_t bytes[100];
    memset(bytes, 'x', sizeof bytes);
    if (world->sim != NULL) {
        assert_int_equal(sr_sim_file(world->sim, "/file", bytes, sizeof bytes), 0);
        assert_int_equal(sr_sim_open(world->sim, "/file", O_RDWR, &world->file), 0);
        return;
    }
    char path[] = "/tmp/safer-ring-batch-XXXXXX";
    world->file = mkstemp(path);
    assert_true(world->file >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(write(world->file, bytes, sizeof bytes), sizeof bytes);
}

static bool open_world(struct world *world, const char *name)
{
    *world = (struct world){.name = name};
    if (!open_ring(world)) {
        assert_string_equal(name, "uring"); /* the others are always there */
        return false;
    }
    make_file(world);
    if (world->sim != NULL) {
        assert_int_equal(sr_sim_pipe(world->sim, world->pipe), 0);
        assert_int_equal(sr_sim_socketpair(world->sim, world->pair), 0);
    } else {
        assert_int_equal(pipe(world->pipe), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, world->pair), 0);
    }
    return true;
}

static void close_fd(struct world *world, int fd)
{
    if (world->sim != NULL)
        assert_int_equal(sr_sim_close(world->sim, fd), 0);
    else
        assert_int_equal(close(fd), 0);
}

static void close_world(struct world *world)
{
    assert_int_equal(stats_of(world->ring).unknown, 0);
    assert_int_equal(sr_ring_in_flight(world->ring), 0);
    assert_int_equal(sr_ring_close(&world->ring), 0);
    close_fd(world, world->file);
    for (int i = 0; i < 2; i++) {
        close_fd(world, world->pipe[i]);
        close_fd(world, world->pair[i]);
    }
    sr_sim_free(&world->sim);
}

static const char *const kernels[] = {"sim", "engine", "uring"};
#define KERNELS (sizeof kernels / sizeof kernels[0])

/* ---- A table of batches ---- */

enum what {
    READ,      /* all of the file */
    READ_LONG, /* more than the file has: short */
    READ_AT_END,
    READ_BAD, /* from no descriptor */
    WRITE,
    SEND,
    RECV,     /* what there is: short, and well */
    RECV_ALL, /* MSG_WAITALL */
    RECV_ALL_CUT,
    NOP,
    FSYNC,
    TIMEOUT,   /* its end is an error */
    OPEN_NONE, /* no such file */
    INHERIT_SEND,
    FSYNC_BAD, /* of a pipe: the kernel's chains go on behind it */
    BAD_FLAGS, /* refused before it begins, which ends a chain of the kernel's from its head */
};

struct row {
    const char *name;
    bool fail_fast;
    uint32_t count;
    enum what what[MOST];
    /* each 16 * dependent + dependency, 0 ends */
    uint8_t depends[MOST];
    const char *outcomes; /* of each: + ended well, ! failed, - cancelled */
    int32_t results[MOST];
};

#define D(dependent, dependency) (uint8_t)(16 * (dependent) + (dependency))

/* clang-format off */
static const struct row rows[] = {
    {"one", false, 1, {READ}, {0}, "+", {100}},
    {"independent", false, 4, {READ, WRITE, FSYNC, NOP}, {0}, "++++", {100, 10, 0, 0}},
    {"a chain", false, 4, {WRITE, WRITE, READ, FSYNC}, {D(1,0), D(2,1), D(3,2)}, "++++", {10, 10, 100, 0}},
    {"a chain whose head fails", false, 3, {READ_BAD, WRITE, NOP}, {D(1,0), D(2,1)}, "!--", {-EBADF, -ECANCELED, -ECANCELED}},
    {"a chain that breaks in the middle", false, 4, {WRITE, READ_BAD, WRITE, NOP}, {D(1,0), D(2,1), D(3,2)}, "+!--", {10, -EBADF, -ECANCELED, -ECANCELED}},
    {"a short read breaks it", false, 2, {READ_LONG, NOP}, {D(1,0)}, "!-", {100, -ECANCELED}},
    {"the end of the file breaks it", false, 2, {READ_AT_END, NOP}, {D(1,0)}, "!-", {0, -ECANCELED}},
    {"a short recv does not", false, 3, {SEND, RECV, NOP}, {D(1,0), D(2,1)}, "+++", {10, 10, 0}},
    {"a whole recv with MSG_WAITALL does not", false, 3, {SEND, RECV_ALL, NOP}, {D(1,0), D(2,1)}, "+++", {10, 10, 0}},
    {"a timeout does", false, 2, {TIMEOUT, NOP}, {D(1,0)}, "!-", {-ETIME, -ECANCELED}},
    {"behind a failed open", false, 2, {OPEN_NONE, NOP}, {D(1,0)}, "!-", {-ENOENT, -ECANCELED}},
    {"a fan out", false, 4, {WRITE, READ, NOP, FSYNC}, {D(1,0), D(2,0), D(3,0)}, "++++", {10, 100, 0, 0}},
    {"a fan out that fails", false, 4, {READ_BAD, READ, NOP, FSYNC}, {D(1,0), D(2,0), D(3,0)}, "!---", {-EBADF, -ECANCELED, -ECANCELED, -ECANCELED}},
    {"a fan in", false, 4, {WRITE, READ, NOP, FSYNC}, {D(3,0), D(3,1), D(3,2)}, "++++", {10, 100, 0, 0}},
    {"a fan in, one of which fails", false, 4, {WRITE, READ_BAD, NOP, FSYNC}, {D(3,0), D(3,1), D(3,2)}, "+!+-", {10, -EBADF, 0, -ECANCELED}},
    {"a diamond", false, 4, {WRITE, READ, NOP, FSYNC}, {D(1,0), D(2,0), D(3,1), D(3,2)}, "++++", {10, 100, 0, 0}},
    {"a tail behind a diamond", false, 5, {WRITE, READ, READ_BAD, FSYNC, NOP}, {D(1,0), D(2,0), D(3,1), D(3,2), D(4,3)}, "++!--", {10, 100, -EBADF, -ECANCELED, -ECANCELED}},
    {"two chains", false, 4, {WRITE, READ_BAD, READ, NOP}, {D(2,0), D(3,1)}, "+!+-", {10, -EBADF, 100, -ECANCELED}},
    {"a chain against the order of adding", false, 3, {NOP, READ, WRITE}, {D(0,1), D(1,2)}, "+++", {0, 100, 10}},
    {"flags that are not known, in a chain", false, 3, {WRITE, BAD_FLAGS, NOP}, {D(1,0), D(2,1)}, "+!-", {10, -EINVAL, -ECANCELED}},
    {"a failed fsync, in a chain", false, 3, {WRITE, FSYNC_BAD, WRITE}, {D(1,0), D(2,1)}, "+!-", {10, -EINVAL, -ECANCELED}},
    {"received, then sent", false, 3, {SEND, RECV, INHERIT_SEND}, {D(1,0), D(2,1)}, "+++", {10, 10, 10}},
    {"an heir of what failed", false, 2, {READ_BAD, INHERIT_SEND}, {D(1,0)}, "!-", {-EBADF, -ECANCELED}},
    {"fail-fast cancels what waits", true, 3, {READ_BAD, WRITE, NOP}, {D(1,0), D(2,1)}, "!--", {-EBADF, -ECANCELED, -ECANCELED}},
    {"fail-fast cancels what runs", true, 3, {RECV, RECV_ALL_CUT, READ_BAD}, {0}, "--!", {-ECANCELED, -ECANCELED, -EBADF}},
    {"longer than the queue", false, 8, {WRITE, READ, NOP, WRITE, READ, NOP, FSYNC, NOP}, {D(1,0), D(2,1), D(3,2), D(4,3), D(5,4), D(6,5), D(7,6)}, "++++++++", {10, 100, 0, 10, 100, 0, 0, 0}},
};
/* clang-format on */
#define ROWS (sizeof rows / sizeof rows[0])

static struct sr_buffer *make_buffer(size_t size)
{
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_buffer_new(&buffer, size), 0);
    return buffer;
}

SR_UNCHECKED static void add_with(struct sr_batch *batch, struct sr_op_spec spec, size_t size)
{
    struct sr_buffer *buffer = make_buffer(size);
    assert_int_equal(sr_batch_add(batch, &spec, &buffer, NULL), 0);
    assert_null(buffer);
}

SR_UNCHECKED static void add(const struct world *world, struct sr_batch *batch, enum what what,
                             uint32_t index)
{
    struct sr_range whole = {0, 0, false};
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_fd file = sr_fd(world->file);
    switch (what) {
    case READ: add_with(batch, sr_spec_read(file, 0, whole), 100); return;
    case READ_LONG: add_with(batch, sr_spec_read(file, 0, whole), 200); return;
    case READ_AT_END: add_with(batch, sr_spec_read(file, 100, whole), 10); return;
    case READ_BAD: add_with(batch, sr_spec_read(sr_fd(-1), 0, whole), 10); return;
    case WRITE: add_with(batch, sr_spec_write(file, 0, whole), 10); return;
    case SEND: add_with(batch, sr_spec_send(sr_fd(world->pair[1]), whole, MSG_NOSIGNAL), 10); return;
    case RECV: add_with(batch, sr_spec_recv(sr_fd(world->pair[0]), whole, 0), 30); return;
    case RECV_ALL: add_with(batch, sr_spec_recv(sr_fd(world->pair[0]), whole, MSG_WAITALL), 10); return;
    case RECV_ALL_CUT: add_with(batch, sr_spec_recv(sr_fd(world->pair[1]), whole, MSG_WAITALL), 10); return;
    case NOP: break;
    case FSYNC: spec = sr_spec_fsync(file, 0); break;
    case TIMEOUT: spec = sr_spec_timeout(MS); break;
    case OPEN_NONE: spec = sr_spec_openat(sr_fd(AT_FDCWD), "/no/such/file", O_RDONLY, 0); break;
    case FSYNC_BAD: spec = sr_spec_fsync(sr_fd(world->pipe[0]), 0); break;
    case BAD_FLAGS: spec = sr_spec_fsync(file, 0x7000); break;
    case INHERIT_SEND:
        spec = sr_spec_send(sr_fd(world->pair[0]), whole, MSG_NOSIGNAL);
        assert_int_equal(sr_batch_add_inheriting(batch, &spec, index - 1, NULL), 0);
        return;
    }
    assert_int_equal(sr_batch_add_plain(batch, &spec, NULL), 0);
}

SR_UNCHECKED static struct sr_batch *build(const struct world *world, const struct row *row,
                                           enum sr_batch_form form)
{
    struct sr_batch *batch = NULL;
    struct sr_batch_options options = {.form = form, .fail_fast = row->fail_fast};
    assert_int_equal(sr_batch_new_with(&batch, &options), 0);
    for (uint32_t i = 0; i < row->count; i++)
        add(world, batch, row->what[i], i);
    for (uint32_t i = 0; i < MOST && row->depends[i] != 0; i++)
        assert_int_equal(sr_batch_add_dependency(batch, row->depends[i] / 16, row->depends[i] % 16), 0);
    assert_int_equal(sr_batch_count(batch), row->count);
    return batch;
}

/* Every entry is as the row says, every buffer comes back once, from where it is to be. */
SR_UNCHECKED static void check_result(const struct row *row, struct sr_batch_result *result)
{
    assert_int_equal(result->count, row->count);
    assert_int_equal(result->succeeded + result->failed + result->cancelled, row->count);
    for (uint32_t i = 0; i < row->count; i++) {
        struct sr_batch_entry entry;
        struct sr_buffer *buffer = NULL;
        char outcome[] = {"+!-"[0], "+!-"[1], "+!-"[2]};
        assert_int_equal(sr_batch_result_at(result, i, &entry), 0);
        print_message("    %u: %c %d\n", i, outcome[entry.outcome], entry.result);
        assert_int_equal(outcome[entry.outcome], row->outcomes[i]);
        assert_int_equal(entry.result, row->results[i]);
        assert_int_equal(sr_batch_result_take(result, i, &buffer), row->results[i]);
        assert_int_equal(entry.has_buffer, buffer != NULL);
        if (buffer != NULL)
            assert_int_equal(sr_buffer_release(&buffer), 0);
        assert_int_equal(sr_batch_result_take(result, i, &buffer), SR_ESTALE);
    }
    sr_batch_result_fini(result);
    assert_int_equal(result->id, 0);
}

enum way {
    AWAITED,
    POLLED,
    SUBMITTED,
    WAYS
};

SR_UNCHECKED static void run(struct world *world, struct sr_batch *batch, enum way way,
                             struct sr_batch_result *result)
{
    struct sr_batch_future future;
    if (way == SUBMITTED) {
        assert_int_equal(sr_batch_submit(world->ring, &batch, result), 0);
        assert_null(batch);
        return;
    }
    assert_int_equal(sr_batch_submit_standalone(world->ring, &batch, &future), 0);
    assert_null(batch);
    if (way == AWAITED) {
        assert_int_equal(sr_batch_await(&future, world->ring, result), 0);
    } else {
        int rc;
        /* Simulated time stands still while nobody waits. */
        while ((rc = sr_batch_poll(&future, world->ring, result)) == SR_EOPERATION_PENDING)
            if (world->sim != NULL)
                sr_sim_advance_ns(world->sim, MS);
        assert_int_equal(rc, 0);
    }
    assert_int_equal(future.id, 0);
}

/* Every batch of the table, on each kernel, by links and by deferring, awaited and polled: the same results. */
SR_UNCHECKED static void both_forms_give_the_same_results(void **state)
{
    (void)state;
    for (size_t k = 0; k < KERNELS; k++)
        for (size_t r = 0; r < ROWS; r++)
            for (int form = SR_BATCH_CHAINED; form <= SR_BATCH_DEFERRED; form++)
                for (int way = 0; way < WAYS; way++) {
                    struct world world;
                    struct sr_batch_result result;
                    if (!open_world(&world, kernels[k]))
                        continue;
                    print_message("on %s: %s, form %d, way %d\n", kernels[k], rows[r].name, form, way);
                    run(&world, build(&world, &rows[r], (enum sr_batch_form)form), (enum way)way, &result);
                    check_result(&rows[r], &result);
                    close_world(&world);
                }
}

/* Several batches at once, and an operation of the ring's own: each gets its own results, whatever is waited for (BATCH-5). */
SR_UNCHECKED static void batches_do_not_meet(void **state)
{
    (void)state;
    for (size_t k = 0; k < KERNELS; k++) {
        enum {
            BATCHES = 5
        };
        struct world world;
        struct sr_batch_future futures[BATCHES];
        if (!open_world(&world, kernels[k]))
            continue;
        for (size_t i = 0; i < BATCHES; i++) {
            struct sr_batch *batch = build(&world, &rows[1 + i], (enum sr_batch_form)(i % 2));
            assert_int_equal(sr_batch_submit_standalone(world.ring, &batch, &futures[i]), 0);
        }
        struct sr_op nop = start_nop(world.ring);
        assert_int_equal(await_result(world.ring, &nop), 0);
        for (size_t i = BATCHES; i-- > 0;) {
            struct sr_batch_result result;
            assert_int_equal(sr_batch_await(&futures[i], world.ring, &result), 0);
            check_result(&rows[1 + i], &result);
        }
        close_world(&world);
    }
}

/* What was read through an heir's buffer is what was sent: it is the same buffer, and as much as was received (BATCH-8). */
SR_UNCHECKED static void an_heir_sends_what_was_received(void **state)
{
    (void)state;
    for (size_t k = 0; k < KERNELS; k++) {
        struct world world;
        struct sr_batch *batch = NULL;
        struct sr_batch_result result;
        struct sr_buffer *buffer = NULL;
        struct sr_range whole = {0, 0, false};
        if (!open_world(&world, kernels[k]))
            continue;
        assert_int_equal(sr_buffer_copy_of(&buffer, "seven!!", 7), 0);
        struct sr_op op;
        assert_int_equal(sr_send_owned(world.ring, sr_fd(world.pair[1]), &buffer, whole, 0, &op), 0);
        assert_int_equal(await_result(world.ring, &op), 7);
        assert_int_equal(sr_batch_new(&batch), 0);
        struct sr_op_spec spec = sr_spec_recv(sr_fd(world.pair[0]), whole, 0);
        buffer = make_buffer(50);
        const struct sr_buffer *same = buffer;
        assert_int_equal(sr_batch_add(batch, &spec, &buffer, NULL), 0);
        spec = sr_spec_send(sr_fd(world.pair[0]), whole, 0);
        assert_int_equal(sr_batch_add_inheriting(batch, &spec, 0, NULL), 0);
        spec = sr_spec_write(sr_fd(world.file), 3, whole);
        assert_int_equal(sr_batch_add_inheriting(batch, &spec, 1, NULL), 0);

        assert_int_equal(sr_batch_submit(world.ring, &batch, &result), 0);

        assert_int_equal(result.succeeded, 3);
        assert_int_equal(sr_batch_result_take(&result, 0, &buffer), 7);
        assert_null(buffer);
        assert_int_equal(sr_batch_result_take(&result, 1, &buffer), 7);
        assert_null(buffer);
        assert_int_equal(sr_batch_result_take(&result, 2, &buffer), 7);
        assert_ptr_equal(buffer, same);
        SR_BUFFER_SCOPE(guard, &buffer)
        assert_memory_equal(sr_guard_bytes(&guard), "seven!!", 7);
        assert_int_equal(sr_buffer_release(&buffer), 0);
        sr_batch_result_fini(&result);
        close_world(&world);
    }
}

/* A fixed file and a registered buffer are used in a batch as anywhere: in use until their operation has ended (REG-3). */
SR_UNCHECKED static void what_is_registered_works_in_a_batch(void **state)
{
    (void)state;
    for (size_t k = 0; k < KERNELS; k++)
        for (int form = SR_BATCH_CHAINED; form <= SR_BATCH_DEFERRED; form++) {
            struct world world;
            struct sr_registry *registry = NULL;
            struct sr_fixed_file file;
            struct sr_buffer_slot slot;
            struct sr_buffer *buffer = make_buffer(100);
            struct sr_batch *batch = NULL;
            struct sr_batch_future future;
            struct sr_batch_result result;
            struct sr_batch_options options = {.form = (enum sr_batch_form)form};
            size_t count;
            if (!open_world(&world, kernels[k])) {
                assert_int_equal(sr_buffer_release(&buffer), 0);
                continue;
            }
            assert_int_equal(sr_registry_new(world.ring, &registry), 0);
            assert_int_equal(sr_registry_register_fixed_file(registry, world.file, &file), 0);
            assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot), 0);
            assert_int_equal(sr_slot_take(registry, slot, &buffer), 0);
            struct sr_op_spec read = sr_spec_read(sr_fd_fixed(file), 0, sr_range(0, 100));
            struct sr_op_spec sync = sr_spec_fsync(sr_fd_fixed(file), 0);
            assert_int_equal(sr_batch_new_with(&batch, &options), 0);
            assert_int_equal(sr_batch_add(batch, &read, &buffer, NULL), 0);
            assert_int_equal(sr_batch_add_plain(batch, &sync, NULL), 0);
            assert_int_equal(sr_batch_add_dependency(batch, 1, 0), 0);
            assert_int_equal(sr_batch_submit_standalone(world.ring, &batch, &future), 0);
            assert_int_equal(sr_registry_remove_fixed_file(registry, &file), SR_EBUFFER_IN_FLIGHT);
            assert_int_equal(sr_registry_unregister_buffer_slots(registry, &buffer, 1, &count),
                             SR_EBUFFER_IN_FLIGHT);

            assert_int_equal(sr_batch_await(&future, world.ring, &result), 0);

            assert_int_equal(result.succeeded, 2);
            assert_int_equal(sr_batch_result_take(&result, 0, &buffer), 100);
            sr_batch_result_fini(&result);
            assert_int_equal(sr_buffer_release(&buffer), 0);
            assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);
            assert_int_equal(sr_registry_free(&registry), 0);
            close_world(&world);
        }
}

/* A file that was removed between submission and start fails its operation, and what depends on it never runs (REG-2). */
SR_UNCHECKED static void a_file_gone_before_its_time_fails_its_operation(void **state)
{
    (void)state;
    struct world world;
    struct sr_registry *registry = NULL;
    struct sr_fixed_file file;
    struct sr_batch *batch = NULL;
    struct sr_batch_future future;
    struct sr_batch_result result;
    struct sr_batch_options options = {.form = SR_BATCH_DEFERRED};
    struct sr_op_spec nop = sr_spec_nop();
    assert_true(open_world(&world, "sim"));
    assert_int_equal(sr_registry_new(world.ring, &registry), 0);
    assert_int_equal(sr_registry_register_fixed_file(registry, world.file, &file), 0);
    struct sr_op_spec sync = sr_spec_fsync(sr_fd_fixed(file), 0);
    assert_int_equal(sr_batch_new_with(&batch, &options), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &sync, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_add_dependency(batch, 1, 0), 0);
    assert_int_equal(sr_batch_add_dependency(batch, 2, 1), 0);
    assert_int_equal(sr_batch_submit_standalone(world.ring, &batch, &future), 0);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);

    assert_int_equal(sr_batch_await(&future, world.ring, &result), 0);

    assert_int_equal(result.succeeded, 1);
    assert_int_equal(sr_batch_result_take_plain(&result, 1), SR_ENOT_REGISTERED);
    assert_int_equal(sr_batch_result_take_plain(&result, 2), -ECANCELED);
    sr_batch_result_fini(&result);
    assert_int_equal(sr_registry_free(&registry), 0);
    close_world(&world);
}

/* A batch that waits for the world can be dropped, and the ring drains (BATCH-6). */
SR_UNCHECKED static void a_dropped_batch_goes_home(void **state)
{
    (void)state;
    for (size_t k = 0; k < KERNELS; k++) {
        struct world world;
        struct sr_batch *batch = NULL;
        struct sr_batch_future future;
        struct sr_batch_result result;
        struct sr_op_spec nop = sr_spec_nop();
        uint32_t remaining;
        if (!open_world(&world, kernels[k]))
            continue;
        assert_int_equal(sr_batch_new(&batch), 0);
        add(&world, batch, RECV, 0);
        assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
        assert_int_equal(sr_batch_add_dependency(batch, 1, 0), 0);
        assert_int_equal(sr_batch_submit_standalone(world.ring, &batch, &future), 0);
        assert_int_equal(sr_batch_await_timeout(&future, world.ring, MS, &result), -ETIME);
        assert_int_equal(sr_ring_in_flight(world.ring), 2);

        sr_batch_drop(world.ring, &future);

        assert_int_equal(future.id, 0);
        assert_in_range(sr_ring_orphan_count(world.ring), 1, 2);
        assert_int_equal(sr_ring_drain(world.ring, SR_FOREVER, &remaining), 0);
        close_world(&world);
    }
}

/* A batch cancelled while it waits for the world ends, with everything cancelled. */
SR_UNCHECKED static void a_cancelled_batch_ends(void **state)
{
    (void)state;
    for (size_t k = 0; k < KERNELS; k++)
        for (int form = SR_BATCH_CHAINED; form <= SR_BATCH_DEFERRED; form++) {
            struct world world;
            struct sr_batch *batch = NULL;
            struct sr_batch_future future;
            struct sr_batch_result result;
            struct sr_batch_options options = {.form = (enum sr_batch_form)form};
            if (!open_world(&world, kernels[k]))
                continue;
            assert_int_equal(sr_batch_new_with(&batch, &options), 0);
            add(&world, batch, RECV, 0);
            add(&world, batch, RECV, 1);
            assert_int_equal(sr_batch_add_dependency(batch, 1, 0), 0);
            assert_int_equal(sr_batch_submit_standalone(world.ring, &batch, &future), 0);
            assert_int_equal(sr_ring_submit(world.ring), 0);

            assert_int_equal(sr_batch_cancel(world.ring, &future), 0);

            assert_int_equal(sr_batch_await(&future, world.ring, &result), 0);
            assert_int_equal(result.cancelled, 2);
            sr_batch_result_fini(&result);
            close_world(&world);
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(both_forms_give_the_same_results),
    cmocka_unit_test(batches_do_not_meet),
    cmocka_unit_test(an_heir_sends_what_was_received),
    cmocka_unit_test(what_is_registered_works_in_a_batch),
    cmocka_unit_test(a_file_gone_before_its_time_fails_its_operation),
    cmocka_unit_test(a_dropped_batch_goes_home),
    cmocka_unit_test(a_cancelled_batch_ends),
};

SR_TEST_MAIN(tests)
