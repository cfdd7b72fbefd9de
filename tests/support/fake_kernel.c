/*
 * The scriptable kernel. Each mapping is a block of exactly the length that was asked for, so that a sanitizer sees what
 * reaches past it, and what is touched after its unmap.
 */
#include "fake_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "main.h"

/* The layout of the shared memory: one region for SQ and CQ (SINGLE_MMAP) or one for each. */
enum {
    HEAD = 0,
    TAIL = 4,
    MASK = 8,
    ENTRIES = 12,
    FLAGS = 16,
    DROPPED = 20,
    SQ_ARRAY = 64,
};

#define SECOND UINT64_C(1000000000)
#define NEEDED (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG)

static bool is_single(const struct fake_kernel *kernel)
{
    return (kernel->features & IORING_FEAT_SINGLE_MMAP) != 0;
}

static uint32_t cq_at(const struct fake_kernel *kernel)
{
    return is_single(kernel) ? (SQ_ARRAY + kernel->sq_entries * 4 + 63) / 64 * 64 : 0;
}

static uint32_t *word(void *memory, uint32_t offset)
{
    return (uint32_t *)(void *)((char *)memory + offset);
}

static uint32_t *sq_word(const struct fake_kernel *kernel, uint32_t offset)
{
    return word(kernel->mapping[0].memory, offset);
}

static uint32_t *cq_word(const struct fake_kernel *kernel, uint32_t offset)
{
    return word(kernel->mapping[is_single(kernel) ? 0 : 1].memory, cq_at(kernel) + offset);
}

static struct io_uring_cqe *cqe_at(const struct fake_kernel *kernel, uint32_t position)
{
    struct io_uring_cqe *cqes = (struct io_uring_cqe *)(void *)cq_word(kernel, SQ_ARRAY);
    return &cqes[position & (kernel->cq_entries - 1)];
}

static const struct io_uring_sqe *sqe_at(const struct fake_kernel *kernel, uint32_t position)
{
    const struct io_uring_sqe *sqes = kernel->mapping[2].memory;
    uint32_t index = *sq_word(kernel, SQ_ARRAY + 4 * (position & (kernel->sq_entries - 1)));
    assert_true(index < kernel->sq_entries);
    return &sqes[index];
}

static uint32_t round_up(uint32_t n)
{
    uint32_t power = 1;
    while (power < n)
        power *= 2;
    return power;
}

static int fake_setup(void *self, uint32_t entries, struct io_uring_params *params)
{
    struct fake_kernel *kernel = self;
    kernel->setups++;
    assert_false(kernel->open);
    if ((params->flags & kernel->refused_flags) != 0)
        return -EINVAL;
    if (kernel->setup_error != 0)
        return kernel->setup_error;
    kernel->sq_entries = round_up(entries);
    kernel->cq_entries =
        (params->flags & IORING_SETUP_CQSIZE) != 0 ? round_up(params->cq_entries) : 2 * kernel->sq_entries;
    params->sq_entries = kernel->sq_entries;
    params->cq_entries = kernel->cq_entries;
    params->features = kernel->features;
    params->sq_off = (struct io_sqring_offsets){.head = HEAD,
                                                .tail = TAIL,
                                                .ring_mask = MASK,
                                                .ring_entries = ENTRIES,
                                                .flags = FLAGS,
                                                .dropped = DROPPED,
                                                .array = SQ_ARRAY};
    uint32_t cq = cq_at(kernel);
    params->cq_off = (struct io_cqring_offsets){.head = cq + HEAD,
                                                .tail = cq + TAIL,
                                                .ring_mask = cq + MASK,
                                                .ring_entries = cq + ENTRIES,
                                                .overflow = cq + DROPPED,
                                                .cqes = cq + SQ_ARRAY,
                                                .flags = cq + FLAGS};
    kernel->open = true;
    kernel->disabled = (params->flags & IORING_SETUP_R_DISABLED) != 0;
    kernel->setup_flags = params->flags;
    return FAKE_RING_FD;
}

