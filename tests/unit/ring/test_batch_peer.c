/*
 * The peer's address of an accept in a batch (ARG-2, BATCH-7).
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "safer_ring/batch.h"
#include "safer_ring/ring.h"
#include "safer_ring/sim.h"
#include "support/main.h"

#define NAME "/listener"

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    return address;
}

/* An accept that asked for it tells who called; one that did not ask, or that failed, has no peer. */
SR_UNCHECKED static void an_accept_tells_its_peer(void **state)
{
    (void)state;
    struct sr_sim *sim;
    struct sr_ring *ring;
    struct sr_batch *batch;
    struct sr_batch_result result;
    struct sockaddr_un here = address_of(NAME);
    struct sockaddr_storage peer;
    uint32_t length = sizeof peer;
    int listener;
    int caller;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    assert_int_equal(sr_sim_ring_open(sim, &ring, 8), 0);
    assert_int_equal(sr_sim_listen(sim, (const struct sockaddr *)&here, sizeof here, 4, &listener), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sr_sim_socket(sim, AF_UNIX, &caller), 0);
        assert_int_equal(sr_sim_connect(sim, caller, (const struct sockaddr *)&here, sizeof here), 0);
    }
    struct sr_op_spec asks = sr_spec_accept(sr_fd(listener), 0);
    struct sr_op_spec silent = asks;
    struct sr_op_spec nowhere = sr_spec_accept(sr_fd(-1), 0);
    asks.flags |= SR_OP_WANT_PEER;
    nowhere.flags |= SR_OP_WANT_PEER;
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &asks, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &silent, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nowhere, NULL), 0);

    assert_int_equal(sr_batch_submit(ring, &batch, &result), 0);

    assert_int_equal(sr_batch_result_peer(&result, 0, (struct sockaddr *)&peer, &length), 0);
    assert_int_equal(peer.ss_family, AF_UNIX);
    assert_true(length >= sizeof(sa_family_t) && length <= sizeof(struct sockaddr_un));
    assert_int_equal(sr_batch_result_peer(&result, 0, NULL, &length), -EINVAL);
    assert_int_equal(sr_batch_result_peer(&result, 0, (struct sockaddr *)&peer, NULL), -EINVAL);
    assert_int_equal(sr_batch_result_peer(&result, 1, (struct sockaddr *)&peer, &length), -EINVAL);
    assert_int_equal(sr_batch_result_peer(&result, 2, (struct sockaddr *)&peer, &length), -ENODATA);
    assert_int_equal(sr_batch_result_peer(&result, 3, (struct sockaddr *)&peer, &length), -EINVAL);
    sr_batch_result_fini(&result);
    assert_int_equal(sr_ring_close(&ring), 0);
    sr_sim_free(&sim);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_accept_tells_its_peer),
};

SR_TEST_MAIN(tests)
