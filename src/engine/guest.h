/*
 * Guests: other processes that use a ring of this kernel, as forked children do. What one submits is about its own memory and
 * its own descriptors, as long as it lives and is the same program. When it becomes another one, what it has in flight is
 * cancelled. When it ends, only what is about a ring is; a timeout goes on, and the rest is cancelled when its turn comes (measured).
 *
 * Its memory is reached by a door of its own (user.h), so its bytes go by staging memory. What would have to make or close a
 * descriptor in it, or to stay in its memory, is not served: -EOPNOTSUPP, and whoever listens is told (refusal.c).
 */
#ifndef SRI_ENGINE_GUEST_H
#define SRI_ENGINE_GUEST_H

#include "engine/request.h"

struct sri_guest {
    struct sri_user door;
    int process;     /* as the world knows it */
    uint64_t thread; /* whose call it is, while it is one */
    uint8_t end;     /* enum sri_guest_end */
};

/* May the request be issued, as far as it is a guest's? 0 or -EOPNOTSUPP. */
int sri_guest_admit(struct sri_request *request);
/* The step that a guest's request was to make can't be made any more: it is to end with request->result. */
bool sri_guest_is_too_late(struct sri_request *request);
/* The bytes of what is a guest's go by staging memory: 0, -EFAULT, -ENOMEM. */
int sri_guest_stage(struct sri_request *request);
void sri_guests_clean_up(struct sri_engine *engine);

/* To the memory of a guest, or of this process (0); of whoever calls; of whoever submitted a request. */
static inline struct sri_user *sri_door_by(struct sri_engine *engine, uint8_t guest)
{
    return __builtin_expect(guest == 0, 1) ? &engine->user : &engine->guests[guest]->door;
}

static inline struct sri_user *sri_door(struct sri_engine *engine)
{
    return sri_door_by(engine, engine->caller);
}

static inline struct sri_user *sri_door_of(const struct sri_request *request)
{
    return sri_door_by(request->ring->engine, (uint8_t)request->guest);
}

/* The object of a descriptor of this process's, or of a guest's, held; NULL: there is none. */
static inline struct sri_file *sri_file_get(struct sri_engine *engine, uint8_t guest, int fd)
{
    const struct sri_world *world = &engine->world;
    if (__builtin_expect(guest == 0, 1))
        return world->vtable->file_get(world->self, fd);
    return world->vtable->file_of == NULL
               ? NULL
               : world->vtable->file_of(world->self, engine->guests[guest]->process, fd);
}

#endif
