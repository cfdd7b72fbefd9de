/*
 * Personalities: numbers that stand for the credentials of whoever registered them. A process of one user has one kind
 * of credentials, so what a number allows is what everybody may do; only whether it is known is decided here.
 */
#include <errno.h>

#include "engine/registers.h"
#include "engine/steps.h"

#define IDS 65536u
#define WORD_BITS 64u

struct sri_personalities {
    uint64_t known[IDS / WORD_BITS];
    uint32_t count;
    uint32_t next; /* numbers go round: one that was given back comes again last */
};

static struct sri_personalities *make(struct sri_ring *ring)
{
    if (ring->personalities != NULL)
        return ring->personalities;
    struct sri_personalities *made = sri_arena_acquire(&ring->engine->arena, sizeof *made);
    if (made != NULL)
        *made = (struct sri_personalities){.next = 1};
    ring->personalities = made;
    return made;
}

static bool is_known(const struct sri_personalities *personalities, uint32_t id)
{
    return (personalities->known[id / WORD_BITS] >> (id % WORD_BITS) & 1) != 0;
}

static uint32_t after(uint32_t id)
{
    return id + 1 < IDS ? id + 1 : 1;
}

int sri_register_personality(struct sri_ring *ring, const void *arg, uint32_t count)
{
    if (arg != NULL || count != 0)
        return -EINVAL;
    struct sri_personalities *personalities = make(ring);
    if (personalities == NULL)
        return -ENOMEM;
    if (personalities->count == IDS - 1)
        return -EBUSY;
    uint32_t id = personalities->next;
    while (is_known(personalities, id))
        id = after(id);
    personalities->known[id / WORD_BITS] |= UINT64_C(1) << (id % WORD_BITS);
    personalities->count++;
    personalities->next = after(id);
    return (int)id;
}

bool sri_personality_known(const struct sri_ring *ring, uint16_t id)
{
    return ring->personalities != NULL && is_known(ring->personalities, id);
}

int sri_unregister_personality(struct sri_ring *ring, const void *arg, uint32_t id)
{
    if (arg != NULL || id >= IDS || !sri_personality_known(ring, (uint16_t)id))
        return -EINVAL;
    ring->personalities->known[id / WORD_BITS] &= ~(UINT64_C(1) << (id % WORD_BITS));
    ring->personalities->count--;
    return 0;
}

void sri_personalities_drop(struct sri_ring *ring)
{
    sri_arena_release(&ring->engine->arena, ring->personalities);
    ring->personalities = NULL;
}
