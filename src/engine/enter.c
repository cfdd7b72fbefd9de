/*
 * io_uring_enter: submit, then run and wait.
 */
#include <errno.h>

#include "engine/guest.h"
#include "engine/refusal.h"
#include "engine/registers.h"
#include "engine/steps.h"

#define KNOWN_FLAGS                                                                                  \
    (IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT | IORING_ENTER_EXT_ARG | \
     IORING_ENTER_REGISTERED_RING)
#define SIGSET_SIZE 8u

struct wait {
    uint64_t until_ns;
    const void *mask;
    size_t mask_size;
};

/* Looked at only where there is something to wait for (measured). */
static int check_mask(struct sri_engine *engine, const struct wait *wait)
{
    if (wait->mask == NULL)
        return 0;
    return wait->mask_size != SIGSET_SIZE ? -EINVAL
                                          : sri_user_readable(sri_door(engine), wait->mask, SIGSET_SIZE);
}

/* The argument of a wait, copied; the deadline is absolute from here on. */
static int import_wait(struct sri_engine *engine, uint32_t flags, const void *arg, size_t arg_size,
                       struct wait *wait)
{
    *wait = (struct wait){.until_ns = SRI_NEVER};
    if (!(flags & IORING_ENTER_EXT_ARG)) {
        wait->mask = arg;
        wait->mask_size = arg_size;
        return 0;
    }
    struct io_uring_getevents_arg ext;
    if (arg_size != sizeof ext)
        return -EINVAL;
    if (sri_user_copy_in(sri_door(engine), &ext, arg, sizeof ext) != 0)
        return -EFAULT;
    if (ext.pad != 0)
        return -EINVAL;
    wait->mask = (const void *)(uintptr_t)ext.sigmask;
    wait->mask_size = ext.sigmask_sz;
    if (ext.ts != 0) {
        uint64_t time_ns = 0;
        int error = sri_copy_time(sri_door(engine), ext.ts, &time_ns);
        if (error == -EFAULT)
            return error;
        /* A time before now has come (measured). */
        if (__builtin_add_overflow(sri_now(engine), error == 0 ? time_ns : 0, &wait->until_ns))
            wait->until_ns = SRI_NEVER;
    }
    return 0;
}

void sri_look(struct sri_engine *engine)
{
    if (engine->outside > 0)
        (void)engine->world.vtable->wait(engine->world.self, 0, NULL, 0);
}

void sri_look_unless_told(struct sri_engine *engine)
{
    if (!engine->world.vtable->tells_at_once)
        sri_look(engine);
}

/* All that can be done now: what came from elsewhere, what the wheel lets go, what is due. */
void sri_advance(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    sri_inbox_deliver(ring);
    sri_turn(engine);
    sri_run(engine, 0);
    if (!ring->collecting || ring->overflow_count == 0)
        return;
    sri_overflow_flush(ring);
    sri_run(engine, 0);
}

static uint32_t visible(const struct sri_ring *ring)
{
    return sri_cq_ready(ring) - ring->overflow_count;
}

uint64_t sri_next_change_ns(struct sri_engine *engine, uint64_t until_ns)
{
    if (__builtin_expect(engine->let_go_count > 0, 0))
        return sri_now(engine);
    uint64_t wheel_ns = sri_wheel_next_ns(&engine->wheel);
    if (wheel_ns >= SRI_HELD_NS)
        wheel_ns = SRI_NEVER;
    uint64_t world_ns = engine->world.vtable->next_ns(engine->world.self);
    uint64_t next_ns = wheel_ns < world_ns ? wheel_ns : world_ns;
    return next_ns < until_ns ? next_ns : until_ns;
}

static bool ask_interrupt(struct sri_ring *ring)
{
    struct sri_question question = {.why = SRI_WHY_INTERRUPT, .n = 2, .fd = ring->fd};
    return sri_pick(&ring->engine->chooser, &question) == 1;
}

static int stall(struct sri_ring *ring)
{
    if (sri_is_watched(ring->engine))
        sri_emit_ring(ring, SRI_EVENT_STALL, (int64_t)ring->in_flight, 0);
    return -EDEADLK;
}

/*
 * What a ring that defers has held back, as the true kernel goes about it: in one batch until as much was done as is waited
 * for; what became due on the way is left to the next time.
 */
static void advance_held(struct sri_ring *ring, uint32_t min_complete)
{
    struct sri_engine *engine = ring->engine;
    if (sri_is_orderly(engine)) {
        ring->wanted = min_complete;
        ring->gathered = 0;
        engine->gathering = ring;
    }
    sri_due_release_held(ring);
    sri_advance(ring);
    engine->gathering = NULL;
}

/* Rounds of work, until enough is there or nothing is left to do. A round of a ring that defers is what it held then. */
static bool is_enough(struct sri_ring *ring, uint32_t min_complete, uint32_t expired)
{
    do {
        advance_held(ring, min_complete);
        sri_closing_end(ring->engine);
        if (visible(ring) >= min_complete)
            return true;
    } while (!sri_list_empty(&ring->held));
    return ring->expired != expired;
}

