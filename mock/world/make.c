/*
 * Objects made from outside, for tests: what sim.h offers, on the world alone. Nothing here waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "world/objects.h"

/* What a test puts there was there before: on the disk. */
static int fill(struct sri_sim_world *world, struct sri_inode *inode, const void *data, size_t size)
{
    struct sri_content *content = &inode->content;
    int rc = sri_content_truncate(&world->disk, content, 0);
    if (rc != 0)
        return rc;
    int64_t moved = 0;
    if (data != NULL) {
        struct iovec segment = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
        struct sri_cursor cursor = sri_cursor_plain(&segment);
        moved = sri_content_write(&world->disk, content, 0, &cursor);
    } else {
        content->size = size;
    }
    sri_inode_touch(&world->tree, inode);
    sri_content_sync(&world->disk, content, 0, UINT64_MAX);
    if (moved < 0)
        return (int)moved;
    return data == NULL || (size_t)moved == size ? 0 : -ENOSPC;
}

int sri_sim_world_file(struct sri_sim_world *world, const char *path, const void *data, size_t size)
{
    struct sri_place place;
    if (path[0] == 0)
        return -EINVAL;
    if (world->powerless)
        return -EIO;
    int rc = sri_tree_make_way(&world->tree, path);
    if (rc == 0)
        rc = sri_tree_walk(&world->tree, NULL, path, &place);
    if (rc != 0)
        return rc;
    if (place.directory || (place.inode != NULL && place.inode->kind == SRI_INODE_DIRECTORY))
        return -EISDIR;
    if (place.inode == NULL)
        place.inode = sri_tree_make(&world->tree, &place, SRI_INODE_FILE);
    if (place.inode == NULL)
        return -ENOMEM;
    sri_name_sync(&world->tree, place.parent, place.inode);
    struct sri_chooser chooser = world->chooser;
    world->chooser = (struct sri_chooser){NULL, NULL};
    rc = fill(world, place.inode, data, size);
    world->chooser = chooser;
    return rc;
}

int sri_sim_world_directory(struct sri_sim_world *world, const char *path)
{
    struct sri_place place;
    if (path[0] == 0)
        return -EINVAL;
    if (world->powerless)
        return -EIO;
    int rc = sri_tree_make_way(&world->tree, path);
    if (rc == 0)
        rc = sri_tree_walk(&world->tree, NULL, path, &place);
    if (rc != 0)
        return rc;
    if (place.inode == NULL)
        place.inode = sri_tree_make(&world->tree, &place, SRI_INODE_DIRECTORY);
    if (place.inode == NULL)
        return -ENOMEM;
    if (place.inode->kind != SRI_INODE_DIRECTORY)
        return -ENOTDIR;
    if (place.last == SRI_LAST_NAME)
        sri_name_sync(&world->tree, place.parent, place.inode);
    return 0;
}

int sri_sim_world_content(struct sri_sim_world *world, const char *path, void *buffer, size_t size,
                          size_t *length)
{
    struct sri_place place;
    if (path[0] == 0)
        return -EINVAL;
    int rc = sri_tree_walk(&world->tree, NULL, path, &place);
    if (rc != 0)
        return rc;
    if (place.inode == NULL)
        return -ENOENT;
    if (place.inode->kind == SRI_INODE_DIRECTORY)
        return -EISDIR;
    struct iovec segment = {.iov_base = buffer, .iov_len = size};
    struct sri_cursor cursor = sri_cursor_plain(&segment);
    sri_content_read(&place.inode->content, 0, &cursor);
    *length = (size_t)place.inode->content.size;
    return 0;
}

static int give_number(int number, int *fd)
{
    if (number < 0)
        return number;
    *fd = number;
    return 0;
}

int sri_sim_world_open(struct sri_sim_world *world, const char *path, int flags, int *fd)
{
    struct sri_opening how = {.flags = (uint32_t)flags, .mode = 0644};
    if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0)
        return -EINVAL;
    if (world->powerless)
        return -EIO;
    return give_number(sri_open_path(world, &how, path), fd);
}

/* A number for a new description, which ends without one. */
static int make_descriptor(struct sri_sim_world *world, struct sri_file *file, int *fd)
{
    sri_file_hold(file);
    int rc = give_number(sri_descriptor_make(world, file, false), fd);
    sri_file_drop(world, file);
    return rc;
}

static int make_descriptors(struct sri_sim_world *world, struct sri_file *const files[2], int fds[2])
{
    int made[2];
    int rc = make_descriptor(world, files[0], &made[0]);
    if (rc != 0) {
        sri_file_hold(files[1]);
        sri_file_drop(world, files[1]);
        return rc;
    }
    rc = make_descriptor(world, files[1], &made[1]);
    if (rc != 0) {
        sri_descriptor_close(world, made[0]);
        return rc;
    }
    fds[0] = made[0];
    fds[1] = made[1];
    return 0;
}

