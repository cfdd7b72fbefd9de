/*
 * One fault after another through every group of calls: each fault point and each allocation that the group reaches fails once,
 * and sticky. A call that fails has moved nothing and changed nothing; at the end nothing is in flight, nothing is owed.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "safer_ring.h"
#include "safer_ring/cmocka.h"
#include "safer_ring/sim.h"

static const struct sr_range whole;

/* A ring on the run's kernel, or NULL when it can't be had. */
static struct sr_ring *opened(struct sr_sim *sim)
{
    struct sr_ring *ring = NULL;
    int rc = sr_sim_ring_open(sim, &ring, 8);
    assert_true((rc == 0) == (ring != NULL));
    assert_true(rc == 0 || rc == -ENOMEM);
    return ring;
}

/* Bad luck ends: everything drains, and the ring closes. */
static void end(struct sr_sim *sim, struct sr_ring *ring)
{
    uint32_t remaining = 0;
    struct sr_stats stats;
    uint32_t by_operations = 0;
    sr_sim_calm(sim);
    sr_assert_ok(sr_ring_cancel_all(ring, SR_FOREVER, &remaining));
    sr_assert_ok(sr_ring_drain(ring, SR_FOREVER, &remaining));
    sr_assert_in_flight(ring, 0);
    sr_assert_orphans(ring, 0);
    sr_assert_ok(sr_ring_stats(ring, &stats));
    assert_int_equal(stats.unknown, 0);
    sr_assert_ok(sr_ring_close(&ring));
    sr_sim_open_descriptors(sim, NULL, &by_operations);
    assert_int_equal(by_operations, 0);
}

/* A buffer, or NULL without memory. */
static struct sr_buffer *buffer_of(size_t size)
{
    struct sr_buffer *buffer = NULL;
    int rc = sr_buffer_new(&buffer, size);
    assert_true(rc == 0 || (rc == -ENOMEM && buffer == NULL));
    return buffer;
}

/* An operation with a buffer to its end; one that does not start has moved nothing. The result, or what was refused. */
static int transfer(struct sr_ring *ring, struct sr_op_spec spec, size_t size)
{
    struct sr_buffer *buffer = buffer_of(size);
    struct sr_op op;
    struct sr_completion done;
    if (buffer == NULL)
        return -ENOMEM;
    uint32_t before = sr_ring_in_flight(ring);
    int rc = sr_op_start(ring, &spec, &buffer, &op);
    if (rc != 0) {
        sr_assert_mine(buffer);
        sr_assert_in_flight(ring, before);
        sr_assert_ok(sr_buffer_release(&buffer));
        return rc;
    }
    sr_assert_moved(buffer);
    rc = sr_op_await(ring, &op, &done);
    if (rc != 0) {
        sr_op_drop(ring, &op);
        return rc;
    }
    rc = sr_take(&done, &buffer);
    sr_assert_mine(buffer);
    sr_assert_ok(sr_buffer_release(&buffer));
    return rc;
}

static int plain(struct sr_ring *ring, struct sr_op_spec spec)
{
    struct sr_op op;
    struct sr_completion done;
    uint32_t before = sr_ring_in_flight(ring);
    int rc = sr_op_start_plain(ring, &spec, &op);
    if (rc != 0) {
        sr_assert_in_flight(ring, before);
        return rc;
    }
    rc = sr_op_await(ring, &op, &done);
    if (rc != 0) {
        sr_op_drop(ring, &op);
        return rc;
    }
    return sr_take_plain(&done);
}

/* ---- The groups ---- */

static void buffers(struct sr_sim *sim)
{
    struct sr_ring *ring = opened(sim);
    if (ring == NULL)
        return;
    struct sr_buffer *parts[2] = {buffer_of(10), buffer_of(20)};
    struct sr_buffer *vector = NULL;
    if (parts[0] != NULL && parts[1] != NULL) {
        int rc = sr_buffer_join(&vector, parts, 2);
        assert_true(rc == 0 || rc == -ENOMEM);
        if (rc == 0) {
            sr_assert_ok(sr_buffer_split(&vector, parts, 2));
        } else {
            sr_assert_mine(parts[0]);
            sr_assert_mine(parts[1]);
        }
    }
    for (int i = 0; i < 2; i++)
        if (parts[i] != NULL)
            sr_assert_ok(sr_buffer_release(&parts[i]));
    end(sim, ring);
}

