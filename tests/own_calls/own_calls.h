/*
 * System calls by the program's own instruction (x86-64), which no function can stand in for. With REPLACES those of the C
 * library that the program names are these.
 */
#ifndef OWN_CALLS_H
#define OWN_CALLS_H

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long own_call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

static inline int own_close(int fd)
{
    return (int)own_call(SYS_close, fd, 0, 0);
}

static inline int own_munmap(void *memory, size_t length)
{
    return (int)own_call(SYS_munmap, (long)memory, (long)length, 0);
}

static inline void *own_mmap(void *memory, size_t length, int protection, int flags, int fd, off_t offset)
{
    register long r10 __asm__("r10") = flags;
    register long r8 __asm__("r8") = fd;
    register long r9 __asm__("r9") = offset;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_mmap), "D"(memory), "S"(length), "d"(protection), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (result >= 0 || result < -4095)
        return (void *)result;
    errno = (int)-result;
    return MAP_FAILED;
}

static inline int own_poll(struct pollfd *all, nfds_t count, int time_ms)
{
    return (int)own_call(SYS_poll, (long)all, (long)count, time_ms);
}

#ifdef REPLACES
#define close own_close
#define munmap own_munmap
#define poll own_poll
#endif

#endif