static int fake_map(void *self, int ring, uint64_t offset, size_t length, void **memory)
{
    struct fake_kernel *kernel = self;
    assert_int_equal(ring, FAKE_RING_FD);
    kernel->maps++;
    if (kernel->map_fails_at != 0 && (uint32_t)kernel->map_fails_at == kernel->maps)
        return -ENOMEM;
    int which = offset == IORING_OFF_SQ_RING ? 0 : offset == IORING_OFF_CQ_RING ? 1 : 2;
    assert_null(kernel->mapping[which].memory);
    kernel->mapping[which].memory = calloc(1, length);
    kernel->mapping[which].length = length;
    assert_non_null(kernel->mapping[which].memory);
    kernel->mappings++;
    if (which == 0) {
        *sq_word(kernel, MASK) = kernel->sq_entries - 1;
        *sq_word(kernel, ENTRIES) = kernel->sq_entries;
    }
    if (which == (is_single(kernel) ? 0 : 1)) {
        *cq_word(kernel, MASK) = kernel->cq_entries - 1;
        *cq_word(kernel, ENTRIES) = kernel->cq_entries;
    }
    *memory = kernel->mapping[which].memory;
    return 0;
}

static void fake_unmap(void *self, void *memory, size_t length)
{
    struct fake_kernel *kernel = self;
    for (int i = 0; i < 3; i++) {
        if (kernel->mapping[i].memory != memory)
            continue;
        assert_int_equal(kernel->mapping[i].length, length);
        free(memory);
        kernel->mapping[i].memory = NULL;
        kernel->mappings--;
        return;
    }
    fail_msg("unmapped what was not mapped");
}

static void put_cqe(struct fake_kernel *kernel, struct fake_cqe cqe)
{
    uint32_t tail = *cq_word(kernel, TAIL);
    bool full = tail - *cq_word(kernel, HEAD) == kernel->cq_entries;
    if (full || kernel->overflow_count > 0) {
        assert_true(kernel->overflow_first + kernel->overflow_count < 256);
        kernel->overflow[kernel->overflow_first + kernel->overflow_count++] = cqe;
        *sq_word(kernel, FLAGS) |= IORING_SQ_CQ_OVERFLOW;
        return;
    }
    struct io_uring_cqe *place = cqe_at(kernel, tail);
    place->user_data = cqe.user_data;
    place->res = cqe.res;
    place->flags = cqe.flags;
    __atomic_store_n(cq_word(kernel, TAIL), tail + 1, __ATOMIC_RELEASE);
}

static void flush_overflow(struct fake_kernel *kernel)
{
    while (kernel->overflow_count > 0 &&
           *cq_word(kernel, TAIL) - *cq_word(kernel, HEAD) < kernel->cq_entries) {
        struct fake_cqe cqe = kernel->overflow[kernel->overflow_first++];
        uint32_t left = --kernel->overflow_count;
        kernel->overflow_count = 0; /* so that put_cqe() puts it into the ring */
        put_cqe(kernel, cqe);
        kernel->overflow_count = left;
    }
    if (kernel->overflow_count == 0)
        *sq_word(kernel, FLAGS) &= ~(uint32_t)IORING_SQ_CQ_OVERFLOW;
}

static uint32_t consume(struct fake_kernel *kernel, uint32_t most)
{
    uint32_t head = *sq_word(kernel, HEAD);
    uint32_t there = __atomic_load_n(sq_word(kernel, TAIL), __ATOMIC_ACQUIRE) - head;
    assert_true(there <= kernel->sq_entries);
    uint32_t count = there < most ? there : most;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(kernel->seen_count < 512);
        kernel->seen[kernel->seen_count++] = *sqe_at(kernel, head + i);
    }
    __atomic_store_n(sq_word(kernel, HEAD), head + count, __ATOMIC_RELEASE);
    return count;
}

static uint64_t timeout_of(uint32_t flags, const void *arg, size_t size)
{
    if ((flags & IORING_ENTER_EXT_ARG) == 0)
        return UINT64_MAX;
    const struct io_uring_getevents_arg *given = arg;
    assert_int_equal(size, sizeof *given);
    const struct __kernel_timespec *limit = (const struct __kernel_timespec *)(uintptr_t)given->ts;
    return limit != NULL ? (uint64_t)limit->tv_sec * SECOND + (uint64_t)limit->tv_nsec : UINT64_MAX;
}

static bool keep_promise(struct fake_kernel *kernel)
{
    if (kernel->promised_count == 0)
        return false;
    put_cqe(kernel, kernel->promised[kernel->promised_first++]);
    kernel->promised_count--;
    return true;
}

/* 0, or why the wait ended without what was waited for. */
static int wait_for(struct fake_kernel *kernel, uint32_t min_complete)
{
    while (*cq_word(kernel, TAIL) - *cq_word(kernel, HEAD) < min_complete) {
        if (keep_promise(kernel))
            continue;
        if (kernel->last_timeout_ns == UINT64_MAX)
            return -EDEADLK;
        kernel->now_ns += kernel->last_timeout_ns;
        return -ETIME;
    }
    return 0;
}

