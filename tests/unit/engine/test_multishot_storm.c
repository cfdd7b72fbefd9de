/*
 * Random programs of what goes on, chooses buffers and notifies, under a chooser of tapes and before the oracles: whatever the
 * kernel chooses, each request has one last completion, nothing is reported and nothing stays.
 */
#include <netinet/in.h>
#include <poll.h>

#include "base/alloc.h"
#include "fate/adversary.h"
#include "oracle/watch.h"
#include "unit/engine/rig.h"

#define SEEDS 400u
#define STEPS 60u
#define GROUPS 2u
#define BUFFERS 8u
#define SIZE 24u
#define SOURCES 64u

struct storm {
    struct rig rig;
    struct sri_adversary adversary;
    struct sri_points points; /* of all runs */
    struct sri_verdict verdict;
    struct sri_watch *watch;
    uint64_t random;
    uint64_t names;                 /* user_data given so far */
    uint64_t last[SOURCES * STEPS]; /* by user_data: 1 a last completion was seen */
    int pair[2];
    int pipe[2];
    char buffers[GROUPS][BUFFERS][SIZE];
};

static const char source[SIZE] = "0123456789abcde";

static uint32_t draw(struct storm *storm, uint32_t n)
{
    storm->random = storm->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(storm->random >> 33) % n;
}

/* Bad luck may leave a full queue as it is. */
static struct io_uring_sqe *entry(struct storm *storm)
{
    storm->names++;
    for (;;) {
        struct io_uring_sqe *sqe = raw_ring_sqe(&storm->rig.ring, storm->names);
        if (sqe != NULL)
            return sqe;
        (void)raw_ring_submit(&storm->rig.ring);
    }
}

static void choose(struct storm *storm, struct io_uring_sqe *sqe)
{
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = (uint16_t)draw(storm, GROUPS + 1);
}

static void provide(struct storm *storm, struct io_uring_sqe *sqe)
{
    uint32_t group = draw(storm, GROUPS);
    uint32_t first = draw(storm, BUFFERS);
    uint32_t count = 1 + draw(storm, BUFFERS - first);
    uint64_t name = sqe->user_data;
    io_uring_prep_provide_buffers(sqe, storm->buffers[group][first], SIZE, (int)count, (int)group,
                                  (int)first);
    sqe->user_data = name;
}

static void prepare(struct storm *storm, struct io_uring_sqe *sqe)
{
    static const struct __kernel_timespec soon = {0, 1000000};
    static struct msghdr header;
    uint64_t name = sqe->user_data;
    switch (draw(storm, 13)) {
    case 0: provide(storm, sqe); break;
    case 1: io_uring_prep_remove_buffers(sqe, 1 + (int)draw(storm, 3), (int)draw(storm, GROUPS)); break;
    case 2:
        io_uring_prep_recv_multishot(sqe, storm->pair[0], NULL, 0, 0);
        choose(storm, sqe);
        break;
    case 3:
        io_uring_prep_recv(sqe, storm->pair[0], NULL, draw(storm, 9), draw(storm, 4) == 0 ? MSG_WAITALL : 0);
        choose(storm, sqe);
        break;
    case 4:
        io_uring_prep_read(sqe, storm->pipe[0], NULL, draw(storm, 9), 0);
        choose(storm, sqe);
        break;
    case 5:
        io_uring_prep_poll_multishot(sqe, draw(storm, 2) ? storm->pair[0] : storm->pipe[0], POLLIN);
        break;
    case 6:
        io_uring_prep_timeout(sqe, (struct __kernel_timespec *)(uintptr_t)&soon, draw(storm, 4), 1 << 6);
        break;
    case 7:
        io_uring_prep_send_zc(sqe, storm->pair[1], source, 1 + draw(storm, 8), 0, draw(storm, 2) * 8);
        break;
    case 8: io_uring_prep_cancel64(sqe, 1 + draw(storm, (uint32_t)name), 0); break;
    case 9:
        io_uring_prep_poll_update(sqe, 1 + draw(storm, (uint32_t)name), 0, POLLIN | POLLOUT,
                                  IORING_POLL_UPDATE_EVENTS);
        break;
    case 10:
        io_uring_prep_recvmsg_multishot(sqe, storm->pair[0], &header, 0);
        choose(storm, sqe);
        break;
    case 11: io_uring_prep_link_timeout(sqe, (struct __kernel_timespec *)(uintptr_t)&soon, 0); break;
    default: break;
    }
    sqe->user_data = name;
    if (draw(storm, 8) == 0)
        sqe->flags |= IOSQE_IO_LINK;
    else if (draw(storm, 16) == 0)
        sqe->flags |= IOSQE_ASYNC;
}

static void take_all(struct storm *storm)
{
    struct io_uring_cqe cqe;
    while (raw_ring_take(&storm->rig.ring, &cqe)) {
        assert_true(cqe.user_data <= storm->names);
        /* A zero-copy send that another ended notifies without having announced it, as by the true kernel. */
        assert_true(storm->last[cqe.user_data] == 0 || (cqe.flags & IORING_CQE_F_NOTIF));
        storm->last[cqe.user_data] = (cqe.flags & IORING_CQE_F_MORE) == 0;
    }
}

