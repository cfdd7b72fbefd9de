/*
 * Notes what passes between a case and its kernel. Changes nothing of it.
 */
#include "support/coverage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/raw_ring.h"

static struct {
    bool opcodes[256];
    bool registrations[64];
    unsigned setup_flags;
    unsigned enter_flags;
    unsigned sqe_flags;
} seen;

static const struct sr_backend_vtable *inner;
static struct sr_backend_vtable watched;

static const char *record_path(void)
{
    return getenv("SAFER_RING_CONFORMANCE");
}

static int watch_setup(void *self, uint32_t entries, struct io_uring_params *params)
{
    int rc = inner->setup(self, entries, params);
    if (rc != -EFAULT) /* a case may pass what can't be read */
        seen.setup_flags |= params->flags;
    return rc;
}

static int watch_enter(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                       const void *arg, size_t arg_size)
{
    seen.enter_flags |= flags;
    return inner->enter(self, ring, to_submit, min_complete, flags, arg, arg_size);
}

static int watch_register(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    if (opcode < sizeof seen.registrations)
        seen.registrations[opcode] = true;
    return inner->register_(self, ring, opcode, arg, count);
}

static void watch_sqe(const struct io_uring_sqe *sqe)
{
    seen.opcodes[sqe->opcode] = true;
    seen.sqe_flags |= sqe->flags;
}

struct sr_backend coverage_begin(struct sr_backend backend)
{
    if (record_path() == NULL)
        return backend;
    memset(&seen, 0, sizeof seen);
    inner = backend.vtable;
    watched = *backend.vtable;
    watched.setup = watch_setup;
    watched.enter = watch_enter;
    watched.enter_is_system_call = false;
    watched.register_ = watch_register;
    raw_ring_published = watch_sqe;
    return (struct sr_backend){.vtable = &watched, .self = backend.self};
}

/* A topic is a file of tests/conformance, and so a program: test_conformance_TOPIC. */
static const char *topic(void)
{
    const char prefix[] = "test_conformance_";
    const char *name = program_invocation_short_name;
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : name;
}

/* Kind and number; the names are the reader's. */
static void write_touches(FILE *out, const char *name, const char *kind, unsigned number)
{
    fprintf(out, "touch\t%s\t%s\t%s\t%u\n", topic(), name, kind, number);
}

static void write_bits(FILE *out, const char *name, const char *kind, unsigned bits)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        if (bits & (1u << bit))
            write_touches(out, name, kind, bit);
    }
}

static void write_members(FILE *out, const char *name, const char *kind, const bool *members, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (members[i])
            write_touches(out, name, kind, i);
    }
}

void coverage_end(const char *name, const char *column, const char *outcome)
{
    const char *path = record_path();
    FILE *out = path == NULL ? NULL : fopen(path, "ae");
    if (out == NULL)
        return;
    fprintf(out, "case\t%s\t%s\t%s\t%s\n", topic(), name, column, outcome);
    write_members(out, name, "opcode", seen.opcodes, 256);
    write_members(out, name, "register", seen.registrations, 64);
    write_bits(out, name, "setup", seen.setup_flags);
    write_bits(out, name, "enter", seen.enter_flags);
    write_bits(out, name, "sqe", seen.sqe_flags);
    if (fclose(out) != 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
}
