/*
 * The true kernel behind backend.h.
 */
#ifndef SRI_BACKEND_URING_H
#define SRI_BACKEND_URING_H

#include "safer_ring/backend.h"

/* One kernel with its own bookkeeping, for any number of rings and threads. 0 or -ENOMEM; makes no ring. */
int sri_uring_backend(struct sr_backend *out);

#endif
