/*
 * Bytes that are lent can't be touched: by marks under AddressSanitizer and valgrind, by guard pages in any build; on every
 * kernel. Each time a program misbehaves, and the report names its line. What is right is not reported, and works.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "main.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "safer_ring.h"
#include "safer_ring/check.h"
#include "safer_ring/registry.h"
#include "safer_ring/sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifndef HAS_ASAN
#define HAS_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#else
#define HAS_TSAN 0
#endif

/* The kernels, by name; sim is made in place. */
static const char *const kernels[] = {"uring", "engine", "sim"};
#define KERNELS (sizeof kernels / sizeof kernels[0])

struct stage {
    struct sr_sim *sim;
    struct sr_ring *ring;
    int fds[2];
};

/* false: this machine has no such kernel. */
static bool open_stage(struct stage *stage, const char *kernel, enum sr_fence fence)
{
    struct sr_config config = sr_config_default();
    struct sr_backend backend;
    memset(stage, 0, sizeof *stage);
    config.entries = 8;
    config.fence = fence;
    if (strcmp(kernel, "sim") == 0) {
        child_check(sr_sim_new(&stage->sim, NULL) == 0);
        backend = sr_sim_backend(stage->sim);
        config.backend = &backend;
        child_check(sr_sim_pipe(stage->sim, stage->fds) == 0);
    } else {
        config.backend_name = kernel;
        child_check(pipe(stage->fds) == 0);
    }
    int rc = sr_ring_open_config(&stage->ring, &config);
    child_check(rc == 0 || rc == -EPERM || rc == -ENOSYS);
    return rc == 0;
}

static void put(struct stage *stage, const char *text)
{
    size_t moved = 0;
    if (stage->sim != NULL)
        child_check(sr_sim_write(stage->sim, stage->fds[1], text, strlen(text), &moved) == 0);
    else
        child_check(write(stage->fds[1], text, strlen(text)) == (ssize_t)strlen(text));
}

static void close_stage(struct stage *stage)
{
    child_check(sr_ring_close(&stage->ring) == 0);
    if (stage->sim == NULL) {
        close(stage->fds[0]);
        close(stage->fds[1]);
    }
    sr_sim_free(&stage->sim);
}

/* ---- What is right ---- */

/* Lent, given back, read, lent again; dropped; as a vector; written from. */
static void behave(const char *kernel, enum sr_fence fence)
{
    struct stage stage;
    struct sr_op op;
    struct sr_completion done;
    struct sr_guard access;
    if (!open_stage(&stage, kernel, fence))
        return;
    for (int i = 0; i < 3; i++) {
        struct sr_buffer *buffer;
        child_check(sr_buffer_new(&buffer, 21) == 0);
        child_check(sr_read_owned(stage.ring, sr_fd(stage.fds[0]), &buffer, &op) == 0);
        child_check(sr_ring_submit(stage.ring) == 0);
        put(&stage, "hello");
        child_check(sr_op_await(stage.ring, &op, &done) == 0);
        child_check(sr_take(&done, &buffer) == 5);
        child_check(sr_buffer_try_access(&buffer, &access) == 0);
        child_check(memcmp(sr_guard_bytes(&access), "hello", 5) == 0);
        memcpy(sr_guard_bytes(&access), "again", 5);
        sr_guard_end(&access, &buffer);
        child_check(sr_write_range_owned(stage.ring, sr_fd(stage.fds[1]), &buffer, sr_range(0, 5), 0, &op) ==
                    0);
        child_check(sr_op_await(stage.ring, &op, &done) == 0);
        child_check(sr_take(&done, &buffer) == 5);
        child_check(sr_read_owned(stage.ring, sr_fd(stage.fds[0]), &buffer, &op) == 0);
        child_check(sr_op_await(stage.ring, &op, &done) == 0);
        child_check(sr_take(&done, &buffer) == 5);
        SR_BUFFER_SCOPE(scope, &buffer)
        child_check(memcmp(sr_guard_bytes(&scope), "again", 5) == 0);
        child_check(sr_read_owned(stage.ring, sr_fd(stage.fds[0]), &buffer, &op) == 0);
        child_check(sr_ring_submit(stage.ring) == 0);
        sr_op_drop(stage.ring, &op);
        child_check(sr_ring_drain(stage.ring, SR_FOREVER, NULL) == 0);
    }
    close_stage(&stage);
}

