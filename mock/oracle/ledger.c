/*
 * The ledger (OP-1): no two live requests of a ring carry one user_data, and each ends once. Judges by the kernel's
 * events alone.
 */
#include "oracle/watch.h"

void sri_ledger_consumed(struct sri_watch *watch, const struct sri_event *event)
{
    const struct sri_watched *twin = sri_watch_find(watch, event->ring, event->user_data);
    sri_judge(watch->verdict, SRI_RULE_OP_1, event->user_data, event->user_data != 0 && twin == NULL,
              twin == NULL ? "an SQE carries user_data 0"
                           : "an SQE carries the user_data of a request that is still in flight");
}

static bool sends_zero_copy(const struct sri_event *event)
{
    return event->opcode == IORING_OP_SEND_ZC || event->opcode == IORING_OP_SENDMSG_ZC;
}

/* One result, then at most one notification. */
static void judge_notification(struct sri_watch *watch, struct sri_watched *watched,
                               const struct sri_event *event)
{
    bool notifies = (event->flags & IORING_CQE_F_NOTIF) != 0;
    if (notifies != watched->answered)
        sri_violated(watch->verdict, SRI_RULE_OP_1, event->user_data,
                     notifies ? "request %llu was notified before its result"
                              : "request %llu has a second result",
                     (unsigned long long)event->request);
    watched->answered = true;
}

void sri_ledger_completed(struct sri_watch *watch, struct sri_watched *watched, const struct sri_event *event)
{
    if (watched != NULL && sends_zero_copy(event))
        judge_notification(watch, watched, event);
    else if (watched != NULL && (event->flags & IORING_CQE_F_NOTIF))
        sri_violated(watch->verdict, SRI_RULE_OP_1, event->user_data,
                     "request %llu is no zero-copy send and was notified",
                     (unsigned long long)event->request);
    if (watched == NULL && watch->unwatched == 0 && event->request != 0)
        sri_violated(watch->verdict, SRI_RULE_OP_1, event->user_data,
                     "request %llu has a completion after its last one", (unsigned long long)event->request);
}
