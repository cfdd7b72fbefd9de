/*
 * Multishots: each completion is one of its own, kept, taken, disposed of like any other; the operation ends with its last
 * (OP-3, OP-9, ORPH-1, ORPH-4, ORPH-5, RING-1, RING-4).
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "safer_ring/multishot.h"
#include "support/each_kernel.h"
#include "support/fake_ring.h"
#include "support/main.h"

static int tag;

/* A multishot accept on the scripted kernel, which has taken it. Its completions come by sr_ring_next(). */
static struct sr_multishot submit_accepts(struct fake_ring *f)
{
    struct sr_multishot accepts;
    assert_int_equal(sr_accept_multishot(f->ring, sr_fd(5), &tag, &accepts), 0);
    assert_int_equal(sr_ring_submit(f->ring), 0);
    return accepts;
}

static void post_shot(struct fake_ring *f, struct sr_multishot accepts, int32_t result)
{
    fake_kernel_post_flagged(f->kernel, accepts.id, result, IORING_CQE_F_MORE);
}

/* The next completion is this result of the multishot, and is ended. */
SR_UNCHECKED static void expect_next(struct fake_ring *f, int32_t result, bool more)
{
    struct sr_completion done;
    assert_int_equal(sr_ring_next(f->ring, &done), 0);
    assert_int_equal(done.result, result);
    assert_int_equal(done.more, more);
    assert_int_equal(done.opcode, IORING_OP_ACCEPT);
    assert_ptr_equal(done.user, &tag);
    assert_int_equal(sr_take_plain(&done), result);
}

/* Each completion comes with `more`, the last without, and with it the operation is gone (OP-3). */
static void each_completion_says_whether_more_follow(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_multishot accepts = submit_accepts(&f);
    assert_int_equal(f.kernel->seen[0].ioprio, IORING_ACCEPT_MULTISHOT);
    post_shot(&f, accepts, 11);
    post_shot(&f, accepts, 12);
    expect_next(&f, 11, true);
    expect_next(&f, 12, true);
    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    assert_int_equal(stats_of(f.ring).shots, 2);
    assert_int_equal(stats_of(f.ring).started, 1);

    fake_kernel_post(f.kernel, accepts.id, 13);
    expect_next(&f, 13, false);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_multishot_stop(f.ring, &accepts), SR_ESTALE);
    assert_int_equal(stats_of(f.ring).completed, 1);
    fake_ring_close(&f);
}

/* Completions that wait or are held count as in flight, and a ring closed over them panics (RING-1). */
SR_UNCHECKED static void untaken_completions_are_in_flight(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion held;
    struct sr_multishot accepts = submit_accepts(&f);
    post_shot(&f, accepts, 11);
    post_shot(&f, accepts, 12);
    fake_kernel_post(f.kernel, accepts.id, -ECANCELED);
    assert_int_equal(sr_ring_next(f.ring, &held), 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 3);
    assert_int_equal(sr_ring_try_close(&f.ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(sr_take_plain(&held), 11);
    expect_next(&f, 12, true);
    expect_next(&f, -ECANCELED, false);
    fake_ring_close(&f);
}

/* A copy of a completion that was ended is stale, also when its slot serves the next one. */
SR_UNCHECKED static void a_completion_is_ended_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done;
    struct sr_multishot accepts = submit_accepts(&f);
    post_shot(&f, accepts, 11);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    struct sr_completion copy = done;
    assert_int_equal(sr_take_plain(&done), 11);
    post_shot(&f, accepts, 12);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&copy), SR_ESTALE);
    assert_int_equal(sr_take_plain(&done), 12);
    fake_kernel_post(f.kernel, accepts.id, 0);
    expect_next(&f, 0, false);
    fake_ring_close(&f);
}

