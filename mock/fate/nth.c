/*
 * Counting what is reached, and striking once or on.
 */
#include "fate/nth.h"

void sri_nth_begin(struct sri_nth *nth, uint64_t n, bool sticky)
{
    *nth = (struct sri_nth){.nth = n, .sticky = sticky, .point = SRI_POINTS};
}

/* Of a point with several answers the first: for an operation the errno that stands first in its list. */
static uint32_t answer_of(enum sri_point point)
{
    uint32_t answer = sri_point_infos[point].answer;
    return answer == SRI_ANY_ANSWER ? 1 : answer;
}

static uint32_t answer(void *self, const struct sri_question *question, uint32_t freedom, uint32_t drawn)
{
    struct sri_nth *nth = self;
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        enum sri_point point = (enum sri_point)i;
        if (sri_point_infos[i].freedom != freedom || answer_of(point) >= question->n)
            continue;
        nth->reached++;
        nth->reached_of[i]++;
        bool first = nth->reached == nth->nth;
        bool again = nth->sticky && point == nth->point && nth->struck < SRI_NTH_STICKS;
        if (!first && !again)
            continue;
        nth->point = point;
        nth->struck++;
        drawn = answer_of(point);
    }
    return drawn;
}

struct sri_driver sri_nth_driver(struct sri_nth *nth)
{
    return (struct sri_driver){.answer = answer, .self = nth};
}
