/*
 * The loops of sim.h: which runs they make, what they say of one that was left, and that it can be made again.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "main.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "safer_ring.h"
#include "safer_ring/cmocka.h"
#include "safer_ring/sim.h"

/* Three bytes through a pipe: 0 when they came whole; what failed otherwise. The ring is closed. */
static int talk(struct sr_sim *sim)
{
    struct sr_ring *ring = NULL;
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    struct sr_completion done;
    int fds[2];
    size_t moved;
    sr_assert_ok(sr_sim_pipe(sim, fds));
    sr_assert_ok(sr_sim_write(sim, fds[1], "abc", 3, &moved));
    int rc = sr_sim_ring_open(sim, &ring, 4);
    if (rc != 0)
        return rc;
    rc = sr_buffer_new(&buffer, 3);
    if (rc == 0)
        rc = sr_read_owned(ring, sr_fd(fds[0]), &buffer, &op);
    if (rc == 0) {
        rc = sr_op_await(ring, &op, &done);
        if (rc == 0)
            rc = sr_take(&done, &buffer);
        else
            sr_op_drop(ring, &op);
    }
    if (buffer != NULL)
        sr_assert_ok(sr_buffer_release(&buffer));
    sr_sim_calm(sim);
    sr_assert_ok(sr_ring_drain(ring, SR_FOREVER, NULL));
    sr_assert_in_flight(ring, 0);
    sr_assert_ok(sr_ring_close(&ring));
    return rc;
}

/* Without a freedom there is one schedule, and the loop says that this was all. */
static void nothing_to_choose_is_one_schedule(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SCHEDULE (sim, 100) {
        sr_sim_advance_ns(sim, 1000);
    }

    struct sr_sim_seen seen = sr_sim_loop_seen();
    assert_int_equal(seen.runs, 1);
    assert_true(seen.all);
}

/* The first schedule is the kind one, then come those with one unkind choice, and the limit holds. */
static void schedules_begin_with_the_kindest(void **state)
{
    (void)state;
    int runs = 0;
    int kind = 0;
    int errors = 0;
    int shorter = 0;
    SR_SIM_FOR_EACH_SCHEDULE (sim, 300) {
        int rc = talk(sim);
        if (runs++ < 2)
            assert_int_equal(rc, 3); /* the first, twice */
        kind += rc == 3;
        errors += rc < 0;
        shorter += rc == 1 || rc == 2;
    }

    struct sr_sim_seen seen = sr_sim_loop_seen();
    assert_int_equal(seen.runs, 300);
    assert_false(seen.all);
    assert_in_range(kind, 10, 290);
    assert_in_range(errors, 1, 290);
    assert_in_range(shorter, 1, 290);
}

/* Each fault comes once and sticky, allocations too, and the loop ends by itself. */
static void every_fault_comes_once(void **state)
{
    (void)state;
    int whole = 0;
    int without_memory = 0;
    int other = 0;
    SR_SIM_FOR_EACH_FAULT (sim) {
        int rc = talk(sim);
        whole += rc == 3;
        without_memory += rc == -ENOMEM;
        other += rc < 0 && rc != -ENOMEM;
    }

    assert_true(sr_sim_loop_seen().all);
    assert_in_range(sr_sim_loop_seen().runs, 25, 1000);
    assert_true(whole > 1);
    assert_true(without_memory > 5);
    assert_true(other > 1);
}

/* ---- What is said, and by whom ---- */

static const char *name_said(const struct child *child, char *name, size_t size)
{
    const char *begin = strstr(child->text, "SAFER_RING_TAPE='");
    assert_non_null(begin);
    begin += strlen("SAFER_RING_TAPE='");
    size_t length = strcspn(begin, "'");
    assert_true(length < size);
    memcpy(name, begin, length);
    name[length] = 0;
    return name;
}

/* Fails in the first run of a seed that cuts the read short. */
static void fail_when_short(void *unused)
{
    (void)unused;
    SR_SIM_FOR_EACH_SEED (sim, 1000) {
        int rc = talk(sim);
        if (rc >= 0 && rc != 3)
            exit(1);
    }
}

static void assert_when_short(void *unused)
{
    (void)unused;
    SR_SIM_FOR_EACH_SCHEDULE (sim, 1000) {
        int rc = talk(sim);
        if (rc >= 0 && rc != 3)
            abort();
    }
}

static void assert_when_out_of_memory(void *unused)
{
    (void)unused;
    SR_SIM_FOR_EACH_FAULT (sim) {
        if (talk(sim) == -ENOMEM)
            abort();
    }
}