/* With no place left for a completion the ring stops reaping and says so; once one is ended it goes on, in order (OP-9). */
SR_UNCHECKED static void without_a_place_it_waits(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.shot_entries = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_completion held[2];
    struct sr_completion done;
    struct sr_multishot accepts = submit_accepts(&f);
    struct sr_op nop = submit_nop(f.ring);
    for (int32_t i = 0; i < 3; i++)
        post_shot(&f, accepts, 11 + i);
    fake_kernel_post(f.kernel, nop.id, 0);
    assert_int_equal(sr_ring_next(f.ring, &held[0]), 0);
    assert_int_equal(sr_ring_next(f.ring, &held[1]), 0);

    assert_int_equal(sr_ring_next(f.ring, &done), SR_EQUEUE_FULL);
    assert_int_equal(sr_op_await(f.ring, &nop, &done), SR_EQUEUE_FULL);
    assert_int_equal(sr_op_peek(f.ring, &nop, &done), SR_EQUEUE_FULL);

    assert_int_equal(sr_take_plain(&held[0]), 11);
    expect_next(&f, 13, true);
    assert_int_equal(await_result(f.ring, &nop), 0);
    assert_int_equal(sr_take_plain(&held[1]), 12);
    fake_kernel_post(f.kernel, accepts.id, 0);
    expect_next(&f, 0, false);
    fake_ring_close(&f);
}

/* Dropped for want of a place: what nobody takes any more holds up nothing. */
SR_UNCHECKED static void a_drop_makes_way(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.shot_entries = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_completion held;
    struct sr_completion done;
    struct sr_multishot accepts = submit_accepts(&f);
    struct sr_op nop = submit_nop(f.ring);
    uint64_t id = accepts.id;
    post_shot(&f, accepts, 11);
    post_shot(&f, accepts, 12);
    fake_kernel_post(f.kernel, nop.id, 0);
    assert_int_equal(sr_ring_next(f.ring, &held), 0);
    assert_int_equal(sr_op_peek(f.ring, &nop, &done), SR_EQUEUE_FULL);

    assert_int_equal(sr_multishot_drop(f.ring, &accepts), 0);
    assert_int_equal(await_result(f.ring, &nop), 0);
    assert_int_equal(f.kernel->closed[0], 12);
    assert_int_equal(sr_take_plain(&held), 11);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    assert_int_equal(f.kernel->closed_count, 1);
    fake_ring_close(&f);
}

/* Dropping disposes of what came and was not delivered, cancels though dropping does not ask for it elsewhere, and disposes of
   what still comes (ORPH-4, ORPH-5); a completion that is held stays its holder's. */
SR_UNCHECKED static void dropping_closes_what_nobody_takes(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.cancel_on_drop = false;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_completion held;
    struct sr_multishot accepts = submit_accepts(&f);
    uint64_t id = accepts.id;
    for (int32_t i = 0; i < 3; i++)
        post_shot(&f, accepts, 11 + i);
    assert_int_equal(sr_ring_next(f.ring, &held), 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(sr_multishot_drop(f.ring, &accepts), 0);
    assert_int_equal(accepts.id, 0);
    assert_int_equal(f.kernel->closed_count, 2);
    assert_true(f.kernel->closed[0] == 12 && f.kernel->closed[1] == 13);
    assert_int_equal(sr_ring_orphan_count(f.ring), 1);

    post_shot(&f, (struct sr_multishot){id}, 14);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 1);
    assert_int_equal(f.kernel->closed[2], 14);
    fake_kernel_post(f.kernel, id, 15);
    fake_kernel_post(f.kernel, cancel_of(id), -ENOENT);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(f.kernel->closed[3], 15);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    assert_int_equal(sr_take_plain(&held), 11);
    fake_ring_close(&f);
}

/* One the kernel has not taken is withdrawn by a drop, and ends with -ECANCELED by a stop (ORPH-2). */
static void a_queued_one_is_withdrawn(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_multishot accepts;
    assert_int_equal(sr_accept_multishot(f.ring, sr_fd(5), &tag, &accepts), 0);
    assert_int_equal(sr_multishot_drop(f.ring, &accepts), 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);

    assert_int_equal(sr_accept_multishot(f.ring, sr_fd(5), &tag, &accepts), 0);
    assert_int_equal(sr_multishot_stop(f.ring, &accepts), 0);
    assert_int_equal(sr_multishot_stop(f.ring, &accepts), SR_EINVALID_STATE);
    expect_next(&f, -ECANCELED, false);
    assert_int_equal(f.kernel->seen_count, 0);
    fake_ring_close(&f);
}

