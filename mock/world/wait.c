/*
 * Attempts that wait for an object to change: told in the kernel's order, unless the chooser says otherwise. Makes no attempt
 * itself.
 */
#include <errno.h>
#include <poll.h>

#include "world/objects.h"

#define ALWAYS ((uint32_t)(POLLERR | POLLHUP | POLLRDHUP))

/* attempt->previous is NULL for the first of a list; whether one waits at all is told by wait_for, never 0 here. */

static void append(struct sri_waiting *waiting, struct sri_attempt *attempt)
{
    attempt->next = NULL;
    attempt->previous = waiting->last;
    if (waiting->last == NULL)
        waiting->first = attempt;
    else
        waiting->last->next = attempt;
    waiting->last = attempt;
}

static void take_out(struct sri_waiting *waiting, struct sri_attempt *attempt)
{
    if (attempt->previous == NULL)
        waiting->first = attempt->next;
    else
        attempt->previous->next = attempt->next;
    if (attempt->next == NULL)
        waiting->last = attempt->previous;
    else
        attempt->next->previous = attempt->previous;
    attempt->next = NULL;
    attempt->previous = NULL;
}

/* What moves bytes between two objects may wait for either: attempt->state is the one. */
static bool has_two(const struct sri_attempt *attempt)
{
    return attempt->work == SRI_WORK_SPLICE || attempt->work == SRI_WORK_TEE;
}

static struct sri_file *awaited(const struct sri_attempt *attempt)
{
    return has_two(attempt) && attempt->state != NULL ? attempt->state : attempt->file;
}

static void leave_object(struct sri_attempt *attempt)
{
    if (has_two(attempt))
        attempt->state = NULL;
}

static bool is_waiting(const struct sri_attempt *attempt)
{
    return attempt->previous != NULL || awaited(attempt)->waiting.first == attempt;
}

void sri_wait_on(struct sri_attempt *attempt, uint32_t wait_for)
{
    attempt->wait_for = wait_for;
    if (!is_waiting(attempt))
        append(&attempt->file->waiting, attempt);
}

void sri_wait_at(struct sri_attempt *attempt, struct sri_file *file, uint32_t wait_for)
{
    attempt->wait_for = wait_for;
    attempt->state = file;
    append(&file->waiting, attempt);
}

bool sri_wait_cancel(struct sri_attempt *attempt)
{
    if (attempt->file == NULL || !is_waiting(attempt))
        return false;
    take_out(&awaited(attempt)->waiting, attempt);
    leave_object(attempt);
    return true;
}

enum sri_answer sri_wait_unless_told(struct sri_attempt *attempt, uint32_t wait_for, int64_t *result)
{
    bool message = attempt->work == SRI_WORK_RECV || attempt->work == SRI_WORK_SEND;
    uint32_t flag = message ? (uint32_t)MSG_DONTWAIT : (uint32_t)RWF_NOWAIT;
    if ((attempt->flags & flag) != 0) {
        *result = -EAGAIN;
        return SRI_DONE;
    }
    sri_wait_on(attempt, wait_for);
    return SRI_WAIT;
}

uint32_t sri_readiness(struct sri_sim_world *world, const struct sri_file *file)
{
    switch (file->kind) {
    case SRI_FILE_REGULAR:
    case SRI_FILE_DIRECTORY: return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
    case SRI_FILE_PIPE_READ:
    case SRI_FILE_PIPE_WRITE: return sri_pipe_readiness(file);
    case SRI_FILE_SOCKET: return sri_socket_readiness(file->socket);
    case SRI_FILE_EVENTFD: return sri_eventfd_readiness(file);
    case SRI_FILE_EPOLL: return sri_interest_readiness(world, file);
    case SRI_FILE_RING:
        return file->readable ? POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM : POLLOUT | POLLWRNORM;
    }
    return 0;
}

uint32_t sri_world_pick(struct sri_sim_world *world, enum sri_world_freedom freedom, uint32_t n,
                        const struct sri_attempt *attempt)
{
    struct sri_question question = {
        .why = SRI_WHY_WORLD,
        .n = n,
        .fd = -1,
        .length = attempt == NULL ? 0 : attempt->limit,
        .freedom = freedom,
    };
    return sri_pick(&world->chooser, &question);
}

