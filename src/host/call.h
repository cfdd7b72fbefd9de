/*
 * The system calls that are handed the program's memory, and nothing else: each returns a result or a negative errno.
 *
 * They are made with syscall(2), because sanitizers check the arguments of the C library's functions, and bytes in
 * flight are poisoned for the program but not for its kernel (measured). valgrind checks every system call; it is told
 * not to report here.
 */
#ifndef SRI_HOST_CALL_H
#define SRI_HOST_CALL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define SRI_CALL_QUIET VALGRIND_DISABLE_ERROR_REPORTING
#define SRI_CALL_LOUD VALGRIND_ENABLE_ERROR_REPORTING
#endif
#endif
#ifndef SRI_CALL_QUIET
#define SRI_CALL_QUIET ((void)0)
#define SRI_CALL_LOUD ((void)0)
#endif

static inline int64_t sri_call_result(long rc)
{
    return rc < 0 ? -(int64_t)errno : (int64_t)rc;
}

/* `number` is SYS_preadv2 or SYS_pwritev2; the offset -1 is the file's own position. */
static inline int64_t sri_call_vector(long number, int fd, const struct iovec *segments, size_t count,
                                      uint64_t offset, uint32_t flags)
{
    SRI_CALL_QUIET;
    int64_t rc =
        sri_call_result(syscall(number, fd, segments, count, (long)offset, (long)(offset >> 32), flags));
    SRI_CALL_LOUD;
    return rc;
}

/* `number` is SYS_recvmsg or SYS_sendmsg. */
static inline int64_t sri_call_message(long number, int fd, struct msghdr *message, uint32_t flags)
{
    SRI_CALL_QUIET;
    int64_t rc = sri_call_result(syscall(number, fd, message, flags));
    SRI_CALL_LOUD;
    return rc;
}

#endif
