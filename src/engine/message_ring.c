/*
 * IORING_OP_MSG_RING: a completion for another ring of this kernel, or a registered file for its table. A DEFER_TASKRUN
 * ring gets its completion as a letter, which it opens when it asks for events.
 */
#include <errno.h>

#include "engine/files.h"
#include "engine/steps.h"

struct sri_letter {
    struct sri_letter *next;
    uint64_t user_data;
    int32_t result;
};

int sri_prepare_msg_ring(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->buf_index != 0 || (sqe->msg_ring_flags & ~IORING_MSG_RING_CQE_SKIP))
        return -EINVAL;
    request->parcel = (struct sri_parcel){.command = sqe->addr,
                                          .user_data = sqe->off,
                                          .from_slot = sqe->addr3,
                                          .length = sqe->len,
                                          .to_slot = sqe->file_index,
                                          .flags = sqe->msg_ring_flags};
    return 0;
}

static int find_target(const struct sri_request *request, struct sri_ring **target)
{
    struct sri_ring *ring = request->ring;
    if (request->sqe_flags & IOSQE_FIXED_FILE) /* a ring is never registered as a file */
        return sri_files_at(ring, (uint32_t)request->fd) == NULL ? -EBADF : -EBADFD;
    int error = sri_ring_find(ring->engine, request->fd, target);
    return error == -EOPNOTSUPP ? -EBADFD : error;
}

static void post(struct sri_ring *target, uint64_t user_data, int32_t result)
{
    sri_post_early(target, user_data, result, 0);
    sri_counting_advance(target);
    if (sri_is_watched(target->engine)) {
        struct sri_event event = {
            .kind = SRI_EVENT_WAKE, .ring = target->fd, .user_data = user_data, .result = result, .last = 1};
        sri_emit(target->engine, &event);
    }
}

static int put_letter(struct sri_ring *target, const struct sri_parcel *parcel)
{
    struct sri_letter *letter = sri_arena_acquire(&target->engine->arena, sizeof *letter);
    if (letter == NULL)
        return -ENOMEM;
    *letter = (struct sri_letter){.user_data = parcel->user_data, .result = (int32_t)parcel->length};
    if (target->letters_last == NULL)
        target->letters = letter;
    else
        target->letters_last->next = letter;
    target->letters_last = letter;
    return 0;
}

static struct sri_letter *shift(struct sri_ring *ring)
{
    struct sri_letter *letter = ring->letters;
    ring->letters = letter->next;
    if (ring->letters == NULL)
        ring->letters_last = NULL;
    return letter;
}

void sri_letters_open(struct sri_ring *ring)
{
    while (ring->letters != NULL) {
        struct sri_letter *letter = shift(ring);
        post(ring, letter->user_data, letter->result);
        sri_arena_release(&ring->engine->arena, letter);
    }
}

void sri_letters_drop(struct sri_ring *ring)
{
    while (ring->letters != NULL)
        sri_arena_release(&ring->engine->arena, shift(ring));
}

static int send_data(struct sri_ring *target, const struct sri_parcel *parcel)
{
    if (parcel->from_slot != 0 || parcel->flags != 0 || parcel->to_slot != 0)
        return -EINVAL;
    if (target->disabled)
        return -EBADFD;
    if (target->setup_flags & IORING_SETUP_DEFER_TASKRUN)
        return put_letter(target, parcel);
    post(target, parcel->user_data, (int32_t)parcel->length);
    return 0;
}

/* What a table holds, once more, for another one. */
static int hold_again(struct sri_engine *engine, struct sri_file *file, struct sri_file **again)
{
    const struct sri_world *world = &engine->world;
    if (world->vtable->file_again == NULL)
        return -EINVAL;
    return world->vtable->file_again(world->self, file, again);
}

static int send_file(struct sri_request *request, struct sri_ring *target)
{
    const struct sri_parcel *parcel = &request->parcel;
    struct sri_ring *ring = request->ring;
    if (parcel->length != 0 || target == ring)
        return -EINVAL;
    if (target->disabled)
        return -EBADFD;
    struct sri_file *file =
        parcel->from_slot > UINT32_MAX ? NULL : sri_files_at(ring, (uint32_t)parcel->from_slot);
    if (file == NULL)
        return -EBADF;
    int error = hold_again(ring->engine, file, &file);
    if (error != 0)
        return error;
    if (target->setup_flags & IORING_SETUP_DEFER_TASKRUN)
        request->marks |=
            SRI_MARK_WORKER; /* the target's task puts it there, and the sender hears of it later */
    int result = sri_files_install(target, file, parcel->to_slot);
    if (result >= 0 && !(parcel->flags & IORING_MSG_RING_CQE_SKIP))
        post(target, parcel->user_data, result);
    return result;
}

bool sri_issue_msg_ring(struct sri_request *request)
{
    const struct sri_parcel *parcel = &request->parcel;
    struct sri_ring *target = NULL;
    request->result = find_target(request, &target);
    if (request->result != 0)
        return true;
    if (parcel->command == IORING_MSG_DATA)
        request->result = send_data(target, parcel);
    else if (parcel->command == IORING_MSG_SEND_FD)
        request->result = send_file(request, target);
    else
        request->result = -EINVAL;
    return true;
}
