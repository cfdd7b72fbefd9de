/*
 * Readiness and sleep: one epoll instance for every object that somebody waits for, and for whoever wakes the sleepers.
 *
 * An object is reported once and must be armed again, so that an event belongs to one thread. The epoll instance is
 * also nested in every ring's descriptor (rings.c): a program asleep there wakes up when an engine would get on.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"
#include "host/state.h"
#include "host/tags.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define EVENTS_AT_ONCE 64

static uint32_t wanted_by_waiters(const struct sri_file *file)
{
    uint32_t mask = 0;
    for (const struct sri_attempt *waiter = file->first_waiter; waiter != NULL; waiter = waiter->next)
        mask |= waiter->wait_for;
    return mask;
}

void sri_host_set_armed(struct sri_host *host, struct sri_file *file, uint32_t mask)
{
    if ((file->armed == 0) != (mask == 0)) {
        uint32_t step = mask != 0 ? 1 : UINT32_MAX; /* or one less */
        host->watches += step;
        host->watched[file->object] += step;
    }
    file->armed = mask;
}

/* Has epoll report the file once, for what its waiters want. 0 or -errno. */
static int arm(struct sri_host *host, struct sri_file *file)
{
    uint32_t mask = wanted_by_waiters(file) | EPOLLERR | EPOLLHUP;
    if (file->first_waiter == NULL || mask == file->armed)
        return 0;
    struct epoll_event event = {.events = mask | EPOLLONESHOT,
                                .data.u64 = sri_host_tag(file->index, file->generation)};
    int operation = file->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(host->epoll, operation, file->duplicate, &event) != 0)
        return -errno;
    file->watched = true;
    sri_host_set_armed(host, file, mask);
    return 0;
}

static void link_waiter(struct sri_file *file, struct sri_attempt *attempt)
{
    attempt->next = NULL;
    attempt->previous = file->last_waiter;
    if (file->last_waiter != NULL)
        file->last_waiter->next = attempt;
    else
        file->first_waiter = attempt;
    file->last_waiter = attempt;
}

void sri_host_unwatch(struct sri_attempt *attempt)
{
    struct sri_file *file = ((struct sri_host_op *)attempt->state)->awaited;
    if (attempt->previous != NULL)
        attempt->previous->next = attempt->next;
    else
        file->first_waiter = attempt->next;
    if (attempt->next != NULL)
        attempt->next->previous = attempt->previous;
    else
        file->last_waiter = attempt->previous;
    attempt->next = NULL;
    attempt->previous = NULL;
}

int sri_host_watch(struct sri_host *host, struct sri_attempt *attempt, struct sri_file *file, uint32_t mask)
{
    struct sri_host_op *op = attempt->state;
    int rc = sri_host_file_pin(host, file);
    if (rc != 0)
        return rc;
    attempt->wait_for = mask;
    op->round = host->round;
    /* As the true kernel wakes them: the newest first, but those that accept behind them, the oldest of them first (measured). */
    host->waits++;
    op->turn = attempt->work == SRI_WORK_ACCEPT ? -host->waits : host->waits;
    op->awaited = file;
    link_waiter(file, attempt);
    rc = arm(host, file);
    if (rc != 0)
        sri_host_unwatch(attempt);
    return rc;
}

/* A closed duplicate alone would not end the watch: the program's descriptor keeps the object alive. */
void sri_host_forget_file(struct sri_host *host, struct sri_file *file)
{
    if (!file->watched)
        return;
    epoll_ctl(host->epoll, EPOLL_CTL_DEL, file->duplicate, NULL);
    file->watched = false;
    sri_host_set_armed(host, file, 0);
}

/* Who is told next of those that waited before this round. */
static struct sri_attempt *next_told(const struct sri_host *host, const struct sri_file *file,
                                     uint32_t events)
{
    struct sri_attempt *found = NULL;
    for (struct sri_attempt *waiter = file->first_waiter; waiter != NULL; waiter = waiter->next) {
        const struct sri_host_op *op = waiter->state;
        if (op->round == host->round || (events & (waiter->wait_for | EPOLLERR | EPOLLHUP)) == 0)
            continue;
        if (found == NULL || op->turn > ((const struct sri_host_op *)found->state)->turn)
            found = waiter;
    }
    return found;
}

