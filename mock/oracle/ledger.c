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

void sri_ledger_completed(struct sri_watch *watch, const struct sri_watched *watched,
                          const struct sri_event *event)
{
    if (watched == NULL && watch->unwatched == 0 && event->request != 0)
        sri_violated(watch->verdict, SRI_RULE_OP_1, event->user_data,
                     "request %llu has a completion after its last one", (unsigned long long)event->request);
}