static void files(struct sr_sim *sim)
{
    struct sr_ring *ring = opened(sim);
    if (ring == NULL)
        return;
    sr_assert_ok(sr_sim_file(sim, "/f", "0123456789", 10));
    int fd = plain(ring, sr_spec_openat(sr_fd(AT_FDCWD), "/f", O_RDWR, 0));
    if (fd >= 0) {
        (void)transfer(ring, sr_spec_read(sr_fd(fd), 0, whole), 10);
        (void)transfer(ring, sr_spec_write(sr_fd(fd), 4, whole), 3);
        (void)plain(ring, sr_spec_fsync(sr_fd(fd), 0));
        if (plain(ring, sr_spec_close(sr_fd(fd))) != 0)
            (void)!sr_sim_close(sim, fd); /* closed or not: bad luck may hide which */
    }
    end(sim, ring);
}

static void sockets(struct sr_sim *sim)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sr_ring *ring = opened(sim);
    int listener;
    int client;
    if (ring == NULL)
        return;
    sr_assert_ok(sr_sim_listen(sim, (struct sockaddr *)&at, sizeof at, 4, &listener));
    sr_assert_ok(sr_sim_socket(sim, AF_INET, &client));
    (void)plain(ring, sr_spec_within(sr_spec_connect(sr_fd(client), (struct sockaddr *)&at, sizeof at),
                                     1000000000));
    int server = plain(ring, sr_spec_within(sr_spec_accept(sr_fd(listener), 0), 1000000000));
    if (server >= 0) {
        (void)transfer(ring, sr_spec_send(sr_fd(client), whole, MSG_NOSIGNAL), 5);
        (void)transfer(ring, sr_spec_within(sr_spec_recv(sr_fd(server), whole, 0), 1000000000), 5);
        (void)transfer(ring, sr_spec_send_zc(sr_fd(server), whole, MSG_NOSIGNAL), 5);
        (void)plain(ring, sr_spec_shutdown(sr_fd(server), SHUT_RDWR));
        sr_assert_ok(sr_sim_close(sim, server));
    }
    end(sim, ring);
}

static void count(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    (void)ring;
    (*(unsigned *)user)++;
    sr_finish(done);
}

/* Detached, called back, dropped, cancelled: whatever was started ends in one of these hands. */
static void hands(struct sr_sim *sim)
{
    struct sr_ring *ring = opened(sim);
    struct sr_completion done;
    unsigned called = 0;
    int fds[2];
    if (ring == NULL)
        return;
    sr_assert_ok(sr_sim_pipe(sim, fds));
    for (int i = 0; i < 4; i++) {
        struct sr_buffer *buffer = buffer_of(8);
        struct sr_op op;
        struct sr_op_spec spec = sr_spec_read(sr_fd(fds[0]), SR_OWN_POSITION, whole);
        if (buffer == NULL)
            continue;
        if (sr_op_start(ring, &spec, &buffer, &op) != 0) {
            sr_assert_ok(sr_buffer_release(&buffer));
            continue;
        }
        int rc = i == 0 ? sr_op_detach(ring, &op, NULL) : i == 1 ? sr_op_then(ring, &op, count, &called) : -1;
        if (i == 3)
            (void)!sr_op_cancel(ring, &op);
        if (rc != 0)
            sr_op_drop(ring, &op);
    }
    (void)!sr_ring_post(ring, 7);
    (void)!sr_ring_submit(ring);
    if (sr_ring_next_timeout(ring, 1000000, &done) == 0)
        sr_finish(&done);
    end(sim, ring);
}

static void timers(struct sr_sim *sim)
{
    struct sr_ring *ring = opened(sim);
    int fds[2];
    if (ring == NULL)
        return;
    sr_assert_ok(sr_sim_pipe(sim, fds));
    (void)plain(ring, sr_spec_timeout(1000));
    (void)transfer(ring, sr_spec_within(sr_spec_read(sr_fd(fds[0]), SR_OWN_POSITION, whole), 5000), 4);
    end(sim, ring);
}

static void pools(struct sr_sim *sim)
{
    struct sr_ring *ring = opened(sim);
    struct sr_pool *pool = NULL;
    struct sr_buffer *buffer = NULL;
    struct sr_pool_stats stats;
    if (ring == NULL)
        return;
    int rc = sr_pool_new(&pool, 4, 100, 0);
    assert_true(rc == 0 || (rc == -ENOMEM && pool == NULL));
    if (rc == 0) {
        rc = sr_pool_get(pool, &buffer);
        assert_true(rc == 0 || buffer == NULL);
        sr_assert_ok(sr_pool_stats(pool, &stats));
        assert_int_equal(stats.available + stats.in_use, stats.capacity);
        if (rc == 0)
            sr_assert_ok(sr_buffer_release(&buffer));
        sr_assert_ok(sr_pool_free(&pool, NULL));
    }
    rc = sr_ring_get_buffer(ring, 50, &buffer);
    if (rc == 0)
        sr_assert_ok(sr_buffer_release(&buffer));
    end(sim, ring);
}

