/*
 * Starting an operation of any kind, with whatever buffer there is.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "scenario/actions.h"

static struct sri_held *idle_buffer(struct sri_yard *yard, bool vector)
{
    struct sri_model *model = yard->stage->model;
    uint32_t skip = sri_choose(yard->stage, 4);
    struct sri_held *found = NULL;
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        if (held->handle == NULL || (held->bytes == NULL) != vector)
            continue;
        found = held;
        if (skip-- == 0)
            break;
    }
    return found;
}

static void fill(void *user, uint8_t *bytes, size_t size)
{
    const struct sri_model *model = user;
    sri_pattern_fill(model->verdict->step, 0, bytes, size);
}

static struct sri_held *plain_buffer(struct sri_yard *yard)
{
    static const size_t sizes[] = {512, 64, 1, 7, 100, 4096};
    struct sri_model *model = yard->stage->model;
    struct sri_held *held = sri_chance(yard->stage, 700) ? idle_buffer(yard, false) : NULL;
    if (held == NULL)
        held = sri_model_buffer(model, sizes[sri_choose(yard->stage, 6)]);
    if (held != NULL && sri_chance(yard->stage, 300))
        sri_model_access(model, held, sri_chance(yard->stage, 300), fill, model);
    return held;
}

static struct sri_held *vector_buffer(struct sri_yard *yard)
{
    struct sri_model *model = yard->stage->model;
    struct sri_held *held = sri_chance(yard->stage, 500) ? idle_buffer(yard, true) : NULL;
    if (held != NULL)
        return held;
    struct sri_held *parts[SRI_PARTS];
    uint32_t count = 1 + sri_choose(yard->stage, SRI_PARTS);
    uint32_t made = 0;
    while (made < count && (parts[made] = sri_model_buffer(model, 1 + sri_choose(yard->stage, 200))) != NULL)
        made++;
    held = made == count ? sri_model_join(model, parts, count) : NULL;
    for (uint32_t i = 0; held == NULL && i < made; i++)
        sri_model_release(model, parts[i]);
    return held;
}

static struct sr_range any_range(struct sri_yard *yard, const struct sri_held *held)
{
    if (!sri_chance(yard->stage, 300))
        return sr_range(0, held->size);
    uint32_t size = (uint32_t)held->size;
    uint32_t begin = sri_choose(yard->stage, size);
    uint32_t length = sri_choose(yard->stage, size - begin + 1);
    return sr_range(begin, length);
}

static struct sr_op_spec with_extras(struct sri_yard *yard, struct sr_op_spec spec)
{
    static const uint64_t times[] = {1000, 100000, 1000000, UINT64_C(1000000000)};
    if (sri_chance(yard->stage, 128))
        spec.flags |= SR_OP_ASYNC;
    if (sri_chance(yard->stage, 160) && spec.opcode != IORING_OP_TIMEOUT)
        spec = sr_spec_within(spec, times[sri_choose(yard->stage, 4)]);
    return spec;
}

/* A descriptor that is registered may be meant by its fixed file. */
static struct sr_op_spec to_fixed(struct sri_yard *yard, struct sr_op_spec spec)
{
    struct sri_model *model = yard->stage->model;
    bool can = spec.opcode != IORING_OP_CLOSE && spec.opcode != IORING_OP_OPENAT;
    if (model->store.registry == NULL || !can || !sri_chance(yard->stage, 700))
        return spec;
    for (uint32_t i = 0; i < SRI_FILED; i++) {
        const struct sri_filed *file = &model->store.files[i];
        if (file->live && !file->retired && file->fd == spec.target.number)
            spec.target = sr_fd_fixed(file->handle);
        if (spec.target.fixed)
            break;
    }
    return spec;
}

static int start(struct sri_yard *yard, struct sr_op_spec spec, struct sri_held *held)
{
    struct sri_act *act;
    spec = to_fixed(yard, spec);
    spec = with_extras(yard, spec);
    return sri_model_start(yard->stage->model, &spec, held, &act);
}

static void start_bytes(struct sri_yard *yard, uint8_t opcode, int fd, uint64_t offset)
{
    struct sri_held *held = plain_buffer(yard);
    if (held == NULL)
        return;
    struct sr_op_spec spec = sr_spec_read(sr_fd(fd), offset, any_range(yard, held));
    spec.opcode = opcode;
    if ((opcode == IORING_OP_SEND || opcode == IORING_OP_RECV) && sri_chance(yard->stage, 128))
        spec.opcode_flags = MSG_WAITALL;
    if (opcode == IORING_OP_SEND)
        spec.opcode_flags |= MSG_NOSIGNAL;
    start(yard, spec, held);
}