/* A thread that polls the SQ is late at most until somebody waits for it. */
static bool is_enough_after_thread(struct sri_ring *ring, uint32_t min_complete, uint32_t expired)
{
    if (is_enough(ring, min_complete, expired))
        return true;
    if (sri_sq_waiting(ring) == 0 || !(ring->setup_flags & IORING_SETUP_SQPOLL))
        return false;
    sri_sqpoll_finish(ring);
    return is_enough(ring, min_complete, expired);
}

/* Who sleeps until a timer may be awake only when others have expired too: an orderly chooser says. */
static int sleep_on(struct sri_engine *engine, const struct wait *wait)
{
    const struct sri_world_vtable *world = engine->world.vtable;
    uint64_t until_ns = sri_next_change_ns(engine, wait->until_ns);
    struct sri_question question = {.why = SRI_WHY_LATE, .n = 2, .fd = -1};
    if (!sri_is_kind(engine) && sri_is_orderly(engine) && until_ns < wait->until_ns &&
        sri_pick(&engine->chooser, &question) == 1)
        until_ns += SRI_LATE_NS;
    engine->sleepers++;
    int error = world->wait(engine->world.self, until_ns, wait->mask, wait->mask_size);
    engine->sleepers--;
    return error;
}

static int wait_for(struct sri_ring *ring, uint32_t min_complete, const struct wait *wait)
{
    struct sri_engine *engine = ring->engine;
    uint32_t expired = ring->expired;
    if (is_enough_after_thread(ring, min_complete, expired))
        return 0;
    int error = check_mask(engine, wait);
    if (error == 0 && ask_interrupt(ring))
        error = -EINTR;
    if (error != 0)
        return error;
    for (;;) {
        if (wait->until_ns != SRI_NEVER && sri_now(engine) >= wait->until_ns)
            return -ETIME;
        error = sleep_on(engine, wait);
        if (ring->closed) /* by another thread: what came before that is there (measured) */
            return visible(ring) >= min_complete ? 0 : -EBADF;
        if (is_enough(ring, min_complete, expired))
            return 0;
        if (error == -EDEADLK)
            return stall(ring);
        if (error != 0)
            return error;
    }
}

static int collect(struct sri_ring *ring, uint32_t min_complete, const struct wait *wait)
{
    struct sri_engine *engine = ring->engine;
    int result = 0;
    if (min_complete > ring->cq_entries)
        min_complete = ring->cq_entries;
    ring->collecting = true;
    /* What the world knows by now is looked at first, when anything waits there. */
    sri_look(engine);
    if (!ring->closed)
        result = wait_for(ring, min_complete, wait);
    ring->collecting = false;
    if ((result == -ETIME || result == -EINTR) && !ring->closed && visible(ring) > 0)
        result = 0; /* the true kernel tells of an end without enough only when nothing at all is there */
    if (result == 0 && ring->dropped) {
        ring->dropped = false;
        result = -EBADR;
    }
    return result;
}

/* Refused with nothing consumed, as a kernel short of memory, of room in its CQ, or with a signal pending may do. */
static int ask_refusal(struct sri_ring *ring, uint32_t to_submit)
{
    static const int refusals[] = {0, -EAGAIN, -EBUSY, -EINTR};
    struct sri_question question = {.why = SRI_WHY_ENTER, .n = 4, .fd = ring->fd, .length = to_submit};
    return refusals[sri_pick(&ring->engine->chooser, &question)];
}

/* An enter that a ring with IORING_SETUP_SINGLE_ISSUER leaves to its own thread. */
static bool is_its_own(const struct sri_ring *ring, uint32_t to_submit, uint32_t flags)
{
    bool deferred = (ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) != 0;
    bool submits = to_submit > 0 && !(ring->setup_flags & IORING_SETUP_SQPOLL);
    return submits || (deferred && (flags & IORING_ENTER_GETEVENTS));
}

static int check_ring(const struct sri_ring *ring, uint32_t to_submit, uint32_t flags)
{
    if (ring->disabled)
        return -EBADFD;
    return is_its_own(ring, to_submit, flags) ? sri_check_caller(ring) : 0;
}

static int submit(struct sri_ring *ring, uint32_t to_submit)
{
    int refusal = ask_refusal(ring, to_submit);
    if (refusal != 0)
        return refusal;
    /* What was woken since the last enter has ended before anything new begins (measured). */
    if (ring->engine->due.count > 0)
        sri_run(ring->engine, 0);
    int consumed = sri_consume(ring, to_submit);
    sri_counting_advance(ring);
    sri_drain_advance(ring);
    return consumed;
}

