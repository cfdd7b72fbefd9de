/*
 * The three ways of switching a fault point by libfiu: its API, fiu-run, and fiu-ctrl on a live process. What struck is on the
 * tape, and its replay asks nobody.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "main.h"

#include <errno.h>
#include <fiu-control.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fate/libfiu.h"
#include "raw_ring.h"
#include "safer_ring/sim.h"
#include "sim_internal.h"

/* Libfiu 1.1 loses the name of a point that is enabled while it is: the one with our callback is disabled before. */
static void enable(const char *name, int value, unsigned flags)
{
    fiu_disable(name);
    fiu_enable(name, 1, (void *)(intptr_t)value, flags);
}

/* The result of one no-op or write in a run of its own; what happened to the submission when that failed. */
static int32_t ask(struct sr_sim *sim, bool writes)
{
    struct raw_ring raw;
    struct io_uring_cqe cqe = {.res = -1};
    int fds[2];
    assert_int_equal(sr_sim_pipe(sim, fds), 0);
    assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 4, 0), 0);
    struct io_uring_sqe *sqe = raw_ring_sqe(&raw, 1);
    if (writes) {
        io_uring_prep_write(sqe, fds[1], "abcd", 4, 0);
        sqe->user_data = 1;
    }
    int rc = raw_ring_submit_and_wait_for(&raw, 1, 60000000000);
    bool came = raw_ring_take(&raw, &cqe);
    raw_ring_close(&raw);
    return rc < 0 ? rc : came ? cqe.res : -1;
}

static int32_t write_on(struct sr_sim *sim)
{
    assert_int_equal(sr_sim_reset(sim, NULL), 0);
    return ask(sim, true);
}

/* Off, a point switched on is not asked; on, it strikes, and its replay strikes without libfiu. */
static void a_point_enabled_by_the_api_strikes_and_is_on_the_tape(void **state)
{
    (void)state;
    struct sr_sim *sim;
    const uint8_t *tape;
    size_t size;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(write_on(sim), 4);
    sr_sim_listen_to_libfiu(1);
    assert_int_equal(write_on(sim), 4);
    enable("safer_ring/result/errno", ENOSPC, 0);
    assert_int_equal(write_on(sim), -ENOSPC);

    sr_sim_tape(sim, &tape, &size);
    uint8_t body[256];
    assert_true(size <= sizeof body);
    memcpy(body, tape, size);
    fiu_disable("safer_ring/result/errno");
    struct sr_sim_options options = sr_sim_options_default();
    options.tape = body;
    options.tape_size = size;
    assert_int_equal(write_on(sim), 4);
    assert_int_equal(sr_sim_reset(sim, &options), 0);
    assert_int_equal(ask(sim, true), -ENOSPC);

    enable("safer_ring/result/short", 0, FIU_ONETIME);
    assert_int_equal(write_on(sim), 1);
    assert_int_equal(write_on(sim), 4);
    sr_sim_listen_to_libfiu(0);
    enable("safer_ring/result/errno", 0, 0);
    assert_int_equal(write_on(sim), 4);
    fiu_disable("safer_ring/result/errno");
    sr_sim_free(&sim);
}

static void a_wildcard_goes_beside_the_tape(void **state)
{
    (void)state;
    struct sr_sim *sim;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    sr_sim_listen_to_libfiu(1);
    enable("safer_ring/result/*", EIO, 0);

    assert_int_equal(write_on(sim), -EIO);

    fiu_disable("safer_ring/result/*");
    assert_int_equal(write_on(sim), 4);
    sr_sim_free(&sim);
}

/* With nobody switching, the callback gives what the tape has drawn: the points of a seed strike alike, and each was asked. */
static void the_callback_gives_what_the_tape_has_drawn(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_sim_options options = sr_sim_options_default();
    struct sri_points sum = {0};
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    sr_sim_listen_to_libfiu(1);
    for (options.seed = 1; options.seed < 300; options.seed++) {
        uint64_t before = sri_libfiu_called(SRI_POINT_RESULT_ERRNO);
        assert_int_equal(sr_sim_reset(sim, &options), 0);
        sri_adversary_calm(sri_sim_adversary(sim), true);
        struct raw_ring raw;
        assert_int_equal(raw_ring_open(&raw, sr_sim_backend(sim), 4, 0), 0);
        sri_adversary_calm(sri_sim_adversary(sim), false);
        assert_non_null(raw_ring_sqe(&raw, 1));
        (void)raw_ring_submit_and_wait_for(&raw, 1, 60000000000);
        raw_ring_close(&raw);
        const struct sri_points *points = &sri_sim_adversary(sim)->points;
        assert_int_equal(sri_libfiu_called(SRI_POINT_RESULT_ERRNO) - before,
                         sri_point_reached(points, SRI_POINT_RESULT_ERRNO));
        sri_points_add(&sum, points);
    }
    assert_true(sum.fired[SRI_POINT_ENTER_EAGAIN] > 0);
    assert_true(sum.fired[SRI_POINT_ATTEMPT_LATE] > 0);
    sr_sim_free(&sim);
}