static bool lower(int fd)
{
    uint64_t count;
    return read(fd, &count, sizeof count) == (ssize_t)sizeof count;
}

void sri_host_alarm(struct sri_host *host)
{
    if (atomic_exchange(&host->alarmed, true))
        return;
    uint64_t one = 1;
    ssize_t ignored = write(host->alarm, &one, sizeof one);
    (void)ignored;
}

/* With or without the lock: whoever wakes first calls the others. */
void sri_host_wake(void *self)
{
    struct sri_host *host = self;
    if (atomic_load(&host->sleepers) == 0)
        return;
    atomic_store(&host->calling, true);
    sri_host_alarm(host);
}

/* The alarm stays up until everyone asleep now has seen it; who falls asleep later has no part. */
static void call_sleepers(struct sri_host *host)
{
    if (!atomic_exchange(&host->calling, false))
        return;
    host->calls++;
    host->called = atomic_load(&host->sleepers);
}

/*
 * Lowered before the flag: what a worker finishes between the two is collected by whoever lowers it. A worker that has set
 * the flag and not yet raised the alarm is left to do so.
 */
static void answer_alarm(struct sri_host *host)
{
    if (host->called != 0)
        return;
    if (lower(host->alarm))
        atomic_store(&host->alarmed, false);
}

static struct sri_file *file_of(struct sri_host *host, const struct epoll_event *event)
{
    if (event->data.u64 == SRI_HOST_TAG_ALARM || event->data.u64 == SRI_HOST_TAG_TIMER)
        return NULL;
    return sri_host_file_by(host, sri_host_tag_index(event->data.u64),
                            sri_host_tag_generation(event->data.u64));
}

static int64_t turn_of(const struct sri_attempt *waiter)
{
    return ((const struct sri_host_op *)waiter->state)->turn;
}

static void tell(struct sri_host *host, struct sri_attempt *waiter, uint32_t events)
{
    sri_host_unwatch(waiter);
    if (waiter->work == SRI_WORK_POLL)
        waiter->wait_for =
            SRI_WOKEN | events; /* it tells this, though it be gone when its turn comes (measured) */
    sri_host_ready(host, waiter);
}

/*
 * Tells one: of the object that was reported first and has somebody to tell whose turn it is, whichever of several holds of
 * that object he waits at. False: there is nobody.
 */
static bool tell_next(struct sri_host *host, const struct epoll_event *events, int count)
{
    struct sri_attempt *found = NULL;
    uint32_t mask = 0;
    uint8_t object = 0;
    for (int i = 0; i < count; i++) {
        struct sri_file *file = file_of(host, &events[i]);
        if (file == NULL || file->edge_of != NULL || (found != NULL && file->object != object))
            continue;
        struct sri_attempt *waiter = next_told(host, file, events[i].events);
        if (waiter == NULL || (found != NULL && turn_of(waiter) < turn_of(found)))
            continue;
        found = waiter;
        mask = events[i].events;
        object = file->object;
    }
    if (found != NULL)
        tell(host, found, mask);
    return found != NULL;
}

/* Whoever is told may wait again, end others, or let a file go: hence one by one, each time from the start. */
static void report(struct sri_host *host, const struct epoll_event *events, int count)
{
    host->round++;
    for (int i = 0; i < count; i++) {
        struct sri_file *file = file_of(host, &events[i]);
        if (events[i].data.u64 == SRI_HOST_TAG_TIMER)
            (void)lower(host->timer);
        else if (file != NULL && file->edge_of != NULL)
            sri_host_edge_report(host, file);
        else if (file != NULL)
            sri_host_set_armed(host, file, 0);
    }
    while (tell_next(host, events, count))
        continue;
    for (int i = 0; i < count; i++) {
        struct sri_file *file = file_of(host, &events[i]);
        if (file != NULL && file->edge_of == NULL && arm(host, file) != 0)
            sri_host_set_armed(host, file, 0);
    }
}

