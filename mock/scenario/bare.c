/*
 * io_uring itself, without the library: provided buffers, requests that go on, zero-copy sends, cancels of all of them, and
 * registrations. What the kernel may do there no operation of the library reaches otherwise; the oracles watch the kernel
 * as ever, and each request must have one last completion.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "safer_ring/calls.h"
#include "scenario/bare_ring.h"
#include "scenario/scenarios.h"

#define REQUESTS 256u /* names a run may give */
#define SLICES 32u    /* sources of sends in flight at once */
#define GROUPS 2u
#define BUFFERS 8u
#define SIZE 24u

enum life {
    UNUSED,
    ALIVE,
    ENDED
};

/* Where a provided buffer is: ours, on its way to its group, or the group's until a completion tells of it. */
enum place {
    OURS,
    PROVIDING,
    GIVEN,
    EARLY /* a completion told of it before the provision's own did */
};

static struct bare {
    struct sri_stage *stage;
    struct sri_bare_ring ring;
    uint32_t names;
    enum life life[REQUESTS + 1];
    uint8_t opcode[REQUESTS + 1];
    uint16_t what[REQUESTS + 1]; /* the slice of a send, the buffer of a provision, the group of a choice */
    uint32_t alive;
    int near;
    int far;
    int pipe[2];
    bool slice_used[SLICES];
    uint8_t slices[SLICES][SIZE];
    uint8_t buffers[GROUPS][BUFFERS][SIZE];
    enum place places[GROUPS][BUFFERS];
} bare;

static const struct __kernel_timespec soon = {0, 1000000};

static void judge(uint32_t name, bool holds, const char *what)
{
    sri_judge(bare.stage->model->verdict, SRI_RULE_OP_1, name, holds, "request %u of a bare ring %s", name,
              what);
}

/* ---- Requests ---- */

static void provide(struct io_uring_sqe *sqe, uint32_t name)
{
    uint32_t group = sri_choose(bare.stage, GROUPS);
    uint32_t id = sri_choose(bare.stage, BUFFERS);
    if (bare.places[group][id] != OURS)
        return; /* a no-op */
    bare.places[group][id] = PROVIDING;
    bare.what[name] = (uint16_t)(group * BUFFERS + id);
    sqe->opcode = IORING_OP_PROVIDE_BUFFERS;
    sqe->fd = 1;
    sqe->addr = (uintptr_t)bare.buffers[group][id];
    sqe->len = SIZE;
    sqe->off = id;
    sqe->buf_group = (uint16_t)group;
}

static void choose_buffer(struct io_uring_sqe *sqe, uint32_t name)
{
    uint32_t group = sri_choose(bare.stage, GROUPS);
    bare.what[name] = (uint16_t)group;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = (uint16_t)group;
}

static void send_some(struct io_uring_sqe *sqe, uint32_t name, bool zero_copy)
{
    uint32_t slice = sri_choose(bare.stage, SLICES);
    if (bare.slice_used[slice])
        return;
    bare.slice_used[slice] = true;
    bare.what[name] = (uint16_t)slice;
    sqe->opcode = zero_copy ? IORING_OP_SEND_ZC : IORING_OP_SEND;
    sqe->fd = bare.far;
    sqe->addr = (uintptr_t)bare.slices[slice];
    sqe->len = 1 + sri_choose(bare.stage, SIZE);
    sqe->msg_flags = MSG_NOSIGNAL;
    if (zero_copy && sri_chance(bare.stage, 512))
        sqe->ioprio = 1u << 3; /* IORING_SEND_ZC_REPORT_USAGE */
}

static void receive(struct io_uring_sqe *sqe, uint32_t name, bool goes_on)
{
    sqe->opcode = IORING_OP_RECV;
    sqe->fd = bare.near;
    sqe->ioprio = goes_on ? IORING_RECV_MULTISHOT : 0;
    sqe->len = goes_on ? 0 : sri_choose(bare.stage, 9);
    choose_buffer(sqe, name);
}

static void poll_on(struct io_uring_sqe *sqe)
{
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->fd = sri_chance(bare.stage, 512) ? bare.near : bare.pipe[0];
    sqe->len = IORING_POLL_ADD_MULTI;
    sqe->poll32_events = POLLIN;
}

