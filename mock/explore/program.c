/*
 * Collecting calls, answers and choices. The text around them is in program_text.c.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "explore/program.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_internal.h"

static struct sri_text *where(struct sri_program *program)
{
    return program->in_callback ? &program->callbacks[program->callback_count - 1] : &program->calls;
}

static void add_line(struct sri_program *program, const char *line)
{
    sri_text_add(where(program), "    %s\n", line);
}

/* How many descriptors are open: what can be seen of one that is closed too early, or never. */
static void add_descriptors(struct sri_program *program)
{
    sri_text_add(where(program), "    SHOULD(descriptors(), %u);\n",
                 program->inner.vtable->descriptors(program->inner.self));
}

/* Which buffers' bytes have gone home: what can be seen of a violation about memory. */
static void add_releases(struct sri_program *program)
{
    const struct sri_model *model = program->rig->model;
    for (const struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        const struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        if (held->bytes == NULL || held->block == NULL)
            continue;
        sri_text_add(where(program), "    SHOULD(buffers[%u].released, %d);\n", sri_held_number(model, held),
                     held->block->serial != held->serial || !held->block->live);
    }
}

static void add_violations(struct sri_program *program)
{
    const struct sri_verdict *verdict = program->rig->verdict;
    for (; program->violations < verdict->kept; program->violations++) {
        const struct sri_violation *violation = &verdict->violations[program->violations];
        sri_text_add(where(program), "\n    /* %s: %s */\n", sri_rule_infos[violation->rule].name,
                     violation->text);
        sri_text_add(where(program), "    BROKEN(\"%s\");\n", sri_rule_infos[violation->rule].name);
        add_releases(program);
        /* Behind the first one, what the run gave back does not stand in the program. */
        if (!program->over)
            add_descriptors(program);
        program->over = !program->in_callback;
    }
}

/* "COUNTS(f, o);": only when they have changed. */
static bool is_old_count(struct sri_program *program, const char *line)
{
    static const char begin[] = "COUNTS(";
    const char *at = strstr(line, begin);
    if (at == NULL)
        return false;
    char *end;
    unsigned flying = (unsigned)strtoul(at + strlen(begin), &end, 10);
    unsigned orphans = *end == ',' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
    bool old = program->counted && program->flying == flying && program->orphans == orphans;
    program->counted = true;
    program->flying = flying;
    program->orphans = orphans;
    return old;
}

static void begin_callback(struct sri_program *program, const char *line)
{
    program->in_callback = program->callback_count < SRI_PROGRAM_CALLBACKS;
    if (program->in_callback)
        program->callback_count++;
    sri_text_add(where(program), "    dones[%s] = *at;\n", line + strlen("CALLBACK "));
}

static void code(void *user, const char *line)
{
    struct sri_program *program = user;
    if (program->over)
        return;
    if (strncmp(line, "CALLBACK ", 9) == 0)
        begin_callback(program, line);
    else if (strcmp(line, "RETURN") == 0)
        program->in_callback = false;
    else if (!is_old_count(program, line))
        add_line(program, line);
    /* The statement is of a call that was made: what it broke stands behind it. */
    add_violations(program);
}

static void say(struct sri_program *program, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct sri_program *program, const char *format, ...)
{
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    code(program, line);
}

/* ---- The kernel's choices ---- */

static void heard(void *self, uint32_t n, uint32_t answer)
{
    struct sri_program *program = self;
    if (program->over)
        return;
    uint32_t largest = n - 1;
    do {
        sri_text_add(&program->answers, "%u,", answer & 0xff);
        answer >>= 8;
        largest >>= 8;
    } while (largest > 0);
}

/* ---- The surroundings ---- */

static int make_file(void *self, const char *name, const void *data, size_t size, int *fd)
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->file(program->inner.self, name, data, size, fd);
    say(program, "SHOULD(file(\"/%s\", %zu), %d);", name, size, rc != 0 ? rc : *fd);
    return rc;
}

static int content(void *self, const char *name, void *buffer, size_t size, size_t *length)
{
    struct sri_program *program = self;
    return program->inner.vtable->content(program->inner.self, name, buffer, size, length);
}

static void path_of(void *self, const char *name, char *out, size_t size)
{
    struct sri_program *program = self;
    program->inner.vtable->path(program->inner.self, name, out, size);
}

static int make_pipe(void *self, int fds[2])
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->pipe(program->inner.self, fds);
    say(program, "SHOULD(sr_sim_pipe(sim, fds), %d);", rc);
    return rc;
}

static int make_pair(void *self, int fds[2])
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->pair(program->inner.self, fds);
    say(program, "SHOULD(sr_sim_socketpair(sim, fds), %d);", rc);
    return rc;
}

