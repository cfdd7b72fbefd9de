/*
 * Closing, attaching, forking, the descriptor for event loops (RING-1, RING-4 … RING-6). The panic itself is the matter of
 * tests/death.
 */
#include <string.h>

#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

static struct sr_config disabled(void)
{
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.disabled = true;
    return config;
}

/* Closing nulls the handle; closing nothing is -EINVAL. */
static void closing_nulls_the_handle(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_ring *none = NULL;

    assert_int_equal(sr_ring_close(NULL), -EINVAL);
    assert_int_equal(sr_ring_close(&none), -EINVAL);
    assert_int_equal(sr_ring_try_close(NULL), -EINVAL);
    assert_int_equal(sr_ring_try_close(&none), -EINVAL);
    assert_int_equal(sr_ring_try_close(&f.ring), 0);

    assert_null(f.ring);
    fake_kernel_free(f.kernel);
}

/* With an operation in each state try_close says so, changes nothing, asks the kernel nothing; at last it closes (RING-4). */
SR_UNCHECKED static void trying_to_close_with_operations_in_flight_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    struct sr_op op = start_read(f.ring, 5, 8);
    uint64_t id = op.id;
    for (int step = 0; step < 4; step++) {
        if (step == 1)
            assert_int_equal(sr_ring_submit(f.ring), 0);
        if (step == 2)
            fake_kernel_post(f.kernel, id, 3); /* close does not look for it */
        if (step == 3)
            assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
        struct ring_face face = face_of(f.ring);
        struct sr_ring *handle = f.ring;
        uint32_t enters = f.kernel->enters;
        assert_int_equal(sr_ring_try_close(&handle), SR_EOPERATIONS_IN_FLIGHT);
        assert_ptr_equal(handle, f.ring);
        assert_int_equal(f.kernel->enters, enters);
        assert_face(f.ring, &face);
    }
    assert_int_equal(sr_take(&done, &buffer), 3);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_ring_try_close(&f.ring), 0);
    fake_kernel_free(f.kernel);
}

/* An orphan holds the ring too. */
SR_UNCHECKED static void an_orphan_holds_the_ring(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_read(f.ring, 5, 8);
    uint64_t id = op.id;
    sr_op_drop(f.ring, &op);

    assert_int_equal(sr_ring_try_close(&f.ring), SR_EOPERATIONS_IN_FLIGHT);

    fake_kernel_promise(f.kernel, id, -ECANCELED);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    fake_ring_close(&f);
}

