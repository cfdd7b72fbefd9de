/*
 * The registry on each kernel there is: rules REG-1 … REG-5, and RING-5 for what stands on a ring. What only a kernel that
 * refuses can show is at the end, on the scriptable one.
 */
#include <string.h>

#include "safer_ring/log.h"
#include "safer_ring/registry.h"
#include "support/counting_allocator.h"
#include "support/each_kernel.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define SIZE 64u

SR_UNCHECKED static struct sr_registry *new_registry(struct sr_ring *ring)
{
    struct sr_registry *registry = NULL;
    assert_int_equal(sr_registry_new(ring, &registry), 0);
    return registry;
}

static void free_registry(struct sr_registry **registry)
{
    assert_int_equal(sr_registry_free(registry), 0);
    assert_null(*registry);
}

static void assert_holds(struct sr_registry *registry, uint32_t files, uint32_t files_in_use, uint32_t slots,
                         uint32_t slots_in_use)
{
    struct sr_registry_stats stats;
    assert_int_equal(sr_registry_stats(registry, &stats), 0);
    assert_int_equal(sr_registry_stats(NULL, &stats), -EINVAL);
    assert_int_equal(sr_registry_stats(registry, NULL), -EINVAL);
    assert_int_equal(stats.files, files);
    assert_int_equal(stats.files_in_use, files_in_use);
    assert_int_equal(stats.slots, slots);
    assert_int_equal(stats.slots_in_use, slots_in_use);
}

SR_UNCHECKED static struct sr_buffer *buffer_of(const char *text)
{
    struct sr_buffer *buffer = NULL;
    char bytes[SIZE] = {0};
    strncpy(bytes, text, SIZE - 1);
    assert_int_equal(sr_buffer_copy_of(&buffer, bytes, SIZE), 0);
    return buffer;
}

SR_UNCHECKED static struct sr_fixed_file fixed(struct sr_registry *registry, int fd)
{
    struct sr_fixed_file file;
    assert_int_equal(sr_registry_register_fixed_file(registry, fd, &file), 0);
    return file;
}

SR_UNCHECKED static int32_t transfer(struct sr_ring *ring, const struct sr_op_spec *spec,
                                     struct sr_buffer **buffer)
{
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_op_start(ring, spec, buffer, &op), 0);
    assert_int_equal(sr_op_await(ring, &op, &done), 0);
    return sr_take(&done, buffer);
}

SR_UNCHECKED static void assert_text(struct sr_buffer **buffer, const char *text)
{
    SR_BUFFER_SCOPE(guard, buffer)
    assert_string_equal((char *)sr_guard_bytes(&guard), text);
}

/* Writes into one end of the pipe and reads it from the other, both as the specification's targets say. */
SR_UNCHECKED static void say(struct sr_ring *ring, struct sr_fd to, struct sr_fd from, const char *text)
{
    struct sr_buffer *buffer = buffer_of(text);
    struct sr_op_spec write = sr_spec_write(to, 0, (struct sr_range){0});
    struct sr_op_spec read = sr_spec_read(from, 0, (struct sr_range){0});
    assert_int_equal(transfer(ring, &write, &buffer), SIZE);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    buffer = buffer_of("");
    assert_int_equal(transfer(ring, &read, &buffer), SIZE);
    assert_text(&buffer, text);
    assert_int_equal(sr_buffer_release(&buffer), 0);
}

/* ---- files ---- */

SR_UNCHECKED static void through_fixed_files(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file files[2];
    assert_int_equal(sr_registry_register_fixed_files(registry, world->pipe, 2, files), 0);
    assert_holds(registry, 2, 0, 0, 0);

    say(world->ring, sr_fd_fixed(files[1]), sr_fd_fixed(files[0]), "both fixed");
    say(world->ring, sr_fd_fixed(files[1]), sr_fd(world->pipe[0]), "one fixed");

    assert_holds(registry, 2, 0, 0, 0);
    assert_int_equal(sr_registry_unregister_fixed_files(registry), 0);
    assert_holds(registry, 0, 0, 0, 0);
    free_registry(&registry);
}

/* What is written to a fixed file is read from a fixed file: they are really the kernel's. */
static void fixed_files_are_written_and_read(void **state)
{
    (void)state;
    on_each_kernel(through_fixed_files);
}

SR_UNCHECKED static void close_after_registering(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    int extra = each_kernel_connect(world);
    struct sr_fixed_file file = fixed(registry, extra);
    each_kernel_close(world, extra);
    struct sr_buffer *buffer = buffer_of("still there");
    struct sr_op_spec send = sr_spec_send(sr_fd_fixed(file), (struct sr_range){0}, 0);

    assert_int_equal(transfer(world->ring, &send, &buffer), SIZE);

    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);
    free_registry(&registry);
}

/* The kernel holds a registered file itself: its descriptor may be closed. */
static void a_fixed_file_outlives_its_descriptor(void **state)
{
    (void)state;
    on_each_kernel(close_after_registering);
}

SR_UNCHECKED static void every_kind(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file listening = fixed(registry, world->listening);
    struct sr_fixed_file end = fixed(registry, world->connection[0]);
    struct sr_fixed_file other = fixed(registry, world->connection[1]);
    struct sr_op op;
    struct sr_op_spec spec = sr_spec_accept(sr_fd_fixed(listening), 0);
    int outside = each_kernel_connect(world);
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), 0);
    int32_t accepted = await_result(world->ring, &op);
    assert_true(accepted >= 0);
    each_kernel_close(world, accepted);
    each_kernel_close(world, outside);

    struct sr_buffer *buffer = buffer_of("over TCP");
    spec = sr_spec_send(sr_fd_fixed(end), (struct sr_range){0}, 0);
    assert_int_equal(transfer(world->ring, &spec, &buffer), SIZE);
    spec = sr_spec_poll(sr_fd_fixed(other), 1 /* POLLIN */);
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), 0);
    assert_int_equal(await_result(world->ring, &op) & 1, 1);
    spec = sr_spec_recv(sr_fd_fixed(other), (struct sr_range){0}, 0);
    assert_int_equal(transfer(world->ring, &spec, &buffer), SIZE);
    assert_text(&buffer, "over TCP");
    spec = sr_spec_shutdown(sr_fd_fixed(end), 1 /* SHUT_WR */);
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), 0);
    assert_int_equal(await_result(world->ring, &op), 0);
    spec = sr_spec_recv(sr_fd_fixed(other), (struct sr_range){0}, 0);
    assert_int_equal(transfer(world->ring, &spec, &buffer), 0);
    spec = sr_spec_fsync(sr_fd_fixed(end), 0);
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), 0);
    assert_int_equal(await_result(world->ring, &op), -EINVAL); /* as for the socket itself */
    assert_int_equal(sr_buffer_release(&buffer), 0);
    free_registry(&registry);
}

