/*
 * Files, buffers and groups of buffers that a program has registered, and what is done to them between rounds.
 */
#include <errno.h>
#include <string.h>

#include "stage.h"

static int call(struct df_stage *stage, unsigned opcode, void *arg, unsigned count)
{
    return stage->backend.vtable->register_(stage->backend.self, stage->ring.fd, opcode, arg, count);
}

static int register_files(struct df_stage *stage)
{
    int fds[2 * DF_OBJECTS];
    for (unsigned i = 0; i < 2 * DF_OBJECTS; i++)
        fds[i] = stage->fd[i / 2][i % 2];
    return call(stage, IORING_REGISTER_FILES, fds, 2 * DF_OBJECTS);
}

static int register_buffers(struct df_stage *stage, const struct df_program *program)
{
    struct iovec buffers[DF_ENTRIES];
    for (unsigned i = 0; i < program->entries; i++)
        buffers[i] = (struct iovec){stage->memory[i].bytes, DF_BYTES};
    return call(stage, IORING_REGISTER_BUFFERS, buffers, program->entries);
}

static int provide(struct df_stage *stage)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&stage->ring, 0);
    io_uring_prep_provide_buffers(sqe, stage->group, DF_GROUP_BYTES, DF_GROUP_BUFFERS, DF_GROUP, 0);
    int rc = raw_ring_submit(&stage->ring);
    return rc == 1 ? df_stage_take_one(stage) : -EIO;
}

static int provide_by_ring(struct df_stage *stage)
{
    struct io_uring_buf_ring *ring = (void *)stage->group_ring;
    struct io_uring_buf_reg arg = {.ring_addr = (uintptr_t)ring,
                                   .ring_entries = DF_GROUP_BUFFERS,
                                   .bgid = DF_GROUP};
    int rc = call(stage, IORING_REGISTER_PBUF_RING, &arg, 1);
    io_uring_buf_ring_init(ring);
    for (unsigned i = 0; i < DF_GROUP_BUFFERS; i++)
        io_uring_buf_ring_add(ring, stage->group[i], DF_GROUP_BYTES, (unsigned short)i,
                              io_uring_buf_ring_mask(DF_GROUP_BUFFERS), (int)i);
    io_uring_buf_ring_advance(ring, DF_GROUP_BUFFERS);
    return rc;
}

int df_stage_register(struct df_stage *stage, const struct df_program *program)
{
    int rc = 0;
    memset(stage->group, 0, sizeof stage->group);
    memset(stage->group_ring, 0, sizeof stage->group_ring);
    if (program->registers & DF_HAS_FILES)
        rc = register_files(stage);
    if (rc == 0 && (program->registers & DF_HAS_BUFFERS))
        rc = register_buffers(stage, program);
    if (rc == 0 && (program->registers & DF_HAS_GROUP))
        rc = provide(stage);
    if (rc == 0 && (program->registers & DF_HAS_RING))
        rc = provide_by_ring(stage);
    return rc;
}

static int update_slot(struct df_stage *stage, unsigned slot, int fd)
{
    struct io_uring_files_update arg = {.offset = slot, .fds = (uintptr_t)&fd};
    return call(stage, IORING_REGISTER_FILES_UPDATE, &arg, 1);
}

int df_stage_registration(struct df_stage *stage, const struct df_program *program,
                          const struct df_round *round)
{
    unsigned slot = round->slot % (2 * DF_OBJECTS);
    switch ((enum df_registration)round->registration) {
    case DF_EMPTY_SLOT: return update_slot(stage, slot, -1);
    case DF_FILL_SLOT: return update_slot(stage, slot, stage->fd[slot / 2][slot % 2]);
    case DF_FILES_AGAIN: return register_files(stage);
    case DF_NO_FILES: return call(stage, IORING_UNREGISTER_FILES, NULL, 0);
    case DF_BUFFERS_AGAIN: return register_buffers(stage, program);
    case DF_NO_BUFFERS: return call(stage, IORING_UNREGISTER_BUFFERS, NULL, 0);
    case DF_NO_REGISTRATION:
    case DF_REGISTRATIONS: break;
    }
    return 0;
}
