/*
 * Detector of provided buffers that a program takes and never gives back, until its group has none.
 */
#include <errno.h>

#include "run/agent.h"
#include "run/detect.h"

#define GROUPS 64u

struct group {
    bool used;
    bool ran_out; /* an operation found none, and none was chosen since */
    int ring;
    uint16_t id;
    uint64_t taken; /* told to the program */
    uint64_t given; /* provided again afterwards */
    struct sri_borrowed last;
};

static struct group groups[GROUPS];

static struct group *group_of(int ring, uint16_t id)
{
    for (unsigned i = 0; i < GROUPS; i++) {
        if (groups[i].used && groups[i].ring == ring && groups[i].id == id)
            return &groups[i];
    }
    for (unsigned i = 0; i < GROUPS; i++) {
        if (groups[i].used)
            continue;
        groups[i] = (struct group){.used = true, .ring = ring, .id = id};
        return &groups[i];
    }
    return NULL;
}

void sri_buffers_consumed(struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe)
{
    borrowed->group = sqe->buf_group;
    if (sqe->opcode != IORING_OP_PROVIDE_BUFFERS)
        return;
    struct group *group = group_of(borrowed->ring, sqe->buf_group);
    if (group == NULL || group->taken == 0)
        return;
    group->given += (uint64_t)(sqe->fd > 0 ? sqe->fd : 0);
    group->ran_out = false;
}

/* Was it the policy's doing? */
static bool was_injected(void)
{
    return sri_agent.page->fired[SRI_POINT_BUFFERS_OUT] > 0;
}

void sri_buffers_completed(const struct sri_event *event, const struct sri_borrowed *borrowed)
{
    if ((borrowed->flags & IOSQE_BUFFER_SELECT) == 0)
        return;
    struct group *group = group_of(borrowed->ring, borrowed->group);
    if (group == NULL)
        return;
    if ((event->flags & IORING_CQE_F_BUFFER) != 0) {
        group->taken++;
        group->ran_out = false;
    } else if (event->result == -ENOBUFS && !was_injected()) {
        group->ran_out = true;
        group->last = *borrowed;
    }
}

void sri_buffers_exits(int ring)
{
    for (unsigned i = 0; i < GROUPS; i++) {
        struct group *group = &groups[i];
        if (!group->used || group->ring != ring)
            continue;
        group->used = false;
        if (group->ran_out && group->taken > group->given)
            sri_finding(
                "buffers-never-returned", &group->last,
                "group %u has no buffer left, and %llu that were chosen from it were never provided again",
                group->id, (unsigned long long)(group->taken - group->given));
    }
}
