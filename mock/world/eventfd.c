/*
 * The counter of eventfd(2).
 */
#include <errno.h>
#include <poll.h>

#include "world/objects.h"

#define LARGEST (UINT64_MAX - 1)

uint32_t sri_eventfd_readiness(const struct sri_file *file)
{
    uint32_t ready = 0;
    if (file->counter > 0)
        ready |= POLLIN;
    if (file->counter < LARGEST)
        ready |= POLLOUT;
    return ready;
}

static enum sri_answer read_counter(struct sri_sim_world *world, struct sri_attempt *attempt,
                                    struct sri_cursor *cursor, int64_t *result)
{
    struct sri_file *file = attempt->file;
    uint64_t value = file->counter;
    if (value > 1 && file->semaphore)
        value = 1;
    if (value == 0)
        return sri_wait_unless_told(attempt, POLLIN, result);
    if (sri_cursor_give(cursor, &value, sizeof value) != sizeof value) {
        *result = -EFAULT;
        return SRI_DONE;
    }
    file->counter -= value;
    *result = sizeof value;
    sri_wake_for(world, file, POLLOUT);
    return SRI_DONE;
}

static enum sri_answer write_counter(struct sri_sim_world *world, struct sri_attempt *attempt,
                                     struct sri_cursor *cursor, int64_t *result)
{
    struct sri_file *file = attempt->file;
    uint64_t value;
    *result = -EFAULT;
    if (sri_cursor_take(cursor, &value, sizeof value) != sizeof value)
        return SRI_DONE;
    *result = -EINVAL;
    if (value == UINT64_MAX)
        return SRI_DONE;
    if (value > LARGEST - file->counter)
        return sri_wait_unless_told(attempt, POLLOUT, result);
    file->counter += value;
    *result = sizeof value;
    sri_wake_for(world, file, POLLIN);
    return SRI_DONE;
}

enum sri_answer sri_eventfd_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    *result = -EINVAL;
    if (cursor.left < sizeof(uint64_t))
        return SRI_DONE;
    if (attempt->work == SRI_WORK_READ)
        return read_counter(world, attempt, &cursor, result);
    return write_counter(world, attempt, &cursor, result);
}

int sri_eventfd_add(struct sri_sim_world *world, struct sri_file *file, uint64_t value)
{
    if (file->kind != SRI_FILE_EVENTFD)
        return -EINVAL;
    if (value == 0 || value > LARGEST - file->counter)
        return 0;
    file->counter += value;
    sri_wake_waiters(world, file);
    return 0;
}
