/*
 * Registrations: each a call of the kernel's with its argument packed.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "liburing/kernel.h"
#include "liburing/needs.h"

#define REGISTER(ring, opcode, arg, count) \
    sri_uring_register((ring), (ring)->ring_fd, (opcode), (arg), (count), SRI_FRAME, SRI_SITE)

/* The kernel tells how many it took; who registers all of them is told 0. */
static int taken(int rc)
{
    return rc < 0 ? rc : 0;
}

int io_uring_register(unsigned fd, unsigned opcode, const void *arg, unsigned count)
{
    return sri_uring_register(NULL, (int)fd, opcode, arg, count, SRI_FRAME, SRI_SITE);
}

int io_uring_register_buffers(struct io_uring *ring, const struct iovec *buffers, unsigned count)
{
    return taken(REGISTER(ring, IORING_REGISTER_BUFFERS, buffers, count));
}

int io_uring_register_buffers_tags(struct io_uring *ring, const struct iovec *buffers, const __u64 *tags,
                                   unsigned count)
{
    struct io_uring_rsrc_register all = {.nr = count, .data = (uintptr_t)buffers, .tags = (uintptr_t)tags};
    return REGISTER(ring, IORING_REGISTER_BUFFERS2, &all, sizeof all);
}

int io_uring_register_buffers_sparse(struct io_uring *ring, unsigned count)
{
    struct io_uring_rsrc_register all = {.nr = count, .flags = IORING_RSRC_REGISTER_SPARSE};
    return REGISTER(ring, IORING_REGISTER_BUFFERS2, &all, sizeof all);
}

int io_uring_register_buffers_update_tag(struct io_uring *ring, unsigned offset, const struct iovec *buffers,
                                         const __u64 *tags, unsigned count)
{
    struct io_uring_rsrc_update2 some = {.offset = offset,
                                         .data = (uintptr_t)buffers,
                                         .tags = (uintptr_t)tags,
                                         .nr = count};
    return REGISTER(ring, IORING_REGISTER_BUFFERS_UPDATE, &some, sizeof some);
}

