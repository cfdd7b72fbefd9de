/*
 * What the files of the engine ask of each other.
 */
#ifndef SRI_ENGINE_STEPS_H
#define SRI_ENGINE_STEPS_H

#include "engine/opcode.h"
#include "engine/request.h"

/* life.c: from start to end of one request. */
void sri_start(struct sri_request *request);
void sri_step(struct sri_request *request);
void sri_end(struct sri_request *request);
/* Every due step, at most `limit` (0: all); how many were made. */
uint64_t sri_run(struct sri_engine *engine, uint64_t limit);
/* Frees what a request holds and the request; it posts nothing. */
void sri_drop(struct sri_request *request);

/* As if its object had just become ready: it is attempted behind what is submitted with it, or due already. */
void sri_attempt_later(struct sri_request *request);

/* attempt.c: the attempt in the world and its commit point. */
void sri_attempt(struct sri_request *request);
void sri_report(struct sri_request *request);
/* A poll that was changed: what is true is its end, in a step of its own; else it waits anew. */
void sri_poll_again(struct sri_request *request);
void sri_finished(struct sri_request *request);

/* stage.c: memory for the attempt in place of the program's. 0, -ENOMEM; what a source has is copied in: 0, -EFAULT. */
int sri_stage(struct sri_request *request);
int sri_stage_fill(struct sri_request *request);
/* What came is copied to the program's memory; or something else is, before. */
void sri_stage_copy_out(struct sri_request *request);
void sri_stage_scribble(struct sri_request *request);

/* completion.c: the CQ. */
/* The rest of sri_post(): the CQ may have room by now, or the CQE is kept. */
void sri_post_late(struct sri_ring *ring, uint64_t user_data, int32_t result, uint32_t flags);
uint32_t sri_cq_ready(const struct sri_ring *ring);
/* Would a CQE be seen at once? Where not, a request that goes on ends. */
bool sri_cq_has_room(struct sri_ring *ring);
void sri_overflow_flush(struct sri_ring *ring);
void sri_overflow_drop(struct sri_ring *ring);
void sri_inbox_deliver(struct sri_ring *ring);
void sri_notify(struct sri_ring *ring);
/* Of every ring: a call by one may have moved work of others. */
void sri_notify_all(struct sri_engine *engine);
/* Nobody sees a program take its CQEs: what is shown is put right before somebody looks. */
void sri_notify_taken(struct sri_ring *ring);
/* From any thread: the ring has something to enter for. */
void sri_show_inbox(struct sri_ring *ring);

/*
 * batch.c: the CQEs of what ends while SQEs are consumed become visible together, at the batch's end. One that no request
 * of the batch owes, a tag or a message, is ahead of them (measured).
 */
void sri_batch_begin(struct sri_ring *ring);
void sri_batch_follow(struct sri_ring *ring);
/* What has ended in it so far is over, since a request that goes on tells something (measured). */
void sri_batch_go_on(struct sri_ring *ring);
void sri_batch_end(struct sri_ring *ring);
/* What is early now comes behind what has ended so far: a request that goes on makes the batch's ends visible. */
void sri_batch_flush(struct sri_ring *ring);
void sri_post_early(struct sri_ring *ring, uint64_t user_data, int32_t result, uint32_t flags);
/* completion.c: one more among those that found no room, behind the first `index`. */
void sri_overflow_insert(struct sri_ring *ring, uint32_t index, const struct sri_overflow_entry *entry);

/* queue.c: the SQ. The number of SQEs consumed or -EAGAIN. */
int sri_consume(struct sri_ring *ring, uint32_t to_submit);
/* The same without asking how many stay. */
int sri_consume_now(struct sri_ring *ring, uint32_t count);
uint32_t sri_ask_stay(struct sri_ring *ring, uint32_t count);
/* Entries to consume, never more than the SQ has. */
uint32_t sri_sq_waiting(const struct sri_ring *ring);
uint32_t sri_sq_ready(const struct sri_ring *ring);