/* Writes, and then reads, what was written; whatever fails, each buffer comes back. */
static struct sr_batch *batch_of(const int fds[2])
{
    struct sr_batch *batch = NULL;
    uint32_t write = 0;
    uint32_t read = 0;
    int rc = sr_batch_new(&batch);
    for (int i = 0; rc == 0 && i < 2; i++) {
        struct sr_op_spec spec = i == 0 ? sr_spec_write(sr_fd(fds[1]), SR_OWN_POSITION, whole)
                                        : sr_spec_read(sr_fd(fds[0]), SR_OWN_POSITION, whole);
        struct sr_buffer *buffer = buffer_of(6);
        rc = buffer != NULL ? sr_batch_add(batch, &spec, &buffer, i == 0 ? &write : &read) : -ENOMEM;
        if (rc != 0 && buffer != NULL)
            sr_assert_ok(sr_buffer_release(&buffer));
    }
    if (rc == 0)
        rc = sr_batch_add_dependency(batch, read, write);
    if (rc != 0 && batch != NULL)
        sr_assert_ok(sr_batch_free(&batch));
    return batch;
}

static void batches(struct sr_sim *sim)
{
    struct sr_ring *ring = opened(sim);
    struct sr_batch_future future;
    struct sr_batch_result result;
    int fds[2];
    if (ring == NULL)
        return;
    sr_assert_ok(sr_sim_pipe(sim, fds));
    struct sr_batch *batch = batch_of(fds);
    if (batch != NULL && sr_batch_submit_standalone(ring, &batch, &future) == 0) {
        if (sr_batch_await_timeout(&future, ring, 1000000000, &result) == 0)
            sr_batch_result_fini(&result);
        else
            sr_batch_drop(ring, &future);
    } else if (batch != NULL) {
        assert_int_equal(sr_batch_count(batch), 2);
        sr_assert_ok(sr_batch_free(&batch));
    }
    end(sim, ring);
}

static void streams(struct sr_sim *sim)
{
    struct sr_ring *ring = opened(sim);
    struct sr_stream *stream = NULL;
    int fds[2];
    size_t moved;
    char text[8];
    if (ring == NULL)
        return;
    sr_assert_ok(sr_sim_socketpair(sim, fds));
    sr_assert_ok(sr_sim_write(sim, fds[1], "abcd", 4, &moved));
    if (sr_socket(ring, fds[0], NULL, &stream) == 0) {
        int rc = sr_stream_read_exact(stream, text, 4, &moved);
        assert_true(rc != 0 || memcmp(text, "abcd", 4) == 0); /* STR-1 */
        rc = sr_stream_write_all(stream, "wxyz", 4, &moved);
        if (rc == 0 && sr_stream_flush(stream, NULL) == 0) {
            assert_int_equal(sr_sim_read(sim, fds[1], text, sizeof text, &moved), 0);
            assert_int_equal(moved, 4);
            assert_memory_equal(text, "wxyz", 4);
        }
        if (sr_stream_close(&stream, NULL) != 0 && stream != NULL)
            sr_assert_ok(sr_stream_drop(&stream));
    }
    end(sim, ring);
}

/* ---- Each under the loop ---- */

static void each_fault_of(void (*group)(struct sr_sim *sim))
{
    SR_SIM_FOR_EACH_FAULT (sim)
        group(sim);
    assert_true(sr_sim_loop_seen().all);
    print_message("%u runs\n", (unsigned)sr_sim_loop_seen().runs);
    assert_true(sr_sim_loop_seen().runs > 10);
}

static void faults_of_buffers(void **state)
{
    (void)state;
    each_fault_of(buffers);
}

static void faults_of_files(void **state)
{
    (void)state;
    each_fault_of(files);
}

static void faults_of_sockets(void **state)
{
    (void)state;
    each_fault_of(sockets);
}

static void faults_of_hands(void **state)
{
    (void)state;
    each_fault_of(hands);
}

static void faults_of_timers(void **state)
{
    (void)state;
    each_fault_of(timers);
}

static void faults_of_pools(void **state)
{
    (void)state;
    each_fault_of(pools);
}

static void faults_of_batches(void **state)
{
    (void)state;
    each_fault_of(batches);
}

static void faults_of_streams(void **state)
{
    (void)state;
    each_fault_of(streams);
}

static const struct CMUnitTest tests[] = {
    sr_sim_unit_test(faults_of_buffers), sr_sim_unit_test(faults_of_files),
    sr_sim_unit_test(faults_of_sockets), sr_sim_unit_test(faults_of_hands),
    sr_sim_unit_test(faults_of_timers),  sr_sim_unit_test(faults_of_pools),
    sr_sim_unit_test(faults_of_batches), sr_sim_unit_test(faults_of_streams),
};

SR_TEST_MAIN(tests)
