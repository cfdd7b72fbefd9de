/*
 * Time: the machine's, or in a run that must repeat a logical one.
 *
 * Logical time moves a little with each call of the program's, and jumps to what is next due when the program waits or
 * finds nothing: delays take no time of the program's, and the same calls see the same times. Whatever the program asks of
 * time itself (a timeout) needs the machine's clock; from then on the run is no longer a matter of its tape alone.
 */
#include <time.h>

#include "engine/engine.h"
#include "host/host.h"
#include "host/state.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define VISIT_NS 100

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t sri_host_real_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t sri_host_now_ns(void *self)
{
    const struct sri_host *host = self;
    return host->clock.logical ? host->clock.now_ns : sri_host_real_ns() + host->clock.ahead_ns;
}

uint64_t sri_host_clock_ns(void *self, enum sri_clock clock)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME};
    (void)self;
    return read_clock(clocks[clock]);
}

void sri_host_visit(struct sri_host *host)
{
    struct sri_host_clock *clock = &host->clock;
    if (!clock->logical)
        return;
    clock->now_ns += VISIT_NS;
    if (!atomic_exchange(&clock->hurried, false))
        return;
    uint64_t due = sri_engine_next_due_ns(host->engine);
    if (due != SRI_NEVER && due > clock->now_ns)
        clock->now_ns = due;
}

/* Whoever sleeps on a ring's descriptor is woken at once where time is logical: its next call lets it pass. */
uint64_t sri_host_to_real(const struct sri_host *host, uint64_t at_ns)
{
    if (at_ns == SRI_NEVER)
        return at_ns;
    if (host->clock.logical)
        return 0;
    return at_ns > host->clock.ahead_ns ? at_ns - host->clock.ahead_ns : 0;
}

bool sri_host_skip_to(struct sri_host *host, uint64_t at_ns)
{
    if (!host->clock.logical || at_ns == SRI_NEVER)
        return false;
    if (at_ns > host->clock.now_ns)
        host->clock.now_ns = at_ns;
    return true;
}

void sri_host_world_repeat(struct sri_world world)
{
    struct sri_host *host = world.self;
    host->clock.logical = true;
    host->clock.now_ns = NSEC_PER_SEC;
}

void sri_host_world_hurry(struct sri_world world)
{
    struct sri_host *host = world.self;
    if (host->clock.logical)
        atomic_store(&host->clock.hurried, true);
}

bool sri_host_world_keep_time(struct sri_world world)
{
    struct sri_host *host = world.self;
    if (!host->clock.logical)
        return false;
    uint64_t real = sri_host_real_ns();
    host->clock.logical = false;
    host->clock.ahead_ns = host->clock.now_ns > real ? host->clock.now_ns - real : 0;
    return true;
}
