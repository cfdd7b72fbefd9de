/*
 * The SQ: taking entries out by the array, and what is refused on the way in.
 */
#include <errno.h>
#include <string.h>

#include "engine/groups.h"
#include "engine/refusal.h"
#include "engine/registers.h"
#include "engine/steps.h"

#define KNOWN_FLAGS                                                                        \
    (IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC | \
     IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS)

uint32_t sri_sq_ready(const struct sri_ring *ring)
{
    return __atomic_load_n(&ring->header->sq_tail, __ATOMIC_ACQUIRE) - ring->sq_head;
}

uint32_t sri_ask_stay(struct sri_ring *ring, uint32_t count)
{
    struct sri_engine *engine = ring->engine;
    if (sri_is_kind(engine))
        return 0;
    struct sri_question question = {.why = SRI_WHY_CONSUME, .n = count + 1, .fd = ring->fd};
    uint32_t stay = sri_pick(&engine->chooser, &question);
    SRI_REQUIRE(stay <= count);
    return stay;
}

static inline struct sri_request *take(struct sri_ring *ring, const struct io_uring_sqe *sqe)
{
    struct sri_engine *engine = ring->engine;
    struct sri_request *request = sri_slab_take(&engine->slab);
    /* Field by field: clearing it whole costs more than everything else a NOP needs. */
    memset(&request->attempt, 0, sizeof request->attempt);
    request->ring = ring;
    request->link = NULL;
    request->limiter = NULL;
    request->staging = NULL;
    request->user_data = sqe->user_data;
    request->number = ++engine->consumed;
    request->length = 0;
    request->progress = 0;
    request->file_node = 0;
    request->buffer_node = 0;
    request->result = 0;
    request->cqe_flags = 0;
    request->fd = sqe->fd;
    request->opcode = 0;
    request->sqe_flags = sqe->flags;
    request->place = SRI_PLACE_NONE;
    request->marks = 0;
    request->segment_count = 0;
    request->guest = engine->caller & (SRI_GUESTS - 1u);
    request->copy = 0;
    request->shots = 0;
    engine->in_flight++;
    ring->in_flight++;
    return request;
}

/* Hidden, or not simulated. */
static int refuse_opcode(const struct sri_request *request, uint8_t opcode)
{
    struct sri_engine *engine = request->ring->engine;
    if (opcode >= IORING_OP_LAST || !sri_hides_operation(engine, opcode))
        sri_tell_refusal(engine, SRI_REFUSAL_OPERATION, opcode);
    return -EINVAL;
}

/* What every opcode is checked for, in the true kernel's order, then the opcode's own checks and copies. */
static inline int prepare(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->opcode >= IORING_OP_LAST || sri_hides_operation(request->ring->engine, sqe->opcode))
        return refuse_opcode(request, sqe->opcode);
    request->opcode = sqe->opcode;
    const struct sri_opcode *opcode = sri_opcode_of(request);
    if (sqe->flags != 0) {
        if (sqe->flags & ~(unsigned)KNOWN_FLAGS)
            return -EINVAL;
        if ((sqe->flags & IOSQE_CQE_SKIP_SUCCESS) &&
            sri_hides_feature(request->ring->engine, IORING_FEAT_CQE_SKIP))
            return -EINVAL;
        if ((sqe->flags & IOSQE_BUFFER_SELECT) && !(opcode->traits & SRI_TRAIT_SELECT))
            return -EOPNOTSUPP;
        int error = sri_drain_flags(request);
        if (error != 0)
            return error;
    }
    if (request->ring->restricted && !sri_may_submit(request->ring, sqe))
        return -EACCES;
    if (opcode->prepare == NULL)
        return refuse_opcode(request, sqe->opcode);
    if (sqe->ioprio != 0 && !(opcode->traits & SRI_TRAIT_PRIORITY))
        return -EINVAL;
    if ((request->ring->setup_flags & IORING_SETUP_IOPOLL) && sri_iopoll_prepare(request) != 0)
        return -EINVAL;
    if (sqe->personality != 0 && !sri_personality_known(request->ring, sqe->personality))
        return -EINVAL;
    request->attempt.work = opcode->work;
    int error = opcode->prepare(request, sqe);
    if (error == 0 && (sqe->flags & IOSQE_BUFFER_SELECT)) {
        request->buffer_index = sqe->buf_group;
        sri_select_prepared(request);
    }
    return error;
}

/* A request that was refused must not be taken for one whose arguments are in place. */
static void refuse(struct sri_request *request, int error)
{
    request->marks |= SRI_MARK_PREP_FAILED | SRI_MARK_FAILED;
    if (request->sqe_flags &
        IOSQE_CQE_SKIP_SUCCESS) /* whatever was wrong, what is linked behind is told so */
        request->marks |= SRI_MARK_SKIP;
    request->result = error;
}

/* Most stand alone: nothing is linked, and nothing before them holds them back. */
static bool is_alone(const struct sri_ring *ring, const struct io_uring_sqe *sqe)
{
    return sqe->flags == 0 && ring->chain_head == NULL && !ring->drain_active && !ring->drain_next;
}

static inline bool consume_one(struct sri_ring *ring, const struct io_uring_sqe *sqe)
{
    struct sri_request *request = take(ring, sqe);
    int error = prepare(request, sqe);
    if (error != 0)
        refuse(request, error);
    if (sri_is_watched(ring->engine))
        sri_emit_consumed(request, sqe);
    if (!is_alone(ring, sqe))
        return sri_submit(request);
    sri_unit_start(request);
    return error != 0;
}

static int consume(struct sri_ring *ring, uint32_t count)
{
    bool all = (ring->setup_flags & IORING_SETUP_SUBMIT_ALL) != 0;
    uint32_t mask = ring->sq_entries - 1;
    uint32_t done = 0;
    while (done < count) {
        uint32_t index = __atomic_load_n(&ring->array[ring->sq_head & mask], __ATOMIC_RELAXED);
        ring->sq_head++;
        if (index >= ring->sq_entries) {
            __atomic_fetch_add(&ring->header->sq_dropped, 1, __ATOMIC_RELAXED);
            break;
        }
        done++;
        struct io_uring_sqe sqe = ring->sqes[index << ring->sqe_shift];
        if (consume_one(ring, &sqe) && !all)
            break;
    }
    return (int)done;
}

int sri_consume_now(struct sri_ring *ring, uint32_t count)
{
    if (count == 0 || sri_slab_reserve(ring->engine, count) != 0)
        return -EAGAIN;
    sri_batch_begin(ring);
    ring->consuming = true;
    int done = consume(ring, count);
    sri_chain_close(ring);
    sri_batch_follow(ring);
    sri_batch_end(ring);
    __atomic_store_n(&ring->header->sq_head, ring->sq_head, __ATOMIC_RELEASE);
    return done;
}

uint32_t sri_sq_waiting(const struct sri_ring *ring)
{
    uint32_t count = sri_sq_ready(ring);
    return count > ring->sq_entries ? ring->sq_entries : count;
}

int sri_consume(struct sri_ring *ring, uint32_t to_submit)
{
    uint32_t count = sri_sq_waiting(ring);
    if (count > to_submit)
        count = to_submit;
    return count == 0 ? 0 : sri_consume_now(ring, count - sri_ask_stay(ring, count));
}
