/*
 * The two kernels over this machine's descriptors, the true one and the engine, with objects made by system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/detect.h"
#include "support/conform_host.h"
#include "support/conform_sockets.h"
#include "support/disk.h"
#include "support/main.h"

#define DESCRIPTORS 8 /* open at once while a tree is removed */

struct host_objects {
    char directory[64];
    char path[96];
    char address[96];
    unsigned names; /* given by conform_host_new_path() */
};

static void host_pipe(void *self, int ends[2])
{
    (void)self;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

static void host_socketpair(void *self, int ends[2])
{
    (void)self;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static int host_listen(void *self, struct sockaddr_storage *address, socklen_t *length)
{
    struct host_objects *objects = self;
    struct sockaddr_un *at = (struct sockaddr_un *)address;
    memset(address, 0, sizeof *address);
    at->sun_family = AF_UNIX;
    snprintf(objects->address, sizeof objects->address, "%s/listen", objects->directory);
    strcpy(at->sun_path, objects->address);
    *length = sizeof *at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)at, *length), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int host_socket(void *self)
{
    (void)self;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static int host_file(void *self, const char *content)
{
    struct host_objects *objects = self;
    snprintf(objects->path, sizeof objects->path, "%s/file", objects->directory);
    int fd = open(objects->path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, content, strlen(content), 0), strlen(content));
    return fd;
}

static const char *host_path(void *self)
{
    return ((struct host_objects *)self)->path;
}

static int host_write(void *self, int fd, const char *text)
{
    (void)self;
    ssize_t rc = write(fd, text, strlen(text));
    return rc < 0 ? -errno : (int)rc;
}

static int host_read(void *self, int fd, void *bytes, size_t size)
{
    (void)self;
    ssize_t rc = read(fd, bytes, size);
    return rc < 0 ? -errno : (int)rc;
}

static void host_close(void *self, int fd)
{
    (void)self;
    assert_int_equal(close(fd), 0);
}

static int host_eventfd(void *self)
{
    (void)self;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(fd >= 0);
    return fd;
}

static void name_path(const struct host_objects *objects, unsigned number, char *path, size_t size)
{
    snprintf(path, size, "%s/name%u", objects->directory, number);
}

void conform_host_new_path(void *self, char *path, size_t size)
{
    struct host_objects *objects = self;
    name_path(objects, objects->names++, path, size);
}

static void host_connection(void *self, int ends[2])
{
    (void)self;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(ends[0], (struct sockaddr *)&at, length), 0);
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(ends[1] >= 0);
    close(listener);
}

static const struct conform_objects host = {
    host_pipe, host_socketpair, host_listen,  host_socket,           host_file,      host_path, host_write,
    host_read, host_close,      host_eventfd, &conform_host_sockets, host_connection};

static int host_open(const char *name, struct sr_backend *backend, const struct conform_objects **objects,
                     void **self)
{
    struct sri_detection why;
    int rc = sri_backend_detect(name, backend, &why);
    if (rc != 0)
        return rc;
    struct host_objects *made = calloc(1, sizeof *made);
    assert_non_null(made);
    int length = snprintf(made->directory, sizeof made->directory, "%s/safer-ring-XXXXXX", disk_folder());
    assert_true(length > 0 && (size_t)length < sizeof made->directory);
    assert_non_null(mkdtemp(made->directory));
    signal(SIGPIPE, SIG_IGN); /* the true kernel raises it for a write to a socket */
    *objects = &host;
    *self = made;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static void host_end(struct sr_backend *backend, void *self)
{
    struct host_objects *objects = self;
    backend->vtable->release(backend->self);
    nftw(objects->directory, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    free(objects);
}

static int open_uring(struct sr_backend *backend, const struct conform_objects **objects, void **self)
{
    return host_open("uring", backend, objects, self);
}

static int open_engine(struct sr_backend *backend, const struct conform_objects **objects, void **self)
{
    return host_open("engine", backend, objects, self);
}

const struct conform_column conform_uring = {"io_uring", open_uring, host_end};
const struct conform_column conform_engine = {"the engine over the host", open_engine, host_end};