static void step(struct storm *storm)
{
    size_t moved;
    switch (draw(storm, 6)) {
    case 0:
        (void)sri_sim_world_write(storm->rig.world, storm->pair[1], "abcdefgh", 1 + draw(storm, 8), &moved);
        break;
    case 1:
        (void)sri_sim_world_write(storm->rig.world, storm->pipe[1], "abcdefgh", 1 + draw(storm, 8), &moved);
        break;
    case 2: (void)raw_ring_wait(&storm->rig.ring, 1, 3000000); break;
    case 3: (void)raw_ring_get_events(&storm->rig.ring); break;
    default: prepare(storm, entry(storm)); break;
    }
    if (draw(storm, 3) == 0)
        (void)raw_ring_submit(&storm->rig.ring);
    if (draw(storm, 3) == 0)
        take_all(storm);
}

/* A refused entry ends its batch: the others stay in the queue. */
static void submit_all(struct storm *storm)
{
    int rc;
    do
        rc = raw_ring_submit(&storm->rig.ring);
    while (rc > 0 || rc == -EAGAIN || rc == -EBUSY || rc == -EINTR);
    assert_int_equal(rc, 0);
}

/* With luck turned off, everything comes to its end once it is asked to. */
static void finish(struct storm *storm)
{
    struct rig *rig = &storm->rig;
    sri_adversary_calm(&storm->adversary, true);
    submit_all(storm);
    for (uint32_t i = 0; i < 50 && sri_engine_in_flight(rig->engine) > 0; i++) {
        struct io_uring_sqe *sqe = entry(storm);
        io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY);
        sqe->user_data = storm->names;
        submit_all(storm);
        (void)raw_ring_wait(&rig->ring, 1000, UINT64_C(10000000000000));
        take_all(storm);
    }
    assert_int_equal(sri_engine_in_flight(rig->engine), 0);
    (void)raw_ring_get_events(&rig->ring);
    take_all(storm);
    for (uint64_t name = 1; name <= storm->names; name++)
        assert_int_equal(storm->last[name], 1);
}

/* Two ends that send from the program's memory. */
static void connect_pair(struct storm *storm)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(7000),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct rig *rig = &storm->rig;
    struct io_uring_cqe cqe;
    int listener;
    assert_int_equal(sri_sim_world_listen(rig->world, (struct sockaddr *)&at, sizeof at, 1, &listener), 0);
    assert_int_equal(sri_sim_world_socket(rig->world, AF_INET, &storm->pair[0]), 0);
    assert_int_equal(sri_sim_world_connect(rig->world, storm->pair[0], (struct sockaddr *)&at, sizeof at), 0);
    io_uring_prep_accept(rig_nop(rig, 1, 0), listener, NULL, NULL, 0);
    assert_int_equal(raw_ring_submit_and_wait(&rig->ring, 1), 1);
    assert_true(raw_ring_take(&rig->ring, &cqe));
    storm->pair[1] = cqe.res;
}

static void run(struct storm *storm, uint64_t seed)
{
    struct rig *rig = &storm->rig;
    memset(storm->last, 0, sizeof storm->last);
    storm->random = seed;
    storm->names = 0;
    rig_open_flags(rig, 16,
                   draw(storm, 3) == 0 ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0);
    connect_pair(storm);
    sri_adversary_begin_seed(&storm->adversary, seed);
    sri_engine_set_chooser(rig->engine, sri_adversary_chooser(&storm->adversary));
    sri_sim_world_set_chooser(rig->world, sri_adversary_chooser(&storm->adversary));
    sri_verdict_begin(&storm->verdict);
    sri_watch_begin(storm->watch);
    assert_int_equal(sri_engine_add_observer(rig->engine, sri_watch_observer(storm->watch)), 0);
    assert_int_equal(sri_sim_world_pipe(rig->world, storm->pipe), 0);
    for (uint32_t i = 0; i < STEPS; i++)
        step(storm);
    finish(storm);
    assert_int_equal(storm->verdict.broken[SRI_RULE_OP_1], 0);
    rig_close(rig);
    sri_points_add(&storm->points, &storm->adversary.points);
    sri_adversary_fini(&storm->adversary);
}

static void whatever_is_chosen_all_of_it_ends(void **state)
{
    (void)state;
    static struct storm storm;
    storm.watch = sri_alloc_zero(1, sizeof *storm.watch);
    assert_non_null(storm.watch);
    sri_watch_init(storm.watch, &storm.verdict, NULL);
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(&storm, seed);
    for (uint32_t i = SRI_POINT_BUFFERS_OUT; i <= SRI_POINT_NOTIFY_USAGE; i++)
        assert_true(storm.points.fired[i] > 0);
    sri_free(storm.watch);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(whatever_is_chosen_all_of_it_ends),
};

SR_TEST_MAIN(tests)
