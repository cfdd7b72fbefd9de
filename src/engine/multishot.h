/*
 * Requests that complete more than once.
 */
#ifndef SRI_ENGINE_MULTISHOT_H
#define SRI_ENGINE_MULTISHOT_H

#include "engine/request.h"

struct io_uring_sqe;

/* Newer than the oldest headers this is built with. */
#define SRI_TIMEOUT_MULTISHOT (1u << 6)

/* What its object is: SRI_OBJECT_*. */
static inline uint32_t sri_object_of(const struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    if (world->vtable->object == NULL)
        return SRI_OBJECT_POLLS;
    return world->vtable->object(world->self, request->attempt.file);
}

/* Posts a CQE that is not the last and makes the request ready for its next attempt; false: this one is the last. */
bool sri_shot(struct sri_request *request);
/* The same for a timeout whose time has come: it runs again. */
bool sri_timer_repeats(struct sri_request *request);
/*
 * No buffer for the next message: that matters only when there is a message. True: the request waits in its world until
 * there is; sri_shot_resume() then makes it a receive again.
 */
bool sri_shot_watch(struct sri_request *request);
void sri_shot_resume(struct sri_request *request);
/* A receive that found message behind message lets others have their turn after so many of them. */
bool sri_shot_is_many(struct sri_request *request);
void sri_shot_count(struct sri_request *request);
/* The staging memory of one attempt goes. */
void sri_shot_unstage(struct sri_request *request);

/* What sqe->ioprio of a send or a receive may hold. */
uint16_t sri_message_flags(const struct sri_request *request);

/* RECVMSG: each message lies behind a head in its buffer (struct io_uring_recvmsg_out, a name, control messages). */
int sri_prepare_message_shots(struct sri_request *request, const struct io_uring_sqe *sqe);
/* Bytes of the head: 0 for all others. */
uint64_t sri_shot_head_size(const struct sri_request *request);
/* Leaves the head out of the segment. 0, or -EFAULT: it does not fit. */
int sri_shot_head_room(struct sri_request *request);
/* Is the end of the stream told in a buffer of its own? */
bool sri_shot_takes_end(const struct sri_request *request);
/* Fills the head; the result counts it. */
void sri_finish_message_shot(struct sri_request *request);

#endif
