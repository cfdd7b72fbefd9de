/*
 * Rings and threads: use from another is refused, a disabled ring goes to the thread that attaches it, values are posted
 * from anywhere, buffers are made and released everywhere (RING-6, RING-7, BUF). On the scriptable kernel where nothing
 * needs to run by itself, on the true one where a wake must end a wait.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#include "backend/uring.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

/* What a thread found; judged by the main thread, since cmocka's assertions belong there. */
struct intruder {
    struct sr_ring *ring;
    struct sr_op op;
    struct sr_completion done;
    struct sr_buffer *buffer;
    int codes[24];
    int count;
    bool handles_kept;
};

static void *run(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    return result;
}

SR_UNCHECKED static void *use_everything(void *argument)
{
    struct intruder *i = argument;
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_completion done;
    struct sr_stats stats;
    struct sr_ring *handle = i->ring;
    struct sr_op op = i->op;
    struct sr_op fresh = {.id = 0};
    struct sr_buffer *buffer = i->buffer;
    size_t taken;
    int *code = i->codes;
    *code++ = sr_op_start_plain(i->ring, &nop, &fresh);
    *code++ = sr_op_start(i->ring, &read, &buffer, &fresh);
    *code++ = sr_op_await(i->ring, &op, &done);
    *code++ = sr_op_await_timeout(i->ring, &op, 0, &done);
    *code++ = sr_op_peek(i->ring, &op, &done);
    *code++ = sr_op_cancel(i->ring, &op);
    *code++ = sr_op_detach(i->ring, &op, NULL);
    *code++ = sr_ring_next(i->ring, &done);
    *code++ = sr_ring_next_many(i->ring, &done, 1, &taken);
    *code++ = sr_ring_submit(i->ring);
    *code++ = sr_ring_dispatch(i->ring, NULL);
    *code++ = sr_ring_dispatch_wait(i->ring, 0, NULL);
    *code++ = sr_ring_drain(i->ring, 0, NULL);
    *code++ = sr_ring_cancel_all(i->ring, 0, NULL);
    *code++ = sr_ring_stats(i->ring, &stats);
    *code++ = sr_ring_pollable_fd(i->ring);
    *code++ = sr_ring_await_posts(i->ring, true);
    *code++ = sr_ring_close(&handle);
    *code++ = sr_ring_try_close(&handle);
    *code++ = sr_take_plain(&i->done);
    i->count = (int)(code - i->codes);
    sr_finish(&i->done);
    sr_op_drop(i->ring, &op);
    i->handles_kept = handle == i->ring && op.id == i->op.id && buffer == i->buffer && fresh.id == 0;
    return NULL;
}

/* Every use from another thread is SR_EWRONG_THREAD and changes nothing (RING-6). */
SR_UNCHECKED static void use_from_another_thread_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct intruder intruder = {.ring = f.ring};
    struct sr_op handed = submit_nop(f.ring);
    intruder.op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, handed.id, 1);
    assert_int_equal(sr_op_await(f.ring, &handed, &intruder.done), 0);
    assert_int_equal(sr_buffer_new(&intruder.buffer, 8), 0);
    struct ring_face face = face_of(f.ring);
    uint32_t enters = f.kernel->enters;

    run(use_everything, &intruder);

    for (int i = 0; i < intruder.count; i++) {
        print_message("call %d\n", i);
        assert_int_equal(intruder.codes[i], SR_EWRONG_THREAD);
    }
    assert_true(intruder.handles_kept);
    assert_int_equal(f.kernel->enters, enters);
    assert_face(f.ring, &face);
    assert_true(sr_buffer_is_user_owned(intruder.buffer));
    assert_int_equal(sr_buffer_release(&intruder.buffer), 0);
    assert_int_equal(sr_take_plain(&intruder.done), 1);
    fake_kernel_post(f.kernel, intruder.op.id, 2);
    assert_int_equal(await_result(f.ring, &intruder.op), 2);
    fake_ring_close(&f);
}

struct heir {
    struct fake_ring *f;
    int attached;
    int again;
    int closed;
    int32_t result;
};

SR_UNCHECKED static void *attach_and_work(void *argument)
{
    struct heir *heir = argument;
    struct sr_ring *ring = heir->f->ring;
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op op;
    struct sr_completion done;
    heir->attached = sr_ring_attach(ring);
    heir->again = sr_ring_attach(ring);
    if (sr_op_start_plain(ring, &nop, &op) != 0)
        return NULL;
    fake_kernel_promise(heir->f->kernel, op.id, 7);
    if (sr_op_await(ring, &op, &done) == 0)
        heir->result = sr_take_plain(&done);
    heir->closed = sr_ring_close(&heir->f->ring);
    return NULL;
}

/* A ring opened disabled belongs to the thread that attaches it, and to no other any more (RING-6). */
SR_UNCHECKED static void a_disabled_ring_goes_to_who_attaches_it(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.disabled = true;
    struct fake_ring f = fake_ring_open_config(config);
    struct heir heir = {.f = &f, .result = -1};

    run(attach_and_work, &heir);

    assert_int_equal(heir.attached, 0);
    assert_int_equal(heir.again, SR_EINVALID_STATE);
    assert_int_equal(heir.result, 7);
    assert_int_equal(heir.closed, 0);
    assert_null(f.ring);
    fake_kernel_free(f.kernel);
}

/* Attaches, then waits for the main thread to have tried, so that the ring still has a thread to close it. */
struct keeper {
    struct fake_ring *f;
    pthread_barrier_t attached;
    pthread_barrier_t tried;
    int closed;
};

