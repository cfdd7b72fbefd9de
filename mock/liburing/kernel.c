/*
 * The kernel of this process, and its end by fork: a child has a copy of the engine whose descriptors are its parent's. It
 * leaves that copy alone and makes a kernel of its own when it opens a ring; for the parent's rings it asks the parent (child.c).
 */
#include "liburing/kernel.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/host.h"
#include "liburing/attend.h"
#include "liburing/child.h"
#include "liburing/serve.h"
#include "liburing/thread.h"

struct sri_uring_hooks sri_uring_hooks;

#define WORDS (SRI_URING_DESCRIPTORS / 64)

static struct {
    pthread_mutex_t lock;
    _Atomic(struct sr_backend *) made;
    struct sr_backend backend;
    struct sri_world world;
    pid_t process; /* whose it is */
    bool follows_forks;
    bool attended;
    bool leaves_rings;     /* to the child that is being forked */
    uint64_t rings[WORDS]; /* descriptors that are rings of this process */
    int words;             /* in use */
    bool complained;
} host = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Simulated kernels, by ring->pad2. Slot 0 is the process's own. */
#define SIMULATED 64
static struct sr_backend simulated[SIMULATED];
static unsigned simulated_next = 1;

static bool bit(const uint64_t *words, int fd)
{
    return fd >= 0 && fd < WORDS * 64 && (words[fd / 64] >> (fd % 64) & 1) != 0;
}

static void set_bit(uint64_t *words, int fd, bool on)
{
    if (fd < 0 || fd >= WORDS * 64)
        return;
    if (on && host.words <= fd / 64)
        host.words = fd / 64 + 1;
    if (on)
        words[fd / 64] |= UINT64_C(1) << (fd % 64);
    else
        words[fd / 64] &= ~(UINT64_C(1) << (fd % 64));
}

bool sri_uring_is_ring(int fd)
{
    return bit(host.rings, fd);
}

void sri_uring_remember(int fd, bool open)
{
    pthread_mutex_lock(&host.lock);
    set_bit(host.rings, fd, open);
    sri_child_forget(fd);
    pthread_mutex_unlock(&host.lock);
}

/* Asked at each close of the program's, so without the lock when the answer is no. */
static bool forget_ring(int fd)
{
    if (!bit(host.rings, fd) && !sri_child_is_parents(fd))
        return false;
    pthread_mutex_lock(&host.lock);
    bool was = bit(host.rings, fd);
    set_bit(host.rings, fd, false);
    sri_child_forget(fd);
    pthread_mutex_unlock(&host.lock);
    return was;
}

static bool has_rings(void)
{
    for (int i = 0; i < host.words; i++) {
        if (host.rings[i] != 0)
            return true;
    }
    return false;
}

static void before_fork(void)
{
    pthread_mutex_lock(&host.lock);
    host.leaves_rings = host.made != NULL && has_rings() && sri_serve_before_fork();
    if (host.made != NULL)
        host.world.vtable->lock(host.world.self);
}

static void after_fork_in_parent(void)
{
    if (host.made != NULL)
        host.world.vtable->unlock(host.world.self);
    if (host.leaves_rings)
        sri_serve_after_fork(host.backend.self);
    pthread_mutex_unlock(&host.lock);
}

/*
 * The copy of the engine is left alone: it belongs to threads and descriptors that are not here. It stays to be found, so that
 * no leak of the program's is made of it.
 */
static void after_fork_in_child(void)
{
    static struct {
        void *engine;
        void *world;
    } left_alone[16];
    static unsigned generations;
    left_alone[generations].engine = host.backend.self;
    left_alone[generations].world = host.world.self;
    generations = (generations + 1) % (sizeof left_alone / sizeof left_alone[0]);
    if (host.made != NULL)
        sri_host_world_leave(host.world);
    sri_uring_threads_forget();
    sri_child_forked(host.rings, host.words, sri_serve_take_door());
    memset(host.rings, 0, (size_t)host.words * sizeof host.rings[0]);
    host.made = NULL;
    host.process = getpid();
    host.attended = false;
    pthread_mutex_unlock(&host.lock);
}

static int make(void)
{
    struct sri_engine *engine;
    const struct sri_chooser kind = {NULL, NULL};
    struct sri_world bare;
    int rc = sri_host_world_new(&bare);
    if (rc != 0)
        return rc;
    host.world = bare;
    if (sri_uring_hooks.world_made != NULL)
        sri_uring_hooks.world_made(&host.world);
    rc = sri_engine_new(&engine, host.world, kind);
    if (rc != 0) {
        host.world.vtable->release(host.world.self);
        return rc;
    }
    sri_host_world_attach(bare, engine);
    if (sri_uring_hooks.kernel_made != NULL)
        sri_uring_hooks.kernel_made(engine);
    host.backend = sri_engine_backend(engine, "drop-in");
    if (!host.follows_forks)
        host.follows_forks = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    host.process = getpid();
    host.made = &host.backend;
    return 0;
}

const struct sr_backend *sri_uring_host_if_made(void)
{
    return host.made;
}

const struct sr_backend *sri_uring_host(int *error)
{
    const struct sr_backend *made = host.made;
    if (__builtin_expect(made != NULL, 1))
        return made;
    pthread_mutex_lock(&host.lock);
    *error = host.made == NULL ? make() : 0;
    made = host.made;
    pthread_mutex_unlock(&host.lock);
    return made;
}

