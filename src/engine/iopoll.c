/*
 * IORING_SETUP_IOPOLL: completions that nobody is told of, but looked for. No file of these worlds can be asked, so what
 * is left is what the true kernel runs on such a ring without one: most opcodes are refused, reads and writes when issued.
 */
#include <errno.h>

#include "engine/steps.h"

int sri_iopoll_prepare(const struct sri_request *request)
{
    switch (request->opcode) {
    case IORING_OP_NOP:
    case IORING_OP_READV:
    case IORING_OP_WRITEV:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_FILES_UPDATE:
    case IORING_OP_PROVIDE_BUFFERS:
    case IORING_OP_REMOVE_BUFFERS:
    case IORING_OP_MSG_RING:
    case IORING_OP_URING_CMD: return 0;
    default: return -EINVAL;
    }
}

int sri_iopoll_admit(const struct sri_request *request)
{
    uint16_t traits = sri_opcode_of(request)->traits;
    return traits & (SRI_TRAIT_SOURCE | SRI_TRAIT_TARGET) ? -EOPNOTSUPP : 0;
}