/* Accept, send, poll, recv, shutdown and fsync take a fixed file. */
static void every_operation_takes_a_fixed_file(void **state)
{
    (void)state;
    on_each_kernel(every_kind);
}

SR_UNCHECKED static void refuse_unregistered(struct each_kernel *world)
{
    struct sr_registry *registry = NULL;
    struct sr_buffer *buffer = buffer_of("kept");
    struct sr_buffer *copy = buffer;
    struct sr_op op = {.id = 0};
    struct sr_op_spec spec =
        sr_spec_write(sr_fd_fixed((struct sr_fixed_file){0, 0}), 0, (struct sr_range){0});
    assert_int_equal(sr_op_start(world->ring, &spec, &buffer, &op), SR_ENOT_REGISTERED);

    registry = new_registry(world->ring);
    struct sr_fixed_file file = fixed(registry, world->pipe[1]);
    struct sr_fixed_file stale = file;
    spec.target = sr_fd_fixed((struct sr_fixed_file){file.index + 1, file.generation});
    assert_int_equal(sr_op_start(world->ring, &spec, &buffer, &op), SR_ENOT_REGISTERED);
    spec.target = sr_fd_fixed((struct sr_fixed_file){UINT32_MAX, file.generation});
    assert_int_equal(sr_op_start(world->ring, &spec, &buffer, &op), SR_ENOT_REGISTERED);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);
    assert_memory_equal(&file, &(struct sr_fixed_file){0}, sizeof file);
    file = fixed(registry, world->pipe[1]);
    assert_int_equal(file.index, stale.index);
    spec.target = sr_fd_fixed(stale);
    assert_int_equal(sr_op_start(world->ring, &spec, &buffer, &op), SR_ENOT_REGISTERED);
    assert_int_equal(sr_registry_update_fixed_file(registry, &stale, world->pipe[1]), SR_ENOT_REGISTERED);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &stale), SR_ENOT_REGISTERED);
    assert_int_equal(sr_registry_retire_fixed_file(registry, &stale), SR_ENOT_REGISTERED);

    assert_ptr_equal(buffer, copy);
    assert_int_equal(op.id, 0);
    assert_int_equal(sr_ring_in_flight(world->ring), 0);
    spec = sr_spec_close(sr_fd_fixed(file));
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), -EOPNOTSUPP);
    spec = sr_spec_openat(sr_fd_fixed(file), "x", 0, 0);
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), -EOPNOTSUPP);
    assert_holds(registry, 1, 0, 0, 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    free_registry(&registry);
}

/* A file that is not registered, or a handle from an earlier registration of the same place, moves nothing (REG-2). */
static void what_is_not_registered_is_refused(void **state)
{
    (void)state;
    on_each_kernel(refuse_unregistered);
}

SR_UNCHECKED static void one_bad_among_good(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file files[3] = {{7, 7}, {8, 8}, {9, 9}};
    struct sr_fixed_file before[3];
    const int bad[2] = {9999, -1};
    memcpy(before, files, sizeof files);
    for (int i = 0; i < 2; i++) {
        for (int at = 0; at < 3; at++) {
            int fds[3] = {world->pipe[0], world->pipe[1], world->pair[0]};
            fds[at] = bad[i];
            assert_int_equal(sr_registry_register_fixed_files(registry, fds, 3, files), -EBADF);
            assert_memory_equal(files, before, sizeof files);
            assert_holds(registry, 0, 0, 0, 0);
        }
    }
    /* The places are free in the kernel too: what comes there next is what is meant. */
    assert_int_equal(sr_registry_register_fixed_files(registry, world->pipe, 2, files), 0);
    say(world->ring, sr_fd_fixed(files[1]), sr_fd_fixed(files[0]), "undone");
    assert_int_equal(sr_registry_register_fixed_files(registry, world->pipe, 0, files), -EINVAL);
    assert_int_equal(sr_registry_register_fixed_files(registry, NULL, 1, files), -EINVAL);
    assert_int_equal(sr_registry_register_fixed_files(registry, world->pipe, 1, NULL), -EINVAL);
    assert_int_equal(sr_registry_register_fixed_files(registry, world->pipe, 100000, files), -ENOSPC);
    free_registry(&registry);
}

/* One bad descriptor, wherever it stands, and nothing is registered (REG-1). */
static void registering_is_all_or_nothing(void **state)
{
    (void)state;
    on_each_kernel(one_bad_among_good);
}

SR_UNCHECKED static void use_and_count(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file file = fixed(registry, world->pipe[0]);
    struct sr_fixed_file unused = fixed(registry, world->pair[0]);
    struct sr_fixed_file copy = file;
    struct sr_registry *handle = registry;
    struct sr_op ops[2];
    for (int i = 0; i < 2; i++) {
        struct sr_buffer *buffer = buffer_of("");
        assert_int_equal(sr_read_owned(world->ring, sr_fd_fixed(file), &buffer, &ops[i]), 0);
    }
    for (int left = 2; left > 0; left--) {
        assert_holds(registry, 2, 1, 0, 0);
        assert_int_equal(sr_registry_update_fixed_file(registry, &file, world->pipe[1]),
                         SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(sr_registry_remove_fixed_file(registry, &file), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(sr_registry_unregister_fixed_files(registry), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(sr_registry_free(&handle), SR_EBUFFER_IN_FLIGHT);
        assert_memory_equal(&file, &copy, sizeof file);
        assert_int_equal(sr_ring_submit(world->ring), 0);
        assert_int_equal(sr_op_cancel(world->ring, &ops[left - 1]), 0);
        assert_int_equal(await_result(world->ring, &ops[left - 1]), -ECANCELED);
    }
    assert_holds(registry, 2, 0, 0, 0);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &unused), 0);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);
    free_registry(&registry);
}

/* A file is neither replaced nor removed while any operation in flight uses it; the caller keeps the handle (REG-3). */
static void a_used_file_stays(void **state)
{
    (void)state;
    on_each_kernel(use_and_count);
}

SR_UNCHECKED static void retire_while_used(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file file = fixed(registry, world->pipe[0]);
    struct sr_fixed_file copy = file;
    struct sr_buffer *buffer = buffer_of("");
    struct sr_op op;
    assert_int_equal(sr_read_owned(world->ring, sr_fd_fixed(file), &buffer, &op), 0);
    assert_int_equal(sr_ring_submit(world->ring), 0);

    assert_int_equal(sr_registry_retire_fixed_file(registry, &file), 0);

    assert_memory_equal(&file, &(struct sr_fixed_file){0}, sizeof file);
    assert_holds(registry, 1, 1, 0, 0);
    buffer = buffer_of("");
    assert_int_equal(sr_read_owned(world->ring, sr_fd_fixed(copy), &buffer, &op), SR_ENOT_REGISTERED);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &copy), SR_ENOT_REGISTERED);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    each_kernel_write(world, world->pipe[1], "x", 1);
    assert_int_equal(await_result(world->ring, &op), 1);
    assert_holds(registry, 0, 0, 0, 0);
    free_registry(&registry);
}