/* One whose last completion waits is dropped with it; while the program holds that, there is nothing to drop. */
SR_UNCHECKED static void an_ended_one_is_dropped_with_its_end(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion held;
    struct sr_multishot accepts = submit_accepts(&f);
    fake_kernel_post(f.kernel, accepts.id, 11);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_multishot_drop(f.ring, &accepts), 0);
    assert_int_equal(f.kernel->closed[0], 11);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);

    accepts = submit_accepts(&f);
    fake_kernel_post(f.kernel, accepts.id, 12);
    assert_int_equal(sr_ring_next(f.ring, &held), 0);
    assert_int_equal(sr_multishot_drop(f.ring, &accepts), SR_EINVALID_STATE);
    assert_int_equal(sr_take_plain(&held), 12);
    fake_ring_close(&f);
}

/* One that has ended is stale, also while the answer to its cancel is owed; and nothing is counted twice (OP-3). */
SR_UNCHECKED static void an_ended_one_is_stale_while_its_cancel_is_owed(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done;
    struct sr_multishot accepts = submit_accepts(&f);
    uint64_t id = accepts.id;
    assert_int_equal(sr_multishot_stop(f.ring, &accepts), 0);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    expect_next(&f, -ECANCELED, false);

    assert_int_equal(sr_multishot_stop(f.ring, &accepts), SR_ESTALE);
    assert_int_equal(sr_multishot_drop(f.ring, &accepts), SR_ESTALE);
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_ring_dispatch_wait(f.ring, SR_FOREVER, NULL), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    if (fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL) != 0)
        fake_kernel_post(f.kernel, cancel_of(id), -ENOENT);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    fake_ring_close(&f);
}

/* A dropped one that a cancel missed is asked again: at once, and then with each completion it still has (ORPH-5). */
static void a_dropped_one_is_asked_again(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_multishot accepts = submit_accepts(&f);
    uint64_t id = accepts.id;
    assert_int_equal(sr_multishot_drop(f.ring, &accepts), 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 1);

    fake_kernel_post(f.kernel, cancel_of(id), -EALREADY);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 2);
    fake_kernel_post(f.kernel, cancel_of(id), -EALREADY);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 2);

    post_shot(&f, (struct sr_multishot){id}, 11);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(f.kernel->closed[0], 11);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 3);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    fake_ring_close(&f);
}

/* Draining asks a multishot to end, whatever dropping does, and closes what nobody takes (RING-4, ORPH-4). */
static void draining_ends_it(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.cancel_on_drop = false;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_multishot accepts = submit_accepts(&f);
    post_shot(&f, accepts, 11);
    fake_kernel_promise(f.kernel, cancel_of(accepts.id), 0);
    fake_kernel_promise(f.kernel, accepts.id, -ECANCELED);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 1);
    assert_int_equal(f.kernel->closed[0], 11);
    fake_ring_close(&f);
}

