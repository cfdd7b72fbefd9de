/*
 * The host world's time where a run is to repeat: logical, so that nobody waits for it, until the program asks for the
 * machine's. And what else the command asks of this world.
 */
#include <poll.h>

#include "host/state.h"
#include "unit/host/world_fixture.h"

static uint64_t now(struct fixture *f)
{
    return f->world.vtable->now_ns(f->world.self);
}

/* Each visit takes the same short while, whatever the machine does. */
static void each_visit_takes_as_long(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    sri_host_world_repeat(f.world);
    uint64_t before = now(&f);
    leave_and_come_back(&f);
    uint64_t step = now(&f) - before;
    assert_true(step > 0);
    assert_int_equal(now(&f), before + step);

    uint64_t real = sri_host_real_ns();
    while (sri_host_real_ns() == real)
        continue; /* the machine's time goes on */
    leave_and_come_back(&f);

    assert_int_equal(now(&f), before + 2 * step);
    end(&f);
}

/* A wait for what is due ends at once, at its time; one that is over already does not turn time back. */
static void a_wait_lets_time_pass_at_once(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    sri_host_world_repeat(f.world);
    uint64_t until = now(&f) + 3600 * SECOND;

    assert_int_equal(f.world.vtable->wait(f.world.self, until, NULL, 0), 0);
    assert_true(now(&f) >= until && now(&f) < until + SECOND);
    uint64_t later = now(&f);
    assert_int_equal(f.world.vtable->wait(f.world.self, until - SECOND, NULL, 0), 0);
    assert_true(now(&f) >= later && now(&f) < later + SECOND);
    end(&f);
}

/* A file of which the first page alone is in memory is read to its end, as by the kernel: where the cache stands is no luck. */
static void what_is_not_in_memory_is_read_too(void **state)
{
    (void)state;
    enum {
        LENGTH = 1 << 20
    };
    char path[] = "/tmp/safer-ring-XXXXXX";
    char *bytes = calloc(1, LENGTH);
    assert_non_null(bytes);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pwrite(fd, bytes, LENGTH, 0), LENGTH);
    assert_int_equal(fsync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
    assert_int_equal(pread(fd, bytes, 4096, 0), 4096);

    struct fixture f;
    begin(&f);
    sri_host_world_repeat(f.world);
    prepare(&f, SRI_WORK_READ, fd, bytes, LENGTH);
    int64_t result = 0;
    assert_int_equal(start(&f, &result), SRI_DONE);
    assert_int_equal(result, LENGTH);
    put(&f);
    end(&f);
    close(fd);
    free(bytes);
}

/* Who found nothing to do hurries: what is due next is due when the next call begins, once. */
static void a_hurry_goes_to_what_is_due(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    sri_host_world_hurry(f.world); /* not logical: nothing happens */
    uint64_t before = now(&f);
    leave_and_come_back(&f);
    assert_true(now(&f) < before + 60 * SECOND);

    sri_host_world_repeat(f.world);
    f.engine.due_ns = now(&f) + 60 * SECOND;
    leave_and_come_back(&f);
    assert_true(now(&f) < f.engine.due_ns);
    sri_host_world_hurry(f.world);
    leave_and_come_back(&f);
    assert_int_equal(now(&f), f.engine.due_ns);
    sri_host_world_hurry(f.world);
    leave_and_come_back(&f);
    assert_true(now(&f) > f.engine.due_ns && now(&f) < f.engine.due_ns + SECOND);

    f.engine.due_ns = SRI_NEVER;
    uint64_t last = now(&f);
    sri_host_world_hurry(f.world);
    leave_and_come_back(&f);
    assert_true(now(&f) > last && now(&f) < last + SECOND);
    end(&f);
}

/* Asked for by the program, time is the machine's from there on, and goes on where it was. */
static void a_program_that_asks_gets_the_machines_time(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_false(sri_host_world_keep_time(f.world));
    sri_host_world_repeat(f.world);
    uint64_t far = now(&f) + UINT64_C(1000000) * SECOND;
    assert_int_equal(f.world.vtable->wait(f.world.self, far, NULL, 0), 0);

    assert_true(sri_host_world_keep_time(f.world));
    assert_false(sri_host_world_keep_time(f.world));

    uint64_t first = now(&f);
    assert_true(first >= far);
    while (now(&f) < first + 1000000)
        continue; /* or the test never ends */
    assert_true(now(&f) < first + 60 * SECOND);
    end(&f);
}

/* A logical time that is behind the machine's is not kept back for it. */
static void time_behind_the_machines_is_the_machines(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    uint64_t real = now(&f);
    sri_host_world_repeat(f.world);
    assert_true(now(&f) < real); /* it begins at a second */

    assert_true(sri_host_world_keep_time(f.world));

    assert_true(now(&f) >= real);
    assert_true(now(&f) < real + 60 * SECOND);
    end(&f);
}

/* Threads are made for what may block, and counted; storage makes none where a run is to repeat. */
static void threads_are_counted(void **state)
{
    (void)state;
    for (int logical = 0; logical < 2; logical++) {
        struct fixture f;
        char path[64];
        char bytes[4] = "abc";
        begin(&f);
        if (logical)
            sri_host_world_repeat(f.world);
        int fd = temporary_file(path);
        assert_int_equal(sri_host_world_workers(f.world), 0);
        prepare(&f, SRI_WORK_FSYNC, fd, bytes, 4);
        assert_int_equal(complete(&f), 0);
        put(&f);
        assert_int_equal(sri_host_world_workers(f.world), logical ? 0 : 1);
        unlink(path);
        close(fd);
        end(&f);
    }
}

/* The world's descriptor is readable when an operation can go on. */
static void the_descriptor_tells_that_something_can_go_on(void **state)
{
    (void)state;
    struct fixture f;
    int ends[2];
    int64_t result;
    char byte;
    begin(&f);
    make_pipe(ends, 0);
    struct pollfd one = {.fd = sri_host_world_descriptor(f.world), .events = POLLIN};
    prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);
    f.attempt.offset = SRI_OWN_POSITION;
    assert_int_equal(start(&f, &result), SRI_WAIT);
    assert_int_equal(poll(&one, 1, 0), 0);

    assert_int_equal(write(ends[1], "x", 1), 1);

    assert_int_equal(poll(&one, 1, 1000), 1);
    wait_for(&f);
    assert_ptr_equal(f.engine.ready, &f.attempt);
    assert_int_equal(start(&f, &result), SRI_DONE);
    assert_int_equal(result, 1);
    assert_int_equal(byte, 'x');
    put(&f);
    f.world.vtable->unlock(f.world.self);
    assert_false(sri_host_world_lost_ring(f.world, ends[0])); /* it is no ring */
    f.world.vtable->lock(f.world.self);
    close_both(ends);
    end(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_visit_takes_as_long),
    cmocka_unit_test(a_wait_lets_time_pass_at_once),
    cmocka_unit_test(what_is_not_in_memory_is_read_too),
    cmocka_unit_test(a_hurry_goes_to_what_is_due),
    cmocka_unit_test(a_program_that_asks_gets_the_machines_time),
    cmocka_unit_test(time_behind_the_machines_is_the_machines),
    cmocka_unit_test(threads_are_counted),
    cmocka_unit_test(the_descriptor_tells_that_something_can_go_on),
};

SR_TEST_MAIN(tests)
