/*
 * The parameters of a ring: checked, measured, filled in.
 */
#ifndef SRI_ENGINE_SETUP_H
#define SRI_ENGINE_SETUP_H

#include "engine/steps.h"

/* 0, -EINVAL or -ENXIO (IORING_SETUP_ATTACH_WQ); the sizes are in `params` then. */
int sri_setup_check(struct sri_engine *engine, uint32_t entries, struct io_uring_params *params);

/* Bytes of the region with both rings, and of that with the SQEs. */
size_t sri_setup_rings_size(const struct io_uring_params *params);
size_t sri_setup_sqes_size(const struct io_uring_params *params);

/* Features and offsets, for the program. */
void sri_setup_fill(const struct sri_engine *engine, struct io_uring_params *params);

/* An entry is twice as large with IORING_SETUP_CQE32, IORING_SETUP_SQE128. */
static inline uint8_t sri_cqe_shift(uint32_t setup_flags)
{
    return (setup_flags & IORING_SETUP_CQE32) != 0;
}

static inline uint8_t sri_sqe_shift(uint32_t setup_flags)
{
    return (setup_flags & IORING_SETUP_SQE128) != 0;
}

#endif
