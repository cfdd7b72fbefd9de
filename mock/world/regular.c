/*
 * Regular files and directories: reading, writing, syncing, and what works on a range. Never waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/io_uring.h>
#include <string.h>

#include "world/objects.h"

#define KNOWN_RWF ((uint32_t)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
#define KNOWN_SYNC_RANGE \
    ((uint32_t)(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))

/* As most file systems are mounted (relatime). */
static void touch_access(struct sri_sim_world *world, struct sri_inode *inode)
{
    struct sri_times *times = &inode->times;
    if (times->access_ns <= times->modify_ns || times->access_ns <= times->change_ns)
        times->access_ns = world->now_ns;
}

/* Mostly to one segment of the program's. */
static inline int64_t read_content(struct sri_sim_world *world, const struct sri_attempt *attempt,
                                   uint64_t offset)
{
    const struct sri_content *content = &attempt->file->inode->content;
    struct sri_user *user = world->links.user;
    const struct iovec *to = attempt->segments;
    if (attempt->segment_count == 1 && !attempt->kernel_memory)
        return sri_content_read_to(content, offset, user, to->iov_base,
                                   to->iov_len < attempt->limit ? to->iov_len : attempt->limit);
    struct sri_cursor cursor = sri_cursor_at(attempt, user, 0);
    return sri_content_read(content, offset, &cursor);
}

static int64_t read_file(struct sri_sim_world *world, struct sri_attempt *attempt)
{
    struct sri_file *file = attempt->file;
    bool own = attempt->offset == SRI_OWN_POSITION;
    uint64_t offset = own ? file->position : attempt->offset;
    int64_t result = read_content(world, attempt, offset);
    if (own && result > 0)
        file->position += (uint64_t)result;
    if ((file->flags & O_NOATIME) == 0)
        touch_access(world, file->inode);
    return result;
}

/* On the disk before the write ends: the range, and with O_SYNC everything. */
static void sync_written(struct sri_sim_world *world, const struct sri_attempt *attempt, uint64_t offset,
                         uint64_t length)
{
    struct sri_file *file = attempt->file;
    bool data = (file->flags & O_DSYNC) != 0 || (attempt->flags & (RWF_DSYNC | RWF_SYNC)) != 0;
    bool all = (file->flags & O_SYNC) == O_SYNC || (attempt->flags & RWF_SYNC) != 0;
    if (data)
        sri_content_sync(&world->disk, &file->inode->content, offset, offset + length);
    if (all)
        sri_attributes_sync(&world->tree, file->inode);
}

static int64_t write_file(struct sri_sim_world *world, struct sri_attempt *attempt)
{
    struct sri_file *file = attempt->file;
    struct sri_content *content = &file->inode->content;
    bool own = attempt->offset == SRI_OWN_POSITION;
    bool append = (file->flags & O_APPEND) != 0 || (attempt->flags & RWF_APPEND) != 0;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    uint64_t offset = append ? content->size : own ? file->position : attempt->offset;
    int64_t result = sri_content_write(&world->disk, content, offset, &cursor);
    if (result <= 0)
        return result;
    if (own)
        file->position = offset + (uint64_t)result;
    sri_inode_touch(&world->tree, file->inode);
    sync_written(world, attempt, offset, (uint64_t)result);
    return result;
}

/* O_DIRECT: whole sectors, from and to where sectors begin. */
static bool is_aligned(const struct sri_attempt *attempt)
{
    const struct sri_file *file = attempt->file;
    uint64_t offset = attempt->offset == SRI_OWN_POSITION ? file->position : attempt->offset;
    uint64_t bits = offset;
    for (uint32_t i = 0; i < attempt->segment_count; i++)
        bits |= (uint64_t)(uintptr_t)attempt->segments[i].iov_base | attempt->segments[i].iov_len;
    return attempt->kernel_memory || bits % SRI_SECTOR_SIZE == 0;
}

/* As with ext4, which promises nothing about pages of the cache (measured). What the world moves itself does not ask. */
static bool may_have_to_wait(const struct sri_attempt *attempt)
{
    return (attempt->flags & RWF_NOWAIT) != 0 && (attempt->file->flags & O_DIRECT) == 0 &&
           !attempt->kernel_memory;
}

enum sri_answer sri_regular_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    bool reads = attempt->work == SRI_WORK_READ;
    uint32_t mode = attempt->file->flags & O_ACCMODE;
    if (mode == (reads ? O_WRONLY : O_RDONLY))
        *result = -EBADF;
    else if (attempt->file->kind == SRI_FILE_DIRECTORY)
        *result = -EISDIR;
    else if ((attempt->flags & ~KNOWN_RWF) != 0)
        *result = -EOPNOTSUPP;
    else if (attempt->offset != SRI_OWN_POSITION && attempt->offset > SRI_FILE_SIZE_MAX)
        *result = -EINVAL;
    else if ((attempt->file->flags & O_DIRECT) != 0 && !is_aligned(attempt))
        *result = -EINVAL;
    else if (!reads && may_have_to_wait(attempt))
        *result = -EAGAIN;
    else
        *result = reads ? read_file(world, attempt) : write_file(world, attempt);
    return SRI_DONE;
}