int sri_sim_world_pipe_of(struct sri_sim_world *world, uint64_t bytes, int fds[2])
{
    struct sri_file *ends[2];
    int rc = bytes == 0 ? -EINVAL : sri_pipe_make(world, bytes, ends);
    return rc != 0 ? rc : make_descriptors(world, ends, fds);
}

int sri_sim_world_pipe(struct sri_sim_world *world, int fds[2])
{
    return sri_sim_world_pipe_of(world, world->options.pipe_bytes, fds);
}

static int make_counter(struct sri_sim_world *world, uint64_t initial, bool semaphore, int *fd)
{
    struct sri_file *file = sri_file_new(world, SRI_FILE_EVENTFD, O_RDWR);
    if (file == NULL)
        return -ENOMEM;
    file->counter = initial;
    file->semaphore = semaphore;
    return make_descriptor(world, file, fd);
}

int sri_sim_world_eventfd(struct sri_sim_world *world, uint64_t initial, int *fd)
{
    return make_counter(world, initial, false, fd);
}

int sri_sim_world_semaphore(struct sri_sim_world *world, uint64_t initial, int *fd)
{
    return make_counter(world, initial, true, fd);
}

int sri_sim_world_epoll(struct sri_sim_world *world, int *fd)
{
    struct sri_file *file = sri_file_new(world, SRI_FILE_EPOLL, O_RDWR);
    return file == NULL ? -ENOMEM : make_descriptor(world, file, fd);
}

static size_t length_of(const struct sri_node *list)
{
    size_t length = 0;
    for (const struct sri_node *node = list->next; node != list; node = node->next)
        length++;
    return length;
}

int sri_sim_world_epoll_events(struct sri_sim_world *world, int fd, size_t most,
                               void (*tell)(void *self, uint32_t events, uint64_t data), void *self)
{
    struct sri_file *file = sri_file_at(world, fd);
    if (file == NULL || file->kind != SRI_FILE_EPOLL)
        return file == NULL ? -EBADF : -EINVAL;
    /* What stays ready goes to the end of the list, and is not told twice. */
    size_t length = length_of(&file->signalled);
    size_t count = most < length ? most : length;
    uint32_t events;
    uint64_t data;
    for (; count > 0 && sri_interest_take(world, file, &events, &data); count--)
        tell(self, events, data);
    return 0;
}

static void join(struct sri_sim_world *world, struct sri_socket *a, struct sri_socket *b)
{
    if (a->type != SOCK_DGRAM) {
        sri_socket_join(world, a, b);
        return;
    }
    sri_datagram_set_peer(a, b);
    sri_datagram_set_peer(b, a);
}

int sri_sim_world_socketpair_of(struct sri_sim_world *world, int type, int fds[2])
{
    struct sri_socket_kind kind = {.domain = AF_UNIX, .type = type};
    int rc = sri_socket_check_kind(&kind);
    if (rc != 0)
        return rc;
    struct sri_file *ends[2] = {sri_socket_open(world, AF_UNIX, type), NULL};
    if (ends[0] == NULL)
        return -ENOMEM;
    ends[1] = sri_socket_open(world, AF_UNIX, type);
    if (ends[1] == NULL) {
        sri_file_hold(ends[0]);
        sri_file_drop(world, ends[0]);
        return -ENOMEM;
    }
    join(world, ends[0]->socket, ends[1]->socket);
    return make_descriptors(world, ends, fds);
}

int sri_sim_world_socketpair(struct sri_sim_world *world, int fds[2])
{
    return sri_sim_world_socketpair_of(world, SOCK_STREAM, fds);
}

int sri_sim_world_socket_of(struct sri_sim_world *world, int domain, int type, int *fd)
{
    struct sri_socket_kind kind = {.domain = domain, .type = type};
    int rc = sri_socket_check_kind(&kind);
    if (rc != 0)
        return rc;
    struct sri_file *file = sri_socket_open(world, domain, type);
    return file == NULL ? -ENOMEM : make_descriptor(world, file, fd);
}

int sri_sim_world_socket(struct sri_sim_world *world, int domain, int *fd)
{
    return sri_sim_world_socket_of(world, domain, SOCK_STREAM, fd);
}

static int copy_address(struct sri_address *to, const struct sockaddr *address, uint32_t length)
{
    if (length < sizeof(sa_family_t) || length > sizeof to->storage)
        return -EINVAL;
    struct iovec segment = {.iov_base = (void *)(uintptr_t)address, .iov_len = length};
    struct sri_cursor cursor = sri_cursor_plain(&segment);
    memset(to, 0, sizeof *to);
    to->length = (socklen_t)sri_cursor_take(&cursor, &to->storage, length);
    return 0;
}

static int socket_at(struct sri_sim_world *world, int fd, struct sri_socket **socket)
{
    struct sri_file *file = sri_file_at(world, fd);
    if (file == NULL)
        return -EBADF;
    if (file->kind != SRI_FILE_SOCKET)
        return -ENOTSOCK;
    *socket = file->socket;
    return 0;
}

