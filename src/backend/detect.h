/*
 * Which kernel a ring gets when its configuration does not bring one, and why.
 */
#ifndef SRI_BACKEND_DETECT_H
#define SRI_BACKEND_DETECT_H

#include "safer_ring/backend.h"

struct sri_detection {
    char chosen[16];  /* the backend's name; empty when there is none */
    char reason[256]; /* one sentence, for people: what is so, and what to do where that is not wanted */
    int refusal;      /* io_uring's answer where it was tried and refused (-EPERM, …), or 0 */
};

/*
 * `name`: "uring", "engine", "auto"; NULL asks the environment variable SAFER_RING_BACKEND, and is "auto" without it.
 * "auto" tries io_uring by setting up a small ring and falls back to the engine. `why` is filled in every case.
 *
 * -EINVAL: a name that is not known (the reason lists those that are). What io_uring answers when it was asked for by
 * name and is refused. -ENOMEM, -EMFILE. `out` is written on success only; whoever asked releases it.
 */
int sri_backend_detect(const char *name, struct sr_backend *out, struct sri_detection *why);

#endif
