/*
 * Detectors of answers that a program must expect. Those that it only has to ask again after, or that a cancel gives, are
 * kept until it goes on; if it ends in failure instead, the command tells of them. And of the same transfer that is asked
 * for again and again though its end was reached.
 */
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "run/agent.h"
#include "run/detect.h"

#define AGAIN_AND_AGAIN 1000u
#define NULL_PAGE 4096u

/* What is pending just now. */
static struct {
    enum {
        NOTHING,
        TO_ASK_AGAIN,  /* the operation: settled when the like is submitted */
        TO_CALL_AGAIN, /* settled by the next call */
        TO_UNDERSTAND, /* settled by a call after the program has taken all completions */
    } what;
    int ring;
    int fd;
    uint8_t opcode;
} pending;

static void keep(unsigned what, const struct sri_borrowed *about, int ring)
{
    pending.what = what;
    pending.ring = ring;
    pending.fd = about != NULL ? about->fd : -1;
    pending.opcode = about != NULL ? about->opcode : 0;
}

static void settle(void)
{
    pending.what = NOTHING;
    sri_finding_settled();
}

static const char *name_of(int error)
{
    switch (error) {
    case -EINTR: return "EINTR";
    case -EAGAIN: return "EAGAIN";
    case -EBUSY: return "EBUSY";
    case -EALREADY: return "EALREADY";
    case -ENOENT: return "ENOENT";
    default: return "an error";
    }
}

static bool is_cancel(uint8_t opcode)
{
    return opcode == IORING_OP_ASYNC_CANCEL || opcode == IORING_OP_POLL_REMOVE ||
           opcode == IORING_OP_TIMEOUT_REMOVE;
}

static bool is_transfer(uint8_t opcode)
{
    return opcode == IORING_OP_READ || opcode == IORING_OP_READV || opcode == IORING_OP_READ_FIXED ||
           opcode == IORING_OP_RECV;
}

static bool is_same(const struct sri_borrowed *one, const struct sri_borrowed *two)
{
    return one->opcode == two->opcode && one->fd == two->fd && one->address == two->address &&
           one->offset == two->offset && one->length == two->length && one->user_data == two->user_data;
}

void sri_answer_consumed(struct sri_borrowed *borrowed, struct sri_watched_ring *ring)
{
    if (pending.what == TO_ASK_AGAIN && pending.ring == borrowed->ring &&
        pending.opcode == borrowed->opcode && pending.fd == borrowed->fd)
        settle();
    if (!is_same(borrowed, &ring->again)) {
        ring->again = *borrowed;
        ring->times = 0;
    }
}

static void count_same(const struct sri_event *event, const struct sri_borrowed *borrowed,
                       struct sri_watched_ring *ring)
{
    if (!is_transfer(borrowed->opcode) || event->result != 0 || borrowed->length == 0 ||
        !is_same(borrowed, &ring->again)) {
        ring->times = 0;
        return;
    }
    if (++ring->times < AGAIN_AND_AGAIN)
        return;
    sri_finding(
        "no-progress", borrowed,
        "the same transfer was asked for %u times in a row and moved 0 bytes each time: its end is reached",
        ring->times);
    sri_wait_end_process();
}

void sri_answer_completed(const struct sri_event *event, const struct sri_borrowed *borrowed,
                          struct sri_watched_ring *ring)
{
    int result = (int)event->result;
    if ((result == -EAGAIN || result == -EINTR) && !is_cancel(borrowed->opcode)) {
        keep(TO_ASK_AGAIN, borrowed, borrowed->ring);
        sri_finding_pending(
            "retry-missing", borrowed,
            "it ended with %s, which says to ask again, and the program ended in failure without "
            "having asked",
            name_of(result));
    } else if (is_cancel(borrowed->opcode) && (result == -EALREADY || result == -ENOENT)) {
        keep(TO_UNDERSTAND, borrowed, borrowed->ring);
        sri_finding_pending(
            "cancel-answer-unexpected", borrowed,
            "it was told %s, as every cancel may be, and the program ended in failure at once",
            name_of(result));
    }
    if (ring != NULL)
        count_same(event, borrowed, ring);
}