/* A retired file is out of reach at once, serves the operation that has it, and then leaves the table (REG-3). */
static void a_retired_file_goes_with_its_last_user(void **state)
{
    (void)state;
    on_each_kernel(retire_while_used);
}

SR_UNCHECKED static void drop_everywhere(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file file = fixed(registry, world->pipe[0]);
    for (int submitted = 0; submitted < 2; submitted++) {
        struct sr_buffer *buffer = buffer_of("");
        struct sr_op op;
        assert_int_equal(sr_read_owned(world->ring, sr_fd_fixed(file), &buffer, &op), 0);
        if (submitted != 0)
            assert_int_equal(sr_ring_submit(world->ring), 0);
        sr_op_drop(world->ring, &op);
        assert_holds(registry, 1, submitted != 0 ? 1 : 0, 0, 0);
        assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, NULL), 0);
        assert_holds(registry, 1, 0, 0, 0);
    }
    struct sr_op_spec spec = sr_spec_within(sr_spec_poll(sr_fd_fixed(file), 1), 1000000);
    struct sr_op op;
    assert_int_equal(sr_op_start_plain(world->ring, &spec, &op), 0);
    assert_int_equal(await_result(world->ring, &op), -ECANCELED);
    assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, NULL), 0);
    assert_holds(registry, 1, 0, 0, 0);
    free_registry(&registry);
}

/* However an operation ends (withdrawn, orphaned, by its linked timeout), its file is free again. */
static void every_end_of_an_operation_ends_its_use(void **state)
{
    (void)state;
    on_each_kernel(drop_everywhere);
}

SR_UNCHECKED static void replace(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file to = fixed(registry, world->pair[1]);
    struct sr_fixed_file stale = to;
    assert_int_equal(sr_registry_update_fixed_file(registry, &to, 9999), -EBADF);
    assert_int_equal(sr_registry_update_fixed_file(registry, &to, -1), -EBADF);
    assert_memory_equal(&to, &stale, sizeof to);
    say(world->ring, sr_fd_fixed(to), sr_fd(world->pair[0]), "as it was");

    assert_int_equal(sr_registry_update_fixed_file(registry, &to, world->pipe[1]), 0);

    say(world->ring, sr_fd_fixed(to), sr_fd(world->pipe[0]), "another");
    assert_int_equal(sr_registry_remove_fixed_file(registry, &stale), SR_ENOT_REGISTERED);
    assert_holds(registry, 1, 0, 0, 0);
    free_registry(&registry);
}

/* An update puts another file in a file's stead; one that fails leaves the old one, which the kernel alone would not (REG-1). */
static void a_file_is_updated_or_stays(void **state)
{
    (void)state;
    on_each_kernel(replace);
}

SR_UNCHECKED static void retire_with_several(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file file = fixed(registry, world->pipe[0]);
    struct sr_op ops[4];
    for (int i = 0; i < 4; i++) {
        struct sr_op_spec spec = sr_spec_read(sr_fd_fixed(file), 0, (struct sr_range){0});
        struct sr_buffer *buffer = buffer_of("");
        if (i == 3)
            assert_int_equal(sr_ring_submit(world->ring), 0);
        if (i == 2)
            spec = sr_spec_within(spec, UINT64_C(3600) * 1000000000);
        assert_int_equal(sr_op_start(world->ring, &spec, &buffer, &ops[i]), 0);
    }
    assert_int_equal(sr_registry_retire_fixed_file(registry, &file), 0);
    sr_op_drop(world->ring, &ops[3]);
    for (int i = 0; i < 3; i++) {
        assert_holds(registry, 1, 1, 0, 0);
        assert_int_equal(sr_op_cancel(world->ring, &ops[i]), 0);
        if (i == 1) {
            sr_op_drop(world->ring, &ops[i]);
            assert_int_equal(sr_ring_submit(world->ring), 0);
        } else {
            assert_int_equal(await_result(world->ring, &ops[i]), -ECANCELED);
        }
    }
    assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, NULL), 0);
    assert_holds(registry, 0, 0, 0, 0);
    free_registry(&registry);
}

/* A retired file serves each of its users, taken back, awaited, dropped or limited in time, and goes with the last (REG-3). */
static void a_retired_file_serves_each_of_its_users(void **state)
{
    (void)state;
    on_each_kernel(retire_with_several);
}

SR_UNCHECKED static void reuse_the_place_in_flight(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file file = fixed(registry, world->pipe[0]);
    struct sr_buffer *buffer = buffer_of("");
    struct sr_op op;
    each_kernel_write(world, world->pipe[1], "x", 1);
    assert_int_equal(sr_read_owned(world->ring, sr_fd_fixed(file), &buffer, &op), 0);
    assert_int_equal(await_result(world->ring, &op), 1);
    op = start_read(world->ring, world->pipe[0],
                    8); /* in the same place of the ring, and no user of the file */
    assert_int_equal(sr_ring_submit(world->ring), 0);

    assert_holds(registry, 1, 0, 0, 0);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);

    assert_int_equal(sr_op_cancel(world->ring, &op), 0);
    assert_int_equal(await_result(world->ring, &op), -ECANCELED);
    free_registry(&registry);
}

/* An operation on the descriptor itself that comes after one on the fixed file is not taken for a user of that. */
static void a_later_operation_is_no_user(void **state)
{
    (void)state;
    on_each_kernel(reuse_the_place_in_flight);
}