/* sqpoll.c: IORING_SETUP_SQPOLL. */
/* Each ring's thread looks at its SQ; it may leave entries for later. */
void sri_sqpoll_look(struct sri_engine *engine);
/* The thread of this ring has gone through its SQ. */
void sri_sqpoll_finish(struct sri_ring *ring);
/* Threads that were woken go through their SQs, without another call of the program's. */
void sri_sqpoll_go_on(struct sri_engine *engine);

/* iopoll.c: IORING_SETUP_IOPOLL. 0 or the errno of what is refused there, at preparation and when issued. */
int sri_iopoll_prepare(const struct sri_request *request);
int sri_iopoll_admit(const struct sri_request *request);

/* message_ring.c: what other rings have sent to one that defers its work; opened when it asks for events. */
void sri_letters_open(struct sri_ring *ring);
void sri_letters_drop(struct sri_ring *ring);

/* closing.c: what ends a little later. */
/* A call begins to work on a ring, and has ended. */
void sri_closing_enter(struct sri_ring *ring);
void sri_closing_leave(struct sri_engine *engine);
/* A CLOSE is about to be carried out; engine->closes until it was. */
void sri_closing_begin(struct sri_request *request);
/* A batch is published, and with it goes what its requests held. */
void sri_closing_publish(struct sri_engine *engine);
/* A batch of what is due begins: what comes before it is let go of. */
void sri_closing_turn(struct sri_engine *engine);
/* Nothing is due: what comes next is let go of. False: there is nothing. */
bool sri_closing_next(struct sri_engine *engine);
/* All of it, now. */
void sri_closing_end(struct sri_engine *engine);

/* link.c: chains. */
/* Adds a prepared request to what is being submitted; true when the batch must stop. */
bool sri_submit(struct sri_request *request);
void sri_chain_close(struct sri_ring *ring);
void sri_chain_arm(struct sri_request *request);
/* What is behind a severed member, to be ended in the same step so that nothing comes between; or NULL. */
struct sri_request *sri_chain_ended(struct sri_request *request);
void sri_chain_drop(struct sri_request *head);
/*
 * Makes a follower due: during a submission only when that is over, as by the true kernel, and so behind whoever was woken
 * in it (measured).
 */
void sri_chain_push(struct sri_request *request, enum sri_step step);
/* The submission is over: what follows in its chains may go on. */
void sri_chain_follow(struct sri_ring *ring);

/* drain.c */
int sri_drain_flags(struct sri_request *request);
void sri_unit_queue(struct sri_request *head);
/* The unit is held back by nothing. */
void sri_unit_start(struct sri_request *head);
void sri_drain_advance(struct sri_ring *ring);

/* timeout.c */
void sri_timer_expired(struct sri_request *request);
void sri_timer_arm(struct sri_request *request);
void sri_timer_disarm(struct sri_request *request);
void sri_counting_advance(struct sri_ring *ring);
/* A timeout has come to its end: from here on, not only from its CQE, others count one completion less (measured). */
void sri_timer_over(struct sri_request *request);
/* Of two timers a search finds first the one whose count ends first, then the one that was armed earlier (measured). */
bool sri_timer_comes_first(const struct sri_request *older, const struct sri_request *newer);

/* zero_copy.c: the notification behind a result. */
/* The result's CQE says that one follows, unless none does. */
void sri_notification_announce(struct sri_request *request);
/* The request has ended, and stays for its notification. */
void sri_notification_begin(struct sri_request *request);
void sri_notified(struct sri_request *request);

/* cancel.c: 0, -EALREADY or -ENOENT; a target that is cancelled is due to end. */
int sri_cancel_one(struct sri_request *target);
/* Cancels whom a cancel by this user_data would find. */
int sri_cancel_same(struct sri_ring *ring, uint64_t user_data);
/* Cancels what matches: how many or 0, -ENOENT, -EALREADY, -EBADF. `fixed`: the descriptor is a registered one. */
int32_t sri_cancel_found(struct sri_ring *ring, const struct sri_search *search, bool fixed);
/* sync_cancel.c: IORING_REGISTER_SYNC_CANCEL. */
int sri_sync_cancel(struct sri_ring *ring, const void *arg, uint32_t count);
/* Takes a request out of wherever it waits, without asking anybody. False: the world can't stop it. */
bool sri_withdraw(struct sri_request *target);

