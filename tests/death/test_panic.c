/*
 * The panic of a ring dropped with operations in flight (RING-1 … RING-3): what it prints, that it aborts, and that nothing
 * of the ring was changed when a handler lets the program live.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define MS UINT64_C(1000000)

/* One operation in each state, and what holds them. */
struct mixture {
    struct fake_ring f;
    struct sr_op queued;
    struct sr_op submitted;
    struct sr_op cancelling;
    struct sr_op completed;
    struct sr_op recalled;
    struct sr_completion delivered;
    uint64_t orphan;
    uint64_t ids[8]; /* in the order of the list: that of their slots */
};
#define MIXED 7

SR_UNCHECKED static void make_mixture(struct mixture *m)
{
    m->f = fake_ring_open(16);
    struct sr_ring *ring = m->f.ring;
    struct sr_op orphan = start_read(ring, 10, 100);
    struct sr_op delivered = start_read(ring, 11, 101);
    m->submitted = start_read(ring, 12, 102);
    m->cancelling = start_read(ring, 13, 103);
    m->completed = start_read(ring, 14, 104);
    const uint64_t ids[5] = {orphan.id, delivered.id, m->submitted.id, m->cancelling.id, m->completed.id};
    memcpy(m->ids, ids, sizeof ids);
    m->orphan = orphan.id;
    assert_int_equal(sr_ring_submit(ring), 0);
    m->f.kernel->now_ns += 250 * MS;
    fake_kernel_post(m->f.kernel, delivered.id, 1);
    fake_kernel_post(m->f.kernel, m->completed.id, 2);
    assert_int_equal(sr_ring_dispatch(ring, NULL), 0); /* reads the clock */
    assert_int_equal(sr_op_await(ring, &delivered, &m->delivered), 0);
    assert_int_equal(sr_op_cancel(ring, &m->cancelling), 0);
    sr_op_drop(ring, &orphan);
    m->queued = start_nop(ring);
    m->recalled = start_read(ring, 15, 105);
    m->ids[5] = m->queued.id;
    m->ids[6] = m->recalled.id;
    assert_int_equal(sr_op_cancel(ring, &m->recalled), 0);
    assert_int_equal(sr_ring_in_flight(ring), MIXED);
}

/* Everything still works: each of the seven ends as if nothing had happened, and the ring closes. */
SR_UNCHECKED static void end_mixture(struct mixture *m)
{
    struct sr_ring *ring = m->f.ring;
    struct fake_kernel *kernel = m->f.kernel;
    fake_kernel_promise(kernel, m->queued.id, 3);
    fake_kernel_promise(kernel, m->submitted.id, 4);
    fake_kernel_promise(kernel, m->cancelling.id, -ECANCELED);
    fake_kernel_promise(kernel, cancel_of(m->cancelling.id), 0);
    fake_kernel_promise(kernel, m->orphan, 5);
    fake_kernel_promise(kernel, cancel_of(m->orphan), -EALREADY);
    assert_int_equal(await_result(ring, &m->queued), 3);
    assert_int_equal(await_result(ring, &m->submitted), 4);
    assert_int_equal(await_result(ring, &m->cancelling), -ECANCELED);
    assert_int_equal(await_result(ring, &m->completed), 2);
    assert_int_equal(await_result(ring, &m->recalled), -ECANCELED);
    assert_int_equal(sr_take_plain(&m->delivered), 1);
    assert_int_equal(sr_ring_drain(ring, SR_FOREVER, NULL), 0);
    fake_ring_close(&m->f);
}

/* Drains instead: handles and completions are stale, everything is given back. */
static void drain_mixture(struct mixture *m)
{
    struct fake_kernel *kernel = m->f.kernel;
    fake_kernel_promise(kernel, m->queued.id, 3);
    fake_kernel_promise(kernel, m->submitted.id, 4);
    fake_kernel_promise(kernel, m->cancelling.id, -ECANCELED);
    fake_kernel_promise(kernel, m->orphan, 5);
    assert_int_equal(sr_ring_drain(m->f.ring, SR_FOREVER, NULL), 0);
    fake_ring_close(&m->f);
}

enum stage {
    QUEUED,
    SUBMITTED,
    COMPLETED,
    TAKEN_OUT,
    ORPHANED,
    DETACHED,
    WITH_CALLBACK,
    STAGES
};

static void never_run(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    (void)ring;
    (void)done;
    (void)user;
    child_check(false);
}

