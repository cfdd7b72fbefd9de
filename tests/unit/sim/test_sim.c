/*
 * The simulation from outside: objects, time, scripts, and that a run repeats.
 */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw_ring.h"
#include "safer_ring/ring.h"
#include "safer_ring/sim.h"

static struct sr_sim *new_sim(void)
{
    struct sr_sim *sim;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    return sim;
}

/* One read at the start of a file on a ring of its own: the CQE's result. */
static int read_once(struct sr_sim *sim, int fd, void *buffer, unsigned size)
{
    struct raw_ring raw;
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 4, 0), 0);
    io_uring_prep_read(raw_ring_sqe(&raw, 1), fd, buffer, size, 0);
    assert_int_equal(raw_ring_submit_and_wait(&raw, 1), 1);
    assert_true(raw_ring_take(&raw, &cqe));
    raw_ring_close(&raw);
    return cqe.res;
}

static void a_kind_read_moves_the_files_bytes(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    char buffer[16] = {0};
    int fd;
    assert_int_equal(sr_sim_file(sim, "/folder/greeting", "hello", 5), 0);
    assert_int_equal(sr_sim_open(sim, "folder/greeting", O_RDONLY, &fd), 0);
    assert_int_equal(fd, 3);

    assert_int_equal(read_once(sim, fd, buffer, sizeof buffer), 5);

    assert_string_equal(buffer, "hello");
    assert_int_equal(sr_sim_close(sim, fd), 0);
    sr_sim_free(&sim);
    assert_null(sim);
}

static void a_scripted_read_is_as_short_as_it_says(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    char buffer[16];
    int fd;
    struct sr_sim_outcome outcome = {.opcode = IORING_OP_READ, .nth = 2, .kind = SR_SIM_SHORT, .value = 3};
    assert_int_equal(sr_sim_file(sim, "f", "hello world", 11), 0);
    assert_int_equal(sr_sim_open(sim, "f", O_RDONLY, &fd), 0);

    assert_int_equal(sr_sim_script(sim, &outcome), 0);

    assert_int_equal(read_once(sim, fd, buffer, 11), 11);
    assert_int_equal(sr_sim_script_pending(sim), 1);
    assert_int_equal(read_once(sim, fd, buffer, 11), 3);
    assert_int_equal(sr_sim_script_pending(sim), 0);
    assert_int_equal(read_once(sim, fd, buffer, 11), 11);
    sr_sim_free(&sim);
}

static void a_scripted_read_fails_as_it_says(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    char buffer[16];
    int fd;
    struct sr_sim_outcome outcome = {.opcode = IORING_OP_READ, .nth = 1, .kind = SR_SIM_FAILS, .value = EIO};
    assert_int_equal(sr_sim_file(sim, "f", "hello", 5), 0);
    assert_int_equal(sr_sim_open(sim, "f", O_RDONLY, &fd), 0);

    assert_int_equal(sr_sim_script(sim, &outcome), 0);

    assert_int_equal(read_once(sim, fd, buffer, 5), -EIO);
    assert_int_equal(read_once(sim, fd, buffer, 5), 5);
    assert_int_equal(sr_sim_script(sim, &outcome), -EALREADY);
    sr_sim_free(&sim);
}

static void a_scripted_delay_takes_virtual_time(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    char buffer[16];
    int fd;
    struct sr_sim_outcome outcome = {.opcode = IORING_OP_READ,
                                     .nth = 1,
                                     .kind = SR_SIM_DELAYED,
                                     .value = 1000000};
    assert_int_equal(sr_sim_file(sim, "f", "hello", 5), 0);
    assert_int_equal(sr_sim_open(sim, "f", O_RDONLY, &fd), 0);
    assert_int_equal(sr_sim_script(sim, &outcome), 0);
    uint64_t before = sr_sim_now_ns(sim);

    assert_int_equal(read_once(sim, fd, buffer, 5), 5);

    assert_in_range(sr_sim_now_ns(sim) - before, 1000000, 1010000);
    sr_sim_free(&sim);
}