SR_UNCHECKED static void start_detached(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_fixed_file files[2];
    struct sr_buffer *buffer = buffer_of("detached");
    struct sr_completion done;
    struct sr_op_spec write;
    int user = 0;
    assert_int_equal(sr_registry_register_fixed_files(registry, world->pipe, 2, files), 0);
    write = sr_spec_write(sr_fd_fixed(files[1]), 0, sr_range(0, 9));
    assert_int_equal(sr_op_start_detached(world->ring, &write, &buffer, &user), 0);
    assert_null(buffer);
    assert_holds(registry, 2, 1, 0, 0);
    assert_int_equal(sr_ring_next(world->ring, &done), 0);
    assert_ptr_equal(done.user, &user);
    assert_int_equal(done.opcode, IORING_OP_WRITE);
    assert_int_equal(sr_take(&done, &buffer), 9);
    assert_int_equal(sr_ring_next(world->ring, &done), SR_ENOTHING_IN_FLIGHT);

    struct sr_op_spec bad = write;
    bad.range = sr_range(1, SIZE);
    assert_int_equal(sr_op_start_detached(world->ring, &bad, &buffer, &user), -EINVAL);
    bad = write;
    bad.target.generation++;
    assert_int_equal(sr_op_start_detached(world->ring, &bad, &buffer, &user), SR_ENOT_REGISTERED);
    assert_true(sr_buffer_is_user_owned(buffer));
    assert_int_equal(sr_ring_in_flight(world->ring), 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    free_registry(&registry);
}

/* Detached at the start, on a fixed file: it comes by next, with its user; what is refused has moved nothing (BUF-2). */
static void operations_on_fixed_files_can_be_detached_at_once(void **state)
{
    (void)state;
    on_each_kernel(start_detached);
}

/* ---- buffers ---- */

SR_UNCHECKED static void through_slots(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_buffer *buffers[2] = {buffer_of("registered"), buffer_of("")};
    struct sr_buffer_slot slots[2];
    struct sr_buffer *out = NULL;
    struct sr_buffer *in = NULL;
    struct sr_op_spec write = sr_spec_write(sr_fd(world->pipe[1]), 0, (struct sr_range){0});
    struct sr_op_spec read = sr_spec_read(sr_fd(world->pipe[0]), 0, (struct sr_range){0});
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 2, slots), 0);
    assert_null(buffers[0]);
    assert_null(buffers[1]);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(sr_slot_take(registry, slots[0], &out), 0);
        assert_int_equal(sr_slot_take(registry, slots[1], &in), 0);
        assert_holds(registry, 0, 0, 2, 2);

        assert_int_equal(transfer(world->ring, &write, &out), SIZE);
        assert_int_equal(transfer(world->ring, &read, &in), SIZE);

        assert_text(&in, "registered");
        assert_int_equal(sr_buffer_release(&out), 0);
        assert_holds(registry, 0, 0, 2, 1);
        assert_int_equal(sr_buffer_release(&in), 0);
        assert_holds(registry, 0, 0, 2, 0);
    }
    free_registry(&registry);
}

/* A slot's buffer goes registry, program, kernel, program, registry, again and again (REG-5). */
static void slots_are_written_and_read(void **state)
{
    (void)state;
    on_each_kernel(through_slots);
}

SR_UNCHECKED static void zero_copy_from_a_slot(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_buffer *buffer = buffer_of("zero copy");
    struct sr_buffer *in = buffer_of("");
    struct sr_buffer_slot slot;
    struct sr_op_spec send = sr_spec_send_zc(sr_fd(world->connection[0]), sr_range(5, 5), 0);
    struct sr_op_spec recv = sr_spec_recv(sr_fd(world->connection[1]), (struct sr_range){0}, 0);
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot), 0);
    assert_int_equal(sr_slot_take(registry, slot, &buffer), 0);

    assert_int_equal(transfer(world->ring, &send, &buffer), 5);
    assert_int_equal(transfer(world->ring, &recv, &in), 5);

    assert_text(&in, "copy");
    assert_int_equal(sr_buffer_release(&in), 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    free_registry(&registry);
}

/* A zero-copy send takes a slot's buffer as a fixed one, and a part of it (REG-5). */
static void a_slot_is_sent_without_a_copy(void **state)
{
    (void)state;
    on_each_kernel(zero_copy_from_a_slot);
}

SR_UNCHECKED static void misuse_slots(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_buffer *buffer = buffer_of("mine");
    struct sr_buffer *copy = buffer;
    struct sr_buffer *out = NULL;
    struct sr_buffer *none = NULL;
    struct sr_buffer_slot slot;
    struct sr_registry *handle = registry;
    size_t count = 0;
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot), 0);
    struct sr_buffer_slot stale = {slot.index, slot.generation + 1};
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT); /* the slot has it */
    assert_int_equal(sr_slot_take(registry, stale, &none), SR_ENOT_REGISTERED);
    assert_int_equal(sr_slot_take(registry, (struct sr_buffer_slot){0, 0}, &none), SR_ENOT_REGISTERED);
    assert_int_equal(sr_slot_take(registry, slot, &out), 0);
    assert_ptr_equal(out, copy);

    assert_int_equal(sr_slot_take(registry, slot, &none), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_registry_remove_buffer_slot(registry, &slot, &none), SR_EBUFFER_IN_FLIGHT);
    buffer = buffer_of("new");
    assert_int_equal(sr_registry_update_buffer_slot(registry, &slot, &buffer), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_registry_unregister_buffer_slots(registry, &none, 1, &count), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_registry_free(&handle), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_registry_register_buffer_slots(registry, &out, 1, &stale), -EINVAL);
    assert_null(none);
    assert_true(sr_buffer_is_user_owned(out));
    assert_holds(registry, 0, 0, 1, 1);
    assert_int_equal(sr_buffer_release(&out), 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    free_registry(&registry);
}

/* A slot whose buffer is out is in use, and a buffer that is out can't be registered again (REG-3, REG-5, BUF-4). */
static void a_slot_in_use_stays(void **state)
{
    (void)state;
    on_each_kernel(misuse_slots);
}

SR_UNCHECKED static void in_order(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_buffer *buffers[5];
    struct sr_buffer *copies[5];
    struct sr_buffer *back[5] = {NULL};
    struct sr_buffer_slot slots[5];
    size_t count = 0;
    for (int i = 0; i < 5; i++)
        buffers[i] = copies[i] = buffer_of("x");
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 4, slots), 0);
    assert_int_equal(sr_registry_remove_buffer_slot(registry, &slots[1], &back[0]), 0);
    assert_ptr_equal(back[0], copies[1]);
    assert_memory_equal(&slots[1], &(struct sr_buffer_slot){0}, sizeof slots[1]);
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffers[4], 1, &slots[4]), 0);
    assert_int_equal(sr_registry_update_buffer_slot(registry, &slots[2], &back[0]), 0);
    assert_ptr_equal(back[0], copies[2]);
    assert_int_equal(sr_buffer_release(&back[0]), 0);
    assert_int_equal(sr_registry_unregister_buffer_slots(registry, back, 3, &count), -EINVAL);
    assert_int_equal(count, 4);

    assert_int_equal(sr_registry_unregister_buffer_slots(registry, back, 4, &count), 0);

    const int order[4] = {0, 1, 3, 4};
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(back[i], copies[order[i]]);
        assert_true(sr_buffer_is_user_owned(back[i]));
        assert_int_equal(sr_buffer_release(&back[i]), 0);
    }
    assert_int_equal(sr_registry_unregister_buffer_slots(registry, NULL, 0, &count), 0);
    assert_int_equal(count, 0);
    free_registry(&registry);
}

/* Unregistering gives the same buffers back, in the order they were given; an update stands where the old one stood (REG-4). */
static void buffers_come_back_in_order(void **state)
{
    (void)state;
    on_each_kernel(in_order);
}

