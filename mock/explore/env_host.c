/*
 * This machine's surroundings: files in a folder of its own, pipes, sockets. Nothing of it stays after end().
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "explore/env.h"

static int folder(struct sri_host_env *host)
{
    if (host->made)
        return 0;
    if (mkdir(host->folder, 0700) != 0 && errno != EEXIST)
        return -errno;
    host->made = true;
    return 0;
}

static void path_of(void *self, const char *name, char *out, size_t size)
{
    const struct sri_host_env *host = self;
    snprintf(out, size, "%s/%s", host->folder, name);
}

static int write_all(int fd, const void *data, size_t size)
{
    const char *bytes = data;
    while (size > 0) {
        ssize_t moved = pwrite(fd, bytes, size, 0);
        if (moved <= 0)
            return moved < 0 ? -errno : -EIO;
        return (size_t)moved == size ? 0 : -EIO;
    }
    return 0;
}

static int make_file(void *self, const char *name, const void *data, size_t size, int *fd)
{
    char path[256];
    int rc = folder(self);
    if (rc != 0)
        return rc;
    path_of(self, name, path, sizeof path);
    *fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (*fd < 0)
        return -errno;
    rc = data != NULL ? write_all(*fd, data, size) : ftruncate(*fd, (off_t)size) != 0 ? -errno : 0;
    if (rc != 0)
        close(*fd);
    return rc;
}

static int content(void *self, const char *name, void *buffer, size_t size, size_t *length)
{
    char path[256];
    struct stat status;
    path_of(self, name, path, sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t moved = pread(fd, buffer, size, 0);
    int rc = moved < 0 || fstat(fd, &status) != 0 ? -errno : 0;
    *length = rc == 0 ? (size_t)status.st_size : 0;
    close(fd);
    return rc;
}

static int make_pipe(void *self, int fds[2])
{
    (void)self;
    return pipe2(fds, O_CLOEXEC) != 0 ? -errno : 0;
}

static int make_pair(void *self, int fds[2])
{
    (void)self;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ? -errno : 0;
}

static int make_socket(void *self, bool inet, int *fd)
{
    (void)self;
    *fd = socket(inet ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return -errno;
    /* Inherited by what it accepts. An error only makes it slower. */
    int on = 1;
    int ignored = inet ? setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) : 0;
    (void)ignored;
    return 0;
}

static int address_of(struct sri_host_env *host, bool inet, struct sockaddr_storage *address,
                      uint32_t *length)
{
    memset(address, 0, sizeof *address);
    if (inet) {
        struct sockaddr_in in = {.sin_family = AF_INET};
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        memcpy(address, &in, sizeof in);
        *length = sizeof in;
        return 0;
    }
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    /* Abstract, so that no path is too long and nothing is left behind. */
    int written = snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "safer-ring-%ld-%u", (long)getpid(),
                           host->sockets++);
    memcpy(address, &un, sizeof un);
    *length = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)written);
    return 0;
}

static int make_listener(void *self, bool inet, int *fd, struct sockaddr_storage *address, uint32_t *length)
{
    int rc = make_socket(self, inet, fd);
    if (rc != 0)
        return rc;
    address_of(self, inet, address, length);
    socklen_t bound = sizeof *address;
    if (bind(*fd, (const struct sockaddr *)address, *length) != 0 || listen(*fd, 16) != 0 ||
        (inet && getsockname(*fd, (struct sockaddr *)address, &bound) != 0)) {
        rc = -errno;
        close(*fd);
        return rc;
    }
    return 0;
}

static int connect_there(void *self, int fd, const struct sockaddr_storage *address, uint32_t length)
{
    (void)self;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -errno;
    int rc = connect(fd, (const struct sockaddr *)address, length) != 0 ? -errno : 0;
    return fcntl(fd, F_SETFL, flags) != 0 ? -errno : rc;
}

/* Only a first look: what is ready now an operation in flight may take before us, so nothing below waits. */
static bool ready(int fd, short events)
{
    struct pollfd look = {.fd = fd, .events = events};
    return poll(&look, 1, 0) == 1 && (look.revents & (events | POLLHUP | POLLERR)) != 0;
}

static int moved_or_error(ssize_t rc, size_t *moved)
{
    *moved = rc > 0 ? (size_t)rc : 0;
    return rc < 0 ? -errno : 0;
}

static int write_there(void *self, int fd, const void *bytes, size_t size, size_t *moved)
{
    (void)self;
    *moved = 0;
    if (!ready(fd, POLLOUT))
        return -EAGAIN;
    ssize_t rc = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (rc < 0 && errno == ENOTSOCK)
        rc = pwritev2(fd, &(struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = size}, 1, -1,
                      RWF_NOWAIT);
    return moved_or_error(rc, moved);
}

static int read_there(void *self, int fd, void *bytes, size_t size, size_t *moved)
{
    (void)self;
    *moved = 0;
    if (!ready(fd, POLLIN))
        return -EAGAIN;
    ssize_t rc = recv(fd, bytes, size, MSG_DONTWAIT);
    if (rc < 0 && errno == ENOTSOCK)
        rc = preadv2(fd, &(struct iovec){.iov_base = bytes, .iov_len = size}, 1, -1, RWF_NOWAIT);
    return moved_or_error(rc, moved);
}

static int shut(void *self, int fd)
{
    (void)self;
    return shutdown(fd, SHUT_RDWR) != 0 ? -errno : 0;
}

static int close_fd(void *self, int fd)
{
    (void)self;
    return close(fd) != 0 ? -errno : 0;
}

static uint32_t descriptors(void *self)
{
    (void)self;
    uint32_t count = 0;
    DIR *open_ones = opendir("/proc/self/fd");
    if (open_ones == NULL)
        return 0;
    while (readdir(open_ones) != NULL)
        count++;
    closedir(open_ones);
    return count;
}

static void calm(void *self)
{
    (void)self;
}

static void end(void *self)
{
    struct sri_host_env *host = self;
    if (!host->made)
        return;
    host->made = false;
    DIR *list = opendir(host->folder);
    if (list != NULL) {
        for (struct dirent *entry; (entry = readdir(list)) != NULL;)
            if (entry->d_name[0] != '.')
                unlinkat(dirfd(list), entry->d_name, 0);
        closedir(list);
    }
    rmdir(host->folder);
}

struct sri_env sri_env_host(struct sri_host_env *host, const char *parent)
{
    static const struct sri_env_vtable vtable = {
        .file = make_file,
        .content = content,
        .path = path_of,
        .pipe = make_pipe,
        .pair = make_pair,
        .listen = make_listener,
        .socket = make_socket,
        .connect = connect_there,
        .write = write_there,
        .read = read_there,
        .shutdown = shut,
        .close = close_fd,
        .descriptors = descriptors,
        .calm = calm,
        .end = end,
    };
    memset(host, 0, sizeof *host);
    snprintf(host->folder, sizeof host->folder, "%s/safer-ring-%ld", parent, (long)getpid());
    return (struct sri_env){&vtable, host, false, UINT64_C(300000), UINT64_C(500000000)};
}