static void bytes_of(const void *bytes, uint32_t length, char *out, size_t size)
{
    out[0] = 0;
    for (uint32_t i = 0; i < length && strlen(out) + 5 < size; i++)
        snprintf(out + strlen(out), size - strlen(out), "%u,", ((const uint8_t *)bytes)[i]);
}

static int make_listener(void *self, bool inet, int *fd, struct sockaddr_storage *address, uint32_t *length)
{
    struct sri_program *program = self;
    char bytes[300];
    int rc = program->inner.vtable->listen(program->inner.self, inet, fd, address, length);
    bytes_of(address, *length, bytes, sizeof bytes);
    say(program, "SHOULD(listener((const uint8_t[]){%s}, %u), %d);", bytes, *length, rc != 0 ? rc : *fd);
    return rc;
}

static int make_socket(void *self, bool inet, int *fd)
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->socket(program->inner.self, inet, fd);
    say(program, "SHOULD(sr_sim_socket(sim, %s, &fd), %d);", inet ? "AF_INET" : "AF_UNIX", rc);
    return rc;
}

static int connect_there(void *self, int fd, const struct sockaddr_storage *address, uint32_t length)
{
    struct sri_program *program = self;
    char bytes[300];
    int rc = program->inner.vtable->connect(program->inner.self, fd, address, length);
    bytes_of(address, length, bytes, sizeof bytes);
    say(program, "SHOULD(connect_to(%d, (const uint8_t[]){%s}, %u), %d);", fd, bytes, length, rc);
    return rc;
}

static int write_there(void *self, int fd, const void *bytes, size_t size, size_t *moved)
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->write(program->inner.self, fd, bytes, size, moved);
    say(program, "SHOULD(sr_sim_write(sim, %d, scratch, %zu, &moved), %d);", fd, size, rc);
    return rc;
}

static int read_there(void *self, int fd, void *bytes, size_t size, size_t *moved)
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->read(program->inner.self, fd, bytes, size, moved);
    say(program, "SHOULD(sr_sim_read(sim, %d, scratch, %zu, &moved), %d);", fd, size, rc);
    return rc;
}

static int shut(void *self, int fd)
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->shutdown(program->inner.self, fd);
    say(program, "SHOULD(sr_sim_shutdown(sim, %d, SHUT_RDWR), %d);", fd, rc);
    return rc;
}

static int close_fd(void *self, int fd)
{
    struct sri_program *program = self;
    int rc = program->inner.vtable->close(program->inner.self, fd);
    say(program, "SHOULD(sr_sim_close(sim, %d), %d);", fd, rc);
    return rc;
}

static uint32_t descriptors(void *self)
{
    struct sri_program *program = self;
    uint32_t count = program->inner.vtable->descriptors(program->inner.self);
    say(program, "SHOULD(descriptors(), %u);", count);
    return count;
}

static void calm(void *self)
{
    struct sri_program *program = self;
    program->inner.vtable->calm(program->inner.self);
    say(program, "sr_sim_calm(sim);");
}

static void lose_power(void *self)
{
    struct sri_program *program = self;
    program->inner.vtable->lose_power(program->inner.self);
    say(program, "sr_sim_power_loss(sim);");
}

static void end(void *self)
{
    struct sri_program *program = self;
    add_violations(program);
    program->inner.vtable->end(program->inner.self);
}

struct sri_env sri_program_env(struct sri_program *program)
{
    static const struct sri_env_vtable vtable = {
        .file = make_file,
        .content = content,
        .path = path_of,
        .pipe = make_pipe,
        .pair = make_pair,
        .listen = make_listener,
        .socket = make_socket,
        .connect = connect_there,
        .write = write_there,
        .read = read_there,
        .shutdown = shut,
        .close = close_fd,
        .descriptors = descriptors,
        .calm = calm,
        .lose_power = lose_power,
        .end = end,
    };
    struct sri_env env = program->inner;
    env.vtable = &vtable;
    env.self = program;
    return env;
}

/* ---- Life ---- */

void sri_program_begin(struct sri_program *program)
{
    struct sri_rig *rig = program->rig;
    sri_program_fini(program);
    program->rig = rig;
    program->inner = rig->env;
    rig->model->client.code = code;
    rig->model->client.code_user = program;
    sri_sim_adversary(rig->sim)->heard = heard;
    sri_sim_adversary(rig->sim)->heard_self = program;
}

void sri_program_fini(struct sri_program *program)
{
    if (program->rig != NULL && program->rig->sim != NULL)
        sri_sim_adversary(program->rig->sim)->heard = NULL;
    sri_text_fini(&program->calls);
    sri_text_fini(&program->answers);
    for (uint32_t i = 0; i < SRI_PROGRAM_CALLBACKS; i++)
        sri_text_fini(&program->callbacks[i]);
    memset(program, 0, sizeof *program);
}
