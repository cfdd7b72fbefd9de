/*
 * Detectors of descriptors: closed while operations on them are in flight, made by an operation that was cancelled too late
 * and lost, registered ones changed while an entry that names them waits.
 */
#include <fcntl.h>

#include "run/agent.h"
#include "run/detect.h"

#define MADE 64u

struct made {
    bool used;
    int fd;
    struct sri_borrowed about;
};

static struct made made[MADE];
static unsigned made_count; /* of them in use */

static bool makes_one(uint8_t opcode)
{
    return opcode == IORING_OP_ACCEPT || opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2 ||
           opcode == IORING_OP_SOCKET;
}

/* Whoever uses it knows of it. */
void sri_descriptor_used(int fd)
{
    for (unsigned i = 0; made_count > 0 && i < MADE; i++) {
        if (!made[i].used || made[i].fd != fd)
            continue;
        made[i].used = false;
        made_count--;
    }
}

void sri_descriptor_consumed(const struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe)
{
    if (borrowed->fd >= 0)
        sri_descriptor_used(borrowed->fd);
    if (sqe->opcode == IORING_OP_CLOSE && sqe->file_index == 0)
        sri_descriptor_closed(sqe->fd);
}

void sri_descriptor_completed(const struct sri_event *event, const struct sri_borrowed *borrowed)
{
    if (!borrowed->cancelled || event->result < 0 || borrowed->makes_slot || !makes_one(borrowed->opcode))
        return;
    for (unsigned i = 0; i < MADE; i++) {
        if (made[i].used)
            continue;
        made[i] = (struct made){.used = true, .fd = (int)event->result, .about = *borrowed};
        made_count++;
        return;
    }
}

void sri_descriptor_closed(int fd)
{
    sri_descriptor_used(fd);
    for (struct sri_borrowed *borrowed = sri_detect.oldest; borrowed != NULL; borrowed = borrowed->newer) {
        if (borrowed->fd == fd)
            borrowed->closed = true;
    }
}

void sri_descriptor_finish(void)
{
    for (unsigned i = 0; i < MADE; i++) {
        if (!made[i].used || fcntl(made[i].fd, F_GETFD) < 0)
            continue;
        sri_finding("descriptor-lost", &made[i].about,
                    "it was cancelled too late and made descriptor %d, which was never used nor closed",
                    made[i].fd);
    }
}

struct slots {
    unsigned first;
    unsigned count;
    const int *files; /* NULL: all go */
};

static void visit_slot(const struct sri_watched_ring *watched, const struct io_uring_sqe *sqe,
                       const void *self)
{
    const struct slots *slots = self;
    unsigned slot = (unsigned)sqe->fd;
    if ((sqe->flags & IOSQE_FIXED_FILE) == 0 || slot < slots->first || slot - slots->first >= slots->count)
        return;
    if (slots->files != NULL && slots->files[slot - slots->first] == IORING_REGISTER_FILES_SKIP)
        return;
    struct sri_borrowed borrowed = sri_entry_about(watched, sqe);
    sri_finding(
        "slot-changed-before-submit", &borrowed,
        "registered file %u is changed while an entry that names it waits to be submitted: it will mean "
        "another file",
        slot);
}

void sri_descriptor_registers(const struct sri_watched_ring *watched, unsigned opcode, const void *arg,
                              unsigned count)
{
    struct slots slots = {.count = UINT32_MAX};
    if (opcode == IORING_REGISTER_FILES_UPDATE && arg != NULL) {
        const struct io_uring_files_update *update = arg;
        slots = (struct slots){update->offset, count, (const int *)(uintptr_t)update->fds};
    } else if (opcode == IORING_REGISTER_FILES_UPDATE2 && arg != NULL) {
        const struct io_uring_rsrc_update2 *update = arg;
        slots = (struct slots){update->offset, update->nr, (const int *)(uintptr_t)update->data};
    } else if (opcode != IORING_UNREGISTER_FILES) {
        return;
    }
    sri_entry_each(watched, visit_slot, &slots);
}