/* ring.c */
void sri_ring_enter(struct sri_ring *ring);
void sri_ring_leave(struct sri_ring *ring);
int sri_ring_find(struct sri_engine *engine, int fd, struct sri_ring **out);
int sri_setup(struct sri_engine *engine, uint32_t entries, struct io_uring_params *params);
int sri_map(struct sri_engine *engine, int fd, uint64_t offset, size_t length, void **memory);
void sri_unmap(struct sri_engine *engine, void *memory);
void sri_ring_close(struct sri_ring *ring);
/* Its descriptor is closed; the ring lives on while a thread has it registered. */
void sri_ring_let_go(struct sri_ring *ring);
struct sri_region *sri_region_new(struct sri_engine *engine, size_t length);
void sri_region_put(struct sri_engine *engine, struct sri_region *region);
void sri_regions_clean_up(struct sri_engine *engine);

/* enter.c, register.c */
int sri_enter(struct sri_engine *engine, int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
              const void *arg, size_t arg_size);
int sri_register(struct sri_engine *engine, int fd, uint32_t opcode, void *arg, uint32_t count);
/* What the world knows by now is told, when anything waits there. */
void sri_look(struct sri_engine *engine);
void sri_look_unless_told(struct sri_engine *engine);
/* All that can be done now; and the next moment at which anything can change, `until_ns` at the latest. */
void sri_advance(struct sri_ring *ring);
uint64_t sri_next_change_ns(struct sri_engine *engine, uint64_t until_ns);
int sri_check_caller(const struct sri_ring *ring);
uint64_t sri_thread(const struct sri_engine *engine);
void sri_eventfd_signal(struct sri_ring *ring);
void sri_eventfd_drop(struct sri_ring *ring);
/* Does the true kernel let a worker end it? */
bool sri_is_workers(const struct sri_request *request);
/* What a ring has registered goes with it; what requests still use, with them. */
void sri_registrations_drop(struct sri_ring *ring);

/* events.c; only called when there is an observer. */
void sri_emit(struct sri_engine *engine, struct sri_event *event);
void sri_emit_request(struct sri_request *request, enum sri_event_kind kind, int64_t result, uint32_t flags);
void sri_emit_touched(struct sri_request *request, uint64_t moved);
void sri_emit_consumed(struct sri_request *request, const struct io_uring_sqe *sqe);
void sri_emit_ring(struct sri_ring *ring, enum sri_event_kind kind, int64_t result, uint32_t flags);

static inline bool sri_is_watched(const struct sri_engine *engine)
{
    return engine->observer_count != 0;
}

static inline struct io_uring_cqe *sri_cqe_at(const struct sri_ring *ring, uint32_t position)
{
    return &ring->cqes[(position & (ring->cq_entries - 1)) << ring->cqe_shift];
}

static inline void sri_fill_cqe(const struct sri_ring *ring, uint32_t position, uint64_t user_data,
                                int32_t result, uint32_t flags)
{
    struct io_uring_cqe *cqe = sri_cqe_at(ring, position);
    cqe->user_data = user_data;
    cqe->res = result;
    cqe->flags = flags;
    if (ring->cqe_shift != 0)
        cqe->big_cqe[0] = cqe->big_cqe[1] = 0; /* no operation of this kernel has more to say */
}

static inline void sri_write_cqe(struct sri_ring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    sri_fill_cqe(ring, ring->cq_tail, user_data, result, flags);
    ring->cq_tail++;
    if (!ring->in_batch)
        __atomic_store_n(&ring->header->cq_tail, ring->cq_tail, __ATOMIC_RELEASE);
}

static inline void sri_post(struct sri_ring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    ring->posted++;
    ring->eventfd_due |= !ring->eventfd_only_async;
    if (__builtin_expect(ring->overflow_count == 0 && ring->cq_tail != ring->cq_limit, 1))
        sri_write_cqe(ring, user_data, result, flags);
    else
        sri_post_late(ring, user_data, result, flags);
}

#endif