static void post_wakes(struct fake_kernel *kernel)
{
    unsigned wakes = atomic_exchange(&kernel->pending_wakes, 0);
    for (; wakes > 0; wakes--)
        put_cqe(kernel, (struct fake_cqe){.user_data = atomic_load(&kernel->wake_data)});
}

static struct fake_enter next_step(struct fake_kernel *kernel)
{
    if (kernel->script_count == 0)
        return (struct fake_enter){.take = FAKE_ALL};
    kernel->script_count--;
    return kernel->script[kernel->script_first++];
}

static int fake_enter(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                      const void *arg, size_t size)
{
    struct fake_kernel *kernel = self;
    assert_int_equal(ring, FAKE_RING_FD);
    kernel->enters++;
    kernel->last_to_submit = to_submit;
    kernel->last_min_complete = min_complete;
    kernel->last_flags = flags;
    kernel->last_timeout_ns = timeout_of(flags, arg, size);
    if (kernel->disabled)
        return -EBADFD;
    struct fake_enter step = next_step(kernel);
    uint32_t consumed = consume(kernel, step.take < to_submit ? step.take : to_submit);
    if (kernel->on_enter != NULL)
        kernel->on_enter(kernel, kernel->user);
    post_wakes(kernel);
    if (step.error != 0)
        return step.error;
    if (step.returns_nothing)
        return 0;
    if ((flags & IORING_ENTER_GETEVENTS) == 0)
        return (int)consumed;
    flush_overflow(kernel);
    int waited = wait_for(kernel, min_complete);
    return consumed > 0 ? (int)consumed : waited;
}

static int make_table(uint32_t *places, const struct io_uring_rsrc_register *sparse)
{
    if (*places != 0)
        return -EBUSY;
    if (sparse->flags != IORING_RSRC_REGISTER_SPARSE || sparse->nr == 0 || sparse->nr > FAKE_PLACES)
        return -EINVAL;
    *places = sparse->nr;
    return 0;
}

/* Does the item put something into its place, or empty it? */
static bool is_something(const struct io_uring_rsrc_update2 *change, bool files, uint32_t i)
{
    const void *items = (const void *)(uintptr_t)change->data;
    return files ? ((const int *)items)[i] >= 0 : ((const struct iovec *)items)[i].iov_base != NULL;
}

static int update_table(struct fake_kernel *kernel, const struct io_uring_rsrc_update2 *change, bool files)
{
    bool *held = files ? kernel->fixed_files : kernel->fixed_buffers;
    uint32_t *count = files ? &kernel->fixed_files_held : &kernel->fixed_buffers_held;
    uint32_t places = files ? kernel->file_places : kernel->buffer_places;
    if (places == 0)
        return -ENXIO;
    if (change->offset + change->nr > places)
        return -EINVAL;
    for (uint32_t i = 0; i < change->nr; i++) {
        bool something = is_something(change, files, i);
        if (something && kernel->update_fails_at != 0 && ++kernel->updated_items >= kernel->update_fails_at)
            return i > 0 ? (int)i : -ENFILE;
        *count += (uint32_t)something - (uint32_t)held[change->offset + i];
        held[change->offset + i] = something;
        if (something && !files)
            kernel->buffers[change->offset + i] = ((const struct iovec *)(uintptr_t)change->data)[i];
    }
    if (kernel->on_update != NULL)
        kernel->on_update(kernel);
    return (int)change->nr;
}

static int fake_register(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    struct fake_kernel *kernel = self;
    (void)count;
    assert_int_equal(ring, FAKE_RING_FD);
    if (kernel->register_error != 0)
        return kernel->register_error;
    if (opcode == IORING_REGISTER_PBUF_RING &&
        ((const struct io_uring_buf_reg *)arg)->bgid < kernel->groups_taken)
        return -EEXIST;
    if (opcode == IORING_REGISTER_PBUF_RING || opcode == IORING_UNREGISTER_PBUF_RING)
        return 0;
    if (opcode == IORING_REGISTER_FILES2)
        return make_table(&kernel->file_places, arg);
    if (opcode == IORING_REGISTER_BUFFERS2)
        return make_table(&kernel->buffer_places, arg);
    if (opcode == IORING_REGISTER_FILES_UPDATE2 || opcode == IORING_REGISTER_BUFFERS_UPDATE)
        return update_table(kernel, arg, opcode == IORING_REGISTER_FILES_UPDATE2);
    if (opcode != IORING_REGISTER_ENABLE_RINGS)
        return -EINVAL;
    kernel->disabled = false;
    kernel->enabled++;
    return 0;
}

