/*
 * Making and taking away what a program finds. The same on every kernel, by other calls.
 */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/detect.h"
#include "sim_internal.h"

#define HOST_PATIENCE_NS UINT64_C(250000000)
#define SIM_PATIENCE_NS UINT64_C(50000000)
#define PIPE_BYTES 65536u

static int open_sim(struct df_stage *stage)
{
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND | SR_SIM_NO_TRACE;
    int rc = sr_sim_new(&stage->sim, &options);
    if (rc != 0)
        return rc;
    stage->backend = sr_sim_backend(stage->sim);
    stage->env = sri_env_sim(stage->sim);
    stage->patience_ns = SIM_PATIENCE_NS;
    return 0;
}

int df_stage_open(struct df_stage *stage, const char *name, const char *folder)
{
    struct sri_detection why;
    memset(stage, 0, sizeof *stage);
    stage->name = name;
    if (strcmp(name, "sim") == 0)
        return open_sim(stage);
    stage->env = sri_env_host(&stage->host, folder);
    stage->host.sockets = strcmp(name, "engine") == 0 ? 1000000000u : 1u; /* names of its own */
    stage->patience_ns = HOST_PATIENCE_NS;
    return sri_backend_detect(name, &stage->backend, &why);
}

void df_stage_close(struct df_stage *stage)
{
    stage->env.vtable->end(stage->env.self);
    if (stage->sim != NULL)
        sr_sim_free(&stage->sim);
    else
        stage->backend.vtable->release(stage->backend.self);
}

static void file_name(unsigned object, char *out, size_t size)
{
    snprintf(out, size, "file%u", object);
}

void df_stage_path(struct df_stage *stage, const struct df_program *program, unsigned object, char *out,
                   size_t size)
{
    char name[32];
    file_name(object, name, sizeof name);
    stage->env.vtable->path(stage->env.self, program->object[object] == DF_FILE ? name : "missing", out,
                            size);
}

static int set_file(struct df_stage *stage, unsigned object)
{
    char name[32];
    unsigned char content[DF_BYTES];
    for (unsigned i = 0; i < sizeof content; i++)
        content[i] = (unsigned char)('a' + (i + object) % 26);
    file_name(object, name, sizeof name);
    return stage->env.vtable->file(stage->env.self, name, content, sizeof content, &stage->fd[object][0]);
}

static int set_full(struct df_stage *stage, int fds[2])
{
    static const unsigned char bytes[4096];
    size_t moved;
    int rc = stage->env.vtable->pipe(stage->env.self, fds);
    for (unsigned i = 0; i < PIPE_BYTES / sizeof bytes && rc == 0; i++)
        rc = stage->env.vtable->write(stage->env.self, fds[1], bytes, sizeof bytes, &moved);
    return rc;
}

static int set_listener(struct df_stage *stage, unsigned object, bool inet)
{
    const struct sri_env_vtable *env = stage->env.vtable;
    int rc = env->listen(stage->env.self, inet, &stage->fd[object][0], &stage->address[object],
                         &stage->address_length[object]);
    if (rc == 0)
        rc = env->socket(stage->env.self, inet, &stage->fd[object][1]);
    /* The engine connects a socket that blocks in a worker, and takes a connection from one there. */
    for (unsigned end = 0; end < 2 && rc == 0 && stage->sim == NULL; end++) {
        if (fcntl(stage->fd[object][end], F_SETFL, O_RDWR | O_NONBLOCK) != 0)
            rc = -errno;
    }
    return rc;
}

int df_stage_take_one(struct df_stage *stage)
{
    struct io_uring_cqe cqe;
    int rc = raw_ring_wait(&stage->ring, 1, stage->patience_ns);
    if (rc != 0)
        return rc;
    return raw_ring_take(&stage->ring, &cqe) ? cqe.res : -ETIME;
}

/* A connection: made by the ring, since not every kernel's objects have an accept of their own. */
static int set_tcp(struct df_stage *stage, unsigned object)
{
    int rc = set_listener(stage, object, true);
    if (rc != 0)
        return rc;
    int listener = stage->fd[object][0];
    stage->fd[object][0] = -1;
    rc = stage->env.vtable->connect(stage->env.self, stage->fd[object][1], &stage->address[object],
                                    stage->address_length[object]);
    bool again = rc == -EINPROGRESS;
    if (rc == 0 || again) {
        io_uring_prep_accept(raw_ring_sqe(&stage->ring, 0), listener, NULL, NULL, 0);
        rc = raw_ring_submit(&stage->ring);
        rc = rc == 1 ? df_stage_take_one(stage) : -EIO;
    }
    stage->env.vtable->close(stage->env.self, listener);
    if (rc < 0)
        return rc;
    if (again) /* the first call after that says that it has been made */
        (void)stage->env.vtable->connect(stage->env.self, stage->fd[object][1], &stage->address[object],
                                         stage->address_length[object]);
    stage->fd[object][0] = rc;
    return 0;
}

static int set_object(struct df_stage *stage, enum df_object_kind kind, unsigned object)
{
    const struct sri_env_vtable *env = stage->env.vtable;
    int *fds = stage->fd[object];
    switch (kind) {
    case DF_PIPE: return env->pipe(stage->env.self, fds);
    case DF_PAIR: return env->pair(stage->env.self, fds);
    case DF_FILE: return set_file(stage, object);
    case DF_TCP: return set_tcp(stage, object);
    case DF_LISTENER: return set_listener(stage, object, false);
    case DF_FULL: return set_full(stage, fds);
    case DF_NOTHING:
    case DF_OBJECT_KINDS: break;
    }
    return 0;
}