/* A registered buffer is lent as any other: what the kernel was told of it at its registration and at its use is one. */
static void behave_with_a_slot(const char *kernel, enum sr_fence fence)
{
    struct stage stage;
    struct sr_registry *registry;
    struct sr_buffer_slot slot;
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_completion done;
    size_t count;
    if (!open_stage(&stage, kernel, fence))
        return;
    child_check(sr_registry_new(stage.ring, &registry) == 0);
    child_check(sr_buffer_new(&buffer, 21) == 0);
    child_check(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot) == 0);
    for (int i = 0; i < 2; i++) {
        child_check(sr_slot_take(registry, slot, &buffer) == 0);
        child_check(sr_read_owned(stage.ring, sr_fd(stage.fds[0]), &buffer, &op) == 0);
        child_check(sr_ring_submit(stage.ring) == 0);
        put(&stage, "hello");
        child_check(sr_op_await(stage.ring, &op, &done) == 0);
        child_check(sr_take(&done, &buffer) == 5);
        SR_BUFFER_SCOPE(scope, &buffer)
        child_check(memcmp(sr_guard_bytes(&scope), "hello", 5) == 0);
        child_check(sr_buffer_release(&buffer) == 0);
    }
    child_check(sr_registry_unregister_buffer_slots(registry, &buffer, 1, &count) == 0 && count == 1);
    child_check(sr_buffer_release(&buffer) == 0);
    child_check(sr_registry_free(&registry) == 0);
    close_stage(&stage);
}

static void behave_everywhere(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < KERNELS; i++)
        for (enum sr_fence fence = SR_FENCE_AUTO; fence <= SR_FENCE_PAGES; fence++) {
            behave(kernels[i], fence);
            behave_with_a_slot(kernels[i], fence);
        }
}

static void what_is_right_is_not_reported(void **state)
{
    (void)state;
    struct child child;
    run_in_child(&child, behave_everywhere, NULL);
    if (!child_succeeded(&child))
        print_message("%s", child.text);
    assert_true(child_succeeded(&child));
}

/* ---- What is not ---- */

struct misdeed {
    const char *kernel;
    enum sr_fence fence;
};

static const int wrong_line = __LINE__ + 3;
static void touch(volatile unsigned char *bytes)
{
    bytes[2] = 7;
}

/* Keeps a pointer from a guard that has ended, and uses it in flight. */
static void misbehave(void *argument)
{
    const struct misdeed *misdeed = argument;
    struct stage stage;
    struct sr_buffer *buffer;
    struct sr_guard access;
    struct sr_op op;
    signal(SIGSEGV, SIG_DFL); /* cmocka's */
    if (!open_stage(&stage, misdeed->kernel, misdeed->fence))
        _exit(77);
    child_check(sr_buffer_new(&buffer, 21) == 0);
    child_check(sr_buffer_try_access(&buffer, &access) == 0);
    volatile unsigned char *kept = sr_guard_bytes(&access);
    touch(kept);
    sr_guard_end(&access, &buffer);
    child_check(sr_read_owned(stage.ring, sr_fd(stage.fds[0]), &buffer, &op) == 0);
    child_check(sr_ring_submit(stage.ring) == 0);
    touch(kept);
    _exit(0);
}

static void assert_line(const char *text)
{
    char place[64];
    snprintf(place, sizeof place, "test_fence.c:%d", wrong_line);
    if (strstr(text, place) == NULL)
        print_message("%s", text);
    assert_non_null(strstr(text, place));
}

static void the_sanitizer_names_the_line(void **state)
{
    (void)state;
    if (!HAS_ASAN)
        skip();
    for (size_t i = 0; i < KERNELS; i++) {
        struct misdeed misdeed = {kernels[i], SR_FENCE_AUTO};
        struct child child;
        run_in_child(&child, misbehave, &misdeed);
        if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == 77)
            continue;
        assert_false(child_succeeded(&child));
        assert_non_null(strstr(child.text, "use-after-poison"));
        assert_line(child.text);
    }
}

/* The line that the report's own command names. */
static void ask_for_the_line(const char *report, char *answer, size_t size)
{
    char command[600];
    const char *begin = strstr(report, "addr2line ");
    assert_non_null(begin);
    snprintf(command, sizeof command, "%.*s", (int)strcspn(begin, "\n"), begin);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    answer[fread(answer, 1, size - 1, out)] = 0;
    pclose(out);
}