/* ---- Other processes: this program again, with the name of a test that plays the child's part. ---- */

#define ROLE "SR_TEST_LIBFIU_ROLE"

static void self(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    assert_true(length > 0);
    path[length] = 0;
}

/* The sanitizers' runtime must be the first library: libfiu's can't be preloaded before it. */
static bool preloads(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return false;
#endif
#endif
    return access("/usr/bin/fiu-run", X_OK) == 0 && access("/usr/bin/fiu-ctrl", X_OK) == 0;
}

static void in_the_role_of_a_program_under_fiu_run(void **state)
{
    (void)state;
    const char *role = getenv(ROLE);
    if (role == NULL || strcmp(role, "run") != 0)
        return;
    struct sr_sim *sim;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(write_on(sim), -ENOSPC);
    sr_sim_free(&sim);
}

/* Waits for what a test on the other side of two pipes says, and tells what a write gives each time. */
static void in_the_role_of_a_live_process(void **state)
{
    (void)state;
    const char *role = getenv(ROLE);
    if (role == NULL || strcmp(role, "live") != 0)
        return;
    struct sr_sim *sim;
    char go;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    while (read(3, &go, 1) == 1) {
        int32_t result = write_on(sim);
        assert_int_equal(write(4, &result, sizeof result), sizeof result);
    }
    sr_sim_free(&sim);
}

static void fiu_run_switches_a_point(void **state)
{
    (void)state;
    char path[512];
    char command[1500];
    if (!preloads())
        skip();
    self(path, sizeof path);
    snprintf(command, sizeof command,
             ROLE "=run fiu-run -f '' -c 'enable name=safer_ring/result/errno,failinfo=%d' '%s' "
                  "in_the_role_of_a_program_under_fiu_run > /dev/null 2>&1",
             ENOSPC, path);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command,
             ROLE "=run fiu-run -f '' -c 'enable name=safer_ring/enter/*' '%s' "
                  "in_the_role_of_a_program_under_fiu_run > /dev/null 2>&1",
             path);
    assert_int_not_equal(system(command), 0);
}

struct live {
    pid_t pid;
    int go;
    int results;
    char folder[64];
};

static void start(struct live *live)
{
    char path[512];
    int go[2];
    int results[2];
    self(path, sizeof path);
    snprintf(live->folder, sizeof live->folder, "/tmp/safer-ring-libfiu-XXXXXX");
    assert_non_null(mkdtemp(live->folder));
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(results), 0);
    live->pid = fork();
    assert_true(live->pid >= 0);
    if (live->pid == 0) {
        char base[80];
        snprintf(base, sizeof base, "%s/fiu", live->folder);
        int in = dup(go[0]);
        int out = dup(results[1]);
        if (in < 0 || out < 0 || dup2(in, 3) < 0 || dup2(out, 4) < 0 || setenv(ROLE, "live", 1) != 0)
            _exit(99);
        for (int fd = 5; fd < 64; fd++)
            close(fd);
        execlp("fiu-run", "fiu-run", "-f", base, path, "in_the_role_of_a_live_process", (char *)NULL);
        _exit(99);
    }
    close(go[0]);
    close(results[1]);
    live->go = go[1];
    live->results = results[0];
}

static int32_t result_of(struct live *live)
{
    int32_t result = 0;
    assert_int_equal(write(live->go, "g", 1), 1);
    assert_int_equal(read(live->results, &result, sizeof result), sizeof result);
    return result;
}

static void control(struct live *live, const char *what)
{
    char command[300];
    snprintf(command, sizeof command, "fiu-ctrl -f '%s/fiu' -c '%s' %ld > /dev/null 2>&1", live->folder, what,
             (long)live->pid);
    assert_int_equal(system(command), 0);
}

static void fiu_ctrl_switches_a_point_of_a_live_process(void **state)
{
    (void)state;
    struct live live;
    int status = 0;
    char command[200];
    if (!preloads())
        skip();
    start(&live);
    assert_int_equal(result_of(&live), 4);
    control(&live, "enable name=safer_ring/result/errno,failinfo=5");
    assert_int_equal(result_of(&live), -EIO);
    control(&live, "disable name=safer_ring/result/errno");
    assert_int_equal(result_of(&live), 4);
    close(live.go);
    assert_int_equal(waitpid(live.pid, &status, 0), live.pid);
    close(live.results);
    snprintf(command, sizeof command, "rm -rf '%s'", live.folder);
    assert_int_equal(system(command), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_callback_gives_what_the_tape_has_drawn), /* before it is replaced */
    cmocka_unit_test(a_point_enabled_by_the_api_strikes_and_is_on_the_tape),
    cmocka_unit_test(a_wildcard_goes_beside_the_tape),
    cmocka_unit_test(in_the_role_of_a_program_under_fiu_run),
    cmocka_unit_test(in_the_role_of_a_live_process),
    cmocka_unit_test(fiu_run_switches_a_point),
    cmocka_unit_test(fiu_ctrl_switches_a_point_of_a_live_process),
};

SR_TEST_MAIN(tests)