static int fake_pollable_fd(void *self, int ring)
{
    (void)self;
    assert_int_equal(ring, FAKE_RING_FD);
    return FAKE_POLLABLE_FD;
}

static int fake_wake(void *self, int ring, uint64_t user_data)
{
    struct fake_kernel *kernel = self;
    if (ring != FAKE_RING_FD)
        return -EBADF;
    atomic_fetch_add(&kernel->wakes, 1);
    if (kernel->wake_error != 0)
        return kernel->wake_error;
    atomic_store(&kernel->wake_data, user_data);
    atomic_fetch_add(&kernel->pending_wakes, 1);
    return 0;
}

static uint64_t fake_now_ns(void *self)
{
    return ((struct fake_kernel *)self)->now_ns;
}

static int fake_close(void *self, int descriptor)
{
    struct fake_kernel *kernel = self;
    if (descriptor == FAKE_RING_FD) {
        assert_true(kernel->open);
        kernel->open = false;
        return 0;
    }
    assert_true(kernel->closed_count < 64);
    kernel->closed[kernel->closed_count++] = descriptor;
    return kernel->close_error;
}

static void fake_release(void *self)
{
    (void)self;
    fail_msg("a kernel given by the configuration is not the ring's to release");
}

static const struct sr_backend_vtable fake_vtable = {
    .version = SR_BACKEND_VERSION,
    .name = "fake",
    .setup = fake_setup,
    .map = fake_map,
    .unmap = fake_unmap,
    .enter = fake_enter,
    .register_ = fake_register,
    .pollable_fd = fake_pollable_fd,
    .wake = fake_wake,
    .now_ns = fake_now_ns,
    .close = fake_close,
    .release = fake_release,
};

struct fake_kernel *fake_kernel_new(void)
{
    struct fake_kernel *kernel = calloc(1, sizeof *kernel);
    assert_non_null(kernel);
    kernel->features = NEEDED | IORING_FEAT_SINGLE_MMAP;
    kernel->now_ns = SECOND;
    return kernel;
}

void fake_kernel_free(struct fake_kernel *kernel)
{
    assert_false(kernel->open);
    assert_int_equal(kernel->mappings, 0);
    free(kernel);
}

struct sr_backend fake_kernel_backend(struct fake_kernel *kernel)
{
    return (struct sr_backend){&fake_vtable, kernel};
}

void fake_kernel_script(struct fake_kernel *kernel, struct fake_enter enter)
{
    if (kernel->script_count == 0)
        kernel->script_first = 0;
    assert_true(kernel->script_first + kernel->script_count < 64);
    kernel->script[kernel->script_first + kernel->script_count++] = enter;
}

void fake_kernel_refuse(struct fake_kernel *kernel, int error, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        fake_kernel_script(kernel, (struct fake_enter){.error = error});
}

void fake_kernel_post(struct fake_kernel *kernel, uint64_t user_data, int32_t result)
{
    fake_kernel_post_flagged(kernel, user_data, result, 0);
}

void fake_kernel_post_flagged(struct fake_kernel *kernel, uint64_t user_data, int32_t result, uint32_t flags)
{
    put_cqe(kernel, (struct fake_cqe){.user_data = user_data, .res = result, .flags = flags});
}

void fake_kernel_promise(struct fake_kernel *kernel, uint64_t user_data, int32_t result)
{
    if (kernel->promised_count == 0)
        kernel->promised_first = 0;
    assert_true(kernel->promised_first + kernel->promised_count < 256);
    kernel->promised[kernel->promised_first + kernel->promised_count++] =
        (struct fake_cqe){.user_data = user_data, .res = result};
}

uint32_t fake_kernel_count(const struct fake_kernel *kernel, uint8_t opcode)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kernel->seen_count; i++)
        count += kernel->seen[i].opcode == opcode;
    return count;
}

const struct io_uring_sqe *fake_kernel_nth(const struct fake_kernel *kernel, uint8_t opcode, uint32_t n)
{
    for (uint32_t i = 0; i < kernel->seen_count; i++)
        if (kernel->seen[i].opcode == opcode && n-- == 0)
            return &kernel->seen[i];
    fail_msg("the kernel has not seen that entry");
    return NULL;
}
