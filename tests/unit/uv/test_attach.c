/*
 * A ring in a libuv loop: woken by completions on rings of every kind, submitting what was queued, holding its ring until
 * it is detached.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <unistd.h>

#include <uv.h>

#include "safer_ring/ring.h"
#include "safer_ring/uv.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

struct loop {
    uv_loop_t loop;
    uv_timer_t limit;
    struct sr_ring *ring;
    struct sr_uv *uv;
    uint32_t ran;
    uint32_t wanted;
    int32_t last;
    bool late;
};

static void end(struct loop *l)
{
    uv_timer_stop(&l->limit);
    if (l->uv != NULL)
        assert_int_equal(sr_uv_detach(&l->uv), 0);
    if (!uv_is_closing((uv_handle_t *)&l->limit))
        uv_close((uv_handle_t *)&l->limit, NULL);
}

static void too_late(uv_timer_t *timer)
{
    struct loop *l = timer->data;
    l->late = true;
    end(l);
}

static void open_loop(struct loop *l, const char *backend, bool defer_taskrun)
{
    struct sr_config config = sr_config_default();
    *l = (struct loop){.wanted = 1};
    config.backend_name = backend;
    config.defer_taskrun = defer_taskrun;
    if (sr_ring_open_config(&l->ring, &config) != 0)
        skip();
    assert_int_equal(uv_loop_init(&l->loop), 0);
    assert_int_equal(uv_timer_init(&l->loop, &l->limit), 0);
    l->limit.data = l;
    assert_int_equal(uv_timer_start(&l->limit, too_late, 10000, 0), 0);
    assert_int_equal(sr_uv_attach(&l->loop, l->ring, &l->uv), 0);
}

static void close_loop(struct loop *l)
{
    assert_false(l->late);
    assert_int_equal(uv_loop_close(&l->loop), 0);
    assert_int_equal(sr_ring_in_flight(l->ring), 0);
    assert_int_equal(sr_ring_close(&l->ring), 0);
}

static void count(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct loop *l = user;
    struct sr_buffer *buffer;
    (void)ring;
    l->last = sr_take(done, &buffer);
    if (buffer != NULL)
        assert_int_equal(sr_buffer_release(&buffer), 0);
    if (++l->ran == l->wanted)
        end(l);
}

static void begin_nop(struct loop *l)
{
    struct sr_op op;
    assert_int_equal(sr_nop(l->ring, &op), 0);
    assert_int_equal(sr_op_then(l->ring, &op, count, l), 0);
}

static void begin_read(struct loop *l, int fd)
{
    struct sr_buffer *buffer;
    struct sr_op op;
    assert_int_equal(sr_buffer_new(&buffer, 16), 0);
    assert_int_equal(sr_read_owned(l->ring, sr_fd(fd), &buffer, &op), 0);
    assert_int_equal(sr_op_then(l->ring, &op, count, l), 0);
}

struct writer {
    uv_timer_t timer;
    int fd;
};

static void write_late(uv_timer_t *timer)
{
    struct writer *writer = timer->data;
    assert_int_equal(write(writer->fd, "late", 4), 4);
    uv_close((uv_handle_t *)timer, NULL);
}

/* Bytes that come while the loop waits wake it: with deferred task work (an eventfd), without (the ring itself), on the engine. */
static void what_arrives_later_wakes_the_loop(void **state)
{
    (void)state;
    static const struct {
        const char *backend;
        bool defer;
    } kinds[] = {{"uring", true}, {"uring", false}, {"engine", true}};
    for (size_t i = 0; i < 3; i++) {
        struct loop l;
        struct writer writer;
        int fds[2];
        open_loop(&l, kinds[i].backend, kinds[i].defer);
        assert_int_equal(pipe(fds), 0);
        begin_read(&l, fds[0]);
        writer.fd = fds[1];
        writer.timer.data = &writer;
        assert_int_equal(uv_timer_init(&l.loop, &writer.timer), 0);
        assert_int_equal(uv_timer_start(&writer.timer, write_late, 20, 0), 0);

        assert_int_equal(uv_run(&l.loop, UV_RUN_DEFAULT), 0);

        assert_int_equal(l.last, 4);
        close_loop(&l);
        close(fds[0]);
        close(fds[1]);
    }
}

static void start_more(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct loop *l = user;
    (void)ring;
    sr_take_plain(done);
    for (int i = 0; i < 50; i++)
        begin_nop(l);
}

