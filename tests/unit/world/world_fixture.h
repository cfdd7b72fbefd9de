/*
 * A simulated world without an engine: attempts are made by hand, and those that may go on are noted in order.
 */
#ifndef TESTS_WORLD_FIXTURE_H
#define TESTS_WORLD_FIXTURE_H

#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>

#include "world/world.h"

#define WAITS INT64_MIN

struct fixture {
    struct sri_sim_world *world;
    struct sri_world interface;
    struct sri_attempt *ready[16];
    unsigned ready_count;
};

static struct fixture fixture;

static inline struct sri_sim_world_options small_world(void)
{
    return (struct sri_sim_world_options){.disk_bytes = 8 * 4096,
                                          .max_descriptors = 16,
                                          .pipe_bytes = 8192,
                                          .window_bytes = 100};
}

static inline void note_ready(void *self, struct sri_attempt *attempt)
{
    (void)self;
    assert_in_range(fixture.ready_count, 0, 15);
    fixture.ready[fixture.ready_count++] = attempt;
}

static inline int make_world(void **state)
{
    (void)state;
    struct sri_sim_world_options options = small_world();
    struct sri_sim_world_links links = {.ready = note_ready};
    memset(&fixture, 0, sizeof fixture);
    if (sri_sim_world_new(&fixture.world, &options) != 0)
        return -1;
    sri_sim_world_link(fixture.world, &links);
    fixture.interface = sri_sim_world_interface(fixture.world);
    return 0;
}

static inline int end_world(void **state)
{
    (void)state;
    fixture.interface.vtable->release(fixture.interface.self);
    return 0;
}

/* One attempt with its one segment, at home in the test. */
struct one {
    struct sri_attempt attempt;
    struct iovec segment;
    struct sri_address address;
};

static inline void prepare(struct one *one, int fd, enum sri_work work, void *bytes, size_t size)
{
    memset(one, 0, sizeof *one);
    one->segment = (struct iovec){.iov_base = bytes, .iov_len = size};
    one->attempt.file = fixture.interface.vtable->file_get(fixture.interface.self, fd);
    assert_non_null(one->attempt.file);
    one->attempt.segments = &one->segment;
    one->attempt.segment_count = 1;
    one->attempt.offset = SRI_OWN_POSITION;
    one->attempt.limit = size;
    one->attempt.work = (uint8_t)work;
    one->attempt.kernel_memory = true;
}

/* The result, or WAITS. */
static inline int64_t start(struct one *one)
{
    int64_t result = 0;
    enum sri_answer answer = fixture.interface.vtable->start(fixture.interface.self, &one->attempt, &result);
    return answer == SRI_WAIT ? WAITS : result;
}

static inline void end(struct one *one)
{
    fixture.interface.vtable->file_put(fixture.interface.self, one->attempt.file);
}

/* From beginning to end, for what does not wait. */
static inline int64_t at_once(int fd, enum sri_work work, void *bytes, size_t size, uint64_t offset,
                              uint32_t flags)
{
    struct one one;
    prepare(&one, fd, work, bytes, size);
    one.attempt.offset = offset;
    one.attempt.flags = flags;
    int64_t result = start(&one);
    if (result == WAITS)
        assert_int_equal(fixture.interface.vtable->cancel(fixture.interface.self, &one.attempt), 0);
    end(&one);
    return result;
}

static inline int64_t poll_now(int fd, uint32_t mask)
{
    return at_once(fd, SRI_WORK_POLL, NULL, 0, 0, mask);
}

#endif