static void a_scripted_cancel_comes_too_late(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    struct raw_ring raw;
    struct io_uring_cqe cqe;
    char buffer[8];
    size_t moved;
    int fds[2];
    struct sr_sim_outcome outcome = {.opcode = IORING_OP_READ, .nth = 1, .kind = SR_SIM_TOO_LATE};
    assert_int_equal(sr_sim_script(sim, &outcome), 0);
    assert_int_equal(sr_sim_pipe(sim, fds), 0);
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 4, 0), 0);
    struct io_uring_sqe *sqe = raw_ring_sqe(&raw, 1);
    io_uring_prep_read(sqe, fds[0], buffer, sizeof buffer, 0);
    sqe->user_data = 1;
    assert_int_equal(raw_ring_submit(&raw), 1);

    sqe = raw_ring_sqe(&raw, 2);
    io_uring_prep_cancel64(sqe, 1, 0);
    sqe->user_data = 2;
    assert_int_equal(raw_ring_submit_and_wait(&raw, 1), 1);
    assert_true(raw_ring_take(&raw, &cqe));
    assert_int_equal(cqe.user_data, 2);
    assert_int_equal(cqe.res, -EALREADY);

    assert_int_equal(sr_sim_write(sim, fds[1], "abc", 3, &moved), 0);
    assert_int_equal(raw_ring_wait(&raw, 1, UINT64_MAX), 0);
    assert_true(raw_ring_take(&raw, &cqe));
    assert_int_equal(cqe.user_data, 1);
    assert_int_equal(cqe.res, 3);
    raw_ring_close(&raw);
    sr_sim_free(&sim);
}

static void a_script_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    struct sr_sim_outcome outcomes[] = {
        {.opcode = IORING_OP_READ, .nth = 0, .kind = SR_SIM_SHORT, .value = 1},
        {.opcode = IORING_OP_READ, .nth = 1, .kind = SR_SIM_SHORT, .value = 0},
        {.opcode = IORING_OP_READ, .nth = 1, .kind = SR_SIM_FAILS, .value = 4096},
        {.opcode = IORING_OP_READ, .nth = 1, .kind = (enum sr_sim_outcome_kind)77, .value = 1},
    };

    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
        assert_int_equal(sr_sim_script(sim, &outcomes[i]), -EINVAL);

    assert_int_equal(sr_sim_script_pending(sim), 0);
    sr_sim_free(&sim);
}

/* A wait with nothing to come does not hang. */
static void a_wait_that_nothing_can_end_says_so(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    struct raw_ring raw;
    char buffer[8];
    int fds[2];
    assert_int_equal(sr_sim_pipe(sim, fds), 0);
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 4, 0), 0);
    io_uring_prep_read(raw_ring_sqe(&raw, 1), fds[0], buffer, sizeof buffer, 0);
    assert_int_equal(raw_ring_submit(&raw), 1);

    assert_int_equal(raw_ring_wait(&raw, 1, UINT64_MAX), -EDEADLK);

    raw_ring_close(&raw);
    sr_sim_free(&sim);
}

static void advancing_time_ends_a_timeout(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    struct raw_ring raw;
    struct io_uring_cqe cqe;
    struct __kernel_timespec time = {.tv_nsec = 5000000};
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 4, 0), 0);
    io_uring_prep_timeout(raw_ring_sqe(&raw, 1), &time, 0, 0);
    assert_int_equal(raw_ring_submit(&raw), 1);

    sr_sim_advance_ns(sim, 4000000);
    assert_false(raw_ring_take(&raw, &cqe));
    sr_sim_advance_ns(sim, 2000000);
    assert_true(raw_ring_take(&raw, &cqe));

    assert_int_equal(cqe.res, -ETIME);
    assert_int_equal(sr_sim_now_ns(sim), 1006000000);
    assert_int_equal(sr_sim_step(sim), 0);
    raw_ring_close(&raw);
    sr_sim_free(&sim);
}

static void descriptors_are_counted_by_their_makers(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    struct raw_ring raw;
    struct io_uring_cqe cqe;
    uint32_t made;
    uint32_t by_operations;
    int fds[2];
    assert_int_equal(sr_sim_pipe(sim, fds), 0);
    assert_int_equal(sr_sim_file(sim, "f", NULL, 10), 0);
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 4, 0), 0);

    io_uring_prep_openat(raw_ring_sqe(&raw, 1), AT_FDCWD, "f", O_RDONLY, 0);
    assert_int_equal(raw_ring_submit_and_wait(&raw, 1), 1);
    assert_true(raw_ring_take(&raw, &cqe));

    assert_int_equal(cqe.res, 6);
    sr_sim_open_descriptors(sim, &made, &by_operations);
    assert_int_equal(made, 2);
    assert_int_equal(by_operations, 1);
    assert_int_equal(sr_sim_close(sim, cqe.res), 0);
    sr_sim_open_descriptors(sim, &made, &by_operations);
    assert_int_equal(by_operations, 0);
    assert_int_equal(sr_sim_close(sim, raw.fd), -EINVAL);
    raw_ring_close(&raw);
    sr_sim_free(&sim);
}