SR_UNCHECKED static void bad_buffers(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_buffer *parts[2] = {buffer_of("a"), buffer_of("b")};
    struct sr_buffer *vector = NULL;
    struct sr_buffer_slot slots[3] = {{1, 1}, {2, 2}, {3, 3}};
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
    struct sr_buffer *good = buffer_of("good");
    struct sr_buffer *with_vector[2] = {good, vector};
    struct sr_buffer *twice[2] = {good, good};
    struct sr_buffer *second = buffer_of("too");
    struct sr_buffer *missing[3] = {good, second, NULL};
    assert_int_equal(sr_registry_register_buffer_slots(registry, with_vector, 2, slots), -EINVAL);
    assert_int_equal(sr_registry_register_buffer_slots(registry, twice, 2, slots), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_registry_register_buffer_slots(registry, missing, 3, slots), -EINVAL);
    assert_int_equal(sr_registry_register_buffer_slots(registry, twice, 0, slots), -EINVAL);
    assert_int_equal(sr_registry_register_buffer_slots(registry, twice, 100000, slots), -ENOSPC);
    assert_ptr_equal(twice[0], good);
    assert_ptr_equal(with_vector[0], good);
    assert_true(sr_buffer_is_user_owned(good));
    assert_true(sr_buffer_is_user_owned(second));
    assert_true(sr_buffer_is_user_owned(vector));
    assert_int_equal(slots[0].generation, 1);
    assert_holds(registry, 0, 0, 0, 0);
    assert_int_equal(sr_buffer_release(&good), 0);
    assert_int_equal(sr_buffer_release(&second), 0);
    assert_int_equal(sr_buffer_release(&vector), 0);
    free_registry(&registry);
}

/* One buffer that can't be registered, and all stay the caller's (REG-1, BUF-2). */
static void a_bad_buffer_registers_none(void **state)
{
    (void)state;
    on_each_kernel(bad_buffers);
}

SR_UNCHECKED static void retire_slots(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_buffer *buffers[2] = {buffer_of("out"), buffer_of("home")};
    struct sr_buffer_slot slots[2];
    struct sr_buffer *out = NULL;
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 2, slots), 0);
    struct sr_buffer_slot copy = slots[0];
    assert_int_equal(sr_slot_take(registry, slots[0], &out), 0);
    assert_int_equal(sr_registry_retire_buffer_slot(registry, &slots[0]), 0);
    assert_int_equal(sr_registry_retire_buffer_slot(registry, &slots[1]), 0);
    assert_memory_equal(slots, (struct sr_buffer_slot[2]){0}, sizeof slots);
    assert_holds(registry, 0, 0, 1, 1);
    assert_int_equal(sr_slot_take(registry, copy, &buffers[0]), SR_ENOT_REGISTERED);
    assert_int_equal(sr_registry_retire_buffer_slot(registry, &copy), SR_ENOT_REGISTERED);
    struct sr_op_spec write = sr_spec_write(sr_fd(world->pipe[1]), 0, (struct sr_range){0});
    assert_int_equal(transfer(world->ring, &write, &out), SIZE);
    assert_int_equal(sr_buffer_release(&out), 0);
    assert_holds(registry, 0, 0, 0, 0);
    free_registry(&registry);
}

/* A retired slot's buffer goes to its own origin when it is back, and the slot is gone with it (REG-3). */
static void a_retired_slot_goes_with_its_buffer(void **state)
{
    (void)state;
    on_each_kernel(retire_slots);
}

SR_UNCHECKED static void orphan_of_a_slot(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_buffer *buffer = buffer_of("");
    struct sr_buffer_slot slot;
    struct sr_op op;
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot), 0);
    assert_int_equal(sr_slot_take(registry, slot, &buffer), 0);
    assert_int_equal(sr_read_owned(world->ring, sr_fd(world->pipe[0]), &buffer, &op), 0);
    assert_int_equal(sr_ring_submit(world->ring), 0);
    sr_op_drop(world->ring, &op);
    assert_holds(registry, 0, 0, 1, 1);
    assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, NULL), 0);
    assert_holds(registry, 0, 0, 1, 0);
    free_registry(&registry);
}

/* An orphan's buffer is back in its slot when the kernel is done, and not before (BUF-9, REG-5). */
static void an_orphans_buffer_goes_back_to_its_slot(void **state)
{
    (void)state;
    on_each_kernel(orphan_of_a_slot);
}

SR_UNCHECKED static void hold_the_ring(struct each_kernel *world)
{
    struct sr_registry *registry = new_registry(world->ring);
    struct sr_ring *handle = world->ring;
    struct sr_fixed_file file = fixed(registry, world->pipe[0]);

    assert_int_equal(sr_ring_close(&handle), -EBUSY);
    assert_int_equal(sr_ring_try_close(&handle), -EBUSY);

    assert_ptr_equal(handle, world->ring);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);
    free_registry(&registry);
}

/* A ring with a live registry is not closed (RING-5). */
static void a_registry_holds_its_ring(void **state)
{
    (void)state;
    on_each_kernel(hold_the_ring);
}

SR_UNCHECKED static void two_registries(struct each_kernel *world)
{
    struct sr_registry *one = new_registry(world->ring);
    struct sr_registry *two = new_registry(world->ring);
    struct sr_fixed_file file = fixed(one, world->pipe[0]);
    struct sr_fixed_file other = fixed(two, world->pipe[1]);
    assert_int_not_equal(file.index, other.index);
    assert_int_equal(sr_registry_remove_fixed_file(two, &file), SR_ENOT_REGISTERED);
    say(world->ring, sr_fd_fixed(other), sr_fd_fixed(file), "shared table");
    assert_int_equal(sr_registry_unregister_fixed_files(one), 0);
    assert_holds(two, 1, 0, 0, 0);
    free_registry(&one);
    free_registry(&two);
}

/* Two registries share the ring's table, and neither touches what is the other's (REG-1). */
static void registries_share_the_table(void **state)
{
    (void)state;
    on_each_kernel(two_registries);
}

/* ---- pools ---- */