/* Brings one operation to a stage. */
SR_UNCHECKED static void bring_to(struct fake_ring *f, enum stage stage, struct sr_completion *done)
{
    struct sr_op op = start_nop(f->ring);
    if (stage == QUEUED)
        return;
    assert_int_equal(sr_ring_submit(f->ring), 0);
    if (stage == ORPHANED)
        sr_op_drop(f->ring, &op);
    if (stage == DETACHED)
        assert_int_equal(sr_op_detach(f->ring, &op, NULL), 0);
    if (stage == WITH_CALLBACK)
        assert_int_equal(sr_op_then(f->ring, &op, never_run, NULL), 0);
    if (stage == COMPLETED)
        fake_kernel_post(f->kernel, op.id, 0); /* nobody has looked yet */
    if (stage == TAKEN_OUT) {
        fake_kernel_post(f->kernel, op.id, 0);
        assert_int_equal(sr_op_await(f->ring, &op, done), 0);
    }
}

struct count {
    enum stage stage;
    uint32_t operations;
};

static void close_with(void *argument)
{
    const struct count *count = argument;
    struct fake_ring f = fake_ring_open(16);
    struct sr_completion done[16];
    for (uint32_t i = 0; i < count->operations; i++)
        bring_to(&f, count->stage, &done[i]);
    int rc = sr_ring_close(&f.ring);
    child_check(rc != rc); /* not reached */
}

static uint32_t lines_of(const char *text, const char *start)
{
    uint32_t count = 0;
    for (const char *at = strstr(text, start); at != NULL; at = strstr(at + 1, start))
        count++;
    return count;
}

/* The panic counts operations of every stage, has one line for each, and aborts (RING-1, RING-2). */
static void each_stage_is_counted(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGES; stage++) {
        for (uint32_t operations = 1; operations <= 3; operations += 2) {
            struct count count = {(enum stage)stage, operations};
            struct child child;
            char expected[64];
            snprintf(expected, sizeof expected, "OperationsInFlight { count: %u }", operations);
            run_in_child(&child, close_with, &count);
            print_message("stage %d\n%s", stage, child.text);
            assert_true(child_aborted(&child));
            assert_non_null(strstr(child.text, expected));
            assert_int_equal(lines_of(child.text, "\n  operation 0x"), operations);
        }
    }
}

static void close_mixture(void *argument)
{
    struct mixture mixture;
    (void)argument;
    make_mixture(&mixture);
    int rc = sr_ring_close(&mixture.f.ring);
    child_check(rc != rc); /* not reached */
}

/* Each line has id, kind, descriptor, size, state and age of its operation (RING-2). */
static void each_line_tells_its_operation(void **state)
{
    (void)state;
    static const char *const lines[MIXED] = {
        " READ fd 10 buffer 100 bytes, cancelling (orphaned), submitted 250 ms ago\n",
        " READ fd 11 buffer 101 bytes, delivered, submitted 250 ms ago\n",
        " READ fd 12 buffer 102 bytes, submitted, submitted 250 ms ago\n",
        " READ fd 13 buffer 103 bytes, cancelling, submitted 250 ms ago\n",
        " READ fd 14 buffer 104 bytes, completed, submitted 250 ms ago\n",
        " NOP fd -1 buffer 0 bytes, queued, submitted 0 ms ago\n",
        " READ fd 15 buffer 105 bytes, completed, submitted 0 ms ago\n",
    };
    struct mixture same; /* its ids are those of the child's */
    struct child child;
    make_mixture(&same);

    run_in_child(&child, close_mixture, NULL);

    print_message("%s", child.text);
    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "safer_ring: panic: OperationsInFlight { count: 7 }: "));
    for (int i = 0; i < MIXED; i++) {
        char line[256];
        snprintf(line, sizeof line, "  operation %#" PRIx64 "%s", same.ids[i], lines[i]);
        assert_non_null(strstr(child.text, line));
    }
    end_mixture(&same);
}

static void close_nothing(void *argument)
{
    (void)argument;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 0);
    child_check(await_result(f.ring, &op) == 0);
    child_check(sr_ring_close(&f.ring) == 0);
    fake_kernel_free(f.kernel);
}

/* With nothing in flight there is no panic, and not a word. */
static void an_idle_ring_closes_in_silence(void **state)
{
    (void)state;
    struct child child;

    run_in_child(&child, close_nothing, NULL);

    assert_true(child_succeeded(&child));
    assert_string_equal(child.text, "");
}

/* What a handler saw. */
struct witness {
    uint32_t calls;
    uint32_t count;
    uint32_t listed;
    const struct sr_ring *ring;
    struct sr_panic_operation operations[8];
    char message[256];
    bool none_beyond;
    jmp_buf *out;
};

static void look_and_return(const struct sr_panic *panic, void *user)
{
    struct witness *witness = user;
    struct sr_panic_operation beyond;
    witness->calls++;
    witness->count = panic->count;
    witness->ring = panic->ring;
    strncpy(witness->message, panic->message, sizeof witness->message - 1);
    for (witness->listed = 0; witness->listed < 8; witness->listed++)
        if (!sr_panic_at(panic, witness->listed, &witness->operations[witness->listed]))
            break;
    witness->none_beyond = !sr_panic_at(panic, panic->count, &beyond) &&
                           !sr_panic_at(panic, UINT32_MAX, &beyond) && !sr_panic_at(NULL, 0, &beyond) &&
                           !sr_panic_at(panic, 0, NULL);
    if (witness->out != NULL)
        longjmp(*witness->out, 1);
}