/* A cancel's CQE that is still owed does not hold the ring: nothing of the program is in it. */
SR_UNCHECKED static void an_owed_cancel_does_not_hold_the_ring(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    uint64_t id = op.id;
    assert_int_equal(sr_op_cancel(f.ring, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);

    fake_ring_close(&f);
}

/* A ring opened disabled is used by nobody before it is attached; then it works (RING-6). */
SR_UNCHECKED static void a_disabled_ring_works_once_attached(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(disabled());
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op op = {.id = 9};
    struct sr_completion done;
    struct sr_stats stats;
    assert_true((f.kernel->setup_flags & IORING_SETUP_R_DISABLED) != 0);
    assert_int_equal(sr_op_start_plain(f.ring, &nop, &op), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_submit(f.ring), SR_EINVALID_STATE);
    assert_int_equal(sr_op_await(f.ring, &op, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_next(f.ring, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_cancel_all(f.ring, 0, NULL), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_stats(f.ring, &stats), SR_EINVALID_STATE);
    assert_int_equal(f.kernel->enters, 0);
    assert_true(op.id == 9);

    assert_int_equal(sr_ring_attach(f.ring), 0);

    assert_int_equal(f.kernel->enabled, 1);
    op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 4);
    assert_int_equal(await_result(f.ring, &op), 4);
    fake_ring_close(&f);
}

/* Attaching twice, or what was not disabled, is refused; so is NULL; a kernel's error is told and can be tried again. */
static void a_ring_is_attached_once(void **state)
{
    (void)state;
    struct fake_ring enabled = fake_ring_open(4);
    struct fake_ring f = fake_ring_open_config(disabled());

    assert_int_equal(sr_ring_attach(NULL), -EINVAL);
    assert_int_equal(sr_ring_attach(enabled.ring), SR_EINVALID_STATE);
    f.kernel->register_error = -EBADFD;
    assert_int_equal(sr_ring_attach(f.ring), -EBADFD);
    f.kernel->register_error = 0;
    assert_int_equal(sr_ring_attach(f.ring), 0);
    assert_int_equal(sr_ring_attach(f.ring), SR_EINVALID_STATE);

    assert_int_equal(f.kernel->enabled, 1);
    fake_ring_close(&f);
    fake_ring_close(&enabled);
}

/* A disabled ring that nobody attached can be closed. */
static void a_disabled_ring_can_be_closed(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(disabled());

    assert_int_equal(sr_ring_close(&f.ring), 0);

    assert_null(f.ring);
    fake_kernel_free(f.kernel);
}

/* The descriptor for event loops is the kernel's, the same at each call. */
static void the_pollable_descriptor_is_the_kernels(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);

    assert_int_equal(sr_ring_pollable_fd(f.ring), FAKE_POLLABLE_FD);
    assert_int_equal(sr_ring_pollable_fd(f.ring), FAKE_POLLABLE_FD);
    assert_int_equal(sr_ring_pollable_fd(NULL), -EINVAL);

    fake_ring_close(&f);
}

struct family {
    struct fake_ring f;
    struct sr_op ops[4];
    struct sr_completion done;
    struct counting_allocator counter;
};

/* Everything that uses a ring, tried in a child: refused, and the kernel is not touched. */
SR_UNCHECKED static void use_in_child(void *argument)
{
    struct family *family = argument;
    struct sr_ring *ring = family->f.ring;
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_op op = family->ops[0];
    struct sr_completion done;
    struct sr_stats stats;
    struct sr_buffer *buffer = NULL;
    uint32_t enters = family->f.kernel->enters;
    child_check(sr_buffer_new(&buffer, 8) == 0);
    child_check(sr_op_start_plain(ring, &nop, &op) == SR_EWRONG_PROCESS);
    child_check(sr_op_start(ring, &read, &buffer, &op) == SR_EWRONG_PROCESS && buffer != NULL);
    child_check(sr_op_await(ring, &op, &done) == SR_EWRONG_PROCESS);
    child_check(sr_op_peek(ring, &op, &done) == SR_EWRONG_PROCESS);
    child_check(sr_op_cancel(ring, &op) == SR_EWRONG_PROCESS);
    child_check(sr_op_detach(ring, &op, NULL) == SR_EWRONG_PROCESS);
    child_check(sr_ring_next(ring, &done) == SR_EWRONG_PROCESS);
    child_check(sr_ring_submit(ring) == SR_EWRONG_PROCESS);
    child_check(sr_ring_dispatch(ring, NULL) == SR_EWRONG_PROCESS);
    child_check(sr_ring_dispatch_wait(ring, 0, NULL) == SR_EWRONG_PROCESS);
    child_check(sr_ring_drain(ring, 0, NULL) == SR_EWRONG_PROCESS);
    child_check(sr_ring_cancel_all(ring, 0, NULL) == SR_EWRONG_PROCESS);
    child_check(sr_ring_post(ring, 1) == SR_EWRONG_PROCESS);
    child_check(sr_ring_attach(ring) == SR_EWRONG_PROCESS);
    child_check(sr_ring_stats(ring, &stats) == SR_EWRONG_PROCESS);
    child_check(sr_ring_pollable_fd(ring) == SR_EWRONG_PROCESS);
    child_check(sr_ring_await_posts(ring, true) == SR_EWRONG_PROCESS);
    child_check(sr_take_plain(&family->done) == SR_EWRONG_PROCESS);
    sr_finish(&family->done);
    sr_op_drop(ring, &op);
    child_check(op.id == family->ops[0].id);
    child_check(family->f.kernel->enters == enters);
    child_check(sr_buffer_release(&buffer) == 0);
}

/* Closes the child's copy with operations in each state, and works with a ring of its own. */
SR_UNCHECKED static void close_in_child(void *argument)
{
    struct family *family = argument;
    uint32_t enters = family->f.kernel->enters;
    child_check(sr_ring_in_flight(family->f.ring) == 5);
    child_check(sr_ring_close(&family->f.ring) == 0);
    child_check(family->f.ring == NULL);
    child_check(family->f.kernel->enters == enters);
    child_check(family->f.kernel->mappings == 0 && !family->f.kernel->open);
    child_check(family->counter.blocks == 0);

    struct fake_ring own = fake_ring_open(4);
    struct sr_op op = submit_nop(own.ring);
    fake_kernel_post(own.kernel, op.id, 3);
    child_check(await_result(own.ring, &op) == 3);
    child_check(sr_ring_close(&own.ring) == 0);
    fake_kernel_free(own.kernel);
}

/*
 * In a forked child every use is SR_EWRONG_PROCESS and changes nothing; close releases the child's copy, with operations
 * in every state in flight and without a panic; the parent works on (RING-6).
 */
SR_UNCHECKED static void a_forked_child_can_only_close(void **state)
{
    (void)state;
    struct family family = {.ops = {{0}}};
    struct sr_buffer *first = NULL;
    assert_int_equal(sr_buffer_new(&first, 1), 0); /* the slab of headers stays */
    assert_int_equal(sr_buffer_release(&first), 0);
    counting_allocator_install(&family.counter);
    family.f = fake_ring_open(8);
    struct sr_ring *ring = family.f.ring;
    struct sr_op orphan = submit_read(ring, 5, 8);
    struct sr_op handed = submit_read(ring, 5, 8);
    uint64_t orphan_id = orphan.id;
    struct child child;
    family.ops[0] = submit_read(ring, 5, 8);
    family.ops[1] = submit_read(ring, 5, 8);
    family.ops[2] = start_read(ring, 5, 8);
    fake_kernel_post(family.f.kernel, family.ops[1].id, 1);
    fake_kernel_post(family.f.kernel, handed.id, 2);
    assert_int_equal(sr_op_await(ring, &handed, &family.done), 0);
    sr_op_drop(ring, &orphan);
    assert_int_equal(sr_ring_in_flight(ring), 5);

    run_in_child(&child, use_in_child, &family);
    print_message("%s", child.text);
    assert_true(child_succeeded(&child));
    run_in_child(&child, close_in_child, &family);
    print_message("%s", child.text);
    assert_true(child_succeeded(&child));

    assert_int_equal(sr_ring_in_flight(ring), 5);
    assert_int_equal(sr_take_plain(&family.done), 2);
    assert_int_equal(await_result(ring, &family.ops[1]), 1);
    fake_kernel_promise(family.f.kernel, orphan_id, 3);
    fake_kernel_promise(family.f.kernel, family.ops[0].id, 4);
    fake_kernel_promise(family.f.kernel, family.ops[2].id, 5);
    assert_int_equal(await_result(ring, &family.ops[2]), 5);
    assert_int_equal(await_result(ring, &family.ops[0]), 4);
    fake_ring_close(&family.f);
    assert_int_equal(family.counter.blocks, 0);
    counting_allocator_remove();
}

struct grandchild {
    struct fake_ring f;
};

static void use_parents_and_own(void *argument)
{
    struct grandchild *given = argument;
    child_check(sr_ring_submit(given->f.ring) == SR_EWRONG_PROCESS);
}

static void open_then_fork_again(void *argument)
{
    struct grandchild *given = argument;
    struct grandchild own = {.f = fake_ring_open(4)};
    struct child child;
    child_check(sr_ring_submit(given->f.ring) == SR_EWRONG_PROCESS);
    child_check(sr_ring_submit(own.f.ring) == 0);
    run_in_child(&child, use_parents_and_own, given);
    child_check(child_succeeded(&child));
    run_in_child(&child, use_parents_and_own, &own);
    child_check(child_succeeded(&child));
    child_check(sr_ring_submit(own.f.ring) == 0);
    fake_ring_close(&own.f);
}

/* Grandchildren are told from children and from parents, though each opened rings of its own. */
static void every_generation_of_processes_is_told_apart(void **state)
{
    (void)state;
    struct grandchild given = {.f = fake_ring_open(4)};
    struct child child;

    run_in_child(&child, open_then_fork_again, &given);

    print_message("%s", child.text);
    assert_true(child_succeeded(&child));
    assert_int_equal(sr_ring_submit(given.f.ring), 0);
    fake_ring_close(&given.f);
}

static void close_disabled_in_child(void *argument)
{
    struct fake_ring *f = argument;
    child_check(sr_ring_attach(f->ring) == SR_EWRONG_PROCESS);
    child_check(sr_ring_close(&f->ring) == 0);
    child_check(f->kernel->mappings == 0);
}

/* A disabled ring can't be attached by a child, and the child can close its copy. */
static void a_child_cannot_attach(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(disabled());
    struct child child;

    run_in_child(&child, close_disabled_in_child, &f);

    print_message("%s", child.text);
    assert_true(child_succeeded(&child));
    assert_int_equal(sr_ring_attach(f.ring), 0);
    fake_ring_close(&f);
}

/* What a ring counts is told one by one. */
SR_UNCHECKED static void what_happens_is_counted(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_stats none = {0};
    struct sr_stats stats = stats_of(f.ring);
    assert_memory_equal(&stats, &none, sizeof stats);
    assert_int_equal(sr_ring_stats(f.ring, NULL), -EINVAL);

    struct sr_op ops[4] = {start_nop(f.ring), start_nop(f.ring), start_nop(f.ring), start_nop(f.ring)};
    uint64_t id = ops[1].id;
    sr_op_drop(f.ring, &ops[0]);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    sr_op_drop(f.ring, &ops[1]);
    fake_kernel_promise(f.kernel, id, 0);
    fake_kernel_promise(f.kernel, ops[2].id, 0);
    fake_kernel_promise(f.kernel, 12345, 0);
    fake_kernel_promise(f.kernel, ops[3].id, 0);
    assert_int_equal(await_result(f.ring, &ops[2]), 0);
    assert_int_equal(await_result(f.ring, &ops[3]), 0);

    stats = stats_of(f.ring);
    assert_int_equal(stats.started, 4);
    assert_int_equal(stats.withdrawn, 1);
    assert_int_equal(stats.submitted, 3);
    assert_int_equal(stats.orphaned, 1);
    assert_int_equal(stats.cancels, 1);
    assert_int_equal(stats.disposed, 1);
    assert_int_equal(stats.completed, 3);
    assert_int_equal(stats.unknown, 1);
    assert_int_equal(stats.enters, f.kernel->enters);
    assert_int_equal(stats.overflows, 0);
    assert_int_equal(stats.ended_for_callback, 0);
    assert_int_equal(stats.misuses, 0);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    fake_ring_close_with_unknown(&f, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(closing_nulls_the_handle),
    cmocka_unit_test(trying_to_close_with_operations_in_flight_is_refused),
    cmocka_unit_test(an_orphan_holds_the_ring),
    cmocka_unit_test(an_owed_cancel_does_not_hold_the_ring),
    cmocka_unit_test(a_disabled_ring_works_once_attached),
    cmocka_unit_test(a_ring_is_attached_once),
    cmocka_unit_test(a_disabled_ring_can_be_closed),
    cmocka_unit_test(the_pollable_descriptor_is_the_kernels),
    cmocka_unit_test(a_forked_child_can_only_close),
    cmocka_unit_test(every_generation_of_processes_is_told_apart),
    cmocka_unit_test(a_child_cannot_attach),
    cmocka_unit_test(what_happens_is_counted),
};

SR_TEST_MAIN(tests)
