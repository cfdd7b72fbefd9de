/*
 * Holds on descriptors' objects.
 *
 * A hold begins as a number, which is cheap and right as long as the program cannot run: within one visit to the
 * world. A hold that lives longer (a registered file, an operation that waits) gets a duplicate of its own, so that the
 * program may close its number and use it again. Nothing here reads, writes or changes an object.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kcmp.h>

#include "base/alloc.h"
#include "base/contradiction.h"
#include "base/text.h"
#include "engine/engine.h"
#include "host/state.h"

static bool add_chunk(struct sri_host *host)
{
    uint32_t count = host->chunk_count;
    struct sri_file **chunks = sri_realloc(host->chunks, (count + 1) * sizeof(struct sri_file *));
    if (chunks == NULL)
        return false;
    host->chunks = chunks;
    struct sri_file *chunk = sri_alloc_zero(SRI_HOST_FILES_PER_CHUNK, sizeof *chunk);
    if (chunk == NULL)
        return false;
    chunks[count] = chunk;
    host->chunk_count = count + 1;
    for (uint32_t i = SRI_HOST_FILES_PER_CHUNK; i-- > 0;) {
        chunk[i].duplicate = -1;
        chunk[i].index = count * SRI_HOST_FILES_PER_CHUNK + i;
        chunk[i].next_free = host->free_files;
        host->free_files = &chunk[i];
    }
    return true;
}

static enum sri_host_kind kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFSOCK: return SRI_HOST_SOCKET;
    case S_IFIFO: return SRI_HOST_PIPE;
    case S_IFCHR: return SRI_HOST_CHARACTER;
    case S_IFREG:
    case S_IFBLK:
    case S_IFDIR: return SRI_HOST_STORAGE;
    default: return SRI_HOST_ANONYMOUS;
    }
}

/*
 * One system call, which finds a bad descriptor at issue and tells what kind of object it is. Entries of one submission often
 * name the same one: it is asked about once (a third of what a small read cost).
 */
static bool look_up(struct sri_host *host, int fd)
{
    struct stat status;
    if (fd == host->last.fd)
        return fd >= 0;
    if (fd < 0 || fstat(fd, &status) != 0)
        return false;
    host->last = (struct sri_host_lookup){.fd = fd,
                                          .kind = kind_of(status.st_mode),
                                          .object = (uint8_t)(status.st_ino % SRI_HOST_OBJECTS)};
    return true;
}

struct sri_file *sri_host_file_get(void *self, int fd)
{
    struct sri_host *host = self;
    if (!look_up(host, fd))
        return NULL;
    if (host->free_files == NULL && !add_chunk(host))
        return NULL;

    struct sri_file *file = host->free_files;
    host->free_files = file->next_free;
    struct sri_host_ring *ring = sri_host_ring_at(host, fd);
    if (ring != NULL && !sri_host_is_epoll(fd)) {
        ring->lost = true; /* closed behind our back: the number is another object's by now */
        ring = NULL;
    }
    file->kind = ring != NULL ? SRI_HOST_RING : host->last.kind;
    file->fd = ring != NULL ? ring->eventfd : fd;
    file->object = host->last.object;
    file->duplicate = -1;
    file->armed = 0;
    file->watched = false;
    file->lost = false;
    file->kept = false;
    file->borrows = false;
    file->changed = false;
    file->edge_of = NULL;
    file->first_waiter = NULL;
    file->last_waiter = NULL;
    sri_list_append(&host->fresh, &file->fresh);
    return file;
}

/* The ring of this world that a descriptor of unknown origin stands for, or NULL. */
static struct sri_host_ring *ring_behind(const struct sri_host *host, int fd)
{
    if (!sri_host_is_epoll(fd))
        return NULL;
    for (uint32_t i = 0; i < host->ring_slots; i++) {
        if (host->rings[i] != NULL && syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, fd, (int)i) == 0)
            return host->rings[i];
    }
    return NULL;
}

/* Another process's descriptor is made one of this process's, as a duplicate is. */
struct sri_file *sri_host_file_of(void *self, int process, int fd)
{
    struct sri_host *host = self;
    int made = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    if (made >= 0)
        made = sri_host_raise(host, made);
    if (made < 0)
        return NULL;
    struct sri_file *file = sri_host_file_get(host, made);
    host->last.fd = -1;
    if (file == NULL) {
        close(made);
        return NULL;
    }
    const struct sri_host_ring *ring = ring_behind(host, made);
    if (ring != NULL) {
        file->kind = SRI_HOST_RING;
        file->fd = ring->eventfd;
        close(made);
        return file;
    }
    sri_list_remove(&file->fresh);
    file->duplicate = made;
    return file;
}

static bool lingers(int fd)
{
    struct linger linger = {0, 0};
    socklen_t length = sizeof linger;
    return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff != 0;
}

/* It is pinned before the number is closed, as all that is fresh (attempt.c). */
struct sri_file *sri_host_file_closing(void *self, int fd)
{
    struct sri_host *host = self;
    if (!look_up(host, fd) || (host->last.kind != SRI_HOST_PIPE && host->last.kind != SRI_HOST_SOCKET) ||
        (host->last.kind == SRI_HOST_SOCKET && lingers(fd)))
        return NULL;
    return sri_host_file_get(host, fd);
}

