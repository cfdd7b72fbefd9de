/*
 * Chains: assembling them at submission, and what the end of a member means for those behind it.
 *
 * A chain is held by its head. A member is started when the one before it has ended; a failure ends all that is behind
 * it, unless the failed one was hard-linked and had been started.
 */
#include <errno.h>

#include "engine/steps.h"

#define LINK_FLAGS (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)

/* A refused member spoils its chain: the head will end -ECANCELED without being started, and everybody behind it. */
static void spoil(struct sri_request *head)
{
    if (head->marks & SRI_MARK_PREP_FAILED)
        return;
    head->marks |= SRI_MARK_PREP_FAILED | SRI_MARK_FAILED;
    head->result = -ECANCELED;
}

bool sri_submit(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    struct sri_request *head = ring->chain_head;
    bool refused = (request->marks & SRI_MARK_PREP_FAILED) != 0;
    bool linked = (request->sqe_flags & LINK_FLAGS) != 0;
    if (head == NULL && !linked) {
        sri_unit_queue(request);
        return refused;
    }
    request->marks |= SRI_MARK_CHAINED;
    if (head == NULL) {
        ring->chain_head = request;
        ring->chain_last = request;
        return false;
    }
    if (refused)
        spoil(head);
    if (request->opcode == IORING_OP_LINK_TIMEOUT && !refused)
        ring->chain_last->marks |= SRI_MARK_GUARDED;
    request->place = SRI_PLACE_CHAIN;
    ring->chain_last->link = request;
    ring->chain_last = request;
    if (linked)
        return false;
    sri_chain_close(ring);
    return refused;
}

void sri_chain_close(struct sri_ring *ring)
{
    struct sri_request *head = ring->chain_head;
    if (head == NULL)
        return;
    ring->chain_head = NULL;
    ring->chain_last = NULL;
    sri_unit_queue(head);
}

/* The request waits now, so its time limit starts to run. */
void sri_chain_arm(struct sri_request *request)
{
    struct sri_request *timer = request->link;
    SRI_REQUIRE(timer != NULL && timer->opcode == IORING_OP_LINK_TIMEOUT);
    request->marks &= (uint16_t)~SRI_MARK_GUARDED;
    request->link = timer->link;
    timer->link = NULL;
    timer->place = SRI_PLACE_NONE;
    timer->timer.guarded = request;
    request->limiter = timer;
    sri_timer_arm(timer);
}

void sri_chain_push(struct sri_request *request, enum sri_step step)
{
    struct sri_ring *ring = request->ring;
    request->place = SRI_PLACE_NONE;
    if (!ring->consuming) {
        sri_due_push(request, step);
        return;
    }
    request->place = SRI_PLACE_CHAIN;
    request->step = (uint8_t)step;
    sri_list_append(&ring->followers, &request->entry.node);
}

void sri_chain_follow(struct sri_ring *ring)
{
    ring->consuming = false;
    while (!sri_list_empty(&ring->followers)) {
        struct sri_request *request = sri_request_of_node(ring->followers.next);
        sri_list_remove(&request->entry.node);
        sri_chain_push(request, (enum sri_step)request->step);
    }
}

static void end_later(struct sri_request *request, int32_t result)
{
    request->marks |= SRI_MARK_SEVERED;
    request->result = result;
    sri_chain_push(request, SRI_STEP_END);
}

/* It never came to be issued, so that its time limit was never armed: anything later arms it for a while (measured). */
static bool was_refused(const struct sri_request *request)
{
    return (request->marks & SRI_MARK_PREP_FAILED) != 0 ||
           ((sri_opcode_of(request)->traits & SRI_TRAIT_FILE) != 0 && request->attempt.file == NULL);
}

/* The link timeout of a request that has ended: it was not needed. */
static void dismiss_limiter(struct sri_request *request)
{
    struct sri_request *timer = NULL;
    if (request->marks & SRI_MARK_GUARDED) {
        timer = request->link;
        request->link = timer->link;
        timer->link = NULL;
    } else if (request->limiter != NULL) {
        timer = request->limiter;
        timer->timer.guarded = NULL;
        if (timer->place != SRI_PLACE_WHEEL)
            return; /* its time has come; it will find nobody */
        sri_timer_disarm(timer);
    }
    if (timer == NULL)
        return;
    timer->timer.counts = !was_refused(request) || request->limiter != NULL;
    end_later(timer, -ECANCELED);
}

/* All that is behind a failed member ends at once, in order, without being started; see IOSQE_CQE_SKIP_SUCCESS. */
static void sever(struct sri_request *failed)
{
    bool silent = (failed->marks & SRI_MARK_SKIP_CHAIN) != 0;
    struct sri_request *next = failed->link;
    failed->link = NULL;
    for (struct sri_request *request = next; request != NULL; request = request->link) {
        request->marks |= SRI_MARK_SEVERED;
        request->marks &= (uint16_t) ~(SRI_MARK_SKIP | SRI_MARK_GUARDED);
        if (silent)
            request->marks |= SRI_MARK_SKIP;
        if (!(request->marks & SRI_MARK_PREP_FAILED))
            request->result = -ECANCELED;
    }
    sri_chain_push(next, SRI_STEP_END);
}

struct sri_request *sri_chain_ended(struct sri_request *request)
{
    dismiss_limiter(request);
    struct sri_request *next = request->link;
    if (next == NULL)
        return NULL;
    request->link = NULL;
    if (request->marks & SRI_MARK_SEVERED) {
        next->place = SRI_PLACE_NONE;
        return next;
    }
    bool hard = (request->sqe_flags & IOSQE_IO_HARDLINK) && !(request->marks & SRI_MARK_PREP_FAILED);
    if ((request->marks & SRI_MARK_FAILED) && !hard) {
        request->link = next;
        sever(request);
        return NULL;
    }
    sri_chain_push(next, SRI_STEP_START);
    return NULL;
}

void sri_chain_drop(struct sri_request *head)
{
    while (head != NULL) {
        struct sri_request *next = head->link;
        head->place = SRI_PLACE_NONE;
        sri_drop(head);
        head = next;
    }
}