int sri_sim_world_bind(struct sri_sim_world *world, int fd, const struct sockaddr *address, uint32_t length)
{
    struct sri_socket *socket;
    struct sri_address copy;
    int rc = socket_at(world, fd, &socket);
    if (rc == 0)
        rc = copy_address(&copy, address, length);
    return rc != 0 ? rc : sri_address_bind(world, socket, &copy);
}

int sri_sim_world_listen_on(struct sri_sim_world *world, int fd, int backlog)
{
    struct sri_socket *socket;
    int rc = socket_at(world, fd, &socket);
    return rc != 0 ? rc : sri_socket_listen(world, socket, backlog);
}

int sri_sim_world_name(struct sri_sim_world *world, int fd, struct sockaddr_storage *address,
                       uint32_t *length)
{
    struct sri_socket *socket;
    int rc = socket_at(world, fd, &socket);
    if (rc != 0)
        return rc;
    *address = socket->local.storage;
    *length = socket->local.length;
    return 0;
}

int sri_sim_world_listen(struct sri_sim_world *world, const struct sockaddr *address, uint32_t length,
                         int backlog, int *fd)
{
    struct sri_address copy;
    int made;
    int rc = copy_address(&copy, address, length);
    if (rc == 0)
        rc = sri_sim_world_socket(world, copy.storage.ss_family, &made);
    if (rc != 0)
        return rc;
    rc = sri_sim_world_bind(world, made, address, length);
    if (rc == 0)
        rc = sri_sim_world_listen_on(world, made, backlog);
    if (rc != 0)
        sri_descriptor_close(world, made);
    else
        *fd = made;
    return rc;
}

/* An attempt that does not wait: what would is taken back and is -EAGAIN. */
static int64_t attempt_now(struct sri_sim_world *world, struct sri_attempt *attempt)
{
    struct sri_world interface = sri_sim_world_interface(world);
    struct sri_chooser chooser = world->chooser;
    int64_t result = 0;
    world->chooser = (struct sri_chooser){NULL, NULL};
    sri_file_hold(attempt->file);
    if (interface.vtable->start(interface.self, attempt, &result) == SRI_WAIT) {
        interface.vtable->cancel(interface.self, attempt);
        result = -EAGAIN;
    }
    sri_file_drop(world, attempt->file);
    world->chooser = chooser;
    return result;
}

int sri_sim_world_connect(struct sri_sim_world *world, int fd, const struct sockaddr *address,
                          uint32_t length)
{
    struct sri_socket *socket;
    struct sri_address copy;
    int rc = socket_at(world, fd, &socket);
    if (rc == 0)
        rc = copy_address(&copy, address, length);
    if (rc != 0)
        return rc;
    struct sri_attempt attempt = {.file = socket->file, .argument = &copy, .work = SRI_WORK_CONNECT};
    return (int)attempt_now(world, &attempt);
}

int sri_sim_world_shutdown(struct sri_sim_world *world, int fd, int how)
{
    struct sri_socket *socket;
    int rc = socket_at(world, fd, &socket);
    return rc != 0 ? rc : sri_socket_shutdown(world, socket, how);
}

int sri_sim_world_cut(struct sri_sim_world *world, int fd)
{
    struct sri_socket *socket;
    int rc = socket_at(world, fd, &socket);
    if (rc != 0)
        return rc;
    if (socket->state != SRI_SOCKET_CONNECTED)
        return -ENOTCONN;
    sri_socket_cut(world, socket);
    return 0;
}

static int transfer(struct sri_sim_world *world, int fd, enum sri_work work, struct iovec segment,
                    size_t *moved)
{
    struct sri_file *file = sri_file_at(world, fd);
    if (file == NULL)
        return -EBADF;
    struct sri_attempt attempt = {.file = file,
                                  .segments = &segment,
                                  .offset = SRI_OWN_POSITION,
                                  .limit = segment.iov_len,
                                  .segment_count = 1,
                                  .work = (uint8_t)work,
                                  .kernel_memory = true};
    int64_t result = attempt_now(world, &attempt);
    if (result < 0)
        return (int)result;
    *moved = (size_t)result;
    return 0;
}

int sri_sim_world_read(struct sri_sim_world *world, int fd, void *buffer, size_t size, size_t *moved)
{
    struct iovec segment = {.iov_base = buffer, .iov_len = size};
    return transfer(world, fd, SRI_WORK_READ, segment, moved);
}

int sri_sim_world_write(struct sri_sim_world *world, int fd, const void *buffer, size_t size, size_t *moved)
{
    struct iovec segment = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = size};
    return transfer(world, fd, SRI_WORK_WRITE, segment, moved);
}

int sri_sim_world_close(struct sri_sim_world *world, int fd)
{
    struct sri_file *file = sri_file_at(world, fd);
    if (file == NULL)
        return -EBADF;
    return file->kind == SRI_FILE_RING ? -EINVAL : sri_descriptor_close(world, fd);
}
