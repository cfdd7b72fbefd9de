/*
 * Which backend is chosen, and what is said of it. Every refusal of io_uring happens in a child with a seccomp filter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/detect.h"
#include "support/main.h"
#include "support/raw_ring.h"
#include "support/refuse.h"

static int detect(const char *name, struct sri_detection *why)
{
    struct sr_backend backend = {NULL, NULL};
    int rc = sri_backend_detect(name, &backend, why);
    if (rc == 0)
        backend.vtable->release(backend.self);
    return rc;
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
    if (!refuse_system_call(SYS_io_uring_setup, error))
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

/* Any other refusal is told by its name. */
static void any_other_refusal_is_named(void **state)
{
    (void)state;
    falls_back_where_the_answer_is(ENFILE, "ENFILE");
}

/* Where even the engine finds no descriptor, nothing is made, and that is told. */
static int check_nothing_left(void)
{
    struct sri_detection why;
    struct sr_backend backend = {NULL, NULL};
    if (!refuse_system_call(SYS_epoll_create1, EMFILE) || !refuse_system_call(SYS_io_uring_setup, ENOSYS))
        return 77;
    int rc = sri_backend_detect("auto", &backend, &why);
    return rc == -EMFILE && backend.vtable == NULL && strstr(why.reason, "engine") != NULL ? 0 : 1;
}

static void without_descriptors_nothing_is_made(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(check_nothing_left());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_unknown_name_is_refused_with_the_known_ones),
    cmocka_unit_test(the_simulated_kernel_is_said_to_be_elsewhere),
    cmocka_unit_test(the_environment_chooses_where_no_name_is_given),
    cmocka_unit_test(something_is_always_chosen),
    cmocka_unit_test(a_filter_is_named_and_the_engine_works),
    cmocka_unit_test(a_kernel_without_io_uring_is_told),
    cmocka_unit_test(a_limit_of_locked_memory_is_told),
    cmocka_unit_test(any_other_refusal_is_named),
    cmocka_unit_test(without_descriptors_nothing_is_made),
};

SR_TEST_MAIN(tests)