void sri_wake_all(struct sri_sim_world *world, struct sri_file *file)
{
    while (file->waiting.first != NULL) {
        struct sri_attempt *attempt = file->waiting.first;
        if (attempt->work == SRI_WORK_CONNECT && file->kind == SRI_FILE_SOCKET)
            sri_socket_stop_knocking(world, file->socket);
        take_out(&file->waiting, attempt);
        leave_object(attempt);
        world->links.ready(world->links.self, attempt);
    }
}

/* A poll tells what it was woken by, though it be gone when it is carried out, where whoever wakes it says so (measured). */
static void tell(struct sri_attempt *attempt, uint32_t ready, uint32_t key)
{
    if (attempt->work == SRI_WORK_POLL && attempt->edge == SRI_EDGE_NONE && key != UINT32_MAX)
        attempt->wait_for = SRI_WOKEN | (attempt->wait_for & ready & key);
}

static void move(struct sri_file *file, struct sri_attempt *attempt, struct sri_waiting *woken)
{
    take_out(&file->waiting, attempt);
    leave_object(attempt);
    append(woken, attempt);
}

/*
 * Moves those that wait for what is true from the object's list to another; how many. As the true kernel wakes them: the
 * newest first; behind them those that accept, of which a connection wakes the oldest alone (measured).
 */
static uint32_t collect(struct sri_file *file, uint32_t ready, uint32_t key, bool all,
                        struct sri_waiting *woken)
{
    uint32_t count = 0;
    struct sri_attempt *next;
    for (struct sri_attempt *attempt = file->waiting.last; attempt != NULL; attempt = next) {
        next = attempt->previous;
        if ((attempt->wait_for & ready & key) == 0 || attempt->work == SRI_WORK_ACCEPT)
            continue;
        move(file, attempt, woken);
        tell(attempt, ready, key);
        count++;
    }
    for (struct sri_attempt *attempt = file->waiting.first; attempt != NULL; attempt = next) {
        next = attempt->next;
        if ((attempt->wait_for & ready) == 0 || attempt->work != SRI_WORK_ACCEPT)
            continue;
        move(file, attempt, woken);
        count++;
        if (!all && key != UINT32_MAX)
            break;
    }
    return count;
}

static void tell_some(struct sri_sim_world *world, struct sri_file *file, uint32_t ready, uint32_t key)
{
    struct sri_waiting woken = {NULL, NULL};
    bool orderly = world->chooser.vtable == NULL || world->chooser.vtable->orderly;
    uint32_t count = collect(file, ready, key, !orderly, &woken);
    if (count == 0)
        return;
    uint32_t first = sri_world_pick(world, SRI_FREEDOM_WAKE, count, NULL);
    struct sri_attempt *chosen = woken.first;
    for (uint32_t i = 0; i < first; i++)
        chosen = chosen->next;
    take_out(&woken, chosen);
    world->links.ready(world->links.self, chosen);
    while (woken.first != NULL) {
        struct sri_attempt *attempt = woken.first;
        take_out(&woken, attempt);
        world->links.ready(world->links.self, attempt);
    }
}

void sri_wake_waiters(struct sri_sim_world *world, struct sri_file *file)
{
    sri_wake_for(world, file, UINT32_MAX);
}

void sri_wake_for(struct sri_sim_world *world, struct sri_file *file, uint32_t key)
{
    if (file == NULL)
        return;
    sri_edge_count(file, key);
    if (!sri_list_empty(&file->watchers))
        sri_interest_signal(world, file);
    if (file->waiting.first != NULL)
        tell_some(world, file, sri_readiness(world, file), key == 0 ? UINT32_MAX : key | ALWAYS);
}

/* The engine may not start attempts from inside ready(): it queues them. */
void sri_tell_waiters(struct sri_sim_world *world, struct sri_file *file, uint32_t ready)
{
    tell_some(world, file, ready, UINT32_MAX);
}