SR_UNCHECKED static void through_pool(struct each_kernel *world)
{
    static const uint32_t forms[] = {0, SR_POOL_ONE_THREAD};
    for (int i = 0; i < 2; i++) {
        struct sr_pool *pool = NULL;
        struct sr_buffer *buffer = NULL;
        struct sr_op_spec write = sr_spec_write(sr_fd(world->pipe[1]), 0, (struct sr_range){0});
        struct sr_op_spec read = sr_spec_read(sr_fd(world->pipe[0]), 0, sr_range(8, 8));
        assert_int_equal(sr_pool_new(&pool, 3, SIZE, forms[i]), 0);
        assert_int_equal(sr_pool_get(pool, &buffer), 0);
        assert_int_equal(sr_pool_register(pool, world->ring), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(sr_pool_unregister(pool), SR_ENOT_REGISTERED);
        assert_int_equal(sr_buffer_release(&buffer), 0);
        assert_int_equal(sr_pool_register(pool, world->ring), 0);
        assert_int_equal(sr_pool_register(pool, world->ring), SR_EINVALID_STATE);
        assert_int_equal(sr_pool_get(pool, &buffer), 0);
        SR_BUFFER_SCOPE(guard, &buffer)
        memcpy(sr_guard_bytes(&guard), "pooled!", 8);
        assert_int_equal(transfer(world->ring, &write, &buffer), SIZE);
        assert_int_equal(transfer(world->ring, &read, &buffer), 8);
        SR_BUFFER_SCOPE(again, &buffer)
        assert_string_equal((char *)sr_guard_bytes(&again) + 8, "pooled!");
        read = sr_spec_read(sr_fd(world->pipe[0]), 0, (struct sr_range){0});
        assert_int_equal(transfer(world->ring, &read, &buffer), SIZE - 8);
        assert_int_equal(sr_pool_unregister(pool), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(sr_buffer_release(&buffer), 0);
        if (i == 0)
            assert_int_equal(sr_pool_unregister(pool), 0);
        assert_int_equal(sr_pool_free(&pool, NULL), 0);
    }
}

/* A registered pool's buffers are read into and written from as the plain ones are. */
static void a_registered_pools_buffers_work_as_any(void **state)
{
    (void)state;
    on_each_kernel(through_pool);
}

/* ---- on the scriptable kernel ---- */

SR_UNCHECKED static struct sr_buffer *registered_buffer(struct sr_registry *registry)
{
    struct sr_buffer *buffer = buffer_of("x");
    struct sr_buffer_slot slot;
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot), 0);
    assert_int_equal(sr_slot_take(registry, slot, &buffer), 0);
    return buffer;
}

SR_UNCHECKED static uint8_t opcode_seen(struct fake_ring *f, uint8_t opcode, struct sr_buffer **buffer)
{
    struct sr_op op;
    struct sr_completion done;
    struct sr_op_spec spec = sr_spec_write(sr_fd(5), 0, (struct sr_range){0});
    spec.opcode = opcode;
    assert_int_equal(sr_op_start(f->ring, &spec, buffer, &op), 0);
    fake_kernel_promise(f->kernel, op.id, 1);
    assert_int_equal(sr_op_await(f->ring, &op, &done), 0);
    assert_int_equal(done.opcode, opcode);
    assert_int_equal(sr_take(&done, buffer), 1);
    return f->kernel->seen[f->kernel->seen_count - 1].opcode;
}

/* On its own ring a slot's buffer goes as a fixed one by itself, on another ring as a plain one (REG-5). */
SR_UNCHECKED static void a_slots_buffer_is_fixed_on_its_own_ring_alone(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct fake_ring other = fake_ring_open(4);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_buffer *buffer = registered_buffer(registry);
    struct sr_buffer *second = registered_buffer(registry);

    assert_int_equal(opcode_seen(&f, IORING_OP_READ, &buffer), IORING_OP_READ_FIXED);
    assert_int_equal(opcode_seen(&f, IORING_OP_WRITE, &buffer), IORING_OP_WRITE_FIXED);
    assert_int_equal(f.kernel->seen[0].buf_index, 0);
    assert_int_equal(opcode_seen(&f, IORING_OP_WRITE, &second), IORING_OP_WRITE_FIXED);
    assert_int_equal(f.kernel->seen[2].buf_index, 1);
    assert_int_equal(opcode_seen(&f, IORING_OP_SEND, &buffer), IORING_OP_SEND);
    assert_int_equal(opcode_seen(&f, IORING_OP_SEND_ZC, &second), IORING_OP_SEND_ZC);
    assert_int_equal(f.kernel->seen[4].ioprio, IORING_RECVSEND_FIXED_BUF);
    assert_int_equal(f.kernel->seen[4].buf_index, 1);
    assert_int_equal(opcode_seen(&other, IORING_OP_READ, &buffer), IORING_OP_READ);
    assert_int_equal(opcode_seen(&other, IORING_OP_WRITE, &second), IORING_OP_WRITE);

    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_buffer_release(&second), 0);
    free_registry(&registry);
    fake_ring_close(&f);
    fake_ring_close(&other);
}

/* A pool's buffers are fixed ones on the ring it is registered with; after the ring's end they are plain ones (REG-5). */
SR_UNCHECKED static void a_pools_buffers_are_fixed_while_its_ring_lives(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct fake_ring other = fake_ring_open(4);
    struct sr_pool *pool = NULL;
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_pool_new(&pool, 2, SIZE, SR_POOL_ONE_THREAD), 0);
    assert_int_equal(sr_pool_register(pool, f.ring), 0);
    assert_int_equal(sr_pool_get(pool, &buffer), 0);
    assert_int_equal(opcode_seen(&f, IORING_OP_READ, &buffer), IORING_OP_READ_FIXED);
    assert_int_equal(opcode_seen(&other, IORING_OP_READ, &buffer), IORING_OP_READ);

    fake_ring_close(&f);
    f = fake_ring_open(4); /* in the same memory, it may be */

    assert_int_equal(opcode_seen(&other, IORING_OP_READ, &buffer), IORING_OP_READ);
    assert_int_equal(opcode_seen(&f, IORING_OP_READ, &buffer), IORING_OP_READ);
    fake_ring_close(&f);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_pool_register(pool, other.ring), 0);
    assert_int_equal(sr_pool_get(pool, &buffer), 0);
    assert_int_equal(opcode_seen(&other, IORING_OP_READ, &buffer), IORING_OP_READ_FIXED);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    assert_int_equal(other.kernel->fixed_buffers_held, 0);
    fake_ring_close(&other);
}

static void count_warning(enum sr_log_level level, const char *text, void *user)
{
    (void)text;
    *(int *)user += level == SR_LOG_WARNING;
}

