/*
 * io_uring's three system calls, as the kernel answers them: a result or a negative errno.
 */
#ifndef SRI_BACKEND_URING_CALL_H
#define SRI_BACKEND_URING_CALL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>

static inline int sri_uring_setup(uint32_t entries, struct io_uring_params *params)
{
    long rc = syscall(SYS_io_uring_setup, entries, params);
    return rc < 0 ? -errno : (int)rc;
}

static inline int sri_uring_enter(int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                                  const void *arg, size_t arg_size)
{
    long rc = syscall(SYS_io_uring_enter, ring, to_submit, min_complete, flags, arg, arg_size);
    return __builtin_expect(rc < 0, 0) ? -errno : (int)rc;
}

static inline int sri_uring_register(int ring, uint32_t opcode, void *arg, uint32_t count)
{
    long rc = syscall(SYS_io_uring_register, ring, opcode, arg, count);
    return rc < 0 ? -errno : (int)rc;
}

#endif
