/*
 * Stall (OP-8): a blocking wait that nothing can end is the library's mistake when entries wait unsubmitted, when
 * completions wait behind an overflow, or when nothing is in flight at all. Judges by events alone.
 */
#include "oracle/watch.h"

static void judge_stall(struct sri_watch *watch, const struct sri_event *event)
{
    watch->stalls++;
    const char *why = NULL;
    if (event->cq_ready > 0)
        why = "while completions are ready";
    else if (event->sq_ready > 0)
        why = "while entries wait to be submitted";
    else if (event->result == 0)
        why = "with nothing in flight";
    sri_judge(watch->verdict, SRI_RULE_OP_8, 0, why == NULL, "the ring waits for ever %s", why == NULL ? "" : why);
}

void sri_stall_event(struct sri_watch *watch, const struct sri_event *event)
{
    if (event->kind == SRI_EVENT_LEAVE)
        watch->sq_ready = event->sq_ready;
    else if (event->kind == SRI_EVENT_STALL)
        judge_stall(watch, event);
}
