/*
 * The ledger and the lent bytes where a request has several completions, a buffer chosen late, or a notification
 * (OP-1, BUF-3).
 */
#include "unit/oracle/watch_fixture.h"

static uint8_t bytes[256];
static const struct iovec whole = {bytes, sizeof bytes};

static void tell_completed(struct watch_fixture *f, uint8_t opcode, uint32_t flags, bool last)
{
    tell(f, (struct sri_event){.kind = SRI_EVENT_COMPLETED,
                               .ring = 3,
                               .request = 1,
                               .user_data = 10,
                               .opcode = opcode,
                               .flags = flags,
                               .last = last});
}

static void tell_chosen(struct watch_fixture *f, enum sri_event_kind kind)
{
    tell(f, (struct sri_event){.kind = kind,
                               .ring = 3,
                               .request = 1,
                               .user_data = 10,
                               .lending = SRI_LENDS_TARGET,
                               .segments = &whole,
                               .segment_count = 1});
}

/* Any number of completions before the last is fine; one behind it is not. */
static void a_completion_behind_the_last_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell_completed(f, IORING_OP_RECV, IORING_CQE_F_MORE, false);
    tell_completed(f, IORING_OP_RECV, IORING_CQE_F_MORE, false);
    tell_completed(f, IORING_OP_RECV, 0, true);
    assert_false(sri_verdict_broken(&f->verdict));

    tell_completed(f, IORING_OP_RECV, 0, true);
    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 1);
}

/* Its id is taken until the last. */
static void an_id_is_taken_until_the_last(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell_completed(f, IORING_OP_RECV, IORING_CQE_F_MORE, false);
    tell_consumed(f, 2, 10, SRI_LENDS_NOTHING, NULL);

    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 1);
}

/* A result and one notification, in this order. */
static void a_result_and_its_notification_are_fine(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_LONG, &whole);
    tell_completed(f, IORING_OP_SEND_ZC, IORING_CQE_F_MORE, false);
    tell_completed(f, IORING_OP_SEND_ZC, IORING_CQE_F_NOTIF, true);

    assert_false(sri_verdict_broken(&f->verdict));
}

static void a_notification_before_the_result_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_LONG, &whole);
    tell_completed(f, IORING_OP_SEND_ZC, IORING_CQE_F_NOTIF, true);

    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 1);
}

static void a_second_result_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_LONG, &whole);
    tell_completed(f, IORING_OP_SEND_ZC, IORING_CQE_F_MORE, false);
    tell_completed(f, IORING_OP_SEND_ZC, IORING_CQE_F_MORE, false);

    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 1);
}

static void a_notification_of_something_else_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell_completed(f, IORING_OP_SEND, IORING_CQE_F_NOTIF, true);

    assert_int_equal(f->verdict.broken[SRI_RULE_OP_1], 1);
}

/* The bytes of such a send are lent beyond its result. */
static void bytes_changed_before_the_notification_are_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_LONG, &whole);
    tell_request(f, SRI_EVENT_COMMITTED, 1, 10, 256);
    tell_completed(f, IORING_OP_SEND_ZC, IORING_CQE_F_MORE, false);
    assert_false(sri_verdict_broken(&f->verdict));

    bytes[9]++;
    tell_completed(f, IORING_OP_SEND_ZC, IORING_CQE_F_NOTIF, true);
    assert_true(f->verdict.broken[SRI_RULE_BUF_3] > 0);
}

/* A chosen buffer is the kernel's until its completion, and the program's again after it. */
static void a_chosen_buffer_is_lent_for_one_completion(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell_chosen(f, SRI_EVENT_CHOSEN);
    assert_non_null(sri_watch_lent(f->watch, bytes, 1));
    tell_completed(f, IORING_OP_RECV, IORING_CQE_F_MORE | IORING_CQE_F_BUFFER, false);
    assert_null(sri_watch_lent(f->watch, bytes, 1));
    tell_chosen(f, SRI_EVENT_CHOSEN);
    tell_chosen(f, SRI_EVENT_RETURNED);
    assert_null(sri_watch_lent(f->watch, bytes, 1));
    tell_completed(f, IORING_OP_RECV, 0, true);

    assert_false(sri_verdict_broken(&f->verdict));
}

/* What the kernel wrote there must not change before the completion. */
static void a_chosen_buffer_changed_too_early_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_NOTHING, NULL);
    tell_chosen(f, SRI_EVENT_CHOSEN);
    tell_request(f, SRI_EVENT_TOUCH, 1, 10, 0);
    tell_request(f, SRI_EVENT_TOUCHED, 1, 10, 16);
    bytes[3]++;
    tell_completed(f, IORING_OP_RECV, IORING_CQE_F_MORE | IORING_CQE_F_BUFFER, false);

    assert_int_equal(f->verdict.broken[SRI_RULE_BUF_3], 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_completion_behind_the_last_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(an_id_is_taken_until_the_last, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_result_and_its_notification_are_fine, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_notification_before_the_result_is_reported, watch_setup,
                                    watch_teardown),
    cmocka_unit_test_setup_teardown(a_second_result_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_notification_of_something_else_is_reported, watch_setup,
                                    watch_teardown),
    cmocka_unit_test_setup_teardown(bytes_changed_before_the_notification_are_reported, watch_setup,
                                    watch_teardown),
    cmocka_unit_test_setup_teardown(a_chosen_buffer_is_lent_for_one_completion, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_chosen_buffer_changed_too_early_is_reported, watch_setup,
                                    watch_teardown),
};

SR_TEST_MAIN(tests)
