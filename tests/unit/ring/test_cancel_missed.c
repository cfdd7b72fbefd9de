/*
 * Cancels that come too late for an operation that goes back to waiting: it is asked again (ORPH-5, RING-4).
 */
#include "safer_ring.h"
#include "safer_ring/sim.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

struct quiet_socket {
    struct sr_sim *sim;
    struct sr_ring *ring;
    int fds[2];
    struct sr_op op;
};

/* A receive that waits on a socket where nothing comes; the first cancel of it will be too late. */
SR_UNCHECKED static void receive_on_a_quiet_socket(struct quiet_socket *quiet)
{
    struct sr_buffer *buffer = NULL;
    const struct sr_sim_outcome too_late = {.opcode = IORING_OP_RECV, .nth = 1, .kind = SR_SIM_TOO_LATE};
    assert_int_equal(sr_sim_new(&quiet->sim, NULL), 0);
    assert_int_equal(sr_sim_script(quiet->sim, &too_late), 0);
    assert_int_equal(sr_sim_socketpair(quiet->sim, quiet->fds), 0);
    assert_int_equal(sr_sim_ring_open(quiet->sim, &quiet->ring, 8), 0);
    assert_int_equal(sr_buffer_new(&buffer, 64), 0);
    assert_int_equal(sr_recv_owned(quiet->ring, sr_fd(quiet->fds[0]), &buffer, sr_range(0, 64), 0,
                                   &quiet->op),
                     0);
    assert_int_equal(sr_ring_submit(quiet->ring), 0);
}

static void end(struct quiet_socket *quiet)
{
    assert_int_equal(sr_ring_close(&quiet->ring), 0);
    sr_sim_free(&quiet->sim);
}

/* If a cancel came too late and the operation waits on, cancelling all asks again until it has ended. */
SR_UNCHECKED static void cancel_all_asks_again(void **state)
{
    (void)state;
    struct quiet_socket quiet;
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    uint32_t remaining = 1;
    receive_on_a_quiet_socket(&quiet);

    assert_int_equal(sr_ring_cancel_all(quiet.ring, SECOND, &remaining), 0);

    assert_int_equal(remaining, 0);
    assert_int_equal(sr_op_await(quiet.ring, &quiet.op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), -ECANCELED);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    end(&quiet);
}

/* If a cancel came too late, the program may ask for another. */
SR_UNCHECKED static void a_missed_operation_can_be_cancelled_again(void **state)
{
    (void)state;
    struct quiet_socket quiet;
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    receive_on_a_quiet_socket(&quiet);
    assert_int_equal(sr_op_cancel(quiet.ring, &quiet.op), 0);
    assert_int_equal(sr_op_await_timeout(quiet.ring, &quiet.op, SECOND, &done), -ETIME);

    assert_int_equal(sr_op_cancel(quiet.ring, &quiet.op), 0);

    assert_int_equal(sr_op_await(quiet.ring, &quiet.op, &done), 0);
    assert_int_equal(sr_take(&done, &buffer), -ECANCELED);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    end(&quiet);
}

/* If the cancel of a dropped operation came too late, draining asks again: no orphan outlives it. */
SR_UNCHECKED static void drain_asks_again_for_an_orphan(void **state)
{
    (void)state;
    struct quiet_socket quiet;
    receive_on_a_quiet_socket(&quiet);
    sr_op_drop(quiet.ring, &quiet.op);
    assert_int_equal(sr_ring_orphan_count(quiet.ring), 1);

    assert_int_equal(sr_ring_drain(quiet.ring, SECOND, NULL), 0);

    assert_int_equal(sr_ring_orphan_count(quiet.ring), 0);
    end(&quiet);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(cancel_all_asks_again),
    cmocka_unit_test(a_missed_operation_can_be_cancelled_again),
    cmocka_unit_test(drain_asks_again_for_an_orphan),
};

SR_TEST_MAIN(tests)