/* What callbacks start is submitted and comes back, though its completions come within the dispatch that submits them. */
static void what_a_callback_starts_comes_back(void **state)
{
    (void)state;
    static const char *const backends[] = {"uring", "uring", "engine"};
    for (size_t i = 0; i < 3; i++) {
        struct loop l;
        struct sr_op op;
        open_loop(&l, backends[i], i == 0);
        l.wanted = 50;
        assert_int_equal(sr_nop(l.ring, &op), 0);
        assert_int_equal(sr_op_then(l.ring, &op, start_more, &l), 0);

        assert_int_equal(uv_run(&l.loop, UV_RUN_DEFAULT), 0);

        assert_int_equal(l.ran, 50);
        close_loop(&l);
    }
}

static void start_from_timer(uv_timer_t *timer)
{
    begin_nop(timer->data);
    uv_close((uv_handle_t *)timer, NULL);
}

/* An operation started by another handle of the loop is submitted before the loop waits. */
static void what_the_loop_starts_is_submitted(void **state)
{
    (void)state;
    struct loop l;
    uv_timer_t timer;
    open_loop(&l, "uring", true);
    assert_int_equal(uv_timer_init(&l.loop, &timer), 0);
    timer.data = &l;
    assert_int_equal(uv_timer_start(&timer, start_from_timer, 5, 0), 0);

    assert_int_equal(uv_run(&l.loop, UV_RUN_DEFAULT), 0);

    assert_int_equal(l.ran, 1);
    close_loop(&l);
}

/* An attached ring is not closed under the loop; a detached one may be, before the loop has run again (RING-5). */
static void an_attached_ring_is_held(void **state)
{
    (void)state;
    struct loop l;
    open_loop(&l, "uring", true);
    assert_int_equal(sr_ring_close(&l.ring), -EBUSY);
    assert_int_equal(sr_uv_error(l.uv), 0);

    assert_int_equal(sr_uv_detach(&l.uv), 0);
    assert_int_equal(sr_ring_close(&l.ring), 0);

    end(&l);
    assert_int_equal(uv_run(&l.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&l.loop), 0);
}

/* Bad arguments. */
static void nothing_is_attached_to_nothing(void **state)
{
    (void)state;
    struct sr_uv *uv = NULL;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(sr_uv_attach(&loop, NULL, &uv), -EINVAL);
    assert_int_equal(sr_uv_attach(NULL, NULL, &uv), -EINVAL);
    assert_int_equal(sr_uv_detach(&uv), -EINVAL);
    assert_int_equal(sr_uv_detach(NULL), -EINVAL);
    assert_int_equal(sr_uv_error(NULL), -EINVAL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

struct visit {
    uv_loop_t *loop;
    struct sr_ring *ring;
    int code;
};

static void attach_elsewhere(void *argument)
{
    struct visit *visit = argument;
    struct sr_uv *uv = NULL;
    visit->code = sr_uv_attach(visit->loop, visit->ring, &uv);
}

/* Another thread's loop has no part in a ring (RING-6). */
static void a_ring_is_not_attached_to_anothers_loop(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_thread_t thread;
    struct fake_ring f = fake_ring_open(4);
    struct visit visit = {&loop, f.ring, 0};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_thread_create(&thread, attach_elsewhere, &visit), 0);
    assert_int_equal(uv_thread_join(&thread), 0);
    assert_int_equal(visit.code, SR_EWRONG_THREAD);
    assert_int_equal(uv_loop_close(&loop), 0);
    fake_ring_close(&f);
}

/* A descriptor that libuv can't poll, and no memory: nothing is attached, and the ring is nobody's to hold. */
static void what_cant_be_attached_is_not_held(void **state)
{
    (void)state;
    struct sr_uv *uv = NULL;
    uv_loop_t loop;
    struct counting_allocator counter;
    struct fake_ring f = fake_ring_open(4);
    assert_int_equal(uv_loop_init(&loop), 0);
    counting_allocator_install(&counter);
    assert_int_equal(sr_uv_attach(&loop, f.ring, NULL), -EINVAL);

    counter.fails_at = 1;
    assert_int_equal(sr_uv_attach(&loop, f.ring, &uv), -ENOMEM);
    assert_int_equal(sr_uv_attach(&loop, f.ring, &uv),
                     -EBADF); /* the scriptable kernel's descriptor is none */

    assert_null(uv);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_arrives_later_wakes_the_loop),
    cmocka_unit_test(what_a_callback_starts_comes_back),
    cmocka_unit_test(what_the_loop_starts_is_submitted),
    cmocka_unit_test(an_attached_ring_is_held),
    cmocka_unit_test(nothing_is_attached_to_nothing),
    cmocka_unit_test(a_ring_is_not_attached_to_anothers_loop),
    cmocka_unit_test(what_cant_be_attached_is_not_held),
};

SR_TEST_MAIN(tests)