int sri_uring_adopt(struct sr_backend backend)
{
    int slot = -ENOMEM;
    pthread_mutex_lock(&host.lock);
    for (unsigned i = 1; i < SIMULATED && slot < 0; i++) {
        if (simulated[i].self == backend.self && simulated[i].vtable == backend.vtable)
            slot = (int)i;
    }
    if (slot < 0) {
        slot = (int)simulated_next;
        simulated_next = simulated_next + 1 < SIMULATED ? simulated_next + 1 : 1;
        simulated[slot] = backend;
    }
    pthread_mutex_unlock(&host.lock);
    return slot;
}

const struct sr_backend *sri_uring_kernel_of(const struct io_uring *ring, int *error)
{
    if (ring == NULL || __builtin_expect(ring->pad2 == 0, 1))
        return sri_uring_host(error);
    return &simulated[ring->pad2 % SIMULATED];
}

/* What a child is answered: as by the true kernel, or that nobody can be asked. */
static int answer_child(int result, bool asked)
{
    static const char text[] =
        "safer-ring: a forked child uses a ring whose process has ended, or can't reach the child: EBADF\n";
    if (!asked && !host.complained) {
        host.complained = true;
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
    }
    return result;
}

static void tell_foreign(int fd, const void *frame, const void *site)
{
    if (sri_uring_hooks.foreign != NULL)
        sri_uring_hooks.foreign(fd, false, frame, site);
}

static int enter_as_child(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void *arg,
                          size_t arg_size, const void *frame, const void *site)
{
    bool asked;
    tell_foreign(fd, frame, site);
    int rc = sri_child_enter(fd, to_submit, min_complete, flags, arg, arg_size, &asked);
    return answer_child(rc, asked);
}

static int register_as_child(int fd, unsigned opcode, const void *arg, unsigned count, const void *frame,
                             const void *site)
{
    bool asked;
    tell_foreign(fd, frame, site);
    int rc = sri_child_register(fd, opcode, arg, count, &asked);
    return answer_child(rc, asked);
}

/* Rings that were closed by a system call of the program's own, unseen. */
static void close_lost(const struct sr_backend *kernel)
{
    for (int fd = 0; fd < host.words * 64; fd++) {
        if (host.rings[fd / 64] == 0) {
            fd |= 63;
            continue;
        }
        if (!bit(host.rings, fd) || !sri_host_world_lost_ring(host.world, fd))
            continue;
        sri_uring_remember(fd, false);
        kernel->vtable->close(kernel->self, fd);
    }
}

int sri_uring_setup(const struct sr_backend *kernel, unsigned entries, struct io_uring_params *params)
{
    if (kernel == &host.backend)
        close_lost(kernel);
    int fd = kernel->vtable->setup(kernel->self, entries, params);
    if (fd >= 0 && kernel == &host.backend)
        sri_uring_remember(fd, true);
    return fd;
}

/* A child by vfork(2) has this memory, and descriptors of its own: those that it closes before it becomes another program. */
bool sri_uring_close(int fd, const void *frame, const void *site, int *result)
{
    const struct sr_backend *kernel = sri_uring_host_if_made();
    if (fd < 0 || (kernel == NULL && !sri_child_is_parents(fd)) || getpid() != host.process)
        return false;
    if (sri_uring_hooks.closes != NULL)
        sri_uring_hooks.closes(fd, frame, site);
    if (!forget_ring(fd) || kernel == NULL)
        return false;
    *result = kernel->vtable->close(kernel->self, fd);
    return true;
}

int sri_uring_enter(struct io_uring *ring, int fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                    const void *arg, size_t arg_size, const void *frame, const void *site)
{
    int rc = 0;
    const struct sr_backend *kernel = sri_uring_kernel_of(ring, &rc);
    if (kernel == NULL)
        return rc;
    if (kernel == &host.backend && (flags & IORING_ENTER_REGISTERED_RING) == 0 && sri_child_is_parents(fd))
        return enter_as_child(fd, to_submit, min_complete, flags, arg, arg_size, frame, site);
    if (sri_uring_hooks.enters != NULL)
        sri_uring_hooks.enters(ring, fd, to_submit, frame, site);
    rc = kernel->vtable->enter(kernel->self, fd, to_submit, min_complete, flags, arg, arg_size);
    if (sri_uring_hooks.returned != NULL)
        sri_uring_hooks.returned(ring, fd, to_submit, rc);
    return rc;
}

static void attend(void)
{
    pthread_mutex_lock(&host.lock);
    if (!host.attended)
        host.attended = sri_uring_attend(host.world, host.backend.self) == 0;
    pthread_mutex_unlock(&host.lock);
}

int sri_uring_register(struct io_uring *ring, int fd, unsigned opcode, const void *arg, unsigned count,
                       const void *frame, const void *site)
{
    int rc = 0;
    const struct sr_backend *kernel = sri_uring_kernel_of(ring, &rc);
    if (kernel == NULL)
        return rc;
    if (kernel == &host.backend && sri_child_is_parents(fd))
        return register_as_child(fd, opcode, arg, count, frame, site);
    if (sri_uring_hooks.registers != NULL)
        sri_uring_hooks.registers(ring, fd, opcode, arg, count, frame, site);
    rc = kernel->vtable->register_(kernel->self, fd, opcode, (void *)(uintptr_t)arg, count);
    bool signals = opcode == IORING_REGISTER_EVENTFD || opcode == IORING_REGISTER_EVENTFD_ASYNC;
    if (rc >= 0 && signals && kernel == &host.backend)
        attend();
    if (sri_uring_hooks.returned != NULL)
        sri_uring_hooks.returned(ring, fd, 0, rc);
    return rc;
}