static void *attach_and_keep(void *argument)
{
    struct keeper *keeper = argument;
    int rc = sr_ring_attach(keeper->f->ring);
    pthread_barrier_wait(&keeper->attached);
    pthread_barrier_wait(&keeper->tried);
    keeper->closed = rc == 0 ? sr_ring_close(&keeper->f->ring) : rc;
    return NULL;
}

/* Whoever opened it is a stranger after another thread attached it. */
static void who_opened_it_is_a_stranger_after_that(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.disabled = true;
    struct fake_ring f = fake_ring_open_config(config);
    struct keeper keeper = {.f = &f, .closed = 1};
    pthread_t thread;
    pthread_barrier_init(&keeper.attached, NULL, 2);
    pthread_barrier_init(&keeper.tried, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, attach_and_keep, &keeper), 0);
    pthread_barrier_wait(&keeper.attached);

    int codes[3] = {sr_ring_attach(f.ring), sr_ring_submit(f.ring), sr_ring_close(&f.ring)};

    pthread_barrier_wait(&keeper.tried);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(codes[0], SR_EINVALID_STATE);
    assert_int_equal(codes[1], SR_EWRONG_THREAD);
    assert_int_equal(codes[2], SR_EWRONG_THREAD);
    assert_int_equal(keeper.closed, 0);
    pthread_barrier_destroy(&keeper.attached);
    pthread_barrier_destroy(&keeper.tried);
    fake_kernel_free(f.kernel);
}

#define POSTERS 4
#define POSTS 500

struct poster {
    struct sr_ring *ring;
    uint64_t number;
    int failures;
};

static void *post_many(void *argument)
{
    struct poster *poster = argument;
    for (uint64_t i = 0; i < POSTS;) {
        int rc = sr_ring_post(poster->ring, poster->number * POSTS + i);
        if (rc == 0)
            i++;
        else if (rc != -EAGAIN)
            poster->failures++;
        else
            sched_yield();
    }
    return NULL;
}

static void start_posters(struct sr_ring *ring, struct poster posters[], pthread_t threads[])
{
    for (uint64_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.ring = ring, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
}

/* Takes all the posters send: each value once, and each thread's own in its order. */
static void take_all_values(struct sr_ring *ring, uint64_t timeout_ns)
{
    uint64_t next[POSTERS] = {0};
    for (int taken = 0; taken < POSTERS * POSTS;) {
        struct sr_completion done;
        int rc = sr_ring_next_timeout(ring, timeout_ns, &done);
        if (rc == -ETIME) {
            sched_yield();
            continue;
        }
        assert_int_equal(rc, 0);
        assert_true(done.posted);
        uint64_t poster = done.value / POSTS;
        assert_true(poster < POSTERS);
        assert_true(done.value % POSTS == next[poster]++);
        taken++;
    }
}

/* Values from several threads come out each once, those of one thread in its order (RING-7). */
SR_UNCHECKED static void values_from_several_threads_all_arrive(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    assert_int_equal(sr_ring_await_posts(f.ring, true), 0);
    start_posters(f.ring, posters, threads);

    take_all_values(f.ring, 0);

    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(posters[i].failures, 0);
    }
    fake_ring_close(&f);
}

/* The same on the true kernel, where a ring that sleeps must be woken: no wake is lost (RING-7). */
SR_UNCHECKED static void values_from_several_threads_wake_the_true_kernel(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct sr_config config = sr_config_default();
    struct sr_ring *ring = NULL;
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    if (RUNNING_ON_VALGRIND)
        skip(); /* valgrind 3.19 lets no other thread run while one waits in io_uring_enter(2) */
    assert_int_equal(sri_uring_backend(&backend), 0);
    config.backend = &backend;
    config.entries = 4;
    if (sr_ring_open_config(&ring, &config) != 0) {
        backend.vtable->release(backend.self);
        skip();
    }
    assert_int_equal(sr_ring_await_posts(ring, true), 0);
    start_posters(ring, posters, threads);

    take_all_values(ring, SR_FOREVER);

    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(posters[i].failures, 0);
    }
    assert_int_equal(sr_ring_close(&ring), 0);
    backend.vtable->release(backend.self);
}

SR_UNCHECKED static void *make_and_release(void *argument)
{
    (void)argument;
    for (size_t i = 1; i <= 2000; i++) {
        struct sr_buffer *buffer = NULL;
        if (sr_buffer_new(&buffer, i % 100 + 1) != 0)
            return "no buffer";
        struct sr_guard guard;
        if (sr_buffer_try_access(&buffer, &guard) != 0)
            return "no access";
        if (sr_guard_bytes(&guard)[i % 100] != 0)
            return "not zero";
        sr_guard_bytes(&guard)[i % 100] = 1;
        sr_guard_end(&guard, &buffer);
        if (sr_buffer_release(&buffer) != 0)
            return "no release";
    }
    return NULL;
}

/* Buffers are made and released by several threads at once, and none gets another's. */
static void buffers_are_made_and_released_everywhere(void **state)
{
    (void)state;
    pthread_t threads[POSTERS];
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_and_release, NULL), 0);

    for (int i = 0; i < POSTERS; i++) {
        void *complaint = NULL;
        assert_int_equal(pthread_join(threads[i], &complaint), 0);
        assert_null(complaint);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(use_from_another_thread_is_refused),
    cmocka_unit_test(a_disabled_ring_goes_to_who_attaches_it),
    cmocka_unit_test(who_opened_it_is_a_stranger_after_that),
    cmocka_unit_test(values_from_several_threads_all_arrive),
    cmocka_unit_test(values_from_several_threads_wake_the_true_kernel),
    cmocka_unit_test(buffers_are_made_and_released_everywhere),
};

SR_TEST_MAIN(tests)