static void options_out_of_range_are_refused_and_change_nothing(void **state)
{
    (void)state;
    struct sr_sim *sim = new_sim();
    struct sr_sim *other = NULL;
    struct sr_sim_options options = sr_sim_options_default();
    assert_int_equal(sr_sim_file(sim, "f", NULL, 10), 0);

    options.flags = 1u << 31;
    assert_int_equal(sr_sim_new(&other, &options), -EINVAL);
    options.flags = 0;
    options.pipe_bytes = 100;
    assert_int_equal(sr_sim_reset(sim, &options), -EINVAL);
    options = sr_sim_options_default();
    options.max_descriptors = 1;
    assert_int_equal(sr_sim_reset(sim, &options), -EINVAL);

    assert_null(other);
    size_t length;
    assert_int_equal(sr_sim_file_content(sim, "f", NULL, 0, &length), 0);
    assert_int_equal(length, 10);
    sr_sim_free(&sim);
}

static void the_loop_runs_each_seed_and_ends_at_a_break(void **state)
{
    (void)state;
    int runs = 0;

    SR_SIM_FOR_EACH_SEED (sim, 20) {
        int fd;
        assert_int_equal(sr_sim_file(sim, "f", NULL, 1), 0);
        assert_int_equal(sr_sim_open(sim, "f", O_RDONLY, &fd), 0);
        assert_int_equal(fd, 3);
        runs++;
    }
    SR_SIM_FOR_EACH_SEED (sim, 20) {
        if (sr_sim_now_ns(sim) == 1000000000 && ++runs == 25)
            break;
    }

    assert_int_equal(runs, 25);
    assert_int_equal(sr_sim_loop_abandon(), 0);
}

/* In a child, whose standard error nobody reads. */
static int status_of_child(void (*child)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        child();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void nest_loops(void)
{
    SR_SIM_FOR_EACH_SEED (outer, 2) {
        SR_SIM_FOR_EACH_SEED (inner, 2) {
            (void)inner;
        }
    }
}

static void jump_out_and_loop_again(void)
{
    static jmp_buf back;
    if (setjmp(back) == 0) {
        SR_SIM_FOR_EACH_SEED (sim, 2) {
            longjmp(back, 1);
        }
    }
    if (sr_sim_loop_abandon() != 1)
        _exit(1);
    SR_SIM_FOR_EACH_SEED (sim, 2) {
        (void)sim;
    }
}

static void a_loop_inside_a_loop_is_refused(void **state)
{
    (void)state;
    int status = status_of_child(nest_loops);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void a_loop_that_a_jump_left_can_be_abandoned(void **state)
{
    (void)state;
    assert_int_equal(status_of_child(jump_out_and_loop_again), 0);
}

static void a_ring_of_the_library_opens_on_every_luck(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 300) {
        struct sr_ring *ring;
        assert_int_equal(sr_sim_ring_open(sim, &ring, 8), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_kind_read_moves_the_files_bytes),
    cmocka_unit_test(a_scripted_read_is_as_short_as_it_says),
    cmocka_unit_test(a_scripted_read_fails_as_it_says),
    cmocka_unit_test(a_scripted_delay_takes_virtual_time),
    cmocka_unit_test(a_scripted_cancel_comes_too_late),
    cmocka_unit_test(a_script_that_makes_no_sense_is_refused),
    cmocka_unit_test(a_wait_that_nothing_can_end_says_so),
    cmocka_unit_test(advancing_time_ends_a_timeout),
    cmocka_unit_test(descriptors_are_counted_by_their_makers),
    cmocka_unit_test(options_out_of_range_are_refused_and_change_nothing),
    cmocka_unit_test(the_loop_runs_each_seed_and_ends_at_a_break),
    cmocka_unit_test(a_loop_inside_a_loop_is_refused),
    cmocka_unit_test(a_loop_that_a_jump_left_can_be_abandoned),
    cmocka_unit_test(a_ring_of_the_library_opens_on_every_luck),
};

SR_TEST_MAIN(tests)