/* What is reported now. Never sleeps. */
static int look(struct sri_host *host, struct epoll_event *events)
{
    int count = epoll_wait(host->epoll, events, EVENTS_AT_ONCE, 0);
    return count < 0 ? -errno : count;
}

/* ppoll(2) knows nanoseconds, a signal mask, and every kernel; it takes nothing, so that all sleepers wake. */
static int sleep_until(struct sri_host *host, uint64_t until_ns, const void *mask, size_t mask_size)
{
    until_ns = sri_host_to_real(host, until_ns);
    uint64_t now = until_ns == SRI_NEVER ? 0 : sri_host_real_ns();
    uint64_t left = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / NSEC_PER_SEC),
                               .tv_nsec = (long)(left % NSEC_PER_SEC)};
    struct pollfd one = {.fd = host->epoll, .events = POLLIN, .revents = 0};
    long rc = syscall(SYS_ppoll, &one, 1, until_ns == SRI_NEVER ? NULL : &timeout, mask, mask_size);
    return rc < 0 ? -errno : 0;
}

static int sleep_unlocked(struct sri_host *host, uint64_t until_ns, const void *mask, size_t mask_size)
{
    uint32_t calls = host->calls;
    atomic_fetch_add(&host->sleepers, 1);
    pthread_mutex_unlock(&host->lock);
    int rc = sleep_until(host, until_ns, mask, mask_size);
    pthread_mutex_lock(&host->lock);
    atomic_fetch_sub(&host->sleepers, 1);
    host->called -= calls != host->calls;
    return rc;
}

int sri_host_wait(void *self, uint64_t until_ns, const void *mask, size_t mask_size)
{
    struct sri_host *host = self;
    if (until_ns == 0 && host->watches == 0 && !atomic_load(&host->alarmed))
        return 0;
    sri_host_pin_fresh(host);
    /* Without a ring nobody sees what a worker does: this is the end of the kernel, which must not wait for a peer. */
    if (until_ns == SRI_NEVER && host->ring_count == 0 && host->running != 0)
        sri_workers_stop(host->workers);
    if (until_ns != 0 && sri_host_collect(host))
        return 0;
    int rc = until_ns != 0 && !sri_host_skip_to(host, until_ns)
                 ? sleep_unlocked(host, until_ns, mask, mask_size)
                 : 0;
    call_sleepers(host);
    if (atomic_load(&host->alarmed))
        answer_alarm(host);
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = look(host, events);
    report(host, events, count);
    bool news =
        sri_host_collect(host) || (count > 0 && !(count == 1 && events[0].data.u64 == SRI_HOST_TAG_ALARM));
    if (news)
        sri_host_wake(host); /* it may be what another thread sleeps for */
    return rc != 0 ? rc : count < 0 ? count : 0;
}

/* Programs that sleep on a ring's descriptor must wake for timeouts too. Kept only while there are rings. */
void sri_host_set_timer(struct sri_host *host)
{
    if (host->engine == NULL || host->ring_count == 0)
        return;
    uint64_t due = sri_engine_next_due_ns(host->engine);
    /* In logical time it fires at once, and again and again as long as something is to come. */
    if (due == host->timer_due_ns && (due == SRI_NEVER || !host->clock.logical))
        return;
    struct itimerspec when = {.it_interval = {0, 0}, .it_value = {0, 0}};
    if (due != SRI_NEVER) {
        uint64_t at = sri_host_to_real(host, due);
        at = at != 0 ? at : 1; /* zero would disarm */
        when.it_value.tv_sec = (time_t)(at / NSEC_PER_SEC);
        when.it_value.tv_nsec = (long)(at % NSEC_PER_SEC);
    }
    timerfd_settime(host->timer, TFD_TIMER_ABSTIME, &when, NULL);
    host->timer_due_ns = due;
}
