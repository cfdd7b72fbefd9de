/*
 * Restrictions: what a ring that was opened disabled will refuse once it is enabled, for good.
 */
#include <errno.h>

#include "engine/guest.h"
#include "engine/registers.h"
#include "engine/steps.h"

#define MOST (IORING_RESTRICTION_LAST + IORING_REGISTER_LAST + IORING_OP_LAST)

struct sri_restrictions {
    uint64_t registers; /* bit per opcode of io_uring_register that is allowed */
    uint64_t opcodes;   /* bit per opcode of an SQE */
    uint8_t flags_allowed;
    uint8_t flags_required;
};

static_assert(IORING_REGISTER_LAST <= 64 && IORING_OP_LAST <= 64, "a bit for each");

static int add(struct sri_restrictions *restrictions, const struct io_uring_restriction *one)
{
    switch (one->opcode) {
    case IORING_RESTRICTION_REGISTER_OP:
        if (one->register_op >= IORING_REGISTER_LAST)
            return -EINVAL;
        restrictions->registers |= UINT64_C(1) << one->register_op;
        return 0;
    case IORING_RESTRICTION_SQE_OP:
        if (one->sqe_op >= IORING_OP_LAST)
            return -EINVAL;
        restrictions->opcodes |= UINT64_C(1) << one->sqe_op;
        return 0;
    case IORING_RESTRICTION_SQE_FLAGS_ALLOWED: restrictions->flags_allowed = one->sqe_flags; return 0;
    case IORING_RESTRICTION_SQE_FLAGS_REQUIRED: restrictions->flags_required = one->sqe_flags; return 0;
    default: return -EINVAL;
    }
}

static int parse(struct sri_engine *engine, const void *arg, uint32_t count,
                 struct sri_restrictions *restrictions)
{
    struct io_uring_restriction given[MOST];
    if (arg == NULL || count > MOST)
        return -EINVAL;
    if (sri_user_copy_in(sri_door(engine), given, arg, count * sizeof given[0]) != 0)
        return -EFAULT;
    int error = 0;
    for (uint32_t i = 0; i < count && error == 0; i++)
        error = add(restrictions, &given[i]);
    return error;
}

int sri_register_restrictions(struct sri_ring *ring, const void *arg, uint32_t count)
{
    if (!ring->disabled)
        return -EBADFD;
    if (ring->restrictions != NULL)
        return -EBUSY;
    struct sri_restrictions *made = sri_arena_acquire(&ring->engine->arena, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    *made = (struct sri_restrictions){.registers = 0};
    int error = parse(ring->engine, arg, count, made);
    if (error == 0)
        ring->restrictions = made;
    else
        sri_arena_release(&ring->engine->arena, made);
    return error;
}

bool sri_may_register(const struct sri_ring *ring, uint32_t opcode)
{
    return !ring->restricted || (ring->restrictions->registers >> opcode & 1) != 0;
}

bool sri_may_submit(const struct sri_ring *ring, const struct io_uring_sqe *sqe)
{
    const struct sri_restrictions *restrictions = ring->restrictions;
    unsigned allowed = restrictions->flags_allowed | restrictions->flags_required;
    if ((restrictions->opcodes >> sqe->opcode & 1) == 0)
        return false;
    return (sqe->flags & restrictions->flags_required) == restrictions->flags_required &&
           (sqe->flags & ~allowed) == 0;
}

void sri_restrictions_drop(struct sri_ring *ring)
{
    sri_arena_release(&ring->engine->arena, ring->restrictions);
    ring->restrictions = NULL;
}
