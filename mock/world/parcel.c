/*
 * Descriptors on the way between two sockets (unix(7), SCM_RIGHTS). They hold what they stand for; a receiver gets numbers
 * of its own. No other control message is known: SCM_CREDENTIALS says who a process is, and there is none here.
 */
#include <errno.h>
#include <string.h>

#include "world/objects.h"

struct sri_parcel *sri_parcel_first(const struct sri_socket *socket)
{
    if (sri_list_empty(&socket->parcels))
        return NULL;
    return SRI_CONTAINER_OF(socket->parcels.next, struct sri_parcel, node);
}

void sri_parcel_drop(struct sri_sim_world *world, struct sri_parcel *parcel)
{
    if (parcel == NULL)
        return;
    sri_list_remove(&parcel->node);
    for (uint32_t i = 0; i < parcel->count; i++)
        sri_file_drop(world, parcel->files[i]);
    sri_stock_give(&world->parcels, parcel);
}

static struct sri_parcel *new_parcel(struct sri_sim_world *world)
{
    struct sri_parcel *parcel = sri_stock_take(&world->parcels);
    if (parcel == NULL)
        return NULL;
    parcel->count = 0;
    sri_list_init(&parcel->node);
    return parcel;
}

/* A ring is not passed on (measured). */
static int add(struct sri_sim_world *world, struct sri_parcel *parcel, int fd)
{
    struct sri_file *file = sri_file_at(world, fd);
    if (file == NULL)
        return -EBADF;
    if (file->kind == SRI_FILE_RING)
        return -EINVAL;
    sri_file_hold(file);
    parcel->files[parcel->count++] = file;
    return 0;
}

static int add_all(struct sri_sim_world *world, struct cmsghdr *one, struct sri_parcel **parcel)
{
    const int *fds = (const int *)(const void *)CMSG_DATA(one);
    size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
    if (count == 0)
        return 0;
    if (*parcel == NULL)
        *parcel = new_parcel(world);
    if (*parcel == NULL)
        return -ENOMEM;
    if (count > SRI_PARCEL_MOST - (*parcel)->count)
        return -EINVAL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add(world, *parcel, fds[i]);
    return rc;
}

/* Messages for other levels than this one's are not looked at (measured). */
static int pack_one(struct sri_sim_world *world, struct cmsghdr *one, struct sri_parcel **parcel)
{
    if (one->cmsg_level != SOL_SOCKET)
        return 0;
    return one->cmsg_type == SCM_RIGHTS ? add_all(world, one, parcel) : -EINVAL;
}

int sri_parcel_pack(struct sri_sim_world *world, const struct sri_message *message,
                    struct sri_parcel **parcel)
{
    struct msghdr header = {.msg_control = message->control, .msg_controllen = message->control_length};
    int rc = 0;
    *parcel = NULL;
    if (message->control_length == 0)
        return 0;
    const unsigned char *end = (const unsigned char *)message->control + message->control_length;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(&header); rc == 0 && one != NULL;
         one = CMSG_NXTHDR(&header, one)) {
        if (one->cmsg_len < CMSG_LEN(0) || one->cmsg_len > (size_t)(end - (unsigned char *)one))
            rc = -EINVAL;
        else
            rc = pack_one(world, one, parcel);
    }
    if (rc != 0) {
        sri_parcel_drop(world, *parcel);
        *parcel = NULL;
    }
    return rc;
}

void sri_parcel_post(struct sri_socket *to, struct sri_parcel *parcel, size_t length)
{
    parcel->end = to->taken + to->incoming.used;
    parcel->begin = parcel->end - length;
    sri_list_append(&to->parcels, &parcel->node);
}

/* Numbers for as many as there are room and numbers for; how many. */
static uint32_t make_numbers(struct sri_sim_world *world, const struct sri_parcel *parcel, uint32_t most,
                             int *fds)
{
    uint32_t count = 0;
    while (count < parcel->count && count < most) {
        int fd = sri_descriptor_make(world, parcel->files[count], true);
        if (fd < 0)
            break;
        fds[count++] = fd;
    }
    return count;
}

static void tell(struct sri_sim_world *world, const struct sri_parcel *parcel, struct sri_message *message)
{
    size_t room = message->control_room;
    size_t most = room > CMSG_LEN(0) ? (room - CMSG_LEN(0)) / sizeof(int) : 0;
    struct cmsghdr *one = message->control;
    uint32_t count =
        most == 0 ? 0 : make_numbers(world, parcel, (uint32_t)most, (int *)(void *)CMSG_DATA(one));
    if (count < parcel->count)
        message->flags |= MSG_CTRUNC;
    if (count == 0)
        return;
    one->cmsg_level = SOL_SOCKET;
    one->cmsg_type = SCM_RIGHTS;
    one->cmsg_len = CMSG_LEN(count * sizeof(int));
    size_t space = CMSG_SPACE(count * sizeof(int));
    message->control_length = (uint32_t)(space < room ? space : room);
}

void sri_parcel_open(struct sri_sim_world *world, struct sri_parcel *parcel, struct sri_message *message,
                     bool keep)
{
    if (message != NULL)
        tell(world, parcel, message);
    if (!keep)
        sri_parcel_drop(world, parcel);
}
