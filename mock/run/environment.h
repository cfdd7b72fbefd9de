/*
 * What others answer: everything that objects which can be waited for (sockets, pipes, terminals) have told the engine in a
 * run goes on its tape, and a run by that tape is told it again.
 *
 * A world around the host's. On the tape stands each first and further try with its outcome and the bytes that came, each
 * call back, each cancel and the end of each wait, in the order in which the engine saw them. A run by tape asks the machine
 * as well, so that what is sent is sent and what was received is taken out of its socket, but believes the tape. Where the
 * program does something else than the tape has, the two part: that is told, and from there on the machine answers.
 */
#ifndef SRI_RUN_ENVIRONMENT_H
#define SRI_RUN_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

/* Goes around the host's world, for a run that records. */
void sri_environment_around(struct sri_world *world);

/* From here on what stands in these bytes is answered; a copy is made. 0 or -ENOMEM. */
int sri_environment_replay(const uint8_t *bytes, size_t size);

/* Does the tape answer? */
bool sri_environment_replays(void);

/* The run is over: says when its tape is not. */
void sri_environment_finish(void);

/* For struct sri_engine_options. */
void sri_environment_called_back(void *self, struct sri_attempt *attempt, const int64_t *result);

/* What was recorded, for the tape: valid until the next answer. */
void sri_environment_bytes(const uint8_t **bytes, size_t *size);

/* A forked child begins anew. */
void sri_environment_forget(void);

#endif
