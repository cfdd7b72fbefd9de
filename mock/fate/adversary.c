/*
 * The chooser over a tape. Draws from the tape and from nothing else; never calls the engine.
 */
#include "fate/adversary.h"

#include <string.h>

/* A swarm run draws each point's weight from these: a quarter of the points are off, most of the rest are seldom. */
static const uint16_t swarm_weights[16] = {0, 0, 0, 0, 2, 4, 8, 16, 24, 32, 64, 96, 128, 256, 512, 768};
static const uint16_t even_weights[8] = {16, 4, 32, 64, 128, 192, 256, 512};

static void weigh_gently(struct sri_adversary *adversary)
{
    for (uint32_t i = 0; i < SRI_POINTS; i++)
        adversary->weight[sri_point_infos[i].freedom] = sri_point_infos[i].gentle_per_1024;
}

static void weigh_evenly(struct sri_adversary *adversary)
{
    uint32_t weight = even_weights[sri_tape_choose(&adversary->tape, 8)];
    for (uint32_t i = 0; i < SRI_FREEDOMS; i++)
        adversary->weight[i] = weight;
}

static void weigh_swarm(struct sri_adversary *adversary)
{
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        uint32_t weight = swarm_weights[sri_tape_choose(&adversary->tape, 16)];
        adversary->off[i] = weight == 0;
        uint32_t *of_freedom = &adversary->weight[sri_point_infos[i].freedom];
        if (*of_freedom < weight)
            *of_freedom = weight;
    }
}

static void weigh_power(struct sri_adversary *adversary)
{
    adversary->weight[SRI_WHY_WORLD + SRI_FREEDOM_WRITTEN_BACK] = 256;
    adversary->weight[SRI_WHY_WORLD + SRI_FREEDOM_POWER] = 1024;
    adversary->weight[SRI_WHY_WORLD + SRI_FREEDOM_REMAINS] = 640;
    adversary->weight[SRI_WHY_WORLD + SRI_FREEDOM_SECTOR] = 512;
}

static void clear(struct sri_adversary *adversary)
{
    memset(&adversary->script, 0, sizeof adversary->script);
    memset(&adversary->points, 0, sizeof adversary->points);
    memset(adversary->weight, 0, sizeof adversary->weight);
    memset(adversary->off, 0, sizeof adversary->off);
    memset(&adversary->driver, 0, sizeof adversary->driver);
    adversary->calm = false;
    adversary->driven = false;
}

static void weigh(struct sri_adversary *adversary)
{
    switch (adversary->luck) {
    case SRI_LUCK_GENTLE: weigh_gently(adversary); break;
    case SRI_LUCK_EVEN: weigh_evenly(adversary); break;
    case SRI_LUCK_SWARM: weigh_swarm(adversary); break;
    case SRI_LUCK_POWER: weigh_power(adversary); break;
    case SRI_LUCK_QUIET:
    case SRI_LUCK_DRIVEN:
    case SRI_LUCKS: break;
    }
}

void sri_adversary_begin_seed(struct sri_adversary *adversary, uint64_t seed)
{
    clear(adversary);
    sri_tape_init_seed(&adversary->tape, seed);
    adversary->luck = (enum sri_luck)sri_tape_weighed(&adversary->tape, SRI_LUCK_POWER, 1024);
    weigh(adversary);
}

void sri_adversary_begin_power(struct sri_adversary *adversary, uint64_t seed)
{
    clear(adversary);
    sri_tape_init_seed(&adversary->tape, seed);
    sri_tape_put(&adversary->tape, SRI_LUCKS, SRI_LUCK_POWER);
    adversary->luck = SRI_LUCK_POWER;
    weigh(adversary);
}

void sri_adversary_begin_driven(struct sri_adversary *adversary, const struct sri_driver *driver,
                                uint64_t seed, enum sri_luck luck)
{
    clear(adversary);
    sri_tape_init_seed(&adversary->tape, seed);
    sri_tape_put(&adversary->tape, SRI_LUCKS, SRI_LUCK_DRIVEN);
    if (luck == SRI_LUCK_DRIVEN)
        luck = (enum sri_luck)sri_tape_weighed(&adversary->tape, SRI_LUCK_POWER, 1024);
    else
        sri_tape_put(&adversary->tape, SRI_LUCK_DRIVEN, luck);
    adversary->luck = luck;
    adversary->driven = true;
    adversary->driver = *driver;
    weigh(adversary);
}

int sri_adversary_begin_body(struct sri_adversary *adversary, const uint8_t *bytes, size_t size)
{
    int rc = sri_tape_init_body(&adversary->tape, bytes, size);
    clear(adversary);
    adversary->luck = (enum sri_luck)sri_tape_choose(&adversary->tape, SRI_LUCKS);
    adversary->driven = adversary->luck == SRI_LUCK_DRIVEN;
    if (adversary->driven)
        adversary->luck = (enum sri_luck)sri_tape_choose(&adversary->tape, SRI_LUCK_DRIVEN);
    weigh(adversary);
    return rc;
}

void sri_adversary_calm(struct sri_adversary *adversary, bool calm)
{
    adversary->calm = calm;
}

void sri_adversary_fini(struct sri_adversary *adversary)
{
    sri_tape_fini(&adversary->tape);
}

static uint32_t drawn(struct sri_adversary *adversary, uint32_t freedom, uint32_t n)
{
    uint32_t weight = adversary->weight[freedom];
    if (adversary->calm || weight == 0)
        return 0;
    uint32_t answer = sri_tape_weighed(&adversary->tape, n, weight);
    if (answer != 0 && adversary->off[sri_point_of(freedom, answer)])
        return 0;
    return answer;
}

/* Every question stands on the tape, whatever the luck. Who reads it finds there what the driver said. */
static uint32_t driven(struct sri_adversary *adversary, const struct sri_question *question, uint32_t freedom)
{
    if (adversary->calm)
        return 0;
    uint32_t answer = sri_tape_weighed(&adversary->tape, question->n, adversary->weight[freedom]);
    if (adversary->driver.answer == NULL)
        return answer;
    if (answer != 0 && adversary->off[sri_point_of(freedom, answer)])
        answer = 0;
    answer = adversary->driver.answer(adversary->driver.self, question, freedom, answer);
    return sri_tape_amend(&adversary->tape, question->n, answer);
}

static bool scripted(struct sri_adversary *adversary, const struct sri_question *question, uint32_t *answer)
{
    struct sri_script *script = &adversary->script;
    if (script->count == 0 || !sri_script_answer(script, question, answer))
        return false;
    if (script->exact != 0 && adversary->limit != NULL)
        adversary->limit(adversary->limit_self, script->exact);
    script->exact = 0;
    return true;
}

static uint32_t pick(void *self, const struct sri_question *question)
{
    struct sri_adversary *adversary = self;
    uint32_t freedom = sri_freedom_of(question);
    adversary->points.asked[freedom]++;
    uint32_t answer = 0;
    if (!scripted(adversary, question, &answer)) {
        answer =
            adversary->driven ? driven(adversary, question, freedom) : drawn(adversary, freedom, question->n);
        if (adversary->heard != NULL && !adversary->calm)
            adversary->heard(adversary->heard_self, question->n, answer);
    }
    if (answer != 0)
        adversary->points.fired[sri_point_of(freedom, answer)]++;
    return answer;
}

struct sri_chooser sri_adversary_chooser(struct sri_adversary *adversary)
{
    static const struct sri_chooser_vtable vtable = {.pick = pick};
    return (struct sri_chooser){.vtable = &vtable, .self = adversary};
}
