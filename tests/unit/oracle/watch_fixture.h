/*
 * A watch with nobody but the test to tell it of events.
 */
#ifndef TESTS_UNIT_ORACLE_WATCH_FIXTURE_H
#define TESTS_UNIT_ORACLE_WATCH_FIXTURE_H

#include <string.h>

#include "base/alloc.h"
#include "oracle/watch.h"
#include "support/main.h"

struct watch_fixture {
    struct sri_verdict verdict;
    struct sri_heap heap;
    struct sri_watch *watch;
    struct sri_observer observer;
};

static inline int watch_setup(void **state)
{
    static struct watch_fixture fixture;
    memset(&fixture.verdict, 0, sizeof fixture.verdict);
    fixture.watch = sri_alloc_zero(1, sizeof *fixture.watch);
    assert_non_null(fixture.watch);
    sri_heap_init(&fixture.heap);
    sri_verdict_begin(&fixture.verdict);
    sri_watch_init(fixture.watch, &fixture.verdict, &fixture.heap);
    sri_watch_begin(fixture.watch);
    fixture.observer = sri_watch_observer(fixture.watch);
    *state = &fixture;
    return 0;
}

static inline int watch_teardown(void **state)
{
    struct watch_fixture *fixture = *state;
    sri_free(fixture->watch);
    return 0;
}

static inline void tell(struct watch_fixture *fixture, struct sri_event event)
{
    fixture->observer.observe(fixture->observer.self, &event);
}

/* A request on ring 3 that borrows `segment`. */
static inline void tell_consumed(struct watch_fixture *fixture, uint64_t request, uint64_t user_data,
                                 enum sri_lending lending, const struct iovec *segment)
{
    static const struct io_uring_sqe sqe;
    tell(fixture, (struct sri_event){.kind = SRI_EVENT_CONSUMED,
                                     .ring = 3,
                                     .request = request,
                                     .user_data = user_data,
                                     .lending = lending,
                                     .segments = segment,
                                     .segment_count = segment != NULL ? 1 : 0,
                                     .sqe = &sqe});
}

static inline void tell_request(struct watch_fixture *fixture, enum sri_event_kind kind, uint64_t request,
                                uint64_t user_data, int64_t result)
{
    tell(fixture, (struct sri_event){.kind = kind,
                                     .ring = 3,
                                     .request = request,
                                     .user_data = user_data,
                                     .result = result,
                                     .last = 1});
}

#endif
