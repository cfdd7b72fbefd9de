/*
 * The fault points: their names, and how often each was reached and fired in a run. Decides nothing.
 */
#ifndef SRI_FATE_POINTS_H
#define SRI_FATE_POINTS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/chooser.h"

#define SRI_ANY_ANSWER UINT32_MAX

enum sri_point {
#define SRI_POINT(id, name, freedom, answer, gentle, text) SRI_POINT_##id,
#include "fate/points.def"
#undef SRI_POINT
    SRI_POINTS
};

/* The freedoms of chooser.h, then those of the world. */
#define SRI_FREEDOMS (SRI_WHY_WORLD + SRI_WORLD_FREEDOMS)

struct sri_point_info {
    const char *name;
    const char *text;
    uint32_t freedom;
    uint32_t answer;
    uint32_t gentle_per_1024;
};

extern const struct sri_point_info sri_point_infos[SRI_POINTS];

/* Counters; zeroed is none. A point is reached when its freedom was asked, fired when the answer was its own. */
struct sri_points {
    uint64_t asked[SRI_FREEDOMS];
    uint64_t fired[SRI_POINTS];
};

/* The freedom a question is about. */
uint32_t sri_freedom_of(const struct sri_question *question);

/* The point that an answer other than 0 belongs to. */
enum sri_point sri_point_of(uint32_t freedom, uint32_t answer);

uint64_t sri_point_reached(const struct sri_points *points, enum sri_point point);

/* Adds the counters of one run to those of a campaign. */
void sri_points_add(struct sri_points *sum, const struct sri_points *points);

/* Changes when names, order, freedoms or answers of the catalogue change; weights and texts don't count. */
uint64_t sri_points_hash(void);

#endif
