/*
 * The simulated world behind the engine's interface: attempts sent to their objects, rings' descriptors, and the clock.
 * Never looks at the machine's clock, and never sleeps.
 */
#include "world/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/contradiction.h"
#include "engine/engine.h"
#include "world/objects.h"

#define PAGE_ALIGNMENT 4096

static enum sri_answer done(int64_t *result, int64_t value)
{
    *result = value;
    return SRI_DONE;
}

/* A ring can't be read or written, but says so only when it is ready (measured). */
static enum sri_answer start_ring(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    uint32_t mask = attempt->work == SRI_WORK_READ ? POLLIN : POLLOUT;
    if ((attempt->flags & RWF_NOWAIT) == 0 && (sri_readiness(world, attempt->file) & mask) != 0)
        return done(result, -EINVAL);
    return sri_wait_unless_told(attempt, mask, result);
}

/* An epoll instance is as a ring, but for the answer to who must not wait (measured). */
static enum sri_answer start_instance(struct sri_sim_world *world, struct sri_attempt *attempt,
                                      int64_t *result)
{
    enum sri_answer answer = start_ring(world, attempt, result);
    if (*result == -EAGAIN)
        *result = -EOPNOTSUPP;
    return answer;
}

static enum sri_answer start_transfer(struct sri_sim_world *world, struct sri_attempt *attempt,
                                      int64_t *result)
{
    switch (attempt->file->kind) {
    case SRI_FILE_REGULAR:
    case SRI_FILE_DIRECTORY: return sri_regular_start(world, attempt, result);
    case SRI_FILE_PIPE_READ:
    case SRI_FILE_PIPE_WRITE: return sri_pipe_start(world, attempt, result);
    case SRI_FILE_SOCKET: return sri_socket_transfer(world, attempt, result);
    case SRI_FILE_EVENTFD: return sri_eventfd_start(world, attempt, result);
    case SRI_FILE_EPOLL: return start_instance(world, attempt, result);
    case SRI_FILE_RING: return start_ring(world, attempt, result);
    }
    return done(result, -EINVAL);
}

static enum sri_answer start_socket(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    if (attempt->file->kind != SRI_FILE_SOCKET)
        return done(result, -ENOTSOCK);
    if (attempt->work == SRI_WORK_ACCEPT)
        return sri_socket_accept(world, attempt, result);
    if (attempt->work == SRI_WORK_CONNECT)
        return sri_socket_connect(world, attempt, result);
    if (attempt->work == SRI_WORK_SHUTDOWN)
        return done(result, sri_socket_shutdown(world, attempt->file->socket, (int)attempt->flags));
    return sri_socket_transfer(world, attempt, result);
}

static enum sri_answer start_poll(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    if (attempt->edge != SRI_EDGE_NONE)
        return sri_edge_poll(world, attempt, result);
    if (attempt->wait_for & SRI_WOKEN) {
        *result = attempt->wait_for & ~SRI_WOKEN;
        attempt->wait_for = 0;
        if (*result != 0)
            return SRI_DONE;
    }
    uint32_t mask = attempt->flags | POLLERR | POLLHUP | POLLRDHUP;
    uint32_t ready = sri_readiness(world, attempt->file) & mask;
    if (ready != 0)
        return done(result, ready);
    if (attempt->file->kind == SRI_FILE_REGULAR || attempt->file->kind == SRI_FILE_DIRECTORY)
        return done(result, -EINVAL); /* nothing there to be told by (measured) */
    sri_wait_on(attempt, mask);
    return SRI_WAIT;
}

void sri_sim_world_limit_next(struct sri_sim_world *world, uint64_t bytes)
{
    world->limit_next = bytes;
}

static void shorten(struct sri_sim_world *world, struct sri_attempt *attempt)
{
    if (attempt->limit > world->limit_next)
        attempt->limit = world->limit_next;
    world->limit_next = 0;
}

