/*
 * What is lent to a kernel, entry by entry, and closed to the program until its completion.
 */
#include "backend/fence.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "backend/fence_report.h"
#include "base/alloc.h"
#include "base/marks.h"
#include "base/twin.h"

#define FIRST_CAPACITY 64u
#define SEGMENTS 8u /* of a vector; later ones are not fenced */

/* An operation that has bytes of the program. */
struct loan {
    uint64_t user_data; /* 0: a free place */
    uint32_t count;
    bool target;
    struct iovec segments[SEGMENTS]; /* the program's view */
};

struct fence {
    struct sr_backend kernel;
    struct sr_backend_vtable vtable;
    bool owned;
    bool pages;
    bool marks;
    int ring;
    bool posts_in_enter;
    struct io_uring_params params;
    const char *sq;
    const char *cq;
    struct io_uring_sqe *sqes;
    uint32_t cq_seen; /* completions before this place were looked at */
    struct loan *loans;
    uint32_t capacity;
    uint32_t live;
};

static uint32_t load(const char *memory, uint32_t offset)
{
    return __atomic_load_n((const uint32_t *)(const void *)(memory + offset), __ATOMIC_ACQUIRE);
}

/* ---- The table of loans: open addressing by user_data ---- */

static uint32_t place_of(const struct fence *fence, uint64_t user_data)
{
    uint32_t at = (uint32_t)((user_data * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (fence->capacity - 1);
    while (fence->loans[at].user_data != 0 && fence->loans[at].user_data != user_data)
        at = (at + 1) & (fence->capacity - 1);
    return at;
}

/* Twice as large; what finds no memory is not fenced. */
static bool make_room(struct fence *fence)
{
    if (fence->live * 2 < fence->capacity)
        return true;
    uint32_t capacity = fence->capacity * 2;
    struct loan *loans = sri_alloc_zero(capacity, sizeof *loans);
    if (loans == NULL)
        return fence->live + 1 < fence->capacity;
    struct loan *old = fence->loans;
    uint32_t count = fence->capacity;
    fence->loans = loans;
    fence->capacity = capacity;
    for (uint32_t i = 0; i < count; i++)
        if (old[i].user_data != 0)
            loans[place_of(fence, old[i].user_data)] = old[i];
    sri_free(old);
    return true;
}

/* The places behind a freed one move up, so that a search finds them. */
static void remove_loan(struct fence *fence, uint32_t at)
{
    fence->live--;
    fence->loans[at].user_data = 0;
    for (uint32_t next = (at + 1) & (fence->capacity - 1); fence->loans[next].user_data != 0;
         next = (next + 1) & (fence->capacity - 1)) {
        struct loan moved = fence->loans[next];
        fence->loans[next].user_data = 0;
        fence->loans[place_of(fence, moved.user_data)] = moved;
    }
}

/* ---- What an entry lends ---- */

/* The list of segments, for an entry that has one; the place of its count. */
static struct iovec *vector_of(const struct io_uring_sqe *sqe, uint32_t *count)
{
    switch (sqe->opcode) {
    case IORING_OP_READV:
    case IORING_OP_WRITEV: *count = sqe->len; return (struct iovec *)(uintptr_t)sqe->addr;
    case IORING_OP_SENDMSG:
    case IORING_OP_RECVMSG:
    case IORING_OP_SENDMSG_ZC: {
        const struct msghdr *header = (const struct msghdr *)(uintptr_t)sqe->addr;
        *count = header != NULL ? (uint32_t)header->msg_iovlen : 0;
        return header != NULL ? header->msg_iov : NULL;
    }
    default: *count = 0; return NULL;
    }
}

static bool has_bytes(const struct io_uring_sqe *sqe)
{
    switch (sqe->opcode) {
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_SEND:
    case IORING_OP_RECV:
    case IORING_OP_SEND_ZC: return (sqe->flags & IOSQE_BUFFER_SELECT) == 0 && sqe->addr != 0;
    default: return false;
    }
}

static bool is_target(uint8_t opcode)
{
    return opcode == IORING_OP_READ || opcode == IORING_OP_READV || opcode == IORING_OP_READ_FIXED ||
           opcode == IORING_OP_RECV || opcode == IORING_OP_RECVMSG;
}

static void to_kernel(void **address)
{
    void *there = *address != NULL ? sri_twin_for_kernel(*address) : NULL;
    if (there != NULL)
        *address = there;
}

/* The kernel is told its own view of twin memory. Doing it twice changes nothing. */
static void translate(struct io_uring_sqe *sqe)
{
    uint32_t count;
    struct iovec *vector = vector_of(sqe, &count);
    for (uint32_t i = 0; vector != NULL && i < count; i++)
        to_kernel(&vector[i].iov_base);
    if (!has_bytes(sqe))
        return;
    void *address = (void *)(uintptr_t)sqe->addr;
    to_kernel(&address);
    sqe->addr = (uintptr_t)address;
}

static void close_segment(const struct fence *fence, const struct iovec *segment)
{
    if (fence->pages && sri_twin_close(segment->iov_base, segment->iov_len))
        return;
    if (fence->marks)
        sri_marks_close(segment->iov_base, segment->iov_len);
}

static void open_segment(const struct fence *fence, const struct iovec *segment, size_t defined)
{
    if (fence->pages && sri_twin_open(segment->iov_base, segment->iov_len))
        return;
    if (fence->marks)
        sri_marks_open(segment->iov_base, segment->iov_len, defined);
}

static void lend(struct fence *fence, const struct io_uring_sqe *sqe)
{
    struct loan loan = {.user_data = sqe->user_data, .target = is_target(sqe->opcode)};
    uint32_t count;
    const struct iovec *vector = vector_of(sqe, &count);
    if (has_bytes(sqe))
        loan.segments[loan.count++] = (struct iovec){(void *)(uintptr_t)sqe->addr, sqe->len};
    for (uint32_t i = 0; vector != NULL && i < count && i < SEGMENTS; i++)
        loan.segments[loan.count++] = vector[i];
    if (loan.count == 0 || sqe->user_data == 0 || (sqe->flags & IOSQE_CQE_SKIP_SUCCESS) != 0 ||
        !make_room(fence))
        return;
    struct loan *place = &fence->loans[place_of(fence, sqe->user_data)];
    if (place->user_data != 0)
        return; /* two live ones of a name: not this library's */
    *place = loan;
    fence->live++;
    for (uint32_t i = 0; i < loan.count; i++)
        close_segment(fence, &loan.segments[i]);
}

static void give_back(struct fence *fence, const struct io_uring_cqe *cqe)
{
    if (cqe->user_data == 0 || (cqe->flags & IORING_CQE_F_MORE) != 0)
        return;
    uint32_t at = place_of(fence, cqe->user_data);
    if (fence->loans[at].user_data == 0)
        return;
    const struct loan *loan = &fence->loans[at];
    size_t left = cqe->res > 0 ? (size_t)cqe->res : 0;
    for (uint32_t i = 0; i < loan->count; i++) {
        size_t length = loan->segments[i].iov_len;
        size_t defined = !loan->target || left > length ? length : left;
        left -= loan->target ? defined : 0;
        open_segment(fence, &loan->segments[i], defined);
    }
    remove_loan(fence, at);
}

/* ---- The kernel's interface ---- */

static int setup(void *self, uint32_t entries, struct io_uring_params *params)
{
    struct fence *fence = self;
    int ring = fence->kernel.vtable->setup(fence->kernel.self, entries, params);
    if (ring < 0)
        return ring;
    fence->ring = ring;
    fence->params = *params;
    fence->posts_in_enter = (params->flags & IORING_SETUP_DEFER_TASKRUN) != 0;
    return ring;
}

static int map(void *self, int ring, uint64_t offset, size_t length, void **memory)
{
    struct fence *fence = self;
    int rc = fence->kernel.vtable->map(fence->kernel.self, ring, offset, length, memory);
    if (rc != 0 || ring != fence->ring)
        return rc;
    if (offset == IORING_OFF_SQ_RING) {
        fence->sq = *memory;
        if ((fence->params.features & IORING_FEAT_SINGLE_MMAP) != 0)
            fence->cq = *memory;
    } else if (offset == IORING_OFF_CQ_RING) {
        fence->cq = *memory;
    } else if (offset == IORING_OFF_SQES) {
        fence->sqes = *memory;
    }
    return 0;
}

static void unmap(void *self, void *memory, size_t length)
{
    struct fence *fence = self;
    fence->kernel.vtable->unmap(fence->kernel.self, memory, length);
}

static bool sees(const struct fence *fence, int ring)
{
    return ring == fence->ring && fence->posts_in_enter && fence->sq != NULL && fence->cq != NULL &&
           fence->sqes != NULL;
}

static struct io_uring_sqe *entry_at(const struct fence *fence, uint32_t position)
{
    const struct io_sqring_offsets *at = &fence->params.sq_off;
    uint32_t index = position & load(fence->sq, at->ring_mask);
    return &fence->sqes[load(fence->sq, at->array + index * (uint32_t)sizeof(uint32_t))];
}

static void look_at_completions(struct fence *fence)
{
    const struct io_cqring_offsets *at = &fence->params.cq_off;
    const struct io_uring_cqe *cqes = (const struct io_uring_cqe *)(const void *)(fence->cq + at->cqes);
    uint32_t tail = load(fence->cq, at->tail);
    uint32_t mask = load(fence->cq, at->ring_mask);
    for (; fence->cq_seen != tail; fence->cq_seen++)
        give_back(fence, &cqes[fence->cq_seen & mask]);
}

static int enter(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                 const void *arg, size_t arg_size)
{
    struct fence *fence = self;
    const struct sr_backend *kernel = &fence->kernel;
    if (!sees(fence, ring))
        return kernel->vtable->enter(kernel->self, ring, to_submit, min_complete, flags, arg, arg_size);
    uint32_t head = load(fence->sq, fence->params.sq_off.head);
    uint32_t tail = load(fence->sq, fence->params.sq_off.tail);
    for (uint32_t position = head; fence->pages && position != tail; position++)
        translate(entry_at(fence, position));
    int rc = kernel->vtable->enter(kernel->self, ring, to_submit, min_complete, flags, arg, arg_size);
    uint32_t consumed = load(fence->sq, fence->params.sq_off.head);
    for (; head != consumed; head++)
        lend(fence, entry_at(fence, head));
    look_at_completions(fence);
    return rc;
}

/* A copy of a list of buffers, as the kernel sees them; NULL without memory. */
static struct iovec *views_of(const void *list, uint32_t count)
{
    struct iovec *views = sri_alloc_zero(count, sizeof *views);
    if (views == NULL)
        return NULL;
    memcpy(views, list, count * sizeof *views);
    for (uint32_t i = 0; i < count; i++)
        to_kernel(&views[i].iov_base);
    return views;
}

/* The word of a registration's argument that says where its list is, and how long that is; NULL: it has no such word. */
static __u64 *list_in(uint32_t opcode, void *arg, uint32_t *count)
{
    struct io_uring_rsrc_register *whole = arg;
    struct io_uring_rsrc_update2 *part = arg;
    switch (opcode) {
    case IORING_REGISTER_BUFFERS2: *count = whole->nr; return &whole->data;
    case IORING_REGISTER_BUFFERS_UPDATE: *count = part->nr; return &part->data;
    default: return NULL;
    }
}

/* What is registered is pinned by its address: by the kernel's view of it. */
static int register_(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    struct fence *fence = self;
    const struct sr_backend *kernel = &fence->kernel;
    uint32_t length = count;
    __u64 *word = arg != NULL ? list_in(opcode, arg, &length) : NULL;
    const void *list = opcode == IORING_REGISTER_BUFFERS ? arg : NULL;
    if (word != NULL)
        list = (const void *)(uintptr_t)*word;
    if (!fence->pages || list == NULL)
        return kernel->vtable->register_(kernel->self, ring, opcode, arg, count);
    struct iovec *views = views_of(list, length);
    if (views == NULL)
        return -ENOMEM;
    if (word != NULL)
        *word = (uintptr_t)views;
    int rc = kernel->vtable->register_(kernel->self, ring, opcode, word != NULL ? arg : views, count);
    if (word != NULL)
        *word = (uintptr_t)list;
    sri_free(views);
    return rc;
}

static int pollable_fd(void *self, int ring)
{
    struct fence *fence = self;
    return fence->kernel.vtable->pollable_fd(fence->kernel.self, ring);
}

static int wake(void *self, int ring, uint64_t user_data)
{
    struct fence *fence = self;
    return fence->kernel.vtable->wake(fence->kernel.self, ring, user_data);
}

static uint64_t now_ns(void *self)
{
    struct fence *fence = self;
    return fence->kernel.vtable->now_ns(fence->kernel.self);
}

static int close_(void *self, int descriptor)
{
    struct fence *fence = self;
    if (descriptor == fence->ring)
        fence->ring = -1;
    return fence->kernel.vtable->close(fence->kernel.self, descriptor);
}

static void release(void *self)
{
    struct fence *fence = self;
    if (fence->owned)
        fence->kernel.vtable->release(fence->kernel.self);
    if (fence->pages) {
        sri_fence_report(false);
        sri_twins_want(false);
    }
    sri_free(fence->loans);
    sri_free(fence);
}

int sri_fence(struct sr_backend *kernel, bool owned, bool pages)
{
    struct fence *fence = sri_alloc_zero(1, sizeof *fence);
    if (fence == NULL)
        return -ENOMEM;
    fence->capacity = FIRST_CAPACITY;
    fence->loans = sri_alloc_zero(FIRST_CAPACITY, sizeof *fence->loans);
    if (fence->loans == NULL) {
        sri_free(fence);
        return -ENOMEM;
    }
    fence->kernel = *kernel;
    fence->owned = owned;
    fence->pages = pages;
    fence->marks = sri_marks_heeded(strcmp(kernel->vtable->name, "uring") != 0);
    fence->ring = -1;
    fence->vtable = (struct sr_backend_vtable){
        .version = SR_BACKEND_VERSION,
        .name = kernel->vtable->name,
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
    if (pages) {
        sri_fence_report(true);
        sri_twins_want(true);
    }
    *kernel = (struct sr_backend){&fence->vtable, fence};
    return 0;
}