int io_uring_unregister_buffers(struct io_uring *ring)
{
    return taken(REGISTER(ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

/* More than the process may have open: as far as its hard limit goes, the soft one is raised to hold them. */
static bool raise_limit(unsigned count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return false;
    limit.rlim_cur = limit.rlim_cur + count < limit.rlim_max ? limit.rlim_cur + count : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

int io_uring_register_files(struct io_uring *ring, const int *files, unsigned count)
{
    int rc = REGISTER(ring, IORING_REGISTER_FILES, files, count);
    if (rc == -EMFILE && raise_limit(count))
        rc = REGISTER(ring, IORING_REGISTER_FILES, files, count);
    return rc;
}

int io_uring_register_files_tags(struct io_uring *ring, const int *files, const __u64 *tags, unsigned count)
{
    struct io_uring_rsrc_register all = {.nr = count, .data = (uintptr_t)files, .tags = (uintptr_t)tags};
    int rc = REGISTER(ring, IORING_REGISTER_FILES2, &all, sizeof all);
    if (rc == -EMFILE && raise_limit(count))
        rc = REGISTER(ring, IORING_REGISTER_FILES2, &all, sizeof all);
    return rc;
}

int io_uring_register_files_sparse(struct io_uring *ring, unsigned count)
{
    struct io_uring_rsrc_register all = {.nr = count, .flags = IORING_RSRC_REGISTER_SPARSE};
    int rc = REGISTER(ring, IORING_REGISTER_FILES2, &all, sizeof all);
    if (rc == -EMFILE && raise_limit(count))
        rc = REGISTER(ring, IORING_REGISTER_FILES2, &all, sizeof all);
    return rc;
}

int io_uring_register_files_update_tag(struct io_uring *ring, unsigned offset, const int *files,
                                       const __u64 *tags, unsigned count)
{
    struct io_uring_rsrc_update2 some = {.offset = offset,
                                         .data = (uintptr_t)files,
                                         .tags = (uintptr_t)tags,
                                         .nr = count};
    return REGISTER(ring, IORING_REGISTER_FILES_UPDATE2, &some, sizeof some);
}

int io_uring_register_files_update(struct io_uring *ring, unsigned offset, const int *files, unsigned count)
{
    struct io_uring_files_update some = {.offset = offset, .fds = (uintptr_t)files};
    return REGISTER(ring, IORING_REGISTER_FILES_UPDATE, &some, count);
}

int io_uring_unregister_files(struct io_uring *ring)
{
    return taken(REGISTER(ring, IORING_UNREGISTER_FILES, NULL, 0));
}

int io_uring_register_file_alloc_range(struct io_uring *ring, unsigned offset, unsigned length)
{
    struct io_uring_file_index_range range = {.off = offset, .len = length};
    return REGISTER(ring, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0);
}

int io_uring_register_eventfd(struct io_uring *ring, int fd)
{
    return taken(REGISTER(ring, IORING_REGISTER_EVENTFD, &fd, 1));
}

int io_uring_register_eventfd_async(struct io_uring *ring, int fd)
{
    return taken(REGISTER(ring, IORING_REGISTER_EVENTFD_ASYNC, &fd, 1));
}

int io_uring_unregister_eventfd(struct io_uring *ring)
{
    return taken(REGISTER(ring, IORING_UNREGISTER_EVENTFD, NULL, 0));
}

int io_uring_register_probe(struct io_uring *ring, struct io_uring_probe *probe, unsigned count)
{
    return taken(REGISTER(ring, IORING_REGISTER_PROBE, probe, count));
}

int io_uring_register_personality(struct io_uring *ring)
{
    return REGISTER(ring, IORING_REGISTER_PERSONALITY, NULL, 0);
}

int io_uring_unregister_personality(struct io_uring *ring, int id)
{
    return REGISTER(ring, IORING_UNREGISTER_PERSONALITY, NULL, (unsigned)id);
}

int io_uring_register_restrictions(struct io_uring *ring, struct io_uring_restriction *list, unsigned count)
{
    return taken(REGISTER(ring, IORING_REGISTER_RESTRICTIONS, list, count));
}

int io_uring_enable_rings(struct io_uring *ring)
{
    return REGISTER(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

int io_uring_register_iowq_aff(struct io_uring *ring, size_t size, const cpu_set_t *mask)
{
    if (size >= 1U << 31)
        return -EINVAL;
    return REGISTER(ring, IORING_REGISTER_IOWQ_AFF, mask, (unsigned)size);
}

int io_uring_unregister_iowq_aff(struct io_uring *ring)
{
    return REGISTER(ring, IORING_UNREGISTER_IOWQ_AFF, NULL, 0);
}

int io_uring_register_iowq_max_workers(struct io_uring *ring, unsigned *limits)
{
    return REGISTER(ring, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
}

int io_uring_register_ring_fd(struct io_uring *ring)
{
    struct io_uring_rsrc_update some = {.offset = UINT32_MAX, .data = (__u64)ring->ring_fd};
    if ((ring->int_flags & SRI_URING_REGISTERED) != 0)
        return -EEXIST;
    int rc = REGISTER(ring, IORING_REGISTER_RING_FDS, &some, 1);
    if (rc == 1) {
        ring->enter_ring_fd = (int)some.offset;
        ring->int_flags |= SRI_URING_REGISTERED;
    }
    return rc;
}

int io_uring_unregister_ring_fd(struct io_uring *ring)
{
    struct io_uring_rsrc_update some = {.offset = (unsigned)ring->enter_ring_fd};
    if ((ring->int_flags & SRI_URING_REGISTERED) == 0)
        return -EINVAL;
    int rc = REGISTER(ring, IORING_UNREGISTER_RING_FDS, &some, 1);
    if (rc == 1) {
        ring->enter_ring_fd = ring->ring_fd;
        ring->int_flags &= (__u8)~SRI_URING_REGISTERED;
    }
    return rc;
}

int io_uring_register_sync_cancel(struct io_uring *ring, struct io_uring_sync_cancel_reg *what)
{
    return REGISTER(ring, IORING_REGISTER_SYNC_CANCEL, what, 1);
}

int io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *what, unsigned flags)
{
    (void)flags;
    return REGISTER(ring, IORING_REGISTER_PBUF_RING, what, 1);
}

int io_uring_unregister_buf_ring(struct io_uring *ring, int group)
{
    struct io_uring_buf_reg what = {.bgid = (__u16)group};
    return REGISTER(ring, IORING_UNREGISTER_PBUF_RING, &what, 1);
}

struct io_uring_buf_ring *io_uring_setup_buf_ring(struct io_uring *ring, unsigned count, int group,
                                                  unsigned flags, int *error)
{
    size_t size = count * sizeof(struct io_uring_buf);
    struct io_uring_buf_ring *buffers =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (buffers == MAP_FAILED) {
        *error = -errno;
        return NULL;
    }
    struct io_uring_buf_reg what = {.ring_addr = (uintptr_t)buffers,
                                    .ring_entries = count,
                                    .bgid = (__u16)group};
    *error = io_uring_register_buf_ring(ring, &what, flags);
    if (*error == 0) {
        io_uring_buf_ring_init(buffers);
        return buffers;
    }
    munmap(buffers, size);
    return NULL;
}

int io_uring_free_buf_ring(struct io_uring *ring, struct io_uring_buf_ring *buffers, unsigned count,
                           int group)
{
    int rc = io_uring_unregister_buf_ring(ring, group);
    if (rc == 0)
        munmap(buffers, count * sizeof(struct io_uring_buf));
    return rc;
}

/* From here on the ring has its registered number only. */
int io_uring_close_ring_fd(struct io_uring *ring)
{
    int rc = 0;
    const struct sr_backend *kernel = sri_uring_kernel_of(ring, &rc);
    if (kernel == NULL)
        return rc;
    if ((ring->int_flags & SRI_URING_REGISTERED) == 0 || ring->ring_fd < 0)
        return -EINVAL;
    if (ring->pad2 == 0)
        sri_uring_remember(ring->ring_fd, false);
    kernel->vtable->close(kernel->self, ring->ring_fd);
    ring->ring_fd = -1;
    return 1;
}
