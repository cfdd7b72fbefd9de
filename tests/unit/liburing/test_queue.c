/*
 * A plain `struct io_uring` on simulated kernels, and on this process's own engine beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/uring.h"
#include "liburing/kernel.h"
#include "main.h"
#include "name_processes.h"
#include "safer_ring.h"
#include "safer_ring/sim.h"
#include "safer_ring/uring_sim.h"

static struct sr_sim *kind_sim(void)
{
    struct sr_sim *sim = NULL;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    return sim;
}

static int read_one(struct io_uring *ring, int fd, void *to, unsigned size)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    struct io_uring_cqe *cqe;
    assert_non_null(sqe);
    io_uring_prep_read(sqe, fd, to, size, 0);
    io_uring_sqe_set_data64(sqe, 5);
    assert_int_equal(io_uring_submit_and_wait(ring, 1), 1);
    assert_int_equal(io_uring_peek_cqe(ring, &cqe), 0);
    assert_int_equal(cqe->user_data, 5);
    int result = cqe->res;
    io_uring_cqe_seen(ring, cqe);
    return result;
}

/* A ring opened on a simulation reads that simulation's files. */
static void reads_a_simulated_file(void **state)
{
    struct sr_sim *sim = kind_sim();
    struct io_uring ring;
    char text[8] = "";
    int fd;
    (void)state;
    assert_int_equal(sr_sim_file(sim, "/f", "abc", 3), 0);
    assert_int_equal(sr_sim_open(sim, "/f", O_RDONLY, &fd), 0);
    assert_int_equal(sr_sim_queue_init(sim, 4, &ring, 0), 0);
    assert_int_equal(read_one(&ring, fd, text, sizeof text), 3);
    assert_string_equal(text, "abc");
    io_uring_queue_exit(&ring);
    sr_sim_free(&sim);
}

/* Two threads that nothing keeps apart can leave the queue's head behind its tail: publishing ends, with no more than it has. */
static void publishing_ends_whatever_threads_did(void **state)
{
    struct sr_sim *sim = kind_sim();
    struct io_uring ring;
    (void)state;
    assert_int_equal(sr_sim_queue_init(sim, 4, &ring, 0), 0);
    ring.sq.sqe_head = ring.sq.sqe_tail + 1;
    unsigned before = *ring.sq.ktail;
    sri_uring_flush(&ring);
    assert_int_equal(*ring.sq.ktail - before, 4);
    io_uring_queue_exit(&ring);
    sr_sim_free(&sim);
}

/* Two simulations at once keep their rings apart. */
static void two_simulations(void **state)
{
    struct sr_sim *sims[2] = {kind_sim(), kind_sim()};
    struct io_uring rings[2];
    const char *const texts[2] = {"one", "two"};
    char text[2][4] = {"", ""};
    int fds[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sr_sim_file(sims[i], "/f", texts[i], 3), 0);
        assert_int_equal(sr_sim_open(sims[i], "/f", O_RDONLY, &fds[i]), 0);
        assert_int_equal(sr_sim_queue_init(sims[i], 4, &rings[i], 0), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_one(&rings[i], fds[i], text[i], 3), 3);
        assert_string_equal(text[i], texts[i]);
        io_uring_queue_exit(&rings[i]);
        sr_sim_free(&sims[i]);
    }
}

/* io_uring_queue_init() itself opens a ring over this process's descriptors. */
static void own_descriptors_beside(void **state)
{
    struct io_uring ring;
    int ends[2];
    char text[4] = "";
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "xyz", 3), 3);
    assert_int_equal(io_uring_queue_init(4, &ring, 0), 0);
    assert_int_equal(read_one(&ring, ends[0], text, 3), 3);
    assert_string_equal(text, "xyz");
    io_uring_queue_exit(&ring);
    close(ends[0]);
    close(ends[1]);
}

