/*
 * The host world alone: this file stands in for the engine, so that each answer of the world is seen. One program
 * includes it once.
 */
#ifndef TESTS_UNIT_HOST_WORLD_FIXTURE_H
#define TESTS_UNIT_HOST_WORLD_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "host/host.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

/* ---- In place of the engine: one attempt at a time, and what was said of it. ---- */

struct sri_engine {
    struct sri_attempt *ready;
    struct sri_attempt *finished;
    int64_t result;
    uint64_t due_ns;
};

void sri_engine_ready(struct sri_engine *engine, struct sri_attempt *attempt)
{
    engine->ready = attempt;
}

void sri_engine_finish(struct sri_engine *engine, struct sri_attempt *attempt, int64_t result)
{
    engine->finished = attempt;
    engine->result = result;
}

uint64_t sri_engine_next_due_ns(const struct sri_engine *engine)
{
    return engine->due_ns;
}

/* What is nobody's any more ends at once. */
bool sri_engine_part(struct sri_engine *engine, struct sri_file *file)
{
    (void)engine;
    (void)file;
    return false;
}

struct fixture {
    struct sri_world world;
    struct sri_engine engine;
    struct sri_attempt attempt;
    struct iovec segment;
};

static inline void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->engine.due_ns = SRI_NEVER;
    assert_int_equal(sri_host_world_new(&f->world), 0);
    sri_host_world_attach(f->world, &f->engine);
    f->world.vtable->lock(f->world.self);
}

static inline void end(struct fixture *f)
{
    f->world.vtable->unlock(f->world.self);
    f->world.vtable->release(f->world.self);
}

/* The program runs between two visits to the world. */
static inline void leave_and_come_back(struct fixture *f)
{
    f->world.vtable->unlock(f->world.self);
    f->world.vtable->lock(f->world.self);
}

static inline void prepare(struct fixture *f, enum sri_work work, int fd, void *memory, size_t length)
{
    memset(&f->attempt, 0, sizeof f->attempt);
    f->segment.iov_base = memory;
    f->segment.iov_len = length;
    f->attempt.segments = &f->segment;
    f->attempt.segment_count = 1;
    f->attempt.limit = UINT64_MAX;
    f->attempt.work = (uint8_t)work;
    if (fd >= 0) {
        f->attempt.file = f->world.vtable->file_get(f->world.self, fd);
        assert_non_null(f->attempt.file);
    }
}

static inline enum sri_answer start(struct fixture *f, int64_t *result)
{
    return f->world.vtable->start(f->world.self, &f->attempt, result);
}

static inline void put(struct fixture *f)
{
    f->world.vtable->file_put(f->world.self, f->attempt.file);
}

static inline void wait_for(struct fixture *f)
{
    uint64_t until = f->world.vtable->now_ns(f->world.self) + 10 * SECOND;
    f->engine.ready = NULL;
    while (f->engine.ready == NULL && f->engine.finished == NULL &&
           f->world.vtable->now_ns(f->world.self) < until)
        assert_int_equal(f->world.vtable->wait(f->world.self, until, NULL, 0), 0);
}

/* To the end, however many times it must wait. */
static inline int64_t complete(struct fixture *f)
{
    int64_t result = 0;
    enum sri_answer answer = start(f, &result);
    while (answer != SRI_DONE) {
        f->engine.finished = NULL;
        wait_for(f);
        if (f->engine.finished == &f->attempt)
            return f->engine.result;
        assert_ptr_equal(f->engine.ready, &f->attempt);
        answer = start(f, &result);
    }
    return result;
}

static inline void make_pipe(int ends[2], int flags)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | flags), 0);
}

static inline void close_both(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

/* A file of its own for a test; its name goes to `path`, which has room for 64 bytes. */
static inline int temporary_file(char *path)
{
    strcpy(path, "/tmp/safer-ring-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return fd;
}

#endif