static enum sri_answer start(void *self, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_sim_world *world = self;
    if (attempt->work != SRI_WORK_CLOSE && sri_power_fails(world))
        return done(result, -EIO);
    if (world->limit_next != 0)
        shorten(world, attempt);
    switch ((enum sri_work)attempt->work) {
    case SRI_WORK_READ:
    case SRI_WORK_WRITE: return start_transfer(world, attempt, result);
    case SRI_WORK_RECV:
    case SRI_WORK_SEND:
    case SRI_WORK_ACCEPT:
    case SRI_WORK_CONNECT:
    case SRI_WORK_SHUTDOWN: return start_socket(world, attempt, result);
    case SRI_WORK_POLL: return start_poll(world, attempt, result);
    case SRI_WORK_FSYNC: return done(result, sri_regular_sync(world, attempt));
    case SRI_WORK_OPEN: return done(result, sri_open_attempt(world, attempt->argument));
    case SRI_WORK_CLOSE:
        return done(result, sri_descriptor_close(world, ((struct sri_descriptor *)attempt->argument)->fd));
    case SRI_WORK_FALLOCATE:
    case SRI_WORK_SYNC_RANGE:
    case SRI_WORK_FADVISE: return done(result, sri_regular_range(world, attempt));
    case SRI_WORK_MADVISE: return done(result, sri_advise_attempt(world, attempt));
    case SRI_WORK_STATX: return done(result, sri_status_attempt(world, attempt->argument));
    case SRI_WORK_RENAME:
    case SRI_WORK_UNLINK:
    case SRI_WORK_MKDIR:
    case SRI_WORK_SYMLINK:
    case SRI_WORK_LINK: return done(result, sri_names_attempt(world, attempt));
    case SRI_WORK_SET_XATTR:
    case SRI_WORK_GET_XATTR: return done(result, sri_xattr_attempt(world, attempt));
    case SRI_WORK_SOCKET: return done(result, sri_socket_attempt(world, attempt->argument));
    case SRI_WORK_SPLICE:
    case SRI_WORK_TEE: return sri_splice_start(world, attempt, result);
    case SRI_WORK_EPOLL_CTL: return done(result, sri_interest_change(world, attempt->argument));
    case SRI_WORKS: break;
    }
    return done(result, -EOPNOTSUPP);
}

static int cancel(void *self, struct sri_attempt *attempt)
{
    if (attempt->work == SRI_WORK_CONNECT && attempt->file->kind == SRI_FILE_SOCKET)
        sri_socket_stop_knocking(self, attempt->file->socket);
    return sri_wait_cancel(attempt) ? 0 : -EALREADY;
}

static struct sri_file *file_get(void *self, int fd)
{
    struct sri_file *file = sri_file_at(self, fd);
    if (file == NULL || (file->flags & O_PATH) != 0)
        return NULL;
    sri_file_hold(file);
    return file;
}

static int file_again(void *self, struct sri_file *file, struct sri_file **again)
{
    (void)self;
    sri_file_hold(file);
    *again = file;
    return 0;
}

static void file_put(void *self, struct sri_file *file)
{
    sri_file_drop(self, file);
}

static void file_end(void *self, struct sri_file *file)
{
    sri_file_end(self, file);
}

static int close_descriptor(void *self, int fd)
{
    return sri_descriptor_close(self, fd);
}

static int ring_open(void *self, void *ring)
{
    struct sri_sim_world *world = self;
    struct sri_file *file = sri_file_new(world, SRI_FILE_RING, O_RDWR);
    if (file == NULL)
        return -ENOMEM;
    file->ring = ring;
    int fd = sri_descriptor_make(world, file, false);
    if (fd < 0)
        sri_stock_give(&world->files, file);
    return fd;
}

static void *ring_of(void *self, int fd, int *error)
{
    struct sri_file *file = sri_file_at(self, fd);
    *error = file == NULL ? -EBADF : -EOPNOTSUPP;
    return file == NULL || file->kind != SRI_FILE_RING ? NULL : file->ring;
}

static void ring_close(void *self, int fd)
{
    struct sri_file *file = sri_file_at(self, fd);
    SRI_REQUIRE(file != NULL && file->kind == SRI_FILE_RING);
    file->ring = NULL;
    sri_descriptor_close(self, fd);
}

/* One for all rings, always readable: whoever polls it enters and finds what there is. */
static int ring_pollable(void *self, int fd)
{
    struct sri_sim_world *world = self;
    (void)fd;
    if (world->pollable < 0)
        world->pollable = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    return world->pollable < 0 ? -errno : world->pollable;
}

static void ring_notify(void *self, int fd, bool readable)
{
    struct sri_file *file = sri_file_at(self, fd);
    if (file == NULL || (!readable && !file->readable))
        return;
    file->readable = readable;
    if (readable)
        sri_wake_waiters(self, file);
}

static void *memory_map(void *self, size_t length)
{
    (void)self;
    void *memory = sri_alloc_aligned(length, PAGE_ALIGNMENT);
    if (memory != NULL)
        memset(memory, 0, length);
    return memory;
}

static void memory_unmap(void *self, void *memory, size_t length)
{
    (void)self;
    (void)length;
    sri_free(memory);
}

static uint64_t now_ns(void *self)
{
    return ((struct sri_sim_world *)self)->now_ns;
}

