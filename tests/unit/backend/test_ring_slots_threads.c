/*
 * Slots of registered rings belong to a thread, on the true kernel and on the engine over the host.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "backend/detect.h"
#include "support/main.h"
#include "support/raw_ring.h"

struct visitor {
    struct raw_ring *ring;
    int before;   /* entering by slot 0, which the other thread has taken */
    int taken;    /* registering in slot 0 */
    int after;    /* entering by it */
    int released; /* and giving it back */
};

static int enter_by(struct raw_ring *ring, int slot)
{
    return ring->backend.vtable->enter(ring->backend.self, slot, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0);
}

static int call(struct raw_ring *ring, unsigned opcode, int fd)
{
    struct io_uring_rsrc_update slot = {.offset = 0, .data = (unsigned)fd};
    return ring->backend.vtable->register_(ring->backend.self, ring->fd, opcode, &slot, 1);
}

static void *visit(void *self)
{
    struct visitor *visitor = self;
    visitor->before = enter_by(visitor->ring, 0);
    visitor->taken = call(visitor->ring, IORING_REGISTER_RING_FDS, visitor->ring->fd);
    visitor->after = enter_by(visitor->ring, 0);
    visitor->released = call(visitor->ring, IORING_UNREGISTER_RING_FDS, 0);
    return NULL;
}

static void a_slot_is_its_threads(const char *name)
{
    struct sr_backend backend;
    struct sri_detection why;
    struct raw_ring ring;
    pthread_t thread;
    if (sri_backend_detect(name, &backend, &why) != 0)
        skip();
    assert_int_equal(raw_ring_open(&ring, backend, 8, 0), 0);
    assert_int_equal(call(&ring, IORING_REGISTER_RING_FDS, ring.fd), 1);
    struct visitor visitor = {.ring = &ring};

    assert_int_equal(pthread_create(&thread, NULL, visit, &visitor), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);

    assert_true(visitor.before == -EINVAL || visitor.before == -EBADF);
    assert_int_equal(visitor.taken, 1);
    assert_int_equal(visitor.after, 0);
    assert_int_equal(visitor.released, 1);
    assert_int_equal(enter_by(&ring, 0), 0);
    assert_int_equal(call(&ring, IORING_UNREGISTER_RING_FDS, 0), 1);
    raw_ring_close(&ring);
    backend.vtable->release(backend.self);
}

static void a_slot_is_its_threads_on_io_uring(void **state)
{
    (void)state;
    a_slot_is_its_threads("uring");
}

static void a_slot_is_its_threads_on_the_engine(void **state)
{
    (void)state;
    a_slot_is_its_threads("engine");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_slot_is_its_threads_on_io_uring),
    cmocka_unit_test(a_slot_is_its_threads_on_the_engine),
};

SR_TEST_MAIN(tests)
