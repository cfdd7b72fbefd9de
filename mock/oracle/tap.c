/*
 * The tap between the library and its kernel. Changes no answer, but for a call that is to fail.
 */
#include "oracle/tap.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

static void enter_kernel(struct sri_tap *tap)
{
    if (tap->heap != NULL)
        tap->heap->kernel_depth++;
}

static void leave_kernel(struct sri_tap *tap)
{
    if (tap->heap != NULL)
        tap->heap->kernel_depth--;
}

/* Does this call fail, in the kernel's place? */
static bool fails(struct sri_tap *tap)
{
    tap->calls++;
    bool first = tap->fail_at > 0 && tap->calls == tap->fail_at;
    bool again = tap->fail_on && tap->failed > 0 && tap->failed < SRI_STICKS;
    tap->failed += first || again ? 1 : 0;
    return first || again;
}

static int setup(void *self, uint32_t entries, struct io_uring_params *params)
{
    struct sri_tap *tap = self;
    if (fails(tap))
        return -ENOMEM;
    enter_kernel(tap);
    int ring = tap->kernel.vtable->setup(tap->kernel.self, entries, params);
    leave_kernel(tap);
    if (ring >= 0) {
        tap->ring = ring;
        tap->rings++;
        tap->fixed_files = tap->fixed_buffers = tap->register_faults = 0;
        memset(tap->file_at, 0, sizeof tap->file_at);
        memset(tap->buffer_at, 0, sizeof tap->buffer_at);
    }
    return ring;
}

static int map(void *self, int ring, uint64_t offset, size_t length, void **memory)
{
    struct sri_tap *tap = self;
    if (fails(tap))
        return -ENOMEM;
    enter_kernel(tap);
    int rc = tap->kernel.vtable->map(tap->kernel.self, ring, offset, length, memory);
    leave_kernel(tap);
    if (rc == 0)
        tap->mappings++;
    return rc;
}

static void unmap(void *self, void *memory, size_t length)
{
    struct sri_tap *tap = self;
    enter_kernel(tap);
    tap->kernel.vtable->unmap(tap->kernel.self, memory, length);
    leave_kernel(tap);
    tap->mappings--;
}

static int enter(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                 const void *arg, size_t arg_size)
{
    struct sri_tap *tap = self;
    tap->enters++;
    tap->to_submit = to_submit;
    if (fails(tap))
        return tap->entered = to_submit > 0 ? -EAGAIN : -EINTR;
    enter_kernel(tap);
    int rc = tap->kernel.vtable->enter(tap->kernel.self, ring, to_submit, min_complete, flags, arg, arg_size);
    leave_kernel(tap);
    tap->entered = rc;
    return rc;
}

/* What an update has put into a table, or taken out of it. */
static void note_update(struct sri_tap *tap, const struct io_uring_rsrc_update2 *update, bool files, int done)
{
    bool *held = files ? tap->file_at : tap->buffer_at;
    uint32_t *count = files ? &tap->fixed_files : &tap->fixed_buffers;
    const void *items = (const void *)(uintptr_t)update->data;
    for (int i = 0; i < done; i++) {
        uint32_t place = update->offset + (uint32_t)i;
        bool something =
            files ? ((const int *)items)[i] >= 0 : ((const struct iovec *)items)[i].iov_base != NULL;
        if (place >= SRI_TAP_PLACES || held[place] == something)
            continue;
        held[place] = something;
        *count = something ? *count + 1 : *count - 1;
    }
}

static int register_(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    struct sri_tap *tap = self;
    if (fails(tap)) {
        tap->register_faults++;
        return -ENOMEM;
    }
    enter_kernel(tap);
    int rc = tap->kernel.vtable->register_(tap->kernel.self, ring, opcode, arg, count);
    leave_kernel(tap);
    if (rc == -ENOMEM || rc == -EINVAL)
        tap->register_faults++;
    if (opcode == IORING_REGISTER_FILES_UPDATE2 || opcode == IORING_REGISTER_BUFFERS_UPDATE)
        note_update(tap, arg, opcode == IORING_REGISTER_FILES_UPDATE2, rc);
    return rc;
}

static int pollable_fd(void *self, int ring)
{
    struct sri_tap *tap = self;
    if (fails(tap))
        return -EMFILE;
    enter_kernel(tap);
    int fd = tap->kernel.vtable->pollable_fd(tap->kernel.self, ring);
    leave_kernel(tap);
    return fd;
}

/* From any thread: nothing of the tap is touched. */
static int wake(void *self, int ring, uint64_t user_data)
{
    struct sri_tap *tap = self;
    return tap->kernel.vtable->wake(tap->kernel.self, ring, user_data);
}

static uint64_t now_ns(void *self)
{
    struct sri_tap *tap = self;
    return tap->kernel.vtable->now_ns(tap->kernel.self);
}

static int close_(void *self, int descriptor)
{
    struct sri_tap *tap = self;
    enter_kernel(tap);
    int rc = tap->kernel.vtable->close(tap->kernel.self, descriptor);
    leave_kernel(tap);
    if (rc == 0 && descriptor == tap->ring) {
        tap->ring = -1;
        tap->rings--;
    }
    return rc;
}

/* The kernel is the campaign's to release. */
static void release(void *self)
{
    (void)self;
}

void sri_tap_init(struct sri_tap *tap, struct sr_backend kernel, struct sri_heap *heap)
{
    memset(tap, 0, sizeof *tap);
    tap->kernel = kernel;
    tap->heap = heap;
    tap->ring = -1;
}

struct sr_backend sri_tap_backend(struct sri_tap *tap)
{
    tap->vtable = (struct sr_backend_vtable){
        .version = SR_BACKEND_VERSION,
        .name = tap->kernel.vtable->name,
        .setup = setup,
        .map = map,
        .unmap = unmap,
        .enter = enter,
        .register_ = register_,
        .pollable_fd = pollable_fd,
        .wake = wake,
        .now_ns = now_ns,
        .close = close_,
        .release = release,
    };
    return (struct sr_backend){&tap->vtable, tap};
}

int sri_tap_inject(struct sri_tap *tap, uint64_t user_data)
{
    return tap->ring < 0 ? -EBADF : tap->kernel.vtable->wake(tap->kernel.self, tap->ring, user_data);
}
