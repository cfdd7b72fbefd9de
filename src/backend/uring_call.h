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

/*
 * In line where the instruction is known: on the way back from the kernel a processor mispredicts returns (measured: half of
 * what a call of syscall(2) costs around a small read), so the fewer frames stand around it the better.
 */
static inline int sri_uring_enter(int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                                  const void *arg, size_t arg_size)
{
#if defined(__x86_64__) && !defined(__ILP32__)
    register const void *arg5 __asm__("r8") = arg;
    register size_t arg6 __asm__("r9") = arg_size;
    register uint64_t arg4 __asm__("r10") = flags;
    long rc;
    __asm__ volatile("syscall"
                     : "=a"(rc)
                     : "0"((long)SYS_io_uring_enter), "D"((long)ring), "S"((uint64_t)to_submit),
                       "d"((uint64_t)min_complete), "r"(arg4), "r"(arg5), "r"(arg6)
                     : "rcx", "r11", "memory");
    return (int)rc;
#else
    long rc = syscall(SYS_io_uring_enter, ring, to_submit, min_complete, flags, arg, arg_size);
    return __builtin_expect(rc < 0, 0) ? -errno : (int)rc;
#endif
}

static inline int sri_uring_register(int ring, uint32_t opcode, void *arg, uint32_t count)
{
    long rc = syscall(SYS_io_uring_register, ring, opcode, arg, count);
    return rc < 0 ? -errno : (int)rc;
}

#endif