/* exit(3) from a body: the loop tells of its run, and the tape makes it again, that run alone. */
static void leaving_by_exit_names_the_run(void **state)
{
    (void)state;
    struct child child;
    char name[256];
    run_in_child(&child, fail_when_short, NULL);
    assert_false(child_succeeded(&child));
    assert_non_null(strstr(child.text, "a jump left the loop at"));
    assert_int_equal(strncmp(name_said(&child, name, sizeof name), "seed=", 5), 0);

    setenv("SAFER_RING_TAPE", name, 1);
    run_in_child(&child, fail_when_short, NULL);
    assert_false(child_succeeded(&child));
    assert_non_null(strstr(child.text, "in its run 1\n"));

    setenv("SAFER_RING_TAPE", "kind", 1);
    run_in_child(&child, fail_when_short, NULL);
    unsetenv("SAFER_RING_TAPE");
    assert_true(child_succeeded(&child));
}

/* abort(3), as assert(3) calls it: a handler tells, and the process still dies by it. */
static void leaving_by_abort_names_the_run(void **state)
{
    (void)state;
    static void (*const bodies[])(void *) = {assert_when_short, assert_when_out_of_memory};
    for (size_t i = 0; i < 2; i++) {
        struct child child;
        char name[512];
        run_in_child(&child, bodies[i], NULL);
        assert_true(child_aborted(&child));
        assert_non_null(strstr(child.text, "abort(3) was called in the loop at"));
        name_said(&child, name, sizeof name);
        assert_non_null(strstr(name, i == 0 ? "body=" : "allocation="));

        setenv("SAFER_RING_TAPE", name, 1);
        run_in_child(&child, bodies[i], NULL);
        unsetenv("SAFER_RING_TAPE");
        assert_true(child_aborted(&child));
        assert_non_null(strstr(child.text, "in its run 1\n"));
    }
}

static void jump_with_a_ring_in_flight(void *unused)
{
    (void)unused;
    static jmp_buf back;
    for (int i = 0; i < 3; i++) {
        if (setjmp(back) == 0) {
            SR_SIM_FOR_EACH_SEED (sim, 2) {
                static struct sr_ring *ring;
                static struct sr_buffer *buffer;
                static struct sr_op op;
                int fds[2];
                child_check(sr_sim_ring_open(sim, &ring, 4) == 0);
                child_check(sr_sim_pipe(sim, fds) == 0);
                child_check(sr_buffer_new(&buffer, 100) == 0);
                child_check(sr_read_owned(ring, sr_fd(fds[0]), &buffer, &op) == 0);
                child_check(sr_ring_submit(ring) == 0);
                longjmp(back, 1);
            }
        }
    }
}

/* The next loop, and at last exit(3), find what a jump has left, and end its ring and buffer without the panic. */
static void the_next_loop_finds_what_a_jump_left(void **state)
{
    (void)state;
    struct child child;
    run_in_child(&child, jump_with_a_ring_in_flight, NULL);
    assert_true(child_succeeded(&child));
    int told = 0;
    for (const char *at = child.text; (at = strstr(at, "a jump left the loop")) != NULL; at++)
        told++;
    assert_int_equal(told, 2); /* run_in_child() ends by _exit(2) */
    assert_null(strstr(child.text, "OperationsInFlight"));
}

/* A failed assertion of cmocka leaves a loop; the teardown finds it, and the next test has its own. */
static void an_assertion_fails_in_a_loop(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 10) {
        struct sr_ring *ring;
        sr_assert_ok(sr_sim_ring_open(sim, &ring, 4));
        sr_assert_in_flight(ring, 1);
    }
}

static void run_a_failing_group(void *unused)
{
    (void)unused;
    const struct CMUnitTest group[] = {
        {"fails", an_assertion_fails_in_a_loop, NULL, sr_sim_teardown, NULL},
        {"fails_again", an_assertion_fails_in_a_loop, NULL, sr_sim_teardown, NULL},
    };
    cmocka_set_test_filter("*");
    child_check(cmocka_run_group_tests_name("failing", group, NULL, NULL) == 2);
    child_check(sr_sim_loop_abandon() == 0);
}

static void a_failed_assertion_of_cmocka_names_the_run_and_the_line(void **state)
{
    (void)state;
    struct child child;
    run_in_child(&child, run_a_failing_group, NULL);
    assert_true(child_succeeded(&child));
    assert_non_null(strstr(child.text, "ring has 0 operations in flight, and should have 1"));
    assert_non_null(strstr(child.text, "test_loops.c:"));
    assert_non_null(strstr(child.text, "SAFER_RING_TAPE='kind'"));
}

static int leaks_into_the_next_run;

static void draw_differently(void *unused)
{
    (void)unused;
    SR_SIM_FOR_EACH_SEED (sim, 10) {
        sr_sim_advance_ns(sim, 1000);
        if (leaks_into_the_next_run++ % 2 == 0)
            (void)talk(sim);
    }
}