static void prepare(struct io_uring_sqe *sqe, uint32_t name)
{
    switch (sri_choose(bare.stage, 12)) {
    case 0:
    case 1:
    case 2: provide(sqe, name); break;
    case 3: receive(sqe, name, true); break;
    case 4: receive(sqe, name, false); break;
    case 5:
        sqe->opcode = IORING_OP_READ;
        sqe->fd = bare.pipe[0];
        sqe->len = sri_choose(bare.stage, 9);
        sqe->off = UINT64_MAX;
        choose_buffer(sqe, name);
        break;
    case 6: poll_on(sqe); break;
    case 7:
    case 8: send_some(sqe, name, true); break;
    case 9: send_some(sqe, name, false); break;
    case 10:
        sqe->opcode = IORING_OP_ASYNC_CANCEL;
        sqe->addr = 1 + sri_choose(bare.stage, name);
        break;
    default:
        sqe->opcode = IORING_OP_TIMEOUT;
        sqe->addr = (uintptr_t)&soon;
        sqe->len = 1;
        sqe->off = sri_choose(bare.stage, 4);
        break;
    }
}

/* false: there is no room, or no name. */
static bool start(void)
{
    struct io_uring_sqe *sqe = bare.names < REQUESTS ? sri_bare_ring_entry(&bare.ring) : NULL;
    if (sqe == NULL)
        return false;
    uint32_t name = ++bare.names;
    prepare(sqe, name);
    sqe->user_data = name;
    bare.opcode[name] = sqe->opcode;
    bare.life[name] = ALIVE;
    bare.alive++;
    return true;
}

/* ---- Completions ---- */

/* A buffer that a completion names was its group's, and is ours again. */
static void take_buffer(uint32_t name, const struct io_uring_cqe *cqe)
{
    uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    bool known = id < BUFFERS && bare.what[name] < GROUPS &&
                 (bare.places[bare.what[name]][id] == GIVEN || bare.places[bare.what[name]][id] == PROVIDING);
    sri_judge(bare.stage->model->verdict, SRI_RULE_BUF_5, name, known,
              "request %u of a bare ring names buffer %u, which its group does not have", name, id);
    if (known)
        bare.places[bare.what[name]][id] = bare.places[bare.what[name]][id] == GIVEN ? OURS : EARLY;
}

static void end_request(uint32_t name, int32_t result)
{
    bare.life[name] = ENDED;
    bare.alive--;
    if (bare.opcode[name] == IORING_OP_SEND || bare.opcode[name] == IORING_OP_SEND_ZC)
        bare.slice_used[bare.what[name]] = false;
    if (bare.opcode[name] != IORING_OP_PROVIDE_BUFFERS)
        return;
    enum place *place = &bare.places[bare.what[name] / BUFFERS][bare.what[name] % BUFFERS];
    *place = result < 0 || *place == EARLY ? OURS : GIVEN;
}

static void take_all(void)
{
    struct io_uring_cqe cqe;
    while (sri_bare_ring_take(&bare.ring, &cqe)) {
        if (cqe.user_data > REQUESTS)
            continue; /* an accept or a cancel of our own */
        uint32_t name = (uint32_t)cqe.user_data;
        bool known = cqe.user_data >= 1 && cqe.user_data <= bare.names;
        /* A zero-copy send that another ended notifies without having announced it, as by the true kernel. */
        bool owed = known && (bare.life[name] == ALIVE || (cqe.flags & IORING_CQE_F_NOTIF) != 0);
        judge(name, owed, "has a completion after its last one");
        if (!owed)
            continue;
        if ((cqe.flags & IORING_CQE_F_BUFFER) != 0)
            take_buffer(name, &cqe);
        if ((cqe.flags & IORING_CQE_F_MORE) == 0 && bare.life[name] == ALIVE)
            end_request(name, cqe.res);
    }
}

/* ---- The run ---- */

