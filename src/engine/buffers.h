/*
 * Registered buffers, the table of a ring.
 */
#ifndef SRI_ENGINE_BUFFERS_H
#define SRI_ENGINE_BUFFERS_H

#include "engine/files.h"

int sri_buffers_register(struct sri_ring *ring, const struct sri_import *import);
int sri_buffers_unregister(struct sri_ring *ring);
/* The number of slots done, or why the first was not. */
int sri_buffers_update(struct sri_ring *ring, const struct sri_import *import);

/* The request's only segment lies in buffer request->buffer_index, which it uses from now on. 0 or -EFAULT. */
int sri_buffers_use(struct sri_request *request);

#endif
