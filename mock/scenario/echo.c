/*
 * Many clients and a server on one ring: every byte comes back exactly once, in order, short sends included. An error ends
 * the connection it is on, and no other.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <string.h>

#include "scenario/scenarios.h"

#define CLIENTS 6u
#define PEERS (2u * CLIENTS)
#define PATIENCE 4000u

enum role {
    FREE,
    CLIENT,
    SERVER
};
enum doing {
    CONNECTING,
    SENDING,
    RECEIVING
};

struct peer {
    enum role role;
    enum doing doing;
    int fd;
    uint64_t key;
    struct sri_held *buffer;
    uint32_t total; /* client: bytes of the whole conversation */
    uint64_t sent;
    uint64_t received;
    uint32_t pending; /* bytes in the buffer that are to be sent, from `begin` */
    uint32_t begin;
    bool busy; /* an operation of it is in flight */
};

struct echo {
    struct sri_stage *stage;
    struct peer peers[PEERS];
    struct peer listener;
    struct sockaddr_storage address;
    uint32_t address_length;
    uint32_t in_flight;
    uint32_t clients_left;
    uint32_t calls; /* not answered yet */
    bool callbacks;
    bool over;
};

static struct echo echo;

static void came(struct peer *peer, struct sri_act *act);

static bool start(struct peer *peer, struct sr_op_spec spec, struct sri_held *buffer)
{
    struct sri_model *model = echo.stage->model;
    struct sri_act *act = NULL;
    int rc = -EAGAIN;
    for (int again = 0; again < 50 && (rc == -EAGAIN || rc == -EBUSY); again++)
        rc = sri_model_start(model, &spec, buffer, &act);
    if (rc == 0) {
        act->user = peer;
        rc = echo.callbacks ? sri_model_then(model, act) : sri_model_detach(model, act, peer);
    }
    peer->busy = rc == 0;
    echo.in_flight += rc == 0 ? 1 : 0;
    return rc == 0;
}

static void hang_up(struct peer *peer)
{
    if (peer->role == CLIENT)
        echo.clients_left--;
    if (peer->role != FREE)
        sri_stage_close(echo.stage, peer->fd);
    if (peer->buffer != NULL)
        sri_model_release(echo.stage->model, peer->buffer);
    memset(peer, 0, sizeof *peer);
}

static void receive(struct peer *peer)
{
    peer->doing = RECEIVING;
    if (!start(peer, sr_spec_recv(sr_fd(peer->fd), sr_range(0, peer->buffer->size), 0), peer->buffer))
        hang_up(peer);
}

static void send_rest(struct peer *peer)
{
    peer->doing = SENDING;
    struct sr_range range = sr_range(peer->begin, peer->pending);
    if (!start(peer, sr_spec_send(sr_fd(peer->fd), range, MSG_NOSIGNAL), peer->buffer))
        hang_up(peer);
}

static void fill(void *user, uint8_t *bytes, size_t size)
{
    const struct peer *peer = user;
    (void)size;
    sri_pattern_fill(peer->key, peer->sent, bytes, peer->pending);
}

/* A client's next message, or the end of its conversation. */
static void say_more(struct peer *peer)
{
    if (peer->sent == peer->total) {
        hang_up(peer);
        return;
    }
    uint64_t left = peer->total - peer->sent;
    uint32_t most = (uint32_t)peer->buffer->size;
    peer->begin = 0;
    peer->pending = 1 + sri_choose(echo.stage, left < most ? (uint32_t)left : most);
    sri_model_access(echo.stage->model, peer->buffer, false, fill, peer);
    send_rest(peer);
}

static void check_echo(void *user, uint8_t *bytes, size_t size)
{
    struct peer *peer = user;
    (void)size;
    size_t same = sri_pattern_match(peer->key, peer->received, bytes, peer->pending);
    sri_judge(echo.stage->model->verdict, SRI_RULE_BACK_1, 0, same == peer->pending,
              "byte %llu of an echo is another", (unsigned long long)(peer->received + same));
}

static bool passes(int32_t result)
{
    return result == -EINTR || result == -EAGAIN || result == -ENOBUFS;
}

static void client_came(struct peer *peer, int32_t result)
{
    if (peer->doing == CONNECTING) {
        if (result == 0)
            say_more(peer);
        else
            hang_up(peer);
        return;
    }
    if (result < 0 && passes(result)) {
        if (peer->doing == SENDING)
            send_rest(peer);
        else
            receive(peer);
        return;
    }
    if (result <= 0) {
        hang_up(peer);
        return;
    }
    if (peer->doing == SENDING) {
        peer->sent += (uint32_t)result;
        peer->begin += (uint32_t)result;
        peer->pending -= (uint32_t)result;
        if (peer->pending > 0)
            send_rest(peer);
        else
            receive(peer);
        return;
    }
    peer->pending = (uint32_t)result;
    sri_model_access(echo.stage->model, peer->buffer, false, check_echo, peer);
    peer->pending = 0;
    peer->received += (uint32_t)result;
    if (peer->received < peer->sent)
        receive(peer);
    else
        say_more(peer);
}