static int set_ring(struct df_stage *stage, const struct df_program *program)
{
    struct raw_ring *ring = &stage->ring;
    memset(&ring->params, 0, sizeof ring->params);
    ring->params.flags = program->setup_flags;
    if (program->cq_entries != 0) {
        ring->params.flags |= IORING_SETUP_CQSIZE;
        ring->params.cq_entries = program->cq_entries;
    }
    return raw_ring_open_params(ring, stage->backend, DF_SQ_ENTRIES);
}

static void set_chooser(struct df_stage *stage)
{
    sri_engine_set_chooser(sri_sim_engine(stage->sim), stage->chooser);
    sri_sim_world_set_chooser(sri_sim_world(stage->sim), stage->chooser);
}

int df_stage_set(struct df_stage *stage, const struct df_program *program)
{
    if (stage->sim != NULL) {
        struct sr_sim_options options = sr_sim_options_default();
        options.flags = SR_SIM_KIND | SR_SIM_NO_TRACE;
        int rc = sr_sim_reset(stage->sim, &options);
        if (rc != 0)
            return rc;
    }
    memset(stage->fd, -1, sizeof stage->fd);
    memset(stage->address, 0, sizeof stage->address);
    memset(stage->address_length, 0, sizeof stage->address_length);
    stage->opened_count = 0;
    int rc = set_ring(stage, program);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < DF_OBJECTS && rc == 0; i++)
        rc = set_object(stage, (enum df_object_kind)program->object[i], i);
    if (rc == 0)
        rc = df_stage_register(stage, program);
    if (rc != 0)
        df_stage_strike(stage, program);
    else if (stage->sim != NULL)
        set_chooser(stage);
    return rc;
}

/* A connection over the loopback would keep its port for a minute. */
static void forget(const struct df_stage *stage, int fd)
{
    struct linger at_once = {.l_onoff = 1};
    if (stage->sim == NULL)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void df_stage_strike(struct df_stage *stage, const struct df_program *program)
{
    raw_ring_close(&stage->ring);
    for (unsigned i = 0; i < stage->opened_count; i++)
        stage->env.vtable->close(stage->env.self, stage->opened[i]);
    for (unsigned i = 0; i < 2 * DF_OBJECTS; i++) {
        int fd = stage->fd[i / 2][i % 2];
        if (fd >= 0 && program->object[i / 2] == DF_TCP)
            forget(stage, fd);
        if (fd >= 0)
            stage->env.vtable->close(stage->env.self, fd);
    }
}

int df_stage_poke(struct df_stage *stage, const struct df_poke *poke)
{
    const struct sri_env_vtable *env = stage->env.vtable;
    int *fd = &stage->fd[poke->object][poke->end];
    unsigned char bytes[DF_BYTES];
    size_t moved = 0;
    int rc;
    if (*fd < 0)
        return -EBADF;
    memset(bytes, 'p', sizeof bytes);
    switch (poke->kind) {
    case DF_POKE_WRITE: rc = env->write(stage->env.self, *fd, bytes, poke->length, &moved); break;
    case DF_POKE_READ: rc = env->read(stage->env.self, *fd, bytes, poke->length, &moved); break;
    case DF_POKE_SHUTDOWN: rc = env->shutdown(stage->env.self, *fd); break;
    case DF_POKE_CLOSE:
    default:
        rc = env->close(stage->env.self, *fd);
        *fd = -1;
        break;
    }
    return rc != 0 ? rc : (int)moved;
}

static void look_at_end(struct df_stage *stage, unsigned object, unsigned end, struct df_outcome *outcome,
                        uint32_t round)
{
    unsigned char bytes[4096];
    uint64_t hash = DF_HASH_START;
    int64_t sum = 0;
    size_t moved = 0;
    int rc = 0;
    int fd = stage->fd[object][end];
    if (fd < 0)
        return;
    do {
        rc = stage->env.vtable->read(stage->env.self, fd, bytes, sizeof bytes, &moved);
        hash = df_hash(hash, bytes, rc == 0 ? moved : 0);
        sum += rc == 0 ? (int64_t)moved : 0;
    } while (rc == 0 && moved > 0);
    df_fact(outcome, DF_FACT_OBJECT, round, 2 * object + end, sum > 0 ? sum : rc, (int64_t)hash);
}

static void look_at_file(struct df_stage *stage, unsigned object, struct df_outcome *outcome, uint32_t round)
{
    char name[32];
    unsigned char bytes[512];
    size_t length = 0;
    file_name(object, name, sizeof name);
    int rc = stage->env.vtable->content(stage->env.self, name, bytes, sizeof bytes, &length);
    size_t known = length < sizeof bytes ? length : sizeof bytes;
    df_fact(outcome, DF_FACT_OBJECT, round, 2 * object, rc != 0 ? rc : (int64_t)length,
            (int64_t)df_hash(DF_HASH_START, bytes, known));
}

void df_stage_look(struct df_stage *stage, const struct df_program *program, struct df_outcome *outcome,
                   uint32_t round)
{
    for (unsigned i = 0; i < DF_OBJECTS; i++) {
        uint8_t kind = program->object[i];
        if (kind == DF_FILE)
            look_at_file(stage, i, outcome, round);
        if (kind == DF_PIPE || kind == DF_FULL)
            look_at_end(stage, i, 0, outcome, round);
        for (unsigned end = 0; end < 2 && (kind == DF_PAIR || kind == DF_TCP); end++)
            look_at_end(stage, i, end, outcome, round);
    }
}
