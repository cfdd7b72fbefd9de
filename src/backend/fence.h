/*
 * A kernel around a kernel, which keeps the program away from the bytes it has lent: marks for AddressSanitizer and valgrind, or
 * pages that fault (safer_ring/config.h, enum sr_fence). For one ring.
 *
 * It reads entries as they are consumed and completions as they are posted, so it needs a kernel that posts within enter
 * only (IORING_SETUP_DEFER_TASKRUN). What is lent is closed behind the submission, and opened before the library sees the
 * completion: nothing of the library's own paths knows of it.
 */
#ifndef SRI_BACKEND_FENCE_H
#define SRI_BACKEND_FENCE_H

#include <stdbool.h>

#include "safer_ring/backend.h"

/*
 * Puts itself around *kernel, which is released with it if it is owned. `pages`: twin memory goes to the kernel by its
 * second view. -ENOMEM, with *kernel as it was.
 */
int sri_fence(struct sr_backend *kernel, bool owned, bool pages);

#endif