/* A ring's own pool is registered if the configuration says so; a kernel that refuses makes it a plain one, and that is told. */
SR_UNCHECKED static void a_rings_own_pool_may_be_registered(void **state)
{
    (void)state;
    enum {
        UNASKED,
        REFUSED,
        REGISTERED,
        CASES
    };
    for (int i = 0; i < CASES; i++) {
        struct fake_ring f = {.kernel = fake_kernel_new()};
        struct sr_backend backend = fake_kernel_backend(f.kernel);
        struct sr_config config = sr_config_default();
        struct sr_buffer *buffer = NULL;
        int warnings = 0;
        config.backend = &backend;
        config.fence = SR_FENCE_NONE;
        config.entries = 4;
        config.pool_buffers = 2;
        config.pool_buffer_size = SIZE;
        config.pool_registered = i != UNASKED;
        f.kernel->update_fails_at = i == REFUSED ? 1 : 0;
        sr_set_log(count_warning, &warnings);

        assert_int_equal(sr_ring_open_config(&f.ring, &config), 0);

        sr_set_log(NULL, NULL);
        assert_int_equal(warnings, i == REFUSED ? 1 : 0);
        assert_int_equal(f.kernel->fixed_buffers_held, i == REGISTERED ? 1 : 0);
        assert_int_equal(sr_ring_get_buffer(f.ring, 10, &buffer), 0);
        assert_int_equal(opcode_seen(&f, IORING_OP_READ, &buffer),
                         i == REGISTERED ? IORING_OP_READ_FIXED : IORING_OP_READ);
        fake_ring_close(&f);
        assert_int_equal(sr_buffer_release(&buffer), 0);
    }
}

/* What leaves a slot leaves the kernel at once; a freed registry leaves nothing, nor the buffers in its slots (RING-5). */
SR_UNCHECKED static void a_freed_registry_leaves_nothing(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_buffer *buffer = buffer_of("a slab of headers stays for ever");
    struct sr_buffer_slot slots[2];
    struct sr_buffer_slot out;
    assert_int_equal(sr_buffer_release(&buffer), 0);
    counting_allocator_install(&counter);
    struct fake_ring f = fake_ring_open(4);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_buffer *buffers[2] = {buffer_of("a"), buffer_of("b")};
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 2, slots), 0);
    for (int retired = 0; retired < 2; retired++) {
        buffer = buffer_of("comes and goes");
        assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &out), 0);
        assert_int_equal(f.kernel->fixed_buffers_held, 3);
        if (retired != 0) {
            assert_int_equal(sr_registry_retire_buffer_slot(registry, &out), 0);
        } else {
            assert_int_equal(sr_registry_remove_buffer_slot(registry, &out, &buffer), 0);
            assert_int_equal(sr_buffer_release(&buffer), 0);
        }
        assert_int_equal(f.kernel->fixed_buffers_held, 2);
    }
    free_registry(&registry);
    assert_int_equal(f.kernel->fixed_buffers_held, 0);
    fake_ring_close(&f);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

/* Wherever the kernel stops in a registration, what it had done is undone, and nothing has moved (REG-1). */
SR_UNCHECKED static void a_partial_registration_is_undone(void **state)
{
    (void)state;
    for (uint32_t stop = 1; stop <= 4; stop++) {
        struct fake_ring f = fake_ring_open(4);
        struct sr_registry *registry = new_registry(f.ring);
        struct sr_fixed_file files[4];
        struct sr_buffer_slot slots[4];
        struct sr_buffer *buffers[4];
        struct sr_buffer *copies[4];
        const int fds[4] = {5, 6, 7, 8};
        for (int i = 0; i < 4; i++)
            buffers[i] = copies[i] = buffer_of("x");

        f.kernel->update_fails_at = stop;
        assert_int_equal(sr_registry_register_fixed_files(registry, fds, 4, files), -ENFILE);
        assert_int_equal(f.kernel->fixed_files_held, 0);
        f.kernel->updated_items = 0;
        assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 4, slots), -ENFILE);

        assert_int_equal(f.kernel->fixed_buffers_held, 0);
        assert_holds(registry, 0, 0, 0, 0);
        f.kernel->update_fails_at = 0;
        for (int i = 0; i < 4; i++) {
            assert_ptr_equal(buffers[i], copies[i]);
            assert_int_equal(sr_buffer_release(&buffers[i]), 0);
        }
        free_registry(&registry);
        fake_ring_close(&f);
    }
}

SR_UNCHECKED static struct sr_op start_poll(struct sr_ring *ring, struct sr_fixed_file file)
{
    struct sr_op op;
    struct sr_op_spec spec = sr_spec_poll(sr_fd_fixed(file), 1 /* POLLIN */);
    assert_int_equal(sr_op_start_plain(ring, &spec, &op), 0);
    return op;
}

SR_UNCHECKED static void deliver(struct fake_ring *f, struct sr_op *op, struct sr_completion *done)
{
    fake_kernel_promise(f->kernel, op->id, 1);
    assert_int_equal(sr_op_await(f->ring, op, done), 0);
}

/* An operation whose completion the program holds uses its file until it is taken (REG-3). */
SR_UNCHECKED static void a_file_is_used_until_the_result_is_taken(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_fixed_file file = fixed(registry, 5);
    struct sr_op op = start_poll(f.ring, file);
    struct sr_completion done;
    deliver(&f, &op, &done);
    assert_holds(registry, 1, 1, 0, 0);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_take_plain(&done), 1);
    assert_holds(registry, 1, 0, 0, 0);
    free_registry(&registry);
    fake_ring_close(&f);
}

/* Each end of a retired file's users is counted once, and nobody else's; then all the ring's places are free again (REG-3). */
SR_UNCHECKED static void a_retired_file_counts_each_end_once(void **state)
{
    (void)state;
    enum {
        USERS = 2,
        ALL = 3
    };
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = ALL;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_fixed_file file = fixed(registry, 5);
    struct sr_op ops[ALL];
    for (int i = 0; i < ALL; i++)
        ops[i] = i < USERS ? start_poll(f.ring, file) : start_nop(f.ring);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(sr_registry_retire_fixed_file(registry, &file), 0);
    for (int i = 0; i < ALL; i++) {
        struct sr_completion done;
        struct sr_buffer *none = NULL;
        uint32_t used = i < USERS ? 1 : 0;
        assert_holds(registry, used, used, 0, 0);
        deliver(&f, &ops[i], &done);
        assert_holds(registry, used, used, 0, 0);
        assert_int_equal(sr_take(&done, &none), 1);
        assert_null(none);
    }
    for (int i = 0; i < ALL; i++)
        ops[i] = start_nop(f.ring);
    for (int i = 0; i < ALL; i++)
        sr_op_drop(f.ring, &ops[i]);
    free_registry(&registry);
    fake_ring_close(&f);
}

struct listed {
    uint32_t count;
    bool fixed[2];
};

static void list_fixed(const struct sr_panic *panic, void *user)
{
    struct listed *listed = user;
    struct sr_panic_operation operation;
    for (listed->count = 0; listed->count < 2 && sr_panic_at(panic, listed->count, &operation);
         listed->count++)
        listed->fixed[listed->count] = operation.fixed;
}