/* The wall clock of this world began on 2020-01-01; it was never suspended. */
#define EPOCH_NS (UINT64_C(1577836800) * 1000000000)

static uint64_t clock_ns(void *self, enum sri_clock clock)
{
    return now_ns(self) + (clock == SRI_CLOCK_REALTIME ? EPOCH_NS : 0);
}

static uint64_t next_ns(void *self)
{
    return ((struct sri_sim_world *)self)->arrival_ns;
}

static void go_to(struct sri_sim_world *world, uint64_t time_ns)
{
    if (time_ns > world->now_ns)
        world->now_ns = time_ns;
    if (world->arrival_ns <= world->now_ns)
        sri_deliver(world);
}

static int wait(void *self, uint64_t until_ns, const void *mask, size_t mask_size)
{
    struct sri_sim_world *world = self;
    (void)mask;
    (void)mask_size;
    if (until_ns == 0) {
        go_to(world, world->now_ns + SRI_LOOK_NS);
        return 0;
    }
    if (atomic_exchange(&world->woken, false))
        return 0;
    uint64_t target = until_ns < world->arrival_ns ? until_ns : world->arrival_ns;
    if (target == SRI_NEVER)
        return -EDEADLK;
    go_to(world, target);
    return 0;
}

static void wake(void *self)
{
    atomic_store(&((struct sri_sim_world *)self)->woken, true);
}

static void no_lock(void *self)
{
    (void)self;
}

static int check_thread(void *self)
{
    const struct sri_sim_world *world = self;
    return pthread_equal(world->owner, pthread_self()) ? 0 : -EEXIST;
}

/* It belongs to one. */
static uint64_t thread(void *self)
{
    (void)self;
    return 0;
}

static int eventfd_add(void *self, struct sri_file *file, uint64_t value)
{
    return sri_eventfd_add(self, file, value);
}

static uint32_t descriptor_limit(void *self)
{
    return ((const struct sri_sim_world *)self)->options.max_descriptors;
}

static uint32_t object(void *self, const struct sri_file *file)
{
    (void)self;
    switch (file->kind) {
    case SRI_FILE_REGULAR:
    case SRI_FILE_DIRECTORY: return 0;
    case SRI_FILE_SOCKET:
        return SRI_OBJECT_POLLS | SRI_OBJECT_SOCKET |
               (sri_socket_is_internet(file->socket) ? SRI_OBJECT_ZERO_COPY : 0);
    case SRI_FILE_PIPE_READ:
    case SRI_FILE_PIPE_WRITE:
    case SRI_FILE_EVENTFD:
    case SRI_FILE_EPOLL:
    case SRI_FILE_RING: break;
    }
    return SRI_OBJECT_POLLS;
}

static void reread(void *self, const struct sri_attempt *attempt, uint64_t length)
{
    sri_socket_reread(self, attempt, length);
}

static void release(void *self)
{
    struct sri_sim_world *world = self;
    sri_sim_world_free(&world);
}

struct sri_world sri_sim_world_interface(struct sri_sim_world *world)
{
    static const struct sri_world_vtable vtable = {
        .name = "sim",
        .file_get = file_get,
        .file_put = file_put,
        .file_end = file_end,
        .start = start,
        .cancel = cancel,
        .close = close_descriptor,
        .ring_open = ring_open,
        .ring_of = ring_of,
        .ring_close = ring_close,
        .ring_pollable = ring_pollable,
        .ring_notify = ring_notify,
        .memory_map = memory_map,
        .memory_unmap = memory_unmap,
        .now_ns = now_ns,
        .tells_at_once = true,
        .next_ns = next_ns,
        .wait = wait,
        .wake = wake,
        .lock = no_lock,
        .unlock = no_lock,
        .check_thread = check_thread,
        .release = release,
        .thread = thread,
        .clock_ns = clock_ns,
        .file_again = file_again,
        .same_file = NULL,
        .eventfd_add = eventfd_add,
        .file_keep = NULL,
        .descriptor_limit = descriptor_limit,
        .object = object,
        .reread = reread,
    };
    return (struct sri_world){.vtable = &vtable, .self = world, .now = &world->now_ns};
}

void sri_sim_world_advance(struct sri_sim_world *world, uint64_t duration_ns)
{
    uint64_t left = SRI_NEVER - 1 - world->now_ns;
    uint64_t end = world->now_ns + (duration_ns < left ? duration_ns : left);
    while (world->arrival_ns <= end)
        go_to(world, world->arrival_ns);
    go_to(world, end);
}

uint64_t sri_sim_world_now(const struct sri_sim_world *world)
{
    return world->now_ns;
}
