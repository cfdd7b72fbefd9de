/*
 * The allocator that fails, and who is spared from it.
 */
#include "fate/scarce.h"

#include "base/alloc.h"
#include "fate/nth.h"

static _Thread_local unsigned depth;

void sri_spare_begin(void)
{
    depth++;
}

void sri_spare_end(int *unused)
{
    (void)unused;
    depth--;
}

static bool refused(struct sri_scarce *memory)
{
    if (depth > 0)
        return false;
    uint64_t asked = atomic_fetch_add(&memory->asked, 1) + 1;
    if (memory->nth == 0 || asked < memory->nth || (asked > memory->nth && !memory->sticky))
        return false;
    return atomic_fetch_add(&memory->failed, 1) < SRI_NTH_STICKS;
}

static void *allocate(void *self, size_t size, size_t alignment)
{
    struct sri_scarce *memory = self;
    return refused(memory) ? NULL : memory->below.allocate(memory->below.self, size, alignment);
}

static void release(void *self, void *bytes, size_t size)
{
    struct sri_scarce *memory = self;
    memory->below.release(memory->below.self, bytes, size);
}

void sri_scarce_install(struct sri_scarce *memory)
{
    memory->below = sri_allocator();
    sri_scarce_begin(memory, 0, false);
    struct sr_allocator failing = {allocate, release, memory};
    int rc = sr_set_allocator(&failing);
    (void)rc; /* both functions are there */
}

void sri_scarce_remove(struct sri_scarce *memory)
{
    sri_scarce_begin(memory, 0, false);
    int rc = sr_set_allocator(&memory->below);
    (void)rc;
}

void sri_scarce_begin(struct sri_scarce *memory, uint64_t nth, bool sticky)
{
    atomic_store(&memory->asked, 0);
    atomic_store(&memory->failed, 0);
    memory->nth = nth;
    memory->sticky = sticky;
}

/* ---- The kernel that is spared ---- */

static int setup(void *self, uint32_t entries, struct io_uring_params *params)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->setup(kernel->self, entries, params);
}

static int map(void *self, int ring, uint64_t offset, size_t length, void **bytes)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->map(kernel->self, ring, offset, length, bytes);
}

static void unmap(void *self, void *bytes, size_t length)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    kernel->vtable->unmap(kernel->self, bytes, length);
}

static int enter(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                 const void *arg, size_t arg_size)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->enter(kernel->self, ring, to_submit, min_complete, flags, arg, arg_size);
}

static int register_(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->register_(kernel->self, ring, opcode, arg, count);
}

static int pollable_fd(void *self, int ring)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->pollable_fd(kernel->self, ring);
}

static int wake(void *self, int ring, uint64_t user_data)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->wake(kernel->self, ring, user_data);
}

static uint64_t now_ns(void *self)
{
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->now_ns(kernel->self);
}

static int close_(void *self, int descriptor)
{
    SRI_SPARE;
    const struct sr_backend *kernel = &((struct sri_spare_kernel *)self)->kernel;
    return kernel->vtable->close(kernel->self, descriptor);
}

/* The kernel is its maker's to release. */
static void release_kernel(void *self)
{
    (void)self;
}

struct sr_backend sri_spare_kernel(struct sri_spare_kernel *spare, struct sr_backend kernel)
{
    spare->kernel = kernel;
    spare->vtable = (struct sr_backend_vtable){
        .version = SR_BACKEND_VERSION,
        .name = kernel.vtable->name,
        .setup = setup,
        .map = map,
        .unmap = unmap,
        .enter = enter,
        .register_ = register_,
        .pollable_fd = pollable_fd,
        .wake = wake,
        .now_ns = now_ns,
        .close = close_,
        .release = release_kernel,
    };
    return (struct sr_backend){&spare->vtable, spare};
}
