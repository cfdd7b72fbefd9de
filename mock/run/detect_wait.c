/*
 * Detector of waits that nothing can end: no operation is in flight, and no other thread could start one. Such a program
 * is ended, with an exit code of its own, since it would stay for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "host/host.h"
#include "liburing/serve.h"
#include "liburing/thread.h"
#include "run/agent.h"
#include "run/detect.h"

static const struct sri_world_vtable *inner;

/* Of the program; 0: not known. */
unsigned sri_wait_threads(void)
{
    struct stat status;
    if (stat("/proc/self/task", &status) != 0)
        return 0;
    return (unsigned)(status.st_nlink - 2 - sri_host_world_workers(sri_agent.world)) - sri_uring_threads();
}

static bool is_alone(void)
{
    return sri_wait_threads() == 1 && !sri_serve_has_children();
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

_Noreturn void sri_wait_end_process(void)
{
    sri_detect_unlock();
    sri_agent_finish(SRI_RUN_EXIT_HANGS);
    _exit(SRI_RUN_EXIT_HANGS);
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
    sri_wait_end_process();
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

/* Threads of the engine's own do not count: they start nothing. */
static bool sleeps_for_ever(const struct sri_watched_ring *ring, int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    const struct io_uring *known = ring->ring;
    if (known == NULL || known->sq.khead != ring->khead || sri_engine_in_flight(sri_agent.engine) != 0 ||
        *known->cq.khead == __atomic_load_n(known->cq.ktail, __ATOMIC_ACQUIRE))
        return false;
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) == 0 && poll(&one, 1, (int)sri_agent.stall_ms) == 0;
}

void sri_wait_on_eventfd(int fd, const void *frame, const void *site)
{
    sri_detect_lock();
    for (uint32_t i = 0; i < sri_detect.ring_count; i++) {
        const struct sri_watched_ring *ring = &sri_detect.rings[i];
        if (ring->eventfd != fd || sri_wait_threads() > 1 || !sleeps_for_ever(ring, fd))
            continue;
        sri_detect.place = sri_place_here(frame, site);
        sri_finding("lost-wakeup", NULL,
                    "a read of event descriptor %d with nothing in flight, and completions in the queue: one "
                    "signal may stand for many of them",
                    fd);
        sri_wait_end_process();
    }
    sri_detect_unlock();
}
