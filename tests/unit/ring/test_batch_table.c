/*
 * Many batches of one ring, their turns, and futures of batches that are gone: each future finds its own batch or none (BATCH-5).
 */
#include <errno.h>
#include <string.h>

#include "batch_fixture.h"
#include "ring/batch.h"
#include "safer_ring/log.h"
#include "support/counting_allocator.h"

SR_UNCHECKED static struct sr_batch_future submit_nops(struct sr_ring *ring, uint32_t count)
{
    struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, false);
    struct sr_op_spec nop = sr_spec_nop();
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    return submit(ring, batch);
}

SR_UNCHECKED static void expect_stale(struct sr_ring *ring, struct sr_batch_future future)
{
    struct sr_batch_result result;
    assert_int_equal(sr_batch_poll(&future, ring, &result), SR_ESTALE);
    assert_int_equal(sr_batch_cancel(ring, &future), SR_ESTALE);
}

/* What never was a future of this ring finds nothing; nor does a stale one when its place is another batch's. */
SR_UNCHECKED static void a_stale_future_finds_nothing(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    expect_stale(f.ring, (struct sr_batch_future){0});
    expect_stale(f.ring, (struct sr_batch_future){UINT64_C(1) << 32});
    struct sr_batch_future first = submit_nops(f.ring, 1);
    struct sr_batch_future copy = first;
    sr_batch_drop(f.ring, &first);
    expect_stale(f.ring, copy);

    struct sr_batch_future second = submit_nops(f.ring, 1);
    assert_int_equal((uint32_t)second.id, (uint32_t)copy.id);
    expect_stale(f.ring, copy);
    sr_batch_drop(f.ring, &copy);

    assert_int_equal(sr_ring_submit(f.ring), 0);
    answer(&f, 0, 0);
    expect(&f, &second, "+");
    fake_ring_close(&f);
}

/* However many live at once, each has its own result, and counts until that was ended (BATCH-5, RING-1). */
SR_UNCHECKED static void many_live_at_once(void **state)
{
    (void)state;
    enum {
        MANY = 40
    };
    struct fake_ring f = fake_ring_open(64);
    struct sr_batch_future futures[MANY];
    uint32_t room = 0;
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < MANY; i++)
            futures[i] = submit_nops(f.ring, 1);
        assert_int_equal(sr_ring_in_flight(f.ring), MANY);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        for (uint32_t i = 0; i < MANY; i++)
            answer(&f, round * MANY + i, i % 2 == 0 ? 0 : -EIO);
        for (uint32_t i = MANY; i-- > 0;) {
            expect(&f, &futures[i], i % 2 == 0 ? "+" : "!");
            assert_int_equal(sr_ring_in_flight(f.ring), i);
        }
        if (round == 0)
            room = f.ring->batches.room;
        assert_int_equal(f.ring->batches.room, room); /* places are used again, and none is lost */
        assert_in_range(room, MANY, 4 * MANY);
    }
    fake_ring_close(&f);
}

/* A place whose generations are used up is not used again: an old future could find a new batch there. */
SR_UNCHECKED static void a_used_up_place_is_retired(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_future first = submit_nops(f.ring, 1);
    uint32_t place = (uint32_t)first.id;
    sr_batch_drop(f.ring, &first);
    f.ring->batches.places[place].generation = UINT32_MAX;
    struct sr_batch_future last = submit_nops(f.ring, 1);
    assert_int_equal((uint32_t)last.id, place);
    sr_batch_drop(f.ring, &last);

    struct sr_batch_future other = submit_nops(f.ring, 1);

    assert_int_not_equal((uint32_t)other.id, place);
    sr_batch_drop(f.ring, &other);
    fake_ring_close(&f);
}

/* A batch of one read from this descriptor. */
SR_UNCHECKED static struct sr_batch_future submit_read_of(struct sr_ring *ring, int fd)
{
    struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, false);
    add_read(batch, fd, 10);
    return submit(ring, batch);
}