static void server_came(struct peer *peer, int32_t result)
{
    if (result < 0 && passes(result)) {
        if (peer->doing == SENDING)
            send_rest(peer);
        else
            receive(peer);
        return;
    }
    if (result <= 0) {
        hang_up(peer);
        return;
    }
    if (peer->doing == RECEIVING) {
        peer->begin = 0;
        peer->pending = (uint32_t)result;
        send_rest(peer);
        return;
    }
    peer->begin += (uint32_t)result;
    peer->pending -= (uint32_t)result;
    if (peer->pending > 0)
        send_rest(peer);
    else
        receive(peer);
}

static struct peer *new_peer(enum role role, int fd)
{
    for (uint32_t i = 0; i < PEERS; i++) {
        struct peer *peer = &echo.peers[i];
        if (peer->role != FREE || peer->busy)
            continue;
        peer->buffer = sri_model_buffer(echo.stage->model, 1 + sri_choose(echo.stage, 2000));
        if (peer->buffer == NULL)
            break;
        peer->role = role;
        peer->fd = fd;
        return peer;
    }
    sri_stage_close(echo.stage, fd);
    return NULL;
}

static void listen_on(void)
{
    struct sr_op_spec spec = sr_spec_accept(sr_fd(echo.listener.fd), 0);
    if (sri_chance(echo.stage, 500))
        spec.flags |= SR_OP_WANT_PEER;
    if (!start(&echo.listener, spec, NULL))
        echo.over = true;
}

static void accepted(int32_t result)
{
    if (result >= 0) {
        sri_stage_own(echo.stage, result);
        struct peer *peer = new_peer(SERVER, result);
        if (peer != NULL)
            receive(peer);
        echo.calls--;
    }
    if (echo.calls > 0)
        listen_on();
}

static void came(struct peer *peer, struct sri_act *act)
{
    struct sri_held *back = NULL;
    int32_t result = sri_model_take(echo.stage->model, act, &back);
    echo.in_flight--;
    peer->busy = false;
    if (echo.over || echo.stage->ending) {
        if (peer == &echo.listener && result >= 0)
            sri_stage_own(echo.stage, result);
        return;
    }
    if (peer == &echo.listener)
        accepted(result);
    else if (peer->role == CLIENT)
        client_came(peer, result);
    else
        server_came(peer, result);
}

static void in_callback(void *user, struct sri_act *act)
{
    (void)user;
    came(act->user, act);
}

static void call(uint32_t number, bool inet)
{
    const struct sri_env *env = &echo.stage->env;
    int fd;
    if (env->vtable->socket(env->self, inet, &fd) != 0)
        return;
    sri_stage_own(echo.stage, fd);
    struct peer *peer = new_peer(CLIENT, fd);
    if (peer == NULL)
        return;
    echo.clients_left++;
    peer->key = number + 1;
    peer->total = 1 + sri_choose(echo.stage, 5000);
    peer->doing = CONNECTING;
    struct sr_op_spec spec =
        sr_spec_connect(sr_fd(fd), (const struct sockaddr *)&echo.address, echo.address_length);
    if (!start(peer, spec, NULL))
        hang_up(peer);
}

/* false: nothing came. */
static bool step(void)
{
    struct sri_model *model = echo.stage->model;
    struct sri_act *act = NULL;
    int rc;
    if (echo.callbacks)
        rc = sri_model_dispatch(model, true, echo.stage->env.patience_ns);
    else
        rc = sri_model_next(model, echo.stage->env.patience_ns, &act);
    if (rc == 0 && act != NULL)
        came(act->user, act);
    return rc == 0 || rc == -EAGAIN || rc == -EBUSY;
}

static void play(struct sri_stage *stage)
{
    memset(&echo, 0, sizeof echo);
    echo.stage = stage;
    struct sr_config config = sr_config_default();
    config.entries = 1u << sri_choose(stage, 6);
    config.max_in_flight = 2 * PEERS;
    config.queue_entries = config.entries < PEERS ? 2 * PEERS : 0;
    bool inet = sri_choose(stage, 2) == 1;
    const struct sri_env *env = &stage->env;
    if (env->vtable->listen(env->self, inet, &echo.listener.fd, &echo.address, &echo.address_length) != 0)
        return;
    sri_stage_own(stage, echo.listener.fd);
    if (!sri_stage_open(stage, &config))
        return;
    echo.callbacks = sri_choose(stage, 2) == 1;
    stage->model->client.in_callback = in_callback;
    uint32_t clients = 1 + sri_choose(stage, CLIENTS);
    echo.calls = clients;
    listen_on();
    for (uint32_t i = 0; i < clients; i++)
        call(i, inet);
    for (uint32_t steps = 0; steps < PATIENCE && echo.clients_left > 0 && !echo.over && step(); steps++)
        continue;
    echo.over = true;
}

const struct sri_scenario sri_scenario_echo = {"echo", "many clients and a server, exact bytes", play};