/* What can't be a multishot, and what only a multishot may ask, is refused, and nothing has started. */
SR_UNCHECKED static void what_makes_no_multishot_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_multishot multishot = {7};
    struct sr_op op;
    struct sr_op_spec accept = sr_spec_accept(sr_fd(5), 0);
    struct sr_op_spec many = sr_spec_multishot(accept);
    struct sr_op_spec peer = many;
    struct sr_op_spec limited = sr_spec_within(many, 1);
    struct sr_op_spec nop = sr_spec_multishot(sr_spec_nop());
    peer.flags |= SR_OP_WANT_PEER;

    assert_int_equal(sr_multishot_start(f.ring, &accept, NULL, NULL, &multishot), -EINVAL);
    assert_int_equal(sr_multishot_start(f.ring, &peer, NULL, NULL, &multishot), -EINVAL);
    assert_int_equal(sr_multishot_start(f.ring, &limited, NULL, NULL, &multishot), -EINVAL);
    assert_int_equal(sr_multishot_start(f.ring, &nop, NULL, NULL, &multishot), -EOPNOTSUPP);
    assert_int_equal(sr_multishot_start(f.ring, &many, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(sr_multishot_start(NULL, &many, NULL, NULL, &multishot), -EINVAL);
    assert_int_equal(sr_op_start_plain(f.ring, &many, &op), -EINVAL);
    assert_int_equal(multishot.id, 7);
    assert_int_equal(sr_multishot_stop(f.ring, &multishot), SR_ESTALE);
    assert_int_equal(sr_multishot_drop(f.ring, &multishot), SR_ESTALE);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    op = submit_nop(f.ring);
    assert_int_equal(sr_multishot_stop(f.ring, &(struct sr_multishot){op.id}), SR_ESTALE);
    fake_kernel_post_flagged(f.kernel, op.id, 0, IORING_CQE_F_MORE);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close_with_unknown(&f, 1);
}

struct counted {
    uint32_t calls;
    uint32_t more;
};

SR_UNCHECKED static void count(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct counted *counted = user;
    (void)ring;
    counted->calls++;
    counted->more += done->more;
    /* Not ended here: it is ended for it, and its descriptor closed (CB-3). */
}

/* A callback is called with each completion; one it leaves is ended for it (CB-1, CB-3). */
static void a_callback_gets_each(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct counted counted = {0};
    struct sr_multishot accepts;
    struct sr_op_spec spec = sr_spec_multishot(sr_spec_accept(sr_fd(5), 0));
    assert_int_equal(sr_multishot_start(f.ring, &spec, count, &counted, &accepts), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    post_shot(&f, accepts, 11);
    fake_kernel_post(f.kernel, accepts.id, 12);
    assert_int_equal(sr_ring_dispatch_wait(f.ring, SR_FOREVER, NULL), 0);
    assert_int_equal(counted.calls, 2);
    assert_int_equal(counted.more, 1);
    assert_int_equal(stats_of(f.ring).ended_for_callback, 2);
    assert_int_equal(f.kernel->closed_count, 2);
    assert_int_equal(sr_ring_dispatch_wait(f.ring, SR_FOREVER, NULL), SR_ENOTHING_IN_FLIGHT);
    fake_ring_close(&f);
}

struct dropping {
    struct sr_multishot accepts;
    uint32_t calls;
};

SR_UNCHECKED static void drop_itself(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct dropping *dropping = user;
    dropping->calls++;
    assert_int_equal(sr_multishot_drop(ring, &dropping->accepts), 0);
    assert_int_equal(sr_take_plain(done), 11);
}

/* A callback drops its own multishot while others of its completions wait: they are disposed of, and no callback runs. */
static void a_callback_drops_its_own(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct dropping dropping = {0};
    uint32_t ran;
    struct sr_op_spec spec = sr_spec_multishot(sr_spec_accept(sr_fd(5), 0));
    assert_int_equal(sr_multishot_start(f.ring, &spec, drop_itself, &dropping, &dropping.accepts), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t id = dropping.accepts.id;
    for (int32_t i = 0; i < 3; i++)
        post_shot(&f, dropping.accepts, 11 + i);

    assert_int_equal(sr_ring_dispatch(f.ring, &ran), 0);
    assert_int_equal(ran, 1);
    assert_int_equal(dropping.calls, 1);
    assert_true(f.kernel->closed_count == 2 && f.kernel->closed[0] == 12 && f.kernel->closed[1] == 13);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    fake_ring_close(&f);
}

/* Takes the next completion, which is a descriptor, and closes it. Asserts `more`. */
SR_UNCHECKED static void accept_next(struct each_kernel *world)
{
    struct sr_completion done;
    assert_int_equal(sr_ring_next(world->ring, &done), 0);
    assert_true(done.result >= 0);
    assert_true(done.more);
    each_kernel_close(world, sr_take_plain(&done));
}

SR_UNCHECKED static void accept_each(struct each_kernel *world)
{
    struct sr_multishot accepts;
    struct sr_completion done;
    assert_int_equal(sr_accept_multishot(world->ring, sr_fd(world->listening), &tag, &accepts), 0);
    for (int i = 0; i < 5; i++) {
        int fd = each_kernel_connect(world);
        accept_next(world);
        each_kernel_close(world, fd);
    }
    assert_int_equal(sr_multishot_stop(world->ring, &accepts), 0);
    assert_int_equal(sr_ring_next(world->ring, &done), 0);
    assert_false(done.more);
    assert_int_equal(sr_take_plain(&done), -ECANCELED);
}

/* On each kernel one accept gives every connection, until it is stopped (BACK-1). */
static void one_accept_gives_every_connection(void **state)
{
    (void)state;
    on_each_kernel(accept_each);
}

SR_UNCHECKED static void poll_twice(struct each_kernel *world)
{
    struct sr_op_spec spec = sr_spec_multishot(sr_spec_poll(sr_fd(world->pipe[0]), POLLIN));
    struct sr_multishot polls;
    struct sr_completion done;
    assert_int_equal(sr_multishot_start(world->ring, &spec, NULL, &tag, &polls), 0);
    assert_int_equal(sr_ring_submit(world->ring), 0);
    for (int i = 0; i < 2; i++) {
        each_kernel_write(world, world->pipe[1], "x", 1);
        assert_int_equal(sr_ring_next(world->ring, &done), 0);
        assert_true((done.result & POLLIN) != 0 && done.more);
        assert_true((sr_take_plain(&done) & POLLIN) != 0);
    }
    assert_int_equal(sr_multishot_drop(world->ring, &polls), 0);
    assert_int_equal(sr_ring_drain(world->ring, SR_FOREVER, NULL), 0);
}

/* On each kernel one poll tells every write; dropped, it drains (ORPH-5, RING-4). */
static void one_poll_tells_every_write(void **state)
{
    (void)state;
    on_each_kernel(poll_twice);
}

/* Whatever the kernel's luck, what was accepted is taken or closed, and nothing stays (ORPH-4, OP-5). */
SR_UNCHECKED static void bad_luck_leaks_no_connection(void **state)
{
    (void)state;
    SR_SIM_FOR_EACH_SEED (sim, 300) {
        struct each_kernel world = {.name = "sim", .sim = sim};
        struct sr_multishot accepts;
        uint32_t made = 0;
        uint32_t by_operations = 0;
        each_kernel_make(&world);
        assert_int_equal(sr_accept_multishot(world.ring, sr_fd(world.listening), &tag, &accepts), 0);
        for (int i = 0; i < 3; i++) {
            struct sr_completion done;
            int fd = each_kernel_connect(&world);
            if (sr_ring_next_timeout(world.ring, 1000000, &done) == 0) {
                int32_t accepted = sr_take_plain(&done);
                if (accepted >= 0)
                    each_kernel_close(&world, accepted);
            }
            each_kernel_close(&world, fd);
        }
        (void)!sr_multishot_drop(world.ring, &accepts);
        sr_sim_calm(sim);
        assert_int_equal(sr_ring_drain(world.ring, SR_FOREVER, NULL), 0);
        sr_sim_open_descriptors(sim, &made, &by_operations);
        assert_int_equal(by_operations, 0);
        assert_int_equal(stats_of(world.ring).unknown, 0);
        assert_int_equal(sr_ring_close(&world.ring), 0);
        each_kernel_free(&world);
    }
}

static int abandon_loop(void **state)
{
    (void)state;
    sr_sim_loop_abandon();
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_completion_says_whether_more_follow),
    cmocka_unit_test(untaken_completions_are_in_flight),
    cmocka_unit_test(a_completion_is_ended_once),
    cmocka_unit_test(without_a_place_it_waits),
    cmocka_unit_test(a_drop_makes_way),
    cmocka_unit_test(dropping_closes_what_nobody_takes),
    cmocka_unit_test(a_queued_one_is_withdrawn),
    cmocka_unit_test(an_ended_one_is_dropped_with_its_end),
    cmocka_unit_test(an_ended_one_is_stale_while_its_cancel_is_owed),
    cmocka_unit_test(a_dropped_one_is_asked_again),
    cmocka_unit_test(draining_ends_it),
    cmocka_unit_test(what_makes_no_multishot_is_refused),
    cmocka_unit_test(a_callback_gets_each),
    cmocka_unit_test(a_callback_drops_its_own),
    cmocka_unit_test(one_accept_gives_every_connection),
    cmocka_unit_test(one_poll_tells_every_write),
    cmocka_unit_test_teardown(bad_luck_leaks_no_connection, abandon_loop),
};

SR_TEST_MAIN(tests)
