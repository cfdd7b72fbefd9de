/*
 * What may go wrong in a run of somebody else's program: by fault point, operation and kind of descriptor. And the
 * chooser that draws by it from a tape.
 */
#ifndef SRI_FATE_POLICY_H
#define SRI_FATE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/chooser.h"
#include "fate/points.h"
#include "fate/tape.h"

enum sri_policy_kind {
    SRI_KIND_NONE,   /* no descriptor: a wait, an enter, a path */
    SRI_KIND_FILE,   /* regular files, block devices, directories */
    SRI_KIND_SOCKET, /* sockets */
    SRI_KIND_STREAM, /* pipes, terminals, eventfds and the like */
    SRI_POLICY_KINDS
};

#define SRI_POLICY_OPERATIONS 64
#define SRI_POLICY_ERRNOS 16

/* Zeroed: nothing ever goes wrong. */
struct sri_policy {
    uint16_t per_1024[SRI_POINTS][SRI_POLICY_OPERATIONS][SRI_POLICY_KINDS];
    int16_t errnos[SRI_POLICY_ERRNOS]; /* the results that may be told; none: all that the manual lists */
    uint32_t errno_count;
};

/* What is wrong with a policy's text. */
struct sri_policy_error {
    unsigned line;
    char text[120];
};

/*
 * Adds the lines of a text to a policy; later ones win:
 *
 *     use NAME                                        a preset
 *     errnos EINTR,EAGAIN                             the only results that operations may end with
 *     POINT OPERATIONS KINDS PER_1024                 result/short READ,READV file,socket 64
 *
 * POINT is a name of the catalogue without its first part, or ends in an asterisk. OPERATIONS and KINDS are lists with commas, or an asterisk.
 * 0, or -EINVAL with *error filled.
 */
int sri_policy_read(struct sri_policy *policy, const char *text, struct sri_policy_error *error);

/* The text of a preset (gentle, reads, network, disk, cruel), or NULL. And their names, for a message. */
const char *sri_policy_preset(const char *name, size_t length);
#define SRI_POLICY_PRESETS "gentle, reads, network, disk, cruel"

/* A list as `--faults` takes it, NAME or NAME=PER_1024 with commas: only these points, at all operations. */
int sri_policy_only(struct sri_policy *policy, const char *list, struct sri_policy_error *error);

/* A run by a policy. Filled by its user; the tape is initialised before. */
struct sri_policy_run {
    const struct sri_policy *policy;
    struct sri_tape *tape;
    struct sri_points *points; /* counters */
    bool in_time;              /* the program asked for time: delays stay short */
};

struct sri_chooser sri_policy_chooser(struct sri_policy_run *run);

#endif
