/*
 * The inline functions of safer_ring/hot.h as symbols of the library, and the steps of the machines they fold.
 */
#include "ring/hot.h"

#include <sys/socket.h>

#include "machine/operation.h"
#include "machine/orphan.h"
#include "machine/ownership.h"
#include "machine/pool.h"

extern inline int sr_op_start(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                              struct sr_op *op);
extern inline int sr_op_start_plain(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_op *op);
extern inline int sr_op_start_detached(struct sr_ring *ring, const struct sr_op_spec *spec,
                                       struct sr_buffer **buffer, void *user);
extern inline int sr_op_detach(struct sr_ring *ring, struct sr_op *op, void *user);
extern inline int32_t sr_take(struct sr_completion *done, struct sr_buffer **back);
extern inline int32_t sr_take_plain(struct sr_completion *done);

#define SAME(hot, machine) \
    _Static_assert((int)(hot) == (int)(machine), "the header knows this machine's " #machine)
SAME(SRI_HOT_GONE, SRI_OPERATION_GONE);
SAME(SRI_HOT_QUEUED, SRI_OPERATION_QUEUED);
SAME(SRI_HOT_CANCELLING, SRI_OPERATION_CANCELLING);
SAME(SRI_HOT_DELIVERED, SRI_OPERATION_DELIVERED);
SAME(SRI_HOT_UNCLAIMED, SRI_CLAIM_NONE);
SAME(SRI_HOT_BY_HANDLE, SRI_CLAIM_HANDLE);
SAME(SRI_HOT_BY_QUEUE, SRI_CLAIM_QUEUE);
SAME(SRI_HOT_OWNER_USER, SRI_OWNER_USER);
SAME(SRI_HOT_OWNER_KERNEL, SRI_OWNER_KERNEL);
SAME(SRI_HOT_OWNER_COMPLETION, SRI_OWNER_COMPLETION);
SAME(SRI_HOT_MSG_TRUNC, MSG_TRUNC);
_Static_assert(sizeof(struct sri_slot) == 64, "one cache line per operation");
_Static_assert(sizeof(struct sr_buffer) == 64, "one cache line per buffer");
/* sr_op_detach() takes every state from QUEUED to CANCELLING for one in which the kernel may have the operation. */
_Static_assert(SRI_OPERATION_SUBMITTED == SRI_OPERATION_QUEUED + 1 &&
                   SRI_OPERATION_CANCELLING == SRI_OPERATION_QUEUED + 2,
               "the states before the end stand together");

/* clang-format off */
const struct sri_folded sri_folded[SRI_FOLDED] = {
    {"start", &sri_operation_machine, SRI_OPERATION_GONE, SRI_OPERATION_QUEUED, 2, {SRI_OPERATION_START, SRI_OPERATION_QUEUE}},
    {"start", &sri_orphan_machine, SRI_CLAIM_NONE, SRI_CLAIM_HANDLE, 1, {SRI_CLAIM_START}},
    {"start", &sri_ownership_machine, SRI_OWNER_USER, SRI_OWNER_KERNEL, 1, {SRI_OWNER_LEND}},
    {"start detached", &sri_orphan_machine, SRI_CLAIM_NONE, SRI_CLAIM_QUEUE, 2, {SRI_CLAIM_START, SRI_CLAIM_DETACH}},
    {"detach", &sri_orphan_machine, SRI_CLAIM_HANDLE, SRI_CLAIM_QUEUE, 1, {SRI_CLAIM_DETACH}},
    {"give", &sri_operation_machine, SRI_OPERATION_QUEUED, SRI_OPERATION_DELIVERED, 3,
     {SRI_OPERATION_CONSUME, SRI_OPERATION_COMPLETE, SRI_OPERATION_DELIVER}},
    {"give", &sri_operation_machine, SRI_OPERATION_SUBMITTED, SRI_OPERATION_DELIVERED, 2,
     {SRI_OPERATION_COMPLETE, SRI_OPERATION_DELIVER}},
    {"give", &sri_operation_machine, SRI_OPERATION_CANCELLING, SRI_OPERATION_DELIVERED, 2,
     {SRI_OPERATION_COMPLETE, SRI_OPERATION_DELIVER}},
    {"take", &sri_ownership_machine, SRI_OWNER_KERNEL, SRI_OWNER_USER, 2, {SRI_OWNER_COMPLETE, SRI_OWNER_TAKE}},
    {"take", &sri_ownership_machine, SRI_OWNER_COMPLETION, SRI_OWNER_USER, 1, {SRI_OWNER_TAKE}},
    {"take", &sri_operation_machine, SRI_OPERATION_DELIVERED, SRI_OPERATION_GONE, 2,
     {SRI_OPERATION_SETTLE, SRI_OPERATION_FREE}},
    {"take", &sri_orphan_machine, SRI_CLAIM_HANDLE, SRI_CLAIM_NONE, 1, {SRI_CLAIM_END}},
    {"take", &sri_orphan_machine, SRI_CLAIM_QUEUE, SRI_CLAIM_NONE, 1, {SRI_CLAIM_END}},
    {"take", &sri_orphan_machine, SRI_CLAIM_CALLBACK, SRI_CLAIM_NONE, 1, {SRI_CLAIM_END}},
    {"hand out", &sri_pooled_machine, SRI_POOLED_HOME, SRI_POOLED_OUT, 1, {SRI_POOLED_GET}},
    {"hand out", &sri_ownership_machine, SRI_OWNER_NOBODY, SRI_OWNER_USER, 1, {SRI_OWNER_MAKE}},
    {"put", &sri_ownership_machine, SRI_OWNER_USER, SRI_OWNER_NOBODY, 1, {SRI_OWNER_RELEASE}},
    {"take in", &sri_pooled_machine, SRI_POOLED_OUT, SRI_POOLED_HOME, 1, {SRI_POOLED_PUT}},
};
/* clang-format on */
