/*
 * A run as a picture: a lane for each operation and each buffer, whose colour says who has it at each step, with faults and
 * violations marked. Looks at the model after each step; made only when a run is replayed. Judges nothing.
 */
#ifndef SRI_EXPLORE_PICTURE_H
#define SRI_EXPLORE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/observer.h"
#include "explore/report.h"
#include "explore/run.h"
#include "explore/timeline.h"

/* Whose something is. */
enum sri_owner_at {
    SRI_AT_NOBODY, /* not there */
    SRI_AT_PROGRAM,
    SRI_AT_GUARD,      /* opened by the program */
    SRI_AT_QUEUE,      /* an entry the kernel has not taken */
    SRI_AT_KERNEL,     /* under way */
    SRI_AT_ORPHAN,     /* under way, and nobody will take it */
    SRI_AT_COMPLETION, /* ended, and not taken */
    SRI_OWNERS_AT
};

struct sri_span {
    uint64_t from;
    uint64_t to; /* behind its last step */
    enum sri_owner_at owner;
};

struct sri_lane {
    uint64_t key; /* an operation's id, or a buffer's serial */
    bool buffer;
    char name[56];
    struct sri_span *spans;
    uint32_t span_count;
    uint32_t span_capacity;
    uint64_t consumed; /* step of its consumption; 0: none */
    uint64_t consumed_ns;
    uint64_t cancelled; /* step at which the program asked for its end */
    int32_t result;
    bool ended;
    uint64_t seen; /* last step at which it was there */
    bool open;     /* its last span goes on: sri_picture_turn() */
    int ring;      /* of whom it is an operation, where there are several */
};

struct sri_mark_at {
    uint64_t step;
    bool violation;
    char text[216];
};

struct sri_picture {
    struct sri_rig *rig;
    struct sri_timeline *timeline;
    uint64_t step; /* looks so far */
    struct sri_lane *lanes;
    uint32_t lane_count;
    uint32_t lane_capacity;
    struct sri_mark_at *marks;
    uint32_t mark_count;
    uint32_t mark_capacity;
    struct sri_points points; /* at the last look */
    uint32_t violations;
    bool cut; /* memory did not suffice: the picture is not whole */
};

void sri_picture_begin(struct sri_picture *picture);
void sri_picture_fini(struct sri_picture *picture);
struct sri_observer sri_picture_observer(struct sri_picture *picture);
/* A call of the program: told to the timeline as well. */
void sri_picture_tell(void *picture, const char *text);
/* The lane of an operation; NULL. */
const struct sri_lane *sri_picture_lane(const struct sri_picture *picture, uint64_t operation);

/*
 * For whoever has no model to look at, and tells who has what as it changes: a lane, made when it is not there (NULL: no
 * memory); from this step on it is that owner's (SRI_AT_NOBODY: it ends here); and at the end every lane that goes on ends.
 */
struct sri_lane *sri_picture_lane_for(struct sri_picture *picture, uint64_t key, bool buffer);
void sri_picture_turn(struct sri_picture *picture, struct sri_lane *lane, enum sri_owner_at owner);
void sri_picture_mark(struct sri_picture *picture, bool violation, const char *text);
void sri_picture_settle(struct sri_picture *picture);

/* A page in pieces: its head, what was found or that nothing was, a picture with its timeline (at most so many lines). */
void sri_page_begin(struct sri_text *out, const char *title);
void sri_page_problem(struct sri_text *out, const char *name, const char *text);
void sri_page_fine(struct sri_text *out, const char *text);
void sri_page_picture(struct sri_text *out, const struct sri_picture *picture, size_t lines);
void sri_page_end(struct sri_text *out);
/* Text with what HTML would take for its own replaced. */
void sri_page_text(struct sri_text *out, const char *text);

/* A page that needs nothing but itself. */
void sri_picture_page(const struct sri_picture *picture, const struct sri_run *run,
                      const struct sri_outcome *outcome, const char *world, struct sri_text *out);

#endif
