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