/* Of several that wait for the only slot any may be dropped before its turn: the others get it, in their order. */
SR_UNCHECKED static void any_may_go_before_its_turn(void **state)
{
    (void)state;
    enum {
        WAITING = 4
    };
    for (uint32_t dropped = 0; dropped < 1u << WAITING; dropped++) {
        struct sr_config config = sr_config_default();
        config.max_in_flight = 1;
        struct fake_ring f = fake_ring_open_config(config);
        struct sr_batch_future futures[WAITING + 1];
        struct sr_completion held;
        struct sr_op op = submit_nop(f.ring);
        answer(&f, 0, 0);
        assert_int_equal(sr_op_await(f.ring, &op, &held), 0);
        for (int i = 0; i < WAITING; i++)
            futures[i] = submit_read_of(f.ring, i);
        for (uint32_t i = 0; i < WAITING; i++)
            if ((dropped >> i & 1) != 0)
                sr_batch_drop(f.ring, &futures[i]);
        futures[WAITING] = submit_read_of(f.ring, WAITING);
        assert_int_equal(sr_take_plain(&held), 0);

        for (uint32_t i = 0, seen = 1; i <= WAITING; i++) {
            if ((dropped >> i & 1) != 0)
                continue;
            assert_int_equal(sr_ring_submit(f.ring), 0);
            assert_int_equal(f.kernel->seen_count, seen + 1);
            assert_int_equal(f.kernel->seen[seen].fd, (int)i);
            answer(&f, seen++, 10);
            expect(&f, &futures[i], "+");
        }
        fake_ring_close(&f);
    }
}

/* What several batches have to start after one look goes to the kernel in one submission (BATCH-4). */
SR_UNCHECKED static void what_is_due_goes_together(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_future futures[3];
    for (int i = 0; i < 3; i++)
        futures[i] = submit(f.ring, chain_of(2, SR_BATCH_DEFERRED, false));
    assert_int_equal(sr_ring_submit(f.ring), 0);
    for (uint32_t i = 0; i < 3; i++)
        answer(&f, i, 10);
    uint32_t enters = f.kernel->enters;

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(f.kernel->enters, enters + 1);
    assert_int_equal(f.kernel->last_to_submit, 3);
    for (uint32_t i = 0; i < 3; i++)
        answer(&f, 3 + i, 10);
    for (int i = 0; i < 3; i++)
        expect(&f, &futures[i], "++");
    fake_ring_close(&f);
}

/* When one batch makes room for itself by a submission, nothing of another goes with it that has failed by then (BATCH-3). */
SR_UNCHECKED static void what_has_failed_goes_with_nobody(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_batch_future first = submit(f.ring, chain_of(2, SR_BATCH_DEFERRED, false));
    struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, true);
    struct sr_op nops[3];
    add_read(batch, 20, 10);
    add_read(batch, 21, 10);
    struct sr_batch_future fails = submit(f.ring, batch);
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 2});
    fake_kernel_script(f.kernel, (struct fake_enter){.error = -EBUSY});
    assert_int_equal(sr_ring_submit(f.ring), -EBUSY);
    for (int i = 0; i < 3; i++)
        nops[i] = start_nop(f.ring);
    answer(&f, 0, 10);
    answer(&f, 1, -EIO);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->seen_count, 6);
    for (uint32_t i = 2; i < 5; i++)
        assert_int_equal(f.kernel->seen[i].opcode, IORING_OP_NOP);
    assert_int_equal(f.kernel->seen[5].fd, 11);
    for (uint32_t i = 2; i < 6; i++)
        answer(&f, i, i < 5 ? 0 : 10);
    expect(&f, &fails, "!-");
    expect(&f, &first, "++");
    for (int i = 0; i < 3; i++)
        assert_int_equal(await_result(f.ring, &nops[i]), 0);
    fake_ring_close(&f);
}

