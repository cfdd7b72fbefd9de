/*
 * The fallback: the engine over this machine's descriptors, with the kind chooser.
 */
#ifndef SRI_BACKEND_ENGINE_BACKEND_H
#define SRI_BACKEND_ENGINE_BACKEND_H

#include "safer_ring/backend.h"

/* A kernel of its own, which makes no io_uring system call. 0, -ENOMEM, -EMFILE. */
int sri_engine_host_backend(struct sr_backend *out);

#endif