static bool has_taken_all(const struct sri_watched_ring *ring)
{
    if (ring->ring == NULL || ring->ring->sq.khead != ring->khead)
        return true;
    const struct io_uring_cq *cq = &ring->ring->cq;
    return *cq->khead == __atomic_load_n(cq->ktail, __ATOMIC_ACQUIRE);
}

void sri_answer_enters(const struct sri_watched_ring *ring)
{
    if (pending.what == NOTHING || ring == NULL || ring->fd != pending.ring)
        return;
    if (pending.what == TO_CALL_AGAIN || (pending.what == TO_UNDERSTAND && has_taken_all(ring)))
        settle();
}

/* What was prepared and never submitted is not left by a call that waits, or looks. */
void sri_answer_returned(struct sri_watched_ring *ring, unsigned to_submit, int result)
{
    if (ring != NULL && to_submit > 0)
        ring->refused = result < (int)to_submit;
    if (ring == NULL || pending.what == TO_ASK_AGAIN)
        return;
    uint32_t left = result >= 0 && ring->refused ? sri_entry_count(ring) : 0;
    if (result == -EINTR || result == -EAGAIN || result == -EBUSY) {
        keep(TO_CALL_AGAIN, NULL, ring->fd);
        sri_finding_pending(
            "retry-missing", NULL,
            "the call returned -%s, which says to call again, and the program ended in failure "
            "without having called",
            name_of(result));
    } else if (left > 0) {
        keep(TO_CALL_AGAIN, NULL, ring->fd);
        sri_finding_pending(
            "retry-missing", NULL,
            "the call took %d entries and left %u, and the program ended in failure without having "
            "submitted those",
            result, left);
    }
}

/* The program's own frames at a crash: from the instruction on. */
static const struct sri_place_of_call *place_of_crash(const void *instruction)
{
    static struct sri_place_of_call place;
    void *all[SRI_DETECT_FRAMES + 8];
    int count = backtrace(all, SRI_DETECT_FRAMES + 8);
    int first = 0;
    while (first < count && all[first] != instruction)
        first++;
    place.count = 0;
    place.frames[place.count++] = (const char *)instruction + 1;
    for (int i = first + 1; i < count && place.count < SRI_DETECT_FRAMES; i++)
        place.frames[place.count++] = all[i];
    return &place;
}

static void crashed(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *user = context;
    const void *instruction = NULL;
    (void)signal;
#if defined(__x86_64__)
    instruction = (const void *)(uintptr_t)user->uc_mcontext.gregs[REG_RIP];
#else
    (void)user;
#endif
    if ((uintptr_t)info->si_addr >= NULL_PAGE || sri_detect_is_inside())
        return;
    for (uint32_t i = 0; i < sri_detect.ring_count; i++) {
        const struct sri_watched_ring *ring = &sri_detect.rings[i];
        if (ring->ring == NULL || sri_entry_count(ring) != ring->ring->sq.ring_entries)
            continue;
        settle();
        sri_detect.place = place_of_crash(instruction);
        sri_finding(
            "queue-full-unexpected", NULL,
            "a null pointer is used while the queue of ring %d is full: io_uring_get_sqe() has nothing to "
            "give then",
            ring->fd);
        return;
    }
}

/* It returns, and the instruction is tried again without it. */
void sri_answer_watch_crash(void)
{
    struct sigaction action;
    struct sigaction before;
    if (sigaction(SIGSEGV, NULL, &before) != 0 || before.sa_handler != SIG_DFL)
        return;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = crashed;
    action.sa_flags = SA_SIGINFO | (int)SA_RESETHAND | SA_NODEFER;
    (void)sigaction(SIGSEGV, &action, NULL);
}