static uint32_t listed_count;

static void count_list(const struct sr_panic *panic, void *user)
{
    struct sr_panic_operation operation;
    (void)user;
    listed_count = 0;
    while (sr_panic_at(panic, listed_count, &operation))
        listed_count++;
}

/* What a ring does to all batches it does to each: lists them, cancels them, and disposes of their results (RING-4, RING-5). */
SR_UNCHECKED static void a_ring_reaches_each(void **state)
{
    (void)state;
    enum {
        BATCHES = 3
    };
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    counter.fill = 1; /* behind the table stand no batches, but pointers */
    struct fake_ring f = fake_ring_open(8);
    struct sr_ring *ring = f.ring;
    struct sr_batch_future futures[BATCHES];
    struct sr_batch_result results[BATCHES];
    struct sr_op_spec accept = sr_spec_accept(sr_fd(3), 0);
    for (int i = 0; i < BATCHES; i++)
        futures[i] = submit(ring, chain_of(2, SR_BATCH_DEFERRED, false));
    sr_set_panic_handler(count_list, NULL);
    assert_int_equal(sr_ring_close(&ring), SR_EOPERATIONS_IN_FLIGHT);
    sr_set_panic_handler(NULL, NULL);
    assert_int_equal(listed_count, 2 * BATCHES);
    assert_int_equal(sr_ring_cancel_all(ring, 0, NULL), 0);
    for (int i = 0; i < BATCHES; i++)
        expect(&f, &futures[i], "--");

    for (int i = 0; i < BATCHES; i++) {
        struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
        assert_int_equal(sr_batch_add_plain(batch, &accept, NULL), 0);
        futures[i] = submit(ring, batch);
    }
    assert_int_equal(sr_ring_submit(ring), 0);
    for (uint32_t i = 0; i < BATCHES; i++) {
        answer(&f, i, 77 + (int32_t)i);
        assert_int_equal(sr_batch_poll(&futures[i], ring, &results[i]), 0);
    }
    assert_int_equal(sr_ring_drain(ring, 0, NULL), 0);
    assert_int_equal(f.kernel->closed_count, BATCHES);
    for (int i = 0; i < BATCHES; i++)
        assert_int_equal(sr_batch_result_take_plain(&results[i], 0), SR_ESTALE);
    fake_ring_close(&f);
    counting_allocator_remove();
}

static char said[512];

static void keep_line(enum sr_log_level level, const char *text, void *user)
{
    (void)level;
    (void)user;
    strncat(said, text, sizeof said - strlen(said) - 1);
}

/* Why a ring can't be closed is logged: how many batches are alive, if any is. */
SR_UNCHECKED static void live_batches_are_told_at_close(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_ring *ring = f.ring;
    struct sr_batch_future futures[2] = {submit_nops(f.ring, 1), submit_nops(f.ring, 2)};
    sr_set_log(keep_line, NULL);
    said[0] = '\0';
    assert_int_equal(sr_ring_try_close(&ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_non_null(strstr(said, "2 batches are alive"));
    struct sr_op op = submit_nop(f.ring);
    for (uint32_t i = 0; i < 4; i++)
        answer(&f, i, 0);
    expect(&f, &futures[0], "+");
    expect(&f, &futures[1], "++");

    said[0] = '\0';
    assert_int_equal(sr_ring_try_close(&ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_null(strstr(said, "batches"));

    sr_set_log(NULL, NULL);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_stale_future_finds_nothing), cmocka_unit_test(many_live_at_once),
    cmocka_unit_test(a_used_up_place_is_retired),   cmocka_unit_test(any_may_go_before_its_turn),
    cmocka_unit_test(what_is_due_goes_together),    cmocka_unit_test(what_has_failed_goes_with_nobody),
    cmocka_unit_test(a_ring_reaches_each),          cmocka_unit_test(live_batches_are_told_at_close),
};

SR_TEST_MAIN(tests)