static void a_guard_page_names_the_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < KERNELS; i++) {
        struct misdeed misdeed = {kernels[i], SR_FENCE_PAGES};
        struct child child;
        char answer[1024];
        run_in_child(&child, misbehave, &misdeed);
        if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == 77)
            continue;
        assert_false(child_succeeded(&child));
        if (HAS_ASAN || HAS_TSAN) {
            assert_line(child.text); /* the sanitizer has the signal */
            continue;
        }
        assert_true(WIFSIGNALED(child.status));
        assert_int_equal(WTERMSIG(child.status), SIGSEGV);
        assert_non_null(strstr(child.text, "BUF-4: the program touched"));
        ask_for_the_line(child.text, answer, sizeof answer);
        assert_line(answer);
    }
}

/* Under valgrind this test misbehaves; elsewhere it does nothing. */
#define ROLE "SR_TEST_FENCE_ROLE"
static void in_the_role_of_a_program_under_valgrind(void **state)
{
    (void)state;
    const char *kernel = getenv(ROLE);
    struct misdeed misdeed = {kernel, SR_FENCE_AUTO};
    if (kernel != NULL)
        misbehave(&misdeed);
}

static void valgrind_names_the_line(void **state)
{
    (void)state;
    static char text[65536];
    char self[512];
    if (HAS_ASAN || HAS_TSAN || access("/usr/bin/valgrind", X_OK) != 0)
        skip();
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = 0;
    for (size_t i = 0; i < KERNELS; i++) {
        char command[900];
        snprintf(command, sizeof command,
                 ROLE "=%s valgrind -q --error-exitcode=99 '%s' in_the_role_of_a_program_under_valgrind 2>&1",
                 kernels[i], self);
        FILE *out = popen(command, "r");
        assert_non_null(out);
        text[fread(text, 1, sizeof text - 1, out)] = 0;
        int status = pclose(out);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            continue;
        /* valgrind 3.19 does not read every debug information that clang writes. */
        if (strstr(text, "debuginfo reader") != NULL)
            skip();
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 99);
        assert_non_null(strstr(text, "Invalid write of size 1"));
        assert_line(text);
    }
}

/* ---- The wrong thread, the wrong process ---- */

static const int thread_line = __LINE__ + 3;
static void *submit_there(void *ring)
{
    sr_assert_ok(sr_ring_submit(ring));
    return NULL;
}

static void use_from_another_thread(void *unused)
{
    (void)unused;
    struct stage stage;
    pthread_t thread;
    child_check(open_stage(&stage, "sim", SR_FENCE_NONE));
    child_check(pthread_create(&thread, NULL, submit_there, stage.ring) == 0);
    pthread_join(thread, NULL);
}

static void use_from_another_process(void *unused)
{
    (void)unused;
    struct stage stage;
    int status = 0;
    child_check(open_stage(&stage, "sim", SR_FENCE_NONE));
    pid_t process = fork();
    if (process == 0)
        submit_there(stage.ring);
    child_check(process > 0 && waitpid(process, &status, 0) == process);
    child_check(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    close_stage(&stage);
}

static void the_wrong_thread_and_process_are_named_with_the_line(void **state)
{
    (void)state;
    struct child child;
    char place[80];
    snprintf(place, sizeof place, "test_fence.c:%d: error: sr_ring_submit(ring) is SR_EWRONG_", thread_line);

    run_in_child(&child, use_from_another_thread, NULL);
    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, place));
    assert_non_null(strstr(child.text, "SR_EWRONG_THREAD"));

    run_in_child(&child, use_from_another_process, NULL);
    assert_true(child_succeeded(&child));
    assert_non_null(strstr(child.text, place));
    assert_non_null(strstr(child.text, "SR_EWRONG_PROCESS"));
}

static void an_unknown_fence_is_refused(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    const char *field = NULL;
    struct sr_ring *ring = NULL;
    config.fence = (enum sr_fence)17;
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "fence");

    config.fence = SR_FENCE_AUTO;
    config.backend_name = "engine";
    setenv("SAFER_RING_FENCE", "walls", 1);
    assert_int_equal(sr_ring_open_config(&ring, &config), -EINVAL);
    unsetenv("SAFER_RING_FENCE");
    assert_null(ring);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_right_is_not_reported),
    cmocka_unit_test(the_sanitizer_names_the_line),
    cmocka_unit_test(a_guard_page_names_the_line),
    cmocka_unit_test(in_the_role_of_a_program_under_valgrind),
    cmocka_unit_test(valgrind_names_the_line),
    cmocka_unit_test(the_wrong_thread_and_process_are_named_with_the_line),
    cmocka_unit_test(an_unknown_fence_is_refused),
};

SR_TEST_MAIN(tests)
