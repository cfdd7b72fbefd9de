/*
 * The host world put together: its table, its beginning and its end. No mechanism of its own.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/host.h"
#include "host/state.h"
#include "host/tags.h"

static int world_close(void *self, int fd)
{
    struct sri_host *host = self;
    if (fd < 0 || sri_host_ring_at(host, fd) != NULL)
        return -EBADF;
    sri_host_pin_fresh(host);
    /* An interrupted close(2) has closed on Linux. */
    return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

static void *world_memory_map(void *self, size_t length)
{
    (void)self;
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void world_memory_unmap(void *self, void *memory, size_t length)
{
    (void)self;
    munmap(memory, length);
}

static uint64_t world_next_ns(void *self)
{
    (void)self;
    return SRI_NEVER;
}

static void world_lock(void *self)
{
    struct sri_host *host = self;
    pthread_mutex_lock(&host->lock);
    sri_host_visit(host);
}

/* What is held beyond this visit must be an object, and no longer a number (files.c). */
static void world_unlock(void *self)
{
    struct sri_host *host = self;
    sri_host_pin_fresh(host);
    sri_host_set_timer(host);
    pthread_mutex_unlock(&host->lock);
}

static int world_check_thread(void *self)
{
    (void)self;
    return 0;
}

/* The address of something each thread has of its own: no system call. */
static uint64_t world_thread(void *self)
{
    static _Thread_local char mark;
    (void)self;
    return (uint64_t)(uintptr_t)&mark;
}

static uint32_t world_processors(void *self)
{
    (void)self;
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}

static uint32_t world_descriptor_limit(void *self)
{
    (void)self;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > UINT32_MAX)
        return UINT32_MAX;
    return (uint32_t)limit.rlim_cur;
}

static void close_own(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void world_release(void *self)
{
    struct sri_host *host = self;
    sri_workers_free(host->workers);
    sri_host_rings_free(host);
    sri_host_files_free(host);
    sri_host_ops_free(host);
    close_own(host->timer);
    close_own(host->alarm);
    close_own(host->epoll);
    pthread_mutex_destroy(&host->lock);
    sri_free(host);
}

static const struct sri_world_vtable host_vtable = {
    .name = "host",
    .file_get = sri_host_file_get,
    .file_put = sri_host_file_put,
    .file_of = sri_host_file_of,
    .start = sri_host_start,
    .cancel = sri_host_cancel,
    .close = world_close,
    .ring_open = sri_host_ring_open,
    .ring_of = sri_host_ring_of,
    .ring_close = sri_host_ring_close,
    .ring_pollable = sri_host_ring_pollable,
    .ring_notify = sri_host_ring_notify,
    .memory_map = world_memory_map,
    .memory_unmap = world_memory_unmap,
    .now_ns = sri_host_now_ns,
    .next_ns = world_next_ns,
    .wait = sri_host_wait,
    .wake = sri_host_wake,
    .lock = world_lock,
    .unlock = world_unlock,
    .check_thread = world_check_thread,
    .release = world_release,
    .thread = world_thread,
    .same_file = sri_host_same_file,
    .eventfd_add = sri_host_eventfd_add,
    .object = sri_host_object,
    .forget = sri_host_edge_end,
    .clock_ns = sri_host_clock_ns,
    .processors = world_processors,
    .file_keep = sri_host_file_keep,
    .file_end = sri_host_file_end,
    .file_closing = sri_host_file_closing,
    .file_again = sri_host_file_again,
    .descriptor_limit = world_descriptor_limit,
};

static void worker_finished(void *self)
{
    sri_host_alarm(self);
}

static int raised(const struct sri_host *host, int fd)
{
    return fd < 0 ? -errno : sri_host_raise(host, fd);
}

static int watch_own(struct sri_host *host, int fd, uint64_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    return epoll_ctl(host->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int open_own(struct sri_host *host)
{
    host->epoll = raised(host, epoll_create1(EPOLL_CLOEXEC));
    if (host->epoll < 0)
        return host->epoll;
    host->alarm = raised(host, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (host->alarm < 0)
        return host->alarm;
    host->timer = raised(host, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (host->timer < 0)
        return host->timer;
    int rc = watch_own(host, host->alarm, SRI_HOST_TAG_ALARM);
    return rc != 0 ? rc : watch_own(host, host->timer, SRI_HOST_TAG_TIMER);
}

int sri_host_world_new(struct sri_world *out)
{
    struct sri_host *host = sri_alloc_zero(1, sizeof *host);
    if (host == NULL)
        return -ENOMEM;
    pthread_mutex_init(&host->lock, NULL);
    sri_list_init(&host->fresh);
    host->last.fd = -1;
    atomic_init(&host->alarmed, false);
    atomic_init(&host->calling, false);
    atomic_init(&host->sleepers, 0);
    host->epoll = host->alarm = host->timer = -1;
    host->timer_due_ns = SRI_NEVER;
    host->high = sri_host_high();
    int rc = open_own(host);
    if (rc == 0)
        rc = sri_workers_new(&host->workers, worker_finished, host);
    if (rc != 0) {
        world_release(host);
        return rc;
    }
    *out = (struct sri_world){.vtable = &host_vtable, .self = host};
    return 0;
}

void sri_host_world_attach(struct sri_world world, struct sri_engine *engine)
{
    struct sri_host *host = world.self;
    host->engine = engine;
}

void sri_host_world_leave(struct sri_world world)
{
    struct sri_host *host = world.self;
    pthread_mutex_unlock(&host->lock);
}

uint32_t sri_host_world_workers(struct sri_world world)
{
    struct sri_host *host = world.self;
    return sri_workers_count(host->workers);
}

int sri_host_world_number(const struct sri_file *file)
{
    return sri_host_fd(file);
}

int sri_host_world_descriptor(struct sri_world world)
{
    const struct sri_host *host = world.self;
    return host->epoll;
}