/* cmocka hears nothing from a child but how it ends. */
static bool is_told_as_child(struct io_uring *ring, int submitted, int registered)
{
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        io_uring_prep_nop(io_uring_get_sqe(ring));
        _exit(io_uring_submit(ring) == submitted && io_uring_unregister_files(ring) == registered ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Its parent ended, and took the kernel with it. */
static void nobody_is_left_to_ask(void **state)
{
    struct io_uring ring;
    int told[2];
    int results[2] = {0, 0};
    (void)state;
    assert_int_equal(pipe(told), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        if (io_uring_queue_init(4, &ring, 0) != 0)
            _exit(1);
        pid_t process = getpid();
        if (fork() != 0)
            _exit(0);
        while (getppid() == process)
            sched_yield();
        io_uring_prep_nop(io_uring_get_sqe(&ring));
        results[0] = io_uring_submit(&ring);
        results[1] = io_uring_unregister_files(&ring);
        _exit(write(told[1], results, sizeof results) == sizeof results ? 0 : 1);
    }
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(read(told[0], results, sizeof results), sizeof results);
    assert_int_equal(results[0], -EBADF);
    assert_int_equal(results[1], -EBADF);
    close(told[0]);
    close(told[1]);
}

/* Where a ring belongs to a thread, a child is told so in the words of the true kernel; else its parent does it for the child. */
static void what_a_child_is_told(void **state)
{
    static const struct {
        unsigned flags;
        int submitted;
        int registered;
    } rows[] = {{0, 1, -ENXIO},
                {IORING_SETUP_SINGLE_ISSUER, -EEXIST, -EEXIST},
                {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, -EEXIST, -EEXIST},
                {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED, -EBADFD, -ENXIO}};
    (void)state;
    if (!can_name_processes())
        skip();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct io_uring ring;
        assert_int_equal(io_uring_queue_init(4, &ring, rows[i].flags), 0);
        assert_true(is_told_as_child(&ring, rows[i].submitted, rows[i].registered));
        io_uring_queue_exit(&ring);
    }
}

/* A wait that nothing can end is answered -EDEADLK in a simulation, where a kernel would sleep for ever. */
static void a_wait_without_end(void **state)
{
    struct sr_sim *sim = kind_sim();
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    (void)state;
    assert_int_equal(sr_sim_queue_init(sim, 4, &ring, 0), 0);
    assert_int_equal(io_uring_wait_cqe(&ring, &cqe), -EDEADLK);
    io_uring_queue_exit(&ring);
    sr_sim_free(&sim);
}

/* The library's own true ring and liburing's functions over the engine work in one process, and each counts its own. */
SR_UNCHECKED static void beside_the_true_ring(void **state)
{
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    struct sr_ring *own = NULL;
    struct sr_backend backend;
    struct sr_stats stats;
    struct sr_op op;
    struct sr_completion done;
    int error = 0;
    (void)state;
    if (sri_uring_backend(&backend) != 0)
        skip();
    struct sr_config config = sr_config_default();
    config.backend = &backend;
    if (sr_ring_open_config(&own, &config) != 0) {
        backend.vtable->release(backend.self);
        skip();
    }
    const struct sr_backend *host = sri_uring_host(&error);
    assert_non_null(host);
    uint64_t before = sri_engine_consumed(host->self);
    assert_int_equal(io_uring_queue_init(4, &ring, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        io_uring_prep_nop(io_uring_get_sqe(&ring));
        assert_int_equal(io_uring_submit_and_wait(&ring, 1), 1);
        assert_int_equal(io_uring_wait_cqe(&ring, &cqe), 0);
        io_uring_cqe_seen(&ring, cqe);
    }
    assert_int_equal(sr_nop(own, &op), 0);
    assert_int_equal(sr_op_await(own, &op, &done), 0);
    assert_int_equal(sr_take_plain(&done), 0);
    assert_int_equal(sr_ring_stats(own, &stats), 0);
    assert_int_equal(stats.submitted, 1);
    assert_int_equal(sri_engine_consumed(host->self) - before, 3);
    io_uring_queue_exit(&ring);
    assert_int_equal(sr_ring_close(&own), 0);
    backend.vtable->release(backend.self);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(reads_a_simulated_file),
    cmocka_unit_test(two_simulations),
    cmocka_unit_test(own_descriptors_beside),
    cmocka_unit_test(a_wait_without_end),
    cmocka_unit_test(publishing_ends_whatever_threads_did),
    cmocka_unit_test(what_a_child_is_told),
    cmocka_unit_test(nobody_is_left_to_ask),
    cmocka_unit_test(beside_the_true_ring),
};

SR_TEST_MAIN(tests)
