/*
 * Stall (OP-8): a blocking wait that nothing can end is the library's mistake when entries wait unsubmitted, when
 * completions wait behind an overflow, or when nothing is in flight at all; and so is entering the kernel for ever.
 * Judges by events alone.
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
    sri_judge(watch->verdict, SRI_RULE_OP_8, 0, why == NULL, "the ring waits for ever %s",
              why == NULL ? "" : why);
}

/* More enters without anything consumed or completed than any program makes: the library goes round and round. */
#define STUCK 20000u

static void judge_idle(struct sri_watch *watch)
{
    if (++watch->idle != STUCK)
        return;
    sri_violated(watch->verdict, SRI_RULE_OP_8, 0,
                 "the ring enters the kernel again and again, and nothing comes of it");
    if (watch->on_stuck != NULL)
        watch->on_stuck(watch->on_stuck_user);
}

void sri_stall_event(struct sri_watch *watch, const struct sri_event *event)
{
    if (event->kind == SRI_EVENT_ENTER)
        judge_idle(watch);
    else if (event->kind == SRI_EVENT_CONSUMED || event->kind == SRI_EVENT_COMPLETED)
        watch->idle = 0;
    else if (event->kind == SRI_EVENT_STALL)
        judge_stall(watch, event);
}
