/*
 * Order (OP-7): entries that belong together reach the kernel together. What a link promises about results is the
 * kernel's to keep; that a submission does not end inside a chain is the library's. Judges by events alone. What may follow within a batch the
 * books of its program know (model_lot.c, BATCH-2).
 */
#include "oracle/watch.h"

static void judge_next(struct sri_watch *watch, const struct sri_event *event)
{
    if (!watch->in_link)
        return;
    watch->in_link = false;
    bool belongs = event->opcode == IORING_OP_LINK_TIMEOUT ||
                   (watch->chains != NULL && watch->chains(watch->listener_user, watch->linked));
    sri_judge(watch->verdict, SRI_RULE_OP_7, watch->linked, belongs,
              "a linked operation is followed by opcode %u, not by its timeout", (unsigned)event->opcode);
}

/* The kernel may leave the rest of a chain behind; the library must have offered all of it. */
static void judge_end(struct sri_watch *watch)
{
    if (!watch->in_link)
        return;
    watch->in_link = false;
    sri_judge(watch->verdict, SRI_RULE_OP_7, watch->linked, watch->consumed < watch->asked,
              "a submission of %u entries ends inside a chain", watch->asked);
}

void sri_order_event(struct sri_watch *watch, const struct sri_event *event)
{
    if (watch->any_chain)
        return;
    if (event->kind == SRI_EVENT_ENTER) {
        watch->asked = event->result < 0 ? 0 : (uint32_t)event->result;
        watch->consumed = 0;
        watch->in_link = false;
    } else if (event->kind == SRI_EVENT_LEAVE) {
        judge_end(watch);
    } else if (event->kind == SRI_EVENT_CONSUMED) {
        judge_next(watch, event);
        watch->consumed++;
        watch->linked = event->user_data;
        watch->in_link = event->sqe != NULL && (event->sqe->flags & IOSQE_IO_LINK) != 0;
    }
}
