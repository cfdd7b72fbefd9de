/*
 * A system call that the kernel refuses: its error is told by whoever needed it, and no descriptor and no memory stays behind.
 * Each in a child with a filter of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "backend/uring.h"
#include "base/twin.h"
#include "safer_ring.h"
#include "safer_ring/check.h"
#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/main.h"
#include "support/raw_ring.h"
#include "support/refuse.h"

#define OWN_THREAD (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    child_check(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* ---- The engine over descriptors ---- */

static void make_engine(void *argument)
{
    const struct refusal *refusal = argument;
    struct counting_allocator counter;
    struct sr_backend kernel = {NULL, NULL};
    counting_allocator_install(&counter);
    unsigned before = descriptors();
    refuse_or_skip(refusal);

    child_check(sri_engine_host_backend(&kernel) == -refusal->error);

    child_check(kernel.vtable == NULL);
    child_check(descriptors() == before);
    child_check(counter.blocks == 0);
}

/* The descriptors that the engine needs for itself. */
static void an_engine_that_finds_no_descriptor_is_not_made(void **state)
{
    static const struct refusal refusals[] = {
        {SYS_epoll_create1, EMFILE, "epoll_create1"},
        {SYS_eventfd2, ENFILE, "eventfd2"},
        {SYS_timerfd_create, EMFILE, "timerfd_create"},
        {SYS_epoll_ctl, ENOSPC, "epoll_ctl"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused_in_child(make_engine, &refusals[i]);
}

static void open_engine_ring(void *argument)
{
    const struct refusal *refusal = argument;
    struct sr_backend kernel;
    struct raw_ring raw;
    child_check(sri_engine_host_backend(&kernel) == 0);
    unsigned before = descriptors();
    refuse_or_skip(refusal);

    child_check(raw_ring_open(&raw, kernel, 8, 0) == -refusal->error);

    child_check(descriptors() == before);
    kernel.vtable->release(kernel.self);
}

/* The descriptors of each of its rings. */
static void a_ring_that_finds_no_descriptor_is_not_made(void **state)
{
    static const struct refusal refusals[] = {
        {SYS_epoll_create1, EMFILE, "epoll_create1"},
        {SYS_eventfd2, ENFILE, "eventfd2"},
        {SYS_epoll_ctl, ENOSPC, "epoll_ctl"},
        {SYS_mmap, ENOMEM, "mmap"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused_in_child(open_engine_ring, &refusals[i]);
}

static void open_ring(void *argument)
{
    const struct refusal *refusal = argument;
    struct sr_ring *ring = NULL;
    refuse_or_skip(refusal);
    child_check(sr_ring_open(&ring, 8) == -refusal->error);
    child_check(ring == NULL);
}

/* Nor is one of the library's without a page for the gate that its calls pass. */
static void a_ring_that_finds_no_page_is_not_made(void **state)
{
    static const struct refusal refusal = {SYS_mmap, ENOMEM, "mmap"};
    (void)state;
    assert_refused_in_child(open_ring, &refusal);
}

static void open_uring_without_memory(void *argument)
{
    struct counting_allocator counter;
    struct sr_backend kernel;
    struct raw_ring raw;
    (void)argument;
    counting_allocator_install(&counter);
    counter.fails_at = 1;
    child_check(sri_uring_backend(&kernel) == -ENOMEM);
    child_check(sri_uring_backend(&kernel) == 0);
    counter.fails_at = counter.allocations + 1;
    child_check(raw_ring_open(&raw, kernel, 8, 0) == -ENOMEM);
    if (raw_ring_open(&raw, kernel, 8, 0) != 0)
        _exit(77);
    counter.fails_at = counter.allocations + 1;
    child_check(kernel.vtable->wake(kernel.self, raw.fd, 9) == -ENOMEM);
    child_check(kernel.vtable->wake(kernel.self, raw.fd, 9) == 0);
    /* The program closes the descriptor behind its back: the number that comes back is another ring's. */
    int number = raw.fd;
    child_check(close(number) == 0);
    child_check(raw_ring_open(&raw, kernel, 8, 0) == 0 && raw.fd == number);
    raw_ring_close(&raw);
    kernel.vtable->release(kernel.self);
    child_check(counter.blocks == 0);
}

/* The true kernel's side without memory: each call says so, and works when it is made again. */
static void the_true_kernel_is_reached_once_there_is_memory(void **state)
{
    static const struct refusal nothing = {0, 0, "nothing"};
    (void)state;
    assert_refused_in_child(open_uring_without_memory, &nothing);
}

static void wait_for_a_pipe(void *argument)
{
    const struct refusal *refusal = argument;
    struct sr_backend kernel;
    struct raw_ring raw;
    struct io_uring_cqe cqe;
    char byte;
    int ends[2];
    child_check(pipe(ends) == 0);
    child_check(sri_engine_host_backend(&kernel) == 0);
    child_check(raw_ring_open(&raw, kernel, 8, 0) == 0);
    refuse_or_skip(refusal);

    io_uring_prep_read(raw_ring_sqe(&raw, 1), ends[0], &byte, 1, 0);
    child_check(raw_ring_submit_and_wait_for(&raw, 1, UINT64_C(1000000000)) == 1);
    child_check(raw_ring_take(&raw, &cqe));

    child_check(cqe.user_data == 1 && cqe.res == -refusal->error);
    raw_ring_close(&raw);
    kernel.vtable->release(kernel.self);
}

/* An operation that can't be watched over ends with the error, and does not wait for ever. */
static void an_operation_that_cant_wait_ends(void **state)
{
    static const struct refusal refusals[] = {{SYS_epoll_ctl, ENOSPC, "epoll_ctl"}};
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused_in_child(wait_for_a_pipe, &refusals[i]);
}

/* ---- The true kernel ---- */

static void open_uring(struct sr_backend *kernel, struct raw_ring *raw)
{
    child_check(sri_uring_backend(kernel) == 0);
    if (raw_ring_open(raw, *kernel, 8, OWN_THREAD) != 0)
        _exit(77);
}

static void close_uring(struct sr_backend *kernel, struct raw_ring *raw)
{
    raw_ring_close(raw);
    kernel->vtable->release(kernel->self);
}

static void poll_ring(void *argument)
{
    const struct refusal *refusal = argument;
    struct sr_backend kernel;
    struct raw_ring raw;
    open_uring(&kernel, &raw);
    unsigned before = descriptors();
    refuse_or_skip(refusal);

    child_check(kernel.vtable->pollable_fd(kernel.self, raw.fd) == -refusal->error);
    child_check(kernel.vtable->pollable_fd(kernel.self, raw.fd) == -refusal->error);

    child_check(descriptors() == before);
    close_uring(&kernel, &raw);
}

/* No eventfd, or one that the ring does not take. */
static void a_ring_without_an_eventfd_says_so(void **state)
{
    static const struct refusal refusals[] = {
        {SYS_eventfd2, EMFILE, "eventfd2"},
        {SYS_io_uring_register, EBUSY, "io_uring_register"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused_in_child(poll_ring, &refusals[i]);
}

static void wake_ring(void *argument)
{
    const struct refusal *refusal = argument;
    struct counting_allocator counter;
    struct sr_backend kernel;
    struct raw_ring raw;
    open_uring(&kernel, &raw);
    counting_allocator_install(&counter);
    unsigned before = descriptors();
    refuse_or_skip(refusal);

    child_check(kernel.vtable->wake(kernel.self, raw.fd, 9) == -refusal->error);

    child_check(descriptors() == before);
    child_check(counter.blocks == 0);
    counting_allocator_remove();
    close_uring(&kernel, &raw);
}

/* Nothing can be posted without a ring to post from. */
static void a_post_without_a_ring_says_so(void **state)
{
    static const struct refusal refusals[] = {
        {SYS_io_uring_setup, EPERM, "io_uring_setup"},
        {SYS_mmap, ENOMEM, "mmap"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused_in_child(wake_ring, &refusals[i]);
}

static void send_in_vain(void *argument)
{
    const struct refusal *refusal = argument;
    struct sr_backend kernel;
    struct raw_ring raw;
    open_uring(&kernel, &raw);
    child_check(kernel.vtable->wake(kernel.self, raw.fd, 9) == 0);
    refuse_or_skip(refusal);

    /* What was not sent stays in no queue: the next one does not send two. */
    for (int i = 0; i < 20; i++)
        child_check(kernel.vtable->wake(kernel.self, raw.fd, 9) == -refusal->error);
    child_check(kernel.vtable->wake(kernel.self, 1 << 20, 9) == -refusal->error);
    close_uring(&kernel, &raw);
}

/* A message that the kernel does not take is withdrawn. */
static void a_post_that_is_refused_is_withdrawn(void **state)
{
    static const struct refusal refusals[] = {{SYS_io_uring_enter, EBADR, "io_uring_enter"}};
    (void)state;
    assert_refused_in_child(send_in_vain, &refusals[0]);
}

static void lose_a_ring(void *argument)
{
    (void)argument;
    struct sr_backend kernel;
    struct raw_ring raw;
    open_uring(&kernel, &raw);
    child_check(kernel.vtable->wake(kernel.self, 1 << 20, 9) == -EBADF);
    child_check(kernel.vtable->pollable_fd(kernel.self, 1 << 20) == -EBADF);
    /* Nor while other rings have descriptors to poll; and a ring that has none is asked for its events as ever. */
    struct raw_ring other;
    child_check(raw_ring_open(&other, kernel, 8, 0) == 0);
    child_check(kernel.vtable->pollable_fd(kernel.self, raw.fd) >= 0);
    child_check(raw_ring_get_events(&other) == 0);
    child_check(kernel.vtable->enter(kernel.self, 1 << 20, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0) == -EBADF);
    raw_ring_close(&other);
    close_uring(&kernel, &raw);
}

/* A descriptor that is none is told so. */
static void a_descriptor_that_is_no_ring_is_told(void **state)
{
    static const struct refusal nothing = {0, 0, "nothing"};
    (void)state;
    assert_refused_in_child(lose_a_ring, &nothing);
}

/* ---- What is found out of the machine ---- */

static void probe(void *argument)
{
    const struct refusal *refusal = argument;
    struct sr_system all;
    struct sr_system some;
    struct sr_config config;
    unsigned before = descriptors();
    child_check(sr_system_probe(&all) == 0);
    refuse_or_skip(refusal);

    child_check(sr_system_probe(&some) == 0);

    child_check(some.cpus >= 1 && some.numa_nodes >= 1);
    if (refusal->number == SYS_sysinfo)
        child_check(some.memory_bytes == 0 && all.memory_bytes != 0);
    if (refusal->number == SYS_prlimit64)
        child_check(some.descriptors == UINT64_MAX && some.lockable_bytes == UINT64_MAX);
    if (refusal->number == SYS_openat)
        child_check(some.numa_nodes == 1);
    if (refusal->number == SYS_io_uring_setup)
        child_check(some.io_uring == -refusal->error && some.features == 0 && some.setup_flags == 0);
    if (refusal->number == SYS_io_uring_register)
        child_check(some.io_uring == all.io_uring && some.operations[0] == 0 && some.operations[1] == 0);
    child_check(sr_config_auto_detect(&config, NULL) == 0);
    child_check(sr_config_check(&config, NULL) == 0);
    child_check(refusal->number == SYS_openat || descriptors() == before);
}

/* What can't be found out is left at what is safe, and a configuration is made all the same. */
static void what_cant_be_found_out_is_left_at_what_is_safe(void **state)
{
    static const struct refusal refusals[] = {
        {SYS_sched_getaffinity, ENOSYS, "sched_getaffinity"},
        {SYS_sysinfo, ENOSYS, "sysinfo"},
        {SYS_prlimit64, ENOSYS, "prlimit64"},
        {SYS_openat, EACCES, "openat"},
        {SYS_io_uring_setup, ENOSYS, "io_uring_setup"},
        {SYS_io_uring_register, EPERM, "io_uring_register"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused_in_child(probe, &refusals[i]);
}

/* A machine without that limit. */
static void no_limit_is_told_as_none(void **state)
{
    (void)state;
    struct sr_system system;
    struct rlimit before;
    assert_int_equal(sr_system_probe(NULL), -EINVAL);
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
    struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0)
        skip();
    assert_int_equal(sr_system_probe(&system), 0);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
    assert_true(system.lockable_bytes == UINT64_MAX);
}

/* ---- Memory with two views ---- */

static void make_twin(void *argument)
{
    const struct refusal *refusal = argument;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    unsigned before = descriptors();
    refuse_or_skip(refusal);

    child_check(sri_twin_new(100) == NULL);

    child_check(descriptors() == before);
    child_check(counter.blocks == 0);
    child_check(sri_twin_new(SIZE_MAX / 2) == NULL);
    counter.fails_at = counter.allocations + 1;
    child_check(sri_twin_new(100) == NULL);
}

/* No file, no room in it, no pages. */
static void memory_with_two_views_is_made_or_nothing_is_left(void **state)
{
    static const struct refusal refusals[] = {
        {SYS_memfd_create, EMFILE, "memfd_create"},
        {SYS_ftruncate, ENOSPC, "ftruncate"},
        {SYS_mmap, ENOMEM, "mmap"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused_in_child(make_twin, &refusals[i]);
}

/* Each view is found by any of its addresses, and nothing beside them is. */
static void both_views_are_found(void **state)
{
    (void)state;
    char *first = sri_twin_new(100);
    char *second = sri_twin_new(5000);
    char other[8];
    assert_true(first != NULL && second != NULL);

    char *there = sri_twin_for_kernel(second + 4999);
    assert_non_null(there);
    assert_ptr_not_equal(there, second + 4999);
    second[4999] = 'x';
    assert_int_equal(*there, 'x');
    assert_ptr_equal(sri_twin_for_kernel(there), there);
    assert_null(sri_twin_for_kernel(other));
    assert_false(sri_twin_close(other, sizeof other));
    assert_false(sri_twin_open(other, sizeof other));
    assert_true(sri_twin_holds(second));
    assert_true(sri_twin_holds(first + 99));
    assert_false(sri_twin_holds(there));
    assert_false(sri_twin_holds(other));
    assert_true(sri_twin_close(there, 1));
    assert_true(sri_twin_open(second + 4999, 1));
    assert_int_equal(second[4999], 'x');

    sri_twin_free(other); /* nobody's: nothing happens */
    sri_twin_free(first);
    assert_true(sri_twin_holds(second));
    sri_twin_free(second);
    assert_false(sri_twin_holds(second));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_engine_that_finds_no_descriptor_is_not_made),
    cmocka_unit_test(a_ring_that_finds_no_descriptor_is_not_made),
    cmocka_unit_test(a_ring_that_finds_no_page_is_not_made),
    cmocka_unit_test(the_true_kernel_is_reached_once_there_is_memory),
    cmocka_unit_test(an_operation_that_cant_wait_ends),
    cmocka_unit_test(a_ring_without_an_eventfd_says_so),
    cmocka_unit_test(a_post_without_a_ring_says_so),
    cmocka_unit_test(a_post_that_is_refused_is_withdrawn),
    cmocka_unit_test(a_descriptor_that_is_no_ring_is_told),
    cmocka_unit_test(what_cant_be_found_out_is_left_at_what_is_safe),
    cmocka_unit_test(no_limit_is_told_as_none),
    cmocka_unit_test(memory_with_two_views_is_made_or_nothing_is_left),
    cmocka_unit_test(both_views_are_found),
};

SR_TEST_MAIN(tests)
