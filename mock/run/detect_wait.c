/*
 * Detector of waits that nothing can end: no operation is in flight, and no other thread could start one. Such a program
 * is ended, with an exit code of its own, since it would stay for ever.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "host/host.h"
#include "run/agent.h"
#include "run/detect.h"

static const struct sri_world_vtable *inner;

static bool is_alone(void)
{
    struct stat status;
    if (stat("/proc/self/task", &status) != 0)
        return false;
    return status.st_nlink - 2 - sri_host_world_workers(sri_agent.world) <= 1;
}

/* A timer's signal may be what it waits for. */
static bool has_alarm(void)
{
    struct itimerval left = {{0, 0}, {0, 0}};
    return getitimer(ITIMER_REAL, &left) == 0 && (left.it_value.tv_sec != 0 || left.it_value.tv_usec != 0);
}

static unsigned not_submitted(void)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < sri_detect.ring_count; i++)
        count += sri_entry_count(&sri_detect.rings[i]);
    return count;
}

static _Noreturn void end(void)
{
    sri_detect_lock();
    unsigned left = not_submitted();
    if (left > 0)
        sri_finding("wait-cannot-end", NULL,
                    "a wait for completions with nothing in flight: %u prepared entr%s never submitted", left,
                    left == 1 ? "y was" : "ies were");
    else
        sri_finding("wait-cannot-end", NULL,
                    "a wait for completions with nothing in flight and nothing prepared");
    sri_detect_unlock();
    sri_agent_finish();
    _exit(SRI_RUN_EXIT_HANGS);
}

/* Instead of a sleep without end: as long as the command says, in which a signal may come. */
static int wait_for_signal(const void *mask, size_t mask_size)
{
    const struct timespec limit = {.tv_sec = (time_t)(sri_agent.stall_ms / 1000),
                                   .tv_nsec = (long)(sri_agent.stall_ms % 1000) * 1000000};
    struct timespec left = limit;
    return syscall(SYS_ppoll, NULL, 0, &left, mask, mask_size) < 0 ? -1 : 0;
}

static int wait_in_world(void *self, uint64_t until_ns, const void *mask, size_t mask_size)
{
    bool for_ever = until_ns == SRI_NEVER && sri_engine_in_flight(sri_agent.engine) == 0;
    if (for_ever && sri_detect.ring_count > 0 && is_alone() && !has_alarm()) {
        inner->unlock(self);
        int rc = wait_for_signal(mask, mask_size);
        inner->lock(self);
        if (rc != 0)
            return -EINTR;
        if (sri_engine_in_flight(sri_agent.engine) == 0 && is_alone())
            end();
    }
    return inner->wait(self, until_ns, mask, mask_size);
}

void sri_wait_watch(struct sri_world *world)
{
    static struct sri_world_vtable outer;
    inner = world->vtable;
    outer = *inner;
    outer.wait = wait_in_world;
    world->vtable = &outer;
}
