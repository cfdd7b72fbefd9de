/*
 * What several arms need: rings with equal flags, a file in the page cache of a disk, the clock.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#include "safer_ring.h"

int raw_ring_open(struct io_uring *ring, uint32_t depth)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
    };
    return io_uring_queue_init_params(depth, ring, &params);
}

int library_ring_open(struct sr_ring **ring, uint32_t depth)
{
    struct sr_config config = sr_config_default();
    config.backend_name = "uring";
    config.entries = depth;
    return sr_ring_open_config(ring, &config);
}

static bool on_a_disk(const char *folder)
{
    struct statfs about;
    return statfs(folder, &about) == 0 && about.f_type != TMPFS_MAGIC && about.f_type != RAMFS_MAGIC;
}

static int unlinked_file_in(const char *folder)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/safer-ring-bench.XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof path)
        return -ENAMETOOLONG;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    unlink(path);
    return fd;
}

static int fill(int fd, size_t size)
{
    static char block[65536];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 31 + i / 251);
    for (size_t done = 0; done < size;) {
        size_t length = size - done < sizeof block ? size - done : sizeof block;
        ssize_t written = pwrite(fd, block, length, (off_t)done);
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        done += (size_t)written;
    }
    /* Written back now, so that it does not happen while somebody measures. */
    return fsync(fd) == 0 ? 0 : -errno;
}

int cached_file(size_t size)
{
    const char *folders[] = {getenv("TMPDIR"), "/var/tmp", "."};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (folders[i] == NULL || !on_a_disk(folders[i]))
            continue;
        int fd = unlinked_file_in(folders[i]);
        if (fd < 0)
            continue;
        int rc = fill(fd, size);
        if (rc == 0)
            return fd;
        close(fd);
        return rc;
    }
    return -ENODEV;
}

void *raw_buffers(uint32_t count, size_t size)
{
    void *memory = aligned_alloc(4096, (count * size + 4095) & ~(size_t)4095);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