void sri_host_file_put(void *self, struct sri_file *file)
{
    struct sri_host *host = self;
    SRI_REQUIRE(file->first_waiter == NULL);
    bool seen = file->kind == SRI_HOST_PIPE || file->kind == SRI_HOST_SOCKET;
    if (!seen || file->duplicate < 0 || host->engine == NULL || !sri_engine_part(host->engine, file))
        sri_host_file_end(host, file);
}

void sri_host_file_end(void *self, struct sri_file *file)
{
    struct sri_host *host = self;
    sri_list_remove(&file->fresh);
    sri_host_forget_file(host, file);
    if (file->duplicate >= 0)
        close(file->duplicate);
    file->duplicate = -1;
    file->generation++;
    file->next_free = host->free_files;
    host->free_files = file;
}

static bool sends_zero_copy(int fd)
{
    int domain = 0;
    int type = 0;
    socklen_t length = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
        return false;
    return (domain == AF_INET || domain == AF_INET6) && (type == SOCK_STREAM || type == SOCK_DGRAM);
}

uint32_t sri_host_object(void *self, const struct sri_file *file)
{
    (void)self;
    if (file->kind == SRI_HOST_STORAGE)
        return (fcntl(sri_host_fd(file), F_GETFL) & O_DIRECT) != 0 ? SRI_OBJECT_DIRECT : 0;
    if (file->kind != SRI_HOST_SOCKET)
        return SRI_OBJECT_POLLS;
    uint32_t socket = SRI_OBJECT_POLLS | SRI_OBJECT_SOCKET;
    return sends_zero_copy(sri_host_fd(file)) ? socket | SRI_OBJECT_ZERO_COPY : socket;
}

int sri_host_raise(const struct sri_host *host, int fd)
{
    int made = sri_host_duplicate_high(host->high, fd);
    close(fd);
    return made;
}

int sri_host_file_pin(struct sri_host *host, struct sri_file *file)
{
    if (file->lost)
        return -EMFILE;
    if (file->duplicate >= 0)
        return 0;
    sri_list_remove(&file->fresh);
    int made = sri_host_duplicate_high(host->high, file->fd);
    file->lost = made < 0;
    file->duplicate = made < 0 ? -1 : made;
    return made < 0 ? made : 0;
}

int sri_host_file_keep(void *self, struct sri_file *file)
{
    file->kept = true;
    return sri_host_file_pin(self, file);
}

int sri_host_file_again(void *self, struct sri_file *file, struct sri_file **again)
{
    struct sri_file *made = sri_host_file_get(self, sri_host_fd(file));
    if (made == NULL)
        return -ENOMEM;
    made->kept = true;
    int rc = sri_host_file_pin(self, made);
    if (rc != 0)
        sri_host_file_put(self, made);
    else
        *again = made;
    return rc;
}

/* What follows may close descriptors, and their numbers come back for something else. */
void sri_host_pin_fresh(struct sri_host *host)
{
    host->last.fd = -1;
    while (!sri_list_empty(&host->fresh)) {
        struct sri_file *file = SRI_CONTAINER_OF(host->fresh.next, struct sri_file, fresh);
        int ignored = sri_host_file_pin(host, file); /* remembered as `lost` */
        (void)ignored;
    }
}

struct sri_file *sri_host_file_by(struct sri_host *host, uint32_t index, uint32_t generation)
{
    if (index / SRI_HOST_FILES_PER_CHUNK >= host->chunk_count)
        return NULL;
    struct sri_file *file = &host->chunks[index / SRI_HOST_FILES_PER_CHUNK][index % SRI_HOST_FILES_PER_CHUNK];
    return file->generation == generation ? file : NULL;
}

/*
 * Do two holds mean one open file, through whatever numbers? kcmp(2) knows; where it is not allowed, the same number of
 * the same inode is taken for the same.
 */
bool sri_host_same_file(void *self, const struct sri_file *one, const struct sri_file *other)
{
    (void)self;
    long rc = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, sri_host_fd(one), sri_host_fd(other));
    if (rc >= 0)
        return rc == 0;
    struct stat first;
    struct stat second;
    return one->fd == other->fd && fstat(sri_host_fd(one), &first) == 0 &&
           fstat(sri_host_fd(other), &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* What /proc says of descriptors that have no name: anon_inode:[eventfd]. */
static bool is_called(int fd, const char *name)
{
    char path[32];
    char target[32];
    sri_format(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof target);
    return length == (ssize_t)strlen(name) && memcmp(target, name, (size_t)length) == 0;
}

static bool is_eventfd(int fd)
{
    return is_called(fd, "anon_inode:[eventfd]");
}

bool sri_host_is_epoll(int fd)
{
    return is_called(fd, "anon_inode:[eventpoll]");
}

/* A full counter is as readable as it gets: nothing is added, and nobody waits. */
int sri_host_eventfd_add(void *self, struct sri_file *file, uint64_t value)
{
    (void)self;
    int fd = sri_host_fd(file);
    if (value == 0)
        return is_eventfd(fd) ? 0 : -EINVAL;
    if (sri_host_poll_now(fd, POLLOUT) <= 0)
        return 0;
    return write(fd, &value, sizeof value) == (ssize_t)sizeof value ? 0 : -errno;
}

void sri_host_files_free(struct sri_host *host)
{
    for (uint32_t i = 0; i < host->chunk_count; i++) {
        for (uint32_t j = 0; j < SRI_HOST_FILES_PER_CHUNK; j++)
            if (host->chunks[i][j].duplicate >= 0)
                close(host->chunks[i][j].duplicate);
        sri_free(host->chunks[i]);
    }
    sri_free(host->chunks);
}
