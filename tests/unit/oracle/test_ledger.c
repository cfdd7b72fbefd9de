/*
 * The ledger, the order of links, and stalls (OP-1, OP-7, OP-8).
 */
#include "unit/oracle/watch_fixture.h"

/* Two requests of a ring with one user_data are reported; in two rings they are strangers. */
static void equal_user_data_in_flight_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell_consumed(f, 2, 11, SRI_LENDS_NOTHING, NULL);
    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 0);

    tell_consumed(f, 3, 10, SRI_LENDS_NOTHING, NULL);
    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 1);
}

/* A user_data may come again when its request has ended. */
static void user_data_may_be_used_again_after_the_end(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell_request(f, SRI_EVENT_COMPLETED, 1, 10, 0);
    tell_consumed(f, 2, 10, SRI_LENDS_NOTHING, NULL);

    assert_false(sri_verdict_broken(&f->verdict));
}

/* A closed ring's ids say nothing of the next one's. */
static void a_closed_ring_frees_its_ids(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell(f, (struct sri_event){.kind = SRI_EVENT_RING_CLOSED, .ring = 3, .result = 1});
    tell_consumed(f, 2, 10, SRI_LENDS_NOTHING, NULL);

    assert_false(sri_verdict_broken(&f->verdict));
}

/* user_data 0 tells nobody. */
static void user_data_of_zero_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 0, SRI_LENDS_NOTHING, NULL);

    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 1);
}

static void enter(struct watch_fixture *f, int64_t to_submit)
{
    tell(f, (struct sri_event){.kind = SRI_EVENT_ENTER, .ring = 3, .result = to_submit});
}

static void leave(struct watch_fixture *f, int64_t result, uint32_t sq_ready)
{
    tell(f, (struct sri_event){.kind = SRI_EVENT_LEAVE, .ring = 3, .result = result, .sq_ready = sq_ready});
}

static void consume(struct watch_fixture *f, uint64_t request, uint8_t opcode, uint8_t flags)
{
    struct io_uring_sqe sqe;
    memset(&sqe, 0, sizeof sqe);
    sqe.opcode = opcode;
    sqe.flags = flags;
    tell(f, (struct sri_event){.kind = SRI_EVENT_CONSUMED,
                               .ring = 3,
                               .request = request,
                               .user_data = 100 + request,
                               .opcode = opcode,
                               .sqe = &sqe});
}

/* A chain that was offered whole is the kernel's to part. */
static void a_chain_the_kernel_parts_is_fine(void **state)
{
    struct watch_fixture *f = *state;

    enter(f, 2);
    consume(f, 1, IORING_OP_READ, IOSQE_IO_LINK);
    leave(f, 1, 1);

    assert_false(sri_verdict_broken(&f->verdict));
}

/* A submission that ends inside a chain is the library's mistake. */
static void a_chain_offered_in_parts_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    enter(f, 1);
    consume(f, 1, IORING_OP_READ, IOSQE_IO_LINK);
    leave(f, 1, 0);

    assert_int_equal(f->verdict.broken[SRI_RULE_OP_7], 1);
}

/* What follows a linked operation is its timeout. */
static void a_stranger_in_a_chain_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    enter(f, 2);
    consume(f, 1, IORING_OP_READ, IOSQE_IO_LINK);
    consume(f, 2, IORING_OP_READ, 0);
    leave(f, 2, 0);

    assert_int_equal(f->verdict.broken[SRI_RULE_OP_7], 1);
}

static void stall(struct watch_fixture *f, int64_t in_flight, uint32_t sq_ready, uint32_t cq_ready)
{
    tell(f, (struct sri_event){.kind = SRI_EVENT_STALL,
                               .ring = 3,
                               .result = in_flight,
                               .sq_ready = sq_ready,
                               .cq_ready = cq_ready});
}

/* A program may wait for what never comes; the library may not, of its own. */
static void a_stall_is_the_librarys_when_it_could_have_gone_on(void **state)
{
    struct watch_fixture *f = *state;

    stall(f, 1, 0, 0);
    assert_int_equal(f->verdict.broken[SRI_RULE_OP_8], 0);

    stall(f, 0, 0, 0);
    stall(f, 1, 1, 0);
    stall(f, 1, 0, 1);
    assert_int_equal(f->verdict.broken[SRI_RULE_OP_8], 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(equal_user_data_in_flight_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(user_data_may_be_used_again_after_the_end, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_closed_ring_frees_its_ids, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(user_data_of_zero_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_chain_the_kernel_parts_is_fine, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_chain_offered_in_parts_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_stranger_in_a_chain_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_stall_is_the_librarys_when_it_could_have_gone_on, watch_setup,
                                    watch_teardown),
};

SR_TEST_MAIN(tests)
