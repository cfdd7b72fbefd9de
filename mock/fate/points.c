/*
 * The catalogue of fault points as a table. Decides nothing.
 */
#include "fate/points.h"

#include "base/contradiction.h"

const struct sri_point_info sri_point_infos[SRI_POINTS] = {
#define SRI_POINT(id, name, freedom, answer, gentle, text) {name, text, freedom, answer, gentle},
#include "fate/points.def"
#undef SRI_POINT
};

static enum sri_point search(uint32_t freedom, uint32_t answer)
{
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        const struct sri_point_info *info = &sri_point_infos[i];
        if (info->freedom == freedom && (info->answer == SRI_ANY_ANSWER || info->answer == answer))
            return (enum sri_point)i;
    }
    return SRI_POINTS;
}

uint32_t sri_freedom_of(const struct sri_question *question)
{
    if (question->why != SRI_WHY_WORLD)
        return (uint32_t)question->why;
    SRI_REQUIRE(question->freedom < SRI_WORLD_FREEDOMS);
    return SRI_WHY_WORLD + question->freedom;
}

enum sri_point sri_point_of(uint32_t freedom, uint32_t answer)
{
    enum sri_point point = search(freedom, answer);
    SRI_REQUIRE(point != SRI_POINTS);
    return point;
}

uint64_t sri_point_reached(const struct sri_points *points, enum sri_point point)
{
    return points->asked[sri_point_infos[point].freedom];
}

void sri_points_add(struct sri_points *sum, const struct sri_points *points)
{
    for (uint32_t i = 0; i < SRI_FREEDOMS; i++)
        sum->asked[i] += points->asked[i];
    for (uint32_t i = 0; i < SRI_POINTS; i++)
        sum->fired[i] += points->fired[i];
}

static uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_word(uint64_t hash, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        hash = hash_byte(hash, (uint8_t)(word >> (8 * i)));
    return hash;
}

uint64_t sri_points_hash(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        const struct sri_point_info *info = &sri_point_infos[i];
        for (const char *c = info->name; *c != 0; c++)
            hash = hash_byte(hash, (uint8_t)*c);
        hash = hash_word(hash, info->freedom);
        hash = hash_word(hash, info->answer);
    }
    return hash;
}
