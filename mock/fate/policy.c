/*
 * The chooser by a policy. Draws from the tape and from nothing else; never calls the engine.
 */
#include "fate/policy.h"

#include "engine/world.h"

#define LONGEST_DELAY_IN_TIME 5u /* of sri_delay_ns: ten milliseconds */

static enum sri_policy_kind kind_of(const struct sri_question *question)
{
    if (!question->has_object)
        return SRI_KIND_NONE;
    if ((question->object & SRI_OBJECT_SOCKET) != 0)
        return SRI_KIND_SOCKET;
    return (question->object & SRI_OBJECT_POLLS) != 0 ? SRI_KIND_STREAM : SRI_KIND_FILE;
}

static bool tells_errno(const struct sri_policy *policy, const struct sri_question *question, uint32_t answer)
{
    if (question->why != SRI_WHY_ERRNO || policy->errno_count == 0)
        return true;
    for (uint32_t i = 0; i < policy->errno_count; i++) {
        if (question->errnos[answer - 1] == policy->errnos[i])
            return true;
    }
    return false;
}

static bool takes_time(const struct sri_question *question)
{
    return question->why == SRI_WHY_DELAY || question->why == SRI_WHY_REPORT ||
           question->why == SRI_WHY_NOTIFY;
}

static uint32_t weight_of(const struct sri_policy_run *run, const struct sri_question *question,
                          uint32_t answer)
{
    uint32_t op = question->opcode < SRI_POLICY_OPERATIONS ? question->opcode : 0;
    enum sri_point point = sri_point_of(sri_freedom_of(question), answer);
    if (!tells_errno(run->policy, question, answer))
        return 0;
    if (run->in_time && takes_time(question) && answer > LONGEST_DELAY_IN_TIME)
        return 0;
    return run->policy->per_1024[point][op][kind_of(question)];
}

/* Of many answers (an order, a count) all are one point's; of few each may have its own weight. */
#define FEW 64u

static uint32_t draw_one_of_few(struct sri_policy_run *run, const struct sri_question *question)
{
    uint8_t allowed[FEW];
    uint32_t count = 0;
    uint32_t most = 0;
    for (uint32_t answer = 1; answer < question->n; answer++) {
        uint32_t weight = weight_of(run, question, answer);
        if (weight == 0)
            continue;
        allowed[count++] = (uint8_t)answer;
        most = weight > most ? weight : most;
    }
    if (count == 0)
        return 0;
    uint32_t drawn = sri_tape_weighed(run->tape, count + 1, most);
    return drawn == 0 ? 0 : allowed[drawn - 1];
}

static uint32_t pick(void *self, const struct sri_question *question)
{
    struct sri_policy_run *run = self;
    uint32_t freedom = sri_freedom_of(question);
    uint32_t answer = 0;
    run->points->asked[freedom]++;
    if (question->n <= FEW) {
        answer = draw_one_of_few(run, question);
    } else {
        uint32_t weight = weight_of(run, question, 1);
        answer = weight == 0 ? 0 : sri_tape_weighed(run->tape, question->n, weight);
    }
    if (answer != 0)
        run->points->fired[sri_point_of(freedom, answer)]++;
    return answer;
}

struct sri_chooser sri_policy_chooser(struct sri_policy_run *run)
{
    static const struct sri_chooser_vtable vtable = {.pick = pick};
    return (struct sri_chooser){.vtable = &vtable, .self = run};
}
