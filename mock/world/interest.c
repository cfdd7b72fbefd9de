/*
 * Epoll instances: what they watch, and which of it is ready. A list of what may be ready is kept as things change; who asks
 * looks again at each and drops what no longer is.
 */
#include <errno.h>
#include <poll.h>

#include "world/objects.h"

/* Bits of an interest that are no conditions (epoll_ctl(2)). */
#define EXCLUSIVE (UINT32_C(1) << 28)
#define ONE_SHOT (UINT32_C(1) << 30)
#define EDGE (UINT32_C(1) << 31)
#define PRIVATE (EXCLUSIVE | (UINT32_C(1) << 29) | ONE_SHOT | EDGE)

/* How deep instances may watch one another. */
#define NESTS 4

static struct sri_watch *of_instance(struct sri_node *node)
{
    return SRI_CONTAINER_OF(node, struct sri_watch, of_instance);
}

static struct sri_watch *of_signal(struct sri_node *node)
{
    return SRI_CONTAINER_OF(node, struct sri_watch, signal);
}

static uint32_t ready_of(struct sri_sim_world *world, const struct sri_watch *watch)
{
    uint32_t wanted = watch->events & ~PRIVATE;
    if (wanted == 0)
        return 0;
    return sri_readiness(world, watch->file) & (wanted | POLLERR | POLLHUP);
}

uint32_t sri_interest_readiness(struct sri_sim_world *world, const struct sri_file *instance)
{
    struct sri_node *next;
    for (struct sri_node *node = instance->signalled.next; node != &instance->signalled; node = next) {
        next = node->next;
        if (ready_of(world, of_signal(node)) != 0)
            return POLLIN | POLLRDNORM;
        sri_list_remove(node);
    }
    return 0;
}

static void look(struct sri_sim_world *world, struct sri_watch *watch)
{
    if (ready_of(world, watch) == 0)
        return;
    if (sri_list_empty(&watch->signal))
        sri_list_append(&watch->instance->signalled, &watch->signal);
    sri_wake_waiters(world, watch->instance);
}

void sri_interest_signal(struct sri_sim_world *world, struct sri_file *file)
{
    struct sri_node *next;
    for (struct sri_node *node = file->watchers.next; node != &file->watchers; node = next) {
        next = node->next;
        look(world, SRI_CONTAINER_OF(node, struct sri_watch, of_file));
    }
}

static void forget(struct sri_sim_world *world, struct sri_watch *watch)
{
    sri_list_remove(&watch->of_file);
    sri_list_remove(&watch->of_instance);
    sri_list_remove(&watch->signal);
    sri_stock_give(&world->watches, watch);
}

void sri_interest_end(struct sri_sim_world *world, struct sri_file *file)
{
    while (!sri_list_empty(&file->watchers))
        forget(world, SRI_CONTAINER_OF(file->watchers.next, struct sri_watch, of_file));
    while (!sri_list_empty(&file->interests))
        forget(world, of_instance(file->interests.next));
}

/* A loop, or too deep: would `from` come to `target` within so many steps? */
static bool reaches(const struct sri_file *from, const struct sri_file *target, unsigned steps)
{
    if (from == target || steps == 0)
        return true;
    for (struct sri_node *node = from->interests.next; node != &from->interests; node = node->next) {
        const struct sri_file *next = of_instance(node)->file;
        if (next->kind == SRI_FILE_EPOLL && reaches(next, target, steps - 1))
            return true;
    }
    return false;
}

static struct sri_watch *find(const struct sri_file *instance, const struct sri_file *file, int fd)
{
    for (struct sri_node *node = instance->interests.next; node != &instance->interests; node = node->next) {
        struct sri_watch *watch = of_instance(node);
        if (watch->file == file && watch->fd == fd)
            return watch;
    }
    return NULL;
}

static int add(struct sri_sim_world *world, struct sri_file *instance, struct sri_file *file,
               const struct sri_interest *interest)
{
    if (find(instance, file, interest->fd) != NULL)
        return -EEXIST;
    struct sri_watch *watch = sri_stock_take(&world->watches);
    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct sri_watch){.file = file,
                                .instance = instance,
                                .fd = interest->fd,
                                .events = interest->events,
                                .data = interest->data};
    sri_list_append(&file->watchers, &watch->of_file);
    sri_list_append(&instance->interests, &watch->of_instance);
    sri_list_init(&watch->signal);
    look(world, watch);
    return 0;
}

static int change(struct sri_sim_world *world, const struct sri_file *instance, const struct sri_file *file,
                  const struct sri_interest *interest)
{
    struct sri_watch *watch = find(instance, file, interest->fd);
    if (watch == NULL)
        return -ENOENT;
    if ((watch->events & EXCLUSIVE) != 0)
        return -EINVAL;
    watch->events = interest->events;
    watch->data = interest->data;
    look(world, watch);
    return 0;
}

static int take_out(struct sri_sim_world *world, const struct sri_file *instance, const struct sri_file *file,
                    int fd)
{
    struct sri_watch *watch = find(instance, file, fd);
    if (watch == NULL)
        return -ENOENT;
    forget(world, watch);
    return 0;
}

/* What cannot change is not watched. */
static bool can_change(const struct sri_file *file)
{
    return file->kind != SRI_FILE_REGULAR && file->kind != SRI_FILE_DIRECTORY;
}

static int check(const struct sri_file *instance, const struct sri_file *file,
                 const struct sri_interest *interest)
{
    if (instance == NULL || file == NULL)
        return -EBADF;
    if (!can_change(file))
        return -EPERM;
    if (instance == file || instance->kind != SRI_FILE_EPOLL)
        return -EINVAL;
    bool exclusive = interest->change != SRI_INTEREST_REMOVE && (interest->events & EXCLUSIVE) != 0;
    if (exclusive && (interest->change == SRI_INTEREST_CHANGE || file->kind == SRI_FILE_EPOLL))
        return -EINVAL;
    if (interest->change == SRI_INTEREST_ADD && file->kind == SRI_FILE_EPOLL &&
        reaches(file, instance, NESTS))
        return -ELOOP;
    return 0;
}

int64_t sri_interest_change(struct sri_sim_world *world, const struct sri_interest *interest)
{
    struct sri_file *instance = sri_file_at(world, interest->instance);
    struct sri_file *file = sri_file_at(world, interest->fd);
    int error = check(instance, file, interest);
    if (error != 0)
        return error;
    switch (interest->change) {
    case SRI_INTEREST_ADD: return add(world, instance, file, interest);
    case SRI_INTEREST_CHANGE: return change(world, instance, file, interest);
    case SRI_INTEREST_REMOVE: return take_out(world, instance, file, interest->fd);
    default: return -EINVAL;
    }
}

/* A level stays in the list, behind the others; an edge is told once; one shot is silent from then on. */
bool sri_interest_take(struct sri_sim_world *world, struct sri_file *instance, uint32_t *events,
                       uint64_t *data)
{
    while (!sri_list_empty(&instance->signalled)) {
        struct sri_watch *watch = of_signal(instance->signalled.next);
        sri_list_remove(&watch->signal);
        *events = ready_of(world, watch);
        *data = watch->data;
        if (*events == 0)
            continue;
        if ((watch->events & ONE_SHOT) != 0)
            watch->events &= PRIVATE;
        else if ((watch->events & EDGE) == 0)
            sri_list_append(&instance->signalled, &watch->signal);
        return true;
    }
    return false;
}