static void a_test_that_is_not_repeatable_is_told(void **state)
{
    (void)state;
    struct child child;
    run_in_child(&child, draw_differently, NULL);
    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "test not repeatable"));
}

static void leave_a_ring_open(void *unused)
{
    (void)unused;
    SR_SIM_FOR_EACH_SEED (sim, 10) {
        struct sr_ring *ring;
        child_check(sr_sim_ring_open(sim, &ring, 4) == 0);
    }
}

static void a_ring_that_the_body_left_open_is_told(void **state)
{
    (void)state;
    struct child child;
    run_in_child(&child, leave_a_ring_open, NULL);
    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "a ring was left open"));
}

/* A pointer kept from a guard, used while the kernel has the bytes: to read them (0), or to fill them (1). */
static void touch_what_is_lent(void *argument)
{
    bool fills = *(const int *)argument == 1;
    SR_SIM_FOR_EACH_SEED (sim, 1) {
        struct sr_ring *ring;
        struct sr_buffer *buffer;
        struct sr_guard guard;
        struct sr_op op;
        struct sr_completion done;
        int fds[2];
        size_t moved;
        setenv("SAFER_RING_FENCE", "none", 1);
        struct sr_sim_outcome late = {.opcode = fills ? IORING_OP_READ : IORING_OP_WRITE,
                                      .nth = 1,
                                      .kind = SR_SIM_HELD};
        child_check(sr_sim_ring_open(sim, &ring, 4) == 0);
        child_check(sr_sim_pipe(sim, fds) == 0);
        child_check(sr_sim_script(sim, &late) == 0);
        child_check(sr_sim_write(sim, fds[1], "abcd", 4, &moved) == 0);
        child_check(sr_buffer_new(&buffer, 40) == 0);
        child_check(sr_buffer_try_access(&buffer, &guard) == 0);
        unsigned char *kept = sr_guard_bytes(&guard);
        sr_guard_end(&guard, &buffer);
        int rc = fills ? sr_read_owned(ring, sr_fd(fds[0]), &buffer, &op)
                       : sr_write_owned(ring, sr_fd(fds[1]), &buffer, &op);
        child_check(rc == 0 && sr_ring_submit(ring) == 0);
        kept[2] = 77;
        sr_sim_calm(sim);
        child_check(sr_op_await(ring, &op, &done) == 0);
    }
}

/* Checksums of what is read, and sentinels in what is filled, find it without any tool, and the run is told. */
static void lent_bytes_are_watched(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "BUF-3: a buffer the kernel is to read was changed before it was read",
        "BUF-3: somebody wrote into a buffer the kernel is to fill"};
    for (int fills = 0; fills < 2; fills++) {
        struct child child;
        run_in_child(&child, touch_what_is_lent, &fills);
        assert_true(child_aborted(&child));
        assert_non_null(strstr(child.text, texts[fills]));
        assert_non_null(strstr(child.text, fills ? "(READ)" : "(WRITE)"));
        assert_non_null(strstr(child.text, "SAFER_RING_TAPE='kind'"));
    }
}

static void loop_once(void *unused)
{
    (void)unused;
    SR_SIM_FOR_EACH_SEED (sim, 1) {
        (void)talk(sim);
    }
}

/* Names that name no run are refused with the place, and so is a file that is no tape. */
static void a_name_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"seed=",        "seed=1x",       "kind,power=", "body=0",
                                        "body=0g",      "allocation",    "sneeze=1",    "kind,",
                                        "allocation=0", "./no-such.tape"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct child child;
        setenv("SAFER_RING_TAPE", names[i], 1);
        run_in_child(&child, loop_once, NULL);
        unsetenv("SAFER_RING_TAPE");
        assert_true(child_aborted(&child));
        assert_non_null(strstr(child.text, "SAFER_RING_TAPE: "));
    }
}

static const struct CMUnitTest tests[] = {
    sr_sim_unit_test(nothing_to_choose_is_one_schedule),
    sr_sim_unit_test(schedules_begin_with_the_kindest),
    sr_sim_unit_test(every_fault_comes_once),
    cmocka_unit_test(leaving_by_exit_names_the_run),
    cmocka_unit_test(leaving_by_abort_names_the_run),
    cmocka_unit_test(the_next_loop_finds_what_a_jump_left),
    cmocka_unit_test(a_failed_assertion_of_cmocka_names_the_run_and_the_line),
    cmocka_unit_test(a_test_that_is_not_repeatable_is_told),
    cmocka_unit_test(a_ring_that_the_body_left_open_is_told),
    cmocka_unit_test(lent_bytes_are_watched),
    cmocka_unit_test(a_name_that_makes_no_sense_is_refused),
};

SR_TEST_MAIN(tests)