/* The handler is told count and operations, before anything is changed; close then answers, and all goes on (RING-3). */
SR_UNCHECKED static void a_handler_that_returns_leaves_the_ring_whole(void **state)
{
    (void)state;
    struct mixture m;
    struct witness witness = {0};
    make_mixture(&m);
    struct ring_face face = face_of(m.f.ring);
    struct sr_ring *ring = m.f.ring;
    uint32_t enters = m.f.kernel->enters;
    sr_set_panic_handler(look_and_return, &witness);

    assert_int_equal(sr_ring_close(&m.f.ring), SR_EOPERATIONS_IN_FLIGHT);

    sr_set_panic_handler(NULL, NULL);
    assert_ptr_equal(m.f.ring, ring);
    assert_int_equal(witness.calls, 1);
    assert_int_equal(witness.count, MIXED);
    assert_int_equal(witness.listed, MIXED);
    assert_ptr_equal(witness.ring, ring);
    assert_true(witness.none_beyond);
    assert_non_null(strstr(witness.message, "OperationsInFlight { count: 7 }"));
    for (int i = 0; i < MIXED; i++)
        assert_true(witness.operations[i].id == m.ids[i]);
    assert_string_equal(witness.operations[0].kind, "READ");
    assert_string_equal(witness.operations[0].state, "cancelling");
    assert_true(witness.operations[0].orphaned);
    assert_false(witness.operations[1].orphaned);
    assert_int_equal(witness.operations[1].fd, 11);
    assert_int_equal(witness.operations[1].buffer_size, 101);
    assert_true(witness.operations[1].age_ns == 250 * MS);
    assert_int_equal(witness.operations[5].fd, -1);
    assert_int_equal(witness.operations[5].buffer_size, 0);
    assert_int_equal(m.f.kernel->enters, enters);
    assert_face(ring, &face);
    end_mixture(&m);
}

/* The same after a jump out of the handler: nothing was held, nothing is leaked, a second close succeeds (RING-3). */
SR_UNCHECKED static void a_handler_that_jumps_away_leaves_the_ring_whole(void **state)
{
    (void)state;
    static struct mixture m;
    static struct witness witness;
    static struct counting_allocator counter;
    static struct ring_face face;
    static jmp_buf out;
    struct sr_buffer *first = NULL;
    assert_int_equal(sr_buffer_new(&first, 1), 0); /* the slab of headers stays */
    assert_int_equal(sr_buffer_release(&first), 0);
    counting_allocator_install(&counter);
    make_mixture(&m);
    face = face_of(m.f.ring);
    witness = (struct witness){.out = &out};
    sr_set_panic_handler(look_and_return, &witness);

    if (setjmp(out) == 0) {
        int rc = sr_ring_close(&m.f.ring);
        fail_msg("close came back with %d", rc);
    }

    sr_set_panic_handler(NULL, NULL);
    assert_int_equal(witness.calls, 1);
    assert_int_equal(witness.listed, MIXED);
    assert_face(m.f.ring, &face);
    drain_mixture(&m);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

/* Each close with operations in flight panics anew; try_close never does (RING-4). */
SR_UNCHECKED static void each_close_panics_anew_and_try_close_never(void **state)
{
    (void)state;
    struct mixture m;
    struct witness witness = {0};
    make_mixture(&m);
    sr_set_panic_handler(look_and_return, &witness);

    assert_int_equal(sr_ring_close(&m.f.ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(sr_ring_close(&m.f.ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(witness.calls, 2);
    assert_int_equal(sr_ring_try_close(&m.f.ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(witness.calls, 2);

    sr_set_panic_handler(NULL, NULL);
    drain_mixture(&m);
}

static void forget_the_handler(void *argument)
{
    struct count count = {QUEUED, 1};
    struct witness witness = {0};
    (void)argument;
    sr_set_panic_handler(look_and_return, &witness);
    sr_set_panic_handler(NULL, NULL);
    close_with(&count);
}

/* NULL brings the default back, which aborts. */
static void the_default_handler_comes_back(void **state)
{
    (void)state;
    struct child child;

    run_in_child(&child, forget_the_handler, NULL);

    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "count: 1"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_stage_is_counted),
    cmocka_unit_test(each_line_tells_its_operation),
    cmocka_unit_test(an_idle_ring_closes_in_silence),
    cmocka_unit_test(a_handler_that_returns_leaves_the_ring_whole),
    cmocka_unit_test(a_handler_that_jumps_away_leaves_the_ring_whole),
    cmocka_unit_test(each_close_panics_anew_and_try_close_never),
    cmocka_unit_test(the_default_handler_comes_back),
};

SR_TEST_MAIN(tests)