/* The two ends of a connection; the near one is accepted by the kernel under test, so that its windows are. */
static bool connect_ends(void)
{
    const struct sri_env *env = &bare.stage->env;
    struct sockaddr_storage address;
    uint32_t length;
    int listener;
    if (env->vtable->listen(env->self, true, &listener, &address, &length) != 0)
        return false;
    sri_stage_own(bare.stage, listener);
    if (env->vtable->socket(env->self, true, &bare.far) != 0)
        return false;
    sri_stage_own(bare.stage, bare.far);
    int rc = env->vtable->connect(env->self, bare.far, &address, length);
    if (rc != 0 && rc != -EINPROGRESS)
        return false;
    for (int again = 0; again < 40; again++) {
        struct io_uring_cqe cqe = {.res = -EAGAIN};
        struct io_uring_sqe *sqe = sri_bare_ring_entry(&bare.ring);
        if (sqe == NULL) {
            sri_bare_ring_enter(&bare.ring, 0, 0);
            continue;
        }
        sqe->opcode = IORING_OP_ACCEPT;
        sqe->fd = listener;
        sqe->user_data = REQUESTS + 1;
        while (sri_bare_ring_enter(&bare.ring, 1, env->patience_ns) < 0 ||
               !sri_bare_ring_take(&bare.ring, &cqe))
            continue;
        if (cqe.res >= 0) {
            bare.near = cqe.res;
            sri_stage_own(bare.stage, bare.near);
            return true;
        }
    }
    return false;
}

static bool make_objects(void)
{
    const struct sri_env *env = &bare.stage->env;
    if (env->vtable->pipe(env->self, bare.pipe) != 0)
        return false;
    sri_stage_own(bare.stage, bare.pipe[0]);
    sri_stage_own(bare.stage, bare.pipe[1]);
    return connect_ends();
}

static void step(void)
{
    const struct sri_env *env = &bare.stage->env;
    static const uint8_t words[] = "abcdefgh";
    size_t moved;
    switch (sri_choose(bare.stage, 8)) {
    case 0: env->vtable->write(env->self, bare.pipe[1], words, 1 + sri_choose(bare.stage, 8), &moved); break;
    case 1: sri_bare_ring_enter(&bare.ring, 1, env->moment_ns); break;
    case 2: take_all(); break;
    case 3: sri_bare_ring_enter(&bare.ring, 0, 0); break;
    default:
        if (!start())
            sri_bare_ring_enter(&bare.ring, 0, 0);
        break;
    }
}

static bool submit_all(void)
{
    for (int again = 0; again < 200 && sri_bare_ring_queued(&bare.ring) > 0; again++) {
        sri_bare_ring_enter(&bare.ring, 0, 0);
        take_all();
    }
    return sri_bare_ring_queued(&bare.ring) == 0;
}

/* With luck turned off, everything comes to its end once it is asked to. */
static void finish(void)
{
    const struct sri_env *env = &bare.stage->env;
    sri_stage_calm(bare.stage);
    /* A true kernel's workers may be kept from running by others: the last times they are waited for. */
    for (int again = 0; again < 60 && (bare.alive > 0 || again == 0); again++) {
        struct io_uring_sqe *sqe = submit_all() ? sri_bare_ring_entry(&bare.ring) : NULL;
        if (sqe != NULL) {
            sqe->opcode = IORING_OP_ASYNC_CANCEL;
            sqe->cancel_flags = 1u << 2; /* IORING_ASYNC_CANCEL_ANY */
            sqe->user_data = REQUESTS + 2u + (uint32_t)again;
        }
        submit_all();
        sri_bare_ring_enter(&bare.ring, bare.alive > 0 ? bare.alive : 1,
                            env->simulated || again >= 50 ? env->patience_ns : env->moment_ns);
        take_all();
    }
    for (uint32_t name = 1; name <= bare.names; name++)
        judge(name, bare.life[name] == ENDED, "has not ended, with no bad luck left");
}

static void play(struct sri_stage *stage)
{
    memset(&bare, 0, sizeof bare);
    bare.stage = stage;
    struct sr_backend kernel = sri_tap_backend(stage->model->tap);
    uint32_t flags = sri_chance(stage, 512) ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0;
    int rc = -EAGAIN;
    for (int again = 0; again < 20 && rc != 0; again++)
        rc = sri_bare_ring_open(&bare.ring, kernel, 16, flags);
    if (rc != 0)
        return;
    if (make_objects()) {
        uint32_t count = 20 + sri_choose(stage, 80);
        while (count-- > 0)
            step();
    }
    finish();
    sri_bare_ring_close(&bare.ring);
}

const struct sri_scenario sri_scenario_bare = {
    "bare", "a ring without the library: provided buffers, multishots, zero copy", play};