static void start_vector(struct sri_yard *yard)
{
    struct sri_held *held = vector_buffer(yard);
    if (held == NULL)
        return;
    struct sr_fd fd = sr_fd(yard->files[sri_choose(yard->stage, 2)]);
    uint64_t offset = sri_choose(yard->stage, 4096);
    start(yard, sri_chance(yard->stage, 512) ? sr_spec_writev(fd, offset) : sr_spec_readv(fd, offset), held);
}

static void start_accept(struct sri_yard *yard)
{
    struct sr_op_spec spec = sr_spec_accept(sr_fd(yard->listeners[sri_choose(yard->stage, 2)]), 0);
    if (sri_chance(yard->stage, 600))
        spec.flags |= SR_OP_WANT_PEER;
    start(yard, spec, NULL);
}

static void start_connect(struct sri_yard *yard)
{
    const struct sri_env *env = &yard->stage->env;
    uint32_t which = sri_choose(yard->stage, 2);
    int fd;
    if (yard->stage->fd_count > SRI_STAGE_FDS / 2 || env->vtable->socket(env->self, which == 1, &fd) != 0)
        return;
    sri_stage_own(yard->stage, fd);
    struct sockaddr_storage address = yard->addresses[which];
    struct sr_op_spec spec =
        sr_spec_connect(sr_fd(fd), (const struct sockaddr *)&address, yard->address_lengths[which]);
    start(yard, spec, NULL);
}

static void start_openat(struct sri_yard *yard)
{
    const struct sri_env *env = &yard->stage->env;
    static const char *const names[] = {"one", "two", "absent"};
    char path[256];
    env->vtable->path(env->self, names[sri_choose(yard->stage, 3)], path, sizeof path);
    if (strlen(path) + 1 > yard->stage->model->argument_bytes)
        return;
    start(yard, sr_spec_openat(sr_fd(AT_FDCWD), path, O_RDONLY | O_CLOEXEC, 0), NULL);
}

/* On the host a number that is closed twice may be somebody else's: there only the simulated world is played with. */
static void start_close(struct sri_yard *yard)
{
    if (!yard->stage->env.simulated || yard->stage->fd_count < 12 || yard->doubtful_count == SRI_DOUBTFUL)
        return;
    int fd = yard->stage->fds[yard->stage->fd_count - 1];
    struct sr_op_spec spec = sr_spec_close(sr_fd(fd));
    if (start(yard, spec, NULL) != 0)
        return;
    sri_stage_disown(yard->stage, fd);
    yard->doubtful[yard->doubtful_count++] = fd;
}

void sri_act_start(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    uint64_t offset = 0;
    uint32_t kind = sri_choose(stage, 16);
    switch (yard->kinds_off & 1u << kind ? 0 : kind) {
    case 1:
        offset = sri_choose(stage, 9000);
        start_bytes(yard, IORING_OP_READ, yard->files[0], offset);
        return;
    case 2:
        offset = sri_choose(stage, 9000);
        start_bytes(yard, IORING_OP_WRITE, yard->files[1], offset);
        return;
    case 3: start_bytes(yard, IORING_OP_READ, yard->pipe[0], 0); return;
    case 4: start_bytes(yard, IORING_OP_WRITE, yard->pipe[1], 0); return;
    case 5: start_bytes(yard, IORING_OP_RECV, yard->pair[0], 0); return;
    case 6: start_bytes(yard, IORING_OP_SEND, yard->pair[0], 0); return;
    case 7: start_accept(yard); return;
    case 8: start_connect(yard); return;
    case 9: start(yard, sr_spec_fsync(sr_fd(yard->files[1]), 0), NULL); return;
    case 10: start_openat(yard); return;
    case 11: start(yard, sr_spec_timeout(1000u << sri_choose(stage, 12)), NULL); return;
    case 12:
    case 13: start_vector(yard); return;
    case 14: start_close(yard); return;
    case 15: start_bytes(yard, IORING_OP_READ, yard->files[0], SR_OWN_POSITION); return;
    default: start(yard, sr_spec_nop(), NULL); return;
    }
}