/* A disk that can't write: told once, and never again. Who syncs again is told that all is well. */
static bool fails(struct sri_sim_world *world, struct sri_content *content)
{
    if (sri_list_empty(&content->dirty) || sri_world_pick(world, SRI_FREEDOM_SYNC, 2, NULL) == 0)
        return false;
    sri_content_give_up(content);
    return true;
}

int64_t sri_regular_sync(struct sri_sim_world *world, const struct sri_attempt *attempt)
{
    struct sri_inode *inode = attempt->file->inode;
    if (attempt->file->kind == SRI_FILE_REGULAR && fails(world, &inode->content))
        return -EIO;
    if (attempt->file->kind == SRI_FILE_DIRECTORY)
        sri_directory_sync(&world->tree, inode);
    else if (attempt->file->kind == SRI_FILE_REGULAR)
        sri_content_sync(&world->disk, &inode->content, 0, UINT64_MAX);
    else
        return -EINVAL;
    if ((attempt->flags & IORING_FSYNC_DATASYNC) == 0)
        sri_attributes_sync(&world->tree, inode);
    return 0;
}

/* ---- ranges ---- */

static bool is_range(const struct sri_attempt *attempt)
{
    return attempt->offset <= SRI_FILE_SIZE_MAX && attempt->limit <= SRI_FILE_SIZE_MAX;
}

/* Starts writing out and waits for it, and promises nothing: neither the size nor the disk's own cache is written. */
static int64_t sync_range(const struct sri_attempt *attempt)
{
    if ((attempt->flags & ~KNOWN_SYNC_RANGE) != 0 || !is_range(attempt) ||
        attempt->offset + attempt->limit > SRI_FILE_SIZE_MAX)
        return -EINVAL;
    bool has_disk = attempt->file->kind == SRI_FILE_REGULAR || attempt->file->kind == SRI_FILE_DIRECTORY;
    return has_disk ? 0 : -ESPIPE;
}

static bool is_pipe(const struct sri_file *file)
{
    return file->kind == SRI_FILE_PIPE_READ || file->kind == SRI_FILE_PIPE_WRITE;
}

static int64_t advise(const struct sri_attempt *attempt)
{
    if (is_pipe(attempt->file))
        return -ESPIPE;
    if (attempt->limit > SRI_FILE_SIZE_MAX)
        return -EINVAL;
    return attempt->flags <= POSIX_FADV_NOREUSE ? 0 : -EINVAL;
}

static int check_allocate(const struct sri_attempt *attempt)
{
    const struct sri_file *file = attempt->file;
    uint32_t mode = attempt->flags;
    if (!is_range(attempt) || attempt->limit == 0)
        return -EINVAL;
    uint32_t what = mode & ~(uint32_t)FALLOC_FL_KEEP_SIZE;
    if (what != 0 && what != FALLOC_FL_PUNCH_HOLE && what != FALLOC_FL_ZERO_RANGE)
        return -EOPNOTSUPP; /* shifting ranges: as a file system without it */
    if (mode == FALLOC_FL_PUNCH_HOLE)
        return -EOPNOTSUPP;
    if ((file->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (is_pipe(file))
        return -ESPIPE;
    if (file->kind != SRI_FILE_REGULAR)
        return -ENODEV;
    return attempt->offset + attempt->limit > SRI_FILE_SIZE_MAX ? -EFBIG : 0;
}

static int64_t allocate(struct sri_sim_world *world, const struct sri_attempt *attempt)
{
    int rc = check_allocate(attempt);
    if (rc != 0)
        return rc;
    struct sri_inode *inode = attempt->file->inode;
    struct sri_content *content = &inode->content;
    uint64_t end = attempt->offset + attempt->limit;
    if ((attempt->flags & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0)
        rc = sri_content_punch(&world->disk, content, attempt->offset, attempt->limit);
    if (rc == 0 && (attempt->flags & FALLOC_FL_PUNCH_HOLE) == 0)
        rc = sri_content_allocate(&world->disk, content, attempt->offset, attempt->limit);
    if (rc != 0)
        return rc;
    if ((attempt->flags & FALLOC_FL_KEEP_SIZE) == 0 && end > content->size)
        content->size = end;
    sri_inode_touch(&world->tree, inode);
    return 0;
}

int64_t sri_regular_range(struct sri_sim_world *world, const struct sri_attempt *attempt)
{
    switch (attempt->work) {
    case SRI_WORK_FALLOCATE: return allocate(world, attempt);
    case SRI_WORK_FADVISE: return advise(attempt);
    default: return sync_range(attempt);
    }
}
