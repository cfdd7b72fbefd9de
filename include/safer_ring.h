/*
 * safer-ring: io_uring from C, with buffers that change hands. Everything but the simulated kernel (safer_ring/sim.h) and
 * the cmocka helpers.
 */
#ifndef SAFER_RING_SAFER_RING_H
#define SAFER_RING_SAFER_RING_H

#include "safer_ring/allocator.h"
#include "safer_ring/backend.h"
#include "safer_ring/batch.h"
#include "safer_ring/buffer.h"
#include "safer_ring/config.h"
#include "safer_ring/error.h"
#include "safer_ring/log.h"
#include "safer_ring/multishot.h"
#include "safer_ring/op.h"
#include "safer_ring/pinned.h"
#include "safer_ring/pool.h"
#include "safer_ring/provider.h"
#include "safer_ring/registry.h"
#include "safer_ring/ring.h"
#include "safer_ring/stats.h"
#include "safer_ring/stream.h"

#endif