/* The thread has looked already (sri_enter()); it is told nothing of what is asked of it here. */
static int submit_to_thread(struct sri_ring *ring, uint32_t to_submit, uint32_t flags)
{
    if (flags & IORING_ENTER_SQ_WAKEUP)
        ring->roused = sri_sq_waiting(ring) > 0;
    if ((flags & IORING_ENTER_SQ_WAIT) && sri_sq_waiting(ring) == ring->sq_entries)
        sri_sqpoll_finish(ring);
    return (int)to_submit;
}

/* IORING_SETUP_IOPOLL without a thread: nothing here can be looked for long, so that no look ever waits (measured). */
static bool is_looked_at(const struct sri_ring *ring)
{
    return (ring->setup_flags & (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL)) == IORING_SETUP_IOPOLL;
}

/*
 * Outside of a GETEVENTS too the true kernel does what became ready, at the latest when a call returns to the program: a
 * read that the program's own write woke has its CQE before what is submitted after it, and one that a write of the same
 * submission woke has it when that returns (measured). A ring that defers waits to be asked.
 */
static void catch_up(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    if (ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) {
        sri_look_unless_told(engine);
        return;
    }
    for (;;) {
        if (engine->due.count > 0)
            sri_advance(ring);
        if (engine->outside == 0 || engine->due.count > 0 || ring->closed)
            return;
        sri_look(engine);
        if (engine->due.count == 0)
            return;
    }
}

static void advance_to_leave(struct sri_ring *ring)
{
    sri_advance(ring);
    catch_up(ring);
}

static int work(struct sri_ring *ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                const void *arg, size_t arg_size)
{
    int consumed = 0;
    catch_up(ring);
    if (ring->closed)
        return -EBADF;
    if (ring->setup_flags & IORING_SETUP_SQPOLL) {
        consumed = submit_to_thread(ring, to_submit, flags);
    } else if (to_submit > 0) {
        consumed = submit(ring, to_submit);
        if (consumed != (int)to_submit || !(flags & IORING_ENTER_GETEVENTS)) {
            advance_to_leave(ring);
            return consumed;
        }
        if (ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) {
            /* A round of its own, before the wait's (measured). */
            sri_look_unless_told(ring->engine);
            advance_held(ring, min_complete);
        }
    }
    if (!(flags & IORING_ENTER_GETEVENTS)) {
        advance_to_leave(ring);
        return consumed;
    }
    struct wait wait;
    int error = import_wait(ring->engine, flags, arg, arg_size, &wait);
    if (error == 0)
        error = collect(ring, is_looked_at(ring) ? 0 : min_complete, &wait);
    /* What was done last, a link's end as a rule, may have woken somebody; a world that tells at once has said so. */
    if (!ring->closed && sri_is_orderly(ring->engine) && !ring->engine->world.vtable->tells_at_once)
        catch_up(ring);
    return consumed > 0 ? consumed : error;
}

void sri_engine_go_on(struct sri_engine *engine)
{
    engine->world.vtable->lock(engine->world.self);
    sri_turn(engine);
    if (engine->sqpoll_rings > 0)
        sri_sqpoll_go_on(engine);
    sri_run(engine, 0);
    sri_notify_all(engine);
    engine->world.vtable->unlock(engine->world.self);
}

static bool knows_flags(struct sri_engine *engine, uint32_t flags)
{
    if (flags & ~KNOWN_FLAGS)
        sri_tell_refused_flags(engine, SRI_REFUSAL_ENTER, flags & ~KNOWN_FLAGS);
    if ((flags & IORING_ENTER_EXT_ARG) && sri_hides_feature(engine, IORING_FEAT_EXT_ARG))
        return false;
    return (flags & ~KNOWN_FLAGS) == 0;
}

int sri_enter(struct sri_engine *engine, int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
              const void *arg, size_t arg_size)
{
    struct sri_ring *ring;
    if (!knows_flags(engine, flags))
        return -EINVAL;
    int error = flags & IORING_ENTER_REGISTERED_RING ? sri_ring_by_slot(engine, fd, &ring)
                                                     : sri_ring_find(engine, fd, &ring);
    if (error == 0)
        error = check_ring(ring, to_submit, flags);
    if (error != 0)
        return error;
    sri_ring_enter(ring);
    if (sri_is_watched(engine))
        sri_emit_ring(ring, SRI_EVENT_ENTER, to_submit, flags);
    if (engine->sqpoll_rings > 0)
        sri_sqpoll_look(engine);
    sri_closing_enter(ring);
    int result = work(ring, to_submit, min_complete, flags, arg, arg_size);
    sri_closing_leave(engine);
    if (sri_is_watched(engine) && !ring->closed)
        sri_emit_ring(ring, SRI_EVENT_LEAVE, result, flags);
    /* Who waited here sees what came, and sleeps on no descriptor. */
    if ((flags & IORING_ENTER_GETEVENTS) && min_complete > 0)
        ring->told_tail = ring->cq_tail;
    sri_ring_leave(ring);
    sri_notify_all(engine);
    /* What was done here may be what another thread waits for, or may be due earlier than it knows. */
    if (engine->sleepers > 0)
        engine->world.vtable->wake(engine->world.self);
    return result;
}