/* A panic tells an operation's fixed file from a descriptor, on a ring that has fixed files and on one that has none (RING-2). */
SR_UNCHECKED static void a_panic_tells_fixed_files(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct listed listed = {.fixed = {true}};
    struct sr_op ops[2] = {start_nop(f.ring)};
    sr_set_panic_handler(list_fixed, &listed);
    assert_int_equal(sr_ring_close(&f.ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(listed.count, 1);
    assert_false(listed.fixed[0]);

    struct sr_registry *registry = new_registry(f.ring);
    ops[1] = start_poll(f.ring, fixed(registry, 5));
    assert_int_equal(sr_ring_close(&f.ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(listed.count, 2);
    assert_false(listed.fixed[0]);
    assert_true(listed.fixed[1]);

    sr_set_panic_handler(NULL, NULL);
    for (int i = 0; i < 2; i++)
        sr_op_drop(f.ring, &ops[i]);
    free_registry(&registry);
    fake_ring_close(&f);
}

/* Descriptor 0 is one like any other, and what stands behind those that are given is not looked at. */
SR_UNCHECKED static void descriptor_zero_can_be_registered(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_fixed_file file;
    const int fds[2] = {0, -1};
    assert_int_equal(sr_registry_register_fixed_files(registry, fds, 1, &file), 0);
    assert_int_equal(sr_registry_update_fixed_file(registry, &file, 0), 0);
    assert_int_equal(f.kernel->fixed_files_held, 1);
    assert_holds(registry, 1, 0, 0, 0);
    free_registry(&registry);
    fake_ring_close(&f);
}

/* A table that the kernel does not make is told, and asked for again the next time. */
SR_UNCHECKED static void a_refused_table_leaves_nothing(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_fixed_file file;
    f.kernel->register_error = -EMFILE;
    assert_int_equal(sr_registry_register_fixed_file(registry, 5, &file), -EMFILE);
    f.kernel->register_error = 0;
    assert_int_equal(sr_registry_register_fixed_file(registry, 5, &file), 0);
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);
    assert_int_equal(f.kernel->fixed_files_held, 0);
    free_registry(&registry);
    fake_ring_close(&f);
}

/* A place that the kernel would not empty is given to nobody, and is emptied when it is next asked. */
SR_UNCHECKED static void a_place_not_emptied_is_emptied_later(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_fixed_file file;
    struct sr_fixed_file next;
    assert_int_equal(sr_registry_register_fixed_file(registry, 5, &file), 0);
    f.kernel->register_error = -ENOMEM;
    assert_int_equal(sr_registry_remove_fixed_file(registry, &file), 0);
    assert_int_equal(f.kernel->fixed_files_held, 1);
    assert_int_equal(sr_registry_register_fixed_file(registry, 6, &next), -ENOMEM);
    f.kernel->register_error = 0;
    assert_int_equal(sr_registry_register_fixed_file(registry, 6, &next), 0);
    assert_int_equal(f.kernel->fixed_files_held, 1);
    free_registry(&registry);
    assert_int_equal(f.kernel->fixed_files_held, 0);
    fake_ring_close(&f);
}

/* A full table refuses, and keeps one place with which any file can still be updated. */
SR_UNCHECKED static void a_full_table_can_still_be_updated(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.fixed_files = 2;
    config.fixed_buffers = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_registry *registry = new_registry(f.ring);
    struct sr_fixed_file files[3];
    struct sr_buffer_slot slots[2];
    struct sr_buffer *buffers[2] = {buffer_of("a"), buffer_of("b")};
    const int fds[3] = {5, 6, 7};
    struct sr_pool *pool = NULL;
    assert_int_equal(sr_registry_register_fixed_files(registry, fds, 3, files), -ENOSPC);
    assert_int_equal(sr_registry_register_fixed_files(registry, fds, 2, files), 0);
    assert_int_equal(sr_registry_register_fixed_file(registry, 7, &files[2]), -ENOSPC);
    for (int i = 0; i < 10; i++)
        assert_int_equal(sr_registry_update_fixed_file(registry, &files[i % 2], 8 + i), 0);
    assert_int_equal(f.kernel->fixed_files_held, 2);
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 1, slots), 0);
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffers[1], 1, &slots[1]), -ENOSPC);
    assert_int_equal(sr_pool_new(&pool, 1, SIZE, 0), 0);
    assert_int_equal(sr_pool_register(pool, f.ring), -ENOSPC);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(sr_registry_update_buffer_slot(registry, &slots[0], &buffers[1]), 0);
    assert_int_equal(sr_buffer_release(&buffers[1]), 0);
    free_registry(&registry);
    assert_int_equal(f.kernel->fixed_buffers_held, 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fixed_files_are_written_and_read),
    cmocka_unit_test(a_fixed_file_outlives_its_descriptor),
    cmocka_unit_test(every_operation_takes_a_fixed_file),
    cmocka_unit_test(what_is_not_registered_is_refused),
    cmocka_unit_test(registering_is_all_or_nothing),
    cmocka_unit_test(a_used_file_stays),
    cmocka_unit_test(a_retired_file_goes_with_its_last_user),
    cmocka_unit_test(every_end_of_an_operation_ends_its_use),
    cmocka_unit_test(a_file_is_updated_or_stays),
    cmocka_unit_test(a_retired_file_serves_each_of_its_users),
    cmocka_unit_test(a_later_operation_is_no_user),
    cmocka_unit_test(operations_on_fixed_files_can_be_detached_at_once),
    cmocka_unit_test(slots_are_written_and_read),
    cmocka_unit_test(a_slot_is_sent_without_a_copy),
    cmocka_unit_test(a_slot_in_use_stays),
    cmocka_unit_test(buffers_come_back_in_order),
    cmocka_unit_test(a_bad_buffer_registers_none),
    cmocka_unit_test(a_retired_slot_goes_with_its_buffer),
    cmocka_unit_test(an_orphans_buffer_goes_back_to_its_slot),
    cmocka_unit_test(a_registry_holds_its_ring),
    cmocka_unit_test(registries_share_the_table),
    cmocka_unit_test(a_registered_pools_buffers_work_as_any),
    cmocka_unit_test(a_slots_buffer_is_fixed_on_its_own_ring_alone),
    cmocka_unit_test(a_pools_buffers_are_fixed_while_its_ring_lives),
    cmocka_unit_test(a_rings_own_pool_may_be_registered),
    cmocka_unit_test(a_freed_registry_leaves_nothing),
    cmocka_unit_test(a_partial_registration_is_undone),
    cmocka_unit_test(a_file_is_used_until_the_result_is_taken),
    cmocka_unit_test(a_retired_file_counts_each_end_once),
    cmocka_unit_test(a_panic_tells_fixed_files),
    cmocka_unit_test(descriptor_zero_can_be_registered),
    cmocka_unit_test(a_refused_table_leaves_nothing),
    cmocka_unit_test(a_place_not_emptied_is_emptied_later),
    cmocka_unit_test(a_full_table_can_still_be_updated),
};

SR_TEST_MAIN(tests)
