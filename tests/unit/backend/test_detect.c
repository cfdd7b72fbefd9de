/*
 * Which backend is chosen, and what is said of it. Every refusal of io_uring happens in a child with a seccomp filter.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "backend/detect.h"
#include "support/main.h"
#include "support/raw_ring.h"

static int detect(const char *name, struct sri_detection *why)
{
    struct sr_backend backend = {NULL, NULL};
    int rc = sri_backend_detect(name, &backend, why);
    if (rc == 0)
        backend.vtable->release(backend.self);
    return rc;
}

/* Makes io_uring_setup answer -error for the rest of this process. */
static bool refuse_io_uring(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/* A name nobody has is an error that names it, and those there are (BACK-4). */
static void an_unknown_name_is_refused_with_the_known_ones(void **state)
{
    (void)state;
    struct sri_detection why;

    assert_int_equal(detect("epoll", &why), -EINVAL);

    assert_non_null(strstr(why.reason, "\"epoll\""));
    assert_non_null(strstr(why.reason, "\"uring\""));
    assert_non_null(strstr(why.reason, "\"engine\""));
    assert_string_equal(why.chosen, "");
}

/* The simulated kernel is not in the library, and the answer says where it is. */
static void the_simulated_kernel_is_said_to_be_elsewhere(void **state)
{
    (void)state;
    struct sri_detection why;

    assert_int_equal(detect("sim", &why), -EINVAL);

    assert_non_null(strstr(why.reason, "sr_sim_ring_open"));
}

/* The environment is asked only where the configuration does not choose. */
static void the_environment_chooses_where_no_name_is_given(void **state)
{
    (void)state;
    struct sri_detection why;
    setenv("SAFER_RING_BACKEND", "engine", 1);
    assert_int_equal(detect(NULL, &why), 0);
    assert_string_equal(why.chosen, "engine");
    assert_non_null(strstr(why.reason, "SAFER_RING_BACKEND"));

    setenv("SAFER_RING_BACKEND", "nonsense", 1);

    assert_int_equal(detect("engine", &why), 0);
    assert_int_equal(detect(NULL, &why), -EINVAL);
    assert_non_null(strstr(why.reason, "\"nonsense\""));
    unsetenv("SAFER_RING_BACKEND");
}

/* Without a name something is always chosen, and the reason is told. */
static void something_is_always_chosen(void **state)
{
    (void)state;
    struct sri_detection why;
    unsetenv("SAFER_RING_BACKEND");

    assert_int_equal(detect(NULL, &why), 0);

    assert_string_equal(why.chosen, why.refusal == 0 ? "uring" : "engine");
    assert_true(strlen(why.reason) > 0);
}

static int check_fallback(int error, const char *said)
{
    struct sri_detection why;
    struct sr_backend backend;
    struct raw_ring ring;
    if (!refuse_io_uring(error))
        return 77;
    if (sri_backend_detect("auto", &backend, &why) != 0)
        return 1;
    if (strcmp(why.chosen, "engine") != 0 || why.refusal != -error || strstr(why.reason, said) == NULL)
        return 2;
    if (raw_ring_open(&ring, backend, 4, 0) != 0)
        return 3;
    struct io_uring_cqe cqe;
    raw_ring_sqe(&ring, 5);
    if (raw_ring_submit_and_wait(&ring, 1) != 1 || !raw_ring_take(&ring, &cqe) || cqe.user_data != 5)
        return 4;
    raw_ring_close(&ring);
    backend.vtable->release(backend.self);
    return detect("uring", &why) == -error && strstr(why.reason, said) != NULL ? 0 : 5;
}

static void falls_back_where_the_answer_is(int error, const char *said)
{
    pid_t child = fork();
    if (child == 0)
        _exit(check_fallback(error, said));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Where a seccomp filter refuses io_uring with EPERM, the engine works in its place and the filter is named. */
static void a_filter_is_named_and_the_engine_works(void **state)
{
    (void)state;
    falls_back_where_the_answer_is(EPERM, "seccomp");
}

/* A kernel without io_uring is told. */
static void a_kernel_without_io_uring_is_told(void **state)
{
    (void)state;
    falls_back_where_the_answer_is(ENOSYS, "ENOSYS");
}

/* Too little memory that may be locked is told with the limit. */
static void a_limit_of_locked_memory_is_told(void **state)
{
    (void)state;
    falls_back_where_the_answer_is(ENOMEM, "RLIMIT_MEMLOCK");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_unknown_name_is_refused_with_the_known_ones),
    cmocka_unit_test(the_simulated_kernel_is_said_to_be_elsewhere),
    cmocka_unit_test(the_environment_chooses_where_no_name_is_given),
    cmocka_unit_test(something_is_always_chosen),
    cmocka_unit_test(a_filter_is_named_and_the_engine_works),
    cmocka_unit_test(a_kernel_without_io_uring_is_told),
    cmocka_unit_test(a_limit_of_locked_memory_is_told),
};

SR_TEST_MAIN(tests)
